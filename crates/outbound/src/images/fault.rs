//! Why a store of images failed, in words that may go to the log.
//!
//! What an S3 service answers to a bad signature holds the whole request that was signed, a session's token among it, and
//! object_store's errors hold what the service answers. So nothing of an answer is told but its status and the name of its
//! error.

use object_store::Error;
use object_store::client::HttpError;
use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Before the status of an answer in object_store's texts.
const STATUS: &str = "status code: ";
/// Around the name of an S3 error in an answer (Amazon S3 API Reference, "REST error responses").
const NAME: (&str, &str) = ("<Code>", "</Code>");

/// Why a store failed.
#[derive(Debug)]
pub(super) struct Fault(String);

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        let kind = match error {
            Error::AlreadyExists { .. } => "something is there already",
            Error::NotFound { .. } => "there is no such bucket or object",
            Error::PermissionDenied { .. } => "permission denied",
            Error::Unauthenticated { .. } => "credentials refused",
            _ => "it failed",
        };
        let mut told = vec![kind.to_owned()];
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(cause) = cause.downcast_ref::<HttpError>() {
                told.push(format!("{:?}", cause.kind()).to_lowercase());
            }
            if let Some(cause) = cause.downcast_ref::<io::Error>() {
                told.push(cause.kind().to_string());
            }
            next = cause.source();
        }
        let text = error.to_string();
        let status = behind(&text, STATUS).and_then(|rest| rest.get(..3));
        told.extend(status.filter(|status| is_word(status)).map(|status| format!("status {status}")));
        let name = behind(&text, NAME.0).and_then(|rest| rest.split(NAME.1).next());
        told.extend(name.filter(|name| is_word(name)).map(str::to_owned));
        told.dedup();
        Self(told.join(", "))
    }
}

fn behind<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_answer_is_told_but_its_status_and_name() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>\
            SignatureDoesNotMatch</Code><CanonicalRequest>x-amz-security-token:hunter2</CanonicalRequest></Error>";
        let error = Error::PermissionDenied { path: "a".to_owned(), source: answer.into() };
        assert_eq!(Fault::of(&error).to_string(), "permission denied, status 403, SignatureDoesNotMatch");
        let error = Error::Generic { store: "S3", source: "<Code>hunter 2</Code>".into() };
        assert_eq!(Fault::of(&error).to_string(), "it failed");
        let error = Error::Generic { store: "Local", source: io::Error::from(io::ErrorKind::StorageFull).into() };
        assert_eq!(Fault::of(&error).to_string(), "it failed, no storage space");
    }
}
