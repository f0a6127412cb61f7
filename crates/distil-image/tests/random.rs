//! The fuzz targets of what is made in place of scripts, over their seeds and mutations of these.
//! `PROPTEST_CASES` says how many; fuzz/README.md tells of the real fuzzer.

#![allow(clippy::unwrap_used)]
#![allow(
    unreachable_pub,
    reason = "what is included is public where it comes from"
)]

#[path = "../../../fuzz/src/installed.rs"]
mod targets;

use std::path::Path;

use proptest::prelude::*;

fn seeds(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let entries = std::fs::read_dir(folder.join(name)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text = |path: &_| std::fs::read_to_string(path).unwrap();
    paths.iter().map(text).collect()
}

/// A seed of which pieces are replaced by others: of it, or of what such texts are made of.
fn mutated(name: &str) -> impl Strategy<Value = String> {
    let seeds = seeds(name);
    let words = r"[ -~\n\t]{0,9}|\$[a-z]{0,9}_primary|[A-Z][a-z]{2,7}(-Type|-Initial)?:|=end|[\[\]/\\.#-]|-?[0-9]{1,30}|\PC";
    let edit = (any::<prop::sample::Index>(), 0..40_usize, words);
    let edits = proptest::collection::vec(edit, 0..8);
    (prop::sample::select(seeds), edits).prop_map(|(seed, edits)| {
        let mut text: Vec<char> = seed.chars().collect();
        for (at, length, with) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, with.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn pam(text in mutated("pam")) {
        targets::pam(&text);
    }

    #[test]
    fn mime(text in mutated("mime")) {
        targets::mime(&text);
    }

    #[test]
    fn triggers(text in mutated("triggers")) {
        targets::triggers(&text);
    }
}

#[test]
fn seeds_themselves() {
    seeds("pam").iter().for_each(|text| targets::pam(text));
    seeds("mime").iter().for_each(|text| targets::mime(text));
    seeds("triggers")
        .iter()
        .for_each(|text| targets::triggers(text));
}
