//! The spans of a definition's parts in its text, and the line with a part underlined.
//!
//! serde-saphyr gives spans of single values, without their ends and not of keys. So the text of
//! a definition with a mistake is read once more, by the same parser, into a tree that knows the
//! span of every part, and a [`Pointer`](crate::pointer::Pointer) leads to the one that the
//! mistake is in.

use serde_saphyr::granit_parser::{
    Event, Parser, ScalarStyle, ScanError, Span as Extent, StrInput, StructureStyle, options,
};

use crate::harmless::harmless;
use crate::pointer::Step;

/// The longest text that spans are looked for in, in bytes: definitions are shorter, locks are not.
const MAX_TEXT: usize = 16 << 20;
/// How deep lists and mappings may lie in one another.
const MAX_DEPTH: usize = 64;
/// The largest number of lists, mappings, texts and keys.
const MAX_NODES: usize = 1_000_000;
/// How many characters of a line are shown.
const WIDTH: usize = 100;
/// How many characters are shown before the span in a line that is longer than that.
const BEFORE: usize = 30;

/// Characters of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The line, counted from one.
    pub(super) line: usize,
    /// The first character, counted from one.
    pub(super) column: usize,
    /// How many characters on this line; none for a value that is not there.
    pub(super) length: usize,
}

impl Span {
    fn end(self) -> usize {
        self.column + self.length
    }
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// What it is.
    pub(super) value: Value,
    /// Where it begins, and how far it goes on that line.
    pub(super) span: Span,
}

/// What a part of a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, and whether it has no quotes and is no block.
    Scalar { text: String, plain: bool },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the document; a key may be there twice.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// Whether YAML reads it as no value (core schema of YAML 1.2, section 10.3.2).
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain: true } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The span of the part that the steps lead to, or of the nearest one on the way to it that
    /// there is. There is none if not even the first step leads anywhere.
    pub(super) fn find(&self, path: &[Step]) -> Option<Span> {
        let mut node = self;
        // A mapping that lacks the next key is shown by the key that it stands under.
        let mut nearest = None;
        for step in path {
            let next = match step {
                Step::Key(key) => node.entry(key),
                Step::Entry(key) => return node.entry(key).map(|(key, _)| key.span).or(nearest),
                Step::Index(index) => node.item(*index).map(|item| (item, item)),
            };
            let Some((shown, value)) = next else {
                return nearest;
            };
            nearest = Some(shown.span);
            node = value;
        }
        nearest.map(|shown| node.span_or(shown))
    }

    /// Its span, or the other one if it is a value that is not written.
    pub(super) fn span_or(&self, other: Span) -> Span {
        if self.span.length == 0 {
            other
        } else {
            self.span
        }
    }

    fn entry(&self, wanted: &str) -> Option<(&Node, &Node)> {
        let Value::Mapping(entries) = &self.value else {
            return None;
        };
        let found = entries.iter().find(|(key, _)| key.text() == Some(wanted));
        found.map(|(key, value)| (key, value))
    }

    fn item(&self, index: usize) -> Option<&Node> {
        match &self.value {
            Value::Sequence(items) => items.get(index),
            // A word may stand for a list of one.
            Value::Scalar { .. } => Some(self).filter(|_| index == 0),
            Value::Mapping(_) => None,
        }
    }
}

/// A document that is read into a tree with spans.
pub(super) struct Located<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// How many characters each line has, without spaces at its end.
    lines: Vec<usize>,
    nodes: usize,
    problem: Option<ScanError>,
}

/// Why a document has no spans.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unlocated {
    /// It is no YAML: the position where that is seen, and what the parser says.
    Syntax(Span, String),
    /// It is empty or too large, or uses what gives a part another meaning than the one that it is
    /// written with: anchors, tags, merging.
    Otherwise,
}

impl Located<'_> {
    /// Reads a document; none if it has no spans.
    pub(super) fn parse(text: &str) -> Option<Node> {
        Self::read(text).ok()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Why it has no spans.
    pub(super) fn read(text: &str) -> Result<Node, Unlocated> {
        if text.len() > MAX_TEXT {
            return Err(Unlocated::Otherwise);
        }
        let options = options! { emit_comments: false };
        let mut document = Located {
            parser: Parser::new_from_str_with_options(text, options),
            lines: lines(text).map(|l| l.trim_end().chars().count()).collect(),
            nodes: 0,
            problem: None,
        };
        let root = document.root();
        root.ok_or_else(|| match document.problem {
            Some(problem) => {
                let marker = problem.marker();
                let span = Span {
                    line: marker.line(),
                    column: marker.col() + 1,
                    length: 1,
                };
                Unlocated::Syntax(span, problem.kind().to_string())
            }
            None => Unlocated::Otherwise,
        })
    }
}

impl<'a> Located<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Extent)> {
        let event = self.parser.next_event()?;
        event.map_err(|problem| self.problem = Some(problem)).ok()
    }

    /// The one document of the text.
    fn root(&mut self) -> Option<Node> {
        let mut event = self.next()?;
        while matches!(event.0, Event::StreamStart | Event::DocumentStart(..)) {
            event = self.next()?;
        }
        let root = self.node(event, 0)?;
        let (end, _) = self.next()?;
        let (last, _) = self.next()?;
        (end == Event::DocumentEnd && last == Event::StreamEnd).then_some(root)
    }

    fn node(&mut self, (event, span): (Event<'a>, Extent), depth: usize) -> Option<Node> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return None;
        }
        match event {
            Event::Scalar(text, style, 0, None) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                Some(Node {
                    value: Value::Scalar { text, plain },
                    span: self.span(&span, &span),
                })
            }
            Event::SequenceStart(style, 0, None) => {
                let mut items = Vec::new();
                let mut event = self.next()?;
                while event.0 != Event::SequenceEnd {
                    items.push(self.node(event, depth + 1)?);
                    event = self.next()?;
                }
                let inner = items.iter().map(|item| item.span);
                let span = self.span_of_many(&span, &event.1, style, inner);
                Some(Node {
                    value: Value::Sequence(items),
                    span,
                })
            }
            Event::MappingStart(style, 0, None) => {
                let mut entries = Vec::new();
                let mut event = self.next()?;
                while event.0 != Event::MappingEnd {
                    let key = self.node(event, depth + 1)?;
                    let value = self.next()?;
                    let value = self.node(value, depth + 1)?;
                    if matches!(&key.value, Value::Scalar { text, plain: true } if text == "<<") {
                        return None;
                    }
                    entries.push((key, value));
                    event = self.next()?;
                }
                let inner = entries.iter().flat_map(|(k, v)| [k.span, v.span]);
                let span = self.span_of_many(&span, &event.1, style, inner);
                Some(Node {
                    value: Value::Mapping(entries),
                    span,
                })
            }
            _ => None,
        }
    }

    /// From where `start` starts to where `end` ends, or to the end of the line.
    fn span(&self, start: &Extent, end: &Extent) -> Span {
        let (start, end) = (start.start, end.end);
        let line = self.lines.get(start.line().saturating_sub(1)).copied();
        let length = end.index().saturating_sub(start.index());
        Span {
            line: start.line(),
            column: start.col() + 1,
            length: length.min(line.unwrap_or(0).saturating_sub(start.col())),
        }
    }

    /// The span of a list or a mapping: a block ends where the last of what it has on its first
    /// line ends, since the parser sees its end only where the next part begins.
    fn span_of_many(
        &self,
        start: &Extent,
        end: &Extent,
        style: StructureStyle,
        inner: impl Iterator<Item = Span>,
    ) -> Span {
        let whole = self.span(start, end);
        if style == StructureStyle::Flow && end.end.line() == whole.line {
            return whole;
        }
        let here = inner.filter(|span| span.line == whole.line && span.length > 0);
        let last = here.map(Span::end).max().unwrap_or(whole.column + 1);
        Span {
            length: (last.saturating_sub(whole.column)).min(whole.length),
            ..whole
        }
    }
}

/// The line of a document's text with a part of it underlined; the nearest one on the way to it
/// if there is no such part. `origin` is the name of the text, and `path` the steps of a
/// [`Pointer`](crate::Pointer).
///
/// There is none if the text is no YAML, or not even the first step leads anywhere.
pub fn locate(text: &str, origin: &str, path: &[Step]) -> Option<String> {
    let span = Located::parse(text)?.find(path)?;
    Some(excerpt(text, origin, span))
}

/// Shows a line with a span in it underlined, as rustc does. There is no line feed at the end.
pub(super) fn excerpt(text: &str, origin: &str, span: Span) -> String {
    let line = lines(text).nth(span.line.saturating_sub(1));
    let line: Vec<char> = line.unwrap_or("").trim_end().chars().collect();
    let start = (span.column.saturating_sub(1)).min(line.len());
    let end = (start + span.length).min(line.len());
    let from = if line.len() <= WIDTH || end < WIDTH {
        0
    } else {
        start.saturating_sub(BEFORE)
    };
    let to = (from + WIDTH).min(line.len());
    let cut = |a: usize, b: usize| line.get(a..b.max(a)).unwrap_or(&[]);

    let mut shown = String::new();
    let mut blanks = 0;
    if from > 0 {
        shown.push('…');
        blanks += 1;
    }
    shown.extend(cut(from, to).iter().map(|c| harmless(*c)));
    if to < line.len() {
        shown.push('…');
    }
    let width = |chars: &[char]| chars.iter().map(|c| width(harmless(*c))).sum::<usize>();
    blanks += width(cut(from, start));
    // A span without width, such as a value that is not there, is shown all the same.
    let marks = width(cut(start, end.min(to))).max(1);

    let origin: String = origin.chars().map(harmless).collect();
    let number = span.line.to_string();
    let gutter = gutter(span);
    let column = span.column;
    let line = format!("{number} | {shown}");
    format!(
        "{gutter}--> {origin}:{number}:{column}\n{gutter} |\n{}\n{gutter} | {}{}",
        line.trim_end(),
        " ".repeat(blanks),
        "^".repeat(marks)
    )
}

/// The spaces in front of the bar beside the line of a span.
pub(super) fn gutter(span: Span) -> String {
    " ".repeat(span.line.to_string().len())
}

/// The lines of a text, without their ends (YAML 1.2, section 5.4).
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    // The parser counts no column for a byte order mark.
    let mut rest = Some(text.strip_prefix('\u{feff}').unwrap_or(text));
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let (line, behind) = text.split_at(end);
        let behind = behind.strip_prefix("\r\n").unwrap_or_else(|| &behind[1..]);
        rest = Some(behind);
        Some(line)
    })
}

/// How many columns a terminal takes for a character (Unicode Standard Annex 11, in rough
/// ranges: a wrong one moves the underline by one column).
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
