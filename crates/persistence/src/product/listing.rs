//! Lists of products.
//!
//! A page of a list is read along an index from a cursor's place on, however far inside the list that is. Only a page that is
//! asked for by number has to be counted off, in the index alone; its rows are read from the place that was found so.

use crate::connection::AnyConnection;
use crate::dialect::Planner;
use crate::product::ProductRow;
use crate::schema::products::{self, created_at, deleted_at, id, name_key, price, user_id};
use app::page::PageStart;
use app::product::{Filter, ProductListing, SearchText, Sort, SortKey, SortPosition};
use chrono::NaiveDateTime;
use diesel::dsl::{AsSelect, SqlTypeOf, count_star, sql};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Bool, Text};
use domain::money::Money;

type Backend = <AnyConnection as Connection>::Backend;
type Selection = products::BoxedQuery<'static, Backend>;
type Rows = products::BoxedQuery<'static, Backend, SqlTypeOf<AsSelect<ProductRow, Backend>>>;

/// Escapes wildcards in a searched text. A backslash would have to be written twice on MySQL.
const ESCAPE: char = '!';

/// How many products are counted off at most in a short read.
const FEW: u64 = 1_000;

/// Whether reading a page may take long: where a filter may let next to nothing through, all products are gone through; a page
/// that is asked for by number is counted off.
pub(super) const fn may_be_long(listing: &ProductListing) -> bool {
    let Filter { text, seller: _, min_price, max_price } = &listing.filter;
    text.is_some()
        || min_price.is_some()
        || max_price.is_some()
        || matches!(listing.page.start, PageStart::Offset(FEW..))
}

enum Key {
    CreatedAt(NaiveDateTime),
    Price(i64),
    Name(String),
}

/// The products of a page in order, and one more than its limit where another page follows.
pub(super) fn page(connection: &mut AnyConnection, listing: &ProductListing) -> QueryResult<Vec<ProductRow>> {
    let place = match &listing.page.start {
        PageStart::Offset(0) => None,
        PageStart::Offset(number) => match place_of(connection, listing, *number)? {
            None => return Ok(Vec::new()),
            place => place,
        },
        PageStart::After(place) => Some(stored(place)),
    };
    rows(listing, place, Planner::of(connection))?.load(connection)
}

pub(super) fn count(connection: &mut AnyConnection, filter: &Filter) -> QueryResult<i64> {
    filtered(filter, None, Planner::of(connection)).select(count_star()).get_result(connection)
}

fn stored(place: &SortPosition) -> (Key, String) {
    let key = match &place.key {
        SortKey::CreatedAt(time) => Key::CreatedAt(time.naive_utc()),
        SortKey::Price(amount) => Key::Price(amount.minor()),
        SortKey::Name(name) => Key::Name(name.clone()),
    };
    (key, place.id.to_string())
}

/// The place of the `number`th product of a list, counted from one.
fn place_of(
    connection: &mut AnyConnection,
    listing: &ProductListing,
    number: u64,
) -> QueryResult<Option<(Key, String)>> {
    let selection = place(listing, number, Planner::of(connection));
    match listing.sort {
        Sort::Newest | Sort::Oldest => {
            let place = selection.select((created_at, id)).first(connection).optional()?;
            Ok(place.map(|(key, last)| (Key::CreatedAt(key), last)))
        }
        Sort::Price | Sort::PriceDescending => {
            let place = selection.select((price, id)).first(connection).optional()?;
            Ok(place.map(|(key, last)| (Key::Price(key), last)))
        }
        Sort::Name => {
            let place = selection.select((name_key, id)).first(connection).optional()?;
            Ok(place.map(|(key, last)| (Key::Name(key), last)))
        }
    }
}

/// Selects the `number`th product of a list.
fn place(listing: &ProductListing, number: u64, planner: Planner) -> Selection {
    let before = i64::try_from(number.saturating_sub(1)).unwrap_or(i64::MAX);
    ordered(listing, planner).offset(before).limit(1)
}

/// Selects the rows of a list after a place, or from its beginning.
fn rows(listing: &ProductListing, place: Option<(Key, String)>, planner: Planner) -> QueryResult<Rows> {
    let mut selection = ordered(listing, planner);
    if let Some(place) = place {
        selection = behind(selection, listing, place, planner)?;
    }
    let limit = i64::from(listing.page.limit) + 1;
    Ok(selection.limit(limit).select(ProductRow::as_select()))
}

/// The products that match a filter, for a list in this order.
fn filtered(filter: &Filter, sort: Option<Sort>, planner: Planner) -> Selection {
    let mut selection = products::table.filter(deleted_at.is_null()).into_boxed();
    if let Some(text) = &filter.text {
        // Diesel's own `escape` binds the character, which TiDB refuses.
        let like = sql::<Bool>("(products.name_key LIKE ").bind::<Text, _>(pattern(text));
        selection = selection.filter(like.sql(&format!(" ESCAPE '{ESCAPE}')")));
    }
    if let Some(seller) = filter.seller.map(|seller| seller.to_string()) {
        selection = match sort {
            Some(Sort::Newest) if planner == Planner::Dives => {
                selection.filter(user_id.ge(seller.clone())).filter(user_id.le(seller)).order(user_id.desc())
            }
            Some(Sort::Oldest) if planner == Planner::Dives => {
                selection.filter(user_id.ge(seller.clone())).filter(user_id.le(seller)).order(user_id.asc())
            }
            _ => selection.filter(user_id.eq(seller)),
        };
    }
    let is_by_price = matches!(sort, None | Some(Sort::Price | Sort::PriceDescending));
    let goes_by_another = planner == Planner::Blind && (!is_by_price || filter.seller.is_some());
    if let Some(min) = filter.min_price.map(Money::minor) {
        selection =
            if goes_by_another { selection.filter((price + 0).ge(min)) } else { selection.filter(price.ge(min)) };
    }
    if let Some(max) = filter.max_price.map(Money::minor) {
        selection =
            if goes_by_another { selection.filter((price + 0).le(max)) } else { selection.filter(price.le(max)) };
    }
    selection
}

/// The pattern of names that contain a text literally.
fn pattern(text: &SearchText) -> String {
    let mut pattern = String::from("%");
    for character in text.key().chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// All products of a list in its order. The id decides among equals, in the same direction, so that one index has the whole
/// order.
fn ordered(listing: &ProductListing, planner: Planner) -> Selection {
    let selection = filtered(&listing.filter, Some(listing.sort), planner);
    if sorts_by_hand(listing, planner) {
        match listing.sort {
            Sort::Newest | Sort::Oldest => {}
            Sort::Price => return selection.order(((price + 0).asc(), id.asc())),
            Sort::PriceDescending => return selection.order(((price + 0).desc(), id.desc())),
            Sort::Name => return selection.order((name_key.concat("").asc(), id.asc())),
        }
    }
    match listing.sort {
        Sort::Newest => selection.then_order_by((created_at.desc(), id.desc())),
        Sort::Oldest => selection.then_order_by((created_at.asc(), id.asc())),
        Sort::Price => selection.then_order_by((price.asc(), id.asc())),
        Sort::PriceDescending => selection.then_order_by((price.desc(), id.desc())),
        Sort::Name => selection.then_order_by((name_key.asc(), id.asc())),
    }
}

/// Keeps the rows after a place. The first condition follows from the second. Databases use an index for the first only.
fn behind(
    selection: Selection,
    listing: &ProductListing,
    (key, last): (Key, String),
    planner: Planner,
) -> QueryResult<Selection> {
    let sorts = sorts_by_hand(listing, planner);
    Ok(match (listing.sort, key) {
        (Sort::Newest, Key::CreatedAt(key)) => {
            selection.filter(created_at.le(key)).filter(created_at.lt(key).or(id.lt(last)))
        }
        (Sort::Oldest, Key::CreatedAt(key)) => {
            selection.filter(created_at.ge(key)).filter(created_at.gt(key).or(id.gt(last)))
        }
        (Sort::Price, Key::Price(key)) if sorts => {
            selection.filter((price + 0).ge(key)).filter((price + 0).gt(key).or(id.gt(last)))
        }
        (Sort::Price, Key::Price(key)) => selection.filter(price.ge(key)).filter(price.gt(key).or(id.gt(last))),
        (Sort::PriceDescending, Key::Price(key)) if sorts => {
            selection.filter((price + 0).le(key)).filter((price + 0).lt(key).or(id.lt(last)))
        }
        (Sort::PriceDescending, Key::Price(key)) => {
            selection.filter(price.le(key)).filter(price.lt(key).or(id.lt(last)))
        }
        (Sort::Name, Key::Name(key)) if sorts => {
            let name = name_key.concat("");
            selection.filter(name.ge(key.clone())).filter(name.gt(key).or(id.gt(last)))
        }
        (Sort::Name, Key::Name(key)) => {
            selection.filter(name_key.ge(key.clone())).filter(name_key.gt(key).or(id.gt(last)))
        }
        _ => return Err(Error::QueryBuilderError("a cursor's key is of another kind than its list's order".into())),
    })
}

/// Whether to make the database sort one seller's products, where it would by itself search for them in the order of all.
fn sorts_by_hand(listing: &ProductListing, planner: Planner) -> bool {
    let is_by_time = matches!(listing.sort, Sort::Newest | Sort::Oldest);
    planner == Planner::Blind && listing.filter.seller.is_some() && !is_by_time
}

#[cfg(test)]
mod tests;
