"""What a newcomer has at hand: a clone, a terminal for the shop, and one for everything else."""

import os
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

# Straight to this machine, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(target):
    """The variables of a new terminal: none of the shop, and none that has cargo build elsewhere or otherwise."""
    strange = ("COMMERCE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    clean["no_proxy"] = clean["NO_PROXY"] = "127.0.0.1"
    clean["PATH"] += os.pathsep + os.path.expanduser("~/go/bin")
    return clean | ({"CARGO_TARGET_DIR": target} if target else {})


def clone(source, folder):
    """Clones what is committed in `source`."""
    subprocess.run(["git", "clone", "--quiet", source, folder], check=True)


def left_behind(folder):
    """The files of a clone that have come or changed and are not ignored."""
    status = ["git", "-C", folder, "status", "--porcelain"]
    return subprocess.run(status, check=True, capture_output=True, text=True).stdout


def taken_ports(ports):
    """Those of the ports on which somebody listens."""
    taken = []
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                taken.append(port)
    return taken


def answers(url):
    """Whether there is an answer of success at an address of this machine."""
    try:
        with OPENER.open(url, timeout=10) as response:
            return response.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


class Terminal:
    """A shell that keeps its variables from one command to the next, as a context manager."""

    def __init__(self, folder, scratch, env):
        self.scratch, self.count = scratch, 0
        self.said, tells = os.pipe()
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=env | {"TELLS": str(tells)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            pass_fds=[tells],
            start_new_session=True,
        )
        os.close(tells)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.stdin.close()
        try:
            os.killpg(self.shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.shell.wait(timeout=30)
        os.close(self.said)

    def run(self, command, patience):
        """Runs a command; its exit code, and the file that its output goes to, also what it says in the background."""
        self.count += 1
        script, output = (os.path.join(self.scratch, f"{self.count}.{kind}") for kind in ("sh", "out"))
        with open(script, "w", encoding="utf-8") as file:
            file.write(command + "\n")
        # Read by the shell itself, so that its variables stay.
        self.shell.stdin.write(f"source {script} </dev/null >{output} 2>&1; echo $? >&$TELLS\n")
        self.shell.stdin.flush()
        if not select.select([self.said], [], [], patience)[0]:
            raise TimeoutError(f"it has not ended after {patience} s")
        return int(os.read(self.said, 16)), output


class Shop:
    """The shop in a terminal of its own, as a context manager."""

    def __init__(self, command, folder, log_path, env):
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-euc", command],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)

    def wait_until_ready(self, url, patience):
        """Waits until an address answers; the seconds that took."""
        begun = time.monotonic()
        while not answers(url):
            if self.process.poll() is not None:
                raise RuntimeError(f"the shop has ended with exit code {self.process.returncode}:\n{self.log()[-2000:]}")
            if time.monotonic() > begun + patience:
                raise TimeoutError(f"nothing answers at {url} after {patience} s:\n{self.log()[-2000:]}")
            time.sleep(0.2)
        return time.monotonic() - begun

    def interrupt(self, patience):
        """Ctrl-C: the exit code, and what the shop has said from then on."""
        before = len(self.log())
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=patience), self.log()[before:]

    def log(self):
        """All that it has said."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()
