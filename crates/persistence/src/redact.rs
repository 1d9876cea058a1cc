//! Keeps passwords out of the messages of client libraries.

use crate::url::{Address, parameter, user_info};

/// A client library's message about a failed connection, without the password.
///
/// libpq quotes a URL that it cannot read, whole or in part. Such a message is not repeated at all.
pub(crate) fn without_secrets(message: &str, address: &Address) -> String {
    // A parameter that is known to libpq, but not to the one that this build has.
    if let Some((_, name)) = message.split_once("invalid URI query parameter: \"") {
        let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        return format!("the client library does not know the URL's parameter {name}; leave it out");
    }
    if ["URI", "://", "percent-encoded"].iter().any(|sign| message.contains(sign)) {
        return "the client library cannot read the URL; do special characters in the password need percent-encoding?"
            .to_owned();
    }
    let url = address.expose();
    let of_user = user_info(url).and_then(|user| user.split_once(':')).map(|(_, password)| password);
    // MySQL's URLs end it at the last `@`.
    let until_last = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
    let until_last = until_last.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    let passwords = [until_last, of_user, parameter(url, "password"), parameter(url, "sslpassword")];
    let mut text = message.trim().replace('\n', " ");
    for password in passwords.into_iter().flatten().filter(|password| !password.is_empty()) {
        text = text.replace(&percent_decoded(password), "***").replace(password, "***");
    }
    text
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.split_at_checked(2)).flatten();
        let byte = escaped.and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(first));
        rest = match (byte, escaped) {
            (Some(_), Some((_, after))) => after,
            _ => after,
        };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::parse(&url.to_owned().into()).unwrap()
    }

    #[test]
    fn a_password_is_not_repeated_in_either_spelling() {
        let address = address("postgres://shop:s%40cret%252@localhost/shop?password=other");
        let text = without_secrets("login of shop with s@cret%2, s%40cret%252 or\nother failed", &address);
        assert_eq!(text, "login of shop with ***, *** or *** failed");
    }

    #[test]
    fn a_url_that_is_not_understood_is_not_repeated() {
        let address = address("postgres://shop:s%2fzz@localhost/shop");
        let unknown = "invalid URI query parameter: \"servicefile\"";
        assert!(
            without_secrets(unknown, &address).ends_with("does not know the URL's parameter servicefile; leave it out")
        );
        for message in [
            "invalid percent-encoded token: \"s%zz\"",
            "unexpected character in URI: \"postgres://shop:s%zz@localhost/shop\"",
        ] {
            let text = without_secrets(message, &address);
            assert!(!text.contains("zz"), "{text}");
        }
    }
}
