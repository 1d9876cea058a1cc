//! The extractor by which a handler admits its request to a use case and runs it.

use crate::error::ApiError;
use crate::middleware::{RequestInfo, Shared};
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use app::clock::Deadline;
use app::observe::Protocol;
use app::pipeline::{Admission, Admitted, Caller, Handler, UseCase};
use domain::error::{Error, ErrorCode};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

/// The time after which a client may retry when too many calls were running.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request, as a handler admits it to a use case.
pub(crate) struct Call(HttpRequest);

impl Call {
    /// Admits this request to a use case, by its head alone: the body has not been read yet.
    pub(crate) fn admit<U: UseCase>(&self, handler: &Handler<U>) -> Result<Admitted<U>, ApiError> {
        let info = RequestInfo::of(&self.0).ok_or_else(ApiError::internal)?;
        // A value that is not text is an invalid token, not a missing one.
        let authorization = self.0.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("unreadable"));
        let Admission { quota, outcome } = handler.admit(Caller {
            protocol: Protocol::Rest,
            authorization,
            client: info.client,
            request_id: info.request_id,
            deadline: Deadline::within(self.shared()?.options.request_timeout),
        });
        if let Some(quota) = quota {
            self.0.extensions_mut().insert(quota);
        }
        Ok(outcome?)
    }

    /// Runs a use case, or fails where too many are running.
    pub(crate) async fn run<U: UseCase>(&self, admitted: Admitted<U>, input: U::Input) -> Result<U::Output, ApiError> {
        let shared = self.shared()?;
        let _permit = shared.permits.try_acquire().map_err(|_full| Error::overloaded(RETRY_AFTER))?;
        let time = shared.options.request_timeout;
        // The time that the body took to arrive does not count for the use case.
        let admitted = admitted.with_deadline(Deadline::within(time));
        match tokio::time::timeout(time, admitted.run(input)).await {
            Ok(outcome) => Ok(outcome?),
            Err(_elapsed) => Err(Error::new(ErrorCode::DeadlineExceeded).into()),
        }
    }

    fn shared(&self) -> Result<&Data<Shared>, ApiError> {
        self.0.app_data::<Data<Shared>>().ok_or_else(ApiError::internal)
    }
}

impl FromRequest for Call {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
