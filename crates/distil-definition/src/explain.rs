//! What is wrong with a document that serde has refused, and what may be there instead.
//!
//! serde-saphyr says "expected sequence start", and not of which key. The walk here goes along
//! the JSON Schema of the format, which comes from the same types that serde reads into, so that
//! no key is named here. It goes through the document in serde's order, and calls a mistake only
//! what serde refuses; where the schema leaves a doubt, it says nothing.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::Value as Schema;

use crate::harmless::shown;
use crate::span::{Located, Node, Span, Value, excerpt, gutter};

/// How many keys of a mapping are named in the first line of a message; more have a line of
/// their own.
const FEW_KEYS: usize = 8;
/// How a key of an overlay is described that is one of a definition, too.
const SAME: &str = "As in a definition";

/// Says what is wrong with a document that serde refuses: a message, the line with the mistake
/// underlined, and lines with what is allowed there. None if the walk finds no mistake. `root` is
/// the schema of the document, and `whole` what a message calls it.
pub(super) fn explain(text: &str, origin: &str, whole: &str, root: &Schema) -> Option<String> {
    let document = Located::parse(text)?;
    let whole = Part {
        name: whole.to_owned(),
        about: None,
        schema: root,
    };
    let mistake = Format { root }.check(&document, &whole, document.span)?;
    let mut explained = mistake.problem;
    explained.push('\n');
    explained.push_str(&excerpt(text, origin, mistake.span));
    for line in mistake.allowed {
        explained.push_str(&format!("\n{} = {line}", gutter(mistake.span)));
    }
    Some(explained)
}

/// What is wrong.
struct Mistake {
    problem: String,
    span: Span,
    /// What may be there, a line each.
    allowed: Vec<String>,
}

/// A part of the format.
struct Part<'a> {
    /// What a message calls it.
    name: String,
    /// What the format says about the key that it stands under.
    about: Option<String>,
    schema: &'a Schema,
}

/// What may stand in one.
#[derive(PartialEq)]
enum Form<'a> {
    Text,
    /// One of these texts.
    Words(Vec<&'a str>),
    /// A whole number, by the name of its type in the schema.
    Number(&'a str),
    Flag,
    /// A list, by the schema of its entries.
    List(&'a Schema),
    /// A mapping, by its schema.
    Mapping(&'a Schema),
    Nothing,
    /// Something that this module does not know.
    Unknown,
}

/// The format of definitions.
struct Format<'a> {
    root: &'a Schema,
}

impl<'a> Format<'a> {
    /// The first mistake in a part of the document, which stands under a key at `key`.
    fn check(&self, node: &Node, part: &Part<'a>, key: Span) -> Option<Mistake> {
        let forms = self.forms(part.schema);
        if forms.contains(&Form::Unknown) || node.is_null() && forms.contains(&Form::Nothing) {
            return None;
        }
        match &node.value {
            Value::Scalar { text, .. } => {
                if self.fits(node, text, part, &forms) {
                    return None;
                }
            }
            Value::Sequence(items) => {
                let mut lists = forms.iter().filter_map(|form| match form {
                    Form::List(schema) => Some(*schema),
                    _ => None,
                });
                if let Some(schema) = lists.next() {
                    let entry = Part {
                        name: format!("an entry of {}", part.name),
                        about: part.about.clone(),
                        schema,
                    };
                    return items
                        .iter()
                        .find_map(|item| self.check(item, &entry, item.span));
                }
            }
            Value::Mapping(entries) => {
                let mut mappings = forms.iter().filter_map(|form| match form {
                    Form::Mapping(schema) => Some(*schema),
                    _ => None,
                });
                match (mappings.next(), mappings.next()) {
                    (Some(schema), None) => {
                        return self.check_entries(entries, schema, part, node.span_or(key));
                    }
                    // Which of them is meant?
                    (Some(_), Some(_)) => return None,
                    (None, _) => {}
                }
                // serde takes `{word: }` for a word.
                let first = entries.first().and_then(|(key, _)| key.text());
                let is_word = |form: &Form| matches!(form, Form::Words(words) if words.iter().any(|w| Some(*w) == first));
                if forms.iter().any(is_word) {
                    return None;
                }
            }
        }
        Some(self.wrong(node, part, &forms, node.span_or(key)))
    }

    /// Whether serde takes a text for one of the forms.
    fn fits(&self, node: &Node, text: &str, part: &Part<'a>, forms: &[Form]) -> bool {
        forms.iter().any(|form| match form {
            // YAML's own reading counts only where serde does not ask for a text outright.
            Form::Text => {
                !node.is_null() && (!self.is_either(part.schema) || other_than_text(node).is_none())
            }
            Form::Words(words) => words.contains(&text),
            Form::Number(format) => is_number(text, format),
            Form::Flag => reads::<bool>(text),
            _ => false,
        })
    }

    fn check_entries(
        &self,
        entries: &[(Node, Node)],
        schema: &'a Schema,
        part: &Part<'a>,
        span: Span,
    ) -> Option<Mistake> {
        let keys = schema.get("properties").and_then(Schema::as_object);
        let others = schema.get("additionalProperties");
        let mut seen = HashMap::new();
        for (key, value) in entries {
            let Some(text) = key.text().filter(|_| !key.is_null()) else {
                return Some(Mistake {
                    problem: format!(
                        "a key of {} must be a text, but here is {}",
                        part.name,
                        found(key)
                    ),
                    span: key.span,
                    allowed: part.about.clone().into_iter().collect(),
                });
            };
            // The number `1` and the text "1" are two keys to serde-saphyr.
            let is_plain = matches!(key.value, Value::Scalar { plain: true, .. });
            let may_be_number = text.starts_with(may_start_number);
            if let Some(first) = seen.insert((text, is_plain && may_be_number), key.span) {
                return Some(Mistake {
                    problem: format!("{} has the key `{}` twice", part.name, shown(text)),
                    span: key.span,
                    allowed: vec![format!("the first is in line {}", first.line)],
                });
            }
            let inner = match (keys.and_then(|keys| keys.get(text)), others) {
                (Some(schema), _) => Part {
                    name: format!("`{text}`"),
                    about: self.about(text, schema),
                    schema,
                },
                (None, Some(Schema::Bool(false))) => {
                    return Some(self.unknown(text, key.span, schema, part));
                }
                (None, Some(schema @ Schema::Object(_))) => Part {
                    name: format!("`{}` of {}", shown(text), part.name),
                    about: part.about.clone(),
                    schema,
                },
                (None, _) => continue,
            };
            let mistake = self.check(value, &inner, key.span);
            if mistake.is_some() {
                return mistake;
            }
        }
        let required = strings(schema.get("required"));
        let is_there = |wanted: &str| entries.iter().any(|(key, _)| key.text() == Some(wanted));
        let missing: Vec<&str> = required.into_iter().filter(|key| !is_there(key)).collect();
        if missing.is_empty() {
            return None;
        }
        let about = |key: &str| self.about(key, keys?.get(key)?);
        Some(Mistake {
            problem: format!("{} lacks {}", part.name, listed(&missing, "and")),
            span,
            allowed: missing.iter().filter_map(|key| about(key)).collect(),
        })
    }

    fn unknown(&self, key: &str, span: Span, schema: &Schema, part: &Part<'a>) -> Mistake {
        let mut problem = format!("{} has no key `{}`", part.name, shown(key));
        let names = keys(schema);
        let nearest = distil_store::nearest(key, names.iter().copied(), 3);
        if !nearest.is_empty() {
            let nearest: Vec<&str> = nearest.iter().map(String::as_str).collect();
            problem.push_str(&format!("; did you mean {}?", listed(&nearest, "or")));
        }
        let mut allowed = vec![its_keys(&names)];
        allowed.extend(self.elsewhere(key));
        Mistake {
            problem,
            span,
            allowed,
        }
    }

    /// Where in the definition there is such a key: people write those of `config` beside it.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let whole = self.root.get("properties")?.as_object()?;
        if whole.contains_key(key) {
            return Some(format!("`{key}` is a key of the definition itself"));
        }
        let has_it = |schema: &'a Schema| {
            let forms = self.forms(schema);
            let mut mappings = forms.iter();
            mappings
                .any(|form| matches!(form, Form::Mapping(schema) if keys(schema).contains(&key)))
        };
        let (name, _) = whole.iter().find(|(_, schema)| has_it(schema))?;
        Some(format!("`{key}` is a key of `{name}`"))
    }

    fn wrong(&self, node: &Node, part: &Part<'a>, forms: &[Form<'a>], span: Span) -> Mistake {
        let mut expected = self.words(forms, false);
        let mut allowed: Vec<String> = part.about.clone().into_iter().collect();
        let text = node.text().unwrap_or_default();
        let mut found = found(node);
        for form in forms {
            match form {
                Form::Number(format) if reads::<i128>(text) => {
                    if let Some((least, most)) = bounds(format) {
                        expected = format!("a whole number from {least} to {most}");
                        found = format!("`{}`", shown(text));
                    }
                }
                Form::Text => {
                    if let Some(other) = other_than_text(node) {
                        found = format!("{other} `{}`", shown(text));
                        allowed.push(format!("with quotes it is a text: \"{}\"", shown(text)));
                    }
                }
                Form::Mapping(schema) if keys(schema).len() > FEW_KEYS => {
                    allowed.push(its_keys(&keys(schema)));
                }
                _ => {}
            }
        }
        if forms == [Form::Text] && !matches!(node.value, Value::Scalar { .. }) {
            allowed.push("a string that begins with `{` or `[` must be in quotes".to_owned());
        }
        Mistake {
            problem: format!("{} must be {expected}, but here is {found}", part.name),
            span,
            allowed,
        }
    }

    /// What may stand somewhere, in words: `a text or a list of texts`.
    fn words(&self, forms: &[Form<'a>], many: bool) -> String {
        let words = |form: &Form<'a>| {
            let (one, more) = match form {
                Form::Text => ("a text".to_owned(), "texts".to_owned()),
                Form::Words(words) => (listed(words, "or"), listed(words, "or")),
                Form::Number(_) => ("a whole number".to_owned(), "whole numbers".to_owned()),
                Form::Flag => (
                    "`true` or `false`".to_owned(),
                    "`true` or `false`".to_owned(),
                ),
                Form::List(schema) => {
                    let entries = self.words(&self.forms(schema), true);
                    (
                        format!("a list of {entries}"),
                        format!("lists of {entries}"),
                    )
                }
                Form::Mapping(schema) => {
                    let inside = self.inside(schema);
                    (format!("a mapping{inside}"), format!("mappings{inside}"))
                }
                Form::Nothing | Form::Unknown => return None,
            };
            Some(if many { more } else { one })
        };
        let words: Vec<String> = forms.iter().filter_map(words).collect();
        words.join(" or ")
    }

    fn inside(&self, schema: &'a Schema) -> String {
        let names = keys(schema);
        match schema.get("additionalProperties") {
            Some(others @ Schema::Object(_)) if names.is_empty() => {
                format!(
                    " whose values are {}",
                    self.words(&self.forms(others), true)
                )
            }
            _ if names.is_empty() || names.len() > FEW_KEYS => String::new(),
            _ if names.len() == 1 => format!(" with the key {}", listed(&names, "and")),
            _ => format!(" with the keys {}", listed(&names, "and")),
        }
    }

    /// What the format says about a key.
    fn about(&self, key: &str, schema: &'a Schema) -> Option<String> {
        let said = |schema: &'a Schema| schema.get("description").and_then(Schema::as_str);
        let own = said(schema).or_else(|| said(self.resolved(schema)))?;
        let of_definition = || said(self.root.get("properties")?.get(key)?);
        let text = Some(own).filter(|own| !own.starts_with(SAME));
        let text = text.or_else(of_definition).unwrap_or(own);
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        Some(format!(
            "`{key}`: {}",
            text.strip_suffix('.').unwrap_or(&text)
        ))
    }

    fn forms(&self, schema: &'a Schema) -> Vec<Form<'a>> {
        let schema = self.resolved(schema);
        if let Some(words) = words_of(schema) {
            return vec![Form::Words(words)];
        }
        if let Some(branches) = branches(schema) {
            return branches.iter().flat_map(|b| self.forms(b)).collect();
        }
        let types = match schema.get("type") {
            Some(Schema::String(one)) => vec![one.as_str()],
            several => strings(several),
        };
        if types.is_empty() {
            return vec![Form::Unknown];
        }
        let format = schema.get("format").and_then(Schema::as_str);
        let form = |name: &str| match name {
            "string" => Form::Text,
            "integer" => Form::Number(format.unwrap_or("")),
            "boolean" => Form::Flag,
            "array" => schema.get("items").map_or(Form::Unknown, Form::List),
            "object" => Form::Mapping(schema),
            "null" => Form::Nothing,
            _ => Form::Unknown,
        };
        types.into_iter().map(form).collect()
    }

    /// Whether serde chooses by what YAML takes a value for: the types that are written in a
    /// short and a long form.
    fn is_either(&self, schema: &'a Schema) -> bool {
        let branches = branches(self.resolved(schema)).map_or(&[][..], Vec::as_slice);
        let is_value = |branch: &&Schema| branch.get("type") != Some(&Schema::from("null"));
        branches.iter().filter(is_value).count() > 1
    }

    /// What a reference leads to.
    fn resolved(&self, schema: &'a Schema) -> &'a Schema {
        let name = schema.get("$ref").and_then(Schema::as_str);
        let pointer = name.and_then(|name| name.strip_prefix('#'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer));
        target.unwrap_or(schema)
    }
}

fn branches(schema: &Schema) -> Option<&Vec<Schema>> {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    branches.as_array()
}

/// The texts of a schema that has nothing but some texts.
fn words_of(schema: &Schema) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum") {
        return words.as_array()?.iter().map(Schema::as_str).collect();
    }
    let branches = schema.get("oneOf")?.as_array()?;
    let words: Option<Vec<Vec<&str>>> = branches.iter().map(words_of).collect();
    words.map(|words| words.concat())
}

/// The keys that a mapping may have.
fn keys(schema: &Schema) -> Vec<&str> {
    let keys = schema.get("properties").and_then(Schema::as_object);
    let keys = keys.into_iter().flat_map(|keys| keys.keys());
    keys.map(String::as_str).collect()
}

fn its_keys(names: &[&str]) -> String {
    let are = if names.len() == 1 {
        "key is"
    } else {
        "keys are"
    };
    format!("its {are} {}", listed(names, "and"))
}

fn strings(list: Option<&Schema>) -> Vec<&str> {
    let list = list.and_then(Schema::as_array).into_iter().flatten();
    list.filter_map(Schema::as_str).collect()
}

/// Whether serde takes a text for a `T`, wherever it asks for one outright.
fn reads<T: DeserializeOwned>(text: &str) -> bool {
    serde_saphyr::from_str::<T>(&Schema::from(text).to_string()).is_ok()
}

/// Whether serde takes a text for a number of the type that the schema calls `format`.
fn is_number(text: &str, format: &str) -> bool {
    match format {
        "uint8" => reads::<u8>(text),
        "uint16" => reads::<u16>(text),
        "uint32" => reads::<u32>(text),
        "uint64" | "uint" => reads::<u64>(text),
        "int8" => reads::<i8>(text),
        "int16" => reads::<i16>(text),
        "int32" => reads::<i32>(text),
        "int64" | "int" => reads::<i64>(text),
        _ => true,
    }
}

/// The least and the greatest number of a type.
fn bounds(format: &str) -> Option<(i128, i128)> {
    let power = |bits: &str| Some(1_i128 << bits.parse::<u32>().ok().filter(|bits| *bits <= 64)?);
    if let Some(bits) = format.strip_prefix("uint") {
        return Some((0, power(bits)? - 1));
    }
    let half = power(format.strip_prefix("int")?)? / 2;
    Some((-half, half - 1))
}

/// What YAML takes a value without quotes for, if not for a text or for nothing (core schema of
/// YAML 1.2, section 10.3.2, and the truth values of YAML 1.1).
fn other_than_text(node: &Node) -> Option<&'static str> {
    let Value::Scalar { text, plain: true } = &node.value else {
        return None;
    };
    let is_of_number = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    // No truth value is longer than `false`.
    let may_be = text.len() <= 5 || text.starts_with(may_start_number);
    if node.is_null() || !may_be || !text.chars().all(is_of_number) {
        return None;
    }
    // In a list the text cannot be taken for the start of a document.
    let list = format!("[{text}]");
    match serde_saphyr::from_str::<Vec<Schema>>(&list).as_deref() {
        Ok([Schema::Number(_)]) => Some("the number"),
        Ok([Schema::Bool(_)]) => Some("the truth value"),
        Ok(_) => None,
        // JSON has no infinity.
        Err(_) => serde_saphyr::from_str::<Vec<f64>>(&list)
            .is_ok()
            .then_some("the number"),
    }
}

fn may_start_number(c: char) -> bool {
    c.is_ascii_digit() || "+-.".contains(c)
}

/// What a message calls that which is there.
fn found(node: &Node) -> String {
    match &node.value {
        Value::Scalar { .. } if node.is_null() => "nothing".to_owned(),
        Value::Scalar { text, .. } if text.is_empty() => "an empty text".to_owned(),
        Value::Scalar { text, .. } => format!("the text `{}`", shown(text)),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
    }
}

/// Words in backticks: `a`, `b` and `c`.
fn listed(words: &[&str], and: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} {and} {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests;
