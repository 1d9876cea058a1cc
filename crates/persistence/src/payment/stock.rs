//! Reservations of stock for payments. No other module moves stock for a payment.
//!
//! Each function takes a payment's id, may be called again without doing more, and needs nothing else of the payment, so that
//! stock could become a service of its own. Here both change in one transaction.

use crate::connection::AnyConnection;
use crate::schema::{products, stock_reservations};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::case_when;
use diesel::prelude::*;
use domain::payment::Reservation;
use domain::product::ProductId;
use std::collections::HashMap;

/// A product's stock, locked; `None` where the product does not exist, withdrawn or not.
fn on_shelf(connection: &mut AnyConnection, product: &str) -> QueryResult<Option<i32>> {
    let shelf = products::table.find(product).select(products::stock);
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => shelf.get_result(sqlite),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => shelf.for_update().get_result(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => shelf.for_update().get_result(mysql),
    }
    .optional()
}

/// Takes pieces off a product's stock. Returns whether there were enough.
fn take(connection: &mut AnyConnection, product: &str, quantity: i32) -> QueryResult<bool> {
    let enough = products::table.find(product).filter(products::stock.ge(quantity));
    let taken = (
        products::stock.eq(products::stock - quantity),
        products::reserved.eq(products::reserved + i64::from(quantity)),
        products::version.eq(products::version + 1),
    );
    diesel::update(enough).set(taken).execute(connection).map(|rows| rows == 1)
}

/// Puts pieces back. The seller may have set the stock anew meanwhile. Pieces beyond the largest stock are dropped, because
/// an overflow would keep the payment from ever ending.
fn put_back(connection: &mut AnyConnection, product: &str, quantity: i32) -> QueryResult<()> {
    let has_room = products::stock.le(i32::MAX.saturating_sub(quantity));
    let given = (
        products::stock.eq(case_when(has_room, products::stock + quantity).otherwise(i32::MAX)),
        products::reserved.eq(products::reserved - i64::from(quantity)),
        products::version.eq(products::version + 1),
    );
    diesel::update(products::table.find(product)).set(given).execute(connection).map(drop)
}

/// Reserves pieces for a payment until a time. Returns whether there were enough.
pub(super) fn reserve(
    connection: &mut AnyConnection,
    payment: &str,
    product: ProductId,
    quantity: i32,
    until: NaiveDateTime,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let product = product.to_string();
    let there = stock_reservations::table.find(payment).select(stock_reservations::state);
    if there.get_result::<String>(connection).optional()?.is_some() {
        return Ok(true);
    }
    if !take(connection, &product, quantity)? {
        return Ok(false);
    }
    let reservation = (
        stock_reservations::payment_id.eq(payment),
        stock_reservations::product_id.eq(product),
        stock_reservations::quantity.eq(quantity),
        stock_reservations::state.eq(Reservation::Held.as_str()),
        stock_reservations::expires_at.eq(until),
        stock_reservations::updated_at.eq(now.naive_utc()),
    );
    diesel::insert_into(stock_reservations::table).values(reservation).execute(connection)?;
    Ok(true)
}

/// Moves a payment's reservation to a state, and the product's stock with it.
pub(super) fn set(
    connection: &mut AnyConnection,
    payment: &str,
    is: Reservation,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    use Reservation::{Held, Released, Sold};
    let place = stock_reservations::table.find(payment);
    let (product, quantity, was): (String, i32, String) = place
        .select((stock_reservations::product_id, stock_reservations::quantity, stock_reservations::state))
        .get_result(connection)?;
    if was == is.as_str() {
        return Ok(());
    }
    // The condition makes sure that pieces are given back once, even where a caller has not locked the payment.
    let moved = diesel::update(place.filter(stock_reservations::state.eq(&was)))
        .set((stock_reservations::state.eq(is.as_str()), stock_reservations::updated_at.eq(now.naive_utc())))
        .execute(connection)?;
    let was_released = was == Released { on_shelf: 0 }.as_str();
    match is {
        _ if moved != 1 => Err(diesel::result::Error::RollbackTransaction),
        Released { .. } => put_back(connection, &product, quantity),
        Held | Sold if was_released && !take(connection, &product, quantity)? => {
            Err(diesel::result::Error::RollbackTransaction)
        }
        Held | Sold => Ok(()),
    }
}

/// The reservations of payments, without the stock that is left.
pub(super) fn of(connection: &mut AnyConnection, payments: &[String]) -> QueryResult<HashMap<String, Reservation>> {
    let stored: Vec<(String, String)> = stock_reservations::table
        .filter(stock_reservations::payment_id.eq_any(payments))
        .select((stock_reservations::payment_id, stock_reservations::state))
        .load(connection)?;
    Ok(stored.into_iter().filter_map(|(payment, state)| Some((payment, restore(&state)?))).collect())
}

/// A payment's reservation and, where its pieces were given back, how many could be reserved anew: the product is locked
/// until the transaction ends.
pub(super) fn look(
    connection: &mut AnyConnection,
    reservation: Reservation,
    product: ProductId,
) -> QueryResult<Reservation> {
    match reservation {
        Reservation::Released { .. } => {
            let on_shelf = on_shelf(connection, &product.to_string())?.unwrap_or_default();
            Ok(Reservation::Released { on_shelf })
        }
        kept => Ok(kept),
    }
}

fn restore(state: &str) -> Option<Reservation> {
    [Reservation::Held, Reservation::Sold, Reservation::Released { on_shelf: 0 }]
        .into_iter()
        .find(|reservation| reservation.as_str() == state)
}
