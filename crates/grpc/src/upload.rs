//! The bound on what uploads take of the memory: a few places, shared with REST, one for each request that is larger than
//! an ordinary one.

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

/// When a request that found no place may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A place among the uploads under way. Dropping it gives it up.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Where a request's body leaves the place that it has taken, for the handler to find.
type Slot = Arc<Mutex<Option<Place>>>;

impl Place {
    /// The place that a request has taken while it came in, if it was large enough to need one.
    pub(crate) fn taken<M>(request: &tonic::Request<M>) -> Option<Self> {
        let slot = request.extensions().get::<Slot>()?;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Lets a request in, or tells why not, by its head alone.
pub(crate) type Gate = fn(&App, &mut Request<Body>) -> Result<(), Status>;

/// A service whose requests may be large. Strangers are turned away before any of that is read.
#[derive(Clone)]
pub(crate) struct Uploads<S> {
    app: Arc<App>,
    gate: Gate,
    places: Arc<Semaphore>,
    /// Requests of up to this many bytes need no place: they are as large as any other's may be.
    ordinary: usize,
    service: S,
}

impl<S> Uploads<S> {
    pub(crate) fn new(app: Arc<App>, gate: Gate, options: &Options, service: S) -> Self {
        Self { app, gate, places: Arc::clone(&options.uploads), ordinary: options.max_message, service }
    }

    fn watch(&self, request: Request<Body>) -> Request<Body> {
        let slot = Slot::default();
        let (mut head, body) = request.into_parts();
        // A few compressed bytes may unpack to as many as are allowed.
        let ordinary = if is_compressed(&head.headers) { 0 } else { self.ordinary };
        let request_id = head.extensions.get::<Call>().map(|call| call.request_id.clone());
        head.extensions.insert(Arc::clone(&slot));
        let places = Arc::clone(&self.places);
        let watched = Watched { body, read: 0, ordinary, has_place: false, places, slot, request_id };
        Request::from_parts(head, Body::new(watched))
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
        // The one that is ready, and another for the next call.
        let next = self.clone();
        let mut this = std::mem::replace(self, next);
        Box::pin(async move {
            if let Err(refusal) = (this.gate)(&this.app, &mut request) {
                return Ok(refusal.into_http());
            }
            let request = this.watch(request);
            this.service.call(request).await
        })
    }
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get("grpc-encoding").is_some_and(|encoding| encoding != "identity")
}

/// A request's body, which takes a place when it turns out to be large.
struct Watched {
    body: Body,
    read: usize,
    ordinary: usize,
    has_place: bool,
    places: Arc<Semaphore>,
    slot: Slot,
    request_id: Option<RequestId>,
}

impl Watched {
    /// Counts what has come, and takes a place where it is more than an ordinary request.
    fn count(&mut self, bytes: usize) -> Result<(), Status> {
        self.read = self.read.saturating_add(bytes);
        if self.has_place || self.read <= self.ordinary {
            return Ok(());
        }
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| self.overloaded())?;
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Place { _permit: permit });
        self.has_place = true;
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

impl HttpBody for Watched {
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
