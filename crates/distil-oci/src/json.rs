//! Reads documents that mean the same to everybody.
//!
//! Engines are written in Go, whose JSON package matches keys without regard to case, and takes
//! the last of several (`encoding/json`, `Unmarshal`: "preferring an exact match but also accepting
//! a case-insensitive match"). Others match exactly, and take the first or none. A configuration
//! with `"User": "65532"` and `"user": "0"` would be two images. So a document is refused when a
//! key is only nearly a known one, when a key occurs twice, and when it could be read as another
//! kind of document. Keys that are the user's own, as in labels, may be anything once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::ambiguous::AmbiguousKey;
use crate::document_error::DocumentError;
use crate::schema::Schema;

/// Reads JSON that follows `schema`; `document` is what messages call it.
///
/// # Errors
/// When it is no such document, or can be read in two ways.
pub(crate) fn parse<T: DeserializeOwned>(
    document: &str,
    schema: &'static Schema,
    bytes: &[u8],
) -> Result<T, DocumentError> {
    let failed = |source| DocumentError::Json {
        document: document.to_owned(),
        source,
    };
    let found = RefCell::new(None);
    let check = Check {
        schema,
        path: &Path::Top,
        found: &found,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let checked = check.deserialize(&mut deserializer);
    if let Some(source) = found.take() {
        return Err(DocumentError::Ambiguous {
            document: document.to_owned(),
            source,
        });
    }
    checked.map_err(failed)?;
    serde_json::from_slice(bytes).map_err(failed)
}

/// Where in a document a value is.
enum Path<'a> {
    Top,
    Key(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// The key `key` of the object at this path.
    fn key(&self, key: &str) -> String {
        let whole = Path::Key(self, key).to_string();
        // From outside, and of any length.
        whole.chars().take(200).collect()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Key(Path::Top, key) => f.write_str(key),
            Self::Key(path, key) => write!(f, "{path}.{key}"),
            Self::Item(path, number) => write!(f, "{path}[{number}]"),
        }
    }
}

/// Goes through a value, and looks at keys alone.
#[derive(Clone, Copy)]
struct Check<'a> {
    schema: &'static Schema,
    path: &'a Path<'a>,
    /// What is wrong: the error of a deserializer can only be text.
    found: &'a RefCell<Option<AmbiguousKey>>,
}

impl Check<'_> {
    fn refuse<E: serde::de::Error>(self, problem: AmbiguousKey) -> E {
        let error = E::custom(&problem);
        self.found.replace(Some(problem));
        error
    }

    /// The schema of what is below `key`.
    fn below(self, key: &str) -> Result<&'static Schema, AmbiguousKey> {
        match self.schema {
            Schema::Any | Schema::List(_) | Schema::Foreign => Ok(&Schema::Any),
            Schema::Map(values) => Ok(values),
            Schema::Object(known) => {
                let folded = fold(key);
                match known.iter().find(|(known, _)| fold(known) == folded) {
                    None => Ok(&Schema::Any),
                    Some((known, _)) if *known != key => Err(AmbiguousKey::Case {
                        key: self.path.key(key),
                        known,
                    }),
                    Some((_, Schema::Foreign)) => Err(AmbiguousKey::Foreign {
                        key: self.path.key(key),
                    }),
                    Some((_, schema)) => Ok(schema),
                }
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let schema = match self.schema {
            Schema::List(items) => items,
            _ => &Schema::Any,
        };
        let mut number = 0;
        loop {
            let item = Check {
                schema,
                path: &Path::Item(self.path, number),
                found: self.found,
            };
            match items.next_element_seed(item)? {
                Some(()) => number += 1,
                None => return Ok(()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let is_known = matches!(self.schema, Schema::Object(_));
        let mut exact = BTreeSet::new();
        let mut folded = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let schema = match self.below(&key) {
                Ok(schema) => schema,
                Err(problem) => return Err(self.refuse(problem)),
            };
            if exact.contains(&key) {
                let key = self.path.key(&key);
                return Err(self.refuse(AmbiguousKey::Twice { key }));
            }
            if is_known && !folded.insert(fold(&key).into_owned()) {
                let is_other = |other: &&String| fold(other) == fold(&key);
                let other = exact.iter().find(is_other).cloned().unwrap_or_default();
                let key = self.path.key(&key);
                return Err(self.refuse(AmbiguousKey::TwiceInOtherCase { key, other }));
            }
            entries.next_value_seed(Check {
                schema,
                path: &Path::Key(self.path, &key),
                found: self.found,
            })?;
            exact.insert(key);
        }
        Ok(())
    }
}

/// A key as Go compares it: each letter stands for all that are the same without regard to case
/// (`unicode.SimpleFold`). Known keys are ASCII, and two letters that are not are the same as one
/// of those: the long s and the sign of Kelvin.
fn fold(key: &str) -> Cow<'_, str> {
    let is_folded = |c: char| !c.is_ascii_uppercase() && c != '\u{17f}' && c != '\u{212a}';
    if key.chars().all(is_folded) {
        return Cow::Borrowed(key);
    }
    let folded = key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    Cow::Owned(folded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{CONFIG, INDEX, LAYOUT, MANIFEST, SAVED};
    use proptest::prelude::*;
    use serde_json::Value;

    fn read(schema: &'static Schema, text: &str) -> Result<Value, String> {
        parse("the document", schema, text.as_bytes()).map_err(|error| match error {
            DocumentError::Ambiguous { source, .. } => source.to_string(),
            error => error.to_string(),
        })
    }

    fn error(schema: &'static Schema, text: &str) -> String {
        read(schema, text).unwrap_err()
    }

    #[test]
    fn keys_that_only_some_engines_know_are_refused() {
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"User":"65532","user":"0"}}"#), @"the key `config.user` is `User` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"entrypoint":["/bin/sh"]}}"#), @"the key `config.entrypoint` is `Entrypoint` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"CONFIG":{}}"#), @"the key `CONFIG` is `config` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"Uſer":"0"}}"#), @"the key `config.Uſer` is `User` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"U\u017fer":"0"}}"#), @"the key `config.Uſer` is `User` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"WorKingDir":"/"}}"#), @"the key `config.WorKingDir` is `WorkingDir` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"Healthcheck":{"test":[]}}}"#), @"the key `config.Healthcheck.test` is `Test` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"rootfs":{"Diff_IDs":[]}}"#), @"the key `rootfs.Diff_IDs` is `diff_ids` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&CONFIG, r#"{"history":[{},{"Empty_layer":true}]}"#), @"the key `history[1].Empty_layer` is `empty_layer` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&MANIFEST, r#"{"LAYERS":[]}"#), @"the key `LAYERS` is `layers` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&MANIFEST, r#"{"layers":[{"Digest":"x"}]}"#), @"the key `layers[0].Digest` is `digest` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&INDEX, r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#), @"the key `manifests[0].platform.OS` is `os` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&SAVED, r#"[{"Config":"c","repotags":["x"]}]"#), @"the key `[0].repotags` is `RepoTags` to engines that ignore case, and unknown to others");
        insta::assert_snapshot!(error(&LAYOUT, r#"{"imagelayoutversion":"1.0.0"}"#), @"the key `imagelayoutversion` is `imageLayoutVersion` to engines that ignore case, and unknown to others");
    }

    #[test]
    fn keys_that_occur_twice_are_refused() {
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"User":"1","User":"0"}}"#), @"the key `config.User` occurs twice, and not all engines use the same value");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"User":"1","\u0055ser":"0"}}"#), @"the key `config.User` occurs twice, and not all engines use the same value");
        insta::assert_snapshot!(error(&CONFIG, r#"{"config":{"Labels":{"a":"1","a":"0"}}}"#), @"the key `config.Labels.a` occurs twice, and not all engines use the same value");
        insta::assert_snapshot!(error(&CONFIG, r#"{"x":{"y":[{"z":1,"z":2}]}}"#), @"the key `x.y[0].z` occurs twice, and not all engines use the same value");
        insta::assert_snapshot!(error(&CONFIG, r#"{"unknown":1,"Unknown":2}"#), @"the keys `Unknown` and `unknown` are the same to engines that ignore case");
    }

    #[test]
    fn a_document_is_of_one_kind_only() {
        insta::assert_snapshot!(error(&MANIFEST, r#"{"layers":[],"manifests":[]}"#), @"the key `manifests` belongs to another kind of document");
        insta::assert_snapshot!(error(&INDEX, r#"{"manifests":[],"layers":[]}"#), @"the key `layers` belongs to another kind of document");
        insta::assert_snapshot!(error(&INDEX, r#"{"manifests":[],"Config":{}}"#), @"the key `Config` is `config` to engines that ignore case, and unknown to others");
    }

    #[test]
    fn keys_of_the_users_own_may_be_anything_once() {
        let text = r#"{"config":{"Labels":{"user":"1","User":"2","USER":"3"},"Volumes":{"/a":{},"/A":{}},"Env":["user=1"]},"org.example":{"Config":1,"config":2}}"#;
        assert!(read(&CONFIG, text).is_ok());
        assert!(read(&MANIFEST, r#"{"annotations":{"layers":"1","Layers":"2"}}"#).is_ok());
    }

    #[test]
    fn damage_is_told_as_before() {
        insta::assert_snapshot!(error(&CONFIG, "{"), @"failed to understand the document");
        let Err(DocumentError::Json { source, .. }) = parse::<Value>("x", &CONFIG, b"{\"a\":")
        else {
            panic!("no error");
        };
        insta::assert_snapshot!(source, @"EOF while parsing a value at line 1 column 5");
        assert!(read(&CONFIG, &"[".repeat(100_000)).is_err());
        assert!(read(&CONFIG, "{} {}").is_err());
    }

    /// Go's way: the last entry whose key is the same without regard to case.
    fn as_go_reads<'a>(entries: &'a [(String, u32)], key: &str) -> Option<&'a u32> {
        let same = |other: &str| {
            let fold = |text: &str| -> String {
                text.chars()
                    .flat_map(|c| match c {
                        'ſ' => 's'.to_lowercase(),
                        'K' => 'k'.to_lowercase(),
                        c => c.to_lowercase(),
                    })
                    .collect()
            };
            fold(other) == fold(key)
        };
        let found = entries.iter().rev().find(|(other, _)| same(other));
        found.map(|(_, value)| value)
    }

    proptest! {
        /// What is accepted says the same to those that match keys exactly and take the first, and
        /// to those that ignore case and take the last.
        #[test]
        fn what_is_accepted_is_read_alike_by_all(
            entries in prop::collection::vec(("(User|Cmd|Shell|WorkingDir|x)", any::<u32>(), any::<u16>()), 0..4),
        ) {
            let respelt = |key: &str, how: u16| -> String {
                // Most keys stay as they are, else nearly all documents would be refused.
                let changes = if how.is_multiple_of(3) { how } else { 0 };
                key.chars().enumerate().map(|(at, c)| match changes >> (at + 2) & 3 {
                    1 => c.to_ascii_uppercase(),
                    2 => c.to_ascii_lowercase(),
                    3 if c.eq_ignore_ascii_case(&'s') => 'ſ',
                    3 if c.eq_ignore_ascii_case(&'k') => 'K',
                    _ => c,
                }).collect()
            };
            let entries: Vec<(String, u32)> = entries
                .iter()
                .map(|(key, value, how)| (respelt(key, *how), *value))
                .collect();
            let inner: Vec<String> = entries.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
            let text = format!(r#"{{"config":{{{}}}}}"#, inner.join(","));
            if let Ok(value) = read(&CONFIG, &text) {
                for key in ["User", "Cmd", "Shell", "WorkingDir"] {
                    let first = entries.iter().find(|(other, _)| other == key).map(|(_, value)| value);
                    prop_assert_eq!(first, as_go_reads(&entries, key), "{}", text);
                    prop_assert_eq!(value["config"].get(key).and_then(Value::as_u64), first.map(|v| u64::from(*v)));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:0-9a-e.-]{0,40}") {
            let _ = parse::<Value>("x", &CONFIG, &bytes);
            let _ = parse::<Value>("x", &MANIFEST, text.as_bytes());
        }
    }
}
