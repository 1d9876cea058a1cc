//! Whom mails come from: what settings may say, and what of it stands in a message.

use lettre::Address;
use lettre::message::Mailbox;
use std::str::FromStr;
use url::Host;

/// The longest name, in characters: with its address it is one line of a message's head (RFC 5322 §2.1.1).
const LONGEST_NAME: usize = 200;

/// Whom mails come from: an address, and perhaps a name. Read from `shop@example.com`, `Shop <shop@example.com>` or
/// `"Shop" <shop@example.com>`; the name may have any characters but control characters, `<` and `>`, and needs no quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub(super) mailbox: Mailbox,
}

/// Why a text is no sender. Told as what it has or lacks, to go on after the text's name.
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
        // What does not stay as it is would be told to recipients as something else.
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
            // Many mail servers refuse it (RFC 6531 is an extension), and nobody behind them could answer.
            return Err(SenderError("has other letters than ASCII before the `@`"));
        }
        let domain = domain_of_mail(domain).ok_or(SenderError("has no domain behind the `@`, as in shop.example"))?;
        let email = Address::new(local, &domain)
            .map_err(|_| SenderError("has something before the `@` that cannot stand in an address"))?;
        Ok(Self { mailbox: Mailbox::new(Some(name).filter(|name| !name.is_empty()), email) })
    }
}

/// A name without the quotes around it, in which a backslash stands before a quote or another backslash (RFC 5322 §3.2.4).
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

/// A domain that mails may come from, in ASCII; none where the text is none. `localhost` is one: it is for trying out.
#[must_use]
pub fn domain_of_mail(text: &str) -> Option<String> {
    let Host::Domain(domain) = Host::parse(text).ok()? else { return None };
    // Host names of the web may have more (RFC 1123 §2.1).
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

    /// Whom a message from this sender is from, as its recipients read it: the name and the address.
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
