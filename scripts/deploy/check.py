"""Does what docs/deploy.md says of one machine, as far as that needs no container engine.

    check.py BINARY
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../readme"))
from document import Document  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PATIENCE_SECONDS = 30
ACCOUNT = {"name": "Ada", "email": "ada@example.com", "role": "buyer", "password": "correct horse staple"}
RELOADED = "token keys and log level reloaded"


def run(commands, folder, env=None):
    """Runs commands as the page prints them; what they say."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode} of\n{commands}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(0.05)


def blocks(document, heading, language):
    found = ["\n".join(block.lines) for block in document.blocks if (block.heading, block.language) == (heading, language)]
    if not found:
        raise AssertionError(f"docs/deploy.md has no block of {language} under {heading!r}")
    return found


class Machine:
    """A copy of deploy/ whose shop runs without a container, in a folder that stands for its volumes."""

    def __init__(self, folder, binary):
        self.folder, self.binary, self.home = folder, binary, f"{folder}/home"
        shutil.copytree(f"{ROOT}/deploy", f"{folder}/deploy", ignore=shutil.ignore_patterns("secrets", ".env"))
        os.makedirs(self.home)
        os.symlink(f"{folder}/deploy/config", f"{self.home}/config")
        with open(f"{folder}/deploy/compose.yaml", encoding="utf-8") as file:
            shop = yaml.safe_load(file)["services"]["shop"]
        self.mounts = {
            "/var/lib/go-commerce/config": f"{folder}/deploy/config",
            "/run/keys": f"{folder}/deploy/secrets/keys",
            "/var/lib/go-commerce": self.home,
            "/run/secrets/database_url": f"{folder}/deploy/secrets/database_url.sqlite",
            "/run/secrets": f"{folder}/deploy/secrets",
        }
        mounted = {volume.split(":")[1] for volume in shop["volumes"]}
        if not {"/var/lib/go-commerce/config", "/run/keys"} <= mounted:
            raise AssertionError(f"compose.yaml mounts {sorted(mounted)}")
        self.environment = {name: self._here(str(value)) for name, value in shop["environment"].items()}

    def _here(self, text):
        """A text with this machine's folders in the place of the container's, and with the values of deploy/.env."""
        values = {"MAIL_URL": "smtps://mail.example", "MAIL_FROM": "Shop <shop@example.com>", "MAIL_USERNAME": "shop"}
        if text.startswith("${"):
            text = values[text[2:].split(":")[0]]
        for inside, outside in self.mounts.items():
            text = text.replace(inside, outside)
        return text

    def env(self):
        ports = {f"COMMERCE__{name}__PORT": "0" for name in ("REST", "GRPC", "OPS")}
        quick = {"COMMERCE__SHUTDOWN__DRAIN_DELAY_SECONDS": "0", "COMMERCE__AUTH__BCRYPT_COST": "10"}
        return {"PATH": os.environ["PATH"], "COMMERCE_ENV": "production"} | self.environment | ports | quick

    def command(self, *arguments):
        return run(" ".join([self.binary, *arguments]), self.home, self.env())

    def configure(self, text):
        """Writes the settings, with this machine's folders."""
        path = f"{self.folder}/deploy/config/production.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._here(text))


class Shop:
    """The shop of a machine, as a context manager."""

    def __init__(self, machine):
        self.log_path = f"{machine.folder}/log"
        ready = f"{machine.folder}/ready"
        with open(self.log_path, "wb") as log:
            command = [machine.binary, "serve", "--ready-file", ready]
            self.process = subprocess.Popen(command, cwd=machine.home, env=machine.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("the shop is ready", lambda: os.path.exists(ready) or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"the shop does not start:\n{self.log()}")
        with open(ready, encoding="utf-8") as file:
            self.rest = json.load(file)["rest"].replace("0.0.0.0", "127.0.0.1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        if self.process.wait(timeout=60) != 0:
            raise AssertionError(f"it stops with {self.process.returncode}:\n{self.log()[-2000:]}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def call(self, path, token=None, **fields):
        """The status and the results of a call."""
        data = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(f"http://{self.rest}{path}", data=data)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with OPENER.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self):
        status, account = self.call("/users/login", email=ACCOUNT["email"], password=ACCOUNT["password"])
        if status != 200:
            raise AssertionError(f"a log-in: {status} {account}")
        return account

    def reload(self):
        """Sends the signal, and waits until the settings have been read."""
        before = self.log().count(RELOADED)
        self.process.send_signal(signal.SIGHUP)
        wait_for("the settings are read again", lambda: self.log().count(RELOADED) > before)


def on_one_machine(document, binary, folder):
    """The secrets, the shop with the settings of compose.yaml, and another key for tokens."""
    machine = Machine(folder, binary)
    first, *_ = blocks(document, "On one machine", "sh")
    make = first.splitlines()[0]
    said = run(make, folder)
    for name in ("midtrans_server_key", "mail_password"):
        if f"deploy/secrets/{name}" not in said:
            raise AssertionError(f"make-secrets does not ask for {name}: {said}")
        with open(f"{folder}/deploy/secrets/{name}", "w", encoding="utf-8") as file:
            # Of the right form, and known to nobody: nothing is paid and nothing sent here.
            file.write("Mid-server-0000000000000000\n")
    if "Not there yet" in run(make, folder):
        raise AssertionError("make-secrets asks again for what is there")
    with open(f"{folder}/deploy/config/production.toml", encoding="utf-8") as file:
        machine.configure(file.read())
    machine.command("config", "check")
    machine.command("migrate")

    for name in ("--help", "../../x", "a b"):
        refused = subprocess.run(["deploy/make-secrets", name], cwd=folder, capture_output=True, check=False)
        if refused.returncode == 0:
            raise AssertionError(f"make-secrets takes the name {name!r}")
    make_key, _ = blocks(document, "Replacing the key of tokens", "sh")
    accepting, signing = blocks(document, "Replacing the key of tokens", "toml")
    with Shop(machine) as shop:
        shop.call("/users/register", confirm_password=ACCOUNT["password"], **ACCOUNT)
        old = shop.log_in()
        run(make_key, folder)
        again = subprocess.run(["bash", "-c", make_key], cwd=folder, capture_output=True, check=False)
        if again.returncode == 0:
            raise AssertionError("make-secrets makes a key of a name that is taken")
        machine.configure(accepting)
        shop.reload()
        machine.configure(signing)
        shop.reload()
        new = shop.log_in()
        for account in (old, new):
            status, said = shop.call(f"/users/{account['id']}", account["token"])
            if status != 200:
                raise AssertionError(f"a token is not accepted while the key is replaced: {status} {said}")
        machine.configure("\n".join(line for line in signing.splitlines() if "verification_keys" not in line))
        shop.reload()
        statuses = [shop.call(f"/users/{account['id']}", account["token"])[0] for account in (old, new)]
        if statuses != [401, 200]:
            raise AssertionError(f"when the old key has gone, tokens get {statuses}")


def without_containers(document, binary, folder):
    """The settings that the page shows, and the unit."""
    config = f"{folder}/etc"
    os.makedirs(config)
    (settings,) = blocks(document, "Without containers", "toml")
    with open(f"{config}/production.toml", "w", encoding="utf-8") as file:
        file.write(settings.replace("/etc/go-commerce", config))
    for name, text in (("jwt-secret", os.urandom(32).hex()), ("midtrans-server-key", "Mid-server-0000000000000000"), ("mail-password", "x")):
        with open(f"{config}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{config}/{name}", 0o400)
    *_, check = blocks(document, "Without containers", "sh")
    command = check.splitlines()[0].removeprefix("sudo -u go-commerce env --chdir=/var/lib/go-commerce go-commerce ").replace("/etc/go-commerce", config)
    run(f"{binary} {command}", folder)

    with open(f"{ROOT}/deploy/go-commerce.service", encoding="utf-8") as file:
        unit = file.read().replace("/usr/local/bin/go-commerce", binary)
    with open(f"{folder}/go-commerce.service", "w", encoding="utf-8") as file:
        file.write(unit)
    said = subprocess.run(["systemd-analyze", "verify", f"{folder}/go-commerce.service"], capture_output=True, text=True, check=False)
    mistakes = [line for line in said.stderr.splitlines() if "go-commerce.service" in line]
    if mistakes:
        raise AssertionError("\n".join(mistakes))
    for line in unit.splitlines():
        if line.startswith(("ExecStart=", "ExecStartPre=")):
            command = line.split("=", 1)[1].replace("/etc/go-commerce", config) + " --env production --help"
            run(command, folder)


def main():
    binary = os.path.abspath(sys.argv[1])
    with open(f"{ROOT}/docs/deploy.md", encoding="utf-8") as file:
        document = Document(file.read())
    failed = 0
    for part in (on_one_machine, without_containers):
        with tempfile.TemporaryDirectory(prefix="deploy-check.") as folder:
            try:
                part(document, binary, folder)
            except AssertionError as error:
                failed += 1
                print(f"docs/deploy.md, {part.__name__.replace('_', ' ')}: FAILED: {error}")
            else:
                print(f"docs/deploy.md, {part.__name__.replace('_', ' ')}: ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
