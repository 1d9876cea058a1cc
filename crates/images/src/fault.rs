//! Why a store of images failed, in words that may go to the log.
//!
//! What an S3 service answers to a bad signature holds the whole request that was signed, a session's token among it, and
//! object_store's errors hold what the service answers. So nothing of an answer is told but its status and the name of its
//! error.

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as StdError;
use std::io;

/// Before the status of an answer in object_store's texts.
const STATUS: &str = "status code: ";
/// Around the name of an S3 error in an answer (Amazon S3 API Reference, "REST error responses").
const NAME: (&str, &str) = ("<Code>", "</Code>");
/// Around the region that a bucket is in, in an answer to a request signed for another one.
const REGION: (&str, &str) = ("<Region>", "</Region>");
/// object_store's error for a redirect without a target, which Amazon sends for another region.
const REDIRECT: &str = "Received redirect without LOCATION";
/// The prefix of rustls' errors about refused certificates.
const CERTIFICATE: &str = "invalid peer certificate";

/// The prefix of hyper's errors about unknown hosts.
const UNKNOWN_HOST: &str = "dns error";
/// Error kinds without information.
const VAGUE: [&str; 2] = ["other error", "uncategorized error"];

#[derive(Debug, Default, thiserror::Error)]
#[error("{text}")]
pub(super) struct Fault {
    text: String,
    /// The HTTP status of the answer, if any.
    pub(super) status: Option<u16>,
    /// The name of the S3 error in the answer, such as `NoSuchBucket`; empty without one.
    pub(super) name: String,
    /// The region that the answer asks for; empty without one.
    pub(super) region: String,
    pub(super) is_unreachable: bool,
    /// Whether no valid answer arrived.
    pub(super) is_unanswered: bool,
    /// Whether the server's certificate was refused.
    pub(super) is_untrusted: bool,
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        let kind = match error {
            Error::AlreadyExists { .. } => "something is there already",
            Error::NotFound { .. } => "there is no such bucket or object",
            Error::Precondition { .. } => "its condition is not met",
            Error::PermissionDenied { .. } => "permission denied",
            Error::Unauthenticated { .. } => "credentials refused",
            _ => "it failed",
        };
        let (mut fault, mut told) = (Self::default(), vec![kind.to_owned()]);
        fault.follow(error, &mut told);
        let text = error.to_string();
        let status = behind(&text, STATUS).and_then(|rest| rest.get(..3)).filter(|status| is_word(status));
        told.extend(status.map(|status| format!("status {status}")));
        fault.status = status.and_then(|status| status.parse().ok());
        if text.contains(REDIRECT) {
            told.push("it sends us elsewhere".to_owned());
            fault.status = Some(301);
        }
        let name = between(&text, NAME).filter(|name| is_word(name));
        told.extend(name.map(str::to_owned));
        fault.name = name.unwrap_or_default().to_owned();
        let region = between(&text, REGION).filter(|region| is_region(region));
        told.extend(region.map(|region| format!("region {region}")));
        fault.region = region.unwrap_or_default().to_owned();
        told.dedup();
        fault.text = told.join(", ");
        fault
    }

    /// The failure of a request to an image's public URL.
    pub(super) fn of_web(error: &reqwest::Error) -> Self {
        let (mut fault, mut told) =
            (Self { is_unreachable: error.is_connect(), is_unanswered: true, ..Self::default() }, Vec::new());
        told.push(if error.is_connect() { "nobody could be reached" } else { "it failed" }.to_owned());
        fault.follow(error, &mut told);
        fault.text = told.join(", ");
        fault
    }

    /// An image's public URL answered with this status.
    pub(super) fn answered(status: u16) -> Self {
        Self { text: format!("status {status}"), status: Some(status), ..Self::default() }
    }

    /// Collects the harmless details of an error and its sources.
    fn follow(&mut self, error: &(dyn StdError + 'static), told: &mut Vec<String>) {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(cause) = cause.downcast_ref::<HttpError>() {
                self.is_unreachable |= cause.kind() == HttpErrorKind::Connect;
                self.is_unanswered = true;
                told.push(format!("{:?}", cause.kind()).to_lowercase());
            }
            let known = cause.downcast_ref::<io::Error>().map(io::Error::kind).map(|kind| kind.to_string());
            told.extend(known.filter(|kind| !VAGUE.contains(&kind.as_str())));
            if cause.to_string().starts_with(UNKNOWN_HOST) {
                told.push("the host's name is not known".to_owned());
            }
            self.is_untrusted |= cause.to_string().contains(CERTIFICATE);
            next = cause.source();
        }
        if self.is_untrusted {
            told.push("its certificate is not trusted".to_owned());
        }
    }

    /// The time limit passed without an answer.
    pub(super) fn too_late() -> Self {
        Self { is_unanswered: true, ..Self::because("it did not answer in time") }
    }

    /// The store answered successfully, but did not do what was asked.
    pub(super) fn because(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

fn behind<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

fn between<'a>(text: &'a str, marks: (&str, &str)) -> Option<&'a str> {
    behind(text, marks.0)?.split_once(marks.1).map(|(inside, _)| inside)
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_answer_is_told_but_its_status_and_name() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>\
            SignatureDoesNotMatch</Code><CanonicalRequest>x-amz-security-token:hunter2</CanonicalRequest></Error>";
        let error = Error::PermissionDenied { path: "a".to_owned(), source: answer.into() };
        assert_eq!(Fault::of(&error).to_string(), "permission denied, status 403, SignatureDoesNotMatch");
        let answer = "Server returned non-2xx status code: 400 Bad Request: <Error><Code>AuthorizationHeaderMalformed\
            </Code><Region>eu-west-1</Region><RequestId>hunter2</RequestId></Error>";
        let fault = Fault::of(&Error::Generic { store: "S3", source: answer.into() });
        assert_eq!(fault.to_string(), "it failed, status 400, AuthorizationHeaderMalformed, region eu-west-1");
        assert_eq!((fault.status, fault.region.as_str()), (Some(400), "eu-west-1"));
        let error = Error::Generic { store: "S3", source: "<Code>hunter 2</Code><Region>x y</Region>".into() };
        assert_eq!(Fault::of(&error).to_string(), "it failed");
        let error = Error::Generic { store: "Local", source: io::Error::from(io::ErrorKind::StorageFull).into() };
        assert_eq!(Fault::of(&error).to_string(), "it failed, no storage space");
    }
}
