//! A payment's changes as server-sent events (WHATWG HTML §9.2).

use super::body::ChangeBody;
use crate::error::ApiError;
use crate::extract::Call;
use crate::middleware::Shared;
use crate::openapi::error_responses::ErrorsOf;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::App;
use app::payment::{PaymentChange, PaymentWatch, WatchForm, WatchPayment};
use domain::error::causes;
use futures_util::stream::unfold;
use futures_util::{FutureExt, Stream};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The header with the number of the last change that the client knows.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Makes proxies such as nginx forward each event at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The longest pause between two messages, so that no proxy closes the connection as idle.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The shortest pause, whatever the operator's timeouts are.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The time after which a client reconnects, in milliseconds.
const PREAMBLE: &str = "retry: 2000\n\n";

/// Lets a payment be watched.
///
/// Sends how it stands, and then each change as it happens, as server-sent events. An event is called `status`, its data is a `PaymentChange`, its `id` the change's number. With `Last-Event-ID` everything
/// comes that has happened since that change. The connection ends after a quarter of an hour, and with the server; come
/// back then with the last `id`. Its buyer and its product's seller may watch a payment.
#[utoipa::path(
    get,
    path = "/payments/{id}/events",
    operation_id = "watch_payment",
    summary = "Watch a payment",
    tag = "payments",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The payment's identifier", format = Uuid),
        (
            "Last-Event-ID" = Option<String>, Header,
            description = "The number of the last change that the client knows: 0 to 4294967295. Empty, it is as good as absent",
            pattern = "^[0-9]{0,9}$", example = "3",
        ),
    ),
    responses(
        (status = 200, description = "The events", body = ChangeBody, content_type = "text/event-stream"),
        ErrorsOf<WatchPayment>,
    )
)]
pub(crate) async fn watch(
    app: Data<App>,
    shared: Data<Shared>,
    call: Call,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let admitted = call.admit(&app.queries.watch_payment)?;
    let after = request.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    let form = WatchForm { id: id.into_inner(), after: after.unwrap_or_default() };
    let watch = call.run(admitted, form).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((BUFFERING, "no"))
        .content_type("text/event-stream")
        .streaming(Events::of(watch, shared).stream()))
}

/// The events of a watch, until it ends or the server stops. An error ends them too: the client reconnects.
struct Events {
    watch: PaymentWatch,
    shared: Data<Shared>,
    pause: Duration,
    has_begun: bool,
}

impl Events {
    fn of(watch: PaymentWatch, shared: Data<Shared>) -> Self {
        // The connection's timer ends an answer of which nothing is sent for longer than this.
        let pause = KEEP_ALIVE.min(shared.options.read_timeout / 2).max(SHORTEST_PAUSE);
        Self { watch, shared, pause, has_begun: false }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        Box::pin(unfold(self, |mut events| async move {
            let text = events.next().await?;
            Some((Ok(Bytes::from(text)), events))
        }))
    }

    /// The next event, or a comment that keeps the connection open.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(PREAMBLE.to_owned());
        }
        let next = AssertUnwindSafe(self.watch.next()).catch_unwind();
        let next = self.shared.stop.run_until_cancelled(tokio::time::timeout(self.pause, next));
        match next.await? {
            Err(_elapsed) => Some(": still here\n\n".to_owned()),
            Ok(Ok(Ok(Some(change)))) => event(&change),
            Ok(Ok(Ok(None))) => None,
            Ok(Ok(Err(error))) => {
                tracing::warn!(code = error.code().as_str(), causes = causes(&error), "a watch has ended");
                None
            }
            Ok(Err(_panic)) => {
                self.shared.app.pipeline.observer.panic_caught("rest");
                None
            }
        }
    }
}

fn event(change: &PaymentChange) -> Option<String> {
    let data = serde_json::to_string(&ChangeBody::from(change)).ok()?;
    Some(format!("id: {}\nevent: status\ndata: {data}\n\n", change.number))
}
