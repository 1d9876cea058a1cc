//! Lists that are given piece by piece: by number, or from a cursor on.

use crate::error::{Reason, ViolationCode, Violations};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Items in one piece where the caller does not say, and at most.
pub const MAX_LIMIT: u32 = 100;
/// The last piece that is given by number: what lies before it is counted off by the database, item by item. A cursor has
/// no such bound.
pub const MAX_PAGE: u32 = 10_000;
/// The longest text that is looked at as a cursor, in bytes.
const MAX_CURSOR: usize = 4096;

/// Which piece of a list is asked for, as it arrived; an absent field is an empty one.
#[derive(Clone, Debug, Default)]
pub struct PageForm {
    /// The piece's number, counted from one.
    pub page: String,
    /// How many items a piece has.
    pub limit: String,
    /// The end of the piece before.
    pub cursor: String,
    /// What the protocol calls these fields.
    pub names: PageNames,
}

/// What a protocol calls the fields of a [`PageForm`], for its mistakes.
#[derive(Clone, Copy, Debug)]
pub struct PageNames {
    /// Its name for the number of items.
    pub limit: &'static str,
    /// Its name for the cursor.
    pub cursor: &'static str,
}

impl Default for PageNames {
    fn default() -> Self {
        Self { limit: "limit", cursor: "cursor" }
    }
}

/// Where a piece of a list begins; `P` is an item's place in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<P> {
    /// After so many items.
    Offset(u64),
    /// Right behind an item that had this place.
    After(P),
}

/// Which piece of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<P> {
    /// Where it begins.
    pub start: Start<P>,
    /// How many items came before it. Behind a cursor that is what was counted on the way, and may have changed since.
    pub offset: u64,
    /// How many items it has at most.
    pub limit: u32,
}

/// A place in a list's order that can be given to a client and taken back.
pub trait Place: Sized {
    /// The place as texts without control characters.
    fn write(&self) -> Vec<String>;
    /// Reads what [`Self::write`] wrote.
    fn read(parts: &[&str]) -> Option<Self>;
}

impl PageForm {
    /// Reads which piece is asked for. `listing` tells one list from another: a cursor of one is none of another.
    pub fn parse<P: Place>(&self, listing: &str, wrong: &mut Violations) -> Option<PageRequest<P>> {
        let page = wrong.take("page", number(&self.page, 1, MAX_PAGE));
        let limit = wrong.take(self.names.limit, number(&self.limit, MAX_LIMIT, MAX_LIMIT));
        let cursor = match self.cursor.trim() {
            "" => Some(None),
            text if self.page.trim().is_empty() => {
                wrong.take(self.names.cursor, Cursor::parse(text, listing)).map(Some)
            }
            _ => {
                let reason = Reason::new(ViolationCode::InvalidCursor, "give {field} or page, not both");
                wrong.add(self.names.cursor, &reason);
                None
            }
        };
        let (page, limit, cursor) = (page?, limit?, cursor?);
        Some(match cursor {
            Some(Cursor { offset, place }) => PageRequest { start: Start::After(place), offset, limit },
            None => {
                let offset = u64::from(page - 1) * u64::from(limit);
                PageRequest { start: Start::Offset(offset), offset, limit }
            }
        })
    }
}

/// Reads a number from one to `max`.
fn number(raw: &str, default: u32, max: u32) -> Result<u32, Reason> {
    let text = raw.trim();
    if text.is_empty() {
        return Ok(default);
    }
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        Reason::new(ViolationCode::OutOfRange, format!("{{field}} must be a whole number from 1 to {max}"))
    })
}

/// A piece of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// How many items the whole list has.
    pub total: u64,
    /// How many items come before it.
    pub offset: u64,
    /// How many items it has at most.
    pub limit: u32,
    /// The cursor behind its last item, where more follow.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The piece's number, counted from one.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.offset / u64::from(self.limit.max(1)) + 1
    }

    /// How many pieces of this size the list has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total.div_ceil(u64::from(self.limit.max(1)))
    }

    /// Whether items come before it.
    #[must_use]
    pub const fn has_previous(&self) -> bool {
        self.offset > 0
    }
}

/// The end of a piece: the next one begins behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<P> {
    /// How many items come before what follows.
    pub offset: u64,
    /// The place of the last item before it.
    pub place: P,
}

impl<P: Place> Cursor<P> {
    /// The cursor as an opaque text, of characters that need no escape in a URL.
    #[must_use]
    pub fn encode(&self, listing: &str) -> String {
        let mut parts = vec![fingerprint(listing), self.offset.to_string()];
        parts.extend(self.place.write());
        URL_SAFE_NO_PAD.encode(parts.join("\n"))
    }

    fn parse(text: &str, listing: &str) -> Result<Self, Reason> {
        Self::decode(text, listing).ok_or_else(|| {
            let message = "{field} must be one that the same list gave, with the same filters and order";
            Reason::new(ViolationCode::InvalidCursor, message)
        })
    }

    fn decode(text: &str, listing: &str) -> Option<Self> {
        if text.len() > MAX_CURSOR {
            return None;
        }
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts: Vec<_> = decoded.split('\n').collect();
        let [list, offset, place @ ..] = parts.as_slice() else { return None };
        if *list != fingerprint(listing) {
            return None;
        }
        Some(Self { offset: offset.parse().ok()?, place: P::read(place)? })
    }
}

/// A list's description in few characters; the same on every server.
fn fingerprint(listing: &str) -> String {
    let digest = Sha256::digest(listing);
    URL_SAFE_NO_PAD.encode(digest.iter().take(8).copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Letter(String);

    impl Place for Letter {
        fn write(&self) -> Vec<String> {
            vec![self.0.clone()]
        }

        fn read(parts: &[&str]) -> Option<Self> {
            let [letter] = parts else { return None };
            Some(Self((*letter).to_owned()))
        }
    }

    fn parse(page: &str, limit: &str, cursor: &str) -> Result<PageRequest<Letter>, String> {
        let [page, limit, cursor] = [page, limit, cursor].map(str::to_owned);
        let form = PageForm { page, limit, cursor, names: PageNames::default() };
        let mut wrong = Violations::default();
        form.parse("letters", &mut wrong).ok_or_else(|| wrong.into_error(ErrorCode::InvalidRequest).to_string())
    }

    #[test]
    fn without_a_word_the_first_hundred_are_meant() {
        let first = PageRequest { start: Start::Offset(0), offset: 0, limit: 100 };
        assert_eq!(parse("", " ", "").unwrap(), first);
        let third = PageRequest { start: Start::Offset(40), offset: 40, limit: 20 };
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
        let cursor = Cursor { offset: 60, place: Letter("ß, and more".to_owned()) };
        let text = cursor.encode("letters");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        let request = parse("", "20", &text).unwrap();
        assert_eq!(request, PageRequest { start: Start::After(cursor.place), offset: 60, limit: 20 });
    }

    #[test]
    fn a_cursor_of_another_list_or_of_nobody_is_refused() {
        let other = Cursor { offset: 1, place: Letter("a".to_owned()) }.encode("numbers");
        for cursor in [other.as_str(), "nonsense", "AAAA", "!", &"A".repeat(5000)] {
            let message = "cursor must be one that the same list gave, with the same filters and order";
            assert_eq!(parse("", "", cursor).unwrap_err(), message, "{cursor}");
        }
        let own = Cursor { offset: 1, place: Letter("a".to_owned()) }.encode("letters");
        assert_eq!(parse("2", "", &own).unwrap_err(), "give cursor or page, not both");
    }

    #[test]
    fn a_page_knows_its_number() {
        let page = |offset| Page::<()> { items: Vec::new(), total: 41, offset, limit: 20, next: None };
        assert_eq!((page(0).number(), page(0).count(), page(0).has_previous()), (1, 3, false));
        assert_eq!((page(40).number(), page(40).has_previous()), (3, true));
    }
}
