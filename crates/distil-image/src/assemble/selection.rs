//! Which files of a package a layer takes, and why it leaves out the others.

use std::sync::Arc;

use distil_definition::Policy;
use distil_definition::recipe::LayerRecipe;
use distil_tree::Patterns;

use crate::assembly::Omission;

/// Which of a package's files a layer takes.
pub(super) struct Selection<'a> {
    /// None in a `dev`.
    pub(super) policy: Option<&'static Policy>,
    pub(super) layer: &'a LayerRecipe,
    /// The package.
    pub(super) package: &'a str,
    /// The patterns of a package that is taken in part.
    pub(super) only: Option<&'a Patterns>,
}

impl Selection<'_> {
    /// Why the file at this path is left out; none if it is taken.
    pub(super) fn omits(&self, path: &str) -> Option<Omission> {
        let definition = || Arc::from(self.layer.definition.as_str());
        let holds = |place: &usize| {
            let mut recovered = self.layer.recovered.iter();
            !recovered.any(|(below, keep)| place < below && keep.any(path))
        };
        let drops = self.layer.drop.matching(path);
        if let Some(place) = drops.iter().find(|place| holds(place)) {
            let pattern = self.layer.drop.texts().get(*place);
            return Some(Omission::Dropped {
                definition: definition(),
                pattern: pattern.map_or("", String::as_str).into(),
            });
        }
        if let Some(only) = self.only {
            let definition = definition();
            let is_taken = only.any(path) || self.is_licence(path);
            return (!is_taken).then_some(Omission::NotTaken { definition });
        }
        let why = self.policy?.drops(path)?;
        (!self.layer.keep.any(path)).then_some(Omission::Policy { why })
    }

    /// Whether it is the package's licence, or the link that leads to it: that comes with any part
    /// of a package.
    fn is_licence(&self, path: &str) -> bool {
        let rest = path.strip_prefix("/usr/share/doc/");
        let rest = rest.and_then(|rest| rest.strip_prefix(self.package));
        matches!(rest, Some("" | "/copyright"))
    }
}
