//! What of an index the layers of an image may use.
//!
//! The layers of a definition are the same whatever stands on them. So what a definition adds to the
//! places that packages come from is there from its own layer on, and hidden from those below.

use std::collections::BTreeSet;

use distil_debian::index::{PackageIndex, PocketRule};
use distil_debian::relation::Alternatives;
use distil_definition::recipe::{LayerRecipe, PackageRequest, Recipe};

use crate::lock::LOCAL;
use crate::resolve_error::ResolveError;

/// An index as the layers so far see it.
pub(crate) struct View<'a> {
    recipe: &'a Recipe,
    index: &'a PackageIndex,
    /// None where it is the index as it is.
    own: Option<PackageIndex>,
    /// How many layers there are so far.
    layers: usize,
    /// The names that they ask for.
    asked: BTreeSet<String>,
}

impl<'a> View<'a> {
    /// What no layer has looked at yet.
    pub(crate) fn new(recipe: &'a Recipe, index: &'a PackageIndex) -> Self {
        let origins = &recipe.origins;
        let is_whole = origins.archives.is_empty() && origins.backports.is_empty();
        Self {
            recipe,
            index,
            own: (!is_whole).then(|| index.clone()),
            layers: 0,
            asked: BTreeSet::new(),
        }
    }

    /// Adds what a layer may have more than those below. A package that it names as a file is the
    /// only one of its name from here on.
    pub(crate) fn add(&mut self, layer: &LayerRecipe) -> Result<(), ResolveError> {
        let relations = layer.packages.iter().flat_map(|one| one.relation.iter());
        self.asked
            .extend(relations.map(|relation| relation.name.clone()));
        self.set_rules();
        self.layers += 1;
        for local in layer.packages.iter().filter_map(|one| one.local.as_ref()) {
            let index = self.own.get_or_insert_with(|| self.index.clone());
            let held = index.hold(local.package.clone(), LOCAL);
            held.map_err(|source| ResolveError::Unsolvable {
                definition: layer.definition.clone(),
                source: source.into(),
            })?;
        }
        Ok(())
    }

    fn set_rules(&mut self) {
        let Some(own) = &mut self.own else { return };
        let origins = &self.recipe.origins;
        for archive in &origins.archives {
            let priority = archive.priority;
            let rule = match &archive.packages {
                _ if archive.layer > self.layers => PocketRule::Nothing,
                Some(patterns) => PocketRule::Named {
                    patterns: patterns.clone(),
                    priority,
                },
                None => PocketRule::Additions {
                    asked: self.asked.clone(),
                    priority,
                },
            };
            own.set_rule(&archive.pocket.name, rule);
        }
        if !origins.backports.is_empty() {
            let here = origins.backports.iter();
            let here = here.filter(|(layer, _)| *layer <= self.layers);
            let preferred: BTreeSet<String> = here.map(|(_, name)| name.clone()).collect();
            let rule = match preferred.is_empty() {
                true => PocketRule::Nothing,
                false => PocketRule::Backports { preferred },
            };
            own.set_rule(&self.recipe.suite.backports(), rule);
        }
    }

    /// What the layers so far see.
    pub(crate) fn index(&self) -> &PackageIndex {
        self.own.as_ref().unwrap_or(self.index)
    }
}

/// The relation that an entry of a definition means: of one that names a suite, the very version that
/// the suite has.
pub(crate) fn wanted(
    request: &PackageRequest,
    layer: &LayerRecipe,
    index: &PackageIndex,
) -> Result<Alternatives, ResolveError> {
    let relation = &request.relation;
    let (Some(suite), Some(name)) = (&request.suite, relation.iter().next()) else {
        return Ok(relation.clone());
    };
    let name = &name.name;
    let pockets = index.pockets().iter().map(|pocket| &pocket.name);
    // Another archive's suite may be named by the last word of its name.
    let is_meant =
        |pocket: &&String| *pocket == suite || pocket.rsplit(' ').next() == Some(suite.as_str());
    let meant: BTreeSet<&String> = pockets.clone().filter(is_meant).collect();
    let missing = |known| ResolveError::NotInSuite {
        definition: layer.definition.clone(),
        entry: format!("{name}/{suite}"),
        suite: suite.clone(),
        known,
        pockets: {
            let all: BTreeSet<String> = pockets.clone().cloned().collect();
            all.into_iter().collect()
        },
        position: request.position.clone(),
    };
    let mut found = Vec::new();
    for pocket in &meant {
        let packages = index.in_pocket(pocket, name);
        found.extend(packages.map_err(|source| ResolveError::Unsolvable {
            definition: layer.definition.clone(),
            source: source.into(),
        })?);
    }
    let best = found.into_iter().max_by(|a, b| a.version.cmp(&b.version));
    let Some(best) = best else {
        return Err(missing(!meant.is_empty()));
    };
    let exact = format!("{name} (= {})", best.version);
    let parsed = exact.parse::<distil_debian::relation::Relations>().ok();
    let parsed = parsed.and_then(|relations| relations.0.into_iter().next());
    Ok(parsed.unwrap_or_else(|| relation.clone()))
}
