//! What the descriptions of types say (Shared MIME-info Database, "The source XML files").

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// The priority of a rule, or the weight of a pattern, that has none of its own.
const USUAL: u8 = 50;

/// How deep rules about content may be inside each other; Debian's are 4 deep.
const MAX_DEPTH: usize = 32;

/// The longest pattern, in bytes: longer names of files there are not.
const MAX_PATTERN: usize = 255;

/// Something that is said of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is one.
    Known,
    /// Files of these names have it.
    Pattern(Pattern),
    /// What other descriptions say of names does not hold.
    NoPatterns,
    /// Files of this content have it.
    Magic(Magic),
    /// What other descriptions say of content does not hold.
    NoMagic,
    /// It has another name.
    Alias(String),
    /// It is a kind of another type.
    Parent(String),
    /// XML documents with this root element have it.
    Root {
        /// The namespace.
        namespace: String,
        /// The local name; any if it is empty.
        name: String,
    },
    /// The name of its icon.
    Icon(String),
    /// The name of an icon for it and its like.
    GenericIcon(String),
}

/// Names of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As glob(7) has it; in small letters if the case does not matter.
    pub(super) text: String,
    /// 0 to 100: the greater wins.
    pub(super) weight: u8,
    pub(super) is_case_sensitive: bool,
}

/// A rule about content: one of the values is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Magic {
    /// 0 to 100: the greater is tried first.
    pub(super) priority: u8,
    pub(super) matches: Vec<Match>,
}

/// A value at one of some places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    /// The first place.
    pub(super) start: u32,
    /// How many places, one after another.
    pub(super) length: u32,
    /// The bytes of a word whose order is the machine's own, else 1.
    pub(super) word: u32,
    /// The value; a word of the machine's own order has its highest byte first.
    pub(super) value: Vec<u8>,
    /// The bits that count, if not all do.
    pub(super) mask: Option<Vec<u8>>,
    /// Of these, one must be there as well, if there are any.
    pub(super) matches: Vec<Match>,
}

/// Reads a document; each thing that is said comes with its type. None if it is no whole one.
pub(super) fn read(text: &[u8]) -> Option<Vec<(String, Said)>> {
    let mut reader = Reader::from_reader(text);
    let mut document = Document::default();
    let (mut is_description, mut depth) = (false, 0_usize);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                is_description |= depth == 0 && element.name().as_ref() == b"mime-info";
                depth += 1;
                document.begin(&element, false);
            }
            Event::Empty(element) => document.begin(&element, true),
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                document.end(element.name().as_ref());
            }
            Event::Eof => return (is_description && depth == 0).then_some(document.said),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Document {
    said: Vec<(String, Said)>,
    /// The type that is described.
    mime: Option<String>,
    /// The rule about content that is read: its priority; none if it is not understood.
    magic: Option<Option<u8>>,
    /// The values that are read, each inside the one before; the first stands for the rule itself.
    open: Vec<Option<Match>>,
    /// The values of the rule.
    matches: Vec<Match>,
}

impl Document {
    fn begin(&mut self, element: &BytesStart<'_>, is_empty: bool) {
        let name = element.name();
        let name = name.as_ref();
        if name == b"mime-type" {
            self.mime = attribute(element, "type").filter(|mime| is_type(mime));
            self.say(Some(Said::Known));
        } else if name == b"magic" {
            let priority = number(element, "priority");
            self.magic = Some(priority);
            self.matches.clear();
            self.open.clear();
        } else if name == b"match" && self.magic.is_some() {
            if self.open.len() < MAX_DEPTH {
                self.open.push(value(element));
            } else {
                self.magic = Some(None);
                self.open.push(None);
            }
        } else {
            self.say(said(name, element));
        }
        if is_empty {
            self.end(name);
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"mime-type" => self.mime = None,
            b"match" => match self.open.pop() {
                Some(Some(one)) => match self.open.last_mut() {
                    Some(Some(around)) => around.matches.push(one),
                    Some(None) => {}
                    None => self.matches.push(one),
                },
                // A rule of which a part is not understood would hold for too much.
                Some(None) => self.magic = Some(None),
                None => {}
            },
            b"magic" => {
                let matches = std::mem::take(&mut self.matches);
                if let Some(Some(priority)) = self.magic.take()
                    && !matches.is_empty()
                {
                    self.say(Some(Said::Magic(Magic { priority, matches })));
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, said: Option<Said>) {
        if let (Some(mime), Some(said)) = (&self.mime, said) {
            self.said.push((mime.clone(), said));
        }
    }
}

/// What an element that has no others in it says.
fn said(name: &[u8], element: &BytesStart<'_>) -> Option<Said> {
    let attribute = |name: &str| attribute(element, name);
    Some(match name {
        b"glob" => {
            let is_case_sensitive =
                attribute("case-sensitive").is_some_and(|value| value == "true");
            let text = attribute("pattern")?;
            let text = match is_case_sensitive {
                true => text,
                false => text.to_ascii_lowercase(),
            };
            let is_fit = !text.is_empty() && text.len() <= MAX_PATTERN && !text.contains('\0');
            let weight = number(element, "weight")?;
            is_fit.then_some(Said::Pattern(Pattern {
                text,
                weight,
                is_case_sensitive,
            }))?
        }
        b"glob-deleteall" => Said::NoPatterns,
        b"magic-deleteall" => Said::NoMagic,
        b"alias" => Said::Alias(attribute("type").filter(|mime| is_type(mime))?),
        b"sub-class-of" => Said::Parent(attribute("type").filter(|mime| is_type(mime))?),
        b"root-XML" => {
            let (namespace, name) = (attribute("namespaceURI")?, attribute("localName")?);
            let is_fit = |text: &str| !text.contains([' ', '\n', '\0']);
            let are_fit = is_fit(&namespace) && is_fit(&name);
            let is_any = namespace.is_empty() && name.is_empty();
            (are_fit && !is_any).then_some(Said::Root { namespace, name })?
        }
        b"icon" => Said::Icon(attribute("name")?),
        b"generic-icon" => Said::GenericIcon(attribute("name")?),
        _ => return None,
    })
}

/// A `match` without what is in it.
fn value(element: &BytesStart<'_>) -> Option<Match> {
    let offset = attribute(element, "offset")?;
    let (start, last) = offset.split_once(':').unwrap_or((&offset, &offset));
    let (start, last) = (start.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
    let length = last.checked_sub(start)?.checked_add(1)?;
    let (value, mask) = (attribute(element, "value")?, attribute(element, "mask"));
    let kind = attribute(element, "type")?;
    let (value, mask) = match kind.as_str() {
        "string" => {
            let value = unescaped(&value);
            let mask = match mask {
                Some(mask) => Some(hexadecimal(&mask, value.len())?),
                None => None,
            };
            (value, mask)
        }
        _ => {
            let bytes = |text: &str| number_bytes(&kind, text);
            let mask = match mask {
                Some(mask) => Some(bytes(&mask)?),
                None => None,
            };
            (bytes(&value)?, mask)
        }
    };
    let word = match kind.as_str() {
        "host16" => 2,
        "host32" => 4,
        _ => 1,
    };
    (!value.is_empty()).then_some(Match {
        start,
        length,
        word,
        value,
        mask,
        matches: Vec::new(),
    })
}

/// The bytes of a number of a kind: `big16`, `little32`, `host16`, `byte` and so on.
fn number_bytes(kind: &str, text: &str) -> Option<Vec<u8>> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let number = u32::from_str_radix(digits, radix).ok()?;
    let short = || u16::try_from(number).ok();
    Some(match kind {
        "big16" | "host16" => short()?.to_be_bytes().to_vec(),
        "little16" => short()?.to_le_bytes().to_vec(),
        "big32" | "host32" => number.to_be_bytes().to_vec(),
        "little32" => number.to_le_bytes().to_vec(),
        "byte" => vec![u8::try_from(number).ok()?],
        _ => return None,
    })
}

/// The mask of a string: `0x` and hexadecimal digits from the first byte on, the rest is zero.
fn hexadecimal(text: &str, length: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let mut mask = vec![0; length];
    for (index, digit) in digits.iter().enumerate() {
        let digit = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        let shift = if index % 2 == 0 { 4 } else { 0 };
        *mask.get_mut(index / 2)? |= digit << shift;
    }
    Some(mask)
}

/// A string with escapes as C has them.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut out = Vec::new();
    let digit = |byte: Option<&u8>, radix| char::from(*byte?).to_digit(radix);
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(byte) = bytes.next() else {
            break;
        };
        let (radix, most, mut value) = match byte {
            b'0'..=b'7' => (8, 2, u32::from(byte - b'0')),
            b'x' => match digit(bytes.peek(), 16) {
                Some(_) => (16, 2, 0),
                None => (16, 0, u32::from(b'x')),
            },
            b'n' => (8, 0, u32::from(b'\n')),
            b'r' => (8, 0, u32::from(b'\r')),
            b't' => (8, 0, u32::from(b'\t')),
            b'b' => (8, 0, 8),
            b'f' => (8, 0, 12),
            b'v' => (8, 0, 11),
            other => (8, 0, u32::from(other)),
        };
        for _ in 0..most {
            let Some(next) = digit(bytes.peek(), radix) else {
                break;
            };
            bytes.next();
            value = value * radix + next;
        }
        out.push(value.to_le_bytes()[0]);
    }
    out
}

/// 0 to 100, [`USUAL`] where nothing is said; none if it is another number.
fn number(element: &BytesStart<'_>, name: &str) -> Option<u8> {
    match attribute(element, name) {
        Some(text) => text.parse().ok().filter(|number| *number <= 100),
        None => Some(USUAL),
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.into_owned())
}

/// Whether this is the name of a type: `text/plain`.
fn is_type(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(_, subtype)| !subtype.contains(['/', '\0']))
        && !name.contains('\0')
}
