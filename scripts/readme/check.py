"""Does what README.md says, in a clone, and compares what comes with what README.md shows.

    check.py [--target FOLDER]     everything; with a folder that is kept, what has been built there is not built again
    check.py --print HEADING       prints the commands of the block of `sh` under a heading
    check.py --script HEADING      prints all commands under a heading as one script
    check.py --commands DOCUMENT   prints all blocks of `sh` of a document, in their order

How a block is read: in `sh` each command must succeed. In `console` what follows a command is its output, to be compared;
a command that ends with `&` goes on in the background, and a block without a command is what it says next; `^C` is
pressed where the shop runs, and followed by what its log says then. A block without a language is of the shop's log.
Everything is run, in its order, but for what HANDLING says.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import compare
from document import Document, steps
from session import Shop, Terminal, answers, clone, environment, left_behind, taken_ports

SERVES = "serves"

# By heading and language: the command that serves until Ctrl-C, and why others are not run.
HANDLING = {
    ("Run", "sh"): SERVES,
    ("Test", "sh"): "takes a quarter of an hour; .ci/run runs it as a step of its own",
    ("Other databases", "sh"): "builds all again with these features; .ci/run runs it as a step of its own",
    ("Going live with Midtrans", "sh"): "needs an account of Midtrans' sandbox",
    ("Contribute", "sh"): "builds all tests; scripts/test runs this scenario with the others",
}

READY = "http://127.0.0.1:9090/readyz"

BUILD_SECONDS = 3600  # a first build, on a slow machine
COMMAND_SECONDS = 300  # any other command
SETTLE_SECONDS = 20  # what the shop does by itself, such as sending mails
READING_SECONDS = 2  # a person reads before each block, and README.md tells what has happened meanwhile
LEFT_OUT = 77  # what scripts/steps.bash takes for: could not be done here, and this is no failure

# A call that sends nothing may be made again until it shows what it is to show.
SENDS = re.compile(r"=\$\(|\s-(?:d|F|T|X)\b|>")
ASSIGNS = re.compile(r"(?:^|\s)(\w+)=")
USES = re.compile(r"\$\{?(\w+)")


class Walk:
    """README's commands in one terminal, and how each block went."""

    def __init__(self, shop, terminal, has_grpcurl, build_seconds):
        self.shop, self.terminal, self.has_grpcurl, self.build_seconds = shop, terminal, has_grpcurl, build_seconds
        self.names = {}
        # Variables that only a command has that was left out.
        self.unset = set()
        # What the commands in the background have said, and what has been shown of it.
        self.background, self.shown = None, ()
        self.rows = []

    def block(self, block):
        """Runs a block, unless it is not to be run, and keeps how that went."""
        handling = HANDLING.get((block.heading, block.language))
        if handling == SERVES:
            result = f"ok: ready after {self.build_seconds:.0f} s"
        elif handling:
            result = f"not run: {handling}"
        elif block.language:
            result = self._steps(block)
        else:
            result = self._compare(self.shop.log, block.lines, compare.contains, compare.missing)
            result = result if result == "ok" else f"FAILED: not in the shop's log\n{result}"
        self.row(block.line, block.heading, block.language or "log", result)

    def row(self, line, heading, language, result):
        """Keeps how something went, and says it at once."""
        self.rows.append((line, heading, language, result))
        print(f"README.md:{line}: {result}", flush=True)

    def _steps(self, block):
        time.sleep(READING_SECONDS)
        left_out = []
        for step in steps(block):
            if step.command is None:
                result = self._goes_on(step)
            elif missing := self._missing(step.command):
                left_out.append(missing)
                continue
            else:
                result = self._step(step, block.language)
            if result != "ok":
                return f"FAILED in line {step.line}: {step.command or 'the output'}\n{result}"
        return f"not run whole: {', '.join(dict.fromkeys(left_out))}" if left_out else "ok"

    def _missing(self, command):
        """What a command lacks on this machine; it is remembered which variables are not set then."""
        lacks = None
        if ("grpcurl " in command or command == "scripts/tour") and not self.has_grpcurl:
            lacks = "there is no grpcurl here, and no go to install it with"
        elif unset := self.unset.intersection(USES.findall(command)):
            lacks = f"${min(unset)} comes from what was not run"
        assigned = set(ASSIGNS.findall(command))
        self.unset = self.unset | assigned if lacks else self.unset - assigned
        return lacks

    def _step(self, step, language):
        status, output = self.terminal.run(step.command, COMMAND_SECONDS)
        if step.command.rstrip().endswith("&"):
            self.background, self.shown = output, ()
            return self._goes_on(step)
        if status != 0:
            return f"exit code {status}:\n{_read(output)}"
        if language == "sh":
            return "ok"

        if SENDS.search(step.command):
            return self._compare(lambda: _read(output), step.shown, patience=0)
        return self._compare(self._asked_again(step.command, output).__next__, step.shown)

    def _asked_again(self, command, output):
        """What a call has said, and then what it says each time that it is made again."""
        while True:
            yield _read(output)
            _, output = self.terminal.run(command, COMMAND_SECONDS)

    def _goes_on(self, step):
        """What comes without a command: of the command in the background, or of the shop when it is told to stop."""
        if step.shown[:1] == ("^C",):
            status, said = self.shop.interrupt(COMMAND_SECONDS)
            if status != 0:
                return f"exit code {status}:\n{said}"
            return self._compare(lambda: said, step.shown[1:], patience=0)
        if self.background is None:
            return "nothing runs in the background"
        # Without the signs of life and the empty lines between server-sent events: how many come depends on the reader.
        self.shown += tuple(filter(None, step.shown))
        return self._compare(lambda: re.sub(r"(?m)^(:.*)?\n", "", _read(self.background)), self.shown)

    def _compare(self, came, shown, how=compare.holds, tell=compare.difference, patience=SETTLE_SECONDS):
        """Compares until it holds, or the time is over."""
        deadline = time.monotonic() + patience
        while not how(shown, text := came(), self.names):
            if time.monotonic() >= deadline:
                return tell(shown, text, self.names)
            time.sleep(0.5)
        return "ok"

    def table(self):
        """Prints how everything went; how much of it failed."""
        print(f"\n{'line':>6}  {'section':<26} {'block':<8} result")
        for line, heading, language, result in sorted(self.rows):
            print(f"{line:>6}  {heading:<26} {language:<8} {result.splitlines()[0]}")
        failed = [row for row in self.rows if row[3].startswith("FAILED")]
        left_out = [row for row in self.rows if row[3].startswith("not run")]
        held = len(self.rows) - len(failed) - len(left_out)
        print(f"\nREADME.md: {held} hold, {len(failed)} do not, {len(left_out)} were not run")
        return len(failed)


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def check_prose(document, walk):
    """What the text says besides its blocks: where this machine's addresses lead, and commands, which belong in blocks."""
    for line, link in document.local_links():
        walk.row(line, "(in the text)", "link", "ok" if answers(link) else f"FAILED: nothing answers at {link}")
    commands = {line for block in document.blocks for line in block.lines}
    for line, command in document.commands_in_prose():
        if command not in commands:
            walk.row(line, "(in the text)", "command", f"FAILED: `{command}` is in no block, so that nothing runs it")


def stale_rules(document):
    """Rules for blocks that are not there."""
    return HANDLING.keys() - {(block.heading, block.language) for block in document.blocks}


def check(source, scratch, target):
    """Everything; the exit code."""
    folder = os.path.join(scratch, "go-commerce")
    clone(source, folder)
    document = Document(_read(os.path.join(folder, "README.md")))
    if stale := stale_rules(document):
        print(f"HANDLING names blocks that README.md does not have: {sorted(stale)}", file=sys.stderr)
        return 1
    if taken := taken_ports(document.local_ports()):
        ports = ", ".join(map(str, taken))
        print(f"README.md's shop cannot run here: ports in use: {ports}. Stop what listens there.", file=sys.stderr)
        return 1
    env = environment(target)
    has_grpcurl = shutil.which("grpcurl", path=env["PATH"]) is not None
    serve = next(block for block in document.blocks if HANDLING.get((block.heading, block.language)) == SERVES)
    print(f"In a clone of HEAD, `{serve.lines[0]}` builds the shop.", flush=True)
    with (
        Shop("\n".join(serve.lines), folder, os.path.join(scratch, "log"), env) as shop,
        Terminal(folder, scratch, env) as terminal,
    ):
        seconds = shop.wait_until_ready(READY, BUILD_SECONDS)
        walk = Walk(shop, terminal, has_grpcurl, seconds)
        check_prose(document, walk)
        try:
            for block in document.blocks:
                walk.block(block)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            walk.row(block.line, block.heading, block.language, f"FAILED, and nothing after it was run: {error}")
        is_running = shop.process.poll() is None
    if is_running:
        walk.row(0, "(the whole)", "shop", "FAILED: nothing in README.md stops the shop")
    if files := left_behind(folder):
        walk.row(0, "(the whole)", "files", f"FAILED: these are left in the clone:\n{files}")
    failed = walk.table()
    return 1 if failed else 0 if has_grpcurl else LEFT_OUT


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", metavar="FOLDER", help="build there, and keep what was built")
    parser.add_argument("--print", metavar="HEADING", help="print the commands of the block of sh under a heading")
    parser.add_argument("--script", metavar="HEADING", help="print all commands under a heading as one script")
    parser.add_argument("--commands", metavar="DOCUMENT", help="print all blocks of sh of a document")
    arguments = parser.parse_args()
    source = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
    if arguments.print:
        print(Document(_read(os.path.join(source, "README.md"))).commands_under(arguments.print))
        return 0
    if arguments.commands:
        blocks = Document(_read(os.path.join(source, arguments.commands))).blocks
        print("\n".join(line for block in blocks if block.language == "sh" for line in block.lines))
        return 0
    if arguments.script:
        print(Document(_read(os.path.join(source, "README.md"))).script_under(arguments.script, but="scripts/tour"))
        return 0
    target = arguments.target and os.path.abspath(arguments.target)
    with tempfile.TemporaryDirectory(prefix="readme-check.") as scratch:
        try:
            return check(source, scratch, target)
        except (RuntimeError, TimeoutError, ValueError, subprocess.CalledProcessError) as error:
            print(f"README.md cannot be followed: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
