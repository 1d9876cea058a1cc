//! What a mail server offers in its answer to `EHLO`.

use super::reply::Reply;

/// The extensions that a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// `STARTTLS` (RFC 3207).
    pub(super) start_tls: bool,
    /// `SMTPUTF8` (RFC 6531).
    utf8: bool,
    /// `8BITMIME` (RFC 6152).
    eight_bit: bool,
    /// The mechanisms to log in (RFC 4954), in upper case.
    mechanisms: Vec<String>,
}

impl Features {
    /// Parses the answer to `EHLO`, whose first line is the server's name.
    pub(super) fn of(hello: &Reply) -> Self {
        let mut features = Self::default();
        for line in hello.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()) {
            // Before RFC 2554 the spelling was `AUTH=LOGIN`, and some servers still send both.
            let mut words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => features.start_tls = true,
                Some("SMTPUTF8") => features.utf8 = true,
                Some("8BITMIME") => features.eight_bit = true,
                Some("AUTH") => features.mechanisms.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        features
    }

    /// Whether it supports addresses outside ASCII and mails with such an address in their head (RFC 6531 §3.1).
    pub(super) const fn takes_all_addresses(&self) -> bool {
        self.utf8 && self.eight_bit
    }

    pub(super) fn has_mechanism(&self, name: &str) -> bool {
        self.mechanisms.iter().any(|mechanism| mechanism == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(lines: &[&str]) -> Features {
        let lines = ["mail.example.com"].iter().chain(lines).map(|line| (*line).to_owned()).collect();
        Features::of(&Reply { code: 250, lines })
    }

    #[test]
    fn what_a_server_offers_is_read_however_it_spells_it() {
        let offered =
            features(&["SIZE 1000", "8bitmime", "SmtpUTF8", "starttls", "AUTH PLAIN LOGIN", "AUTH=LOGIN", ""]);
        assert!(offered.start_tls && offered.takes_all_addresses());
        assert!(offered.has_mechanism("PLAIN") && offered.has_mechanism("LOGIN") && !offered.has_mechanism("XOAUTH2"));
        let old = features(&["AUTH=LOGIN"]);
        assert!(old.has_mechanism("LOGIN") && !old.has_mechanism("PLAIN"));
        assert_eq!(features(&[]), Features::default());
        assert!(!features(&["SMTPUTF8"]).takes_all_addresses(), "letters with such a head need 8BITMIME");
    }
}
