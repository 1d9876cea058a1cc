//! Pagination: by page number or by cursor.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use domain::error::{Reason, ViolationCode, Violations};
use sha2::{Digest, Sha256};

/// The default and maximum number of items in a page.
pub const MAX_LIMIT: u32 = 100;
/// The largest page number: the database counts off all items before the page. Cursors have no such bound.
pub const MAX_PAGE: u32 = 10_000;
/// The longest accepted cursor, in bytes.
const MAX_CURSOR: usize = 4096;
/// The largest offset in a cursor: the largest count that clients' doubles hold exactly.
const MAX_OFFSET: u64 = 1 << 53;

/// The requested page as it arrived; an absent field is empty.
#[derive(Clone, Debug, Default)]
pub struct PageForm {
    /// The page number, counted from one.
    pub page: String,
    pub limit: String,
    pub cursor: String,
    pub names: PageNames,
}

/// A protocol's names of the fields of a [`PageForm`], for violations.
#[derive(Clone, Copy, Debug)]
pub struct PageNames {
    /// The name of the field for the number of items.
    pub limit: &'static str,
    pub cursor: &'static str,
}

impl Default for PageNames {
    fn default() -> Self {
        Self { limit: "limit", cursor: "cursor" }
    }
}

/// Where a page begins; `P` is an item's position in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageStart<P> {
    Offset(u64),
    /// After the item at this position.
    After(P),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<P> {
    pub start: PageStart<P>,
    /// The number of items before the page. With a cursor it is the number of items that the client has seen, which may have
    /// changed since.
    pub offset: u64,
    pub limit: u32,
}

/// A position in a list's order that a cursor can hold.
pub trait Position: Sized {
    /// The sort orders of the list.
    type Order: Copy;
    /// Writes the position as lines of text.
    fn write(&self) -> Vec<String>;
    /// Parses what [`Self::write`] wrote for a list in this order. Clients can forge the text: an implementation must return
    /// `None` for a position that does not fit the order or that a database cannot compare with.
    fn read(parts: &[&str], order: Self::Order) -> Option<Self>;
}

/// Parses microseconds since 1970 into a time that every database can hold: the years 1 to 9999.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    (1..=9999).contains(&moment.year()).then_some(moment)
}

impl PageForm {
    /// Parses the requested page. `listing` identifies the list: a cursor is valid for its own list only.
    pub fn parse<P: Position>(&self, listing: &str, order: P::Order, wrong: &mut Violations) -> Option<PageRequest<P>> {
        let page = wrong.take("page", number(&self.page, 1, MAX_PAGE));
        let limit = wrong.take(self.names.limit, number(&self.limit, MAX_LIMIT, MAX_LIMIT));
        let cursor = match self.cursor.trim() {
            "" => Some(None),
            text if self.page.trim().is_empty() => {
                wrong.take(self.names.cursor, Cursor::parse(text, listing, order)).map(Some)
            }
            _ => {
                let reason = Reason::new(ViolationCode::InvalidCursor, "give {field} or page, not both");
                wrong.add(self.names.cursor, &reason);
                None
            }
        };
        let (page, limit, cursor) = (page?, limit?, cursor?);
        Some(match cursor {
            Some(Cursor { offset, place }) => PageRequest { start: PageStart::After(place), offset, limit },
            None => {
                let offset = u64::from(page).saturating_sub(1).saturating_mul(u64::from(limit));
                PageRequest { start: PageStart::Offset(offset), offset, limit }
            }
        })
    }
}

fn number(raw: &str, default: u32, max: u32) -> Result<u32, Reason> {
    let text = raw.trim();
    if text.is_empty() {
        return Ok(default);
    }
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        Reason::new(ViolationCode::OutOfRange, format!("{{field}} must be a whole number from 1 to {max}"))
    })
}

#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The number of items in the whole list.
    pub total: u64,
    pub offset: u64,
    pub limit: u32,
    /// The cursor after the last item, if more items follow.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page number, counted from one.
    #[must_use]
    pub fn number(&self) -> u64 {
        (self.offset / u64::from(self.limit.max(1))).saturating_add(1)
    }

    /// The number of pages of this size.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total.div_ceil(u64::from(self.limit.max(1)))
    }

    #[must_use]
    pub const fn has_previous(&self) -> bool {
        self.offset > 0
    }
}

/// The end of a page, after which the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<P> {
    /// The number of items before the next page.
    pub offset: u64,
    /// The position of the last item before the next page.
    pub place: P,
}

impl<P: Position> Cursor<P> {
    /// Encodes the cursor as an opaque text that needs no escape in a URL.
    #[must_use]
    pub fn encode(&self, listing: &str) -> String {
        let mut parts = vec![fingerprint(listing), self.offset.to_string()];
        parts.extend(self.place.write());
        URL_SAFE_NO_PAD.encode(parts.join("\n"))
    }

    fn parse(text: &str, listing: &str, order: P::Order) -> Result<Self, Reason> {
        Self::decode(text, listing, order).ok_or_else(|| {
            let message =
                "invalid cursor: {field} must be one that the same list gave, with the same filters and order";
            Reason::new(ViolationCode::InvalidCursor, message)
        })
    }

    /// Anybody can forge a cursor: the fingerprint detects a cursor of another list, not a forged one.
    fn decode(text: &str, listing: &str, order: P::Order) -> Option<Self> {
        if text.len() > MAX_CURSOR {
            return None;
        }
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts: Vec<_> = decoded.split('\n').collect();
        let [list, offset, place @ ..] = parts.as_slice() else { return None };
        if *list != fingerprint(listing) {
            return None;
        }
        let offset = offset.parse().ok().filter(|offset| *offset <= MAX_OFFSET)?;
        Some(Self { offset, place: P::read(place, order)? })
    }
}

/// A short digest of a list's description, the same on every server.
fn fingerprint(listing: &str) -> String {
    let digest = Sha256::digest(listing);
    URL_SAFE_NO_PAD.encode(digest.iter().take(8).copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::ErrorCode;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct NamePosition(String);

    impl Position for NamePosition {
        type Order = ();

        fn write(&self) -> Vec<String> {
            vec![self.0.clone()]
        }

        fn read(parts: &[&str], (): ()) -> Option<Self> {
            let [name] = parts else { return None };
            Some(Self((*name).to_owned()))
        }
    }

    fn parse(page: &str, limit: &str, cursor: &str) -> Result<PageRequest<NamePosition>, String> {
        let [page, limit, cursor] = [page, limit, cursor].map(str::to_owned);
        let form = PageForm { page, limit, cursor, names: PageNames::default() };
        let mut wrong = Violations::default();
        form.parse("letters", (), &mut wrong).ok_or_else(|| wrong.into_error(ErrorCode::InvalidRequest).to_string())
    }

    #[test]
    fn without_a_word_the_first_hundred_are_meant() {
        let first = PageRequest { start: PageStart::Offset(0), offset: 0, limit: 100 };
        assert_eq!(parse("", " ", "").unwrap(), first);
        let third = PageRequest { start: PageStart::Offset(40), offset: 40, limit: 20 };
        assert_eq!(parse("3", "20", "").unwrap(), third);
    }

    #[test]
    fn a_number_out_of_bounds_is_refused_with_the_bounds() {
        for (page, limit) in [("0", ""), ("10001", ""), ("-1", ""), ("two", ""), ("1.5", "")] {
            assert_eq!(parse(page, limit, "").unwrap_err(), "page must be a whole number from 1 to 10000");
        }
        for limit in ["0", "101", "99999999999999999999"] {
            assert_eq!(parse("", limit, "").unwrap_err(), "limit must be a whole number from 1 to 100");
        }
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let cursor = Cursor { offset: 60, place: NamePosition("ß, and more".to_owned()) };
        let text = cursor.encode("letters");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        let request = parse("", "20", &text).unwrap();
        assert_eq!(request, PageRequest { start: PageStart::After(cursor.place), offset: 60, limit: 20 });
    }

    #[test]
    fn a_cursor_of_another_list_or_of_nobody_is_refused() {
        let other = Cursor { offset: 1, place: NamePosition("a".to_owned()) }.encode("numbers");
        for cursor in [other.as_str(), "nonsense", "AAAA", "!", &"A".repeat(5000)] {
            let message = "invalid cursor: cursor must be one that the same list gave, with the same filters and order";
            assert_eq!(parse("", "", cursor).unwrap_err(), message, "{cursor}");
        }
        let own = Cursor { offset: 1, place: NamePosition("a".to_owned()) }.encode("letters");
        assert_eq!(parse("2", "", &own).unwrap_err(), "give cursor or page, not both");
    }

    #[test]
    fn a_cursor_tells_no_number_that_cannot_be_counted_with() {
        let cursor = |offset: &str| URL_SAFE_NO_PAD.encode([&fingerprint("letters"), offset, "a"].join("\n"));
        assert_eq!(parse("", "1", &cursor("9007199254740992")).unwrap().offset, MAX_OFFSET);
        for offset in ["9007199254740993", "18446744073709551615", "18446744073709551616", "-1", "1.5", "", "\0"] {
            assert!(parse("", "1", &cursor(offset)).is_err(), "{offset:?}");
        }
    }

    #[test]
    fn a_moment_is_one_that_every_database_holds() {
        for (text, year) in [("0", 1970), ("-62135596800000000", 1), ("253402300799999999", 9999)] {
            assert_eq!(moment(text).unwrap().year(), year);
        }
        for text in ["-62135596800000001", "253402300800000000", "9223372036854775807", "-9223372036854775808", "x", ""]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_form_is_read_or_refused(
            page in any::<String>(), limit in "[0-9]{0,12}|\\PC{0,9}", cursor in any::<String>(),
            bytes in any::<Vec<u8>>(), offset in "[+-]?[0-9]{1,21}",
        ) {
            let forged = URL_SAFE_NO_PAD.encode([&fingerprint("letters"), &offset, "a"].join("\n"));
            for cursor in [cursor, URL_SAFE_NO_PAD.encode(bytes), forged] {
                if let Ok(request) = parse("", &limit, &cursor) {
                    let page = Page::<()> { items: Vec::new(), total: request.offset, offset: request.offset, limit: request.limit, next: None };
                    prop_assert!(page.number() >= 1 && page.count() <= MAX_OFFSET);
                }
            }
            if let Ok(request) = parse(&page, &limit, "") {
                prop_assert!(request.offset < u64::from(MAX_PAGE * MAX_LIMIT));
            }
        }
    }

    #[test]
    fn a_page_knows_its_number() {
        let page = |offset| Page::<()> { items: Vec::new(), total: 41, offset, limit: 20, next: None };
        assert_eq!((page(0).number(), page(0).count(), page(0).has_previous()), (1, 3, false));
        assert_eq!((page(40).number(), page(40).has_previous()), (3, true));
    }
}
