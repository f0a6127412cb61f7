//! From a recipe to the exact packages of each layer.
//!
//! Each definition of the chain is solved on its own, with the packages of those below pinned:
//! so the layers of `base` are the same whether `base`, `cc` or `python3` is built.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::archive::PocketState;
use distil_debian::index::PackageIndex;
use distil_debian::solve::{Omitted, Reason, Request, Selected, SolveError, solve};
use distil_definition::Policy;
use distil_definition::recipe::{LayerRecipe, Place, Recipe, is_tool};
use distil_oci::Platform;
use distil_store::Digest;
use serde::{Deserialize, Serialize};

/// The packages of an image, after solving: what a lock holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The release of Debian.
    pub suite: String,
    /// Debian's name of the architecture.
    pub architecture: String,
    /// The states of the archive that the packages are from.
    pub states: Vec<PocketState>,
    /// The packages of each layer, the lowest first.
    pub layers: Vec<ResolvedLayer>,
    /// The files that definitions bring from beside them.
    pub files: Vec<LocalFile>,
}

/// A file that a definition brings from beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFile {
    /// The definition.
    pub definition: String,
    /// The file, as the definition names it.
    pub from: String,
    /// Its path in the image; none of a file of certificates, which go to several places.
    pub path: Option<String>,
    /// The digest of what is taken of it: its bytes, or those of its certificates in DER.
    pub digest: Digest,
    /// How many bytes these are.
    pub size: u64,
}

/// The packages that one layer adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedLayer {
    /// The definition's name.
    pub definition: String,
    /// The packages, sorted by name, with the reasons why each is there. In a `dev`, those of
    /// the image come first, layer by layer.
    pub packages: Vec<Selected>,
    /// Dependencies of all packages so far that were left out.
    pub omitted: Vec<Omitted>,
}

/// Why there are no packages for a recipe.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no solution.
    #[error("failed to find packages for `{definition}`")]
    Unsolvable {
        /// The definition.
        definition: String,
        /// Why.
        source: SolveError,
    },
    /// What a `dev` is to have does not go together.
    #[error("failed to find packages for `{definition}` beside those of the image itself")]
    UnsolvableDev {
        /// The image.
        definition: String,
        /// Why.
        source: SolveError,
    },
    /// There is no compiler for the platform, or another tool of every `dev`.
    #[error(
        "`{definition}` cannot be made for {platform}: there is no package `{tool}`, which every \
         `:dev` has, in {}", pockets.join(", ")
    )]
    NoTool {
        /// The image.
        definition: String,
        /// The platform.
        platform: Platform,
        /// The tool's package.
        tool: String,
        /// The pockets that were searched.
        pockets: Vec<String>,
    },
    /// An entry of `without` leaves nothing out.
    #[error(
        "`without: {name}` of definition `{definition}` leaves nothing out: no package of the \
         image asks for it{place}"
    )]
    UselessWithout {
        /// The definition.
        definition: String,
        /// The entry.
        name: String,
        /// Where it stands.
        place: Place,
    },
}

impl ResolveError {
    /// The pocket whose index turned out to be damaged in the store, if that is why.
    pub fn damaged(&self) -> Option<&str> {
        match self {
            Self::Unsolvable { source, .. } | Self::UnsolvableDev { source, .. } => {
                source.damaged()
            }
            Self::NoTool { .. } | Self::UselessWithout { .. } => None,
        }
    }
}

/// Finds the packages of all layers.
///
/// # Errors
/// If a layer has no solution on top of those below.
pub fn resolve(
    recipe: &Recipe,
    index: &PackageIndex,
    states: &[PocketState],
) -> Result<Resolution, ResolveError> {
    let layers = match recipe.variant.is_dev() {
        false => resolve_layers(&recipe.layers, index)?,
        true => {
            let image = resolve_layers(&recipe.same_as, index)?;
            vec![resolve_dev(recipe, &image, index)?]
        }
    };
    let files = local_files_of(recipe);
    Ok(Resolution {
        suite: recipe.suite.codename.to_owned(),
        architecture: recipe.architecture.debian().to_owned(),
        states: states.to_vec(),
        layers,
        files,
    })
}

/// The one layer of a `dev`: the packages of the image, in their versions and their order, then
/// all the others. No relation is left out, since apt would miss it.
fn resolve_dev(
    recipe: &Recipe,
    image: &[ResolvedLayer],
    index: &PackageIndex,
) -> Result<ResolvedLayer, ResolveError> {
    let layer = recipe.layers.last();
    let definition = layer.map_or("", |layer| &layer.definition);
    let of_image = || image.iter().flat_map(|layer| &layer.packages);
    let requests = recipe.layers.iter().flat_map(|layer| &layer.packages);
    let request = Request {
        install: requests.map(|one| one.relation.clone()).collect(),
        pinned: of_image()
            .map(|one| (one.package.name.clone(), one.package.version.clone()))
            .collect(),
        without: BTreeSet::new(),
    };
    let definition = definition.to_owned();
    let solution = match solve(index, &request) {
        Ok(solution) => solution,
        Err(SolveError::Unknown { name, pockets, .. }) if is_tool(&name) => {
            return Err(ResolveError::NoTool {
                definition,
                platform: recipe.architecture.platform(),
                tool: name,
                pockets,
            });
        }
        Err(source) => return Err(ResolveError::UnsolvableDev { definition, source }),
    };
    let mut more = solution.packages;
    let mut packages = Vec::new();
    for one in of_image() {
        let place = more
            .iter()
            .position(|other| other.package.name == one.package.name);
        let Some(mut same) = place.map(|place| more.remove(place)) else {
            continue;
        };
        same.reasons.retain(|reason| *reason != Reason::Pinned);
        same.reasons.extend(one.reasons.iter().cloned());
        same.reasons.retain(|reason| *reason != Reason::Pinned);
        same.reasons.sort();
        same.reasons.dedup();
        packages.push(same);
    }
    packages.extend(more);
    Ok(ResolvedLayer {
        definition,
        packages,
        omitted: solution.omitted,
    })
}

fn resolve_layers(
    recipes: &[LayerRecipe],
    index: &PackageIndex,
) -> Result<Vec<ResolvedLayer>, ResolveError> {
    let mut layers: Vec<ResolvedLayer> = Vec::new();
    let mut without: BTreeSet<String> = Policy::default_policy().without.keys().cloned().collect();
    for layer in recipes {
        without.extend(layer.without.keys().cloned());
        let resolved = resolve_layer(layer, &layers, &without, index)?;
        for name in layer.without.keys().filter(|name| layer.must_matter(name)) {
            if !resolved
                .omitted
                .iter()
                .any(|omitted| omitted.without == *name)
            {
                return Err(ResolveError::UselessWithout {
                    definition: layer.definition.clone(),
                    name: name.clone(),
                    place: layer.place("without", name),
                });
            }
        }
        layers.push(resolved);
        let Some((resolved, below)) = layers.split_last_mut() else {
            continue;
        };
        // What a definition asks for by name is there although one below does without it.
        let own = resolved.packages.iter();
        let packages = below.iter().flat_map(|layer| &layer.packages).chain(own);
        let names: BTreeSet<&str> = packages.map(|one| one.package.name.as_str()).collect();
        resolved.omitted.retain(|omitted| {
            let mut relations = omitted.relation.iter();
            !relations.any(|relation| names.contains(relation.name.as_str()))
        });
    }
    Ok(layers)
}

/// The files that the definitions of a recipe bring.
pub fn local_files_of(recipe: &Recipe) -> Vec<LocalFile> {
    recipe.layers.iter().flat_map(local_files).collect()
}

fn local_files(layer: &LayerRecipe) -> Vec<LocalFile> {
    let local = |from: &str, path: Option<String>, bytes: &[u8]| LocalFile {
        definition: layer.definition.clone(),
        from: from.to_owned(),
        path,
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    };
    let files = layer.files.iter().filter_map(|file| {
        let from = file.from.as_deref()?;
        Some(local(
            from,
            Some(file.addition.path.to_string()),
            &file.bytes,
        ))
    });
    let certificates = layer.certificates.iter().map(|file| {
        let bytes: Vec<&[u8]> = file.authorities.iter().map(AsRef::as_ref).collect();
        local(&file.from, None, &bytes.concat())
    });
    files.chain(certificates).collect()
}

fn resolve_layer(
    layer: &LayerRecipe,
    below: &[ResolvedLayer],
    without: &BTreeSet<String>,
    index: &PackageIndex,
) -> Result<ResolvedLayer, ResolveError> {
    let mut without = without.clone();
    let mut request = Request::default();
    for package in &layer.packages {
        request.install.push(package.relation.clone());
        for relation in package.relation.iter() {
            // What a layer below did without, this one may ask for by name.
            if !layer.without.contains_key(&relation.name) {
                without.remove(&relation.name);
            }
        }
    }
    request.without = without;
    let pinned = below.iter().flat_map(|layer| &layer.packages);
    let pinned = pinned.map(|one| (one.package.name.clone(), one.package.version.clone()));
    request.pinned = pinned.collect();
    let solution = solve(index, &request).map_err(|source| ResolveError::Unsolvable {
        definition: layer.definition.clone(),
        source,
    })?;
    let is_new = |one: &Selected| {
        !request
            .pinned
            .iter()
            .any(|(name, _)| *name == one.package.name)
    };
    Ok(ResolvedLayer {
        definition: layer.definition.clone(),
        packages: solution.packages.into_iter().filter(is_new).collect(),
        omitted: solution.omitted,
    })
}

impl Resolution {
    /// All packages, with the number of the layer of each.
    pub fn packages(&self) -> impl Iterator<Item = (usize, &Selected)> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(number, layer)| layer.packages.iter().map(move |one| (number, one)))
    }

    /// The source of each package with its version, by the package's name.
    pub fn sources(&self) -> BTreeMap<String, String> {
        let packages = self.packages().map(|(_, one)| &one.package);
        let sources = packages.map(|one| (one.name.clone(), one.source.to_string()));
        sources.collect()
    }
}
