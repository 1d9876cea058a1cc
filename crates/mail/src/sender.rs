//! The sender of mails, as settings spell it.

use lettre::Address;
use lettre::message::Mailbox;
use std::str::FromStr;
use url::Host;

/// The longest name, in characters: name and address fit on one line of the head (RFC 5322 §2.1.1).
const LONGEST_NAME: usize = 200;

/// The sender: an address with an optional name. Parsed from `shop@example.com`, `Shop <shop@example.com>` or `"Shop"
/// <shop@example.com>`; the name may have all characters except control characters, `<` and `>`, and needs no quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub(super) mailbox: Mailbox,
}

/// Why a text is not a sender. The text completes a sentence that begins with the setting's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SenderError(&'static str);

impl Sender {
    /// The domain of the address, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or(SenderError("has a `>` without a `<`"))?,
            None if text.contains('<') => return Err(SenderError("has a `<` without a `>` at its end")),
            None => ("", text),
        };
        let name = unquoted(name.trim());
        if name.contains(['<', '>']) || address.contains(['<', '>']) {
            return Err(SenderError("has more than one address in angle brackets"));
        }
        // A name that `clean` changes would look different to recipients.
        if super::compose::clean(&name) != name || name.contains(char::REPLACEMENT_CHARACTER) {
            return Err(SenderError(
                "has a character in its name that is not shown, or turns the direction of reading",
            ));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(SenderError("has a name of more than 200 characters"));
        }
        let (local, domain) = address.trim().rsplit_once('@').ok_or(SenderError("has no address with an `@`"))?;
        if !local.is_ascii() {
            // Many mail servers refuse such an address (RFC 6531 is an extension), so their users could not answer.
            return Err(SenderError("has other letters than ASCII before the `@`"));
        }
        let domain = domain_of_mail(domain).ok_or(SenderError("has no domain behind the `@`, as in shop.example"))?;
        let email = Address::new(local, &domain)
            .map_err(|_| SenderError("has something before the `@` that cannot stand in an address"))?;
        Ok(Self { mailbox: Mailbox::new(Some(name).filter(|name| !name.is_empty()), email) })
    }
}

/// Removes the quotes around a name and the backslashes before quotes and backslashes in it (RFC 5322 §3.2.4).
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let (mut plain, mut characters) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain.trim().to_owned()
}

/// Parses a sender's domain into ASCII. `localhost` is accepted for development.
#[must_use]
pub fn domain_of_mail(text: &str) -> Option<String> {
    let Host::Domain(domain) = Host::parse(text).ok()? else { return None };
    // Hosts in URLs may have more characters (RFC 1123 §2.1).
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (domain.len() <= 253 && domain.split('.').all(is_label)).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sender's name and address as a recipient's program parses them.
    fn read(text: &str) -> (String, String) {
        let sender: Sender = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let message = lettre::Message::builder().from(sender.mailbox).to("ada@example.com".parse().unwrap());
        let message = message.body(String::new()).unwrap().formatted();
        assert!(message.is_ascii(), "{text}");
        let message = mail_parser::MessageParser::default().parse(&message).unwrap();
        let from: Vec<_> = message.from().unwrap().iter().collect();
        let [from] = from.as_slice() else { panic!("{text} became {from:?}") };
        (from.name().unwrap_or_default().to_owned(), from.address().unwrap().to_owned())
    }

    #[test]
    fn a_sender_is_read_by_recipients_as_it_was_meant() {
        for (text, name, address) in [
            ("shop@example.com", "", "shop@example.com"),
            ("<shop@example.com>", "", "shop@example.com"),
            ("Go Commerce <shop@localhost>", "Go Commerce", "shop@localhost"),
            ("Toko <toko@bücher.example>", "Toko", "toko@xn--bcher-kva.example"),
            ("toko@BÜCHER.example", "", "toko@xn--bcher-kva.example"),
            ("Toko, Maju <toko@example.com>", "Toko, Maju", "toko@example.com"),
            ("\"Toko, Maju\" <toko@example.com>", "Toko, Maju", "toko@example.com"),
            ("Toko (ID) <toko@example.com>", "Toko (ID)", "toko@example.com"),
            ("Toko \"Maju\" <toko@example.com>", "Toko \"Maju\"", "toko@example.com"),
            ("\"Toko \\\"Maju\\\"\" <toko@example.com>", "Toko \"Maju\"", "toko@example.com"),
            ("Bücher; Müller & Co. <shop@example.com>", "Bücher; Müller & Co.", "shop@example.com"),
            ("shop@example.com <shop@example.com>", "shop@example.com", "shop@example.com"),
            ("Toko <o'maju+shop@example.com>", "Toko", "o'maju+shop@example.com"),
        ] {
            assert_eq!(read(text), (name.to_owned(), address.to_owned()), "{text}");
        }
        assert_eq!("Toko <toko@bücher.example>".parse::<Sender>().unwrap().domain(), "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_sender_is_told_why() {
        for (text, why) in [
            ("", "no address"),
            ("shop", "no address"),
            ("Shop <shop>", "no address"),
            ("Shop <@localhost>", "before the `@`"),
            ("Shop <a b@localhost>", "before the `@`"),
            ("Shop <büro@example.com>", "ASCII before"),
            ("Shop <shop@>", "no domain"),
            ("Shop <shop@exa mple>", "no domain"),
            ("Shop <shop@127.0.0.1>", "no domain"),
            ("Shop <shop@[127.0.0.1]>", "no domain"),
            ("Shop <shop@-a.example>", "no domain"),
            ("Shop <shop@example..com>", "no domain"),
            ("Shop <shop@example.com.>", "no domain"),
            ("Shop <shop@under_score.example>", "no domain"),
            ("Shop shop@example.com>", "without a `<`"),
            ("Shop <shop@example.com", "without a `>`"),
            ("Shop <a@example.com> <b@example.com>", "more than one"),
            ("a@example.com, b@example.com", "before the `@`"),
            ("Sh\u{7}op <shop@example.com>", "not shown"),
            ("Sh\u{202e}op <shop@example.com>", "not shown"),
        ] {
            let error = text.parse::<Sender>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
