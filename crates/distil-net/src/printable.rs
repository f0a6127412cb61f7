//! Strings of others, made harmless for a terminal.

/// The most characters of a string of others that a message has.
const MOST: usize = 200;

/// A string from outside without control characters and marks that change the direction of writing
/// (Unicode's `Bidi_Control`), and of a bounded length.
pub(crate) fn printable(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::new();
    for c in text.chars().take(MOST) {
        match is_harmful(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_but_characters() {
        assert_eq!(printable("é \u{1b}[2J\u{202e}"), "é \\u{1b}[2J\\u{202e}");
        assert_eq!(printable(&"x".repeat(1000)).len(), MOST);
    }
}
