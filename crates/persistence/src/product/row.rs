//! The row of a product.

use crate::connection::AnyConnection;
use crate::constraint::Constraint;
use crate::dialect::on_each;
use crate::schema::products::{self, deleted_at, table};
use app::audit_log::Action;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
#[cfg(feature = "mysql")]
use diesel::sql_types::Text;
use domain::error::Error;
use domain::money::Money;
use domain::product::{
    Changes, Description, Details, ImageKey, ImageUrl, Picture, Price, Product, ProductId, ProductName, Stock,
};
use domain::version::Version;
use std::collections::BTreeSet;

/// The columns that are read. `deleted_at` is not, because withdrawn products are not read.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = products, treat_none_as_default_value = false)]
pub(crate) struct ProductRow {
    pub(crate) id: String,
    user_id: String,
    name: String,
    name_key: String,
    description: String,
    price: i64,
    stock: i32,
    image_key: Option<String>,
    image_url: Option<String>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl From<&Product> for ProductRow {
    fn from(product: &Product) -> Self {
        let details = product.details();
        let (image_key, image_url) = picture_columns(&details.picture);
        Self {
            id: product.id().to_string(),
            user_id: product.seller().to_string(),
            name: details.name.as_str().to_owned(),
            name_key: details.name.key(),
            description: details.description.as_str().to_owned(),
            price: details.price.money().minor(),
            stock: details.stock.count(),
            image_key,
            image_url,
            version: product.version().number(),
            created_at: product.created_at().naive_utc(),
            updated_at: product.updated_at().naive_utc(),
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = Error;

    fn try_from(row: ProductRow) -> Result<Self, Error> {
        let picture = match (row.image_key, row.image_url) {
            (None, None) => Picture::None,
            (Some(key), None) => Picture::Stored(ImageKey::parse(&key).ok_or_else(|| corrupt("image_key"))?),
            (None, Some(url)) => Picture::External(ImageUrl::restore(url)),
            (Some(_), Some(_)) => return Err(corrupt("image_url")),
        };
        let details = Details {
            name: ProductName::restore(row.name),
            description: Description::restore(row.description),
            price: Price::restore(row.price).ok_or_else(|| corrupt("price"))?,
            stock: Stock::restore(row.stock).ok_or_else(|| corrupt("stock"))?,
            picture,
        };
        Ok(Self::restore(
            row.id.parse().map_err(|_| corrupt("id"))?,
            row.user_id.parse().map_err(|_| corrupt("user_id"))?,
            details,
            Version::restore(row.version),
            row.created_at.and_utc(),
            row.updated_at.and_utc(),
        ))
    }
}

fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("products.{column} holds what the domain does not know"))
}

impl ProductRow {
    pub(super) const fn version(&self) -> Version {
        Version::restore(self.version)
    }

    /// The values before and after of columns whose changes the audit log lists.
    pub(super) fn differences(&self, changes: &Changes) -> Vec<(Action, String)> {
        let price = changes.price.map(|price| price.money()).filter(|price| price.minor() != self.price);
        let price = price.map(|new| {
            let old = Money::from_minor(self.price).map_or_else(String::new, |old| old.to_string());
            (Action::PriceChanged, format!("from {old} to {new}"))
        });
        let stock = changes.stock.map(Stock::count).filter(|new| *new != self.stock);
        let stock = stock.map(|new| (Action::StockChanged, format!("from {} to {new}", self.stock)));
        price.into_iter().chain(stock).collect()
    }

    pub(super) fn image_key(&self) -> Option<&str> {
        self.image_key.as_deref()
    }
}

/// A picture fills one of these columns.
fn picture_columns(picture: &Picture) -> (Option<String>, Option<String>) {
    match picture {
        Picture::None => (None, None),
        Picture::Stored(key) => (Some(key.as_str().to_owned()), None),
        Picture::External(url) => (None, Some(url.as_str().to_owned())),
    }
}

/// The columns that change. An outer `None` leaves a column as it is.
#[derive(AsChangeset)]
#[diesel(table_name = products)]
struct ChangedColumns {
    name: Option<String>,
    name_key: Option<String>,
    description: Option<String>,
    price: Option<i64>,
    stock: Option<i32>,
    image_key: Option<Option<String>>,
    image_url: Option<Option<String>>,
    version: i64,
    updated_at: NaiveDateTime,
}

impl ChangedColumns {
    fn new(changes: &Changes, version: Version, now: DateTime<Utc>) -> Self {
        let (image_key, image_url) = changes.picture.as_ref().map(picture_columns).unzip();
        Self {
            name: changes.name.as_ref().map(|name| name.as_str().to_owned()),
            name_key: changes.name.as_ref().map(ProductName::key),
            description: changes.description.as_ref().map(|description| description.as_str().to_owned()),
            price: changes.price.map(|price| price.money().minor()),
            stock: changes.stock.map(Stock::count),
            image_key,
            image_url,
            version: version.number(),
            updated_at: now.naive_utc(),
        }
    }
}

/// A product that has not been withdrawn.
pub(crate) fn find(connection: &mut AnyConnection, product: ProductId) -> QueryResult<Option<ProductRow>> {
    let offered = table.find(product.to_string()).filter(deleted_at.is_null());
    on_each!(connection, connection => offered.select(ProductRow::as_select()).get_result(connection)).optional()
}

/// Such a row, locked until the transaction ends. On SQLite the transaction is the lock.
pub(crate) fn lock(connection: &mut AnyConnection, product: ProductId) -> QueryResult<Option<ProductRow>> {
    let offered = table.find(product.to_string()).filter(deleted_at.is_null());
    match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(sqlite) => offered.select(ProductRow::as_select()).get_result(sqlite),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(postgres) => offered.select(ProductRow::as_select()).for_update().get_result(postgres),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => offered.select(ProductRow::as_select()).for_update().get_result(mysql),
    }
    .optional()
}

/// Updates a row that is locked.
pub(super) fn change(
    connection: &mut AnyConnection,
    row: &ProductRow,
    changes: &Changes,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let columns = ChangedColumns::new(changes, row.version().next(), now);
    diesel::update(table.find(&row.id)).set(columns).execute(connection).map(drop)
}

/// Withdraws a product whose row is locked.
pub(super) fn withdraw(connection: &mut AnyConnection, row: &ProductRow, now: DateTime<Utc>) -> QueryResult<()> {
    let now = now.naive_utc();
    let columns =
        (deleted_at.eq(now), products::updated_at.eq(now), products::version.eq(row.version().next().number()));
    diesel::update(table.find(&row.id)).set(columns).execute(connection).map(drop)
}

pub(super) fn add(connection: &mut AnyConnection, row: &ProductRow) -> QueryResult<()> {
    lock_sellers(connection, std::slice::from_ref(row))?;
    diesel::insert_into(table).values(row).execute(connection).map(drop)
}

#[cfg(feature = "mysql")]
#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = Text, column_name = "id")]
    _id: String,
}

/// Locks the accounts of the sellers of new rows, or fails as the foreign key does, where the server may not check the key:
/// MySQL 9.6 and newer take a row for one without a reference where any column of the key's index is NULL, as `deleted_at`
/// is.
pub(crate) fn lock_sellers(connection: &mut AnyConnection, rows: &[ProductRow]) -> QueryResult<()> {
    let sellers: BTreeSet<_> = rows.iter().map(|row| &*row.user_id).collect();
    let found = match connection {
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => sellers.len(),
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => sellers.len(),
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(mysql) => {
            let mut found = 0;
            for seller in &sellers {
                // Diesel's `for_share` has words that MariaDB does not know.
                let account = diesel::sql_query("SELECT id FROM users WHERE id = ? LOCK IN SHARE MODE");
                found += account.bind::<Text, _>(*seller).load::<Account>(mysql)?.len();
            }
            found
        }
    };
    if found == sellers.len() { Ok(()) } else { Err(Constraint::ProductSeller.violation()) }
}
