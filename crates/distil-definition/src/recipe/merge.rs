//! Several layers made one, for a definition that shares none with what it stands on.

use distil_tree::{PatternError, Patterns};

use super::layer::{LayerRecipe, PackageRequest};
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
        for request in layer.packages {
            add_request(&mut all.packages, request)?;
        }
        all.without.extend(layer.without);
        if !layer.keep.is_empty() {
            let below = all.drop.texts().len();
            all.recovered.push((below, layer.keep.clone()));
        }
        all.drop = all.drop.and(&layer.drop)?;
        all.keep = all.keep.and(&layer.keep)?;
        all.excuse.extend(layer.excuse);
        all.allow.extend(layer.allow);
        all.links.extend(layer.links);
        all.directories.extend(layer.directories);
        all.files.extend(layer.files);
        all.certificates.extend(layer.certificates);
        if layer.key_store != KeyStore::default() {
            all.key_store = layer.key_store;
        }
        all.lenient.extend(layer.lenient);
        all.written.extend(layer.written);
        all.accounts = layer.accounts;
        all.texts.extend(layer.texts);
    }
    Ok(all)
}

/// Adds a request; one for the same package that is there already takes what both take.
pub(super) fn add_request(
    requests: &mut Vec<PackageRequest>,
    request: PackageRequest,
) -> Result<(), PatternError> {
    let same = requests
        .iter_mut()
        .find(|one| one.relation == request.relation);
    let Some(same) = same else {
        requests.push(request);
        return Ok(());
    };
    same.only = match same.only.is_empty() || request.only.is_empty() {
        true => Patterns::none(),
        false => same.only.and(&request.only)?,
    };
    same.moved.extend(request.moved);
    Ok(())
}
