//! What an index has of a name, for messages.

use std::collections::BTreeSet;

use crate::index::IndexError;
use crate::package::BinaryPackage;

use super::error::Offer;
use super::universe::Universe;

/// The packages called `name`, the best first.
pub(super) fn offers(universe: &Universe<'_>, name: &str) -> Result<Vec<Offer>, IndexError> {
    let pockets = universe.index().pockets();
    let offer = |package: &BinaryPackage| Offer::Real {
        version: package.version.clone(),
        pocket: pockets
            .get(usize::from(package.pocket))
            .map_or_else(String::new, |pocket| pocket.name.clone()),
    };
    let candidates = universe.candidates(name)?;
    let packages = candidates.iter().map(|id| universe.package(*id));
    Ok(packages.map(|package| offer(&package)).collect())
}

/// What other packages provide by the name `name`, each once.
pub(super) fn provided_offers(
    universe: &Universe<'_>,
    name: &str,
) -> Result<Vec<Offer>, IndexError> {
    let mut offers = BTreeSet::new();
    for provider in universe.index().providers(name) {
        for id in universe.candidates(provider)?.iter() {
            let package = universe.package(*id);
            let provided = package.provides.iter();
            for provided in provided.filter(|provided| provided.name == name) {
                offers.insert(Offer::Provided {
                    version: provided.version.clone(),
                    by: provider.to_owned(),
                });
            }
        }
    }
    Ok(offers.into_iter().collect())
}
