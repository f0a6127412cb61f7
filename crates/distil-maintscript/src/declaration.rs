//! What `sysusers.d` and `tmpfiles.d` have in common: lines of words, and specifiers.

use std::str::Chars;

use distil_tree::printable;

/// The most bytes of one file that are read: the longest that packages ship has a few thousand.
pub const MAX_INPUT: usize = 1 << 20;

/// How much of a line a message shows, in characters.
const SHOWN: usize = 120;

/// What a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared<T> {
    /// What it asks for, in the order of its lines.
    pub items: Vec<T>,
    /// Lines that ask for what is not made, or that cannot be read.
    pub problems: Vec<Problem>,
}

/// A line of a declaration that is not made, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, `{text}`, {reason}")]
pub struct Problem {
    /// Its number; the first is 1.
    pub line: usize,
    /// The line itself, fit to be shown.
    pub text: String,
    /// Why it is not made.
    pub reason: String,
}

/// The start of a line, for a message.
fn shown(line: &str) -> String {
    let start: String = line.chars().take(SHOWN).collect();
    printable(start.as_bytes())
}

/// Reads a file line by line. A line that gives nothing and no reason wants nothing done.
pub(crate) fn parse<T>(
    text: &str,
    mut read: impl FnMut(&str) -> Result<Option<T>, String>,
) -> Declared<T> {
    let mut declared = Declared {
        items: Vec::new(),
        problems: Vec::new(),
    };
    let mut bytes = 0;
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        bytes += line.len() + 1;
        let is_too_much = bytes > MAX_INPUT;
        let result = match line.starts_with(['#', ';']) || line.is_empty() {
            _ if is_too_much => Err("comes after more text than is read".to_owned()),
            true => Ok(None),
            false => read(line),
        };
        match result {
            Ok(item) => declared.items.extend(item),
            Err(reason) => declared.problems.push(Problem {
                line: place + 1,
                text: shown(line),
                reason,
            }),
        }
        if is_too_much {
            break;
        }
    }
    declared
}

/// The words of a line: quotes hold a word together, a backslash takes its next character as
/// it is (`extract-word.c` of systemd, with `EXTRACT_UNQUOTE`).
pub(crate) struct Words<'a> {
    rest: &'a str,
    escapes: bool,
}

impl<'a> Words<'a> {
    /// Words in which a backslash only shields the next character, as in `sysusers.d`.
    pub(crate) fn plain(line: &'a str) -> Self {
        Self {
            rest: line,
            escapes: false,
        }
    }

    /// Words with the escapes of C, as in `tmpfiles.d`.
    pub(crate) fn escaped(line: &'a str) -> Self {
        Self {
            rest: line,
            escapes: true,
        }
    }

    /// The next word, if there is one.
    pub(crate) fn word(&mut self) -> Result<Option<String>, String> {
        self.rest = self.rest.trim_start();
        let mut characters = self.rest.chars();
        let mut word = String::new();
        let mut quote = None;
        loop {
            let before = characters.as_str();
            match (characters.next(), quote) {
                (None, Some(_)) => return Err("has a quote that is not closed".to_owned()),
                (None, None) => {
                    let is_word = !self.rest.is_empty();
                    self.rest = "";
                    return Ok(is_word.then_some(word));
                }
                (Some(end), Some(quote_)) if end == quote_ => quote = None,
                (Some(start @ ('"' | '\'')), None) => quote = Some(start),
                (Some('\\'), _) if self.escapes => escape(&mut characters, &mut word)?,
                (Some('\\'), _) => match characters.next() {
                    Some(next) => word.push(next),
                    None => return Err("ends with a backslash".to_owned()),
                },
                (Some(blank), None) if blank.is_ascii_whitespace() => {
                    self.rest = before;
                    return Ok(Some(word));
                }
                (Some(other), _) => word.push(other),
            }
        }
    }

    /// The next word, unless there is none or it is `-`, which stands for none.
    pub(crate) fn field(&mut self) -> Result<Option<String>, String> {
        Ok(self.word()?.filter(|word| !word.is_empty() && word != "-"))
    }

    /// What follows the words that were taken.
    pub(crate) fn rest(self) -> &'a str {
        self.rest.trim()
    }
}

/// Text with the escapes of C (`cunescape` of systemd).
pub(crate) fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => escape(&mut characters, &mut plain)?,
            other => plain.push(other),
        }
    }
    Ok(plain)
}

/// What follows a backslash.
fn escape(characters: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    let wrong = || "has a backslash before what is no escape".to_owned();
    let plain = match characters.next().ok_or_else(wrong)? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        's' => ' ',
        same @ ('\\' | '"' | '\'') => same,
        'x' => coded(None, 2, 16, characters).ok_or_else(wrong)?,
        'u' => coded(None, 4, 16, characters).ok_or_else(wrong)?,
        'U' => coded(None, 8, 16, characters).ok_or_else(wrong)?,
        first @ '0'..='3' => coded(Some(first), 3, 8, characters).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    word.push(plain);
    Ok(())
}

/// A character by its number. Single bytes that are no text have no place in a name here.
fn coded(
    first: Option<char>,
    digits: usize,
    radix: u32,
    characters: &mut Chars<'_>,
) -> Option<char> {
    let missing = digits - usize::from(first.is_some());
    let text: String = first
        .into_iter()
        .chain(characters.by_ref().take(missing))
        .collect();
    if text.chars().filter(|digit| digit.is_digit(radix)).count() != digits {
        return None;
    }
    let value = u32::from_str_radix(&text, radix).ok()?;
    let is_text = value != 0 && (digits > 3 || value < 0x80);
    char::from_u32(value).filter(|_| is_text)
}

/// Puts in what specifiers stand for (tmpfiles.d(5) and sysusers.d(5), SPECIFIERS), where that
/// is the same on every machine.
pub(crate) fn specifiers(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            plain.push(character);
            continue;
        }
        plain.push_str(match characters.next() {
            Some('%') => "%",
            Some('t') => "/run",
            Some('S') => "/var/lib",
            Some('C') => "/var/cache",
            Some('L') => "/var/log",
            Some('T') => "/tmp",
            Some('V') => "/var/tmp",
            Some('h') => "/root",
            Some('u' | 'g') => "root",
            Some('U' | 'G') => "0",
            Some(other) => {
                return Err(format!(
                    "has `%{}`, which each machine has its own of",
                    printable(other.to_string().as_bytes())
                ));
            }
            None => return Err("ends with a `%`".to_owned()),
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Result<Vec<String>, String> {
        let mut words = Words::escaped(line);
        std::iter::from_fn(|| words.word().transpose()).collect()
    }

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(words(r#"a  'b c' d"e "f"#).unwrap(), ["a", "b c", "de f"]);
        assert_eq!(
            words(r"a\x20b \101\u00e9 \s").unwrap(),
            ["a b", "A\u{e9}", " "]
        );
        assert_eq!(words("'' x").unwrap(), ["", "x"]);
        for wrong in [
            "'a", r"a\", r"\xg0", r"\x4", r"\0", r"\377", r"\q", r"\ud800",
        ] {
            assert!(words(wrong).is_err(), "{wrong}");
        }
        let mut plain = Words::plain(r"a\ b c");
        assert_eq!(plain.word().unwrap().unwrap(), "a b");
        assert_eq!(plain.rest(), "c");
    }

    #[test]
    fn specifiers_with_one_meaning() {
        assert_eq!(specifiers("%t/a%%%S").unwrap(), "/run/a%/var/lib");
        assert!(specifiers("/run/%m").unwrap_err().contains("`%m`"));
        assert!(specifiers("/run/%").is_err());
    }

    #[test]
    fn no_more_than_a_mebibyte_is_read() {
        let text = "x\n".repeat(MAX_INPUT);
        let declared = parse(&text, |_| Ok(Some(())));
        assert!(declared.items.len() <= MAX_INPUT / 2 + 1);
        assert_eq!(declared.problems.len(), 1);
    }

    proptest! {
        #[test]
        fn any_line_has_words_or_is_wrong(line in "([ -~\u{80}-\u{10ffff}]|\\\\|'|\"|%){0,60}") {
            let _ = words(&line);
            let _ = unescape(&line);
            let _ = specifiers(&line);
        }
    }
}
