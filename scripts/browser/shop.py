"""The product's binary under test, and a site of another origin that calls it."""

import http.client
import http.server
import json
import os
import subprocess
import threading
import time


class Shop:
    """The binary in an empty folder and on free ports, as a context manager."""

    def __init__(self, binary, folder, allowed_origin, patience=30):
        """Starts it and waits, `patience` seconds at most, until it is ready."""
        ready_file = os.path.join(folder, "ready.json")
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--env", "test", "--ready-file", ready_file]
                + ["--set", f"cors.allowed_origins={allowed_origin}"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + patience
        while not os.path.exists(ready_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the shop does not start:\n{self.log()}")
            time.sleep(0.05)
        with open(ready_file, encoding="utf-8") as file:
            self.origin = f"http://{json.load(file)['rest']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def log(self):
        """All that it has written."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()


class Page(http.server.BaseHTTPRequestHandler):
    """An empty page, whatever is asked for."""

    def do_GET(self):
        """Answers with the page."""
        body = b"<!doctype html><title>Another site</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


class Proxy:
    """A proxy that serves a shop below `/api` and takes that path off, as a context manager. Nothing else is there."""

    def __init__(self, shop):
        host = shop.origin.removeprefix("http://")

        class Handler(http.server.BaseHTTPRequestHandler):
            """Passes requests on."""

            def pass_on(self):
                """Takes the path off, and answers as the shop does."""
                if not self.path.startswith("/api/"):
                    self.send_error(404)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                shop_side = http.client.HTTPConnection(host, timeout=30)
                shop_side.request(self.command, self.path.removeprefix("/api"), body, headers)
                answer = shop_side.getresponse()
                content = answer.read()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                shop_side.close()

            do_GET = do_POST = pass_on

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class OtherSite:
    """A web site that a browser knows by two origins: one that the shop allows, and one that it does not."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        port = self.server.server_address[1]
        self.allowed = f"http://127.0.0.1:{port}"
        self.refused = f"http://localhost:{port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
