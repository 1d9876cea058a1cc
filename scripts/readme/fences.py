"""Which commands of the documents are run, by what, and which are not, and why.

    fences.py

README.md's are the business of `check.py`. Every other fenced block with a language is named here; one that is not is a failure.
"""

import glob
import os
import sys

from document import Document

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
CI = ".ci/run"

# By document, and by heading and language where its blocks are not alike: the script that runs them, or in words why nothing does.
RULES = {
    ("docs/backup.md",): "scripts/backup-check",
    ("docs/backup.md", "With compose", "sh"): "needs a container engine",
    ("docs/browser.md",): "scripts/browser-check",
    ("docs/curl.md",): "scripts/collection-check",
    ("docs/proxy.md",): "scripts/proxy-check",
    ("docs/deploy.md", "The image", "sh"): "needs a container engine",
    ("docs/deploy.md", "For a look", "sh"): "needs a container engine",
    ("docs/deploy.md", "On one machine", "sh"): "scripts/deploy-check; `docker compose` needs a container engine",
    ("docs/deploy.md", "Replacing the key of tokens", "sh"): "scripts/deploy-check; it sends the signal without a container",
    ("docs/deploy.md", "Replacing the key of tokens", "toml"): "scripts/deploy-check",
    ("docs/deploy.md", "Without containers", "sh"): "scripts/deploy-check; what is installed on the system is only verified",
    ("docs/deploy.md", "Without containers", "toml"): "scripts/deploy-check",
    ("docs/rest-clients.md",): "scripts/openapi-check; it pins the versions",
    ("docs/grpc.md",): "scripts/proto-check; its programs contain the code",
    ("docs/grpc.md", "grpcurl", "sh"): "README.md's tour runs it, by cargo",
    ("docs/grpc.md", "grpcurl", "console"): "README.md's tour runs it; scripts/proto-check too, at another address",
    ("docs/operations.md", "Images", "sql"): "scripts/backup-check",
    ("docs/performance.md",): "measures for hours on a machine that does nothing else",
}


def blocks(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return [block for block in Document(file.read()).blocks if block.language]


def documents():
    found = [path for pattern in ("*.md", "docs/*.md", "migrations/*.md") for path in glob.glob(pattern, root_dir=ROOT)]
    return sorted(path for path in found if path != "README.md")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def problem_of(rule):
    """What is wrong with a rule that names a script: CI has to run it, and it has to read the documents."""
    script = rule.split(";")[0]
    if not script.startswith("scripts/"):
        return None
    if not os.access(os.path.join(ROOT, script), os.X_OK):
        return f"there is no {script}"
    return None if script in read(CI) else f"{CI} does not run {script}"


def main():
    """Lists every block; fails where one has no rule, or a rule no block."""
    used, failed = set(), 0
    for path in documents():
        for block in blocks(path):
            key = next((key for key in ((path, block.heading, block.language), (path,)) if key in RULES), None)
            used.add(key)
            problem = "nothing runs it, and no reason is given" if key is None else problem_of(RULES[key])
            failed += problem is not None
            print(f"{path}:{block.line}: {'FAILED: ' + problem if problem else RULES[key]}")
    for key in RULES.keys() - used:
        failed += 1
        print(f"FAILED: there is no block for the rule {key}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
