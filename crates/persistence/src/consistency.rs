//! Invariants of the stored records, checked in the database.
//!
//! Each rule is a statement that finds the rows that break it, written independently of the code that keeps the rule. All are
//! plain SQL that the databases understand alike.

use crate::connection::AnyConnection;
use crate::database::Database;
use crate::dialect::on_each;
use crate::schema::payment_events;
use app::clock::Deadline;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use domain::error::Error;
use domain::payment::State;

/// How many offenders a finding names.
const NAMED: usize = 20;
/// How many events are read at once.
const BATCH: i64 = 10_000;
/// Mails that were sent longer ago may have been purged.
const MAILS_KEPT: TimeDelta = TimeDelta::days(29);

/// A rule and the rows that break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's number, such as `I1`.
    pub rule: &'static str,
    /// What must be true.
    pub says: &'static str,
    /// How many rows break it.
    pub broken: usize,
    /// The ids of some of these.
    pub offenders: Vec<String>,
}

/// A rule and the statement that finds what breaks it.
type Rule = (&'static str, &'static str, &'static str);

const RULES: [Rule; 9] = [
    (
        "I1",
        "what was taken off a product's stock is what is held or sold, and no stock is negative",
        "SELECT p.id AS value FROM products p LEFT JOIN (
            SELECT product_id, SUM(quantity) AS pieces FROM stock_reservations WHERE state <> 'released' GROUP BY product_id
         ) r ON r.product_id = p.id WHERE p.reserved <> COALESCE(r.pieces, 0) OR p.stock < 0",
    ),
    (
        "I1",
        "every payment has a reservation of its own product and quantity",
        "SELECT p.id AS value FROM payments p LEFT JOIN stock_reservations r ON r.payment_id = p.id
         WHERE r.payment_id IS NULL OR r.product_id <> p.product_id OR r.quantity <> p.quantity",
    ),
    (
        "I3",
        "what is paid has a transaction over its whole amount that the gateway has confirmed, or a person's word",
        "SELECT p.id AS value FROM payments p WHERE p.state IN ('success', 'partial_refund', 'refund', 'chargeback')
         AND NOT EXISTS (SELECT 1 FROM payment_transactions t WHERE t.payment_id = p.id AND t.amount = p.total_amount
            AND t.status IN ('capture', 'settlement', 'partial_refund', 'refund', 'partial_chargeback', 'chargeback'))
         AND NOT EXISTS (SELECT 1 FROM payment_events e WHERE p.closed = 'success' AND e.payment_id = p.id
            AND e.kind = 'resolved' AND e.to_state = 'success')",
    ),
    (
        "I4",
        "what the gateway has confirmed as paid is paid",
        "SELECT p.id AS value FROM payments p WHERE p.state NOT IN ('success', 'partial_refund', 'refund', 'chargeback')
         AND EXISTS (SELECT 1 FROM payment_transactions t WHERE t.payment_id = p.id
            AND t.status IN ('capture', 'settlement', 'partial_refund', 'refund', 'partial_chargeback', 'chargeback'))",
    ),
    (
        "I5",
        "pieces are sold where money is there and pieces were, and nowhere else",
        "SELECT p.id AS value FROM payments p JOIN stock_reservations r ON r.payment_id = p.id
         WHERE (p.state IN ('success', 'partial_refund')
            AND r.state <> 'sold' AND NOT (r.state = 'released' AND p.needs_attention))
         OR (p.state IN ('pending', 'review', 'deny', 'cancel', 'expire', 'failure') AND r.state = 'sold')
         OR (p.state IN ('cancel', 'failure') AND r.state = 'held' AND COALESCE(p.attention, '') <> 'contradicted')",
    ),
    (
        "I5",
        "pieces are given back once for each time that they were reserved",
        "SELECT payment_id AS value FROM payment_events GROUP BY payment_id
         HAVING SUM(CASE kind WHEN 'released' THEN 1 ELSE 0 END) > SUM(CASE WHEN kind IN ('ordered', 'reserved_again') THEN 1 ELSE 0 END)",
    ),
    (
        "I11",
        "what waits for a person says why",
        "SELECT p.id AS value FROM payments p JOIN stock_reservations r ON r.payment_id = p.id
         WHERE p.needs_attention <> (COALESCE(p.attention, '') = 'contradicted'
            OR (p.state IN ('success', 'partial_refund') AND r.state = 'released'))
         OR (p.attention = 'contradicted' AND p.contradiction IS NULL)",
    ),
    (
        "I7",
        "events are numbered without gaps, as many as the payment counts",
        "SELECT p.id AS value FROM payments p LEFT JOIN (
            SELECT payment_id, COUNT(*) AS counted, MAX(number) AS last FROM payment_events GROUP BY payment_id
         ) e ON e.payment_id = p.id WHERE e.payment_id IS NULL OR e.counted <> p.events OR e.last <> p.events",
    ),
    (
        "I10",
        "no image that a product or a payment shows is noted for removal",
        "SELECT n.image_key AS value FROM image_notes n
         WHERE EXISTS (SELECT 1 FROM products p WHERE p.image_key = n.image_key AND p.deleted_at IS NULL)
         OR EXISTS (SELECT 1 FROM payments s WHERE s.product_image_key = n.image_key)",
    ),
];

/// Each change that buyer or seller see has its mails. `{since}` is replaced.
const MAILS: Rule = (
    "I6",
    "each change that is seen has one mail to the buyer, and to the seller when it is paid",
    "SELECT e.payment_id AS value FROM payment_events e LEFT JOIN (
        SELECT payment_id, event, COUNT(*) AS sent FROM mails GROUP BY payment_id, event
     ) m ON m.payment_id = e.payment_id AND m.event = e.number
     WHERE e.happened_at > '{since}' AND COALESCE(m.sent, 0) <> CASE
        WHEN e.kind = 'opened' THEN 1
        WHEN e.kind = 'moved' AND e.to_state = 'success' THEN 2
        WHEN e.kind = 'moved' AND CASE e.from_state WHEN 'review' THEN 'pending' ELSE e.from_state END
            <> CASE e.to_state WHEN 'review' THEN 'pending' ELSE e.to_state END THEN 1
        ELSE 0 END",
);

#[derive(QueryableByName)]
struct Offender {
    #[diesel(sql_type = Text)]
    value: String,
}

fn check(connection: &mut AnyConnection, (rule, says, statement): Rule, since: NaiveDateTime) -> QueryResult<Finding> {
    let statement = statement.replace("{since}", &since.format("%Y-%m-%d %H:%M:%S").to_string());
    let query = sql_query(statement);
    let found: Vec<Offender> = on_each!(connection, inner => query.load(inner))?;
    let offenders = found.iter().take(NAMED).map(|offender| offender.value.clone()).collect();
    Ok(Finding { rule, says, broken: found.len(), offenders })
}

/// Payment id, event number, state before and state after.
type Step = (String, i32, Option<String>, Option<String>);

/// Checks that the states of each payment follow the status machine.
fn check_paths(connection: &mut AnyConnection) -> QueryResult<Finding> {
    let mut offenders = Vec::new();
    let mut last: Option<(String, i32, State)> = None;
    loop {
        let mut steps = payment_events::table
            .filter(payment_events::kind.eq("moved"))
            .order((payment_events::payment_id, payment_events::number))
            .limit(BATCH)
            .into_boxed();
        if let Some((payment, number, _)) = &last {
            let later = payment_events::payment_id.eq(payment.clone()).and(payment_events::number.gt(*number));
            steps = steps.filter(payment_events::payment_id.gt(payment.clone()).or(later));
        }
        let columns =
            (payment_events::payment_id, payment_events::number, payment_events::from_state, payment_events::to_state);
        let piece: Vec<Step> = steps.select(columns).load(connection)?;
        if piece.is_empty() {
            break;
        }
        for (payment, number, from, to) in piece {
            let before = match &last {
                Some((same, _, state)) if *same == payment => *state,
                _ => State::Pending,
            };
            let state = |name: &Option<String>| name.as_deref().and_then(State::restore);
            let (from, to) = (state(&from), state(&to));
            let is_step = from == Some(before) && to.is_some_and(|to| before.may_become(to));
            if !is_step && offenders.last() != Some(&payment) {
                offenders.push(payment.clone());
            }
            last = Some((payment, number, to.unwrap_or(before)));
        }
    }
    let broken = offenders.len();
    offenders.truncate(NAMED);
    let says = "each payment's states are a way along the machine, from pending on";
    Ok(Finding { rule: "I7", says, broken, offenders })
}

impl Database {
    /// Checks each rule on its own snapshot of the records.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn audit(&self, now: DateTime<Utc>, by: Deadline) -> Result<Vec<Finding>, Error> {
        let since = (now - MAILS_KEPT).naive_utc();
        let mut findings = Vec::new();
        for rule in RULES.into_iter().chain([MAILS]) {
            findings.push(self.read(by, move |connection| check(connection, rule, since)).await?);
        }
        findings.push(self.read(by, check_paths).await?);
        findings.sort_by_key(|finding| finding.rule.trim_start_matches('I').parse::<u8>().unwrap_or(u8::MAX));
        Ok(findings)
    }

    /// The keys of all images that products or payments show.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn shown_images(&self, by: Deadline) -> Result<Vec<String>, Error> {
        let shown = self.read(by, |connection| {
            let query = sql_query(
                "SELECT image_key AS value FROM products WHERE image_key IS NOT NULL AND deleted_at IS NULL
                 UNION SELECT product_image_key FROM payments WHERE product_image_key IS NOT NULL",
            );
            let found: Vec<Offender> = on_each!(connection, inner => query.load(inner))?;
            Ok(found.into_iter().map(|image| image.value).collect())
        });
        Ok(shown.await?)
    }
}
