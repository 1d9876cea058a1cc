"""What a request of schemathesis must have to be a valid one beyond what JSON Schema can say, so that every refusal of a
request that the document calls valid is a mistake of the document.

The shop's own accounts and things come by environment variables from scripts/openapi-check.
"""

import base64
import itertools
import os
import re
import secrets

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

# Of 1 x 1 pixels.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)

# An image is one by its content, and an address one of the web.
schemathesis.openapi.format("binary", st.just(PNG))
schemathesis.openapi.format("uri", st.from_regex(r"\Ahttps://[a-z]{1,9}\.example/[a-z0-9/._~?=&%20-]{0,40}\Z"))

WATCHES = 20

run = secrets.token_hex(4)
numbers = itertools.count(1)
watches = itertools.count()
emails_seen = set()
keys_seen = set()


@schemathesis.hook
def before_load_schema(_context, document):
    """Says of an event what OpenAPI 3.2 has a word for: that the schema is one of its data."""
    for item in document["paths"].values():
        for operation in item.values():
            for answer in operation["responses"].values():
                events = answer.get("content", {}).get("text/event-stream")
                if events is not None:
                    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": events.pop("schema")}
                    events["itemSchema"] = {"type": "object", "properties": {"data": data}, "required": ["data"]}


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes a request that is valid by the document one that is valid by the words beside it."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    body = case.body if isinstance(case.body, dict) else None
    if body is not None and case.media_type == "multipart/form-data":
        drop_unwritable_names(body)
    change = CHANGES.get(f"{case.operation.method.upper()} {case.operation.path}")
    if change is not None:
        change(case, body)


def drop_unwritable_names(body):
    """Fields that are not known are ignored, but no part of a multipart body can have these names."""
    for name in [name for name in body if not name or re.search(r"[\x00-\x1f\x7f]", name)]:
        del body[name]


def register(_case, body):
    """One account per address, the password twice, and in 72 bytes of UTF-8."""
    if body is None:
        return
    address = body["email"].lower()
    if address in emails_seen or address.endswith("@example.com"):
        body["email"] = f"{run}.{next(numbers)}@example.com"
    emails_seen.add(address)
    encoded = body["password"].encode()
    if len(encoded) > 72:
        body["password"] = encoded[:72].decode(errors="ignore")
    body["confirm_password"] = body["password"]


def browse(case, _body):
    """A cursor is one that the list has given, and no price is both above and below another."""
    query = case.query or {}
    query.pop("cursor", None)
    lowest, highest = query.get("min_price"), query.get("max_price")
    if lowest and highest and float(lowest) > float(highest):
        query["min_price"], query["max_price"] = highest, lowest


def round_price(_case, body):
    """An amount has two decimals, which no keyword says of a number without being wrong about doubles."""
    if body is not None and isinstance(body.get("price"), float):
        body["price"] = max(round(body["price"], 2), 0.01)


def change_product(case, body):
    """Of a product that there is."""
    round_price(case, body)
    one_of_ours(case, "SHOP_PRODUCT")


def one_of_ours(case, variable):
    """In every other request, the identifier of something that there is."""
    if next(numbers) % 2:
        case.path_parameters["id"] = os.environ[variable]


def view_payment(case, _body):
    """Of a payment that there is."""
    one_of_ours(case, "SHOP_PAYMENT")


def watch_payment(case, _body):
    """Of a payment that there is, a few times: each takes until the time for it is over."""
    if next(watches) < WATCHES:
        one_of_ours(case, "SHOP_PAYMENT")


def order(case, body):
    """What is ordered is there, in as many pieces, and another order has another key."""
    if body is None:
        return
    body["product_id"] = os.environ["SHOP_PRODUCT"]
    body["quantity"] = type(body["quantity"])(int(body["quantity"]) % 10 + 1)
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None:
        if key in keys_seen:
            del case.headers["Idempotency-Key"]
        keys_seen.add(key)


CHANGES = {
    "POST /users/register": register,
    "GET /products": browse,
    "GET /payments": browse,
    "POST /products": round_price,
    "PUT /products/{id}": change_product,
    "GET /products/{id}": lambda case, _body: one_of_ours(case, "SHOP_PRODUCT"),
    "GET /payments/{id}": view_payment,
    "GET /payments/{id}/timeline": view_payment,
    "GET /payments/{id}/events": watch_payment,
    "GET /users/{id}": lambda case, _body: one_of_ours(case, "SHOP_ACCOUNT"),
    "POST /payments": order,
}
