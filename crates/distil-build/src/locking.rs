//! From a definition to the lock of all its platforms and variants.

use std::collections::BTreeSet;

use distil_debian::archive::{Archive, PocketState};
use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_definition::recipe::{Recipe, Variant};
use distil_image::{IMAGE_FORMAT, LAYER_FORMAT};
use distil_lock::file::{
    ArchiveState, DefinitionState, Formats, LockFile, PlatformLocks, SCHEMA_VERSION, Timestamp,
};
use distil_lock::{LOCAL, Lock, LockedPackage};
use distil_oci::Platform;
use distil_store::Digest;

use crate::error::BuildError;
use crate::lock_error::LockError;
use crate::platforms::agree;
use crate::request::Request;
use crate::session::Session;

/// Which pins of a lock move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Update {
    /// None: what is locked stays as it is, as far as the definition still asks for it.
    #[default]
    Nothing,
    /// All.
    All,
    /// Those of these packages, by the names of binary or source packages.
    Packages(BTreeSet<String>),
}

/// A definition that is to be locked.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// The definition; its variant does not matter.
    pub request: Request,
    /// The release of Debian.
    pub suite: Suite,
    /// The architectures; at least one.
    pub architectures: Vec<Architecture>,
    /// The name of the lock's file, for messages.
    pub origin: String,
    /// The lock that there is.
    pub old: Option<LockFile>,
    /// Which of its pins move.
    pub update: Update,
    /// Whether an archive may be older than in the lock.
    pub allow_older: bool,
}

/// A new lock.
#[derive(Debug)]
pub struct Locked {
    /// The lock.
    pub file: LockFile,
    /// What is not in it.
    pub unlocked: Vec<Unlocked>,
}

/// A variant that a platform does not have: there is no solution for its packages.
#[derive(Debug)]
pub struct Unlocked {
    /// The platform.
    pub platform: Platform,
    /// The variant.
    pub variant: Variant,
    /// Why.
    pub error: BuildError,
}

impl Session {
    /// Chooses the packages of all variants on all platforms of a request, holding those of the old
    /// lock that are not to be updated. If that fits already, it is given back, and no archive is
    /// asked.
    ///
    /// # Errors
    /// If the definition is wrong, an archive cannot be used or is older than it was, or a platform
    /// has no solution for the image itself.
    pub fn lock(&self, request: &LockRequest) -> Result<Locked, BuildError> {
        let same_suite = |old: &&LockFile| old.suite == request.suite.codename;
        let old = request.old.as_ref().filter(same_suite);
        let formats = self.formats(old);
        if let Some(old) = old
            && request.update == Update::Nothing
            && old.formats == formats
            && self.fits(request, old)?
        {
            return Ok(Locked {
                file: old.clone(),
                unlocked: Vec::new(),
            });
        }
        if let (Update::Packages(names), Some(old)) = (&request.update, &request.old) {
            check_names(names, old, &request.origin)?;
        }
        let mut states: Option<Vec<PocketState>> = None;
        let mut definitions = Vec::new();
        let mut platforms = Vec::new();
        let mut sources = Vec::new();
        let mut unlocked = Vec::new();
        for architecture in &request.architectures {
            let recipe = self.recipe(request, *architecture, Variant::Latest)?;
            let archive = self.open_archive(&self.archive(&recipe)?)?;
            if !request.allow_older
                && let Some(old) = old
            {
                check_newer(archive.states(), old, &request.origin)?;
            }
            match &mut states {
                Some(states) => {
                    check_same(states, archive.states())?;
                    // Another archive may have some architectures alone.
                    let known = |one: &&PocketState| states.iter().any(|it| it.name == one.name);
                    let more: Vec<PocketState> = archive
                        .states()
                        .iter()
                        .filter(|one| !known(one))
                        .cloned()
                        .collect();
                    states.extend(more);
                }
                None => states = Some(archive.states().to_vec()),
            }
            let held = held(request, old, *architecture);
            let locks = self.platform(request, &recipe, &archive, &held, &mut unlocked)?;
            sources.push((*architecture, locks.latest.sources()));
            platforms.push(locks);
            definitions = definition_states(&recipe);
        }
        agree(&request.request.word, &sources)?;
        platforms.sort_by(|a, b| a.platform.cmp(&b.platform));
        let states = states.unwrap_or_default();
        let mut file = LockFile {
            schema_version: SCHEMA_VERSION,
            suite: request.suite.codename.to_owned(),
            formats,
            definitions,
            archives: states.iter().map(ArchiveState::of).collect(),
            files: LockFile::files_of(&platforms),
            downloads: LockFile::downloads_of(&platforms),
            platforms: platforms.iter().map(PlatformLocks::platform_lock).collect(),
        };
        if let Some(old) = old {
            keep_states(old, &mut file);
        }
        Ok(Locked { file, unlocked })
    }

    /// The formats that images are made in; how layers are compressed stays as it is locked.
    fn formats(&self, old: Option<&LockFile>) -> Formats {
        let locked = old.map(|old| old.formats.compression());
        let locked = locked.filter(|_| !self.compression_is_given);
        let compression = locked.unwrap_or(self.layers.compression);
        Formats::new(IMAGE_FORMAT, LAYER_FORMAT, compression)
    }

    fn recipe(
        &self,
        request: &LockRequest,
        architecture: Architecture,
        variant: Variant,
    ) -> Result<Recipe, BuildError> {
        let request_of = Request {
            variant,
            ..request.request.clone()
        };
        let target = request_of.target(request.suite, architecture, self.now);
        // What is not to be moved stays, the images of registries among it.
        let held = request
            .old
            .as_ref()
            .filter(|_| !matches!(request.update, Update::All));
        self.lower(request_of.source, target, held)
    }

    /// Whether the old lock is what would be made, and has the platforms that are asked for.
    fn fits(&self, request: &LockRequest, old: &LockFile) -> Result<bool, BuildError> {
        if old.platforms.len() != request.architectures.len() {
            return Ok(false);
        }
        for architecture in &request.architectures {
            let name = architecture.platform().to_string();
            let Some(platform) = old.platform(&name) else {
                return Ok(false);
            };
            for variant in &platform.variants {
                let recipe = self.recipe(request, *architecture, variant.variant())?;
                if !old.fit(&recipe).is_ok_and(|changes| changes.is_empty()) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The locks of one platform. A variant without a solution is added to `unlocked`: the image
    /// itself can be locked all the same.
    fn platform(
        &self,
        request: &LockRequest,
        recipe: &Recipe,
        archive: &Archive,
        held: &[LockedPackage],
        unlocked: &mut Vec<Unlocked>,
    ) -> Result<PlatformLocks, BuildError> {
        let architecture = recipe.architecture;
        let latest = self.choose(recipe, archive, held)?;
        let mut other = |variant, held: &[LockedPackage]| {
            let chosen = self
                .recipe(request, architecture, variant)
                .and_then(|recipe| self.choose(&recipe, archive, held));
            match chosen {
                Ok(lock) => Ok(Some(lock)),
                Err(error @ (BuildError::Resolve(_) | BuildError::Recipe(_))) => {
                    unlocked.push(Unlocked {
                        platform: architecture.platform(),
                        variant,
                        error,
                    });
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        let debug = other(Variant::Debug, held)?;
        let mut dev = other(Variant::Dev, held)?;
        // What both have is the same in both.
        let of_debug = debug.iter().flat_map(|lock| lock.layers.last());
        let of_debug: Vec<&LockedPackage> = of_debug.flat_map(|layer| &layer.packages).collect();
        let differs = |dev: &Lock| {
            let mut packages = dev.packages();
            packages.any(|(_, one)| {
                let mut same = of_debug.iter().filter(|other| other.name == one.name);
                same.any(|other| other.file.sha256 != one.file.sha256)
            })
        };
        if dev.as_ref().is_some_and(differs) {
            let mut held = held.to_vec();
            held.retain(|one| !of_debug.iter().any(|other| other.name == one.name));
            held.extend(of_debug.into_iter().cloned());
            dev = other(Variant::Dev, &held)?;
        }
        Ok(PlatformLocks {
            platform: architecture.platform().to_string(),
            latest,
            debug,
            dev,
        })
    }

    fn choose(
        &self,
        recipe: &Recipe,
        archive: &Archive,
        held: &[LockedPackage],
    ) -> Result<Lock, BuildError> {
        match held.is_empty() {
            true => self.lock_now(recipe, archive),
            false => self.lock_holding(recipe, archive, held),
        }
    }
}

/// The packages of the old lock that stay as they are, on one platform.
fn held(
    request: &LockRequest,
    old: Option<&LockFile>,
    architecture: Architecture,
) -> Vec<LockedPackage> {
    let Some(old) = old else {
        return Vec::new();
    };
    let moves = |one: &LockedPackage| match &request.update {
        Update::Nothing => false,
        Update::All => true,
        Update::Packages(names) => names.contains(&one.name) || names.contains(&one.source.name),
    };
    let mut held = old.packages_of(&architecture.platform().to_string());
    // A file of this machine is what it is now.
    held.retain(|one| !moves(one) && one.file.suite != LOCAL);
    for one in &mut held {
        // Should no Release name it any more, the old one is where it was seen last.
        let state = old
            .archives
            .iter()
            .find(|state| state.suite == one.file.suite);
        let seen = state.map(|state| state.date.0);
        one.file.last_seen = one.file.last_seen.or(seen);
    }
    held
}

fn definition_states(recipe: &Recipe) -> Vec<DefinitionState> {
    let states = recipe.definitions.iter().map(|one| DefinitionState {
        name: one.name.clone(),
        origin: one.origin.into(),
        keys: one.keys.clone(),
    });
    states.collect()
}

/// Where an update changes no package, the states of the archive stay as well: that it was asked at
/// another time is no reason to change a file.
fn keep_states(old: &LockFile, new: &mut LockFile) {
    let packages = |file: &LockFile| -> BTreeSet<(String, String, Digest)> {
        let all = file.platforms.iter().flat_map(|platform| {
            let packages = platform.packages.iter();
            packages.map(|one| (platform.platform.clone(), one.name.clone(), one.digest))
        });
        all.collect()
    };
    if packages(old) != packages(new) {
        return;
    }
    new.archives.clone_from(&old.archives);
    for platform in &mut new.platforms {
        let known = old.platform(&platform.platform);
        for package in &mut platform.packages {
            let mut known = known.iter().flat_map(|known| &known.packages);
            if let Some(known) = known.find(|known| known.name == package.name) {
                package.last_seen = known.last_seen;
                package.suite.clone_from(&known.suite);
                package.path.clone_from(&known.path);
            }
        }
    }
}

/// Refuses to update a package that the lock does not have: it is mistyped.
fn check_names(names: &BTreeSet<String>, old: &LockFile, origin: &str) -> Result<(), LockError> {
    let packages = || old.platforms.iter().flat_map(|one| &one.packages);
    let known: BTreeSet<&str> = packages()
        .flat_map(|one| [one.name.as_str(), one.source.as_str()])
        .collect();
    match names.iter().find(|name| !known.contains(name.as_str())) {
        Some(name) => Err(LockError::Unknown {
            lock: origin.to_owned(),
            name: name.clone(),
            nearest: distil_store::nearest(name, known, 2),
        }),
        None => Ok(()),
    }
}

/// Refuses an archive that is older than it was: who can answer in a mirror's place can keep
/// packages away whose faults are mended.
fn check_newer(states: &[PocketState], old: &LockFile, origin: &str) -> Result<(), LockError> {
    for state in states {
        let locked = old.archives.iter().find(|one| one.suite == state.name);
        if let Some(locked) = locked.filter(|locked| locked.date.0 > state.date) {
            return Err(LockError::Older {
                lock: origin.to_owned(),
                suite: state.name.clone(),
                date: Timestamp(state.date),
                locked: locked.date,
            });
        }
    }
    Ok(())
}

/// All platforms are chosen from the same states.
fn check_same(first: &[PocketState], now: &[PocketState]) -> Result<(), LockError> {
    let moved = |now: &&PocketState| {
        let mut first = first.iter();
        first.any(|first| first.name == now.name && first.release != now.release)
    };
    match now.iter().find(moved) {
        Some(now) => Err(LockError::Moving {
            suite: now.name.clone(),
        }),
        None => Ok(()),
    }
}
