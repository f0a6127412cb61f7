//! Values that may be written in a short and in a long form.
//!
//! Written by hand because serde's untagged enums answer every mistake with "did not match any
//! variant", and lose the place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A package of a definition: `libpq5`, `libssl3t64 | libssl3`, or with more to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackageItem {
    /// The relation: a name, or alternatives, with versions.
    pub name: String,
    /// Patterns of the files that are taken; all of them if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Files that go to another path.
    #[serde(rename = "move", skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, String>,
}

/// The long form, for deserialising and for the schema.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongPackage {
    /// The relation: a name, or alternatives, with versions.
    name: String,
    /// Patterns of the files that are taken; all of them if there is none.
    #[serde(default)]
    only: Vec<String>,
    /// Files that go to another path: from and to.
    #[serde(default, rename = "move")]
    moved: BTreeMap<String, String>,
}

impl PackageItem {
    /// A whole package.
    pub fn whole(relation: &str) -> Self {
        Self {
            name: relation.to_owned(),
            only: Vec::new(),
            moved: BTreeMap::new(),
        }
    }

    /// What it is called in names: of a file, what stands before the version in its name.
    pub fn label(&self) -> &str {
        match self.name.rsplit_once('/') {
            Some((_, file)) if file.ends_with(".deb") => file.split('_').next().unwrap_or_default(),
            _ => &self.name,
        }
    }
}

impl<'de> Deserialize<'de> for PackageItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Item;
        impl<'de> Visitor<'de> for Item {
            type Value = PackageItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a package, or a mapping with `name`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<PackageItem, E> {
                Ok(PackageItem::whole(name))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PackageItem, A::Error> {
                let long = LongPackage::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PackageItem {
                    name: long.name,
                    only: long.only,
                    moved: long.moved,
                })
            }
        }
        deserializer.deserialize_any(Item)
    }
}

impl JsonSchema for PackageItem {
    fn schema_name() -> Cow<'static, str> {
        "PackageItem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<LongPackage>();
        json_schema!({
            "description": "A Debian package: a name or a relation, or a mapping with more to say",
            "anyOf": [{ "type": "string" }, long]
        })
    }
}

/// One word or a list of words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OneOrMany(pub Vec<String>);

impl OneOrMany {
    /// Whether `word` is among them, or there is none.
    pub fn admits(&self, word: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|one| one == word)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a list of words")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![word.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                Ok(OneOrMany(words))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One word or a list of words",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        })
    }
}
