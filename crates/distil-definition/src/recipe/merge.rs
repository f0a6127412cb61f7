//! Several layers made one, for a definition that shares none with what it stands on.

use std::collections::HashMap;

use distil_debian::relation::Alternatives;
use distil_tree::PatternError;

use super::layer::{LayerRecipe, PackageRequest};
use super::written::WrittenPatterns;
use crate::format::KeyStore;

/// One layer of all of `layers`, the lowest first.
pub(super) fn merged(
    definition: &str,
    layers: Vec<LayerRecipe>,
) -> Result<LayerRecipe, PatternError> {
    let mut all = LayerRecipe::new(definition);
    for layer in layers {
        for request in &layer.packages {
            // What a definition below does without, a higher one may ask for by name.
            for relation in request.relation.iter() {
                all.without.remove(&relation.name);
            }
        }
        all.packages.extend(layer.packages);
        all.without.extend(layer.without);
        if !layer.keep.is_empty() {
            let below = all.drop.texts().len();
            all.recovered.push((below, layer.keep.clone()));
        }
        all.drop = WrittenPatterns::all([&all.drop, &layer.drop])?;
        all.keep = WrittenPatterns::all([&all.keep, &layer.keep])?;
        all.excuse.extend(layer.excuse);
        all.allow.extend(layer.allow);
        all.links.extend(layer.links);
        all.directories.extend(layer.directories);
        all.files.extend(layer.files);
        all.bundles.extend(layer.bundles);
        all.pythons.extend(layer.pythons);
        all.nodes.extend(layer.nodes);
        all.javas.extend(layer.javas);
        all.certificates.extend(layer.certificates);
        if layer.key_store != KeyStore::default() {
            all.key_store = layer.key_store;
        }
        all.bytecode = layer.bytecode;
        all.lenient.extend(layer.lenient);
        all.accounts = layer.accounts;
    }
    all.packages = joined(all.packages)?;
    Ok(all)
}

/// One request for each relation, in the order of the first: those for the same relation together
/// take what each of them takes.
pub(super) fn joined(requests: Vec<PackageRequest>) -> Result<Vec<PackageRequest>, PatternError> {
    let mut numbers: HashMap<Alternatives, usize> = HashMap::new();
    let mut joined: Vec<(PackageRequest, Vec<WrittenPatterns>)> = Vec::new();
    for request in requests {
        let number = numbers.get(&request.relation);
        match number.and_then(|number| joined.get_mut(*number)) {
            Some((first, more)) => {
                first.moved.extend(request.moved);
                more.push(request.only);
            }
            None => {
                numbers.insert(request.relation.clone(), joined.len());
                joined.push((request, Vec::new()));
            }
        }
    }
    let join = |(mut first, more): (PackageRequest, Vec<WrittenPatterns>)| {
        if first.only.is_empty() || more.iter().any(|only| only.is_empty()) {
            first.only = WrittenPatterns::none();
        } else if !more.is_empty() {
            first.only = WrittenPatterns::all([&first.only].into_iter().chain(&more))?;
        }
        Ok(first)
    };
    joined.into_iter().map(join).collect()
}
