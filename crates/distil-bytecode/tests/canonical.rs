//! One form for all streams that say the same, and errors for what is no code object.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use distil_bytecode::{MarshalError, canonical};
use proptest::prelude::*;

/// A value that a compiler makes.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Plain(&'static [u8]),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    FrozenSet(Vec<Value>),
    Slice(Box<[Value; 3]>),
    Code(Box<Value>),
}

/// Writes a value as some process might: `choices` decide what is marked, what is referred to, what is
/// interned and in what order sets come.
struct Process<'a> {
    stream: Vec<u8>,
    marked: Vec<Option<Value>>,
    choices: std::iter::Cycle<std::slice::Iter<'a, bool>>,
}

impl<'a> Process<'a> {
    fn write(value: &Value, choices: &'a [bool]) -> Vec<u8> {
        let mut process = Self {
            stream: Vec::new(),
            marked: Vec::new(),
            choices: choices.iter().cycle(),
        };
        process.value(value);
        process.stream
    }

    fn choose(&mut self) -> bool {
        self.choices.next().copied().unwrap_or(false)
    }

    fn value(&mut self, value: &Value) {
        let at = self
            .marked
            .iter()
            .position(|one| one.as_ref() == Some(value));
        // Code objects stay as many as they are.
        let is_code = format!("{value:?}").contains("Code");
        if let Some(at) = at.filter(|_| !is_code)
            && self.choose()
        {
            self.stream.push(b'r');
            self.stream.extend(long(at));
            return;
        }
        let is_single = matches!(value, Value::Plain(bytes) if bytes.len() == 1);
        let is_marked = !is_single && self.choose();
        let mark = if is_marked { 0x80 } else { 0 };
        let number = self.marked.len();
        if is_marked {
            self.marked.push(None);
        }
        match value {
            Value::Plain(bytes) => {
                self.stream.push(bytes[0] | mark);
                self.stream.extend(&bytes[1..]);
            }
            Value::Text(text) => {
                let is_interned = self.choose();
                let code = match (text.is_ascii(), text.len() < 256, is_interned) {
                    (true, true, true) => b'Z',
                    (true, true, false) => b'z',
                    (true, false, true) => b'A',
                    (true, false, false) => b'a',
                    (false, _, true) => b't',
                    (false, _, false) => b'u',
                };
                self.stream.push(code | mark);
                match code {
                    b'Z' | b'z' => self.stream.push(u8::try_from(text.len()).unwrap()),
                    _ => self.stream.extend(long(text.len())),
                }
                self.stream.extend(text.as_bytes());
            }
            Value::Bytes(bytes) => {
                self.stream.push(b's' | mark);
                self.stream.extend(long(bytes.len()));
                self.stream.extend(bytes);
            }
            Value::Tuple(items) => {
                self.stream
                    .extend([b')' | mark, u8::try_from(items.len()).unwrap()]);
                items.iter().for_each(|item| self.value(item));
            }
            Value::FrozenSet(items) => {
                self.stream.push(b'>' | mark);
                self.stream.extend(long(items.len()));
                let mut items: Vec<&Value> = items.iter().collect();
                if self.choose() {
                    items.reverse();
                }
                if self.choose() && items.len() > 1 {
                    items.rotate_left(1);
                }
                items.into_iter().for_each(|item| self.value(item));
            }
            Value::Slice(parts) => {
                self.stream.push(b':' | mark);
                parts.iter().for_each(|part| self.value(part));
            }
            Value::Code(constants) => {
                self.stream.push(b'c' | mark);
                self.stream.extend([7; 20]);
                let name = Value::Text("name".to_owned());
                let table = Value::Bytes(b"some table".to_vec());
                let names = Value::Tuple(vec![name.clone(), Value::Text("é".to_owned())]);
                let kinds = Value::Bytes(Vec::new());
                let file = Value::Text("/app/main.py".to_owned());
                for part in [
                    &table, constants, &names, &names, &kinds, &file, &name, &name,
                ] {
                    self.value(part);
                }
                self.stream.extend([1, 0, 0, 0]);
                self.value(&table);
                self.value(&kinds);
            }
        }
        if is_marked {
            self.marked[number] = Some(value.clone());
        }
    }
}

/// A number of four bytes, as marshal writes it.
fn long(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

fn values() -> impl Strategy<Value = Value> {
    let plain: &[&'static [u8]] = &[
        b"N",
        b"T",
        b".",
        b"i\x01\0\0\0",
        b"g\0\0\0\0\0\0\xf0\x3f",
        b"l\xfe\xff\xff\xff\x01\0\x02\0",
    ];
    let leaf = prop_oneof![
        prop::sample::select(plain).prop_map(Value::Plain),
        prop::sample::select(&["", "a", "*", "a_name", "two words", "é", "日本"][..])
            .prop_map(|text| Value::Text(text.to_owned())),
        "[a-z]{250,260}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let distinct = |items: Vec<Value>| {
            let mut set: Vec<Value> = Vec::new();
            for item in items {
                // No code is in a set, nor in a tuple that is.
                if !format!("{item:?}").contains("Code") && !set.contains(&item) {
                    set.push(item);
                }
            }
            Value::FrozenSet(set)
        };
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec(inner.clone(), 0..6).prop_map(distinct),
            [inner.clone(), inner.clone(), inner.clone()]
                .prop_map(|parts| Value::Slice(Box::new(parts))),
            prop::collection::vec(inner, 0..6)
                .prop_map(|items| Value::Code(Box::new(Value::Tuple(items)))),
        ]
    })
}

fn code() -> impl Strategy<Value = Value> {
    prop::collection::vec(values(), 0..8)
        .prop_map(|constants| Value::Code(Box::new(Value::Tuple(constants))))
}

proptest! {
    /// Whatever a process marks, refers to, interns and orders.
    #[test]
    fn processes_agree(
        value in code(),
        one in prop::collection::vec(any::<bool>(), 1..64),
        other in prop::collection::vec(any::<bool>(), 1..64),
    ) {
        let form = canonical(&Process::write(&value, &one)).unwrap();
        prop_assert_eq!(&form, &canonical(&Process::write(&value, &other)).unwrap());
        prop_assert_eq!(&form, &canonical(&form).unwrap());
    }

    /// Other values have other forms.
    #[test]
    fn values_are_told_apart(one in code(), other in code()) {
        let form = |value| canonical(&Process::write(value, &[false])).unwrap();
        let same = Process::write(&one, &[false]) == Process::write(&other, &[false]);
        if !same && !has_sets(&one) {
            prop_assert_ne!(form(&one), form(&other));
        }
    }

    /// What is cut off or changed is an error, or another code object; never more than that.
    #[test]
    fn hostile_streams(value in code(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut stream = Process::write(&value, &[true, false, true]);
        let at = at.index(stream.len());
        prop_assert!(canonical(&stream[..at]).is_err());
        stream[at] = byte;
        if let Ok(form) = canonical(&stream) {
            prop_assert_eq!(canonical(&form), Ok(form.clone()));
        }
    }
}

fn has_sets(value: &Value) -> bool {
    format!("{value:?}").contains("FrozenSet")
}

fn code_with(constants: &[u8]) -> Vec<u8> {
    let mut stream = b"c".to_vec();
    stream.extend([0; 20]);
    stream.extend(b"s\0\0\0\0");
    stream.extend(constants);
    stream.extend(b")\0)\0s\0\0\0\0z\x01/z\x01az\x01a\0\0\0\0s\0\0\0\0s\0\0\0\0");
    stream
}

#[test]
fn marks_that_nothing_refers_to_go() {
    let marked = canonical(&code_with(b"\xa9\x01\xfa\x01*")).unwrap();
    assert_eq!(marked, canonical(&code_with(b")\x01z\x01*")).unwrap());
    assert_eq!(marked[0], b'c');
    // And what is there twice is there once.
    let twice = canonical(&code_with(b")\x02s\x08\0\0\0abcdefghs\x08\0\0\0abcdefgh")).unwrap();
    let text = twice
        .windows(8)
        .filter(|bytes| *bytes == b"abcdefgh")
        .count();
    assert_eq!(text, 1);
}

#[test]
fn what_is_no_code_is_rejected() {
    let error = |constants: &[u8]| canonical(&code_with(constants)).unwrap_err();
    // A list, which no constant is; a reference to nothing; one to what is not complete.
    assert_eq!(
        error(b"[\0\0\0\0"),
        MarshalError::Type {
            offset: 26,
            code: b'['
        }
    );
    assert_eq!(error(b"r\0\0\0\0"), MarshalError::Reference(26));
    assert_eq!(error(b"\xa9\x01r\0\0\0\0"), MarshalError::Reference(28));
    // Python counts no mark of what exists once: the references behind it would lead elsewhere.
    assert_eq!(
        error(b"\xce"),
        MarshalError::Type {
            offset: 26,
            code: 0xce
        }
    );
    assert_eq!(error(b"s\xff\xff\xff\xff"), MarshalError::Length(27));
    assert_eq!(canonical(b"N"), Err(MarshalError::NoCode));
    let mut more = code_with(b")\0");
    more.push(b'N');
    assert_eq!(
        canonical(&more),
        Err(MarshalError::Trailing(more.len() - 1))
    );
    assert!(canonical(b"").is_err());
    // A tuple that says it has two billion elements.
    assert!(canonical(b"(\xff\xff\xff\x7f").is_err());
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        let mut constants = b")\x01".repeat(depth);
        constants.push(b'N');
        canonical(&code_with(&constants))
    };
    assert!(nested(400).is_ok());
    assert_eq!(nested(600), Err(MarshalError::Depth(500)));
    assert_eq!(nested(1_000_000), Err(MarshalError::Depth(500)));
    // By references, each to the one before: deep without that the stream is.
    let mut chain = b"(".to_vec();
    chain.extend(1000u32.to_le_bytes());
    chain.extend(b"\xa9\x01N");
    for number in 0..999u32 {
        chain.extend(b"\xa9\x01r");
        chain.extend(number.to_le_bytes());
    }
    assert_eq!(canonical(&code_with(&chain)), Err(MarshalError::Depth(500)));
}

/// Thirty levels that would be a billion elements if each was written out.
#[test]
fn shared_values_stay_shared() {
    let mut constants = b")\x1e".to_vec();
    constants.extend(b"\xa9\x02\xf3\x06\0\0\0abcdefr\x01\0\0\0");
    for level in 0..29u32 {
        let before = if level == 0 { 0 } else { level + 1 };
        constants.extend(b"\xa9\x02r");
        constants.extend(before.to_le_bytes());
        constants.push(b'r');
        constants.extend(before.to_le_bytes());
    }
    let form = canonical(&code_with(&constants)).unwrap();
    assert!(form.len() < 1000, "{}", form.len());
    // In a set, too, whose elements are compared.
    let mut set = constants.clone();
    set.splice(..2, *b">\x1e\0\0\0");
    assert!(canonical(&code_with(&set)).unwrap().len() < 1000);
}
