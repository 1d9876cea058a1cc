"""A buyer's and a seller's day, by a client that is made from the document and lies in the package `shop`:

    python3 client.py http://127.0.0.1:8081
"""

import base64
import io
import json
import re
import sys
import time
import urllib.parse

import httpx
from shop import AuthenticatedClient, Client
from shop.api.payments import create_payment, watch_payment
from shop.api.products import browse_products, create_product, update_product, view_image
from shop.api.users import login_user, register_user
from shop.models import (
    Error,
    ListProduct,
    LoginBody,
    Order,
    PaymentChange,
    ProductChange,
    ProductChangeUpload,
    ProductForm,
    ProductUpload,
    RegisterBody,
    Role,
    SuccessLoggedInBody,
    SuccessPayment,
    SuccessProduct,
)
from shop.types import File

PASSWORD = "correct horse"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)


def main(origin):
    """Sells, buys, and pays."""
    seller, buyer = enter(origin, Role.SELLER), enter(origin, Role.BUYER)
    name = f"Oak desk {time.time_ns()}"

    # Without an image; a price is a string or a number.
    plain = good(
        SuccessProduct,
        create_product.sync_detailed(
            client=seller, body=ProductForm(name=name, description="Solid oak.", price=1250000, stock=12)
        ),
    )
    assert plain.results.price == "1250000", plain

    # With one.
    image = File(payload=io.BytesIO(PNG), file_name="desk.png", mime_type="image/png")
    upload = ProductUpload(name=name, description="Solid oak.", price="1250000.50", stock=3, image_url=image)
    answer = create_product.sync_detailed(client=seller, body=upload)
    product = good(SuccessProduct, answer).results
    key = urllib.parse.urlsplit(product.image_url).path.removeprefix("/media/")
    shown = good(File, view_image.sync_detailed(key, client=seller))
    assert shown.payload.read().startswith(b"\x89PNG")

    # One field, and only if nobody has changed the product meanwhile; then one in a form.
    etag = answer.headers["ETag"]
    change = ProductChange(price="1300000")
    changed = good(SuccessProduct, update_product.sync_detailed(product.id, client=seller, body=change, if_match=etag))
    assert (changed.results.price, changed.results.name) == ("1300000", name), changed
    change_in_form = ProductChangeUpload(stock=5)
    restocked = good(SuccessProduct, update_product.sync_detailed(product.id, client=seller, body=change_in_form))
    assert (restocked.results.stock, restocked.results.image_url) == (5, product.image_url), restocked

    # An error is an envelope, whatever its status.
    late = update_product.sync_detailed(product.id, client=seller, body=change, if_match=etag)
    assert isinstance(late.parsed, Error) and late.status_code == 412, late
    assert late.parsed.meta.code == "product_changed", late
    assert "has changed meanwhile" in late.parsed.meta.message, late
    wrong = create_product.sync(
        client=seller, body=ProductForm(name=name, description="Oak.", price="1.2.3", stock=1)
    )
    assert isinstance(wrong, Error) and [error.field for error in wrong.errors] == ["price"], wrong

    found = list(identifiers(buyer, name))
    assert found == [plain.results.id, product.id], found

    # An order, which is made once however often it is sent.
    order, order_key = Order(product_id=product.id, quantity=2), f"order-{time.time_ns()}"
    payments = [
        good(SuccessPayment, create_payment.sync_detailed(client=buyer, body=order, idempotency_key=order_key)).results
        for _ in range(2)
    ]
    payment = payments[0]
    assert payments[1].id == payment.id, payments

    # Its events: how it stands, and what becomes of it once the simulator's page is told to pay.
    seen = []
    for event in events(buyer, payment.id):
        assert event.id == payment.id, event
        seen.append(event.status)
        if event.status == "success":
            break
        httpx.post(f"{payment.payment_url}/pay", follow_redirects=True).raise_for_status()
    assert seen == ["pending", "success"], seen
    print(f"Python: {len(found)} products, payment {payment.payment_code} {', then '.join(seen)}")


def enter(origin, role):
    """Registers and logs in; every call of the client that comes back shows the token."""
    client = Client(base_url=origin, timeout=httpx.Timeout(30))
    email = f"{role}.{time.time_ns()}@example.com"
    body = RegisterBody(name="Ada Lovelace", email=email, role=role, password=PASSWORD, confirm_password=PASSWORD)
    registered = register_user.sync_detailed(client=client, body=body)
    assert registered.status_code == 201, registered
    logged_in = good(SuccessLoggedInBody, login_user.sync_detailed(client=client, body=LoginBody(email, PASSWORD)))
    # The connection is made anew for a watch whose stream goes on.
    return AuthenticatedClient(base_url=origin, token=logged_in.results.token, timeout=httpx.Timeout(30))


def good(kind, answer):
    """What an answer holds, where it is of this kind."""
    assert isinstance(answer.parsed, kind), answer
    return answer.parsed


def identifiers(client, name):
    """The products of a name, from page to page by the cursor that the header `Link` has."""
    cursor = ""
    while True:
        answer = browse_products.sync_detailed(client=client, q=name, sort="oldest", limit=1, cursor=cursor)
        page = good(ListProduct, answer)
        for item in page.results:
            yield item.id
        following = re.search(r'<\?([^>]*)>; rel="next"', answer.headers.get("Link", ""))
        assert page.meta.has_next_page == (following is not None), answer
        if following is None:
            return
        cursor = urllib.parse.parse_qs(following[1])["cursor"][0]


def events(client, payment):
    """The changes of a payment as they come. The function that is made for it would wait for the stream's end, so the
    request alone is taken from it."""
    request = watch_payment._get_kwargs(payment)  # noqa: SLF001
    with client.get_httpx_client().stream(**request) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield PaymentChange.from_dict(json.loads(line.removeprefix("data: ")))


main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8081")
