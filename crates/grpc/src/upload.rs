//! The limit of the memory for uploads: a few permits, shared with REST. Each request that is larger than an ordinary one
//! takes a permit.

use crate::call::Call;
use crate::{Options, error};
use app::App;
use app::context::RequestId;
use domain::error::Error;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

/// The time after which a client may retry when no permit was free.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The permit of one upload. Dropping it frees it.
pub(crate) struct UploadPermit {
    _permit: OwnedSemaphorePermit,
}

/// Passes the permit from a request's body to the handler.
type PermitCell = Arc<Mutex<Option<UploadPermit>>>;

impl UploadPermit {
    /// The permit of a request. `None` where the request was too small to need one.
    pub(crate) fn taken<M>(request: &tonic::Request<M>) -> Option<Self> {
        let cell = request.extensions().get::<PermitCell>()?;
        cell.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Admits a request by its head alone, or returns the status that refuses it.
pub(crate) type EarlyAdmission = fn(&App, &mut Request<Body>) -> Result<(), Status>;

/// A service with large requests. It refuses an unknown caller before it reads the request.
#[derive(Clone)]
pub(crate) struct Uploads<S> {
    app: Arc<App>,
    admit: EarlyAdmission,
    permits: Arc<Semaphore>,
    /// Requests of up to this many bytes need no permit.
    ordinary: usize,
    service: S,
}

impl<S> Uploads<S> {
    pub(crate) fn new(app: Arc<App>, admit: EarlyAdmission, options: &Options, service: S) -> Self {
        Self { app, admit, permits: Arc::clone(&options.uploads), ordinary: options.max_message, service }
    }

    fn meter(&self, request: Request<Body>) -> Request<Body> {
        let cell = PermitCell::default();
        let (mut head, body) = request.into_parts();
        // A few compressed bytes may decompress to the largest size.
        let ordinary = if is_compressed(&head.headers) { 0 } else { self.ordinary };
        let request_id = head.extensions.get::<Call>().map(|call| call.request_id.clone());
        head.extensions.insert(Arc::clone(&cell));
        let permits = Arc::clone(&self.permits);
        let metered = MeteredBody { body, read: 0, ordinary, has_permit: false, permits, cell, request_id };
        Request::from_parts(head, Body::new(metered))
    }
}

impl<S: NamedService> NamedService for Uploads<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Uploads<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // This call takes the service that is ready. The clone is for the next call.
        let next = self.clone();
        let mut this = std::mem::replace(self, next);
        Box::pin(async move {
            if let Err(status) = (this.admit)(&this.app, &mut request) {
                return Ok(status.into_http());
            }
            let request = this.meter(request);
            this.service.call(request).await
        })
    }
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get("grpc-encoding").is_some_and(|encoding| encoding != "identity")
}

/// A request's body that takes a permit once it exceeds the size of an ordinary one.
struct MeteredBody {
    body: Body,
    read: usize,
    ordinary: usize,
    has_permit: bool,
    permits: Arc<Semaphore>,
    cell: PermitCell,
    request_id: Option<RequestId>,
}

impl MeteredBody {
    /// Counts the bytes, and takes a permit once they exceed the size of an ordinary request.
    fn count(&mut self, bytes: usize) -> Result<(), Status> {
        self.read = self.read.saturating_add(bytes);
        if self.has_permit || self.read <= self.ordinary {
            return Ok(());
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_full| self.overloaded())?;
        *self.cell.lock().unwrap_or_else(PoisonError::into_inner) = Some(UploadPermit { _permit: permit });
        self.has_permit = true;
        Ok(())
    }

    fn overloaded(&self) -> Status {
        let overloaded = Error::overloaded(RETRY_AFTER);
        match &self.request_id {
            Some(request_id) => error::status(&overloaded, request_id),
            None => Status::new(Code::ResourceExhausted, overloaded.to_string()),
        }
    }
}

impl HttpBody for MeteredBody {
    type Data = <Body as HttpBody>::Data;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            other => return other,
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len());
        Poll::Ready(Some(self.count(bytes).map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
