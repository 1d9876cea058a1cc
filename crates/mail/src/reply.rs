//! Replies of mail servers (RFC 5321 §4.2). Only the three digits count, whatever the text and its encoding.

use std::fmt;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The longest reply, in bytes; RFC 5321 §4.5.3.1.5 allows 512 for each line.
const LONGEST: u64 = 64 * 1024;
/// The longest text in a log line, in characters.
const SHOWN: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three-digit code.
    pub(super) code: u16,
    /// The text of each line, which may be empty.
    pub(super) lines: Vec<String>,
}

/// The meaning of the first digit (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Success,
    Intermediate,
    Transient,
    Permanent,
    Unknown,
}

impl Reply {
    /// Reads a reply up to its last line. A reply that the connection's end cuts off after its digits counts.
    ///
    /// # Errors
    /// Those of the connection; `UnexpectedEof` if it ends without a reply, `InvalidData` if the bytes are not a reply.
    pub(super) async fn read(wire: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let mut reply: Option<Self> = None;
        let mut left = LONGEST;
        loop {
            let mut line = Vec::new();
            let read = (&mut *wire).take(left).read_until(b'\n', &mut line).await?;
            left = left.saturating_sub(read as u64);
            let is_whole = line.last() == Some(&b'\n');
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']);
            match (digits(&line), &mut reply) {
                (None, None) if !is_whole && left > 0 => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"));
                }
                (None, None) if text.is_empty() => continue,
                (None, None) => return Err(invalid(format!("it said {:?}, which is no reply", shown(text)))),
                // A line without digits continues the text of the one before.
                (None, Some(reply)) => reply.lines.extend((read > 0).then(|| text.to_owned())),
                (Some(code), _) => {
                    let reply = reply.get_or_insert_with(|| Self { code, lines: Vec::new() });
                    reply.code = code;
                    let said = text.chars().skip(4).collect();
                    reply.lines.push(said);
                }
            }
            let goes_on = line.get(3) == Some(&b'-') || digits(&line).is_none();
            match reply.take() {
                _ if left == 0 => return Err(invalid("its reply has no end".to_owned())),
                Some(reply) if !goes_on || !is_whole => return Ok(reply),
                read => reply = read,
            }
        }
    }

    pub(super) const fn class(&self) -> Class {
        match self.code / 100 {
            2 => Class::Success,
            3 => Class::Intermediate,
            4 => Class::Transient,
            5 => Class::Permanent,
            _ => Class::Unknown,
        }
    }

    /// Subject and detail of the enhanced status code (RFC 3463), if the text begins with one.
    pub(super) fn enhanced(&self) -> Option<(u16, u16)> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.').map(|part| part.parse::<u16>().ok().filter(|_| part.len() <= 3));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) if class == self.code / 100 => {
                Some((subject, detail))
            }
            _ => None,
        }
    }

    pub(super) fn text(&self) -> String {
        shown(&self.lines.join(" "))
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {}", self.code, self.text())
    }
}

fn digits(line: &[u8]) -> Option<u16> {
    let code = line.get(..3)?;
    code.iter().all(u8::is_ascii_digit).then(|| code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Prepares a server's text for the log: one short line without control characters and e-mail addresses.
fn shown(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    mask_addresses(&plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Masks the e-mail addresses in a text: only their first character and their domain stay.
fn mask_addresses(text: &str) -> String {
    let is_between =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | ':');
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(is_between) {
        match part.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() => {
                masked.extend(local.chars().take(1));
                masked.push_str("***@");
                masked.push_str(domain);
            }
            _ => masked.push_str(part),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> io::Result<Reply> {
        let mut bytes = bytes;
        Reply::read(&mut bytes).now_or_never().unwrap()
    }

    #[test]
    fn three_digits_are_a_reply_whatever_stands_behind_them() {
        for (bytes, code, text) in [
            (&b"250 2.0.0 taken\r\n"[..], 250, "2.0.0 taken"),
            (b"250\r\n", 250, ""),
            (b"250 \r\n", 250, ""),
            (b"250\n", 250, ""),
            (b"250", 250, ""),
            (b"250 cut o", 250, "cut o"),
            (b"250-one\r\n250-two\r\n250 three\r\n", 250, "one two three"),
            (b"250-one\r\n250\r\n", 250, "one"),
            (b"250-one\r\nand more\r\n250 three\r\n", 250, "one and more three"),
            (b"250-one\r\n", 250, "one"),
            (b"451 4.3.0 sp\xe4ter\r\n", 451, "4.3.0 sp\u{fffd}ter"),
            (b"550 \xff\xfe\r\n", 550, "\u{fffd}\u{fffd}"),
            (b"250:ok\r\n", 250, "ok"),
            (b"\r\n\r\n250 late\r\n", 250, "late"),
            (b"550 <Ada.Lovelace@x.id>: no (ADA@x.id)\r\n", 550, "<A***@x.id>: no (A***@x.id)"),
            (b"999 what\r\n", 999, "what"),
        ] {
            let reply = read(bytes).unwrap();
            assert_eq!((reply.code, reply.text().as_str()), (code, text), "{bytes:?}");
        }
    }

    #[test]
    fn what_begins_with_no_digits_is_none() {
        for bytes in
            [&b""[..], b"\r\n", b"2\r\n", b"2", b"25", b"HTTP/1.1 400 Bad Request\r\n", b"ok\r\n", b"2x0 ok\r\n"]
        {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_reply_without_end_is_none() {
        assert!(read(&vec![b'2'; 1_000_000]).is_err());
        assert!(read(&b"250-on and on\r\n".repeat(100_000)).is_err());
    }

    #[test]
    fn an_enhanced_status_code_is_of_the_same_class() {
        for (line, code) in [
            ("550 5.4.5 Daily user sending limit exceeded", Some((4, 5))),
            ("550 5.7.26 unauthenticated", Some((7, 26))),
            ("550 4.4.5 odd", None),
            ("550 5.4", None),
            ("550 5.4.5.6", None),
            ("550 192.0.2.1 blocked", None),
            ("550", None),
        ] {
            assert_eq!(read(format!("{line}\r\n").as_bytes()).unwrap().enhanced(), code, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn whatever_comes_reading_ends(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(reply) = read(&bytes) {
                prop_assert!(reply.code < 1_000 && reply.to_string().chars().all(|c| !c.is_control()));
            }
        }
    }
}
