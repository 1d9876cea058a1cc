"""Whether what came is what README shows.

`…` stands for anything within a line and, on a line of its own, for any lines. A time stands for any time. An identifier
or a code of a payment stands for any, but always for the same one.
"""

import difflib
import re

ANY_LINES = r"(?:[^\n]*\n)*?"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CODE = r"GC-\d{4}-\d{4}-\d{4}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
LOOSE = re.compile(f"(?P<rest>…)|(?P<uuid>{UUID})|(?P<code>{CODE})|(?P<time>{TIME})")
FREE = {"rest": r"[^\n]*", "time": TIME}
NAMED = {"uuid": UUID, "code": CODE}


def holds(shown, came, names):
    """Whether `came` is what the lines `shown` show, and if so notes in `names` what their identifiers stand for."""
    pattern, groups = _pattern(shown, names)
    match = re.fullmatch(pattern, _tidy(came))
    if not match:
        return False
    names.update({name: match.group(group) for name, group in groups.items()})
    return True


def contains(shown, came, names):
    """Whether the lines `shown` are among those that came, in their order."""
    return holds([part for line in shown for part in ("…", line)] + ["…"], came, names)


def difference(shown, came, names):
    """How the two differ, for people: what stands for anything is left out of the comparison."""
    rest = _tidy(came).splitlines()
    wanted, left, skips = [], list(rest), False
    for line in shown:
        if line.strip() == "…":
            skips = True
            continue
        at = next((at for at, other in enumerate(left) if _matches(line, other, names)), None)
        if at is None:
            wanted.append(line)
            # It is taken for a wrong spelling of the next line, unless that is shown itself.
            if left and not skips and not any(_matches(other, left[0], names) for other in shown if other.strip() != "…"):
                del left[0]
            continue
        wanted += left[:at] if skips else []
        wanted.append(left[at])
        skips = False
        del left[: at + 1]
    wanted += left if skips else []
    return "\n".join(difflib.unified_diff(wanted, rest, "README.md", "what came", lineterm="", n=2))


def missing(shown, came, names):
    """Which of the lines `shown` are not among those that came, each with what comes next to it."""
    rest = _tidy(came).splitlines()
    found = []
    for line in shown:
        if not any(_matches(line, other, names) for other in rest):
            found.append(f"-{line}")
            found += [f"+{near}" for near in difflib.get_close_matches(line, rest, n=1, cutoff=0.4)]
    return "\n".join(found) or "all of it is there, but in another order"


def _matches(line, other, names):
    pattern, _ = _pattern([line], names)
    return re.fullmatch(pattern, other + "\n") is not None


def _tidy(text):
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return "".join(line + "\n" for line in lines)


def _pattern(shown, names):
    shown = list(shown)
    while shown and not shown[-1].strip():
        shown.pop()
    groups = {}
    lines = [ANY_LINES if line.strip() == "…" else _of_line(line.rstrip(), names, groups) + "\n" for line in shown]
    return "".join(lines), groups


def _of_line(line, names, groups):
    pattern, end = "", 0
    for found in LOOSE.finditer(line):
        pattern += re.escape(line[end : found.start()])
        end = found.end()
        kind, text = found.lastgroup, found.group()
        if kind in FREE:
            pattern += FREE[kind]
        elif text in names:
            pattern += re.escape(names[text])
        elif text in groups:
            pattern += f"(?P={groups[text]})"
        else:
            groups[text] = f"n{len(groups)}"
            pattern += f"(?P<{groups[text]}>{NAMED[kind]})"
    return pattern + re.escape(line[end:])
