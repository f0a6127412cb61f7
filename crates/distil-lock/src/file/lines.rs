//! YAML, a value a line.

use std::fmt::Write;

/// Words that YAML 1.1 or 1.2 reads as something else than a string.
const RESERVED: [&str; 12] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
];

/// The last line: YAML's mark of the end of a document.
pub(super) const END: &str = "...";

/// A document that is being written.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// A comment.
    pub(super) fn comment(&mut self, text: &str) {
        self.line(0, &format!("# {text}"));
    }

    /// A key whose value is a string.
    pub(super) fn string(&mut self, depth: usize, key: &str, value: impl ToString) {
        self.line(depth, &format!("{key}: {}", scalar(&value.to_string())));
    }

    /// A key whose value is a number or a word of the format.
    pub(super) fn plain(&mut self, depth: usize, key: &str, value: impl ToString) {
        self.line(depth, &format!("{key}: {}", value.to_string()));
    }

    /// A key whose value stands below it.
    pub(super) fn key(&mut self, depth: usize, key: &str) {
        self.line(depth, &format!("{key}:"));
    }

    /// An entry of a list that is a string.
    pub(super) fn entry(&mut self, depth: usize, value: impl ToString) {
        self.line(depth, &format!("- {}", scalar(&value.to_string())));
    }

    /// An entry of a list that is a string, always in quotes: of digits that may be a number.
    pub(super) fn digits(&mut self, depth: usize, value: &str) {
        self.line(depth, &format!("- {}", quoted(value)));
    }

    /// The first key of an entry of a list; the others follow at the same depth and one more.
    pub(super) fn first(&mut self, depth: usize, key: &str, value: impl ToString) {
        self.line(depth, &format!("- {key}: {}", scalar(&value.to_string())));
    }

    /// The text, with the mark at its end by which one that was cut off is told from a whole one.
    pub(super) fn finish(mut self) -> String {
        self.line(0, END);
        self.0
    }

    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "", indent = depth * 2);
    }
}

/// A string as YAML reads it back: in quotes if it could be anything else.
fn scalar(text: &str) -> String {
    match is_plain(text) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    let goes_on = |c: char| c.is_ascii_alphanumeric() || " ()._/+~:<>=|,@%-".contains(c);
    begins
        && chars.all(goes_on)
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}
