//! Which patterns of a definition match a file, and which match none.

use std::collections::BTreeSet;

use distil_definition::recipe::LayerRecipe;
use distil_tree::{Patterns, Tree};

use super::error::AssembleError;

/// Which patterns have matched something.
#[derive(Debug, Default)]
pub(super) struct UsedPatterns(BTreeSet<(&'static str, String)>);

impl UsedPatterns {
    /// Notes which patterns of a key match a path.
    pub(super) fn note(&mut self, patterns: &Patterns, path: &str, key: &'static str) {
        for place in patterns.matching(path) {
            if let Some(text) = patterns.texts().get(place) {
                self.0.insert((key, text.clone()));
            }
        }
    }

    /// Refuses patterns of a layer that have matched nothing and were meant to.
    pub(super) fn check(&self, tree: &Tree, layer: &LayerRecipe) -> Result<(), AssembleError> {
        let only = layer.packages.iter().map(|package| ("only", &package.only));
        let all = [("drop", &layer.drop), ("keep", &layer.keep)]
            .into_iter()
            .chain(only);
        for (key, patterns) in all {
            for (pattern, position) in patterns.iter() {
                // What is taken in part must have the part, whoever says so.
                let matters = key == "only" || layer.must_matter(pattern);
                if !matters || self.0.contains(&(key, pattern.to_owned())) {
                    continue;
                }
                let matches_below = key == "drop" && {
                    let one = Patterns::new(&[pattern.to_owned()]);
                    one.is_ok_and(|one| tree.iter().any(|(path, _)| one.any(&path.to_string())))
                };
                let hint = match matches_below {
                    true => " of its own packages; what a definition below ships cannot be dropped",
                    false => "",
                };
                return Err(AssembleError::UselessPattern {
                    definition: layer.definition.clone(),
                    key,
                    pattern: pattern.to_owned(),
                    hint,
                    position: position.clone(),
                });
            }
        }
        Ok(())
    }
}
