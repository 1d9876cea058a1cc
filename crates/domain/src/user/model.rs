//! The account and the values that it is made of.

use crate::error::{Reason, ViolationCode};
use crate::id::uuid_id;
use crate::text::{is_unprintable, line};
use crate::user::PasswordHash;
use chrono::{DateTime, Utc};
use email_address::{EmailAddress, Options};

uuid_id! {
    /// Identifies an account: a UUID, version 7 for accounts made here, any version for those that came from the Go system.
    UserId
}

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Buys products.
    Buyer,
    /// Offers products.
    Seller,
}

impl Role {
    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
        }
    }

    /// Reads a role's name, as [`Self::as_str`] writes it; white space around it is dropped.
    ///
    /// # Errors
    /// That it is blank or no role's name.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        match raw.trim() {
            "" => Err(Reason::empty()),
            "buyer" => Ok(Self::Buyer),
            "seller" => Ok(Self::Seller),
            _ => Err(Reason::new(ViolationCode::UnknownRole, "invalid role. allowed roles: buyer, seller")),
        }
    }
}

/// A person's or shop's name: 1 to 255 characters without control or direction-changing ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const MAX: usize = 255;

    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// That it is blank, too long, or holds a character that would act on the text around it, as in a mail's header.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        line(raw, Self::MAX).map(Self)
    }

    /// Rebuilds a name from storage. It is not checked again: an account that the Go system left must not be shut out
    /// by a rule that is younger than it.
    #[must_use]
    pub const fn restore(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address, kept as typed beside the key that makes it one identity.
#[derive(Clone, Debug)]
pub struct Email {
    typed: String,
    key: String,
}

impl Email {
    /// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
    pub const MAX: usize = 254;

    /// Reads an address; white space around it is dropped.
    ///
    /// The key is the address in lower case with the domain in its ASCII form (UTS #46). Dots and `+tags` stay: what
    /// they mean is the mail provider's business.
    ///
    /// # Errors
    /// That it is blank or does not follow RFC 5321 with a fully qualified domain.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let typed = raw.trim();
        if typed.is_empty() {
            return Err(Reason::empty());
        }
        let key = Self::key_of(typed).ok_or_else(|| {
            let message = "invalid email format. example: emailname@example.com";
            Reason::new(ViolationCode::InvalidEmail, message)
        })?;
        Ok(Self { typed: typed.to_owned(), key })
    }

    /// Rebuilds an address from storage, with the key under which it is found there.
    #[must_use]
    pub const fn restore(typed: String, key: String) -> Self {
        Self { typed, key }
    }

    fn key_of(typed: &str) -> Option<String> {
        if typed.len() > Self::MAX || typed.chars().any(|c| is_unprintable(c) || c.is_whitespace()) {
            return None;
        }
        let (local, domain) = typed.rsplit_once('@')?;
        let domain = idna::domain_to_ascii(domain).ok()?;
        let key = format!("{}@{domain}", local.to_lowercase());
        let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
        (key.len() <= Self::MAX && EmailAddress::parse_with_options(&key, options).is_ok()).then_some(key)
    }

    /// The address as its owner typed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The text that two spellings of one identity share.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
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

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    id: UserId,
    name: Name,
    email: Email,
    role: Role,
    password_hash: PasswordHash,
    created_at: DateTime<Utc>,
}

impl User {
    /// Opens a new account.
    #[must_use]
    pub fn register(name: Name, email: Email, role: Role, password_hash: PasswordHash, now: DateTime<Utc>) -> Self {
        Self { id: UserId::generate(), name, email, role, password_hash, created_at: now }
    }

    /// Rebuilds an account from storage, which only ever holds what [`Self::register`] made.
    #[must_use]
    pub const fn restore(
        id: UserId,
        name: Name,
        email: Email,
        role: Role,
        password_hash: PasswordHash,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self { id, name, email, role, password_hash, created_at }
    }

    /// Identifies the account.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.id
    }

    /// What the owner is called.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Where the owner gets mail; unique among accounts.
    #[must_use]
    pub const fn email(&self) -> &Email {
        &self.email
    }

    /// What the account is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The hash of the owner's password.
    #[must_use]
    pub const fn password_hash(&self) -> &PasswordHash {
        &self.password_hash
    }

    /// When the account was opened.
    #[must_use]
    pub const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

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
            &long_local,
            &long_address,
        ] {
            assert_eq!(email(raw), Err(ViolationCode::InvalidEmail), "{raw:?}");
        }
        assert_eq!(email("  "), Err(ViolationCode::Empty));
    }

    #[test]
    fn a_masked_address_does_not_tell_the_local_part() {
        assert_eq!(Email::parse("lovelace@example.com").unwrap().masked(), "l***@example.com");
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(Name::parse(" Ada ").unwrap().as_str(), "Ada");
        assert!(Name::parse(&"é".repeat(255)).is_ok());
        assert_eq!(Name::parse(&"é".repeat(256)).unwrap_err().code(), ViolationCode::TooLong);
        for raw in ["Ada\nBcc: x", "Ada\0", "A\u{2028}da", "\u{202E}adA"] {
            assert_eq!(Name::parse(raw).unwrap_err().code(), ViolationCode::InvalidCharacter, "{raw:?}");
        }
    }

    #[test]
    fn only_the_two_roles_exist() {
        assert_eq!(Role::parse("buyer"), Ok(Role::Buyer));
        assert_eq!(Role::parse("seller"), Ok(Role::Seller));
        for raw in ["admin", "Buyer", "buyer,seller"] {
            assert_eq!(Role::parse(raw).unwrap_err().code(), ViolationCode::UnknownRole, "{raw:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_text_gives_an_address_or_a_reason(raw in "\\PC{0,300}") {
            if let Ok(parsed) = Email::parse(&raw) {
                prop_assert!(parsed.as_str().len() <= Email::MAX && parsed.key().len() <= Email::MAX);
                prop_assert!(!parsed.key().chars().any(char::is_uppercase));
                let again = Email::parse(parsed.key()).unwrap();
                prop_assert_eq!(again.key(), parsed.key(), "a key is its own key");
            }
        }

        #[test]
        fn likely_addresses_are_one_identity_in_any_case(
            local in "[a-z0-9]{1,20}([._+-][a-z0-9]{1,10}){0,2}", domain in "[a-z0-9]{1,20}(-[a-z0-9]{1,9})?\\.[a-z]{2,10}",
        ) {
            let lower = format!("{local}@{domain}");
            prop_assert_eq!(Email::parse(&lower).unwrap(), Email::parse(&lower.to_uppercase()).unwrap());
        }

        #[test]
        fn any_text_gives_a_name_or_a_reason(raw in any::<String>()) {
            if let Ok(name) = Name::parse(&raw) {
                prop_assert_eq!(Name::parse(name.as_str()).unwrap(), name);
            }
        }
    }
}
