//! How the description tells what a route may refuse: written with the code that refuses, so that it cannot be wrong.

use crate::envelope::ErrorBody;
use crate::error::{EdgeError, Refusal};
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
/// The same, where an identifier in the path is all that the use case parses. It is never empty, or the path is another.
pub(crate) struct ErrorsWithId<U>(PhantomData<U>);
/// The same, where the use case parses the query.
pub(crate) struct ErrorsWithQuery<U>(PhantomData<U>);
/// The same, where the use case parses a body.
pub(crate) struct ErrorsWithBody<U>(PhantomData<U>);

impl<U: UseCase> IntoResponses for ErrorsOf<U> {
    fn responses() -> Responses {
        described(own::<U>().chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithId<U> {
    fn responses() -> Responses {
        let own = own::<U>().filter(|refusal| refusal.code != ErrorCode::InvalidRequest.as_str());
        described(own.chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithQuery<U> {
    fn responses() -> Responses {
        described(own::<U>().chain([EdgeError::MalformedQuery.into()]).chain(common()))
    }
}

impl<U: UseCase> IntoResponses for ErrorsWithBody<U> {
    fn responses() -> Responses {
        let of_body = [
            Refusal::from(EdgeError::MalformedBody),
            Refusal::wrong_type("name".to_owned(), "a string"),
            EdgeError::BodyTimeout.into(),
            EdgeError::BodyTooLarge.into(),
            EdgeError::UnsupportedMediaType.into(),
        ];
        described(own::<U>().chain(of_body).chain(common()))
    }
}

/// The errors of the check of access, and then those of the use case.
fn own<U: UseCase>() -> impl Iterator<Item = Refusal> {
    U::ACCESS.errors().iter().chain(U::ERRORS).copied().map(example)
}

/// The refusals of a route that runs no use case.
pub(crate) fn edge_refusals(own: &[EdgeError]) -> Responses {
    described(own.iter().copied().map(Refusal::from))
}

/// The refusals of a route, and some that only HTTP knows.
pub(crate) fn edge_refusals_and(mut own: Responses, edge: &[EdgeError]) -> Responses {
    for (status, response) in edge_refusals(edge) {
        own.entry(status).or_insert(response);
    }
    own
}

fn common() -> impl Iterator<Item = Refusal> {
    std::iter::once(EdgeError::UriTooLong.into()).chain(COMMON_ERRORS.map(example))
}

/// An error as it typically is.
fn example(code: ErrorCode) -> Refusal {
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

fn described(refusals: impl Iterator<Item = Refusal>) -> Responses {
    let mut by_status: BTreeMap<String, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals {
        by_status.entry(refusal.status.as_str().to_owned()).or_default().push(refusal);
    }
    by_status.into_iter().map(|(status, refusals)| (status, RefOr::T(response(&refusals)))).collect()
}

fn response(refusals: &[Refusal]) -> Response {
    let told: Vec<_> = refusals.iter().map(|refusal| format!("`{}`: {}", refusal.code, refusal.message)).collect();
    let json = content::<ErrorBody<'_>>(refusals, |refusal| value(&ErrorBody::new(refusal, REQUEST_ID)));
    let mut response = ResponseBuilder::new().description(told.join("; ")).content("application/json", json);
    if refusals.iter().any(|refusal| refusal.retry_after.is_some()) {
        response = response.header("Retry-After", header(Type::Integer, "Seconds to wait before trying again"));
    }
    if refusals.iter().any(|refusal| refusal.challenge.is_some()) {
        response = response.header("WWW-Authenticate", header(Type::String, "The challenge of RFC 6750 §3"));
    }
    response.build()
}

fn content<T: ToSchema>(refusals: &[Refusal], value: impl Fn(&Refusal) -> Option<serde_json::Value>) -> Content {
    let examples = refusals.iter().map(|refusal| (named(refusal), shown(refusal, value(refusal))));
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).examples_from_iter(examples).build()
}

/// An example's name: a code may come with fields and without.
fn named(refusal: &Refusal) -> String {
    let fields = refusal.fields.iter().map(|wrong| wrong.code);
    std::iter::once(refusal.code).chain(fields).collect::<Vec<_>>().join("_")
}

fn shown(refusal: &Refusal, value: Option<serde_json::Value>) -> Example {
    ExampleBuilder::new().summary(refusal.message.clone()).value(value).build()
}

fn value(body: &impl Serialize) -> Option<serde_json::Value> {
    serde_json::to_value(body).ok()
}

/// The description of a header.
pub(crate) fn header(kind: Type, meaning: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(meaning)).build()
}
