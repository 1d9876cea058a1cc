//! Composes mails: turns their content into RFC 5322 messages.

use super::MailSetupError;
use super::sender::{Sender, domain_of_mail};
use super::templates::{RenderedMail, Templates};
use app::payment::MailContent;
use domain::error::BoxError;
use domain::user::Email;
use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use std::path::Path;
use url::Url;

/// A message that is ready to be sent.
pub(super) struct ComposedMail {
    /// The recipient's address as stored.
    pub(super) recipient: Email,
    /// The recipient's address for mail servers: with the domain in ASCII.
    pub(super) to: Address,
    pub(super) from: Address,
    pub(super) subject: String,
    /// Without the domain and the angle brackets.
    pub(super) message_id: String,
    /// Head and body, with CRLF.
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Composer {
    from: Mailbox,
    domain: String,
    templates: Templates,
}

/// Marks the mail as written by a machine, so that no machine answers it (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, BoxError> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Composer {
    pub(super) fn new(from: &str, domain: &str, templates: Option<&Path>) -> Result<Self, MailSetupError> {
        let Sender { mailbox } = from.parse().map_err(MailSetupError::From)?;
        let domain = domain_of_mail(domain).ok_or_else(|| MailSetupError::Domain(domain.to_owned()))?;
        let shop = mailbox.name.clone().unwrap_or_else(|| domain.clone());
        Ok(Self { from: mailbox, domain, templates: Templates::load(templates, shop)? })
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// Composes a mail.
    ///
    /// # Errors
    /// If the mail has no template or its address is invalid. A repetition does not help.
    pub(super) fn compose(&self, content: &MailContent) -> Result<ComposedMail, BoxError> {
        let (recipient, to) = address(&content.email)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if content.message_id.is_empty() || !content.message_id.chars().all(is_plain) {
            return Err("its Message-ID has characters that do not belong there".into());
        }
        let name = clean(&content.name);
        let RenderedMail { subject, text, html } = self.templates.render(&MailContent {
            name: name.clone(),
            product: clean(&content.product),
            code: clean(&content.code),
            payment_url: content.payment_url.as_deref().and_then(link),
            ..content.clone()
        })?;
        let subject = clean(&subject);
        // lettre panics on a line break in a name; `clean` has removed them.
        let mailbox = Mailbox::new(Some(name).filter(|name| !name.is_empty()), to.clone());
        let message = Message::builder()
            // Set explicitly, because lettre would parse the recipient from the header and reject characters outside ASCII.
            .envelope(Envelope::new(Some(self.from.email.clone()), vec![to.clone()])?)
            .from(self.from.clone())
            .to(mailbox)
            .subject(subject.as_str())
            .message_id(Some(format!("<{}@{}>", content.message_id, self.domain)))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text, html))?;
        let (from, message_id) = (self.from.email.clone(), content.message_id.clone());
        Ok(ComposedMail { recipient, to, from, subject, message_id, bytes: message.formatted() })
    }
}

/// Parses an address. The local part keeps its case, whose meaning depends on the recipient's server.
fn address(raw: &str) -> Result<(Email, Address), BoxError> {
    let email = Email::parse_known(raw).map_err(|_| "its recipient has no e-mail address")?;
    let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let domain = email.key().rsplit_once('@').map_or("", |(_, domain)| domain);
    // lettre's own check rejects characters outside ASCII; the address has passed the grammar of `Email`.
    let address = Address::new_dangerous(local, domain);
    Ok((email, address))
}

/// Reduces a text to one line without control or direction-changing characters.
pub(super) fn clean(raw: &str) -> String {
    let turns = |c: &char| matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let kept = raw.chars().filter(|c| !turns(c)).map(|c| if ends(c) { ' ' } else { c });
    kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the URL if it leads to a web page.
fn link(raw: &str) -> Option<String> {
    let url = Url::parse(raw).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_line_that_reads_from_left_to_right() {
        for (raw, cleaned) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com"),
            ("a\0b\u{7f}c\u{85}d\u{2028}e", "a b c d e"),
            ("\u{202E}moc.elpmaxe\u{202C}", "moc.elpmaxe"),
            ("  \t ", ""),
            ("Zoë 👩‍👩‍👧", "Zoë 👩‍👩‍👧"),
        ] {
            assert_eq!(clean(raw), cleaned, "{raw:?}");
        }
    }

    #[test]
    fn a_link_leads_to_the_web_only() {
        assert_eq!(link("https://pay.example/x?a=b").as_deref(), Some("https://pay.example/x?a=b"));
        assert_eq!(link("javascript:alert(1)"), None);
        assert_eq!(link("pay"), None);
    }

    #[test]
    fn an_address_keeps_its_local_part_and_has_its_domain_in_ascii() {
        assert_eq!(address("Ada@BÜCHER.example").unwrap().1.to_string(), "Ada@xn--bcher-kva.example");
        assert_eq!(address("नि\u{093C}@example.com").unwrap().1.to_string(), "नि\u{093C}@example.com");
        assert!(address("ada").is_err());
    }
}
