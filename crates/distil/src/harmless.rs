//! The edge of everything that is printed: text from outside (names in archives, labels, answers of
//! registries, fields of packages) must not move the terminal or disguise itself. It is made harmless
//! here, where it leaves the program, so that no message can forget it.

use std::fmt::{self, Display, Write};
use std::io;

use distil_tree::is_disguise;
use serde_json::ser::{Formatter, PrettyFormatter};

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

/// Writes JSON as people read it, with characters escaped that could do harm (RFC 8259, section 7).
#[derive(Default)]
pub(crate) struct Json(PrettyFormatter<'static>);

impl Formatter for Json {
    /// The only part of a document in which such characters are.
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some(position) = rest.find(is_disguise) {
            let (good, bad) = rest.split_at(position);
            writer.write_all(good.as_bytes())?;
            let Some(character) = bad.chars().next() else {
                break;
            };
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &bad[character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
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

    fn json(value: &impl serde::Serialize) -> String {
        let mut document = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut document, Json::default());
        value.serialize(&mut serializer).unwrap();
        String::from_utf8(document).unwrap()
    }

    #[test]
    fn json_is_laid_out_as_everywhere() {
        let value = serde_json::json!({"a": [1, {"b\u{9b}": null}, []], "c": {}, "d": "\u{1b}\""});
        let document = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(json(&value), document.replace('\u{9b}', "\\u009b"));
    }

    #[test]
    fn escapes_and_direction_marks_do_nothing() {
        let text = "a\u{1b}[31m\u{202e}b\u{9b}1m\rc\nd\u{7}";
        assert_eq!(
            Lines(text).to_string(),
            "a\\u{1b}[31m\\u{202e}b\\u{9b}1m\\rc\nd\\u{7}"
        );
        assert_eq!(cell("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(json(&"\u{9b}\u{202e}\u{7f}é"), "\"\\u009b\\u202e\\u007fé\"");
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in any::<String>()) {
            let bad = |text: &str| text.chars().filter(|c| is_disguise(*c)).count();
            let lines = Lines(&text).to_string();
            prop_assert_eq!(bad(&lines), lines.matches('\n').count());
            prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(bad(&cell(&text)), 0);
            let document = json(&text);
            prop_assert_eq!(bad(&document), 0);
            prop_assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
        }
    }
}
