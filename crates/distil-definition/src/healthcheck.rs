//! The health check of a definition as it is written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// How an engine finds out whether a container's program works (Docker's image specification;
/// Kubernetes has probes of its own and ignores it): by an address of a server, which a program
/// that distil brings asks, or by a program of the image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Healthcheck {
    /// The address that is asked, such as `http://127.0.0.1:8080/health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// With `http`: the status that the answer has to have, or several; any of 2xx if there is none.
    #[serde(skip_serializing_if = "Statuses::is_empty")]
    pub expect: Statuses,
    /// The port that has to accept connections, such as `127.0.0.1:5432`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A program of the image and its arguments. There is no shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<Vec<String>>,
    /// The same by Docker's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// Time between two checks, such as `30s` or `1m`.
    pub interval: Option<String>,
    /// How long a check may take.
    pub timeout: Option<String>,
    /// How long the program may take to start; failures do not count until then.
    pub start_period: Option<String>,
    /// Time between two checks while it starts.
    pub start_interval: Option<String>,
    /// After how many failures in a row the program counts as broken.
    pub retries: Option<u32>,
}

impl Healthcheck {
    /// The program of the check and its arguments; none where an address is asked instead, as in no
    /// recipe any more.
    pub fn command(&self) -> &[String] {
        let words = self.exec.as_ref().or(self.test.as_ref());
        words.map(Vec::as_slice).unwrap_or_default()
    }
}

/// One status of HTTP or several, each a number such as 200 or a class such as `2xx`, as they are
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statuses(pub Vec<String>);

impl Statuses {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// One status.
struct OneStatus(String);

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Statuses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 200 or `2xx`, or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Statuses, E> {
        Ok(Statuses(vec![word.to_owned()]))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Statuses, E> {
        Ok(Statuses(vec![number.to_string()]))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Statuses, E> {
        Ok(Statuses(vec![number.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Statuses, A::Error> {
        let mut words = Vec::new();
        while let Some(OneStatus(word)) = seq.next_element()? {
            words.push(word);
        }
        Ok(Statuses(words))
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

impl<'de> Deserialize<'de> for OneStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = OneStatus;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 200 or `2xx`")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<OneStatus, E> {
                Ok(OneStatus(word.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<OneStatus, E> {
                Ok(OneStatus(number.to_string()))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<OneStatus, E> {
                Ok(OneStatus(number.to_string()))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 200, "maximum": 999 });
        let class = json_schema!({ "type": "string", "pattern": "^([2-9][0-9][0-9]|[2-5]xx)$" });
        json_schema!({
            "description": "A status of HTTP such as 200, a class of them such as `2xx`, or a list",
            "anyOf": [number, class, { "type": "array", "items": { "anyOf": [number, class] } }]
        })
    }
}
