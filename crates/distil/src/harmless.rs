//! The edge of everything that is printed: text from outside (names in archives, labels, answers of
//! registries, fields of packages) must not move the terminal or disguise itself. It is made harmless
//! here, where it leaves the program, so that no message can forget it.

use std::fmt::{self, Display, Write};

use distil_tree::is_disguise;

/// Text of several lines, in which everything but the ends of lines is harmless.
pub(crate) struct Lines<T>(pub(crate) T);

impl<T: Display> Display for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut filter = Filter(f, |character| character == '\n');
        write!(filter, "{}", self.0)
    }
}

/// Text in which everything is harmless, the ends of lines included: for one cell of a table.
pub(crate) fn cell(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    // Writing into a string does not fail.
    let _ = Filter(&mut harmless, |_| false).write_str(text);
    harmless
}

/// A JSON document in which characters that could do harm are escaped (RFC 8259, section 7). They
/// occur in its strings alone.
pub(crate) fn json(document: &str) -> String {
    let mut harmless = String::with_capacity(document.len());
    for character in document.chars() {
        match character != '\n' && is_disguise(character) {
            true => {
                let _ = write!(harmless, "\\u{:04x}", u32::from(character));
            }
            false => harmless.push(character),
        }
    }
    harmless
}

/// Writes characters on, and escapes those that could do harm and that `keeps` does not keep.
struct Filter<W, K>(W, K);

impl<W: Write, K: Fn(char) -> bool> Write for Filter<W, K> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let is_bad = |character| is_disguise(character) && !(self.1)(character);
        while let Some(position) = rest.find(is_bad) {
            let (good, bad) = rest.split_at(position);
            self.0.write_str(good)?;
            let Some(character) = bad.chars().next() else {
                break;
            };
            write!(self.0, "{}", character.escape_default())?;
            rest = &bad[character.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_direction_marks_do_nothing() {
        let text = "a\u{1b}[31m\u{202e}b\u{9b}1m\rc\nd\u{7}";
        assert_eq!(
            Lines(text).to_string(),
            "a\\u{1b}[31m\\u{202e}b\\u{9b}1m\\rc\nd\\u{7}"
        );
        assert_eq!(cell("a\nb\tc"), "a\\nb\\tc");
        let document = serde_json::to_string("\u{9b}\u{202e}\u{7f}é").unwrap();
        assert_eq!(json(&document), "\"\\u009b\\u202e\\u007fé\"");
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in any::<String>()) {
            let bad = |text: &str| text.chars().filter(|c| is_disguise(*c)).count();
            let lines = Lines(&text).to_string();
            prop_assert_eq!(bad(&lines), lines.matches('\n').count());
            prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(bad(&cell(&text)), 0);
            let document = json(&serde_json::to_string(&text).unwrap());
            prop_assert_eq!(bad(&document), 0);
            prop_assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
        }
    }
}
