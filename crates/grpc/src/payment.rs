//! Payments: `proto/gocommerce/payment.proto` over the use cases of `app::payment`.

use crate::call::{Call, admit, run};
use crate::product::{NAMES, product_response, timestamp};
use crate::proto::payment::payment_command_service_server::PaymentCommandService;
use crate::proto::payment::payment_query_service_server::PaymentQueryService;
use crate::proto::payment::{
    CreatePaymentRequest, GetAllPaymentsRequest, GetPaymentByIdRequest, GetPaymentTimelineRequest, ListPaymentResponse,
    PaymentChange as ChangeMessage, PaymentResponse, PaymentTimelineResponse, TimelineLine, WatchPaymentRequest,
};
use crate::{deadline, error};
use app::App;
use app::clock::Deadline;
use app::context::RequestId;
use app::page::{Page, PageForm};
use app::payment::watch::WATCH_TIME;
use app::payment::{BrowsePaymentsForm, OrderForm, PaymentChange, PaymentView, PaymentWatch, TimelineEntry, WatchForm};
use app::product::ProductView;
use domain::error::{Error, ErrorCode, causes};
use futures_util::FutureExt;
use futures_util::stream::unfold;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// The metadata with the key that identifies a repeated order.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(crate) struct PaymentCommands(pub(crate) Arc<App>);

pub(crate) struct PaymentQueries {
    pub(crate) app: Arc<App>,
    /// Ends streams when the server is about to stop.
    pub(crate) stop: CancellationToken,
}

#[tonic::async_trait]
impl PaymentCommandService for PaymentCommands {
    async fn create_payment(
        &self,
        request: Request<CreatePaymentRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let call = admit(&request, &self.0.commands.checkout)?;
        // A key that is not text becomes an invalid key, so that it does not count as an absent one.
        let mut keys = request.metadata().get_all(IDEMPOTENCY_KEY).iter();
        let key = match (keys.next(), keys.next()) {
            (Some(key), None) => Some(key.to_str().unwrap_or("\u{7f}").to_owned()),
            (Some(_), Some(_)) => Some("\u{7f}".to_owned()),
            (None, _) => None,
        };
        let CreatePaymentRequest { product_id, quantity } = request.into_inner();
        let (quantity, idempotency_key) = (quantity.to_string(), key.unwrap_or_default());
        let payment = run(call, OrderForm { product_id, quantity, idempotency_key }).await?;
        Ok(Response::new(payment_response(payment)))
    }
}

type Changes = Pin<Box<dyn Stream<Item = Result<ChangeMessage, Status>> + Send>>;

#[tonic::async_trait]
impl PaymentQueryService for PaymentQueries {
    async fn get_payment_by_id(
        &self,
        request: Request<GetPaymentByIdRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let call = admit(&request, &self.app.queries.view_payment)?;
        let payment = run(call, request.into_inner().id).await?;
        Ok(Response::new(payment_response(payment)))
    }

    async fn get_all_payments(
        &self,
        request: Request<GetAllPaymentsRequest>,
    ) -> Result<Response<ListPaymentResponse>, Status> {
        let call = admit(&request, &self.app.queries.browse_payments)?;
        let page = run(call, browse_form(request.into_inner())).await?;
        Ok(Response::new(list_response(page)))
    }

    async fn get_payment_timeline(
        &self,
        request: Request<GetPaymentTimelineRequest>,
    ) -> Result<Response<PaymentTimelineResponse>, Status> {
        let call = admit(&request, &self.app.queries.view_timeline)?;
        let lines = run(call, request.into_inner().id).await?;
        Ok(Response::new(PaymentTimelineResponse { lines: lines.into_iter().map(line_message).collect() }))
    }

    type WatchPaymentStream = Changes;

    async fn watch_payment(&self, request: Request<WatchPaymentRequest>) -> Result<Response<Changes>, Status> {
        let call = admit(&request, &self.app.queries.watch_payment)?;
        let request_id = request.extensions().get::<Call>().map(|call| call.request_id.clone());
        // Where the caller has no deadline the watch ends by itself.
        let caller_waits = deadline::of(request.metadata().as_ref(), WATCH_TIME * 2);
        let WatchPaymentRequest { id, after } = request.into_inner();
        let after = if after == 0 { String::new() } else { after.to_string() };
        let watch = run(call, WatchForm { id, after }).await?;
        let request_id = request_id.unwrap_or_else(|| RequestId::accept(None));
        let (app, stop) = (Arc::clone(&self.app), self.stop.clone());
        let watching = Watching { app, watch, request_id, caller_waits, stop };
        Ok(Response::new(Box::pin(unfold(Some(watching), Watching::step))))
    }
}

struct Watching {
    app: Arc<App>,
    watch: PaymentWatch,
    request_id: RequestId,
    caller_waits: Deadline,
    stop: CancellationToken,
}

impl Watching {
    /// The next message. Nothing follows an error.
    async fn step(watching: Option<Self>) -> Option<(Result<ChangeMessage, Status>, Option<Self>)> {
        let mut watching = watching?;
        match watching.next().await {
            Ok(Some(change)) => Some((Ok(change_message(&change)), Some(watching))),
            Ok(None) => None,
            Err(failure) => Some((Err(error::status(&failure, &watching.request_id)), None)),
        }
    }

    async fn next(&mut self) -> Result<Option<PaymentChange>, Error> {
        // A panic here would end the connection, with all calls on it.
        let next = AssertUnwindSafe(self.watch.next()).catch_unwind();
        match self.stop.run_until_cancelled(deadline::within(self.caller_waits, next)).await {
            None => Err(Error::unavailable("the server stops")),
            Some(None) => Err(ErrorCode::DeadlineExceeded.into()),
            Some(Some(Ok(change))) => change.inspect_err(|error| {
                tracing::warn!(code = error.code().as_str(), causes = causes(error), "a watch has ended");
            }),
            Some(Some(Err(_panic))) => {
                self.app.pipeline.observer.panic_caught("grpc");
                Err(Error::internal("a watch panicked"))
            }
        }
    }
}

fn browse_form(message: GetAllPaymentsRequest) -> BrowsePaymentsForm {
    let limit = if message.page_size == 0 { String::new() } else { message.page_size.to_string() };
    BrowsePaymentsForm {
        status: message.status,
        page: PageForm { page: String::new(), limit, cursor: message.page_token, names: NAMES },
    }
}

fn list_response(page: Page<PaymentView>) -> ListPaymentResponse {
    ListPaymentResponse {
        payments: page.items.into_iter().map(payment_response).collect(),
        next_page_token: page.next.unwrap_or_default(),
    }
}

fn payment_response(payment: PaymentView) -> PaymentResponse {
    PaymentResponse {
        id: payment.id.to_string(),
        product_id: payment.product_id.to_string(),
        user_id: payment.buyer.to_string(),
        payment_code: payment.code,
        quantity: payment.quantity,
        total_amount: payment.total.to_string(),
        status: payment.status.to_string(),
        payment_url: payment.payment_url,
        token: payment.token,
        created_at: Some(timestamp(payment.created_at)),
        updated_at: Some(timestamp(payment.updated_at)),
        product: Some(snapshot(payment.product)),
        needs_attention: payment.needs_attention,
    }
}

/// A product in an order has no version: it cannot be changed.
fn snapshot(product: ProductView) -> crate::proto::product::ProductResponse {
    crate::proto::product::ProductResponse { etag: String::new(), ..product_response(product) }
}

fn line_message(line: TimelineEntry) -> TimelineLine {
    TimelineLine { at: Some(timestamp(line.at)), kind: line.kind.to_owned(), text: line.text }
}

fn change_message(change: &PaymentChange) -> ChangeMessage {
    ChangeMessage {
        id: change.id.to_string(),
        number: change.number,
        status: change.status.to_string(),
        needs_attention: change.needs_attention,
        at: Some(timestamp(change.at)),
    }
}
