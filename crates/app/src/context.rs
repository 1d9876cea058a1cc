//! The context of a call that a use case gets.

use crate::client::ClientAddress;
use crate::clock::Deadline;
use domain::actor::Actor;
use domain::user::UserId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;
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

/// Whether a use case changes anything: [`Command`] or [`Query`].
pub trait UseCaseKind: sealed::Sealed + 'static {
    const IS_COMMAND: bool;
}

/// The kind of a use case that changes something. It runs to its end even after its caller has disconnected, so that no
/// change stays incomplete. It reads the primary database alone, because its context gives no [`Reader`].
#[derive(Debug)]
pub enum Command {}

/// The kind of a use case that reads only. It ends when its caller disconnects.
#[derive(Debug)]
pub enum Query {}

impl UseCaseKind for Command {
    const IS_COMMAND: bool = true;
}

impl UseCaseKind for Query {
    const IS_COMMAND: bool = false;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Command {}
    impl Sealed for super::Query {}
}

/// Who makes a call, as far as it is known: what one of them has written, the same one must read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requester {
    /// The bearer of a valid token, also where the use case is public.
    pub user: Option<UserId>,
    pub client: ClientAddress,
}

/// The right to read from a replica. Only the context of a [`Query`] gives it:
///
/// ```
/// # use app::context::{Context, Query, Reader};
/// fn read(context: &Context<Query>) -> Reader {
///     context.reader()
/// }
/// ```
///
/// A command must see every write that ended before it, so the same does not compile for a command:
///
/// ```compile_fail,E0599
/// # use app::context::{Command, Context, Reader};
/// fn read(context: &Context<Command>) -> Reader {
///     context.reader()
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    requester: Requester,
    includes: Option<Instant>,
}

impl Reader {
    /// Whose earlier writes the read must see.
    #[must_use]
    pub const fn requester(&self) -> Requester {
        self.requester
    }

    /// The same reader, who must also see everything that was committed before this moment.
    #[must_use]
    pub const fn including(self, moment: Instant) -> Self {
        Self { includes: Some(moment), ..self }
    }

    /// The moment before which every commit must be seen, whoever made it.
    #[must_use]
    pub const fn includes(&self) -> Option<Instant> {
        self.includes
    }
}

/// The context of a call that a use case of this kind gets.
#[derive(Debug)]
pub struct Context<K> {
    pub actor: Actor,
    pub client: ClientAddress,
    pub request_id: RequestId,
    pub deadline: Deadline,
    requester: Requester,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Context<K> {
    fn clone(&self) -> Self {
        Self { request_id: self.request_id.clone(), ..*self }
    }
}

impl<K: UseCaseKind> Context<K> {
    /// The context of a call by this actor.
    #[must_use]
    pub const fn new(actor: Actor, client: ClientAddress, request_id: RequestId, deadline: Deadline) -> Self {
        let user = match &actor {
            Actor::User(identity) => Some(identity.id),
            Actor::Anonymous => None,
        };
        let requester = Requester { user, client };
        Self { actor, client, request_id, deadline, requester, kind: PhantomData }
    }

    /// The same context where the caller of a public use case is known to be this user.
    #[must_use]
    pub(crate) fn recognized_as(mut self, user: UserId) -> Self {
        self.requester.user = Some(user);
        self
    }

    /// Who makes the call.
    #[must_use]
    pub const fn requester(&self) -> Requester {
        self.requester
    }
}

impl Context<Query> {
    /// The right to read from a replica.
    #[must_use]
    pub const fn reader(&self) -> Reader {
        Reader { requester: self.requester, includes: None }
    }
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
