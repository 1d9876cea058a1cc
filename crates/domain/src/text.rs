//! Checks that all texts from outside share.

use crate::error::{Reason, ViolationCode};
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use std::borrow::Cow;

/// Whether a character acts on the text around it: control characters, line and paragraph separators, and the marks that
/// embed, override or isolate a writing direction (UAX #9 §2). Marks that only have a direction themselves (U+061C, U+200E,
/// U+200F) and joiners (U+200C, U+200D) belong to the spelling of names in many scripts.
pub fn is_unprintable(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is invisible by itself: `Default_Ignorable_Code_Point` (UAX #44) and the braille cell without dots.
pub fn is_invisible(character: char) -> bool {
    character == '\u{2800}' || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Whether a text has no visible character.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_invisible(character))
}

/// Normalises a text to NFC (UAX #15). Keyboards and systems differ in whether they send a letter and its marks as one
/// character.
pub fn nfc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Parses one line of at most `max` characters; trims white space around it.
pub fn line(raw: &str, max: usize) -> Result<String, Reason> {
    checked(raw, max, is_unprintable)
}

/// Parses a text of at most `max` characters, possibly in several lines; trims white space around it.
pub fn paragraphs(raw: &str, max: usize) -> Result<String, Reason> {
    checked(raw, max, |character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
}

fn checked(raw: &str, max: usize, is_refused: impl Fn(char) -> bool) -> Result<String, Reason> {
    let text = raw.trim();
    if is_blank(text) {
        Err(Reason::empty())
    } else if text.chars().count() > max {
        let message = format!("maximum length for field {{field}} is {max} characters");
        Err(Reason::new(ViolationCode::TooLong, message))
    } else if text.chars().any(is_refused) {
        Err(Reason::new(ViolationCode::InvalidCharacter, "field {field} contains control characters"))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(raw: &str) -> Option<ViolationCode> {
        line(raw, 20).err().map(|reason| reason.code())
    }

    #[test]
    fn marks_that_spelling_needs_are_taken() {
        for raw in ["\u{200F}שלום!", "abc\u{200E}", "سلام\u{061C}1", "می\u{200C}خواهم", "ක්\u{200D}ෂ", "👩\u{200D}👧"]
        {
            assert_eq!(line(raw, 20).unwrap(), raw, "{raw:?}");
        }
    }

    #[test]
    fn what_turns_the_text_around_it_is_refused() {
        for mark in ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}').chain(['\0', '\n', '\u{85}', '\u{2028}']) {
            assert_eq!(code(&format!("a{mark}b")), Some(ViolationCode::InvalidCharacter), "{mark:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for raw in ["", " \t", "\u{200E}", "\u{200B}\u{FEFF} \u{200F}", "\u{2800}\u{3000}", "\u{3164}", "\u{00AD}"] {
            assert_eq!(code(raw), Some(ViolationCode::Empty), "{raw:?}");
        }
        assert_eq!(code("\u{200F}א"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_is_read_or_refused(raw in any::<String>()) {
            if let Ok(text) = line(&raw, 20) {
                prop_assert!(!is_blank(&text) && !text.chars().any(is_unprintable));
                prop_assert_eq!(line(&text, 20).unwrap(), text);
            }
            let _ = paragraphs(&raw, 20);
            let composed = nfc(&raw);
            prop_assert_eq!(nfc(&composed), composed.as_ref(), "what is composed stays as it is");
        }
    }
}
