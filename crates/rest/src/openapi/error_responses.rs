//! The error answers in the OpenAPI document, written by the code that writes the errors themselves.

use crate::envelope::ErrorBody;
use crate::error::{ApiError, HttpError};
use app::pipeline::{COMMON_ERRORS, UseCase};
use domain::error::{Error, ErrorCode, Reason, Violations};
use serde::Serialize;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Content, ContentBuilder, Object, Ref, RefOr, Response, Type};
use utoipa::{IntoResponses, ToSchema};

/// The answers of a route, by status.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

/// The identifier of the requests that the examples answer.
const REQUEST_ID: &str = "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3a";
/// How long the examples tell to wait.
const WAIT: Duration = Duration::from_secs(30);

/// The errors of a route that runs a use case.
pub(crate) struct ErrorsOf<U>(PhantomData<U>);
/// The errors of a route whose use case parses an identifier in the path alone. An empty identifier would be another path, so
/// the answer to it is left out.
pub(crate) struct ErrorsWithId<U>(PhantomData<U>);
/// The errors of a route whose use case parses the query.
pub(crate) struct ErrorsWithQuery<U>(PhantomData<U>);
/// The errors of a route whose use case parses a body.
pub(crate) struct ErrorsWithBody<U>(PhantomData<U>);

impl<U: UseCase> IntoResponses for ErrorsOf<U> {
    fn responses() -> Responses {
        described(own::<U>().chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithId<U> {
    fn responses() -> Responses {
        let own = own::<U>().filter(|error| error.code != ErrorCode::InvalidRequest.as_str());
        described(own.chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithQuery<U> {
    fn responses() -> Responses {
        described(own::<U>().chain([HttpError::MalformedQuery.into()]).chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithBody<U> {
    fn responses() -> Responses {
        let of_body = [
            ApiError::from(HttpError::MalformedBody),
            ApiError::wrong_type("name".to_owned(), "a string"),
            HttpError::BodyTimeout.into(),
            HttpError::BodyTooLarge.into(),
            HttpError::UnsupportedMediaType.into(),
        ];
        described(own::<U>().chain(of_body).chain(common()))
    }
}

/// The errors of the check of access, and then those of the use case.
fn own<U: UseCase>() -> impl Iterator<Item = ApiError> {
    U::ACCESS.errors().iter().chain(U::ERRORS).copied().map(example)
}

/// The errors of a route that runs no use case.
pub(crate) fn http_errors(own: &[HttpError]) -> Responses {
    described(own.iter().copied().map(ApiError::from))
}

/// The errors of a route, and further errors of HTTP.
pub(crate) fn with_http_errors(mut own: Responses, http: &[HttpError]) -> Responses {
    for (status, response) in http_errors(http) {
        own.entry(status).or_insert(response);
    }
    own
}

fn common() -> impl Iterator<Item = ApiError> {
    std::iter::once(HttpError::UriTooLong.into()).chain(COMMON_ERRORS.map(example))
}

/// An error as it typically is.
fn example(code: ErrorCode) -> ApiError {
    let has_fields = [ErrorCode::InvalidRequest, ErrorCode::InvalidLogin].contains(&code);
    let ends_by_itself = [
        ErrorCode::RateLimited,
        ErrorCode::LoginThrottled,
        ErrorCode::Overloaded,
        ErrorCode::Unavailable,
        ErrorCode::IdempotencyKeyInUse,
    ];
    if has_fields {
        let mut wrong = Violations::default();
        wrong.add(if code == ErrorCode::InvalidLogin { "email" } else { "name" }, &Reason::empty());
        wrong.into_error(code).into()
    } else if ends_by_itself.contains(&code) {
        Error::retry_later(code, WAIT).into()
    } else {
        code.into()
    }
}

fn described(errors: impl Iterator<Item = ApiError>) -> Responses {
    let mut by_status: BTreeMap<String, Vec<ApiError>> = BTreeMap::new();
    for error in errors {
        by_status.entry(error.status.as_str().to_owned()).or_default().push(error);
    }
    by_status.into_iter().map(|(status, errors)| (status, RefOr::T(response(&errors)))).collect()
}

fn response(errors: &[ApiError]) -> Response {
    let told: Vec<_> = errors.iter().map(|error| format!("`{}`: {}", error.code, error.message)).collect();
    let json = content::<ErrorBody<'_>>(errors, |error| value(&ErrorBody::new(error, REQUEST_ID)));
    let mut response = ResponseBuilder::new().description(told.join("; ")).content("application/json", json);
    if errors.iter().any(|error| error.retry_after.is_some()) {
        response = response.header("Retry-After", header(Type::Integer, "Seconds to wait before trying again"));
    }
    if errors.iter().any(|error| error.challenge.is_some()) {
        response = response.header("WWW-Authenticate", header(Type::String, "The challenge of RFC 6750 §3"));
    }
    response.build()
}

fn content<T: ToSchema>(errors: &[ApiError], value: impl Fn(&ApiError) -> Option<serde_json::Value>) -> Content {
    let examples = errors.iter().map(|error| (named(error), shown(error, value(error))));
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).examples_from_iter(examples).build()
}

/// An example's name: a code may come with fields and without.
fn named(error: &ApiError) -> String {
    let fields = error.fields.iter().map(|wrong| wrong.code);
    std::iter::once(error.code).chain(fields).collect::<Vec<_>>().join("_")
}

fn shown(error: &ApiError, value: Option<serde_json::Value>) -> Example {
    ExampleBuilder::new().summary(error.message.clone()).value(value).build()
}

fn value(body: &impl Serialize) -> Option<serde_json::Value> {
    serde_json::to_value(body).ok()
}

/// The description of a header.
pub(crate) fn header(kind: Type, meaning: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(meaning)).build()
}
