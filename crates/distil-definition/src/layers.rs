//! How an image is divided into layers.
//!
//! Written by hand for the reason that `item` gives.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// How many layers an image has at most where its definition does not say it. `scripts/bench-updates`
/// measures what other numbers give.
pub const DEFAULT_MOST_LAYERS: u32 = 12;

/// The most that a definition may ask for: engines mount 127 at the most (Docker's `maxDepth` of layers),
/// and others are built on top.
pub const MOST_LAYERS: u32 = 100;

/// Whether an image shares the layers of the definitions that it stands on, and how many it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layers {
    /// Each definition is packed into layers of its own on the very layers of what it stands on.
    #[default]
    Shared,
    /// All definitions together make one layer. Their packages are solved together, so another
    /// version than in the image below may be taken, and its files may be dropped.
    Single,
    /// As `Shared`, with this many layers at most, those of what it stands on among them. Each
    /// definition has one at least.
    Most(u32),
}

/// The long form, for deserialising and for the schema.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongLayers {
    /// How many layers the image has at most, those of what it stands on among them.
    #[schemars(range(min = 1, max = 100))]
    most: u32,
}

/// How many layers a definition may be packed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerBudget {
    /// How many the image may have with them.
    pub image: u32,
    /// How many they may be even so.
    pub own: u32,
}

impl LayerBudget {
    /// A single layer.
    pub const SINGLE: Self = Self { image: 1, own: 1 };

    /// How many layers a definition may have, by the number of layers below it.
    pub fn above(self, below: usize) -> usize {
        let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let rest = number(self.image).saturating_sub(below);
        rest.max(number(self.own)).max(1)
    }
}

impl Layers {
    /// How many layers the definition may be packed into. One that does not say it has two in any case,
    /// so that the user's own code does not lie in the layer of its packages.
    pub fn budget(self) -> LayerBudget {
        match self {
            Self::Shared => LayerBudget {
                image: DEFAULT_MOST_LAYERS,
                own: 2,
            },
            Self::Single => LayerBudget::SINGLE,
            Self::Most(image) => LayerBudget { image, own: 1 },
        }
    }
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Item;
        impl<'de> Visitor<'de> for Item {
            type Value = Layers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`shared`, `single`, or a mapping with `most`")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Layers, E> {
                match word {
                    "shared" => Ok(Layers::Shared),
                    "single" => Ok(Layers::Single),
                    _ => Err(E::unknown_variant(word, &["shared", "single"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Layers, A::Error> {
                let long = LongLayers::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Layers::Most(long.most))
            }
        }
        deserializer.deserialize_any(Item)
    }
}

impl JsonSchema for Layers {
    fn schema_name() -> Cow<'static, str> {
        "Layers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`shared`: each definition is packed into layers of its own on the very \
                            layers of what it stands on. `single`: all definitions together make one \
                            layer. Or how many layers the image has at most.",
            "anyOf": [
                {"type": "string", "enum": ["shared", "single"]},
                generator.subschema_for::<LongLayers>(),
            ],
        })
    }
}
