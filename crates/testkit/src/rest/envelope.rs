//! The envelope of REST's answers.

use crate::client::{CallError, Outcome, code};
use crate::raw::Answer;
use domain::error::ErrorCode;
use serde::{Deserialize, Serialize};

/// The envelope of a success; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
struct Success<T> {
    meta: SuccessMeta,
    results: T,
}

/// The envelope of a success without results.
#[derive(Debug, Deserialize, Serialize)]
struct Done {
    meta: SuccessMeta,
}

#[derive(Debug, Deserialize, Serialize)]
struct Listed<T> {
    meta: ListMeta,
    results: Vec<T>,
}

#[derive(Debug, Deserialize, Serialize)]
struct SuccessMeta {
    success: bool,
    message: String,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct ListMeta {
    success: bool,
    message: String,
    pub(super) current_page: u64,
    pub(super) total_pages: u64,
    pub(super) total_items: u64,
    pub(super) items_per_page: u64,
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
}

/// The envelope of an error; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
struct Failure {
    meta: FailureMeta,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Debug, Deserialize, Serialize)]
struct FailureMeta {
    success: bool,
    message: String,
    code: String,
    request_id: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct FieldError {
    field: String,
    code: String,
    message: String,
}

/// Reads a success or an error; both must match the contract to the byte.
pub(super) fn read<T>(answer: &Answer, (status, message): (u16, &str)) -> Outcome<T>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    let Success { meta, results } = exact::<Success<T>>(answer)?;
    assert!(meta.success);
    assert_eq!((answer.status, meta.message.as_str()), (status, message));
    Ok(results)
}

/// Reads a success without results, likewise.
pub(super) fn read_done(answer: &Answer, (status, message): (u16, &str)) -> Outcome<()> {
    let Done { meta } = exact(answer)?;
    assert!(meta.success);
    assert_eq!((answer.status, meta.message.as_str()), (status, message));
    Ok(())
}

pub(super) fn read_list<T>(answer: &Answer, (status, message): (u16, &str)) -> Outcome<(ListMeta, Vec<T>)>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    let Listed { meta, results } = exact::<Listed<T>>(answer)?;
    assert!(meta.success);
    assert_eq!((answer.status, meta.message.as_str()), (status, message));
    Ok((meta, results))
}

/// Reads a body that has exactly the keys of `T` in their order, or an error.
fn exact<T>(answer: &Answer) -> Outcome<T>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    answer.assert_common_headers();
    answer.assert_content_type("application/json");
    if answer.status >= 400 {
        return Err(call_error(answer));
    }
    let success: T = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    let expected = serde_json::to_string(&success).unwrap();
    assert_eq!(answer.body, expected, "keys other than the contract's, or in another order");
    Ok(success)
}

/// Reads an error and checks everything that the contract says about it.
#[must_use]
pub fn call_error(answer: &Answer) -> CallError {
    let failure: Failure = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert_eq!(
        answer.body,
        serde_json::to_string(&failure).unwrap(),
        "keys other than the contract's, or in another order"
    );
    let Failure { meta, errors, error, message } = failure;
    let code = code(&meta.code);
    assert!(!meta.success);
    assert_eq!(answer.status, rest::status(code), "{answer:?}");
    assert_eq!(Some(meta.request_id.as_str()), answer.header("x-request-id"));
    assert_eq!(error, has_error_key(code).then(|| meta.message.clone()), "the key `error`, which Go's clients read");
    assert_eq!(
        message,
        has_message_key(answer.status).then(|| meta.message.clone()),
        "the key `message`, which Go's clients read"
    );
    let challenge = matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid);
    assert_eq!(challenge, answer.header("www-authenticate").is_some(), "a challenge asks for a token: {answer:?}");
    CallError {
        code,
        message: meta.message,
        fields: errors.into_iter().map(|wrong| (wrong.field, wrong.message)).collect(),
        retry_after: answer.retry_after(),
        received: answer.without_identity(),
    }
}

fn has_error_key(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid)
}

fn has_message_key(status: u16) -> bool {
    matches!(status, 405 | 413 | 415 | 429 | 500 | 503)
}
