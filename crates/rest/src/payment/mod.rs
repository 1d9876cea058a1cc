//! Payments.

mod body;
mod events;
mod query;

pub(crate) use self::events::{__path_watch, watch};

use self::body::{LineBody, OrderBody, PaymentBody};
use self::query::ListQuery;
use crate::addresses::Addresses;
use crate::body::{Form, query as read_query};
use crate::envelope::{Answer, Reply, Success};
use crate::error::ApiError;
use crate::extract::Call;
use crate::list::List;
use crate::openapi::error_responses::{ErrorsWithBody, ErrorsWithId, ErrorsWithQuery};
use crate::server::resource;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use app::App;
use app::payment::{BrowsePayments, Checkout, ViewPayment, ViewTimeline};

/// The header with the key by which an order that is sent again is known again (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(crate) fn routes(config: &mut ServiceConfig) {
    let all = resource("/payments", "GET, HEAD, POST").get(browse).route(web::head().to(browse)).post(create);
    let one = resource("/payments/{id}", "GET, HEAD").get(view).route(web::head().to(view));
    let entries = resource("/payments/{id}/timeline", "GET, HEAD").get(timeline).route(web::head().to(timeline));
    config.service(all).service(one).service(entries).service(resource("/payments/{id}/events", "GET").get(watch));
}

/// Orders a product.
///
/// Opens the page on which it is paid. Only buyers order. The pieces are reserved until the payment's time is over. With an `Idempotency-Key` an order that is sent
/// again, for whatever reason, is made once: the answer is that of the first time. A key is kept for a day.
#[utoipa::path(
    post,
    path = "/payments",
    operation_id = "create_payment",
    summary = "Order a product",
    tag = "payments",
    security(("bearer" = [])),
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "What this order is known by, should it be sent again: 1 to 255 visible ASCII characters. Empty, it is as good \
                       as absent",
        pattern = "^[!-~]*$", max_length = 255, example = "order-4711",
    )),
    request_body(content((OrderBody = "application/json"), (OrderBody = "application/x-www-form-urlencoded"))),
    responses(
        (
            status = 201,
            description = "The order is made, and can be paid",
            body = Success<PaymentBody>,
            headers(("Location" = String, description = "Where the payment is")),
            example = json!({
                "meta": { "success": true, "message": "payment created successfully" },
                "results": body::example(),
            }),
        ),
        ErrorsWithBody<Checkout>,
    )
)]
pub(crate) async fn create(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    request: HttpRequest,
    form: Form<OrderBody>,
) -> Result<Reply<PaymentBody>, ApiError> {
    let admitted = call.admit(&app.commands.checkout)?;
    // A key that is not text, or one of several, becomes an invalid key, so that it does not count as an absent one.
    let mut keys = request.headers().get_all(IDEMPOTENCY_KEY);
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => Some(key.to_str().unwrap_or("\u{7f}").to_owned()),
        (Some(_), Some(_)) => Some("\u{7f}".to_owned()),
        (None, _) => None,
    };
    let payment = call.run(admitted, form.read().await?.under(key.unwrap_or_default())).await?;
    let location = addresses.of_path(&format!("/payments/{}", payment.id));
    Ok(Reply::created("payment created successfully", addresses.payment(payment).into()).header(LOCATION, location))
}

/// Shows a payment.
///
/// Its buyer and its product's seller see it.
#[utoipa::path(
    get,
    path = "/payments/{id}",
    operation_id = "view_payment",
    summary = "Show a payment",
    tag = "payments",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The payment's identifier", format = Uuid)),
    responses(
        (
            status = 200,
            description = "The payment",
            body = Success<PaymentBody>,
            example = json!({
                "meta": { "success": true, "message": "Payment retrieved successfully" },
                "results": body::example(),
            }),
        ),
        ErrorsWithId<ViewPayment>,
    )
)]
pub(crate) async fn view(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    id: Path<String>,
) -> Result<Reply<PaymentBody>, ApiError> {
    let payment = call.run(call.admit(&app.queries.view_payment)?, id.into_inner()).await?;
    Ok(Reply::ok("Payment retrieved successfully", addresses.payment(payment).into()))
}

/// Shows a list of payments, page by page.
///
/// Buyers see their purchases and sellers the sales of their products, the newest first.
#[utoipa::path(
    get,
    path = "/payments",
    operation_id = "browse_payments",
    summary = "List payments",
    tag = "payments",
    security(("bearer" = [])),
    params(ListQuery),
    responses(
        (
            status = 200,
            description = "The payments",
            body = List<PaymentBody>,
            headers(("Link" = String, description = "Where the next page is, as `<…>; rel=\"next\"`, if there is one; relative to this one's address")),
            example = json!({
                "meta": {
                    "success": true,
                    "message": "Payments retrieved successfully",
                    "current_page": 1,
                    "total_pages": 1,
                    "total_items": 1,
                    "items_per_page": 100,
                    "has_next_page": false,
                    "has_previous_page": false,
                },
                "results": [body::example()],
            }),
        ),
        ErrorsWithQuery<BrowsePayments>,
    )
)]
pub(crate) async fn browse(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    request: HttpRequest,
) -> Result<Answer<List<PaymentBody>>, ApiError> {
    let admitted = call.admit(&app.queries.browse_payments)?;
    let query: ListQuery = read_query(&request)?;
    let page = call.run(admitted, query.into()).await?;
    Ok(Answer::list(&request, "Payments retrieved successfully", page, |payment| addresses.payment(payment).into()))
}

/// Tells a payment's whole story.
///
/// What happened to it, what the gateway sent, which mails went out. Its buyer and its product's seller see it.
#[utoipa::path(
    get,
    path = "/payments/{id}/timeline",
    operation_id = "view_timeline",
    summary = "Show a timeline",
    tag = "payments",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The payment's identifier", format = Uuid)),
    responses(
        (
            status = 200,
            description = "The story, in the order in which it happened",
            body = Success<Vec<LineBody>>,
            example = json!({
                "meta": { "success": true, "message": "data retrieved successfully" },
                "results": [{
                    "at": "2026-01-31T09:27:10.100200Z",
                    "kind": "ordered",
                    "text": "2 pieces reserved, 10 left, total 2500000",
                }],
            }),
        ),
        ErrorsWithId<ViewTimeline>,
    )
)]
pub(crate) async fn timeline(app: Data<App>, call: Call, id: Path<String>) -> Result<Reply<Vec<LineBody>>, ApiError> {
    let lines = call.run(call.admit(&app.queries.view_timeline)?, id.into_inner()).await?;
    Ok(Reply::ok("data retrieved successfully", lines.into_iter().map(LineBody::from).collect()))
}
