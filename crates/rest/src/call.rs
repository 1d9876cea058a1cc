//! The door from a request to a use case.

use crate::edge::{Facts, Shared};
use crate::error::{EdgeError, Refusal};
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::clock::Deadline;
use domain::context::Context;
use domain::use_case::{Admission, Caller, Handler, UseCase};
use std::future::{Ready, ready};

/// A request that is about to become a call.
pub(crate) struct Call(HttpRequest);

impl Call {
    /// Opens a use case to this request: counts the call, and tells who makes it.
    pub(crate) fn admit<U: UseCase>(&self, handler: &Handler<U>) -> Result<Context, Refusal> {
        let facts = Facts::of(&self.0).ok_or(EdgeError::Panicked)?;
        let shared = self.0.app_data::<Data<Shared>>().ok_or(EdgeError::Panicked)?;
        let authorization = self.0.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("not ASCII"));
        let Admission { quota, context } = handler.admit(Caller {
            authorization,
            client: facts.client,
            request_id: facts.request_id.clone(),
            deadline: Deadline::within(shared.options.request_timeout),
        });
        if let Some(quota) = quota {
            self.0.extensions_mut().insert(quota);
        }
        Ok(context?)
    }
}

impl FromRequest for Call {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
