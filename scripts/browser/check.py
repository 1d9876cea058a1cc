"""The first page, the docs page, a call made from it, calls of other origins, and paying, in a real browser.

    check.py BINARY SCREENSHOT

Where a check fails, the page as it was then is in the file SCREENSHOT.
"""

import json
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(__file__), "../readme"))
from document import Document  # noqa: E402
from shop import OtherSite, Proxy, Shop  # noqa: E402
from webdriver import Browser  # noqa: E402

ACCOUNT = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "role": "buyer",
    "password": "correct horse",
    "confirm_password": "correct horse",
}

# The text of the live answer of an operation on the docs page, or nothing as long as there is none.
LIVE_ANSWER = """
    const table = document.querySelector(arguments[0] + ' .live-responses-table');
    const status = table && table.querySelector('tbody .response-col_status');
    const body = table && table.querySelector('tbody .response-col_description pre');
    return body && { status: parseInt(status.innerText), body: body.innerText };
"""

FETCH = """
    const [url, options] = arguments;
    return fetch(url, options).then(
        async answer => ({
            status: answer.status,
            body: await answer.json(),
            request_id: answer.headers.get('x-request-id'),
        }),
        error => ({ refused: String(error) }),
    );
"""


def expect(wanted, got, what):
    """Fails where two values differ."""
    if wanted != got:
        raise AssertionError(f"{what}: expected {wanted!r}, got {got!r}")


def docs_page_works_offline(browser, shop, _):
    """The docs page shows the operations, shows no error, and loads nothing from elsewhere."""
    browser.open(f"{shop.origin}/docs")
    browser.wait_for("return document.querySelectorAll('.opblock').length >= 3")
    loaded = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    expect([], [url for url in loaded if not url.startswith((shop.origin, "data:"))], "loaded from elsewhere")
    expect([], browser.console_errors(), "errors of the console")


def first_page_leads_on(browser, shop, _):
    """The first page is styled, shows no error, and leads to the docs page, the simulator and readiness."""
    for label, found in [
        ("Documentation", "document.querySelectorAll('.opblock').length >= 3"),
        ("Simulator", "document.querySelector('h1').innerText === 'Simulator'"),
        ("Readiness", "document.body.innerText.includes('ready')"),
    ]:
        browser.open(shop.origin)
        text = browser.wait_for("return document.querySelector('main').innerText")
        expect(True, "Go Commerce" in text and "test" in text, f"what the page says ({text})")
        expect("grid", browser.run("return getComputedStyle(document.querySelector('dl')).display"), "style")
        expect([], browser.console_errors(), "errors of the console")
        link = browser.wait_for("return [...document.links].find(link => link.innerText === arguments[0]).href", label)
        browser.open(link)
        browser.wait_for(f"return {found}")
        browser.console_errors()


def open_operation(browser, method, path):
    """Opens an operation on the docs page for trying out, and returns its selector."""
    operation = browser.wait_for(
        """
        const [method, path] = arguments;
        const block = [...document.querySelectorAll(`.opblock-${method}`)]
            .find(block => block.querySelector(`[data-path="${path}"]`));
        return block && '#' + CSS.escape(block.id);
        """,
        method,
        path,
    )
    browser.click(f"{operation} .opblock-summary-control")
    browser.click(f"{operation} .try-out__btn")
    return operation


def execute(browser, operation):
    """Presses Execute and returns the status and the body that the page then shows."""
    browser.click(f"{operation} .execute")
    answer = browser.wait_for(LIVE_ANSWER, operation)
    return answer["status"], json.loads(answer["body"])


def post(browser, path, form):
    """Sends a JSON body from the docs page."""
    operation = open_operation(browser, "post", path)
    browser.type_into(f"{operation} .body-param__text", json.dumps(form))
    return execute(browser, operation)


def docs_page_makes_calls(browser, _shop, _site):
    """An account is opened, logs in and reads its profile with a token, all from the docs page."""
    status, answer = post(browser, "/users/register", ACCOUNT)
    expect((201, "register successfully"), (status, answer["meta"]["message"]), "registering")
    status, answer = post(browser, "/users/login", {key: ACCOUNT[key] for key in ("email", "password")})
    expect(200, status, "logging in")
    account = answer["results"]

    browser.click(".auth-wrapper .btn.authorize")
    browser.type_into(".dialog-ux .auth-container input", account["token"])
    browser.click(".dialog-ux .auth-btn-wrapper .btn.authorize")
    browser.click(".dialog-ux .auth-btn-wrapper .btn-done")
    profile = open_operation(browser, "get", "/users/{id}")
    browser.type_into(f"{profile} [data-param-name=id] input", account["id"])
    status, answer = execute(browser, profile)
    expect((200, ACCOUNT["email"]), (status, answer["results"]["email"]), "reading the profile")


def docs_page_works_behind_a_proxy(browser, shop, _):
    """Behind a proxy that takes a path off, the docs page shows the operations, and its calls go through the proxy."""
    with Proxy(shop) as proxy:
        for number, page in enumerate(("/docs", "/docs/", "/docs/index.html")):
            browser.open(f"{proxy.url}{page}")
            browser.wait_for("return document.querySelectorAll('.opblock').length >= 3")
            account = {**ACCOUNT, "email": f"proxy{number}@example.com"}
            status, answer = post(browser, "/users/register", account)
            expect((201, "register successfully"), (status, answer["meta"]["message"]), f"registering from {page}")
            loaded = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
            expect([], [url for url in loaded if not url.startswith((proxy.url, "data:"))], "loaded beside the proxy")
            expect([], browser.console_errors(), "errors of the console")


# The headers that OpenTelemetry and Sentry add to every call of a page.
TRACING = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "vendor=1",
    "baggage": "key=value",
    "sentry-trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "X-Requested-With": "XMLHttpRequest",
}


def register_from(browser, shop, origin, account):
    """Opens an account from a page of an origin, with headers for which browsers ask first."""
    browser.open(origin)
    options = {
        "method": "POST",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer none", **TRACING},
        "body": json.dumps(account),
    }
    return browser.run(FETCH, f"{shop.origin}/users/register", options)


def allowed_origin_may_call(browser, shop, site):
    """A page of an allowed origin passes the preflight, and reads answers and errors with their request id."""
    account = {**ACCOUNT, "email": "grace@example.com"}
    answer = register_from(browser, shop, site.allowed, account)
    expect(201, answer.get("status"), f"registering from an allowed origin ({answer})")
    answer = register_from(browser, shop, site.allowed, account)
    expect(400, answer.get("status"), f"registering again ({answer})")
    expect(("email already exists", "email_taken"), (answer["body"]["meta"]["message"], answer["body"]["meta"]["code"]), "error")
    expect(answer["body"]["meta"]["request_id"], answer["request_id"], "request id in the header that the page may read")


def other_origin_may_not(browser, shop, site):
    """A page of any other origin reads nothing, and its call is not made."""
    account = {**ACCOUNT, "email": "mallory@example.com"}
    answer = register_from(browser, shop, site.refused, account)
    expect(True, "refused" in answer, f"refusal of an origin that is not allowed ({answer})")
    answer = register_from(browser, shop, site.allowed, account)
    expect(201, answer.get("status"), f"the refused call left no account ({answer})")


# Reads a payment's events as a page does, with the token in a header, and keeps the status that each told.
WATCH = """
    const [url, token] = arguments;
    window.told = [];
    const read = async () => {
        const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = ''; ;) {
            const { done, value } = await reader.read();
            if (done) return;
            const events = (rest + value).split('\\n\\n');
            rest = events.pop();
            for (const event of events) {
                const data = event.split('\\n').find(line => line.startsWith('data: '));
                if (data) window.told.push(JSON.parse(data.slice(6)).status);
            }
        }
    };
    read().catch(error => window.told.push(String(error)));
"""


def call(browser, shop, method, path, body, token=None):
    """Calls REST from the page that is open, and returns the results."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    options = {"method": method, "headers": headers} | ({"body": json.dumps(body)} if body else {})
    answer = browser.run(FETCH, f"{shop.origin}{path}", options)
    expect(True, answer.get("status") in (200, 201), f"{method} {path} ({answer})")
    return answer["body"]["results"]


def enter(browser, shop, role):
    """Opens an account and returns its token."""
    account = {**ACCOUNT, "email": f"{role}@example.com", "role": role}
    call(browser, shop, "POST", "/users/register", account)
    return call(browser, shop, "POST", "/users/login", account)["token"]


def payment_page_pays(browser, shop, site):
    """An order is refused once and then paid on the simulator's page, and another page sees it happen without asking."""
    browser.open(site.allowed)
    seller, buyer = enter(browser, shop, "seller"), enter(browser, shop, "buyer")
    teapot = {"name": "<b>Teapot</b>", "description": "Of clay", "price": "125000", "stock": 3}
    product = call(browser, shop, "POST", "/products", teapot, seller)
    order = {"product_id": product["id"], "quantity": 2}
    payment = call(browser, shop, "POST", "/payments", order, buyer)
    browser.run(WATCH, f"{shop.origin}/payments/{payment['id']}/events", buyer)
    browser.wait_for("return window.told.length === 1")

    watching = browser.open_window()
    browser.console_errors()
    browser.open(payment["payment_url"])
    text = browser.wait_for("return document.querySelector('main').innerText")
    expect(True, "Rp 250.000" in text and "<b>Teapot</b>" in text, f"what the page says ({text})")
    browser.click("button.deny")
    browser.wait_for("return document.querySelector('.status.refused') !== null")
    browser.click("button.pay")
    browser.wait_for("return document.querySelector('.status.paid') !== null")
    expect([], browser.console_errors(), "errors of the console")

    browser.go_to_window(watching)
    browser.wait_for("return window.told.includes('success')")
    expect(["pending", "deny", "success"], browser.run("return window.told"), "what the watching page was told")
    expect("success", call(browser, shop, "GET", f"/payments/{payment['id']}", None, buyer)["status"], "status")


# What a page does with the functions of docs/browser.md, in their order.
PAGE_OF_THE_DOCUMENT = """
    const email = "page@example.com", password = "correct horse";
    const tokens = [];
    for (const role of ["seller", "buyer"]) {
        const account = { name: "Ada", email: `${role}.${email}`, role, password, confirm_password: password };
        await call("POST", "/users/register", { body: account });
        tokens.push(await logIn(account.email, password));
    }
    const [seller, buyer] = tokens;
    const canvas = new OffscreenCanvas(32, 32);
    canvas.getContext("2d").fillRect(0, 0, 16, 16);
    const image = new File([await canvas.convertToBlob()], "lamp.png", { type: "image/png" });
    const product = await offer(seller, { name: "Lamp", description: "Of brass", price: "1000", stock: 3 }, image);
    const refused = await offer(seller, { name: "", description: "Of brass", price: "1000", stock: 3 }).catch(error => error);
    const key = crypto.randomUUID();
    const payment = await order(buyer, product.id, 1, key);
    const again = await order(buyer, product.id, 1, key);
    const statuses = [], ended = new AbortController();
    await follow(buyer, payment.id, change => {
        statuses.push(change.status);
        if (change.status === "pending") fetch(`${payment.payment_url}/pay`, { method: "POST", mode: "no-cors" });
        if (change.status === "success") ended.abort();
    }, ended.signal).catch(() => {});
    const stranger = await follow(seller.slice(0, -3), payment.id, () => {}).catch(error => error.answer.status);
    return {
        image: product.image_url,
        refused: [refused.status, refused.code, refused.errors.map(error => error.field)],
        once: payment.id === again.id,
        statuses,
        stranger,
    };
"""


def code_of_the_document_works(browser, shop, site):
    """The functions of docs/browser.md register, upload, order once, follow a payment, and tell errors."""
    browser.open(site.allowed)
    path = os.path.join(os.path.dirname(__file__), "../../docs/browser.md")
    with open(path, encoding="utf-8") as file:
        blocks = [block for block in Document(file.read()).blocks if block.language == "js"]
    expect(True, len(blocks) >= 4, "the code of docs/browser.md")
    code = "\n".join(line for block in blocks for line in block.lines).replace("https://shop.example", shop.origin)
    result = browser.run(f"return (async () => {{ {code} {PAGE_OF_THE_DOCUMENT} }})();")
    expect(["pending", "success"], result["statuses"], "what was told")
    expect([400, "invalid_request", ["name"]], result["refused"], "an error")
    expect((True, 401), (result["once"], result["stranger"]), "ordered once, and followed by nobody else")
    expect(True, result["image"].endswith(".png"), "the image")


CHECKS = [
    first_page_leads_on,
    docs_page_works_offline,
    docs_page_makes_calls,
    docs_page_works_behind_a_proxy,
    allowed_origin_may_call,
    other_origin_may_not,
    payment_page_pays,
    code_of_the_document_works,
]


def main(binary, screenshot):
    """Runs all checks in one browser against one shop."""
    with (
        tempfile.TemporaryDirectory() as folder,
        OtherSite() as site,
        Shop(os.path.abspath(binary), folder, site.allowed) as shop,
        Browser(os.path.join(folder, "profile")) as browser,
    ):
        for check in CHECKS:
            try:
                check(browser, shop, site)
            except Exception:
                browser.screenshot(screenshot)
                print(f"FAILED  {check.__doc__}\nThe page: {screenshot}\nThe shop's log:\n{shop.log()}", file=sys.stderr)
                raise
            print(f"ok      {check.__doc__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
