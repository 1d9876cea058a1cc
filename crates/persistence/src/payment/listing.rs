//! Lists of payments: those of a buyer or a seller, read along an index from a place on, and those of operators.

use crate::connection::AnyConnection;
use crate::payment::row::{PaymentRow, Stored};
use crate::schema::payments::{self, created_at, id, needs_attention, seller_id, state, user_id};
use app::page::PageStart;
use app::payment::{Audience, PaymentListing};
use diesel::dsl::count_star;
use diesel::prelude::*;
use domain::payment::{State, Status};

type Selection = payments::BoxedQuery<'static, <AnyConnection as Connection>::Backend>;

fn listed(listing: &PaymentListing) -> Selection {
    let owner = listing.owner.to_string();
    let selection = payments::table.into_boxed();
    let selection = match listing.audience {
        Audience::Buyer => selection.filter(user_id.eq(owner)),
        Audience::Seller => selection.filter(seller_id.eq(owner)),
    };
    match listing.status {
        None => selection,
        Some(status) => selection.filter(state.eq_any(status.states().map(State::as_str))),
    }
}

/// How many payments are counted off at most in a short read.
const FEW: u64 = 1_000;

/// Whether reading a page may take long, because its place has to be counted off.
pub(super) const fn may_be_long(listing: &PaymentListing) -> bool {
    matches!(listing.page.start, PageStart::Offset(FEW..))
}

/// The payments of a listing, and one more than its limit where more follow.
pub(super) fn page(connection: &mut AnyConnection, listing: &PaymentListing) -> QueryResult<Stored> {
    let selection = listed(listing);
    let selection = match &listing.page.start {
        PageStart::Offset(offset) => selection.offset(i64::try_from(*offset).unwrap_or(i64::MAX)),
        PageStart::After(place) => {
            let (at, last) = (place.created_at.naive_utc(), place.id.to_string());
            // The first condition follows from the second. Databases use an index for the first only.
            selection.filter(created_at.le(at)).filter(created_at.lt(at).or(id.lt(last)))
        }
    };
    let limit = i64::from(listing.page.limit) + 1;
    let rows = selection.order((created_at.desc(), id.desc())).limit(limit).select(PaymentRow::as_select());
    let rows = rows.load(connection)?;
    Stored::complete(connection, rows)
}

pub(super) fn count(connection: &mut AnyConnection, listing: &PaymentListing) -> QueryResult<i64> {
    listed(listing).select(count_star()).get_result(connection)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Whether to list only payments that need an operator's attention.
    pub attention: bool,
    /// The status that buyers and sellers see; `None` for all.
    pub status: Option<Status>,
    pub limit: u32,
}

/// The newest first.
pub(super) fn overview(connection: &mut AnyConnection, wanted: Overview) -> QueryResult<Stored> {
    let mut selection = payments::table.into_boxed();
    if wanted.attention {
        selection = selection.filter(needs_attention.eq(true));
    }
    if let Some(status) = wanted.status {
        selection = selection.filter(state.eq_any(status.states().map(State::as_str)));
    }
    // Ids grow with time (UUID v7).
    let rows = selection.order(id.desc()).limit(wanted.limit.into()).select(PaymentRow::as_select());
    let rows = rows.load(connection)?;
    Stored::complete(connection, rows)
}
