//! Reading HTML forms: `application/x-www-form-urlencoded`, as the WHATWG URL Standard §5.1 parses it, except that text
//! that is not UTF-8 is refused instead of replaced: a replaced character would change a password.

use crate::error::HttpError;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The names and values of the fields, in their order.
pub(super) fn fields(body: &[u8]) -> Result<Vec<(String, String)>, HttpError> {
    body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(field).collect()
}

fn field(pair: &[u8]) -> Result<(String, String), HttpError> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let mut next = || text(halves.next().unwrap_or_default());
    Ok((next()?, next()?))
}

fn text(encoded: &[u8]) -> Result<String, HttpError> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| HttpError::MalformedBody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_decoded() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            fields("a=1+2&b=%C3%A5%26%3D&&c&=d&e=f=g%+%zz".as_bytes()),
            Ok(vec![pair("a", "1 2"), pair("b", "å&="), pair("c", ""), pair("", "d"), pair("e", "f=g% %zz")])
        );
        assert_eq!(fields(b""), Ok(vec![]));
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        for body in [&b"a=%FF"[..], b"a=\xff", b"%C3=b"] {
            assert_eq!(fields(body), Err(HttpError::MalformedBody), "{body:?}");
        }
    }
}
