"""A buyer and a seller of the shop over gRPC: docs/grpc.md shows pieces of this program."""

import json
import sys
import urllib.request

import grpc
import user_pb2  # Another service's: it may be linked beside the shop's.
from gocommerce import payment_pb2, payment_pb2_grpc, product_pb2, product_pb2_grpc, user_pb2_grpc
from gocommerce import user_pb2 as shop_user_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

# What may be sent again when the server could not be reached: queries, and orders that have an idempotency key.
RETRIES = {
    "methodConfig": [
        {
            "name": [
                {"service": "user.UserQueryService"},
                {"service": "product.ProductQueryService"},
                {"service": "payment.PaymentQueryService"},
                {"service": "payment.PaymentCommandService", "method": "CreatePayment"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.5s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def connect(address):
    # In production: grpc.secure_channel(address, grpc.ssl_channel_credentials(), …).
    return grpc.insecure_channel(address, [("grpc.service_config", json.dumps(RETRIES))])


def log_in(channel, email, password):
    request = shop_user_pb2.UserLoginRequest(email=email, password=password)
    return user_pb2_grpc.UserCommandServiceStub(channel).LoginUser(request, timeout=10).token


def order(channel, token, key, product):
    request = payment_pb2.CreatePaymentRequest(product_id=product, quantity=1)
    metadata = [("authorization", f"Bearer {token}"), ("idempotency-key", key)]
    return payment_pb2_grpc.PaymentCommandServiceStub(channel).CreatePayment(request, timeout=20, metadata=metadata)


def explain(error):
    reason, fields, pause = "", {}, 0.0
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
            reason = info.reason
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest.FromString(detail.value)
            fields = {violation.field: violation.reason for violation in request.field_violations}
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
            pause = delay.seconds + delay.nanos / 1e9
    return reason, fields, pause


def watch(channel, token, payment, after, timeout):
    request = payment_pb2.WatchPaymentRequest(id=payment, after=after)
    metadata = [("authorization", f"Bearer {token}")]
    # Where the loop over it ends, the server has ended the stream. Open it anew with the last number.
    return payment_pb2_grpc.PaymentQueryServiceStub(channel).WatchPayment(request, timeout=timeout, metadata=metadata)


def is_serving(channel):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


PASSWORD = "correct horse"


def register(channel, role, email):
    request = shop_user_pb2.UserRegisterRequest(
        name="Python", email=email, role=role, password=PASSWORD, confirm_password=PASSWORD
    )
    return user_pb2_grpc.UserCommandServiceStub(channel).RegisterUser(request, timeout=10)


def main():
    channel = connect(sys.argv[1])
    # The first connection is lost: that this succeeds is the retry's doing.
    product_pb2_grpc.ProductQueryServiceStub(channel).GetAllProducts(product_pb2.EmptyRequest(page_size=1), timeout=20)
    assert is_serving(channel)
    assert user_pb2.Employee(name="Ada").name == "Ada"

    error = failure(lambda: register(channel, "buyer", "nonsense"))
    reason, fields, _ = explain(error)
    assert (error.code(), reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid_request"), error
    assert fields == {"email": "invalid_email"}, fields

    tokens = {}
    for role in ["seller", "buyer"]:
        email = f"{role}.python@example.com"
        register(channel, role, email)
        tokens[role] = log_in(channel, email, PASSWORD)

    tea = product_pb2_grpc.ProductCommandServiceStub(channel).CreateProduct(
        product_pb2.CreateProductRequest(name="Tea", description="Green", price="10000", stock=5),
        timeout=10,
        metadata=[("authorization", f"Bearer {tokens['seller']}")],
    )
    payment = order(channel, tokens["buyer"], "python-1", tea.id)
    assert order(channel, tokens["buyer"], "python-1", tea.id).id == payment.id

    last = None
    for change in watch(channel, tokens["buyer"], payment.id, 0, 30):
        if last is None:
            # The button of the simulator's page.
            urllib.request.urlopen(urllib.request.Request(payment.payment_url + "/pay", method="POST")).close()
        last = change
        if change.status == "success":
            break
    assert last.status == "success", last

    error = failure(lambda: list(watch(channel, tokens["buyer"], payment.id, last.number, 0.5)))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error


def failure(call):
    """The error that a call must end with."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"no error, but {answer}")


if __name__ == "__main__":
    main()
