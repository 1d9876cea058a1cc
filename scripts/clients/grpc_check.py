"""Has programs of other languages use the shop over gRPC, on a server that does not describe itself.

    grpc_check.py BINARY FOLDER     runs every program that FOLDER/programs.json names

Each is given an address that loses the first connection, so that it succeeds only by trying again as docs/grpc.md says.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PATIENCE = 120  # seconds for one program


class Losing:
    """An address that hangs up on the first who connects, and leads everybody after that to the server."""

    def __init__(self, server):
        self.server, self.connections = server, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            if self.connections == 1:
                client.close()
                continue
            server = socket.create_connection(self.server)
            for source, sink in [(client, server), (server, client)]:
                threading.Thread(target=pour, args=(source, sink), daemon=True).start()


def pour(source, sink):
    """Passes on what comes until one side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def shop(binary):
    """A server without reflection, and where it answers."""
    with tempfile.TemporaryDirectory() as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "log")
        database = f"database.url=sqlite://{folder}/shop.db"
        settings = [database, "grpc.reflection=false", f"storage.url=file://{folder}/images", "mail.transport=log"]
        options = [word for setting in settings for word in ("--set", setting)]
        with log.open("w", encoding="utf-8") as said:
            server = subprocess.Popen(
                [binary, "--env", "test", *options, "--ready-file", ready], cwd=folder, stdout=said, stderr=said
            )
        try:
            until = time.monotonic() + 60
            while not ready.exists():
                if server.poll() is not None or time.monotonic() > until:
                    sys.exit(f"The shop does not start:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.05)
            yield json.loads(ready.read_text(encoding="utf-8"))
        finally:
            server.terminate()
            server.wait(60)


def run(name, program, server):
    """Runs a program against the server, and tells whether it did all it should."""
    losing, begun = Losing(server), time.monotonic()
    command = [*program["command"], *([losing.address] if program.get("calls", True) else [])]
    try:
        result = subprocess.run(
            command, cwd=program["folder"], timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        failure = None if result.returncode == 0 else f"exit code {result.returncode}\n{result.stdout}"
    except subprocess.TimeoutExpired as error:
        failure = f"not done after {PATIENCE} s\n{error.stdout}"
    if failure is None and program.get("calls", True) and losing.connections < 2:
        failure = f"it connected {losing.connections} times: no connection was lost"
    print(f"{name}: {'ok' if failure is None else f'FAILED: {failure}'} ({time.monotonic() - begun:.1f} s)", flush=True)
    return failure is None


def grpcurl_reads_errors(address, protoset):
    """Whether grpcurl, given what `go-commerce proto` has written, reads what is wrong with a request, and cannot without."""
    program = shutil.which("grpcurl", path=f"{os.environ['PATH']}:{Path.home()}/go/bin")
    if program is None:
        print("grpcurl: NOT CHECKED: it is not here")
        return None
    call = ["-plaintext", "-d", '{"email": "nonsense"}', address, "user.UserCommandService/LoginUser"]
    told = [
        subprocess.run([program, *options, *call], timeout=60, capture_output=True, text=True).stderr
        for options in ([], ["-protoset", protoset])
    ]
    reads = "does not support the reflection API" in told[0] and '"reason": "invalid_email"' in told[1]
    print("grpcurl: " + ("ok" if reads else f"FAILED: {told}"))
    return reads


def address(text):
    """Host and port."""
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    """Runs all programs."""
    binary, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    programs = json.loads((folder / "programs.json").read_text(encoding="utf-8"))
    with shop(binary) as addresses:
        results = [run(name, program, address(addresses["grpc"])) for name, program in programs.items()]
        results.append(grpcurl_reads_errors(addresses["grpc"], folder / "gocommerce.binpb"))
    sys.exit(1 if False in results else 0)


if __name__ == "__main__":
    main()
