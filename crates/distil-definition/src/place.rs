//! Where the parts of a definition stand in its text, and the line with a part underlined.
//!
//! serde-saphyr gives places only for what it refuses, and only as a finished message. So the
//! text is read once more, by the same parser, into a tree that knows where its parts are.

use serde_saphyr::granit_parser::{
    Event, Parser, ScalarStyle, Span, StrInput, StructureStyle, options,
};

/// The longest text that places are looked for in, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// How deep lists and mappings may lie in one another.
const MAX_DEPTH: usize = 64;
/// The largest number of lists, mappings, texts and keys.
const MAX_NODES: usize = 100_000;
/// How many characters of a line are shown.
const WIDTH: usize = 100;
/// How many characters are shown before the place in a line that is longer than that.
const BEFORE: usize = 30;

/// A step from a part of a definition to a part of that part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an entry of a list, counted from zero.
    Index(usize),
    /// To the key itself, not its value.
    Entry(String),
}

/// Characters of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line, counted from one.
    pub(super) line: usize,
    /// The first character, counted from one.
    pub(super) column: usize,
    /// How many characters on this line; none for a value that is not there.
    pub(super) length: usize,
}

impl Place {
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
    pub(super) place: Place,
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

    /// The place of the part that the steps lead to, or of the nearest one on the way to it that
    /// there is. There is none if not even the first step leads anywhere.
    pub(super) fn find(&self, path: &[Step]) -> Option<Place> {
        let mut node = self;
        // A mapping that lacks the next key is shown by the key that it stands under.
        let mut nearest = None;
        for step in path {
            let next = match step {
                Step::Key(key) => node.entry(key),
                Step::Entry(key) => return node.entry(key).map(|(key, _)| key.place).or(nearest),
                Step::Index(index) => node.item(*index).map(|item| (item, item)),
            };
            let Some((shown, value)) = next else {
                return nearest;
            };
            nearest = Some(shown.place);
            node = value;
        }
        nearest.map(|shown| node.place_or(shown))
    }

    /// Its place, or the other one if it is a value that is not written.
    pub(super) fn place_or(&self, other: Place) -> Place {
        if self.place.length == 0 {
            other
        } else {
            self.place
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
            _ => None,
        }
    }
}

/// A document that is read into a tree with places.
pub(super) struct Located<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// How many characters each line has, without blanks at its end.
    lines: Vec<usize>,
    nodes: usize,
}

impl Located<'_> {
    /// Reads a document. There is none if it is empty, is no YAML, is too large, or uses what
    /// gives a part another meaning than the one it is written with: anchors, tags, merging.
    pub(super) fn parse(text: &str) -> Option<Node> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let options = options! { emit_comments: false };
        let mut document = Located {
            parser: Parser::new_from_str_with_options(text, options),
            lines: lines(text).map(|l| l.trim_end().chars().count()).collect(),
            nodes: 0,
        };
        let mut event = document.next()?;
        while matches!(event.0, Event::StreamStart | Event::DocumentStart(..)) {
            event = document.next()?;
        }
        let root = document.node(event, 0)?;
        let (end, _) = document.next()?;
        let (last, _) = document.next()?;
        // Only one document is a definition.
        (end == Event::DocumentEnd && last == Event::StreamEnd).then_some(root)
    }
}

impl<'a> Located<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.parser.next_event()?.ok()
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Option<Node> {
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
                    place: self.place(&span, &span),
                })
            }
            Event::SequenceStart(style, 0, None) => {
                let mut items = Vec::new();
                let mut event = self.next()?;
                while event.0 != Event::SequenceEnd {
                    items.push(self.node(event, depth + 1)?);
                    event = self.next()?;
                }
                let inner = items.iter().map(|item| item.place);
                let place = self.place_of_many(&span, &event.1, style, inner);
                Some(Node {
                    value: Value::Sequence(items),
                    place,
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
                let inner = entries.iter().flat_map(|(k, v)| [k.place, v.place]);
                let place = self.place_of_many(&span, &event.1, style, inner);
                Some(Node {
                    value: Value::Mapping(entries),
                    place,
                })
            }
            _ => None,
        }
    }

    /// From where `start` starts to where `end` ends, or to the end of the line.
    fn place(&self, start: &Span, end: &Span) -> Place {
        let (start, end) = (start.start, end.end);
        let line = self.lines.get(start.line().saturating_sub(1)).copied();
        let length = end.index().saturating_sub(start.index());
        Place {
            line: start.line(),
            column: start.col() + 1,
            length: length.min(line.unwrap_or(0).saturating_sub(start.col())),
        }
    }

    /// The place of a list or a mapping: a block ends where the last of what it has on its first
    /// line ends, since the parser sees its end only where the next part begins.
    fn place_of_many(
        &self,
        start: &Span,
        end: &Span,
        style: StructureStyle,
        inner: impl Iterator<Item = Place>,
    ) -> Place {
        let whole = self.place(start, end);
        if style == StructureStyle::Flow && end.end.line() == whole.line {
            return whole;
        }
        let here = inner.filter(|place| place.line == whole.line && place.length > 0);
        let last = here.map(Place::end).max().unwrap_or(whole.column + 1);
        Place {
            length: (last.saturating_sub(whole.column)).min(whole.length),
            ..whole
        }
    }
}

/// The line of a definition's text where a part of it stands, with the part underlined; the
/// nearest one on the way to it if there is no such part. `origin` is the name of the text.
///
/// There is none if the text is no YAML, or not even the first step leads anywhere.
pub fn locate(text: &str, origin: &str, path: &[Step]) -> Option<String> {
    let place = Located::parse(text)?.find(path)?;
    Some(excerpt(text, origin, place))
}

/// Shows a line with a place in it underlined, as rustc does. There is no line feed at the end.
pub(super) fn excerpt(text: &str, origin: &str, place: Place) -> String {
    let line = lines(text).nth(place.line.saturating_sub(1));
    let line: Vec<char> = line.unwrap_or("").trim_end().chars().collect();
    let start = (place.column.saturating_sub(1)).min(line.len());
    let end = (start + place.length).min(line.len());
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
    // A place without width, such as a value that is not there, is shown all the same.
    let marks = width(cut(start, end.min(to))).max(1);

    let origin: String = origin.chars().map(harmless).collect();
    let number = place.line.to_string();
    let gutter = gutter(place);
    let column = place.column;
    let line = format!("{number} | {shown}");
    format!(
        "{gutter}--> {origin}:{number}:{column}\n{gutter} |\n{}\n{gutter} | {}{}",
        line.trim_end(),
        " ".repeat(blanks),
        "^".repeat(marks)
    )
}

/// The blanks in front of the bar beside the line of a place.
pub(super) fn gutter(place: Place) -> String {
    " ".repeat(place.line.to_string().len())
}

/// The lines of a text, without their ends (YAML 1.2, section 5.4).
fn lines(text: &str) -> impl Iterator<Item = &str> {
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

/// What is shown instead of a character that a terminal obeys, or that is not seen, or that
/// turns the order of others round: its picture if it has one. A tab is one blank.
pub(super) fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        c => c,
    }
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
