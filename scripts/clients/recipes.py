"""What docs/grpc.md prints is what CI runs.

    recipes.py --check            each piece of code is, line by line, in the program of its language
    recipes.py --print HEADING    the commands of the block of `sh` under a heading
"""

import re
import sys
import textwrap
from pathlib import Path

CLIENTS = Path(__file__).parent
DOCUMENT = CLIENTS.parent.parent / "docs" / "grpc.md"
PROGRAMS = {
    "go": "go/main.go",
    "java": "java/src/main/java/client/Client.java",
    "js": "node-grpc/client.mjs",
    "python": "python-grpc/client.py",
    "ts": "node-grpc/client.ts",
    "xml": "java/pom.xml",
}
FENCE = re.compile(r"```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def sections():
    """The document's headings, each with its blocks of (language, text)."""
    for section in re.split(r"^#+ ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE):
        yield section.partition("\n")[0], FENCE.findall(section)


def is_in(piece, program):
    """Whether a program has these lines, one after another, indented as may be."""
    lines, wanted = program.splitlines(), textwrap.dedent(piece).rstrip("\n").splitlines()
    windows = (lines[start : start + len(wanted)] for start in range(len(lines) - len(wanted) + 1))
    return any(textwrap.dedent("\n".join(window)).splitlines() == wanted for window in windows)


def check():
    """Names the pieces that no program has; true where there are none and every language has one."""
    missing, seen = [], set()
    for heading, blocks in sections():
        for language, text in blocks:
            if language in PROGRAMS:
                seen.add(language)
                if not is_in(text, (CLIENTS / PROGRAMS[language]).read_text(encoding="utf-8")):
                    missing.append(f"docs/grpc.md, {heading}: not in {PROGRAMS[language]}:\n{text}")
    missing += [f"docs/grpc.md shows nothing of {PROGRAMS[language]}" for language in PROGRAMS.keys() - seen]
    print("\n".join(missing) or f"docs/grpc.md: each piece of {', '.join(sorted(seen))} is in a program")
    return not missing


def commands(wanted):
    """The commands under a heading."""
    found = [text for heading, blocks in sections() if heading == wanted for language, text in blocks if language == "sh"]
    if not found:
        sys.exit(f"docs/grpc.md has no commands under {wanted!r}")
    return "".join(found)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if check() else 1)
    print(commands(sys.argv[2]), end="")
