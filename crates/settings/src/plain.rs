//! Texts as they are meant: without the white space that editors, shells and `echo` leave around them.

use super::mistakes::Mistake;
use config::{Value, ValueKind};

/// What is wrong with a text that no setting takes, and what would be right. Neither repeats the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

impl Odd {
    /// The same, told of a setting at a place.
    pub(super) fn told(self, place: &str, key: &str) -> Mistake {
        Mistake::at(place, self.problem, self.remedy).of(key)
    }
}

/// The text without white space around it.
pub(super) fn plain(text: &str) -> Result<&str, Odd> {
    let text = text.trim();
    if text.contains(char::is_control) {
        return Err(Odd {
            problem: "has a line break or another control character in it",
            remedy: "write it in one line, without any",
        });
    }
    let is_in = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_in('"') || is_in('\'') {
        return Err(Odd {
            problem: "has quotes around it, which would be part of it",
            remedy: "leave them out; in a file for docker's --env-file there are none around a value",
        });
    }
    Ok(text)
}

/// The value with all texts in it as they are meant.
pub(super) fn plain_value(value: Value) -> Result<Value, Odd> {
    let origin = value.origin().map(str::to_owned);
    let kind = match value.kind {
        ValueKind::String(text) => ValueKind::String(plain(&text)?.to_owned()),
        ValueKind::Array(elements) => {
            ValueKind::Array(elements.into_iter().map(plain_value).collect::<Result<_, _>>()?)
        }
        ValueKind::Table(table) => {
            let fields = table.into_iter().map(|(name, value)| Ok((name, plain_value(value)?)));
            ValueKind::Table(fields.collect::<Result<_, _>>()?)
        }
        other => other,
    };
    Ok(Value::new(origin.as_ref(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_meant_is_taken_away_or_refused() {
        for (text, meant) in [
            ("8081", "8081"),
            (" 8081\r\n", "8081"),
            ("\t\u{a0}a b ", "a b"),
            ("\"Toko, Maju\" <a@b>", "\"Toko, Maju\" <a@b>"),
            ("it's", "it's"),
            ("\"", "\""),
            ("\n", ""),
        ] {
            assert_eq!(plain(text), Ok(meant), "{text:?}");
        }
        for text in ["\"8081\"", "'8081'", " \"8081\"\n", "\"\""] {
            assert!(plain(text).unwrap_err().problem.contains("quotes"), "{text:?}");
        }
        for text in ["a\nb", "a\0b", "a\tb"] {
            assert!(plain(text).unwrap_err().problem.contains("line break"), "{text:?}");
        }
    }
}
