//! A log-in that is refused because too many come costs no work: the ports that would do it panic when they are asked.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use app::client::ClientAddress;
use app::clock::{Deadline, SystemClock};
use app::context::{Context, RequestId};
use app::pipeline::UseCase;
use app::user::{
    AccessToken, HashingPermit, LoginAttempts, LoginForm, LoginUser, PasswordCheck, PasswordHasher, TokenIssuer, Users,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::actor::Actor;
use domain::error::{Error, ErrorCode};
use domain::user::{Email, LoginOutcome, PasswordAttempt, PasswordHash, Role, User, UserId};
use futures_util::FutureExt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// The port of a shop with more log-ins than it can serve.
struct Busy;

const RETRY_AFTER: Duration = Duration::from_secs(7);

#[async_trait]
impl PasswordHasher for Busy {
    async fn admit(&self, _by: Deadline) -> Result<HashingPermit, Error> {
        Err(Error::overloaded(RETRY_AFTER))
    }

    async fn hash(&self, _: PasswordAttempt, _: HashingPermit, _: Deadline) -> Result<PasswordHash, Error> {
        panic!("a password is hashed")
    }

    async fn verify(
        &self,
        _: PasswordAttempt,
        _: Option<PasswordHash>,
        _: HashingPermit,
        _: Deadline,
    ) -> Result<PasswordCheck, Error> {
        panic!("a password is checked")
    }
}

#[async_trait]
impl Users for Busy {
    async fn add(&self, _: &User, _: Deadline) -> Result<(), Error> {
        panic!("an account is added")
    }

    async fn is_email_taken(&self, _: &Email, _: Deadline) -> Result<bool, Error> {
        panic!("an account is looked up")
    }

    async fn find_by_email(&self, _: &Email, _: Deadline) -> Result<Option<User>, Error> {
        panic!("an account is looked up")
    }

    async fn renew_password_hash(
        &self,
        _: UserId,
        _: &PasswordHash,
        _: &PasswordHash,
        _: Deadline,
    ) -> Result<(), Error> {
        panic!("a hash is renewed")
    }
}

#[async_trait]
impl LoginAttempts for Busy {
    async fn admit(&self, _: &Email, _: ClientAddress, _: DateTime<Utc>, _: Deadline) -> Result<(), Error> {
        panic!("an attempt is counted")
    }

    async fn record_attempt(
        &self,
        _: &Email,
        _: ClientAddress,
        _: LoginOutcome,
        _: DateTime<Utc>,
        _: Deadline,
    ) -> Result<(), Error> {
        panic!("an attempt is recorded")
    }

    async fn unlock(&self, _: &Email, _: DateTime<Utc>, _: Deadline) -> Result<bool, Error> {
        panic!("an account is unlocked")
    }

    async fn purge(&self, _: DateTime<Utc>, _: Deadline) -> Result<usize, Error> {
        panic!("counters are deleted")
    }
}

impl TokenIssuer for Busy {
    fn issue(&self, _: UserId, _: Role, _: DateTime<Utc>) -> Result<AccessToken, Error> {
        panic!("a token is issued")
    }
}

#[test]
fn a_refused_log_in_neither_counts_as_an_attempt_nor_asks_the_database() {
    let log_in = LoginUser {
        users: Arc::new(Busy),
        passwords: Arc::new(Busy),
        tokens: Arc::new(Busy),
        attempts: Some(Arc::new(Busy)),
        clock: Arc::new(SystemClock),
    };
    let context = Context::new(
        Actor::Anonymous,
        ClientAddress::new(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        RequestId::accept(None),
        Deadline::within(Duration::from_secs(60)),
    );
    let form = LoginForm { email: "ada@example.com".to_owned(), password: "correct horse".to_owned() };
    let refused = log_in.execute(&context, form).now_or_never().unwrap().err().unwrap();
    assert_eq!((refused.code(), refused.retry_after()), (ErrorCode::Overloaded, Some(RETRY_AFTER)));
}
