//! Payments, and all that changes with them in one transaction.

use crate::audit_log::{self, AuditEntry};
use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::write_transaction;
use crate::executor::JobKind;
use crate::failure::Failure;
use crate::notifications;
use crate::product;
use crate::schema::{idempotency_keys, payments};
use crate::work_queue;
use app::audit_log::{Action, Author};
use app::clock::Deadline;
use app::payment::{
    Cause, Change, ManualResolutions, NotificationOutcome, PaymentEvents, PaymentListing, PaymentLists, PaymentQueries,
    Payments, PlaceOutcome, Timeline,
};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use domain::error::{Error, ErrorCode};
use domain::payment::{
    Event, IdempotencyKey, ManualResolution, Order, Payment, PaymentCode, PaymentId, PaymentRecord, ReportOutcome,
    ResolutionError,
};
use domain::product::Product;
use domain::user::UserId;
use std::time::Duration;

mod events;
mod listing;
mod row;
mod stock;
mod timeline;

pub use listing::Overview;
pub(crate) use row::{PaymentRow, Stored};

/// Why an order is not recorded.
enum Refused {
    /// The order cannot be accepted.
    Order(Error),
    /// The statement failed; nothing is wrong with the order.
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// Records an order whose key, if it has one, has not come before.
fn place(connection: &mut AnyConnection, order: &Order) -> Result<Payment, Refused> {
    let id = order.id.to_string();
    if let Some(key) = &order.key {
        let row = (
            idempotency_keys::payment_id.eq(&id),
            idempotency_keys::user_id.eq(order.buyer.to_string()),
            idempotency_keys::idempotency_key.eq(key.as_str()),
            idempotency_keys::created_at.eq(order.now.naive_utc()),
        );
        // First of all: whoever sends the same order at the same time waits here until the first one ends.
        diesel::insert_into(idempotency_keys::table).values(row).execute(connection)?;
    }
    let gone = || Refused::Order(ErrorCode::OrderedProductNotFound.into());
    let offered = product::lock(connection, order.product)?.ok_or_else(gone)?;
    let offered = Product::try_from(offered).map_err(Refused::Order)?;
    let mut payment = order.payment(&offered).map_err(Refused::Order)?;
    let (until, quantity) = (payment.hold_until().naive_utc(), order.quantity.count());
    if !stock::reserve(connection, &id, order.product, quantity, until, order.now)? {
        return Err(Refused::Order(ErrorCode::InsufficientStock.into()));
    }
    row::add(connection, &payment)?;
    events::record(connection, order.id, Cause::Order, &payment.take_events(), order.now)?;
    Ok(payment)
}

/// Runs [`place`] in a transaction that leaves nothing behind where the order is refused.
fn place_or_nothing(connection: &mut AnyConnection, order: &Order) -> QueryResult<Result<Payment, Error>> {
    let mut refused = None;
    let placed = write_transaction(connection, |connection| {
        place(connection, order).map_err(|refusal| match refusal {
            Refused::Database(error) => error,
            Refused::Order(error) => {
                refused = Some(error);
                diesel::result::Error::RollbackTransaction
            }
        })
    });
    match (placed, refused) {
        (Err(diesel::result::Error::RollbackTransaction), Some(error)) => Ok(Err(error)),
        (placed, _) => placed.map(Ok),
    }
}

/// A payment whose row is locked, with all that belongs to it.
fn lock(connection: &mut AnyConnection, id: PaymentId) -> QueryResult<Option<Result<Payment, Error>>> {
    let Some(row) = row::lock(connection, id)? else { return Ok(None) };
    let stored = Stored::complete(connection, vec![row])?;
    let payment = stored.payments().map(|payments| payments.into_iter().next());
    let payment = match payment {
        Ok(payment) => payment,
        Err(error) => return Ok(Some(Err(error))),
    };
    let Some(payment) = payment else { return Ok(None) };
    let mut record = payment.record().clone();
    record.reservation = stock::look(connection, record.reservation, payment.product())?;
    Ok(Some(Ok(Payment::restore(record))))
}

/// Stores what has changed in a payment whose row is locked, and all that follows from it.
fn store(
    connection: &mut AnyConnection,
    before: &PaymentRecord,
    payment: &mut Payment,
    cause: Cause,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let events = payment.take_events();
    let after = payment.record();
    if after.version != before.version {
        row::change(connection, before, payment, now)?;
        if after.reservation.as_str() != before.reservation.as_str() {
            stock::set(connection, &after.id.to_string(), after.reservation, now)?;
        }
        events::record(connection, after.id, cause, &events, now)?;
    }
    Ok(())
}

/// Resolves a payment by an operator's ruling, and adds an entry to the audit log.
fn resolve(
    connection: &mut AnyConnection,
    id: PaymentId,
    ruling: &ManualResolution,
    now: DateTime<Utc>,
) -> QueryResult<Option<Result<Result<Payment, ResolutionError>, Error>>> {
    let mut payment = match lock(connection, id)? {
        None => return Ok(None),
        Some(Err(error)) => return Ok(Some(Err(error))),
        Some(Ok(payment)) => payment,
    };
    let before = payment.record().clone();
    if let Err(refusal) = payment.resolve(ruling.resolution, now) {
        return Ok(Some(Ok(Err(refusal))));
    }
    store(connection, &before, &mut payment, Cause::Operator, now)?;
    let (action, author) = (Action::PaymentResolved, Author::Operator);
    let ManualResolution { resolution, operator, reason } = ruling;
    let details: String =
        format!("{} by {operator}: {reason}", resolution.as_str()).chars().take(audit_log::LONGEST_DETAILS).collect();
    let entry = AuditEntry { action, author, client: None, subject: &id.to_string(), details: &details };
    audit_log::add(connection, &entry, now)?;
    Ok(Some(Ok(Ok(payment))))
}

/// Changes a payment, and stores all that follows from the change in the same transaction.
fn change(
    connection: &mut AnyConnection,
    id: PaymentId,
    cause: Cause,
    change: &Change,
    now: DateTime<Utc>,
) -> QueryResult<Option<Result<(Payment, ReportOutcome), Error>>> {
    let mut payment = match lock(connection, id)? {
        None => return Ok(None),
        Some(Err(error)) => return Ok(Some(Err(error))),
        Some(Ok(payment)) => payment,
    };
    let before = payment.record().clone();
    let outcome = change(&mut payment);
    store(connection, &before, &mut payment, cause, now)?;
    if let (Cause::Notification(notification), Some(verdict)) = (cause, NotificationOutcome::of(outcome)) {
        notifications::complete(connection, notification, verdict, now)?;
    }
    Ok(Some(Ok((payment, outcome))))
}

/// Claims payments that are due to be checked.
fn claim_due(
    connection: &mut AnyConnection,
    limit: u32,
    now: NaiveDateTime,
    retry_at: NaiveDateTime,
) -> QueryResult<Stored> {
    let rows = work_queue::claim(connection, limit, now, retry_at)?;
    Stored::complete(connection, rows)
}

/// Whether a payment shows the image at a place, which is then to stay.
pub(crate) fn shows_image(connection: &mut AnyConnection, key: &str) -> QueryResult<bool> {
    let shown = payments::table.filter(payments::product_image_key.eq(key)).select(payments::id).limit(1);
    Ok(shown.first::<String>(connection).optional()?.is_some())
}

fn find(connection: &mut AnyConnection, id: PaymentId) -> QueryResult<Stored> {
    let rows = row::find(connection, id)?.into_iter().collect();
    Stored::complete(connection, rows)
}

fn only(stored: Stored) -> Result<Option<Payment>, Error> {
    Ok(stored.payments()?.into_iter().next())
}

#[async_trait]
impl Payments for Database {
    async fn place(&self, order: &Order, by: Deadline) -> Result<PlaceOutcome, Error> {
        let wanted = order.clone();
        let placed = self.write(by, move |connection| place_or_nothing(connection, &wanted)).await;
        match placed {
            Ok(placed) => placed.map(PlaceOutcome::Created),
            Err(Failure::Statement(error)) if Constraint::PaymentCode.is_violated_by(&error) => {
                Ok(PlaceOutcome::CodeTaken)
            }
            Err(Failure::Statement(error)) if Constraint::PaymentBuyer.is_violated_by(&error) => {
                Err(ErrorCode::TokenInvalid.into())
            }
            Err(Failure::Statement(error)) if Constraint::IdempotencyKey.is_violated_by(&error) => {
                let before = match &order.key {
                    Some(key) => self.ordered_before(order.buyer, key, by).await?,
                    None => None,
                };
                before
                    .map(PlaceOutcome::Repeated)
                    .ok_or_else(|| Error::retry_later(ErrorCode::IdempotencyKeyInUse, Duration::from_secs(1)))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn ordered_before(
        &self,
        buyer: UserId,
        key: &IdempotencyKey,
        by: Deadline,
    ) -> Result<Option<Payment>, Error> {
        let (buyer, key) = (buyer.to_string(), key.as_str().to_owned());
        let stored = self
            .read(by, move |connection| {
                let own = idempotency_keys::table
                    .filter(idempotency_keys::user_id.eq(&buyer))
                    .filter(idempotency_keys::idempotency_key.eq(&key));
                let id: Option<String> = own.select(idempotency_keys::payment_id).get_result(connection).optional()?;
                match id.and_then(|id| id.parse().ok()) {
                    Some(id) => find(connection, id),
                    None => Stored::complete(connection, Vec::new()),
                }
            })
            .await?;
        only(stored)
    }

    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error> {
        only(self.read(by, move |connection| find(connection, id)).await?)
    }

    async fn change(
        &self,
        id: PaymentId,
        cause: Cause,
        step: Change,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<(Payment, ReportOutcome)>, Error> {
        let changed = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| change(connection, id, cause, &step, now))
            })
            .await?;
        changed.transpose()
    }

    async fn claim_due(
        &self,
        limit: u32,
        now: DateTime<Utc>,
        retry_at: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Vec<Payment>, Error> {
        let (now, retry_at) = (now.naive_utc(), retry_at.naive_utc());
        let stored = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| claim_due(connection, limit, now, retry_at))
            })
            .await?;
        stored.payments()
    }

    async fn forget_keys(&self, before: DateTime<Utc>, by: Deadline) -> Result<usize, Error> {
        let before = before.naive_utc();
        let old = self.write(by, move |connection| {
            diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(before))).execute(connection)
        });
        Ok(old.await?)
    }
}

#[async_trait]
impl ManualResolutions for Database {
    async fn resolve(
        &self,
        id: PaymentId,
        ruling: &ManualResolution,
        now: DateTime<Utc>,
        by: Deadline,
    ) -> Result<Option<Result<Payment, ResolutionError>>, Error> {
        let ruling = ruling.clone();
        let resolved = self
            .write(by, move |connection| {
                write_transaction(connection, |connection| resolve(connection, id, &ruling, now))
            })
            .await?;
        resolved.transpose()
    }
}

#[async_trait]
impl PaymentQueries for Database {
    async fn payment(&self, id: PaymentId, by: Deadline) -> Result<Option<Payment>, Error> {
        only(self.read(by, move |connection| find(connection, id)).await?)
    }

    async fn timeline(&self, id: PaymentId, by: Deadline) -> Result<Timeline, Error> {
        self.read(by, move |connection| timeline::read(connection, id)).await?.timeline()
    }
}

#[async_trait]
impl PaymentLists for Database {
    async fn list(&self, listing: &PaymentListing, by: Deadline) -> Result<Vec<Payment>, Error> {
        let listing = listing.clone();
        let rows = if listing::may_be_long(&listing) {
            self.read_as(JobKind::LongRead, by, move |connection| listing::page(connection, &listing)).await?
        } else {
            self.read(by, move |connection| listing::page(connection, &listing)).await?
        };
        rows.payments()
    }

    async fn count(&self, listing: &PaymentListing, by: Deadline) -> Result<u64, Error> {
        let listing = listing.clone();
        let count = self.read_as(JobKind::LongRead, by, move |connection| listing::count(connection, &listing)).await?;
        Ok(count.unsigned_abs())
    }
}

#[async_trait]
impl PaymentEvents for Database {
    async fn events_after(&self, id: PaymentId, number: u32, by: Deadline) -> Result<Vec<Event>, Error> {
        let rows = self.read(by, move |connection| events::after(connection, id, number)).await?;
        rows.into_iter().map(|row| row.event().map(|(event, _cause)| event)).collect()
    }

    async fn event_counts(&self, ids: &[PaymentId], by: Deadline) -> Result<Vec<(PaymentId, u32)>, Error> {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let counts: Vec<(String, i32)> = self
            .read(by, move |connection| {
                let some = payments::table.filter(payments::id.eq_any(&ids));
                some.select((payments::id, payments::events)).load(connection)
            })
            .await?;
        let known = counts.into_iter().filter_map(|(id, events)| Some((id.parse().ok()?, events.unsigned_abs())));
        Ok(known.collect())
    }
}

impl Database {
    /// The payment with this code.
    ///
    /// # Errors
    /// Those of a query.
    pub async fn payment_of_code(&self, code: PaymentCode, by: Deadline) -> Result<Option<PaymentId>, Error> {
        let found = self.read(by, move |connection| {
            let named = payments::table.filter(payments::payment_code.eq(code.to_string()));
            named.select(payments::id).first::<String>(connection).optional()
        });
        let corrupt = || Error::internal("payments.id holds what the domain does not know");
        found.await?.map(|id| id.parse().map_err(|_| corrupt())).transpose()
    }

    /// The payments that an operator wants to see, the newest first.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn overview(&self, wanted: Overview, by: Deadline) -> Result<Vec<Payment>, Error> {
        self.read(by, move |connection| listing::overview(connection, wanted)).await?.payments()
    }
}
