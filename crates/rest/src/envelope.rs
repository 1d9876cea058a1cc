//! The envelope of every answer.

use crate::error::{ApiError, WrongField};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use utoipa::ToSchema;

/// What an answer says of itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct Meta {
    /// Always `true`.
    success: bool,
    /// What was done, for people.
    message: &'static str,
}

/// A success.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<R> {
    meta: Meta,
    results: R,
}

/// A success that gives nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    meta: Meta,
}

/// The answer that a handler returns.
pub(crate) struct Answer<B> {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    /// None where the client has the current version already.
    body: Option<B>,
}

/// A success with a result.
pub(crate) type Reply<R> = Answer<Success<R>>;

impl<R> Reply<R> {
    pub(crate) fn ok(message: &'static str, results: R) -> Self {
        Self::new(Success { meta: Meta { success: true, message }, results })
    }

    pub(crate) fn created(message: &'static str, results: R) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(message, results) }
    }
}

impl Answer<Done> {
    pub(crate) fn done(message: &'static str) -> Self {
        Self::new(Done { meta: Meta { success: true, message } })
    }
}

impl<B> Answer<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Some(body) }
    }

    /// The client has the current version (RFC 9110 §15.4.5).
    pub(crate) const fn not_modified() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, headers: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl<B: Serialize> Responder for Answer<B> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in self.headers {
            response.insert_header(header);
        }
        match self.body {
            Some(body) => response.json(body),
            None => response.finish(),
        }
    }
}

/// What an error says of itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorMeta<'a> {
    /// Always `false`.
    success: bool,
    /// What went wrong, for people.
    message: &'a str,
    /// What went wrong, for programs: stable.
    code: &'a str,
    /// The request's identifier, also in `X-Request-Id`.
    request_id: &'a str,
}

/// One field that is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldError<'a> {
    /// The field's name.
    field: &'a str,
    /// What is wrong, for programs: stable.
    code: &'a str,
    /// What is wrong, for people.
    message: &'a str,
}

impl<'a> From<&'a WrongField> for FieldError<'a> {
    fn from(wrong: &'a WrongField) -> Self {
        Self { field: &wrong.field, code: wrong.code, message: &wrong.message }
    }
}

/// An error. Who sends `Accept: application/problem+json` gets a `Problem` in its place.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    meta: ErrorMeta<'a>,
    /// The message once more, where the token is missing or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'a str>,
    /// The message once more, for errors of the server and of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'a str>,
    /// Every field that is wrong, in the order of the request's fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
}

impl<'a> ErrorBody<'a> {
    pub(crate) fn new(error: &'a ApiError, request_id: &'a str) -> Self {
        let message = error.message.as_ref();
        Self {
            meta: ErrorMeta { success: false, message, code: error.code, request_id },
            error: error.challenge.map(|_| message),
            message: error.repeats_message().then_some(message),
            errors: field_errors(error),
        }
    }
}

pub(crate) fn field_errors(error: &ApiError) -> Vec<FieldError<'_>> {
    error.fields.iter().map(FieldError::from).collect()
}
