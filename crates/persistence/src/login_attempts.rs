//! The counters of the log-in throttle, which all servers share. The domain decides when an attempt is allowed
//! ([`AttemptCounter`](domain::user::AttemptCounter)).
//!
//! An account has one row, and another for each address from which its owner has logged in. The rows are found by digests,
//! because anybody may type anybody's e-mail address.

use crate::audit_log::{self, AuditEntry};
use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::write_transaction;
use app::audit_log::{Action, Author};
use app::client::ClientAddress;
use app::clock::Deadline;
use app::user::LoginAttempts;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use domain::error::{Error, ErrorCode};
use domain::user::{AttemptCounter, Email, LoginOutcome};
use sha2::{Digest, Sha256};
use std::time::Duration;

mod row;

use row::StoredCounter;

/// How long an address keeps a counter of its own after a success.
const TRUST: TimeDelta = TimeDelta::days(30);
/// How many rows one transaction examines when it deletes those that count nothing any more.
const PURGE_BATCH: i64 = 200;

/// The keys of the two counters in which an attempt may count.
struct Keys {
    /// For the account, whatever the client's address.
    account: String,
    /// For the account and one client address.
    pair: String,
}

impl Keys {
    fn new(account: &Email, client: ClientAddress) -> Self {
        Self {
            account: account_digest(account),
            // No e-mail key holds a NUL, so that no two pairs are spelt alike.
            pair: digest(&format!("{}\0{client}", account.key())),
        }
    }
}

/// Identifies an account without its e-mail address: anybody may try any address, and the table must not list them.
pub(crate) fn account_digest(account: &Email) -> String {
    digest(account.key())
}

pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The counters of an attempt; `None` where a counter has no row.
struct Counters {
    account: Option<StoredCounter>,
    pair: Option<StoredCounter>,
}

impl Counters {
    fn lock(connection: &mut AnyConnection, keys: &Keys) -> QueryResult<Self> {
        let mut counters = row::lock(connection, [&keys.account, &keys.pair])?;
        let mut take = |key: &str| {
            let place = counters.iter().position(|counter| counter.key() == key)?;
            Some(counters.swap_remove(place))
        };
        Ok(Self { account: take(&keys.account), pair: take(&keys.pair) })
    }
}

/// Counts an attempt before its password is checked. `Err` holds how long the client has to wait instead.
fn admit(connection: &mut AnyConnection, keys: &Keys, now: DateTime<Utc>) -> QueryResult<Result<(), Duration>> {
    let Counters { account, pair } = Counters::lock(connection, keys)?;
    let own = pair.filter(|pair| pair.is_trusted(now)).or(account);
    let mut counter = own.unwrap_or_else(|| StoredCounter::new(&keys.account, &keys.account, now));
    match counter.count()?.admit(now) {
        Ok(admitted) => {
            counter.set(admitted);
            counter.save(connection).map(Ok)
        }
        Err(wait) => Ok(Err(wait)),
    }
}

/// Counts how an attempt ended: in the address's own counter where that counts an attempt under way, otherwise in the
/// account's. The address may have become trusted since the attempt was admitted.
fn record_attempt(
    connection: &mut AnyConnection,
    keys: &Keys,
    client: ClientAddress,
    outcome: LoginOutcome,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let Counters { account, pair } = Counters::lock(connection, keys)?;
    let is_own = pair.as_ref().is_some_and(|pair| pair.is_trusted(now) && pair.is_pending());
    let mut pair = pair.unwrap_or_else(|| StoredCounter::new(&keys.pair, &keys.account, now));
    let count = if is_own {
        pair.record_attempt(outcome, now)?
    } else {
        let mut account = account.unwrap_or_else(|| StoredCounter::new(&keys.account, &keys.account, now));
        let count = account.record_attempt(outcome, now)?;
        account.save(connection)?;
        count
    };
    if outcome == LoginOutcome::Succeeded {
        pair.trust_until(now + TRUST);
    }
    if is_own || outcome == LoginOutcome::Succeeded {
        pair.save(connection)?;
    }
    write_down(connection, keys, client, outcome, count, now)
}

/// Adds an entry to the audit log where an attempt is of a kind that is logged.
fn write_down(
    connection: &mut AnyConnection,
    keys: &Keys,
    client: ClientAddress,
    outcome: LoginOutcome,
    count: AttemptCounter,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (action, author, details) = match outcome {
        LoginOutcome::Succeeded => (Action::LoggedIn, Author::Owner, String::new()),
        LoginOutcome::Failed if count.is_burst() => {
            (Action::LoginsFailed, Author::Stranger, format!("{} in a row", count.failures))
        }
        LoginOutcome::Failed | LoginOutcome::Abandoned => return Ok(()),
    };
    let entry = AuditEntry { action, author, client: Some(client), subject: &keys.account, details: &details };
    audit_log::add(connection, &entry, now)
}

/// Forgets all failures of an account. Returns whether it had any.
fn unlock(connection: &mut AnyConnection, account: &str, now: DateTime<Utc>) -> QueryResult<bool> {
    let had_failures = row::clear(connection, account)? > 0;
    if had_failures {
        let (action, author) = (Action::Unlocked, Author::Operator);
        let entry = AuditEntry { action, author, client: None, subject: account, details: "" };
        audit_log::add(connection, &entry, now)?;
    }
    Ok(had_failures)
}

#[async_trait]
impl LoginAttempts for Database {
    async fn admit(
        &self,
        account: &Email,
        client: ClientAddress,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        let keys = Keys::new(account, client);
        let admitted = self
            .write(by, move |connection| write_transaction(connection, |connection| admit(connection, &keys, now)))
            .await?;
        admitted.map_err(|wait| Error::retry_later(ErrorCode::LoginThrottled, wait))
    }

    async fn record_attempt(
        &self,
        account: &Email,
        client: ClientAddress,
        outcome: LoginOutcome,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<(), Error> {
        let keys = Keys::new(account, client);
        let settled = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| record_attempt(connection, &keys, client, outcome, now))
            })
            .await;
        Ok(settled?)
    }

    async fn unlock(&self, account: &Email, now: DateTime<Utc>, by: Deadline) -> Result<bool, Error> {
        let key = account_digest(account);
        let unlocked =
            self.write(by, move |connection| write_transaction(connection, |connection| unlock(connection, &key, now)));
        Ok(unlocked.await?)
    }

    async fn purge(&self, now: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let (mut purged, mut after) = (0, Some(String::new()));
        while let Some(last) = after {
            let (dropped, next) =
                self.write(by, move |connection| row::drop_forgotten(connection, &last, now, PURGE_BATCH)).await?;
            purged += dropped;
            after = next;
        }
        Ok(purged)
    }
}
