"""A client of the W3C WebDriver protocol (https://www.w3.org/TR/webdriver2/), as much as the browser check needs."""

import base64
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request

# The key under which the protocol names an element (§12.1).
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Straight to the driver, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """Headless Chromium, from its start to its end, as a context manager."""

    def __init__(self, folder, patience=15):
        """Starts it with an empty profile in `folder`; `patience` is how many seconds to wait for anything."""
        self.patience = patience
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.address = f"http://127.0.0.1:{self._port()}"
            self.session = f"/session/{self._new_session(folder)}"
        except BaseException:
            self._stop_driver()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", self.session)
        finally:
            self._stop_driver()

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("chromedriver did not start")

    def _new_session(self, folder):
        arguments = [
            "--headless=new",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--window-size=1280,2000",
            # Without these it looks up hosts of its maker, which a closed network refuses.
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder}",
        ]
        # Chromium's sandbox does not work for root, which is who runs in most containers.
        if os.geteuid() == 0:
            arguments += ["--no-sandbox", "--disable-dev-shm-usage"]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        return self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _stop_driver(self):
        self.driver.terminate()
        self.driver.wait(timeout=10)
        self.driver.stdout.close()

    def _call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.address + path, data=data, method=method)
        try:
            with OPENER.open(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, url):
        """Goes to a page and waits until it is loaded."""
        self._call("POST", f"{self.session}/url", {"url": url})

    def open_window(self):
        """Opens another window, goes there, and returns the name of the one before."""
        before = self._call("GET", f"{self.session}/window")
        opened = self._call("POST", f"{self.session}/window/new", {"type": "tab"})["handle"]
        self.go_to_window(opened)
        return before

    def go_to_window(self, name):
        """Goes to a window that is open."""
        self._call("POST", f"{self.session}/window", {"handle": name})

    def run(self, script, *arguments):
        """The value of a script's `return`; a promise is waited for."""
        return self._call("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, *arguments):
        """Runs a script until its value is truthy, and returns that."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.1)
        raise TimeoutError(f"not within {self.patience} s: {script} {arguments}")

    def click(self, selector):
        """Clicks the first element of a CSS selector, once there is one."""
        self._call("POST", f"{self._find(selector)}/click")

    def type_into(self, selector, text):
        """Replaces the text of an input field."""
        element = self._find(selector)
        self._call("POST", f"{element}/clear")
        self._call("POST", f"{element}/value", {"text": text})

    def _find(self, selector):
        self.wait_for("return document.querySelector(arguments[0]) !== null", selector)
        element = self._call("POST", f"{self.session}/element", {"using": "css selector", "value": selector})
        return f"{self.session}/element/{element[ELEMENT]}"

    def console_errors(self):
        """What the console has shown as an error since it was last asked."""
        entries = self._call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, path):
        """Writes a picture of the page to a file."""
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", f"{self.session}/screenshot")))
