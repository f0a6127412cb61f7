//! Paragraphs of control files, the format that Debian calls deb822 (Debian Policy §5.1).
//!
//! `Packages` indexes, the `control` file of a package and dpkg's `status` are such files:
//! paragraphs of fields, parted by empty lines. [`ParagraphReader`] streams them with bounded
//! memory.

use std::io::{self, BufRead};
use std::ops::Range;

#[cfg(test)]
mod tests;

/// The largest paragraph that is read, in bytes. The largest of Debian's is under 100 kB.
pub const MAX_PARAGRAPH: usize = 1 << 20;

/// The most fields that a paragraph may have. Debian's have up to 40.
pub const MAX_FIELDS: usize = 256;

/// One paragraph: fields in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph {
    text: String,
    fields: Vec<Field>,
    line: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Paragraph {
    /// Reads a text that is one paragraph.
    ///
    /// # Errors
    /// When the text is no paragraph, or more than one.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        let mut reader = ParagraphReader::new(text.as_bytes());
        let mut paragraph = Self::default();
        let mut another = Self::default();
        if !reader.read_into(&mut paragraph)? {
            return Err(ControlError::Empty);
        }
        if reader.read_into(&mut another)? {
            return Err(ControlError::Another { line: another.line });
        }
        Ok(paragraph)
    }

    /// The value of the field `name`, whose case does not matter.
    ///
    /// White space around the value is left out; continuation lines are as in the text, with
    /// the space or tab that starts them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The fields' names and values, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|field| {
            (
                self.text.get(field.name.clone()).unwrap_or(""),
                self.text.get(field.value.clone()).unwrap_or(""),
            )
        })
    }

    /// The paragraph's text, without comments and the empty lines around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line, counted from 1, where the paragraph starts in the text that it was read from.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// Why a text is not a control file. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Reading failed.
    #[error("failed to read the control data after line {line}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// A paragraph is larger than [`MAX_PARAGRAPH`].
    #[error("the paragraph at line {line} is larger than {MAX_PARAGRAPH} bytes")]
    TooLarge {
        /// Where the paragraph starts.
        line: u64,
    },
    /// A paragraph has more than [`MAX_FIELDS`] fields.
    #[error("the paragraph at line {line} has more than {MAX_FIELDS} fields")]
    TooManyFields {
        /// Where the paragraph starts.
        line: u64,
    },
    /// A paragraph is not UTF-8, as Debian Policy §5.1 wants it.
    #[error("the paragraph at line {line} is not UTF-8")]
    NotUtf8 {
        /// Where the paragraph starts.
        line: u64,
    },
    /// A line is neither a field nor the continuation of one.
    #[error("line {line} is neither `Name: value` nor the continuation of a field: `{text}`")]
    NotAField {
        /// The line.
        line: u64,
        /// Its start.
        text: String,
    },
    /// A field stands twice in a paragraph.
    #[error("the field `{field}` at line {line} stands there already")]
    Duplicate {
        /// The line of the second one.
        line: u64,
        /// The field's name.
        field: String,
    },
    /// There should be a paragraph and is none.
    #[error("the text has no paragraph")]
    Empty,
    /// There should be one paragraph and are more.
    #[error("a second paragraph starts at line {line}, where one is expected")]
    Another {
        /// Where the second paragraph starts.
        line: u64,
    },
}

impl ControlError {
    /// Of a line that is neither a field nor the continuation of one.
    pub(crate) fn not_a_field(line: u64, text: &str) -> Self {
        let text = text.chars().take(80).collect();
        Self::NotAField { line, text }
    }

    /// The same error in a text that has `lines` more lines before it.
    pub(crate) fn moved_by(mut self, lines: u64) -> Self {
        match &mut self {
            Self::Read { line, .. }
            | Self::TooLarge { line }
            | Self::TooManyFields { line }
            | Self::NotUtf8 { line }
            | Self::NotAField { line, .. }
            | Self::Duplicate { line, .. }
            | Self::Another { line } => *line += lines,
            Self::Empty => {}
        }
        self
    }
}

/// Reads the paragraphs of a control file one after the other.
///
/// Lines that start with `#` are comments. Lines of nothing but spaces and tabs part paragraphs
/// like empty ones.
pub struct ParagraphReader<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> ParagraphReader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// Reads the next paragraph into `paragraph`, whose memory is used again; false at the end.
    ///
    /// # Errors
    /// When reading fails or the text is not in the format. The reader is of no use after that.
    pub fn read_into(&mut self, paragraph: &mut Paragraph) -> Result<bool, ControlError> {
        let mut bytes = std::mem::take(&mut paragraph.text).into_bytes();
        bytes.clear();
        paragraph.fields.clear();
        let complete = self.read_bytes(&mut bytes, &mut paragraph.line)?;
        let line = paragraph.line;
        paragraph.text = String::from_utf8(bytes).map_err(|_| ControlError::NotUtf8 { line })?;
        if complete {
            split_fields(&paragraph.text, line, &mut paragraph.fields)?;
        }
        Ok(complete)
    }

    /// Collects the lines of the next paragraph without comments; false where there is none.
    fn read_bytes(&mut self, bytes: &mut Vec<u8>, first: &mut u64) -> Result<bool, ControlError> {
        *first = self.line + 1;
        loop {
            let start = bytes.len();
            let limit = MAX_PARAGRAPH + 1 - start;
            if !self.read_line(bytes, limit)? {
                return Ok(start > 0);
            }
            self.line += 1;
            if start == 0 {
                *first = self.line;
            }
            if bytes.len() > MAX_PARAGRAPH {
                return Err(ControlError::TooLarge { line: *first });
            }
            let line = &bytes[start..];
            let blank = match line.first() {
                Some(b'#') => {
                    bytes.truncate(start);
                    continue;
                }
                Some(b' ' | b'\t' | b'\n') => line.iter().all(|byte| b" \t\n".contains(byte)),
                _ => false,
            };
            if blank {
                bytes.truncate(start);
                if start > 0 {
                    return Ok(true);
                }
            }
        }
    }

    /// Appends a line with its end, but at most `limit` bytes; false at the end of the input.
    fn read_line(&mut self, bytes: &mut Vec<u8>, limit: usize) -> Result<bool, ControlError> {
        let start = bytes.len();
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(ControlError::Read {
                        line: self.line,
                        source,
                    });
                }
            };
            if available.is_empty() {
                return Ok(bytes.len() > start);
            }
            let (end, found) = match memchr::memchr(b'\n', available) {
                Some(at) => (at + 1, true),
                None => (available.len(), false),
            };
            let end_within = end.min(limit - (bytes.len() - start));
            bytes.extend_from_slice(&available[..end_within]);
            self.input.consume(end);
            if found || end_within < end || bytes.len() - start == limit {
                return Ok(true);
            }
        }
    }
}

impl<R: BufRead> Iterator for ParagraphReader<R> {
    type Item = Result<Paragraph, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut paragraph = Paragraph::default();
        match self.read_into(&mut paragraph) {
            Ok(true) => Some(Ok(paragraph)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Finds the fields in a paragraph's text.
fn split_fields(text: &str, first_line: u64, fields: &mut Vec<Field>) -> Result<(), ControlError> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut line = first_line;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
        let invalid = || ControlError::not_a_field(line, &text[at..end]);
        if matches!(bytes[at], b' ' | b'\t') {
            let field = fields.last_mut().ok_or_else(invalid)?;
            field.value.end = trimmed_end(bytes, field.value.start, end);
        } else {
            let colon = at + memchr::memchr(b':', &bytes[at..end]).ok_or_else(invalid)?;
            if !is_field_name(&bytes[at..colon]) {
                return Err(invalid());
            }
            let name = &text[at..colon];
            let is_same = |field: &Field| {
                field.name.len() == name.len()
                    && text[field.name.clone()].eq_ignore_ascii_case(name)
            };
            if fields.iter().any(is_same) {
                return Err(ControlError::Duplicate {
                    line,
                    field: name.to_owned(),
                });
            }
            if fields.len() == MAX_FIELDS {
                return Err(ControlError::TooManyFields { line: first_line });
            }
            let value = bytes[colon + 1..end]
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t'))
                .map_or(end, |spaces| colon + 1 + spaces);
            fields.push(Field {
                name: at..colon,
                value: value..trimmed_end(bytes, value, end),
            });
        }
        at = end + 1;
        line += 1;
    }
    Ok(())
}

/// Where `bytes[start..end]` ends without trailing white space.
fn trimmed_end(bytes: &[u8], start: usize, end: usize) -> usize {
    bytes[start..end]
        .iter()
        .rposition(|byte| !byte.is_ascii_whitespace())
        .map_or(start, |last| start + last + 1)
}

/// Debian Policy §5.1: printable ASCII without space and colon, not starting with `-` or `#`.
fn is_field_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_graphic())
        && !matches!(name.first(), None | Some(b'-' | b'#'))
}
