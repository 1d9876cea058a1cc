"""README.md, as far as it is for the shell: its fenced blocks, and the commands in them."""

import dataclasses
import re
import shlex
import subprocess

FENCE = re.compile(r"^```(\w*)$")
HEADING = re.compile(r"^#+ (.+)$")
CODE_SPAN = re.compile(r"`([^`]+)`")
LOCAL_LINK = re.compile(r"\]\((http://127\.0\.0\.1:\d+[^)]*)\)")
LOCAL_PORT = re.compile(r"127\.0\.0\.1:(\d+)")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: the heading that it is under, what its fence says, the number of its first line, and its lines."""

    heading: str
    language: str
    line: int
    lines: tuple


@dataclasses.dataclass(frozen=True)
class Step:
    """A command and what is shown of its output; without a command, what one in the background goes on to say."""

    line: int
    command: str
    shown: tuple


class Document:
    """README.md."""

    def __init__(self, text):
        self.text = text
        self.blocks = []
        self.prose = []
        heading, opened = "", None
        for number, line in enumerate(text.splitlines(), 1):
            if opened:
                if line == "```":
                    self.blocks.append(Block(heading, opened[0], opened[1], tuple(opened[2])))
                    opened = None
                else:
                    opened[2].append(line)
            elif fence := FENCE.match(line):
                opened = (fence.group(1), number + 1, [])
            else:
                self.prose.append((number, line))
                if title := HEADING.match(line):
                    heading = title.group(1)
        if opened:
            raise ValueError(f"the block in line {opened[1]} has no end")

    def commands_under(self, heading):
        """The commands of the one block of language `sh` under a heading, as text."""
        found = [block for block in self.blocks if (block.heading, block.language) == (heading, "sh")]
        if len(found) != 1:
            raise ValueError(f"there are {len(found)} blocks of commands under {heading!r}, and there must be one")
        commands = "\n".join(found[0].lines)
        if not commands.strip():
            raise ValueError(f"the block under {heading!r} is empty")
        return commands

    def script_under(self, heading, but=""):
        """All commands under a heading as one script for bash, which tells each of them, but for one."""
        lines = ["set -uo pipefail", "trap 'kill $(jobs -p) 2>/dev/null' EXIT", "failed=0"]
        for block in self.blocks:
            if block.heading != heading or block.language not in ("sh", "console"):
                continue
            for step in steps(block):
                if step.command and step.command != but:
                    lines += [f"printf '\\n$ %s\\n' {shlex.quote(step.command)}"]
                    lines += ["{", step.command, "} || { echo \"exit code $?\" >&2; failed=1; }"]
                    # A command in the background says something of its own first.
                    lines += ["sleep 2"] if step.command.rstrip().endswith("&") else []
        if len(lines) == 3:
            raise ValueError(f"there are no commands under {heading!r}")
        return "\n".join([*lines, "exit $failed"])

    def local_links(self):
        """The addresses of this machine that the text leads to, with their lines."""
        return [(number, link) for number, line in self.prose for link in LOCAL_LINK.findall(line)]

    def local_ports(self):
        """The ports of this machine that are named anywhere."""
        return sorted({int(port) for port in LOCAL_PORT.findall(self.text)})

    def commands_in_prose(self):
        """What the text calls a command of cargo, with its lines."""
        spans = [(number, span) for number, line in self.prose for span in CODE_SPAN.findall(line)]
        return [(number, span) for number, span in spans if re.search(r"\bcargo (bench|build|run|test)\b", span)]


def steps(block):
    """What a block of `sh` or `console` wants to be run, step by step.

    In `sh` every line is of a command. In `console` a command is behind `$ ` and goes on until the shell has all of it;
    what follows is its output.
    """
    found, command, begun, shown = [], None, block.line, []
    lines = list(enumerate(block.lines, block.line))
    while lines:
        number, line = lines.pop(0)
        if block.language == "sh" or line.startswith("$ "):
            if command is not None or shown:
                found.append(Step(begun, command, tuple(shown)))
            command, begun, shown = line.removeprefix("$ "), number, []
            while lines and not is_whole(command):
                command += "\n" + lines.pop(0)[1]
        else:
            shown.append(line)
    found.append(Step(begun, command, tuple(shown)))
    return [step for step in found if step.command is None or step.command.strip()]


def is_whole(command):
    """Whether the shell needs no further line."""
    if command.endswith("\\"):
        return False
    return subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True, check=False).returncode == 0
