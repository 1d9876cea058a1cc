//! The rows of a payment.

use crate::connection::AnyConnection;
use crate::payment::stock;
use crate::schema::{payment_transactions, payments};
use crate::work_queue::{QueuedRow, load_unlocked};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::error::Error;
use domain::money::Money;
use domain::payment::{
    Attention, Contradiction, Payment, PaymentCode, PaymentId, PaymentPage, PaymentRecord, Quantity, Reservation,
    State, Transaction, TransactionStatus,
};
use domain::product::{Description, Details, ImageKey, ImageUrl, Picture, Price, Product, ProductName, Stock};
use domain::version::Version;
use std::collections::HashMap;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
pub(crate) struct PaymentRow {
    pub(crate) id: String,
    payment_code: String,
    pub(crate) user_id: String,
    pub(crate) seller_id: String,
    product_id: String,
    quantity: i32,
    unit_price: i64,
    total_amount: i64,
    product_name: String,
    product_description: String,
    product_stock: i32,
    product_image_key: Option<String>,
    product_image_url: Option<String>,
    product_version: i64,
    product_created_at: NaiveDateTime,
    product_updated_at: NaiveDateTime,
    state: String,
    needs_attention: bool,
    attention: Option<String>,
    contradicted_by: Option<String>,
    contradiction: Option<String>,
    closed: Option<String>,
    token: Option<String>,
    payment_url: Option<String>,
    expires_at: NaiveDateTime,
    next_check_at: Option<NaiveDateTime>,
    checks: i32,
    events: i32,
    version: i64,
    created_at: NaiveDateTime,
    opened_at: Option<NaiveDateTime>,
    updated_at: NaiveDateTime,
}

/// The columns that change. What was ordered does not.
#[derive(AsChangeset)]
#[diesel(table_name = payments, treat_none_as_null = true)]
struct ChangedColumns {
    state: String,
    needs_attention: bool,
    attention: Option<String>,
    contradicted_by: Option<String>,
    contradiction: Option<String>,
    closed: Option<String>,
    token: Option<String>,
    payment_url: Option<String>,
    next_check_at: Option<NaiveDateTime>,
    checks: i32,
    events: i32,
    version: i64,
    opened_at: Option<NaiveDateTime>,
    updated_at: NaiveDateTime,
}

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payment_transactions)]
struct TransactionRow {
    payment_id: String,
    transaction_id: String,
    status: String,
    payment_type: String,
    amount: i64,
    fee: i64,
    refunded: i64,
    learnt_at: NaiveDateTime,
}

/// In characters. Longer ids of transactions are cut; genuine ones are much shorter.
const LONGEST_ID: usize = 255;
/// In characters. Longer texts about a contradiction are cut.
const LONGEST_TOLD: usize = 500;

impl QueuedRow for PaymentRow {
    fn load_due(connection: &mut AnyConnection, limit: u32, now: NaiveDateTime) -> QueryResult<Vec<Self>> {
        let due = payments::table
            .filter(payments::next_check_at.le(now))
            .order((payments::next_check_at, payments::id))
            .limit(limit.into());
        load_unlocked!(connection, due)
    }

    fn lease(&self, connection: &mut AnyConnection, now: NaiveDateTime, until: NaiveDateTime) -> QueryResult<usize> {
        let due = payments::table.find(&self.id).filter(payments::next_check_at.le(now));
        diesel::update(due).set(payments::next_check_at.eq(until)).execute(connection)
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<&Payment> for PaymentRow {
    fn from(payment: &Payment) -> Self {
        let (record, attention) = (payment.record(), payment.attention());
        let kept = |text: &str, longest| text.chars().take(longest).collect::<String>();
        let contradiction = record.contradiction.as_ref();
        let (contradicted_by, contradiction) =
            contradiction.map(|known| (kept(&known.transaction, LONGEST_ID), kept(&known.told, LONGEST_TOLD))).unzip();
        let product = &record.product;
        let details = product.details();
        let (product_image_key, product_image_url) = match &details.picture {
            Picture::None => (None, None),
            Picture::Stored(key) => (Some(key.as_str().to_owned()), None),
            Picture::External(url) => (None, Some(url.as_str().to_owned())),
        };
        let (token, payment_url) = record.page.as_ref().map(|page| (page.token.clone(), page.url.clone())).unzip();
        Self {
            id: record.id.to_string(),
            payment_code: record.code.to_string(),
            user_id: record.buyer.to_string(),
            seller_id: product.seller().to_string(),
            product_id: product.id().to_string(),
            quantity: record.quantity.count(),
            unit_price: details.price.money().minor(),
            total_amount: record.total.minor(),
            product_name: details.name.as_str().to_owned(),
            product_description: details.description.as_str().to_owned(),
            product_stock: details.stock.count(),
            product_image_key,
            product_image_url,
            product_version: product.version().number(),
            product_created_at: product.created_at().naive_utc(),
            product_updated_at: product.updated_at().naive_utc(),
            state: record.state.as_str().to_owned(),
            needs_attention: attention.is_some(),
            attention: attention.map(|attention| attention.as_str().to_owned()),
            contradicted_by,
            contradiction,
            closed: record.closed.map(|state| state.as_str().to_owned()),
            token,
            payment_url,
            expires_at: record.expires_at.naive_utc(),
            next_check_at: record.next_check.map(|at| at.naive_utc()),
            checks: count(record.checks),
            events: count(record.events),
            version: record.version.number(),
            created_at: record.created_at.naive_utc(),
            opened_at: record.opened_at.map(|at| at.naive_utc()),
            updated_at: record.updated_at.naive_utc(),
        }
    }
}

impl From<PaymentRow> for ChangedColumns {
    fn from(row: PaymentRow) -> Self {
        Self {
            state: row.state,
            needs_attention: row.needs_attention,
            attention: row.attention,
            contradicted_by: row.contradicted_by,
            contradiction: row.contradiction,
            closed: row.closed,
            token: row.token,
            payment_url: row.payment_url,
            next_check_at: row.next_check_at,
            checks: row.checks,
            events: row.events,
            version: row.version,
            opened_at: row.opened_at,
            updated_at: row.updated_at,
        }
    }
}

fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("payments.{column} holds what the domain does not know"))
}

impl TryFrom<TransactionRow> for Transaction {
    type Error = Error;

    fn try_from(row: TransactionRow) -> Result<Self, Error> {
        let amount = |minor| Money::from_minor(minor).ok_or_else(|| corrupt("transactions' amount"));
        Ok(Self {
            id: row.transaction_id,
            status: TransactionStatus::restore(&row.status).ok_or_else(|| corrupt("transactions' status"))?,
            payment_type: row.payment_type,
            amount: amount(row.amount)?,
            fee: amount(row.fee)?,
            refunded: amount(row.refunded)?,
        })
    }
}

impl PaymentRow {
    fn product(&mut self) -> Result<Product, Error> {
        let picture = match (self.product_image_key.take(), self.product_image_url.take()) {
            (Some(key), _) => Picture::Stored(ImageKey::parse(&key).ok_or_else(|| corrupt("product_image_key"))?),
            (None, Some(url)) => Picture::External(ImageUrl::restore(url)),
            (None, None) => Picture::None,
        };
        let details = Details {
            name: ProductName::restore(std::mem::take(&mut self.product_name)),
            description: Description::restore(std::mem::take(&mut self.product_description)),
            price: Price::restore(self.unit_price).ok_or_else(|| corrupt("unit_price"))?,
            stock: Stock::restore(self.product_stock).ok_or_else(|| corrupt("product_stock"))?,
            picture,
        };
        Ok(Product::restore(
            self.product_id.parse().map_err(|_| corrupt("product_id"))?,
            self.seller_id.parse().map_err(|_| corrupt("seller_id"))?,
            details,
            Version::restore(self.product_version),
            self.product_created_at.and_utc(),
            self.product_updated_at.and_utc(),
        ))
    }

    fn payment(mut self, transactions: Vec<Transaction>, reservation: Reservation) -> Result<Payment, Error> {
        let state = |name: &str, column| State::restore(name).ok_or_else(|| corrupt(column));
        let product = self.product()?;
        Ok(Payment::restore(PaymentRecord {
            id: self.id.parse().map_err(|_| corrupt("id"))?,
            code: PaymentCode::parse(&self.payment_code).ok_or_else(|| corrupt("payment_code"))?,
            buyer: self.user_id.parse().map_err(|_| corrupt("user_id"))?,
            quantity: Quantity::restore(self.quantity).ok_or_else(|| corrupt("quantity"))?,
            total: Money::from_minor(self.total_amount).ok_or_else(|| corrupt("total_amount"))?,
            product,
            state: state(&self.state, "state")?,
            contradiction: self.contradicted_by.zip(self.contradiction).map(|(transaction, told)| {
                let is_open = self.attention.as_deref() == Some(Attention::Contradicted.as_str());
                Contradiction { transaction, told, is_open }
            }),
            closed: self.closed.as_deref().map(|name| state(name, "closed")).transpose()?,
            page: self.token.zip(self.payment_url).map(|(token, url)| PaymentPage { token, url }),
            reservation,
            transactions,
            expires_at: self.expires_at.and_utc(),
            next_check: self.next_check_at.map(|at| at.and_utc()),
            checks: self.checks.unsigned_abs(),
            events: self.events.unsigned_abs(),
            version: Version::restore(self.version),
            created_at: self.created_at.and_utc(),
            opened_at: self.opened_at.map(|at| at.and_utc()),
            updated_at: self.updated_at.and_utc(),
        }))
    }
}

/// Rows of payments, of their transactions and of their reservations.
pub(crate) struct Stored {
    rows: Vec<PaymentRow>,
    transactions: Vec<TransactionRow>,
    reservations: HashMap<String, Reservation>,
}

impl Stored {
    /// Loads the transactions and reservations of payments.
    pub(crate) fn complete(connection: &mut AnyConnection, rows: Vec<PaymentRow>) -> QueryResult<Self> {
        if rows.is_empty() {
            return Ok(Self { rows, transactions: Vec::new(), reservations: HashMap::new() });
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        let transactions = payment_transactions::table
            .filter(payment_transactions::payment_id.eq_any(&ids))
            .order((payment_transactions::learnt_at, payment_transactions::transaction_id))
            .select(TransactionRow::as_select())
            .load(connection)?;
        let reservations = stock::of(connection, &ids)?;
        Ok(Self { rows, transactions, reservations })
    }

    /// In the order of the rows.
    pub(crate) fn payments(mut self) -> Result<Vec<Payment>, Error> {
        let mut payments = Vec::with_capacity(self.rows.len());
        for row in std::mem::take(&mut self.rows) {
            let own = self.transactions.iter().filter(|transaction| transaction.payment_id == row.id);
            let own = own.cloned().map(Transaction::try_from).collect::<Result<_, _>>()?;
            let reservation = self.reservations.get(&row.id).copied().ok_or_else(|| corrupt("reservation"))?;
            payments.push(row.payment(own, reservation)?);
        }
        Ok(payments)
    }
}

pub(super) fn find(connection: &mut AnyConnection, id: PaymentId) -> QueryResult<Option<PaymentRow>> {
    payments::table.find(id.to_string()).select(PaymentRow::as_select()).get_result(connection).optional()
}

/// A payment's row, locked until the transaction ends. On SQLite the transaction is the lock.
pub(super) fn lock(connection: &mut AnyConnection, id: PaymentId) -> QueryResult<Option<PaymentRow>> {
    let payment = payments::table.find(id.to_string());
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => payment.select(PaymentRow::as_select()).get_result(sqlite),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => payment.select(PaymentRow::as_select()).for_update().get_result(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => payment.select(PaymentRow::as_select()).for_update().get_result(mysql),
    }
    .optional()
}

pub(super) fn add(connection: &mut AnyConnection, payment: &Payment) -> QueryResult<()> {
    diesel::insert_into(payments::table).values(PaymentRow::from(payment)).execute(connection).map(drop)
}

/// Updates a payment whose row is locked.
pub(super) fn change(
    connection: &mut AnyConnection,
    before: &PaymentRecord,
    after: &Payment,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let row = PaymentRow::from(after);
    let columns = ChangedColumns::from(row.clone());
    diesel::update(payments::table.find(&row.id)).set(columns).execute(connection)?;
    for transaction in &after.record().transactions {
        let known = before.transactions.iter().find(|known| known.id == transaction.id);
        if known == Some(transaction) {
            continue;
        }
        let stored = TransactionRow {
            payment_id: row.id.clone(),
            transaction_id: transaction.id.clone(),
            status: transaction.status.as_str().to_owned(),
            payment_type: transaction.payment_type.chars().take(64).collect(),
            amount: transaction.amount.minor(),
            fee: transaction.fee.minor(),
            refunded: transaction.refunded.minor(),
            learnt_at: now.naive_utc(),
        };
        if known.is_some() {
            let place = payment_transactions::table.find((&row.id, &transaction.id));
            diesel::update(place).set(&stored).execute(connection)?;
        } else {
            diesel::insert_into(payment_transactions::table).values(&stored).execute(connection)?;
        }
    }
    Ok(())
}
