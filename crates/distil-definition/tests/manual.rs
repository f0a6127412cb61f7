//! The manual of definitions: it has every key, and what it shows are definitions. That they
//! build is for the live tests to show.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use distil_definition::{parse, schema};
use serde_json::Value;

const PAGES: [(&str, &str); 2] = [
    (
        "definitions.md",
        include_str!("../../../docs/definitions.md"),
    ),
    ("recipes.md", include_str!("../../../docs/recipes.md")),
];

/// A page's text without its fenced blocks, and the blocks of YAML.
fn taken_apart(page: &str) -> (String, Vec<String>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => {
                fence = Some(language);
                if language == "yaml" {
                    blocks.push(String::new());
                }
            }
            (None, None) => prose += &format!("{line}\n"),
            (Some(_), Some(_)) => fence = None,
            (Some("yaml"), None) => *blocks.last_mut().unwrap() += &format!("{line}\n"),
            (Some(_), None) => {}
        }
    }
    assert_eq!(fence, None, "a block is not closed");
    (prose, blocks)
}

/// The names of all properties below.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.extend(properties.keys().cloned());
    }
    for definition in schema["$defs"].as_object().into_iter().flatten() {
        keys(definition.1, found);
    }
}

#[test]
fn the_manual_has_every_key() {
    let mut all = BTreeSet::new();
    keys(&serde_json::from_str(&schema()).unwrap(), &mut all);
    for key in ["name", "start_interval", "move", "gid"] {
        assert!(all.contains(key), "the schema has no `{key}`");
    }
    let (prose, _) = taken_apart(PAGES[0].1);
    // Every second piece between backquotes is in them.
    let quoted: BTreeSet<&str> = prose.split('`').skip(1).step_by(2).collect();
    let missing: Vec<&String> = all
        .iter()
        .filter(|key| !quoted.contains(key.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/definitions.md says nothing of {missing:?}"
    );
}

#[test]
fn every_example_is_a_definition() {
    for (page, text) in PAGES {
        let (_, blocks) = taken_apart(text);
        assert!(blocks.len() > 10, "{page} has {} examples", blocks.len());
        for (number, block) in blocks.iter().enumerate() {
            let origin = format!("docs/{page}, example {}", number + 1);
            parse(block, &origin).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn pages_name_only_each_other_and_what_is_there() {
    for (page, text) in PAGES {
        let (prose, _) = taken_apart(text);
        let links = prose.split("](").skip(1).filter_map(|rest| {
            let (target, _) = rest.split_once(')')?;
            Some(target)
        });
        for link in links {
            // Whether the heading is there, `scripts/check-links` says.
            let file = link.split('#').next().unwrap_or_default();
            let path = format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"));
            assert!(
                std::fs::exists(&path).unwrap(),
                "{page} leads to {link}, which is not there"
            );
        }
    }
}
