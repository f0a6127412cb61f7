//! Layers that engines do not agree on.

#![allow(clippy::unwrap_used)]

use distil_fixture::Entry;
use distil_inspect::{ContainerConfig, merge};

use crate::common::{findings, layer};

fn told(layers: &[&[Entry]]) -> Vec<String> {
    let layers = layers.iter().map(|entries| layer(entries)).collect();
    let found = findings(&merge(layers).unwrap(), &ContainerConfig::default());
    let found = found.iter().filter(|one| one.rule.id.starts_with("F8"));
    let text = |one: &distil_check::Finding| {
        let layer = one.layer.unwrap_or_default();
        format!("{} in layer {layer}: {}", one.severity, one.problem)
    };
    found.map(text).collect()
}

fn base() -> Vec<Entry> {
    vec![
        Entry::directory("usr"),
        Entry::directory("usr/lib"),
        Entry::file("usr/lib/x", "x"),
        Entry::symlink("lib", "usr/lib"),
        Entry::directory("tmp").mode(0o1777),
    ]
}

#[test]
fn a_merged_usr_that_was_replaced() {
    let copied = [Entry::directory("lib"), Entry::file("lib/y", "y")];
    let found = told(&[&base(), &copied]);
    insta::assert_snapshot!(found.join("\n"), @"warning in layer 1: `/lib` was a link to `usr/lib`, and is a directory of its own");
    // What a higher layer mends is none.
    let mended = [Entry::symlink("lib", "usr/lib")];
    assert!(told(&[&base(), &copied, &mended]).is_empty());
    // A link that nobody starts programs through is replaced on purpose.
    let other = [base(), vec![Entry::symlink("data", "usr/lib")]].concat();
    assert!(told(&[&other, &[Entry::directory("data")]]).is_empty());
}

#[test]
fn layers_that_are_read_in_two_ways() {
    let found = told(&[
        &base(),
        &[Entry::file("lib/y", "y"), Entry::file("tmp/y", "y")],
    ]);
    insta::assert_snapshot!(found.join("\n"), @"
    error in layer 1: `/lib` has members in the layer and no directory member of its own, over a link to `usr/lib`: overlay engines hide the link behind a new directory, others follow it
    warning in layer 1: `/tmp` has members in the layer and no directory member of its own: Docker and Podman give it to root with mode 0755, other engines leave it as the layers below have it
    warning in layer 1: `/lib` was a link to `usr/lib`, and is a directory of its own
    ");
}
