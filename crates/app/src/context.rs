//! The context of a call that a use case gets.

use crate::client::ClientAddress;
use crate::clock::Deadline;
use domain::actor::Actor;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// The longest request id that a caller may set, in characters.
const MAX_REQUEST_ID: usize = 64;

/// The id that correlates a request's log lines, answers and outgoing calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Accepts the caller's id if it is harmless (1 to 64 of `A-Za-z0-9._-`), or generates a UUID v7.
    #[must_use]
    pub fn accept(offered: Option<&str>) -> Self {
        match offered {
            Some(id) if is_harmless(id) => Self(id.into()),
            _ => Self(Uuid::now_v7().to_string().into()),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The context of a call that a use case gets.
#[derive(Clone, Debug)]
pub struct Context {
    pub actor: Actor,
    pub client: ClientAddress,
    pub request_id: RequestId,
    pub deadline: Deadline,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_harmless_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(RequestId::accept(Some("trace-1_a.B")).as_str(), "trace-1_a.B");
        for harmful in ["", "a b", "a\r\nb", "é", &"x".repeat(65)] {
            let id = RequestId::accept(Some(harmful));
            assert!(Uuid::parse_str(id.as_str()).is_ok(), "{harmful:?} became {id}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_offer_becomes_a_harmless_id(offered in any::<String>()) {
            prop_assert!(is_harmless(RequestId::accept(Some(&offered)).as_str()));
        }
    }
}
