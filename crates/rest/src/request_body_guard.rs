//! The handling of a request body that the handler has not read when the answer is ready.
//!
//! The framework closes the connection of an unread body of known length, after a moment for the client to read the answer. It
//! would read a dropped body in chunks to its end, however long that takes and whatever the timeouts. So the answer keeps the
//! request's body, and the connection closes in both cases.

use crate::connection_timeout::UnderWay;
use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A request's body, shared by the handler and the answer.
#[derive(Clone)]
pub(crate) struct RequestBody(Rc<RefCell<Payload>>);

impl RequestBody {
    /// Shares the body of a request that has one.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        match request.take_payload() {
            Payload::None => None,
            payload => {
                let shared = Self(Rc::new(RefCell::new(payload)));
                request.set_payload(Payload::Stream { payload: Box::pin(shared.clone()) });
                Some(shared)
            }
        }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// An answer's body that keeps the request's body, and stops the connection's timer when it is sent.
pub(crate) struct GuardedBody {
    answer: BoxBody,
    _request: Option<RequestBody>,
    under_way: Option<UnderWay>,
}

/// Keeps the body of a request until its answer is sent.
pub(crate) fn guard<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    request: Option<RequestBody>,
    under_way: Option<UnderWay>,
) -> ServiceResponse<GuardedBody> {
    response.map_body(|_, body| GuardedBody { answer: body.boxed(), _request: request, under_way })
}

impl MessageBody for GuardedBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let held = self.get_mut();
        let piece = Pin::new(&mut held.answer).poll_next(context);
        // An answer without an end restarts the timer with each piece.
        if let (Poll::Ready(Some(_)), BodySize::Stream, Some(under_way)) = (&piece, held.answer.size(), &held.under_way)
        {
            under_way.progressed();
        }
        piece
    }
}
