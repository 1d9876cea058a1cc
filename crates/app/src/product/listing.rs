//! Filters, order and pages of the product list.

use crate::page::{Cursor, PageForm, PageRequest, Position, moment};
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode, Reason, ViolationCode, Violations};
use domain::money::Money;
use domain::product::{Product, ProductId, ProductName};
use domain::text::{is_blank, line};
use domain::user::UserId;

/// The request as it arrived; an absent field is empty.
#[derive(Clone, Debug, Default)]
pub struct BrowseForm {
    pub q: String,
    pub seller: String,
    pub min_price: String,
    pub max_price: String,
    pub sort: String,
    pub page: PageForm,
}

/// A text to search for in product names, in any case. No character is a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchText(String);

impl SearchText {
    pub const MAX: usize = 100;

    fn parse(raw: &str) -> Result<Option<Self>, Reason> {
        if is_blank(raw) { Ok(None) } else { line(raw, Self::MAX).map(|text| Some(Self(text.to_lowercase()))) }
    }

    /// The text in lower case, to search for in [`ProductName::key`](domain::product::ProductName::key).
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub text: Option<SearchText>,
    pub seller: Option<UserId>,
    pub min_price: Option<Money>,
    pub max_price: Option<Money>,
}

/// The order of a list. The id decides among equal products, so that every product has one position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
    Price,
    /// The most expensive first.
    PriceDescending,
    /// By lower-case name, in the order of Unicode code points.
    Name,
}

impl Sort {
    const ALL: [Self; 5] = [Self::Newest, Self::Oldest, Self::Price, Self::PriceDescending, Self::Name];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Price => "price",
            Self::PriceDescending => "-price",
            Self::Name => "name",
        }
    }

    #[must_use]
    pub const fn is_descending(self) -> bool {
        matches!(self, Self::Newest | Self::PriceDescending)
    }

    fn parse(raw: &str) -> Result<Self, Reason> {
        let text = raw.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).ok_or_else(|| {
            Reason::new(ViolationCode::UnknownSort, "{field} must be one of newest, oldest, price, -price, name")
        })
    }

    fn key_of(self, product: &Product) -> SortKey {
        let details = product.details();
        match self {
            Self::Newest | Self::Oldest => SortKey::CreatedAt(product.created_at()),
            Self::Price | Self::PriceDescending => SortKey::Price(details.price.money()),
            Self::Name => SortKey::Name(details.name.key()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    CreatedAt(DateTime<Utc>),
    Price(Money),
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortPosition {
    pub key: SortKey,
    pub id: ProductId,
}

impl Position for SortPosition {
    type Order = Sort;

    fn write(&self) -> Vec<String> {
        let (kind, key) = match &self.key {
            SortKey::CreatedAt(time) => ("c", time.timestamp_micros().to_string()),
            SortKey::Price(price) => ("p", price.minor().to_string()),
            SortKey::Name(name) => ("n", name.clone()),
        };
        vec![kind.to_owned(), key, self.id.to_string()]
    }

    fn read(parts: &[&str], sort: Sort) -> Option<Self> {
        let [kind, key @ .., id] = parts else { return None };
        // A name that the Go system left may have several lines.
        let text = key.join("\n");
        let key = match (*kind, sort) {
            ("c", Sort::Newest | Sort::Oldest) => SortKey::CreatedAt(moment(&text)?),
            ("p", Sort::Price | Sort::PriceDescending) => SortKey::Price(Money::from_minor(text.parse().ok()?)?),
            ("n", Sort::Name) => SortKey::Name(Some(text).filter(|text| is_name_key(text))?),
            _ => return None,
        };
        Some(Self { key, id: id.parse().ok()? })
    }
}

/// Whether a text can be compared with name keys: PostgreSQL accepts no NUL, and no key is longer.
fn is_name_key(text: &str) -> bool {
    !text.contains('\0') && text.chars().count() <= ProductName::MAX
}

/// A page of a list of products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductListing {
    pub filter: Filter,
    pub sort: Sort,
    /// A cursor's key has the type that the order needs.
    pub page: PageRequest<SortPosition>,
}

impl BrowseForm {
    pub(super) fn parse(&self) -> Result<ProductListing, Error> {
        let mut wrong = Violations::default();
        let text = wrong.take("q", SearchText::parse(&self.q));
        let seller = wrong.take("seller", seller(&self.seller));
        let min_price = wrong.take("min_price", amount(&self.min_price));
        let max_price = wrong.take("max_price", amount(&self.max_price));
        if let (Some(Some(min)), Some(Some(max))) = (min_price, max_price)
            && min > max
        {
            let reason = Reason::new(ViolationCode::OutOfRange, "{field} must not be less than min_price");
            wrong.add("max_price", &reason);
        }
        let sort = wrong.take("sort", Sort::parse(&self.sort));
        let filter = match (text, seller, min_price, max_price) {
            (Some(text), Some(seller), Some(min_price), Some(max_price)) => {
                Some(Filter { text, seller, min_price, max_price })
            }
            _ => None,
        };
        // The list that a cursor belongs to is unknown while filter or order are invalid.
        let list = filter.zip(sort).map(|(filter, sort)| (name_of(&filter, sort), filter, sort));
        let name = list.as_ref().map(|(name, ..)| name.as_str()).unwrap_or_default();
        let page = self.page.parse(name, sort.unwrap_or_default(), &mut wrong);
        match (list, page) {
            (Some((_, filter, sort)), Some(page)) if wrong.is_empty() => Ok(ProductListing { filter, sort, page }),
            _ => Err(wrong.into_error(ErrorCode::InvalidRequest)),
        }
    }
}

fn seller(raw: &str) -> Result<Option<UserId>, Reason> {
    match raw.trim() {
        "" => Ok(None),
        id => id
            .parse()
            .map(Some)
            .map_err(|_| Reason::new(ViolationCode::InvalidId, "{field} must be a user's id, a UUID")),
    }
}

fn amount(raw: &str) -> Result<Option<Money>, Reason> {
    if raw.trim().is_empty() { Ok(None) } else { Money::parse(raw).map(Some) }
}

/// Identifies the list: equal texts mean equal lists in equal order.
fn name_of(filter: &Filter, sort: Sort) -> String {
    format!("products {sort:?} {filter:?}")
}

impl ProductListing {
    /// The cursor after a product, which is the last of `given` products in this page.
    pub(super) fn cursor_behind(&self, product: &Product, given: u64) -> String {
        let place = SortPosition { key: self.sort.key_of(product), id: product.id() };
        Cursor { offset: self.page.offset.saturating_add(given), place }.encode(&name_of(&self.filter, self.sort))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageStart;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    fn refusal(form: &BrowseForm) -> (String, Vec<&'static str>) {
        let error = form.parse().unwrap_err();
        (error.to_string(), error.violations().iter().map(|wrong| wrong.field()).collect())
    }

    #[test]
    fn an_empty_form_is_the_first_piece_of_all_newest_first() {
        let listing = BrowseForm::default().parse().unwrap();
        assert_eq!((listing.filter, listing.sort), (Filter::default(), Sort::Newest));
        assert_eq!(listing.page, PageRequest { start: PageStart::Offset(0), offset: 0, limit: 100 });
    }

    #[test]
    fn each_bad_parameter_is_named() {
        let bad = BrowseForm {
            q: "x".repeat(101),
            seller: "ada".to_owned(),
            min_price: "cheap".to_owned(),
            max_price: "-1".to_owned(),
            sort: "random".to_owned(),
            page: PageForm { page: "0".to_owned(), limit: "0".to_owned(), ..PageForm::default() },
        };
        assert_eq!(refusal(&bad).1, ["q", "seller", "min_price", "max_price", "sort", "page", "limit"]);
        let crossed = BrowseForm { min_price: "2".to_owned(), max_price: "1".to_owned(), ..BrowseForm::default() };
        assert_eq!(refusal(&crossed).0, "max_price must not be less than min_price");
    }

    #[test]
    fn a_cursor_of_another_order_or_filter_is_refused() {
        let id = ProductId::generate();
        let place = SortPosition { key: SortKey::Price(Money::from_minor(5).unwrap()), id };
        let cursor = |sort| Cursor { offset: 3, place: place.clone() }.encode(&name_of(&Filter::default(), sort));
        let form = |sort: &str, q: &str| BrowseForm {
            sort: sort.to_owned(),
            q: q.to_owned(),
            page: PageForm { cursor: cursor(Sort::Price), ..PageForm::default() },
            ..BrowseForm::default()
        };
        assert_eq!(form("price", "").parse().unwrap().page.start, PageStart::After(place.clone()));
        for (sort, q) in [("-price", ""), ("price", "tea"), ("", "")] {
            assert_eq!(refusal(&form(sort, q)).1, ["cursor"]);
        }
    }

    fn forged(sort: &str, parts: &[&str]) -> Result<ProductListing, Error> {
        let own =
            Cursor { offset: 0, place: SortPosition { key: SortKey::Name(String::new()), id: ProductId::generate() } }
                .encode(&name_of(&Filter::default(), Sort::parse(sort).unwrap()));
        let own = String::from_utf8(URL_SAFE_NO_PAD.decode(own).unwrap()).unwrap();
        let (fingerprint, _) = own.split_once('\n').unwrap();
        let cursor = URL_SAFE_NO_PAD.encode([&[fingerprint], parts].concat().join("\n"));
        let page = PageForm { cursor, limit: "1".to_owned(), ..PageForm::default() };
        BrowseForm { sort: sort.to_owned(), page, ..BrowseForm::default() }.parse()
    }

    const ID: &str = "01958e68-5412-7307-9b1d-916400000027";

    #[test]
    fn a_forged_cursor_is_refused() {
        let long = "x".repeat(256);
        for (sort, parts) in [
            ("newest", ["18446744073709551615", "c", "0", ID]),
            ("newest", ["0", "p", "5", ID]),
            ("newest", ["0", "n", "tea", ID]),
            ("price", ["0", "c", "0", ID]),
            ("name", ["0", "p", "5", ID]),
            ("newest", ["0", "c", "253402300800000000", ID]),
            ("oldest", ["0", "c", "-9223372036854775808", ID]),
            ("price", ["0", "p", "-1", ID]),
            ("price", ["0", "p", "9223372036854775807", ID]),
            ("name", ["0", "n", "a\0b", ID]),
            ("name", ["0", "n", long.as_str(), ID]),
            ("name", ["0", "n", "tea", "no id"]),
            ("name", ["0", "x", "tea", ID]),
        ] {
            let error = forged(sort, &parts).unwrap_err();
            assert!(error.message().starts_with("invalid cursor: "), "{sort} {parts:?}: {error}");
            assert_eq!(error.violations()[0].code(), ViolationCode::InvalidCursor);
        }
        assert!(forged("name", &["0", "n", &long[1..], ID]).is_ok());
        assert!(forged("newest", &["9007199254740992", "c", "0", ID]).is_ok());
        for parts in [&[] as &[&str], &["0"], &["0", "n"], &["0", "n", ID, ID, ID, ""]] {
            assert!(forged("name", parts).is_err(), "{parts:?}");
        }
    }

    #[test]
    fn a_name_of_several_lines_does_not_end_a_list() {
        let place = SortPosition { key: SortKey::Name("green\n\ttea\n".to_owned()), id: ID.parse().unwrap() };
        let written = place.write();
        let lines = written.join("\n");
        assert_eq!(SortPosition::read(&lines.split('\n').collect::<Vec<_>>(), Sort::Name), Some(place));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_form_is_read_or_refused(
            q in any::<String>(), seller in any::<String>(), min in "[0-9.,Rp -]{0,20}", max in any::<String>(),
            sort in "|newest|oldest|-?price|name|\\PC{0,9}",
        ) {
            let form = BrowseForm { q, seller, min_price: min, max_price: max, sort, page: PageForm::default() };
            if let Ok(listing) = form.parse() {
                prop_assert_eq!(listing.page.start, PageStart::Offset(0));
            }
        }

        #[test]
        fn any_cursor_with_the_right_fingerprint_is_read_or_refused(
            sort in "newest|oldest|-?price|name", offset in "[0-9]{1,20}|\\PC{0,3}", kind in "[cpnx]",
            key in prop_oneof!["-?[0-9]{1,20}", any::<String>()], id in prop_oneof![Just(ID.to_owned()), any::<String>()],
            cut in 0..5_usize,
        ) {
            let parts = [offset.as_str(), &kind, &key, &id, "more"];
            if let Ok(listing) = forged(&sort, &parts[..parts.len() - cut]) {
                let PageStart::After(place) = listing.page.start else { panic!("{:?}", listing.page) };
                prop_assert_eq!(SortPosition::read(&place.write().iter().map(String::as_str).collect::<Vec<_>>(), listing.sort), Some(place));
            }
        }

        #[test]
        fn a_cursor_that_came_damaged_is_read_or_refused(at in 0..200_usize, byte in any::<u8>(), text in any::<bool>()) {
            let place = SortPosition { key: SortKey::Name("oak table".to_owned()), id: ID.parse().unwrap() };
            let cursor = Cursor { offset: 3, place }.encode(&name_of(&Filter::default(), Sort::Name));
            let mut bytes = if text { cursor.into_bytes() } else { URL_SAFE_NO_PAD.decode(cursor).unwrap() };
            let at = at % bytes.len();
            bytes[at] = byte;
            let cursor = if text { String::from_utf8_lossy(&bytes).into_owned() } else { URL_SAFE_NO_PAD.encode(bytes) };
            let page = PageForm { cursor, ..PageForm::default() };
            let _ = BrowseForm { sort: "name".to_owned(), page, ..BrowseForm::default() }.parse();
        }
    }
}
