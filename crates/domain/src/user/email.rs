//! E-mail addresses: their grammar, and the key that makes each spelling of an address one identity.

use crate::error::{Reason, ViolationCode};
use crate::text::{is_invisible, is_unprintable, nfc};
use email_address::{EmailAddress, Options};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// An e-mail address as typed, and the key that all its spellings share.
#[derive(Clone, Debug)]
pub struct Email {
    typed: String,
    key: String,
    former_key: Option<String>,
}

impl Email {
    /// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
    pub const MAX: usize = 254;

    /// Parses the address of a new account; trims white space around it and normalises it to NFC (as RFC 6532 §3.1 advises).
    ///
    /// The key is the address in lower case with the domain in its ASCII form (UTS #46), and without the invisible joiners
    /// (U+200C, U+200D). Dots and `+tags` stay: their meaning depends on the mail provider.
    ///
    /// # Errors
    /// If the address is blank, does not follow RFC 5321 with RFC 6531, has invisible characters, or fails
    /// [`is_mail_domain`].
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let email = Self::parse_known(raw)?;
        if email.can_get_mail() { Ok(email) } else { Err(Self::invalid()) }
    }

    /// Parses the address of an existing account. Earlier rules accepted addresses that [`Self::parse`] refuses, such as
    /// `ada@example.c`, and their owners must still be able to log in.
    ///
    /// # Errors
    /// If the address is blank, or no rule ever accepted it.
    pub fn parse_known(raw: &str) -> Result<Self, Reason> {
        let raw = raw.trim();
        if raw.is_empty() { Err(Reason::empty()) } else { Self::read(raw).ok_or_else(Self::invalid) }
    }

    fn invalid() -> Reason {
        Reason::new(ViolationCode::InvalidEmail, "invalid email format. example: emailname@example.com")
    }

    fn read(raw: &str) -> Option<Self> {
        if raw.len() > Self::MAX || raw.chars().any(|c| is_unprintable(c) || c.is_whitespace()) {
            return None;
        }
        let typed = nfc(raw).into_owned();
        let (local, domain) = typed.rsplit_once('@')?;
        let domain = idna::domain_to_ascii(domain).ok()?;
        let visible: String = local.chars().filter(|c| !is_joiner(*c)).collect();
        let key = format!("{}@{domain}", nfc(&visible.to_lowercase()));
        if !is_address(&key) {
            return None;
        }
        // The key before addresses were normalised to NFC.
        let former_key = raw.rsplit_once('@').map(|(local, _)| format!("{}@{domain}", local.to_lowercase()));
        let former_key = former_key.filter(|former_key| *former_key != key);
        Some(Self { typed, key, former_key })
    }

    /// Whether mail can be sent there, judged by the spelling.
    fn can_get_mail(&self) -> bool {
        let Some((local, domain)) = self.typed.rsplit_once('@') else { return false };
        let key_of_local = self.key.rsplit_once('@').map_or("", |(local, _)| local);
        self.typed.len() <= Self::MAX
            && self.key.len() <= Self::MAX
            && local.len().max(key_of_local.len()) <= MAX_LOCAL
            && !local.chars().any(|c| is_invisible(c) && !is_joiner(c))
            && is_mail_domain(domain)
    }

    /// Rebuilds an address and its key from storage.
    #[must_use]
    pub const fn restore(typed: String, key: String) -> Self {
        Self { typed, key, former_key: None }
    }

    /// The address as its owner typed it, normalised to NFC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The key that all spellings of the address share.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key of an account from before addresses were normalised to NFC, if it differs.
    #[must_use]
    pub fn former_key(&self) -> Option<&str> {
        self.former_key.as_deref()
    }

    /// The address for the log: recognisable to its owner, useless to anybody else (`a***@example.com`).
    #[must_use]
    pub fn masked(&self) -> String {
        match self.key.rsplit_once('@') {
            Some((local, domain)) => format!("{}***@{domain}", local.chars().take(1).collect::<String>()),
            None => "***".to_owned(),
        }
    }
}

/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// The shortest top-level domain in the root zone, in characters.
const MIN_TOP_LEVEL: usize = 2;

/// Top-level domains that never lead to another machine (RFC 6761 §6.3 and §6.4).
const NOWHERE: [&str; 2] = ["localhost", "invalid"];

/// Whether a character is ZWNJ or ZWJ, which some scripts need for spelling.
const fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

/// Whether a text is an address by the grammar of RFC 5321 §4.1.2, extended by RFC 6531 §3.3: a character outside ASCII may
/// stand wherever a letter may. The crate `email_address` accepts only some of them as letters, so it gets an `x` for each.
fn is_address(key: &str) -> bool {
    let ascii: String = key.chars().map(|c| if c.is_ascii() { c } else { 'x' }).collect();
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(&ascii, options).is_ok()
}

/// Whether a mail server on the internet can have this domain, judged by the spelling: two labels or more, each of 1 to 63
/// letters, digits and hyphens, without a hyphen at either end, up to 253 in all (RFC 5321 §2.3.5, RFC 5890 §2.3, UTS #46);
/// and with a top-level domain of letters, which no spelling of an IP address has (RFC 3696 §2). Domains for tests and
/// private networks, such as `shop.test` and `shop.local`, are accepted.
#[must_use]
pub fn is_mail_domain(domain: &str) -> bool {
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    let Ok(ascii) = ascii else { return false };
    let Some((_, top)) = ascii.rsplit_once('.') else { return false };
    let is_of_letters = top.len() >= MIN_TOP_LEVEL && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_of_letters || top.starts_with("xn--")) && !NOWHERE.contains(&top)
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn email(raw: &str) -> Result<String, ViolationCode> {
        Email::parse(raw).map(|email| email.key().to_owned()).map_err(|reason| reason.code())
    }

    #[test]
    fn spellings_of_one_address_share_a_key_and_keep_what_was_typed() {
        let typed = Email::parse("  Ada.Lovelace@Example.COM ").unwrap();
        assert_eq!(typed.as_str(), "Ada.Lovelace@Example.COM");
        assert_eq!(typed.key(), "ada.lovelace@example.com");
        assert_eq!(email("ADA@BÜCHER.example").unwrap(), "ada@xn--bcher-kva.example");
        assert_ne!(email("ada+shop@example.com"), email("ada@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_marks = format!("{}@example.com", "\u{0E01}\u{0E34}".repeat(11));
        let long_address = format!("a@{}.com", "b.".repeat(130));
        for raw in [
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@@example.com",
            "a da@example.com",
            "ada@example.com\r\nBcc: x@example.com",
            "ada@exa\0mple.com",
            "Ada <ada@example.com>",
            "ada@[127.0.0.1]",
            "ada@example..com",
            "ada\u{202E}@example.com",
            "ada\u{200B}@example.com",
            "ada\u{3164}@example.com",
            "\u{200D}@example.com",
            "a..b@example.com",
            ".\u{0301}.@example.com",
            &long_local,
            &long_marks,
            &long_address,
        ] {
            assert_eq!(email(raw), Err(ViolationCode::InvalidEmail), "{raw:?}");
        }
        assert_eq!(email("  "), Err(ViolationCode::Empty));
    }

    #[test]
    fn letters_with_marks_are_taken_and_are_one_identity_in_any_spelling() {
        for (one, other) in [
            ("jose\u{0301}@example.com", "Jos\u{00E9}@example.com"),
            ("\u{0928}\u{093F}\u{0915}\u{094D}\u{0915}\u{0940}@example.com", "निक्की@EXAMPLE.com"),
            ("\u{0958}@example.com", "\u{0915}\u{093C}@example.com"),
            ("ที่อยู่@example.com", "ที่อยู่@example.com"),
            ("\u{212B}ngstr\u{00F6}m@example.com", "a\u{030A}ngstro\u{0308}m@example.com"),
            ("ශ\u{0DCA}\u{200D}රී@example.com", "ශ\u{0DCA}රී@example.com"),
        ] {
            assert_eq!(email(one).unwrap(), email(other).unwrap(), "{one:?} {other:?}");
        }
        let typed = Email::parse("Jose\u{0301}@Example.com").unwrap();
        assert_eq!((typed.as_str(), typed.key()), ("Jos\u{00E9}@Example.com", "jos\u{00E9}@example.com"));
        assert_eq!(typed.former_key(), Some("jose\u{0301}@example.com"));
        assert_eq!(Email::parse("Ada@Example.com").unwrap().former_key(), None);
        assert!(email("\"a b\"@example.com").is_err(), "white space is a mistake more often than a name");
        assert!(email("\"é@ü\"@example.com").is_ok());
    }

    #[test]
    fn a_domain_that_no_mail_server_can_have_is_for_old_accounts_alone() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_domain = format!("{}com", "abcdefghi.".repeat(26));
        for domain in [
            "example.c",
            "127.0.0.1",
            "127.1",
            "0x7f.0.0.0x1",
            "１２７.0.0.1",
            "[127.0.0.1]",
            "[IPv6:::1]",
            "localhost",
            "mail.localhost",
            "mail.invalid",
            "com",
            "-a.com",
            "a-.com",
            "a.-com",
            "a.com-",
            "a_b.com",
            "_dmarc.example.com",
            ".com",
            "a..com",
            "example.com.",
            "example.1",
            "example.123",
            "example.c0m",
            "xn--a.com",
            "exa mple.com",
            "",
            &long_label,
            &long_domain,
        ] {
            assert_eq!(email(&format!("a@{domain}")), Err(ViolationCode::InvalidEmail), "{domain:?}");
            assert!(!is_mail_domain(domain), "{domain:?}");
        }
        for domain in [
            "example.com",
            "mail-2.example.co.id",
            "ab--cd.com",
            "3com.com",
            "1.com",
            "bücher.example",
            "xn--bcher-kva.example",
            "почта.рф",
            "例え.テスト",
            "example.xn--p1ai",
            "shop.test",
            "shop.local",
            "shop.internal",
            &long_label[1..],
        ] {
            assert!(email(&format!("a@{domain}")).is_ok(), "{domain:?}");
        }
        for taken_once in ["a@example.c", "a@127.0.0.1", "a@a_b.com", "a@example.123"] {
            assert_eq!(Email::parse_known(taken_once).unwrap().key(), taken_once);
        }
        assert_eq!(Email::parse_known("ada").unwrap_err().code(), ViolationCode::InvalidEmail);
        assert_eq!(Email::parse_known(" ").unwrap_err().code(), ViolationCode::Empty);
    }

    #[test]
    fn a_masked_address_does_not_tell_the_local_part() {
        assert_eq!(Email::parse("lovelace@example.com").unwrap().masked(), "l***@example.com");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn likely_addresses_are_one_identity_in_any_case(
            local in "[a-z0-9]{1,20}([._+-][a-z0-9]{1,10}){0,2}", domain in "[a-z0-9]{1,20}(-[a-z0-9]{1,9})?\\.[a-z]{2,10}",
        ) {
            let lower = format!("{local}@{domain}");
            prop_assert_eq!(Email::parse(&lower).unwrap(), Email::parse(&lower.to_uppercase()).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_gives_an_address_or_a_reason(
            raw in prop_oneof!["\\PC{0,300}", "[\\PC&&[^@]]{1,12}@[a-z0-9éü.-]{1,12}\\.[a-z]{2,4}", "[\\p{L}\\p{M}]{1,9}@a\\.id"],
        ) {
            if let Ok(parsed) = Email::parse(&raw) {
                prop_assert!(parsed.as_str().len() <= Email::MAX && parsed.key().len() <= Email::MAX);
                let again = Email::parse(parsed.key()).unwrap();
                prop_assert_eq!(again.key(), parsed.key(), "a key is its own key");
                prop_assert_eq!(again.as_str(), parsed.key(), "and spelled as addresses are kept");
                let as_kept = Email::parse(parsed.as_str()).unwrap();
                prop_assert_eq!((as_kept.as_str(), as_kept.key()), (parsed.as_str(), parsed.key()));
                prop_assert_eq!(Email::parse_known(&raw).unwrap(), parsed);
            }
        }
    }
}
