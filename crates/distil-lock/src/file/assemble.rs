//! Between the locks of single images and the file of all of them.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::archive::PocketState;
use distil_debian::package::SourceReference;
use distil_debian::solve::{Omitted, Reason};
use distil_definition::recipe::Recipe;

use super::format::{
    ArchiveState, DownloadState, FileState, LeftOut, LockFile, PackageLock, PlatformLock,
    VariantName,
};
use super::part::{ProvidedList, Timestamp, WrittenDependency, WrittenReason};
use crate::lock::{
    ArchiveFile, LocalFile, Lock, LockedDownload, LockedLayer, LockedPackage, PackageRelations,
};
use crate::resolve::{downloads_of, local_files_of};

/// The locks of the variants of one image on one platform.
#[derive(Debug, Clone)]
pub struct PlatformLocks {
    /// The platform, such as `linux/arm64`.
    pub platform: String,
    /// Of the image itself.
    pub latest: Lock,
    /// Of its debug variant: the layers of the image, and one on top of them.
    pub debug: Option<Lock>,
    /// Of its `dev`.
    pub dev: Option<Lock>,
}

impl PlatformLocks {
    fn all(&self) -> impl Iterator<Item = &Lock> {
        [&self.latest]
            .into_iter()
            .chain(&self.debug)
            .chain(&self.dev)
    }

    /// The packages of all variants, sorted by name.
    pub fn platform_lock(&self) -> PlatformLock {
        let mut packages: BTreeMap<&str, PackageLock> = BTreeMap::new();
        let image_layers = self.latest.layers.len();
        let own = self.debug.iter().flat_map(|lock| &lock.layers);
        let layers = self.latest.layers.iter().chain(own.skip(image_layers));
        let names = layer_names(layers.clone().map(|layer| layer.definition.as_str()));
        for (layer, name) in layers.zip(&names) {
            for one in &layer.packages {
                packages.insert(&one.name, package_lock(one, Some(name)));
            }
        }
        let debug_layer = names.get(image_layers);
        for (_, one) in self.dev.iter().flat_map(Lock::packages) {
            let reasons = one.reasons.iter().cloned().map(WrittenReason);
            match packages.get_mut(one.name.as_str()) {
                // All that the image has are in its `dev`.
                Some(known) if known.layer.as_ref() != debug_layer => {
                    known.dev = reasons.filter(|one| !known.reasons.contains(one)).collect();
                }
                Some(known) => known.dev = reasons.collect(),
                None => {
                    let mut new = package_lock(one, None);
                    new.dev = std::mem::take(&mut new.reasons);
                    packages.insert(&one.name, new);
                }
            }
        }
        let left_out = left_out(&self.latest);
        let of_debug = self.debug.as_ref().map(self::left_out);
        PlatformLock {
            platform: self.platform.clone(),
            variants: [
                Some(VariantName::Latest),
                self.debug.as_ref().map(|_| VariantName::Debug),
                self.dev.as_ref().map(|_| VariantName::Dev),
            ]
            .into_iter()
            .flatten()
            .collect(),
            debug_left_out: of_debug.filter(|of_debug| *of_debug != left_out),
            left_out,
            packages: packages.into_values().collect(),
        }
    }
}

impl LockFile {
    /// The files that the definitions bring, of all platforms and variants, each once.
    pub fn files_of(platforms: &[PlatformLocks]) -> Vec<FileState> {
        let files = platforms.iter().flat_map(PlatformLocks::all);
        let files = files.flat_map(|lock| &lock.files);
        let files: BTreeMap<_, _> = files
            .map(|file| {
                let key = (&file.definition, &file.from, &file.path, file.digest);
                (key, FileState::of(file))
            })
            .collect();
        files.into_values().collect()
    }
}

impl LockFile {
    /// What the definitions download, on all platforms and of all variants, each once.
    pub fn downloads_of(platforms: &[PlatformLocks]) -> Vec<DownloadState> {
        let downloads = platforms.iter().flat_map(PlatformLocks::all);
        let downloads = downloads.flat_map(|lock| &lock.downloads);
        let downloads: BTreeSet<DownloadState> = downloads
            .map(|one| DownloadState {
                definition: one.definition.clone(),
                url: one.url.clone(),
                digest: one.digest,
            })
            .collect();
        downloads.into_iter().collect()
    }
}

impl LockFile {
    /// The packages of a platform, of all its variants.
    pub fn packages_of(&self, platform: &str) -> Vec<LockedPackage> {
        let found = self.platform(platform);
        let packages = found.map_or(&[][..], |one| &one.packages);
        packages.iter().map(locked_package).collect()
    }
}

impl FileState {
    /// A file as it is now.
    pub(super) fn of(file: &LocalFile) -> Self {
        Self {
            definition: file.definition.clone(),
            from: file.from.clone(),
            path: file.path.clone(),
            size: file.size,
            digest: file.digest,
        }
    }
}

impl ArchiveState {
    /// A state that an archive had.
    pub fn of(state: &PocketState) -> Self {
        Self {
            suite: state.name.clone(),
            version: state.version.clone(),
            date: Timestamp(state.date),
            release: state.release,
            keys: state.keys.clone(),
            origin: state.origin.clone(),
        }
    }

    fn pocket_state(&self) -> PocketState {
        PocketState {
            name: self.suite.clone(),
            date: self.date.0,
            release: self.release,
            version: self.version.clone(),
            keys: self.keys.clone(),
            origin: self.origin.clone(),
        }
    }
}

/// The lock of one image: of the variant and the platform of `recipe`, which the file has to fit.
/// None if the file has no such platform or variant.
pub fn lock(file: &LockFile, recipe: &Recipe) -> Option<Lock> {
    let platform = file.platform(&recipe.architecture.platform().to_string())?;
    let variant = VariantName::from(recipe.variant);
    if !platform.variants.contains(&variant) {
        return None;
    }
    let layers = match variant {
        VariantName::Dev => vec![dev_layer(platform, recipe)],
        VariantName::Latest | VariantName::Debug => {
            let definitions = recipe.layers.iter().map(|one| one.definition.as_str());
            let names = layer_names(definitions);
            let layers = recipe.layers.iter().zip(&names);
            let layers = layers.map(|(layer, name)| LockedLayer {
                definition: layer.definition.clone(),
                packages: packages_of(platform, name),
            });
            layers.collect()
        }
    };
    let omitted: &[LeftOut] = match variant {
        VariantName::Latest => &platform.left_out,
        VariantName::Debug => platform
            .debug_left_out
            .as_ref()
            .unwrap_or(&platform.left_out),
        VariantName::Dev => &[],
    };
    let omitted = omitted.iter().map(|one| Omitted {
        package: one.dependency.package.clone(),
        field: one.dependency.field,
        relation: one.dependency.relation.clone(),
        without: one.without.clone(),
    });
    Some(Lock {
        suite: file.suite.clone(),
        architecture: recipe.architecture.debian().to_owned(),
        states: file
            .archives
            .iter()
            .map(ArchiveState::pocket_state)
            .collect(),
        layers,
        omitted: omitted.collect(),
        files: local_files_of(recipe),
        downloads: locked_downloads(file, recipe),
    })
}

/// What the definitions download. Where the files of an application are, the file says: its own lock
/// may name them by their digests alone.
fn locked_downloads(file: &LockFile, recipe: &Recipe) -> Vec<LockedDownload> {
    let mut downloads = downloads_of(recipe);
    let has_python = |definition: &str| {
        let mut layers = recipe.layers.iter();
        layers.any(|layer| layer.definition == definition && !layer.pythons.is_empty())
    };
    let of_applications = file
        .downloads
        .iter()
        .filter(|one| has_python(&one.definition));
    downloads.extend(of_applications.map(|one| LockedDownload {
        definition: one.definition.clone(),
        url: one.url.clone(),
        digest: one.digest,
    }));
    downloads.sort();
    downloads.dedup();
    downloads
}

/// The packages of a `dev`, in its order: those of the image first, layer by layer.
fn dev_layer(platform: &PlatformLock, recipe: &Recipe) -> LockedLayer {
    let names = layer_names(recipe.same_as.iter().map(|one| one.definition.as_str()));
    let mut packages = Vec::new();
    let image = names.iter().flat_map(|name| {
        let all = platform.packages.iter();
        all.filter(move |one| one.layer.as_ref() == Some(name))
    });
    for one in image {
        let mut package = locked_package(one);
        package.reasons.retain(|reason| *reason != Reason::Pinned);
        package
            .reasons
            .extend(one.dev.iter().map(|one| one.0.clone()));
        package.reasons.sort();
        package.reasons.dedup();
        packages.push(package);
    }
    let is_image = |one: &PackageLock| one.layer.as_ref().is_some_and(|name| names.contains(name));
    let others = platform.packages.iter();
    let others = others.filter(|one| !one.dev.is_empty() && !is_image(one));
    packages.extend(others.map(|one| {
        let mut package = locked_package(one);
        package.reasons = one.dev.iter().map(|one| one.0.clone()).collect();
        package
    }));
    let definition = recipe.layers.last();
    LockedLayer {
        definition: definition.map_or_else(String::new, |layer| layer.definition.clone()),
        packages,
    }
}

fn packages_of(platform: &PlatformLock, layer: &str) -> Vec<LockedPackage> {
    let packages = platform.packages.iter();
    let packages = packages.filter(|one| one.layer.as_deref() == Some(layer));
    packages.map(locked_package).collect()
}

/// The names of layers in the file: those of their definitions, and a number behind the second
/// one of a name, since a definition may have the name of the one that it is based on.
fn layer_names<'a>(definitions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for definition in definitions {
        let numbered = (2..).map(|number| format!("{definition}#{number}"));
        let mut candidates = std::iter::once(definition.to_owned()).chain(numbered);
        names.extend(candidates.find(|name| !names.contains(name)));
    }
    names
}

fn left_out(lock: &Lock) -> Vec<LeftOut> {
    let entries = lock.omitted.iter().map(|one| {
        let dependency = WrittenDependency::of(one);
        let key = (dependency.to_string(), one.without.clone());
        let without = one.without.clone();
        (
            key,
            LeftOut {
                dependency,
                without,
            },
        )
    });
    let sorted: BTreeMap<_, _> = entries.collect();
    sorted.into_values().collect()
}

/// A package of the file as an image has it: with the reasons for its layer.
fn locked_package(one: &PackageLock) -> LockedPackage {
    let source_version = one.source_version.as_ref();
    LockedPackage {
        name: one.name.clone(),
        version: one.version.clone(),
        architecture: one.architecture.clone(),
        source: SourceReference {
            name: one.source.clone(),
            version: source_version.unwrap_or(&one.version).clone(),
        },
        multi_arch: one.multi_arch,
        relations: PackageRelations {
            pre_depends: one.pre_depends.clone(),
            depends: one.depends.clone(),
            provides: one.provides.0.clone(),
            conflicts: one.conflicts.clone(),
            breaks: one.breaks.clone(),
            replaces: one.replaces.clone(),
        },
        installed_size_kib: one.installed_size,
        file: ArchiveFile {
            suite: one.suite.clone(),
            path: one.path.clone(),
            size: one.size,
            sha256: one.digest,
            last_seen: one.last_seen.map(|time| time.0),
        },
        reasons: one.reasons.iter().map(|one| one.0.clone()).collect(),
    }
}

fn package_lock(one: &LockedPackage, layer: Option<&String>) -> PackageLock {
    let source = &one.source;
    let is_other = source.version.as_str() != one.version.as_str();
    let relations = one.relations.clone();
    let reasons: BTreeSet<Reason> = one.reasons.iter().cloned().collect();
    PackageLock {
        name: one.name.clone(),
        version: one.version.clone(),
        architecture: one.architecture.clone(),
        source: source.name.clone(),
        source_version: is_other.then(|| source.version.clone()),
        suite: one.file.suite.clone(),
        path: one.file.path.clone(),
        size: one.file.size,
        digest: one.file.sha256,
        last_seen: one.file.last_seen.map(Timestamp),
        installed_size: one.installed_size_kib,
        multi_arch: one.multi_arch,
        pre_depends: relations.pre_depends,
        depends: relations.depends,
        provides: ProvidedList(relations.provides),
        conflicts: relations.conflicts,
        breaks: relations.breaks,
        replaces: relations.replaces,
        layer: layer.cloned(),
        reasons: reasons.into_iter().map(WrittenReason).collect(),
        dev: Vec::new(),
    }
}
