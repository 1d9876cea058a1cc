//! The SQL statements of a checkout and nothing else: the same transactions in the same order with the same locks
//! and the same durability, prepared once, on separate connections.
//!
//! The script ends with the checkout. The product also sends the queued mail, which is another commit.

use crate::fixtures;
use crate::sql::AnyConnection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::{Connection, QueryResult};
use hdrhistogram::Histogram;
use persistence::schema::{
    idempotency_keys, mails, payment_events, payment_transactions, payments, products, stock_reservations, users,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Time = chrono::NaiveDateTime;

/// The columns of a product that the checkout reads.
#[derive(Queryable, Selectable)]
#[diesel(table_name = products)]
struct Product {
    id: String,
    user_id: String,
    name: String,
    description: String,
    price: i64,
    stock: i32,
    version: i64,
    created_at: Time,
    updated_at: Time,
}

/// The columns of a payment that the checkout writes and reads.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
struct Payment {
    id: String,
    payment_code: String,
    user_id: String,
    seller_id: String,
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
    product_created_at: Time,
    product_updated_at: Time,
    state: String,
    needs_attention: bool,
    closed: Option<String>,
    token: Option<String>,
    payment_url: Option<String>,
    expires_at: Time,
    next_check_at: Option<Time>,
    checks: i32,
    events: i32,
    version: i64,
    created_at: Time,
    opened_at: Option<Time>,
    updated_at: Time,
}

struct Checkout {
    number: u64,
    id: String,
    buyer: String,
    product: String,
    now: Time,
}

impl Checkout {
    fn next(buyers: usize, products: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let turn = usize::try_from(number).unwrap_or_default();
        Self {
            number,
            id: format!("01958e68-5412-7307-ab1d-{number:012}"),
            buyer: fixtures::account(turn % buyers.max(1)),
            product: fixtures::product(turn % products.max(1)),
            now: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default().naive_utc(),
        }
    }

    fn payment(&self, product: Product) -> Payment {
        let now = self.now;
        let (group, rest) = (self.number / 10_000 % 10_000, self.number % 10_000);
        Payment {
            id: self.id.clone(),
            payment_code: format!("GC-{:04}-{group:04}-{rest:04}", self.number / 100_000_000),
            user_id: self.buyer.clone(),
            seller_id: product.user_id,
            product_id: product.id,
            quantity: 1,
            unit_price: product.price,
            total_amount: product.price,
            product_name: product.name,
            product_description: product.description,
            product_stock: product.stock - 1,
            product_image_key: None,
            product_image_url: None,
            product_version: product.version,
            product_created_at: product.created_at,
            product_updated_at: product.updated_at,
            state: "pending".to_owned(),
            needs_attention: false,
            closed: None,
            token: None,
            payment_url: None,
            expires_at: now,
            next_check_at: Some(now),
            checks: 0,
            events: 1,
            version: 1,
            created_at: now,
            opened_at: None,
            updated_at: now,
        }
    }

    fn event(&self, connection: &mut AnyConnection, number: i32, kind: &str) -> QueryResult<()> {
        use payment_events as event;
        let row = (
            event::payment_id.eq(&self.id),
            event::number.eq(number),
            event::kind.eq(kind),
            event::from_state.eq(None::<String>),
            event::to_state.eq(None::<String>),
            event::amount.eq(None::<i64>),
            event::cause.eq("order"),
            event::cause_id.eq(None::<String>),
            event::happened_at.eq(self.now),
        );
        diesel::insert_into(event::table).values(row).execute(connection).map(drop)
    }

    /// Stores the order and reserves the stock.
    fn place(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        use {idempotency_keys as key, stock_reservations as held};
        let row = (
            key::payment_id.eq(&self.id),
            key::user_id.eq(&self.buyer),
            key::idempotency_key.eq(format!("{:020}", self.number)),
            key::created_at.eq(self.now),
        );
        diesel::insert_into(key::table).values(row).execute(connection)?;
        let offered = products::table.find(&self.product).filter(products::deleted_at.is_null());
        let product: Product = match connection {
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(sqlite) => offered.select(Product::as_select()).first(sqlite)?,
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(postgres) => offered.select(Product::as_select()).for_update().first(postgres)?,
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(mysql) => offered.select(Product::as_select()).for_update().first(mysql)?,
        };
        held::table.find(&self.id).select(held::state).first::<String>(connection).optional()?;
        let enough = products::table.find(&self.product).filter(products::stock.ge(1));
        let taken = (
            products::stock.eq(products::stock - 1),
            products::reserved.eq(products::reserved + 1),
            products::version.eq(products::version + 1),
        );
        diesel::update(enough).set(taken).execute(connection)?;
        let row = (
            held::payment_id.eq(&self.id),
            held::product_id.eq(&self.product),
            held::quantity.eq(1),
            held::state.eq("held"),
            held::expires_at.eq(self.now),
            held::updated_at.eq(self.now),
        );
        diesel::insert_into(held::table).values(row).execute(connection)?;
        diesel::insert_into(payments::table).values(self.payment(product)).execute(connection)?;
        self.event(connection, 1, "ordered")
    }

    /// Stores the payment page and queues the mail.
    fn open(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        use {payment_transactions as attempt, stock_reservations as held};
        let wanted = payments::table.find(&self.id);
        let _: Payment = match connection {
            #[cfg(feature = "sqlite")]
            AnyConnection::Sqlite(sqlite) => wanted.select(Payment::as_select()).first(sqlite)?,
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(postgres) => wanted.select(Payment::as_select()).for_update().first(postgres)?,
            #[cfg(feature = "mysql")]
            AnyConnection::Mysql(mysql) => wanted.select(Payment::as_select()).for_update().first(mysql)?,
        };
        let ids = [&self.id];
        let attempts = attempt::table.filter(attempt::payment_id.eq_any(ids));
        attempts
            .order((attempt::learnt_at, attempt::transaction_id))
            .select(attempt::status)
            .load::<String>(connection)?;
        let places = held::table.filter(held::payment_id.eq_any(ids));
        places.select((held::payment_id, held::state)).load::<(String, String)>(connection)?;
        let opened = (
            payments::state.eq("pending"),
            payments::needs_attention.eq(false),
            payments::closed.eq(None::<String>),
            payments::token.eq(Some(&self.id)),
            payments::payment_url.eq(Some(format!("http://127.0.0.1:8081/simulator/{}", self.id))),
            payments::next_check_at.eq(Some(self.now)),
            payments::checks.eq(0),
            payments::events.eq(2),
            payments::version.eq(2),
            payments::opened_at.eq(Some(self.now)),
            payments::updated_at.eq(self.now),
        );
        diesel::update(payments::table.find(&self.id)).set(opened).execute(connection)?;
        self.event(connection, 2, "opened")?;
        let row = (
            mails::id.eq(format!("01958e68-5412-7307-bb1d-{:012}", self.number)),
            mails::payment_id.eq(&self.id),
            mails::event.eq(2),
            mails::status.eq("pending"),
            mails::audience.eq("buyer"),
            mails::state.eq("queued"),
            mails::attempts.eq(0),
            mails::uncertain.eq(0),
            mails::next_at.eq(self.now),
            mails::created_at.eq(self.now),
            mails::updated_at.eq(self.now),
        );
        diesel::insert_into(mails::table).values(row).execute(connection).map(drop)
    }

    /// Runs one checkout: key lookup, order transaction, payer lookup, page transaction.
    fn run(&self, connection: &mut AnyConnection) -> QueryResult<()> {
        use idempotency_keys as key;
        let before = key::table.filter(key::user_id.eq(&self.buyer)).filter(key::idempotency_key.eq(&self.id));
        before.select(key::payment_id).first::<String>(connection).optional()?;
        in_transaction(connection, |connection| self.place(connection))?;
        let payer = users::table.find(&self.buyer).select((users::name, users::email, users::role));
        payer.first::<(String, String, String)>(connection)?;
        in_transaction(connection, |connection| self.open(connection))
    }
}

/// Runs statements in a transaction that takes the write lock at its start.
fn in_transaction(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> QueryResult<()>,
) -> QueryResult<()> {
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            work(connection)?;
            <AnyConnection as Connection>::TransactionManager::commit_transaction(connection)
        }
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        _ => connection.transaction(work),
    }
}

/// The number of runs and their latencies in microseconds.
pub(crate) struct Ran {
    pub(crate) rate: f64,
    pub(crate) latencies: Histogram<u64>,
}

pub(crate) struct Bench<'a> {
    pub(crate) url: &'a str,
    pub(crate) connections: usize,
    pub(crate) buyers: usize,
    /// The number of products to order; with one, all orders wait for the same row.
    pub(crate) products: usize,
}

impl Bench<'_> {
    /// Runs the script repeatedly on each connection.
    pub(crate) fn run(&self, warm_up: Duration, time: Duration) -> Ran {
        let work = || {
            let mut connection = AnyConnection::open(self.url).expect("the database");
            let mut latencies = Histogram::new_with_max(60_000_000, 3).expect("a histogram");
            let begun = Instant::now();
            loop {
                let asked = Instant::now();
                Checkout::next(self.buyers, self.products).run(&mut connection).expect("the script");
                let (done, latency) = (Instant::now(), asked.elapsed());
                if begun.elapsed() >= warm_up {
                    latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
                }
                if done - begun >= warm_up + time {
                    return (latencies, (done - begun).saturating_sub(warm_up));
                }
            }
        };
        let parts: Vec<(Histogram<u64>, Duration)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
        });
        let rate = parts.iter().map(|(latencies, elapsed)| latencies.len() as f64 / elapsed.as_secs_f64()).sum();
        let mut latencies = Histogram::new_with_max(60_000_000, 3).expect("a histogram");
        parts.iter().for_each(|(part, _)| latencies.add(part).expect("histograms of one kind"));
        Ran { rate, latencies }
    }
}
