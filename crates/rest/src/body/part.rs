//! The head of a part (RFC 7578 §4), as clients write it in practice.
//!
//! The framework's own parser refuses a part whose file name is not UTF-8 or has an unusual `filename*`. This parser reads only
//! whether a file name is present: files are stored under generated names.

use crate::error::ApiError;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TryIntoHeaderValue,
};
use actix_web::mime;

/// The header with a part's encoding, which RFC 7578 §4.7 deprecates and some clients still send.
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// The encodings that leave the bytes as they are.
const IDENTITIES: [&[u8]; 3] = [b"binary", b"8bit", b"7bit"];
/// The longest boundary, in bytes. RFC 2046 §5.1.1 allows 70.
const LONGEST_BOUNDARY: usize = 200;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: String,
    /// None without a file name, else whether the file name is not empty.
    pub(super) file_name: Option<bool>,
    pub(super) content: Content,
    /// Whether its bytes are encoded.
    is_coded: bool,
}

/// The content type of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An image of any format.
    Image,
    /// `application/octet-stream`.
    Bytes,
    /// Text, or no content type.
    Other,
}

impl Head {
    /// Reads the head of a part. None where it names no field, or more than one.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut dispositions = headers.get_all(CONTENT_DISPOSITION);
        let (disposition, None) = (dispositions.next()?, dispositions.next()) else { return None };
        let (kind, parameters) = parameters(disposition.as_bytes());
        if !kind.eq_ignore_ascii_case(b"form-data") {
            return None;
        }
        let name = single(&parameters, "name")?;
        let named = |(name, value): &(String, Vec<u8>)| match name.as_str() {
            "filename" => Some(!value.is_empty()),
            // The character set, the language, and the name itself (RFC 8187 §3.2).
            "filename*" => Some(value.rsplit(|byte| *byte == b'\'').next().is_some_and(|name| !name.is_empty())),
            _ => None,
        };
        Some(Self {
            name: String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())?,
            file_name: parameters.iter().filter_map(named).reduce(|one, other| one || other),
            content: headers.get(CONTENT_TYPE).map_or(Content::Other, content),
            is_coded: headers.get(TRANSFER_ENCODING).is_some_and(|coding| {
                let coding = coding.as_bytes().trim_ascii();
                !IDENTITIES.iter().any(|identity| coding.eq_ignore_ascii_case(identity))
            }),
        })
    }

    /// Refuses an encoded part: its encoded text would count as its content.
    pub(super) fn refuse_coded(&self) -> Result<(), ApiError> {
        if self.is_coded {
            let expected = "sent as it is, without a Content-Transfer-Encoding such as base64";
            return Err(ApiError::wrong_type(self.name.clone(), expected));
        }
        Ok(())
    }
}

fn content(value: &HeaderValue) -> Content {
    let (kind, _) = parameters(value.as_bytes());
    let kind = kind.to_ascii_lowercase();
    if kind.starts_with(b"image/") {
        Content::Image
    } else if kind == mime::APPLICATION_OCTET_STREAM.essence_str().as_bytes() {
        Content::Bytes
    } else {
        Content::Other
    }
}

/// The headers by which the framework parts a body: a kind of multipart about whose heads it has no opinion, and the boundary in
/// quotes, which clients leave away around characters that want them. None where there is no single boundary.
pub(super) fn framing(headers: &HeaderMap) -> Option<HeaderMap> {
    let (_, parameters) = parameters(headers.get(CONTENT_TYPE)?.as_bytes());
    let boundary = std::str::from_utf8(single(&parameters, "boundary")?).ok()?;
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
    if !(1..=LONGEST_BOUNDARY).contains(&boundary.len()) || !boundary.bytes().all(is_plain) {
        return None;
    }
    let mut framing = HeaderMap::new();
    framing.insert(CONTENT_TYPE, format!("multipart/mixed; boundary=\"{boundary}\"").try_into_value().ok()?);
    Some(framing)
}

/// The value of a parameter that occurs once: of two, a proxy may use the other.
fn single<'a>(parameters: &'a [(String, Vec<u8>)], wanted: &str) -> Option<&'a [u8]> {
    let mut values = parameters.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    let (value, None) = (values.next()?, values.next()) else { return None };
    Some(value)
}

/// A value and its parameters, with names in lower case. Malformed parameters are left out.
fn parameters(value: &[u8]) -> (&[u8], Vec<(String, Vec<u8>)>) {
    let (kind, mut rest) = split(value, b';');
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';'));
        let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let Some(after) = behind.strip_prefix(b"=") else {
            rest = behind.get(1..).unwrap_or_default();
            continue;
        };
        let (value, left) = match after.trim_ascii_start().strip_prefix(b"\"") {
            Some(text) => quoted(text),
            None => {
                let (token, left) = split(after, b';');
                (token.to_vec(), left)
            }
        };
        parameters.push((String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase(), value));
        rest = left;
    }
    (kind, parameters)
}

/// The trimmed text before a separator, and the text after it.
fn split(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == separator).unwrap_or(text.len());
    let (before, behind) = text.split_at(end);
    (before.trim_ascii(), behind.get(1..).unwrap_or_default())
}

/// A text in quotes, of which the first has been taken off, and what is behind the next `;`. A backslash before a quote or
/// another backslash is an escape (RFC 9110 §5.6.4), and one before anything else part of a path, as browsers write those; so is
/// one before the last quote there is.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut value, mut rest) = (Vec::new(), text);
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind.split_first()) {
            (b'"', _) => break,
            (b'\\', Some((b'"', further))) if further.contains(&b'"') => {
                value.push(b'"');
                rest = further;
            }
            (b'\\', Some((b'\\', further))) => {
                value.push(b'\\');
                rest = further;
            }
            _ => value.push(*byte),
        }
    }
    (value, split(rest, b';').1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[(HeaderName, &[u8])]) -> Option<Head> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(value).unwrap());
        }
        Head::read(&headers)
    }

    fn disposition(value: &[u8]) -> Option<(String, Option<bool>)> {
        head(&[(CONTENT_DISPOSITION, value)]).map(|head| (head.name, head.file_name))
    }

    #[test]
    fn a_file_name_is_seen_in_every_spelling() {
        for spelling in [
            &br#"form-data; name="image_url"; filename="desk.png""#[..],
            br#"form-data;name="image_url";filename="desk.png""#,
            br#"form-data; name="image_url"; filename="desk.png";"#,
            br#"FORM-DATA; NAME="image_url"; FILENAME="desk.png""#,
            b"form-data; name=image_url; filename=desk.png",
            b"form-data; name=image_url; filename=my desk.png",
            b"form-data; name = image_url ; filename = desk.png ",
            br#"form-data; filename="desk.png"; name="image_url""#,
            br#"form-data; name="image_url"; filename="a;b=c.png""#,
            br#"form-data; name="image_url"; filename="a\"b\".png""#,
            br#"form-data; name="image_url"; filename="a"b.png""#,
            br#"form-data; name="image_url"; filename="C:\photos\desk.png""#,
            br#"form-data; name="image_url"; filename="desk\""#,
            br#"form-data; name="image_url"; filename="a%22b.png""#,
            "form-data; name=\"image_url\"; filename=\"椅子.png\"".as_bytes(),
            b"form-data; name=\"image_url\"; filename=\"b\xfcro.png\"",
            b"form-data; name=\"image_url\"; filename*=UTF-8''desk.png",
            b"form-data; name=\"image_url\"; filename*=utf-8'en'%E6%A4%85.png",
            b"form-data; name=\"image_url\"; filename*=iso-8859-1''b%FCro.png",
            b"form-data; name=\"image_url\"; filename*=\"UTF-8''desk.png\"",
            b"form-data; name=\"image_url\"; filename*=desk.png",
            b"form-data; name=\"image_url\"; filename*=UTF-8''%zz",
            b"form-data; name=image_url; filename=desk.png; filename*=utf-8''desk.png",
            b"form-data; name=\"image_url\"; size=7; filename=\"desk.png\"",
            b"form-data; odd; ; name=\"image_url\"; filename=\"desk.png\"; =x",
            br#"form-data; name="image_url"; filename="unclosed"#,
        ] {
            let shown = String::from_utf8_lossy(spelling);
            assert_eq!(disposition(spelling), Some(("image_url".to_owned(), Some(true))), "{shown}");
        }
        for nameless in [
            &br#"form-data; name="image_url"; filename="""#[..],
            b"form-data; name=image_url; filename=",
            b"form-data; name=image_url; filename*=UTF-8''",
        ] {
            assert_eq!(disposition(nameless), Some(("image_url".to_owned(), Some(false))));
        }
        assert_eq!(disposition(br#"form-data; name="a; filename=b""#), Some(("a; filename=b".to_owned(), None)));
        assert_eq!(disposition(br#"form-data; name="a\\b\"c""#), Some(("a\\b\"c".to_owned(), None)));
    }

    #[test]
    fn a_part_names_one_field() {
        for odd in [
            &b""[..],
            b"form-data",
            b"form-data; filename=\"a.png\"",
            b"form-data; name=",
            b"form-data; name=\"\"",
            b"form-data; name=\"\xff\"",
            b"form-data; name=a; name=b",
            b"attachment; name=a",
        ] {
            assert_eq!(disposition(odd), None, "{}", String::from_utf8_lossy(odd));
        }
        assert_eq!(head(&[]), None);
        let twice = [(CONTENT_DISPOSITION, &b"form-data; name=a"[..]), (CONTENT_DISPOSITION, b"form-data; name=b")];
        assert_eq!(head(&twice), None);
    }

    #[test]
    fn a_content_is_an_image_by_what_it_is_called() {
        let content = |kind: &'static str| {
            head(&[(CONTENT_DISPOSITION, b"form-data; name=a"), (CONTENT_TYPE, kind.as_bytes())]).unwrap().content
        };
        for image in ["image/png", "IMAGE/JPEG", "image/jpeg; quality=80", " image/x-odd"] {
            assert_eq!(content(image), Content::Image, "{image}");
        }
        assert_eq!(content("application/octet-stream"), Content::Bytes);
        for other in ["", "text/plain", "text/plain; charset=UTF-8", "application/json", "imagery/png", "image"] {
            assert_eq!(content(other), Content::Other, "{other}");
        }
    }

    #[test]
    fn bytes_that_are_written_in_another_way_are_refused() {
        let coded = |coding: &'static str| {
            let lines = [(CONTENT_DISPOSITION, &b"form-data; name=a"[..]), (TRANSFER_ENCODING, coding.as_bytes())];
            head(&lines).unwrap().refuse_coded().map_err(|error| error.message)
        };
        for identity in ["binary", "8bit", " 7BIT "] {
            assert_eq!(coded(identity), Ok(()), "{identity}");
        }
        let message = "a must be sent as it is, without a Content-Transfer-Encoding such as base64";
        assert_eq!(coded("base64"), Err(message.into()));
        assert_eq!(coded("quoted-printable"), Err(message.into()));
    }

    #[test]
    fn a_boundary_is_found_in_every_spelling() {
        let framed = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
            framing(&headers).map(|framing| framing.get(CONTENT_TYPE).unwrap().to_str().unwrap().to_owned())
        };
        for (kind, boundary) in [
            ("multipart/form-data; boundary=b", "b"),
            ("multipart/form-data;boundary=\"b\"", "b"),
            ("Multipart/Form-Data; Boundary=b;", "b"),
            ("multipart/form-data; boundary=----=_Part_1_2.3", "----=_Part_1_2.3"),
            ("multipart/form-data; charset=utf-8; boundary=a'()+_,-./:?z", "a'()+_,-./:?z"),
            ("multipart/form-data; boundary=\"a b;c\"", "a b;c"),
        ] {
            assert_eq!(framed(kind), Some(format!("multipart/mixed; boundary=\"{boundary}\"")), "{kind}");
        }
        for odd in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=a; boundary=b"]
        {
            assert_eq!(framed(odd), None, "{odd}");
        }
        let long = |length: usize| framed(&format!("multipart/form-data; boundary={}", "b".repeat(length)));
        assert!(long(LONGEST_BOUNDARY).is_some() && long(LONGEST_BOUNDARY + 1).is_none());
    }
}
