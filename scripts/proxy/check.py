"""Runs the configurations of docs/proxy.md in the real proxies, and calls a shop through each of them.

    check.py BINARY

A configuration is taken as it is printed there, but for what belongs to a machine: ports, certificates, and where the shop is.
"""

import base64
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../readme"))
from document import Document  # noqa: E402

LEFT_OUT = 77  # what scripts/steps.bash takes for: could not be done here, and this is no failure
PATIENCE_SECONDS = 20

# By the heading and the language of a block: which proxy reads it, and below which path REST is.
CONFIGURATIONS = {
    ("nginx", "nginx"): "",
    ("nginx below a path", "nginx"): "/api",
    ("Caddy", "caddyfile"): "",
    ("Caddy below a path", "caddyfile"): "/api",
}

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition):
    """Waits until something holds, and returns it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(0.05)
    return found


def expect(holds, what, shown=""):
    if not holds:
        raise AssertionError(f"{what}: {shown}")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program that runs until the end of a block."""

    def __init__(self, command, log):
        self.log_path = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()


def noise_png(width, height):
    """A PNG that cannot be compressed, so that it is as large as a photo."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    source = random.Random(1)
    rows = b"".join(b"\0" + source.randbytes(width * 3) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Site:
    """The shop as clients see it through a proxy."""

    def __init__(self, folder, port, path):
        self.folder, self.port, self.path = folder, port, path
        self.origin = f"https://shop.example:{port}{path}"

    def curl(self, path, *options):
        """Calls from 127.0.0.2, so that a client can be told from the proxy; status, head and body."""
        url = path if path.startswith("https://") else self.origin + path
        command = ["curl", "--silent", "--show-error", "--include", "--max-time", "30", "--interface", "127.0.0.2"]
        command += ["--noproxy", "*", "--cacert", f"{self.folder}/cert.pem"]
        command += ["--resolve", f"shop.example:{self.port}:127.0.0.1", "--header", "Expect:", *options, url]
        said = subprocess.run(command, capture_output=True, check=True).stdout
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode(), body

    def json(self, path, *options):
        status, head, body = self.curl(path, *options)
        expect(status in (200, 201), path, f"{head}\n{body[:500]!r}")
        return json.loads(body)["results"]

    def grpcurl(self, method, message, *options):
        command = ["grpcurl", "-cacert", f"{self.folder}/cert.pem", "-authority", "grpc.shop.example"]
        command += ["-max-time", "30", *options, "-d", "@", f"127.0.0.1:{self.port}", method]
        return subprocess.run(command, input=json.dumps(message), capture_output=True, text=True, check=False)


def account(site, name, role):
    """Registers somebody, and returns a token."""
    email = f"{name}@example.com"
    known = ["--data", f"email={email}", "--data", "password=correct horse"]
    site.curl("/users/register", *known, "--data", "confirm_password=correct horse", "--data", f"name={name}", "--data", f"role={role}")
    return site.json("/users/login", *known)["token"]


def images_pass(site, shop, seller):
    """An image that is larger than proxies take by default, its address, and the place of what was made."""
    bearer = ["--header", f"Authorization: Bearer {seller}"]
    fields = ["name=Oak desk", "description=Solid oak", "price=10000", "stock=9", f"image_url=@{site.folder}/photo.png"]
    forms = [option for field in fields for option in ("--form", field)]
    status, head, body = site.curl("/products", *bearer, *forms, "--header", "X-Forwarded-Prefix: /evil")
    expect(status == 201, "a product with an image of some megabytes", f"{head}\n{body[:500]!r}")
    product = json.loads(body)["results"]
    expect(product["image_url"].startswith(site.origin + "/media/"), "the image's address", product["image_url"])
    status, _, image = site.curl(product["image_url"])
    expect(status == 200 and len(image) > 1_000_000, "the image", f"{status}, {len(image)} bytes")
    location = re.search(r"(?im)^location: *(\S+)", head)
    expect(location is None or "/evil" not in location.group(1), "a client's prefix counts for nothing", head)
    if location:
        places = [f"{start}/products/{product['id']}" for start in (site.path, site.origin)]
        expect(location.group(1) in places, "Location", location.group(1))
    return product


def clients_are_told_apart(site, shop, _):
    """The shop knows the client's address, and believes none that a client makes up."""
    site.curl("/users/login", "--data", "email=ada@example.com", "--data", "password=correct horse", "--header", "X-Forwarded-For: 203.0.113.9")
    wait_for("the log-in is logged", lambda: "logged in" in shop.log())
    clients = set(re.findall(r"logged in .*client=(\S+)", shop.log()))
    expect(clients == {"127.0.0.2"}, "the clients of log-ins", clients)


def lists_lead_on(site, shop, seller):
    """The next page is where `Link` leads."""
    for name in ("Chair", "Table"):
        fields = ["--data", f"name={name}", "--data", "description=x", "--data", "price=1", "--data", "stock=1"]
        site.json("/products", "--header", f"Authorization: Bearer {seller}", *fields)
    _, head, _ = site.curl("/products?limit=1")
    query = re.search(r"(?im)^link: *<([^>]+)>; *rel=\"?next", head).group(1)
    status, _, body = site.curl("/products" + query)
    expect(status == 200 and json.loads(body)["results"], "the next page", body[:300])


def events_come_at_once(site, shop, product):
    """A change of a payment reaches who watches it, while the connection stays."""
    buyer = account(site, "ada", "buyer")
    bearer = ["--header", f"Authorization: Bearer {buyer}"]
    order = site.json("/payments", *bearer, "--data", f"product_id={product['id']}", "--data", "quantity=1")
    command = ["curl", "--silent", "--no-buffer", "--max-time", "60", "--noproxy", "*", "--cacert", f"{site.folder}/cert.pem"]
    command += ["--resolve", f"shop.example:{site.port}:127.0.0.1", *bearer, f"{site.origin}/payments/{order['id']}/events"]
    with Process(command, f"{site.folder}/events") as watch:
        wait_for("the first event", lambda: '"pending"' in watch.log())
        expect(order["payment_url"].startswith(site.origin + "/simulator/"), "the page to pay", order["payment_url"])
        site.curl(order["payment_url"] + "/pay", "--request", "POST")
        wait_for("the event of the payment", lambda: '"success"' in watch.log())
        expect(watch.process.poll() is None, "the connection stays", watch.log())
    return order


def grpc_passes(site, shop, seller):
    """Calls, errors with details, large messages and streams over gRPC."""
    login = {"email": "ada@example.com", "password": "correct horse"}
    answer = site.grpcurl("user.UserCommandService/LoginUser", login)
    expect(answer.returncode == 0, "a log-in over gRPC", answer.stderr)
    buyer = json.loads(answer.stdout)["token"]
    answer = site.grpcurl("user.UserCommandService/LoginUser", {"email": "ada", "password": ""})
    expect("BadRequest" in answer.stderr, "the details of an error", answer.stderr)
    with open(f"{site.folder}/photo.png", "rb") as file:
        image = base64.b64encode(file.read()).decode()
    product = {"name": "Lamp", "description": "x", "price": "10000", "stock": 3, "image_filename": "lamp.png", "image_bytes": image}
    answer = site.grpcurl("product.ProductCommandService/CreateProduct", product, "-H", f"authorization: Bearer {seller}")
    expect(answer.returncode == 0, "an image over gRPC", answer.stderr)
    order = {"product_id": json.loads(answer.stdout)["id"], "quantity": 1}
    bearer = ["-H", f"authorization: Bearer {buyer}"]
    answer = site.grpcurl("payment.PaymentCommandService/CreatePayment", order, *bearer)
    expect(answer.returncode == 0, "an order over gRPC", answer.stderr)
    payment = json.loads(answer.stdout)
    command = ["grpcurl", "-cacert", f"{site.folder}/cert.pem", "-authority", "grpc.shop.example", *bearer, "-d"]
    command += [json.dumps({"id": payment["id"]}), f"127.0.0.1:{site.port}", "payment.PaymentQueryService/WatchPayment"]
    with Process(command, f"{site.folder}/watch") as watch:
        wait_for("the first message", lambda: '"pending"' in watch.log())
        site.curl(payment["paymentUrl"] + "/pay", "--request", "POST")
        wait_for("the message of the payment", lambda: '"success"' in watch.log())


class Shop(Process):
    """The shop, on ports and in a folder of its own."""

    def __init__(self, binary, folder, public_url):
        self.folder = folder
        settings = [f"database.url=sqlite://{folder}/shop.db", f"storage.url=file://{folder}/images"]
        settings += [f"rest.public_url={public_url}", "grpc.reflection=true", 'trusted_proxies=["127.0.0.1"]']
        options = [part for setting in settings for part in ("--set", setting)]
        super().__init__([binary, "--env", "test", *options, "--ready-file", f"{folder}/ready", "serve"], f"{folder}/shop.log")

    def addresses(self):
        wait_for("the shop is ready", lambda: os.path.exists(f"{self.folder}/ready"))
        with open(f"{self.folder}/ready", encoding="utf-8") as file:
            return json.load(file)


def certificate(folder):
    names = "subjectAltName=DNS:shop.example,DNS:grpc.shop.example"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=shop.example", "-addext", names, "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run(command, check=True, capture_output=True)


def on_this_machine(block, language, folder, port, addresses):
    """A configuration as it is printed, with this machine's ports and certificates; and the command that runs it."""
    text = block.replace("127.0.0.1:8081", addresses["rest"]).replace("127.0.0.1:8080", addresses["grpc"])
    if language == "nginx":
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
        text = text.replace("/etc/ssl/shop/fullchain.pem", f"{folder}/cert.pem")
        text = text.replace("/etc/ssl/shop/privkey.pem", f"{folder}/key.pem")
        text, command = NGINX.format(folder=folder, block=text), ["nginx", "-p", folder, "-c", f"{folder}/proxy.conf"]
    else:
        certificates = f"\\1:{port} {{\n    bind 127.0.0.1\n    tls {folder}/cert.pem {folder}/key.pem"
        text = re.sub(r"(?m)^([a-z.]*shop\.example) \{$", certificates, text)
        text = "{\n    admin off\n    auto_https off\n}\n" + text
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/proxy.conf"]
    with open(f"{folder}/proxy.conf", "w", encoding="utf-8") as file:
        file.write(text)
    return command


def check(block, path, binary, photo):
    """Runs a configuration, and calls the shop through it."""
    with tempfile.TemporaryDirectory(prefix="proxy-check.") as folder:
        # nginx's workers have an account of their own.
        os.chmod(folder, 0o755)
        certificate(folder)
        with open(f"{folder}/photo.png", "wb") as file:
            file.write(photo)
        port = free_port()
        site = Site(folder, port, path)
        with Shop(binary, folder, site.origin) as shop:
            text = "\n".join(block.lines)
            command = on_this_machine(text, block.language, folder, port, shop.addresses())
            with Process(command, f"{folder}/proxy.log") as proxy:
                try:
                    wait_for("the proxy listens", lambda: listens(port))
                    seller = account(site, "seller", "seller")
                    product = images_pass(site, shop, seller)
                    lists_lead_on(site, shop, seller)
                    events_come_at_once(site, shop, product)
                    clients_are_told_apart(site, shop, seller)
                    if "grpc.shop.example" in text and shutil.which("grpcurl"):
                        grpc_passes(site, shop, seller)
                except (AssertionError, subprocess.CalledProcessError):
                    print(f"-- the proxy\n{proxy.log()[-2000:]}\n-- the shop\n{shop.log()[-2000:]}", file=sys.stderr)
                    raise


def main():
    """Each configuration; those that are not known are a failure."""
    os.environ["PATH"] += os.pathsep + os.path.expanduser("~/go/bin") + os.pathsep + "/usr/sbin"
    binary = os.path.abspath(sys.argv[1])
    source = os.path.join(os.path.dirname(__file__), "../../docs/proxy.md")
    with open(source, encoding="utf-8") as file:
        blocks = {(block.heading, block.language): block for block in Document(file.read()).blocks}
    expect(blocks.keys() == CONFIGURATIONS.keys(), "the configurations of docs/proxy.md", sorted(blocks))
    photo = noise_png(1200, 900)
    failed = 0
    for key, path in CONFIGURATIONS.items():
        begun = time.monotonic()
        try:
            check(blocks[key], path, binary, photo)
        except (AssertionError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"docs/proxy.md, {key[0]}: FAILED: {error}")
        else:
            print(f"docs/proxy.md, {key[0]}: ok ({time.monotonic() - begun:.1f} s)")
    if failed:
        return 1
    return 0 if shutil.which("grpcurl") else LEFT_OUT


if __name__ == "__main__":
    sys.exit(main())
