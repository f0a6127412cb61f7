//! The cleartext signature framework: a readable text with a signature below it
//! (RFC 9580, section 7).
//!
//! Stricter than the RFC where a reader could be made to see another text than the verifier:
//! the message is the whole file, and lines end in `\n` or `\r\n` only.

use super::error::SignatureError;

/// A clearsigned message, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clearsigned<'a> {
    /// The signed lines, dash-unescaped, white space at their ends removed, separated by `\n`
    /// alone; the line end of the last one is not signed and not here.
    pub(super) text: String,
    /// The armoured signature, from its `-----BEGIN` to its `-----END` line.
    pub(super) armour: &'a str,
}

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
pub(super) const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
pub(super) const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// Takes a clearsigned message apart. Everything that is not part of it is refused.
pub(super) fn split(message: &str) -> Result<Clearsigned<'_>, SignatureError> {
    let mut lines = Lines::new(message);
    let first = lines.next().map_or("", |line| line.text);
    if first.trim_ascii_end() != BEGIN_MESSAGE {
        return Err(not_a_message(message, first));
    }
    headers(&mut lines)?;
    let (text, begin) = signed_lines(&mut lines)?;
    let end = signature_end(&mut lines)?;
    for line in lines {
        if line.text.trim_ascii_end() == BEGIN_MESSAGE {
            return Err(line.malformed("a second signed message begins here"));
        }
        if !line.text.trim_ascii().is_empty() {
            return Err(line.malformed("text after the signature, which nobody signed"));
        }
    }
    let armour = message.get(begin..end).unwrap_or_default();
    Ok(Clearsigned { text, armour })
}

fn not_a_message(message: &str, first: &str) -> SignatureError {
    let later = message
        .lines()
        .any(|line| line.trim_ascii_end() == BEGIN_MESSAGE);
    if later {
        return SignatureError::Malformed {
            line: 1,
            why: "text before the signed message, which nobody signed",
        };
    }
    SignatureError::NotSigned {
        begins: first
            .chars()
            .take(60)
            .flat_map(char::escape_debug)
            .collect(),
    }
}

/// The lines between the first one and the text: only `Hash:` may be there, and an empty line
/// ends them.
fn headers(lines: &mut Lines<'_>) -> Result<(), SignatureError> {
    for line in lines.by_ref() {
        if line.text.trim_ascii_end().is_empty() {
            return Ok(());
        }
        if !line.text.starts_with("Hash: ") {
            return Err(line.malformed("only `Hash` may stand in the head of a signed message"));
        }
    }
    Err(lines.cut_short())
}

/// The text, and where the signature begins.
fn signed_lines(lines: &mut Lines<'_>) -> Result<(String, usize), SignatureError> {
    let mut text = String::with_capacity(lines.rest.len());
    let mut first = true;
    for line in lines.by_ref() {
        let content = match line.text.strip_prefix("- ") {
            Some(escaped) => escaped,
            None if line.text.trim_ascii_end() == BEGIN_SIGNATURE => return Ok((text, line.start)),
            None if line.text.trim_ascii_end() == BEGIN_MESSAGE => {
                return Err(line.malformed("a second signed message begins within the first"));
            }
            None if line.text.starts_with('-') => {
                return Err(
                    line.malformed("a `-` at the beginning of a signed line is not escaped")
                );
            }
            None => line.text,
        };
        if content.contains('\r') {
            return Err(line.malformed("a carriage return within a line"));
        }
        if !first {
            text.push('\n');
        }
        first = false;
        text.push_str(content.trim_end_matches([' ', '\t']));
    }
    Err(lines.cut_short())
}

/// Where the signature ends.
fn signature_end(lines: &mut Lines<'_>) -> Result<usize, SignatureError> {
    for line in lines.by_ref() {
        if line.text.trim_ascii_end() == END_SIGNATURE {
            return Ok(line.start + line.text.len());
        }
        if line.text.starts_with('-') {
            return Err(line.malformed("the signature does not end"));
        }
    }
    Err(lines.cut_short())
}

/// A line without its line end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    /// From 1.
    number: usize,
    /// In bytes from the beginning of the message.
    start: usize,
}

impl Line<'_> {
    fn malformed(&self, why: &'static str) -> SignatureError {
        let line = self.number;
        SignatureError::Malformed { line, why }
    }
}

struct Lines<'a> {
    rest: &'a str,
    number: usize,
    start: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            number: 0,
            start: 0,
        }
    }

    fn cut_short(&self) -> SignatureError {
        SignatureError::Malformed {
            line: self.number,
            why: "the file ends before its signature does; is it cut short?",
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, after) = match self.rest.split_once('\n') {
            Some((line, after)) => (line, after),
            None => (self.rest, ""),
        };
        let start = self.start;
        self.start += self.rest.len() - after.len();
        self.rest = after;
        self.number += 1;
        Some(Line {
            text: line.strip_suffix('\r').unwrap_or(line),
            number: self.number,
            start,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIGNATURE: &str =
        "-----BEGIN PGP SIGNATURE-----\n\naaaa\n=bbbb\n-----END PGP SIGNATURE-----";

    fn message(body: &str) -> String {
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{body}\n{SIGNATURE}\n")
    }

    fn why(message: &str) -> (usize, &'static str) {
        match split(message) {
            Err(SignatureError::Malformed { line, why }) => (line, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn takes_a_message_apart() {
        let message = message("Origin: x\n- -dash\n- From\n\ntrailing \t");
        let split = split(&message).unwrap();
        assert_eq!(split.text, "Origin: x\n-dash\nFrom\n\ntrailing");
        assert_eq!(split.armour, SIGNATURE);
    }

    #[test]
    fn line_ends_may_be_dos_ones() {
        let dos = message("a\nb").replace('\n', "\r\n");
        let split = split(&dos).unwrap();
        assert_eq!(split.text, "a\nb");
        assert_eq!(split.armour, SIGNATURE.replace('\n', "\r\n"));
    }

    #[test]
    fn texts_may_be_empty() {
        let none = format!("{BEGIN_MESSAGE}\n\n{SIGNATURE}");
        assert_eq!(split(&none).unwrap().text, "");
        assert_eq!(split(&message("")).unwrap().text, "");
        assert_eq!(split(&message("\n")).unwrap().text, "\n");
    }

    #[test]
    fn nothing_may_stand_outside() {
        let good = message("a");
        assert_eq!(
            why(&format!("Origin: evil\n{good}")),
            (1, "text before the signed message, which nobody signed")
        );
        assert_eq!(
            why(&format!("\n{good}")),
            (1, "text before the signed message, which nobody signed")
        );
        assert_eq!(
            why(&format!("{good}Origin: evil\n")),
            (10, "text after the signature, which nobody signed")
        );
        assert_eq!(
            why(&format!("{good}{good}")),
            (10, "a second signed message begins here")
        );
        assert_eq!(
            why(&message(&good)),
            (4, "a second signed message begins within the first")
        );
        assert_eq!(
            why(&format!("{good}{SIGNATURE}")),
            (10, "text after the signature, which nobody signed")
        );
        assert!(split(&format!("{good}\n \n")).is_ok());
    }

    #[test]
    fn the_frame_is_strict() {
        assert_eq!(
            why(&message("a").replace("Hash: SHA256", "Origin: evil")).0,
            2
        );
        assert_eq!(why(&message("-a")).0, 4);
        assert_eq!(why(&message("--")).0, 4);
        assert_eq!(why(&message("-----BEGIN PGP SIGNATURE----- x")).0, 4);
        assert_eq!(
            why(&message("a\rb")),
            (4, "a carriage return within a line")
        );
        assert_eq!(
            why(&message("a\r\r\nb")).1,
            "a carriage return within a line"
        );
    }

    #[test]
    fn truncation_is_told() {
        let whole = message("a\nb");
        for end in BEGIN_MESSAGE.len()..whole.len() - 1 {
            let (_, why) = why(&whole[..end]);
            let told = why.contains("cut short") || why.contains("not escaped");
            let told = told || why.contains("in the head") || why.contains("does not end");
            assert!(told, "{end}: {why}");
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        for (file, begins) in [
            ("<html>\n<body>", "<html>"),
            ("", ""),
            ("Origin: Debian\n", "Origin: Debian"),
            ("\u{feff}x\u{7}", "\\u{feff}x\\u{7}"),
        ] {
            match split(file) {
                Err(SignatureError::NotSigned { begins: b }) => assert_eq!(b, begins),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(-----BEGIN PGP (SIGNED MESSAGE|SIGNATURE)-----|Hash: |- |-|\r|\n|a|é){0,40}") {
            let _ = split(&text);
        }

        #[test]
        fn every_text_survives(lines in prop::collection::vec("[ -~é]{0,20}", 0..10)) {
            let text = lines.iter().map(|l| l.trim_end_matches(" ")).collect::<Vec<_>>().join("\n");
            let escaped = lines
                .iter()
                .map(|l| if l.starts_with('-') { format!("- {l}") } else { l.clone() })
                // Escaping is allowed for every line.
                .map(|l| if l.starts_with("- ") { l } else { format!("- {l}") })
                .collect::<Vec<_>>()
                .join("\n");
            prop_assert_eq!(split(&message(&escaped)).unwrap().text, text);
        }
    }
}
