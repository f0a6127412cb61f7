//! From a recipe to the exact packages of each layer.
//!
//! Each definition of the chain is solved on its own, with the packages of those below pinned:
//! so the layers of `base` are the same whether `base`, `cc` or `python3` is built.

use std::collections::BTreeSet;

use distil_debian::archive::PocketState;
use distil_debian::index::PackageIndex;
use distil_debian::solve::{Omitted, Reason, Request, Selected, SolveError, solve};
use distil_definition::Policy;
use distil_definition::recipe::{BundleSource, JarContent, LayerRecipe, Recipe, is_tool};
use distil_oci::Location;
use distil_store::Digest;

use crate::lock::{LocalFile, Lock, LockedDownload, LockedLayer, LockedPackage};
use crate::resolve_error::ResolveError;
use crate::view::{View, wanted};

/// Finds the packages of all layers.
///
/// # Errors
/// If a layer has no solution on top of those below.
pub fn resolve(
    recipe: &Recipe,
    index: &PackageIndex,
    states: &[PocketState],
) -> Result<Lock, ResolveError> {
    let (layers, omitted) = match recipe.variant.is_dev() {
        false => resolve_layers(recipe, &recipe.layers, index)?,
        true => {
            let (image, _) = resolve_layers(recipe, &recipe.same_as, index)?;
            let mut view = View::new(recipe, index);
            for layer in recipe.same_as.iter().chain(&recipe.layers) {
                view.add(layer)?;
            }
            (vec![resolve_dev(recipe, &image, view.index())?], Vec::new())
        }
    };
    let files = local_files_of(recipe);
    let downloads = downloads_of(recipe);
    Ok(Lock {
        suite: recipe.suite.codename.to_owned(),
        architecture: recipe.architecture.debian().to_owned(),
        states: states.to_vec(),
        layers,
        omitted,
        files,
        downloads,
    })
}

/// The one layer of a `dev`: the packages of the image, in their versions and their order, then
/// all the others. No relation is left out, since apt would miss it.
fn resolve_dev(
    recipe: &Recipe,
    image: &[LockedLayer],
    index: &PackageIndex,
) -> Result<LockedLayer, ResolveError> {
    let layer = recipe.layers.last();
    let definition = layer.map_or("", |layer| &layer.definition);
    let of_image = || image.iter().flat_map(|layer| &layer.packages);
    let mut install = Vec::new();
    for layer in &recipe.layers {
        for one in &layer.packages {
            install.push(wanted(one, layer, index)?);
        }
    }
    let request = Request {
        install,
        pinned: of_image()
            .map(|one| (one.name.clone(), one.version.clone()))
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
        let place = more.iter().position(|other| other.package.name == one.name);
        let Some(same) = place.map(|place| more.remove(place)) else {
            continue;
        };
        let mut same = locked(same, index);
        same.reasons.retain(|reason| *reason != Reason::Pinned);
        same.reasons.extend(one.reasons.iter().cloned());
        same.reasons.retain(|reason| *reason != Reason::Pinned);
        same.reasons.sort();
        same.reasons.dedup();
        packages.push(same);
    }
    packages.extend(more.into_iter().map(|one| locked(one, index)));
    Ok(LockedLayer {
        definition,
        packages,
    })
}

fn resolve_layers(
    recipe: &Recipe,
    recipes: &[LayerRecipe],
    index: &PackageIndex,
) -> Result<(Vec<LockedLayer>, Vec<Omitted>), ResolveError> {
    let mut layers: Vec<LockedLayer> = Vec::new();
    let mut omitted = Vec::new();
    let mut without: BTreeSet<String> = Policy::default_policy().without.keys().cloned().collect();
    let mut view = View::new(recipe, index);
    for layer in recipes {
        view.add(layer)?;
        let index = view.index();
        without.extend(layer.without.keys().cloned());
        let resolved;
        (resolved, omitted) = resolve_layer(layer, &layers, &without, index)?;
        let own = layer.without.iter();
        for (name, reason) in own.filter(|(name, _)| layer.must_matter(name)) {
            if !omitted.iter().any(|one| one.without == *name) {
                return Err(ResolveError::UselessWithout {
                    definition: layer.definition.clone(),
                    name: name.clone(),
                    position: reason.position.clone(),
                });
            }
        }
        layers.push(resolved);
        // What a definition asks for by name is there although one below does without it.
        let packages = layers.iter().flat_map(|layer| &layer.packages);
        let names: BTreeSet<&str> = packages.map(|one| one.name.as_str()).collect();
        omitted.retain(|one| {
            let mut relations = one.relation.iter();
            !relations.any(|relation| names.contains(relation.name.as_str()))
        });
    }
    Ok((layers, omitted))
}

/// A selected package, with the suite that its index is of instead of a position among the indexes.
fn locked(one: Selected, index: &PackageIndex) -> LockedPackage {
    let pocket = index.pockets().get(usize::from(one.package.pocket));
    let suite = pocket.map_or("", |pocket| &pocket.name);
    LockedPackage::new(one.package, suite, one.reasons)
}

/// The files that the definitions of a recipe bring.
pub fn local_files_of(recipe: &Recipe) -> Vec<LocalFile> {
    recipe.layers.iter().flat_map(local_files).collect()
}

/// What the definitions of a recipe download.
pub fn downloads_of(recipe: &Recipe) -> Vec<LockedDownload> {
    let layers = recipe.layers.iter();
    let downloads = layers.flat_map(|layer| {
        let bundles = layer.bundles.iter();
        bundles.filter_map(|bundle| match &bundle.source {
            BundleSource::Download(download) => Some(LockedDownload {
                definition: layer.definition.clone(),
                url: download.url.to_string(),
                digest: download.digest?,
            }),
            // Where no registry has it, it is a file of this machine.
            BundleSource::Image(image) => {
                let is_remote = matches!(image.location, Location::Registry(_));
                let (digest, _) = image.found.filter(|_| is_remote)?;
                Some(LockedDownload {
                    definition: layer.definition.clone(),
                    url: image.location.to_string(),
                    digest,
                })
            }
            BundleSource::Directory { .. } | BundleSource::Probe(_) => None,
        })
    });
    let mut downloads: Vec<LockedDownload> = downloads.collect();
    downloads.sort();
    downloads.dedup();
    downloads
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
    let directories = layer
        .bundles
        .iter()
        .filter_map(|bundle| match &bundle.source {
            BundleSource::Directory { from, listing } => Some(LocalFile {
                definition: layer.definition.clone(),
                from: from.clone(),
                path: Some(bundle.placement.to.to_string()),
                digest: listing.digest(),
                size: listing.size(),
            }),
            BundleSource::Image(image) => {
                let is_remote = matches!(image.location, Location::Registry(_));
                let (digest, size) = image.found.filter(|_| !is_remote)?;
                Some(LocalFile {
                    definition: layer.definition.clone(),
                    from: image.from.clone(),
                    path: Some(bundle.placement.to.to_string()),
                    digest,
                    size,
                })
            }
            BundleSource::Download(_) | BundleSource::Probe(_) => None,
        });
    let packages = layer.packages.iter().filter_map(|request| {
        let local = request.local.as_ref()?;
        Some(LocalFile {
            definition: layer.definition.clone(),
            from: local.from.clone(),
            path: None,
            digest: local.package.sha256,
            size: local.package.size,
        })
    });
    let pythons = layer.pythons.iter().flat_map(|python| {
        let local = |from: &str, digest, size| LocalFile {
            definition: layer.definition.clone(),
            from: from.to_owned(),
            path: None,
            digest,
            size,
        };
        let wheels = python.wheels.iter();
        let wheels = wheels.map(move |one| local(&one.from, one.sha256, one.size));
        std::iter::once(local(&python.from, python.digest, python.size)).chain(wheels)
    });
    let nodes = layer.nodes.iter().map(|node| LocalFile {
        definition: layer.definition.clone(),
        from: node.from.clone(),
        path: None,
        digest: node.digest,
        size: node.size,
    });
    let files = files.chain(certificates).chain(directories);
    let javas = layer.javas.iter().flat_map(|java| &java.jars);
    // A jar in a jar is a part of that one.
    let javas = javas.filter(|jar| !matches!(jar.content, JarContent::Library(_)));
    let javas = javas.map(|jar| LocalFile {
        definition: layer.definition.clone(),
        from: jar.from.clone(),
        path: Some(jar.to.to_string()),
        digest: jar.sha256,
        size: jar.size,
    });
    let files = files.chain(pythons).chain(nodes).chain(javas);
    files.chain(packages).collect()
}

fn resolve_layer(
    layer: &LayerRecipe,
    below: &[LockedLayer],
    without: &BTreeSet<String>,
    index: &PackageIndex,
) -> Result<(LockedLayer, Vec<Omitted>), ResolveError> {
    let mut without = without.clone();
    let mut request = Request::default();
    for package in &layer.packages {
        request.install.push(wanted(package, layer, index)?);
        for relation in package.relation.iter() {
            // What a layer below did without, this one may ask for by name.
            if !layer.without.contains_key(&relation.name) {
                without.remove(&relation.name);
            }
        }
    }
    request.without = without;
    let pinned = below.iter().flat_map(|layer| &layer.packages);
    let pinned = pinned.map(|one| (one.name.clone(), one.version.clone()));
    request.pinned = pinned.collect();
    let solution = solve(index, &request).map_err(|source| {
        let definition = layer.definition.clone();
        if let SolveError::Unknown { name, .. } = &source
            && let Some(archive) = index.withholding(name).first()
        {
            return ResolveError::Withheld {
                definition,
                name: name.clone(),
                archive: (*archive).to_owned(),
            };
        }
        ResolveError::Unsolvable { definition, source }
    })?;
    let is_new = |one: &Selected| {
        !request
            .pinned
            .iter()
            .any(|(name, _)| *name == one.package.name)
    };
    let packages = solution.packages.into_iter().filter(is_new);
    let layer = LockedLayer {
        definition: layer.definition.clone(),
        packages: packages.map(|one| locked(one, index)).collect(),
    };
    Ok((layer, solution.omitted))
}
