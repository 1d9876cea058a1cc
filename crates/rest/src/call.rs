//! The door from a request to a use case.

use crate::edge::{Facts, Shared};
use crate::error::Refusal;
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::clock::Deadline;
use domain::context::Context;
use domain::error::{Error, ErrorCode};
use domain::observe::Protocol;
use domain::use_case::{Admission, Caller, Handler, UseCase};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

/// When a call that found no place among those under way may be tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request that is about to become a call.
pub(crate) struct Call(HttpRequest);

/// A call that has been let in to a use case.
pub(crate) struct Admitted<'a, U> {
    handler: &'a Handler<U>,
    context: Context,
    shared: Data<Shared>,
}

impl Call {
    /// Opens a use case to this request: counts the call, and tells who makes it.
    pub(crate) fn admit<'a, U: UseCase>(&self, handler: &'a Handler<U>) -> Result<Admitted<'a, U>, Refusal> {
        let facts = Facts::of(&self.0).ok_or_else(Refusal::internal)?;
        let shared = self.0.app_data::<Data<Shared>>().ok_or_else(Refusal::internal)?;
        // A value that is no text cannot be a token of ours; it must not pass for no token at all.
        let authorization = self.0.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("unreadable"));
        let Admission { quota, context } = handler.admit(Caller {
            protocol: Protocol::Rest,
            authorization,
            client: facts.client,
            request_id: facts.request_id,
            deadline: Deadline::within(shared.options.request_timeout),
        });
        if let Some(quota) = quota {
            self.0.extensions_mut().insert(quota);
        }
        Ok(Admitted { handler, context: context?, shared: shared.clone() })
    }
}

impl<U: UseCase> Admitted<'_, U> {
    /// Runs the use case, where not too many are under way.
    pub(crate) async fn run(self, input: U::Input) -> Result<U::Output, Refusal> {
        let _place = self.shared.places.try_acquire().map_err(|_full| Error::overloaded(RETRY_AFTER))?;
        let time = self.shared.options.request_timeout;
        // The time that the body took to arrive is not the use case's.
        let context = Context { deadline: Deadline::within(time), ..self.context };
        match tokio::time::timeout(time, self.handler.run(context, input)).await {
            Ok(outcome) => Ok(outcome?),
            Err(_elapsed) => Err(Error::new(ErrorCode::DeadlineExceeded).into()),
        }
    }
}

impl FromRequest for Call {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
