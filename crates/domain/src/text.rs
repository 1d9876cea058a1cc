//! What texts from outside have in common.

/// Whether a character does something to the text around it instead of being part of it: control characters, line
/// and paragraph separators, and marks that turn the writing direction (Unicode's `Bidi_Control`).
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
