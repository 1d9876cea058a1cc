//! Removes the white space that editors, shells and `echo` leave around values.

use super::mistakes::Mistake;
use config::{Value, ValueKind};

/// Why no setting accepts a text, and the remedy. Neither repeats the text, for it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidText {
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

impl InvalidText {
    /// Names the place and the setting.
    pub(super) fn into_mistake(self, place: &str, key: &str) -> Mistake {
        Mistake::at(place, self.problem, self.remedy).of(key)
    }
}

/// Trims a text. Refuses control characters and quotes around it.
pub(super) fn trim_text(text: &str) -> Result<&str, InvalidText> {
    let text = text.trim();
    if text.contains(char::is_control) {
        return Err(InvalidText {
            problem: "has a line break or another control character in it",
            remedy: "write it in one line, without any",
        });
    }
    let is_in = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_in('"') || is_in('\'') {
        return Err(InvalidText {
            problem: "has quotes around it, which would be part of it",
            remedy: "leave them out; in a file for docker's --env-file there are none around a value",
        });
    }
    Ok(text)
}

pub(super) fn trim_value(value: Value) -> Result<Value, InvalidText> {
    let origin = value.origin().map(str::to_owned);
    let kind = match value.kind {
        ValueKind::String(text) => ValueKind::String(trim_text(&text)?.to_owned()),
        ValueKind::Array(elements) => ValueKind::Array(elements.into_iter().map(trim_value).collect::<Result<_, _>>()?),
        ValueKind::Table(table) => {
            let fields = table.into_iter().map(|(name, value)| Ok((name, trim_value(value)?)));
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
            assert_eq!(trim_text(text), Ok(meant), "{text:?}");
        }
        for text in ["\"8081\"", "'8081'", " \"8081\"\n", "\"\""] {
            assert!(trim_text(text).unwrap_err().problem.contains("quotes"), "{text:?}");
        }
        for text in ["a\nb", "a\0b", "a\tb"] {
            assert!(trim_text(text).unwrap_err().problem.contains("line break"), "{text:?}");
        }
    }
}
