//! The list of a buyer's purchases or a seller's sales.

use crate::access::Access;
use crate::context::{Context, Query};
use crate::page::{Cursor, Page, PageForm, PageRequest, Position, moment};
use crate::payment::view::{Audience, PaymentPresenter};
use crate::payment::{PaymentLists, PaymentView};
use crate::pipeline::UseCase;
use crate::rate_limit::RateLimitClass;
use chrono::{DateTime, Utc};
use domain::actor::Identity;
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::payment::{Payment, PaymentId, Status};
use domain::user::{Role, UserId};
use std::sync::Arc;

/// The request as it arrived; an absent field is empty.
#[derive(Clone, Debug, Default)]
pub struct BrowsePaymentsForm {
    pub status: String,
    pub page: PageForm,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPosition {
    pub created_at: DateTime<Utc>,
    pub id: PaymentId,
}

impl Position for PaymentPosition {
    /// The list is always sorted by time, the newest first.
    type Order = ();

    fn write(&self) -> Vec<String> {
        vec![self.created_at.timestamp_micros().to_string(), self.id.to_string()]
    }

    fn read(parts: &[&str], (): ()) -> Option<Self> {
        let [created_at, id] = parts else { return None };
        Some(Self { created_at: moment(created_at)?, id: id.parse().ok()? })
    }
}

/// A page of a list of payments, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentListing {
    pub owner: UserId,
    /// `Buyer` lists the owner's purchases, `Seller` the payments for the owner's products.
    pub audience: Audience,
    /// `None` lists payments of every status.
    pub status: Option<Status>,
    pub page: PageRequest<PaymentPosition>,
}

impl PaymentListing {
    fn parse(form: &BrowsePaymentsForm, identity: Identity) -> Result<Self, Error> {
        let Identity { id: owner, role } = identity;
        let audience = match role {
            Role::Buyer => Audience::Buyer,
            Role::Seller => Audience::Seller,
        };
        let mut wrong = Violations::default();
        let status = wrong.take("status", status(&form.status));
        let name = name_of(owner, audience, status.flatten());
        let page = form.page.parse(&name, (), &mut wrong);
        match (status, page) {
            (Some(status), Some(page)) => Ok(Self { owner, audience, status, page }),
            _ => Err(wrong.into_error(ErrorCode::InvalidRequest)),
        }
    }

    fn cursor_behind(&self, payment: &Payment, given: u64) -> String {
        let place = PaymentPosition { created_at: payment.record().created_at, id: payment.record().id };
        let name = name_of(self.owner, self.audience, self.status);
        Cursor { offset: self.page.offset.saturating_add(given), place }.encode(&name)
    }
}

/// Identifies the list: equal texts mean equal lists.
fn name_of(owner: UserId, audience: Audience, status: Option<Status>) -> String {
    format!("payments {owner} {audience:?} {status:?}")
}

fn status(raw: &str) -> Result<Option<Status>, Reason> {
    match raw.trim() {
        "" => Ok(None),
        name => Status::find(name).map(Some).ok_or_else(|| {
            let names = Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
            Reason::new(ViolationCode::UnknownStatus, format!("{{field}} must be one of {names}"))
        }),
    }
}

/// Lists buyers' purchases and sellers' sales.
pub struct BrowsePayments {
    pub payments: Arc<dyn PaymentLists>,
    pub presenter: Arc<PaymentPresenter>,
}

impl UseCase for BrowsePayments {
    const NAME: &'static str = "browse_payments";
    type Kind = Query;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InvalidRequest];
    type Input = BrowsePaymentsForm;
    type Output = Page<PaymentView>;

    async fn execute(&self, context: &Context<Query>, form: BrowsePaymentsForm) -> Result<Page<PaymentView>, Error> {
        let listing = PaymentListing::parse(&form, context.actor.identity()?)?;
        let limit = listing.page.limit;
        let mut payments = self.payments.list(&listing, context.deadline).await?;
        let more_follow = payments.len() > limit as usize;
        payments.truncate(limit as usize);
        let given = payments.len() as u64;
        let next = payments.last().filter(|_| more_follow).map(|last| listing.cursor_behind(last, given));
        let seen = listing.page.offset.saturating_add(given);
        let is_past_the_end = given == 0 && listing.page.offset > 0;
        let total =
            if more_follow || is_past_the_end { self.payments.count(&listing, context.deadline).await? } else { seen };
        let mut items = Vec::with_capacity(payments.len());
        for payment in &payments {
            items.push(self.presenter.show(payment, listing.audience).await?);
        }
        Ok(Page { items, total, offset: listing.page.offset, limit, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageStart;
    use proptest::prelude::*;

    fn parse(status: &str, role: Role) -> Result<PaymentListing, Error> {
        let form = BrowsePaymentsForm { status: status.to_owned(), ..BrowsePaymentsForm::default() };
        PaymentListing::parse(&form, Identity { id: UserId::generate(), role })
    }

    #[test]
    fn buyers_see_purchases_and_sellers_sales() {
        assert_eq!(parse("", Role::Buyer).unwrap().audience, Audience::Buyer);
        assert_eq!(parse("success", Role::Seller).unwrap().status, Some(Status::Success));
        assert_eq!(parse("", Role::Seller).unwrap().audience, Audience::Seller);
    }

    #[test]
    fn an_unknown_status_is_refused_with_those_that_are_known() {
        let error = parse("paid", Role::Buyer).unwrap_err();
        assert!(error.message().starts_with("status must be one of pending, success, deny"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_place_is_read_or_refused(
            at in prop_oneof!["-?[0-9]{1,20}", any::<String>()],
            id in prop_oneof![Just("01958e68-5412-7307-9b1d-916400000027".to_owned()), any::<String>()],
        ) {
            if let Some(place) = PaymentPosition::read(&[&at, &id], ()) {
                let written = place.write();
                prop_assert_eq!(PaymentPosition::read(&[&written[0], &written[1]], ()), Some(place));
            }
        }

        #[test]
        fn a_cursor_leads_to_the_same_place_or_nowhere(micros: i64, offset: u64) {
            let identity = Identity { id: UserId::generate(), role: Role::Buyer };
            let name = name_of(identity.id, Audience::Buyer, None);
            let Some(created_at) = DateTime::from_timestamp_micros(micros) else { return Ok(()) };
            let place = PaymentPosition { created_at, id: PaymentId::generate() };
            let cursor = Cursor { offset, place: place.clone() }.encode(&name);
            let form = BrowsePaymentsForm { page: PageForm { cursor, ..PageForm::default() }, ..BrowsePaymentsForm::default() };
            match PaymentListing::parse(&form, identity) {
                Ok(listing) => prop_assert_eq!(listing.page.start, PageStart::After(place)),
                Err(error) => prop_assert!(error.message().starts_with("invalid cursor: "), "{}", error),
            }
        }
    }
}
