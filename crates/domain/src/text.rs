//! What texts from outside have in common.

use crate::error::{Reason, ViolationCode};

/// Whether a character does something to the text around it instead of being part of it: control characters, line
/// and paragraph separators, and marks that turn the writing direction (Unicode's `Bidi_Control`).
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Reads a line of text of at most `max` characters; white space around it is dropped.
pub(crate) fn line(raw: &str, max: usize) -> Result<String, Reason> {
    checked(raw, max, is_unprintable)
}

/// Reads a text of at most `max` characters that may have several lines; white space around it is dropped.
pub(crate) fn paragraphs(raw: &str, max: usize) -> Result<String, Reason> {
    checked(raw, max, |character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
}

fn checked(raw: &str, max: usize, is_refused: impl Fn(char) -> bool) -> Result<String, Reason> {
    let text = raw.trim();
    if text.is_empty() {
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
