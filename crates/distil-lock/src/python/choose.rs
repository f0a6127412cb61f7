//! Which wheels an image gets.

use std::path::{Component, Path, PathBuf};

use distil_app::python::lock::{Artifact, ArtifactPlace, Distribution, file_name};
use distil_app::python::{Environment, Machine, Name, NoWheel, Tags, choose};
use distil_debian::fetch::Address;
use distil_definition::recipe::{LocalWheel, NewPython, Recipe};
use distil_net::Url;
use distil_store::Digest;

use super::error::PythonError;
use super::index::Indexes;
use crate::lock::{Lock, LockedDownload, LockedPackage};

/// A wheel that an image gets.
#[derive(Debug, Clone)]
pub struct ChosenWheel {
    /// The layer of the recipe, counted from zero.
    pub layer: usize,
    /// The application of that layer, counted from zero.
    pub application: usize,
    /// The distribution.
    pub name: Name,
    /// Its version.
    pub version: String,
    /// Whether the project itself asks for it.
    pub is_requested: bool,
    /// The file name.
    pub file: String,
    /// The digest.
    pub sha256: Digest,
    /// Where it may be had, the first first.
    pub places: Vec<Address>,
}

impl ChosenWheel {
    /// Its address, if it has one on the web.
    pub fn url(&self) -> Option<&Url> {
        self.places.iter().find_map(|place| match place {
            Address::Remote(url) => Some(url),
            Address::File(_) => None,
        })
    }
}

/// The wheels of all Python applications of a recipe, for the Python that the packages of a lock
/// have.
///
/// # Errors
/// If there is no Python, a lock file is not for it, or a distribution has no wheel that fits.
pub fn wheels(
    recipe: &Recipe,
    lock: &Lock,
    indexes: &Indexes<'_>,
) -> Result<Vec<ChosenWheel>, PythonError> {
    let mut chosen = Vec::new();
    for (layer, one) in recipe.layers.iter().enumerate() {
        for (application, python) in one.pythons.iter().enumerate() {
            let choosing = Choosing {
                definition: &one.definition,
                python,
                locked: &lock.downloads,
                environment: environment(recipe, lock, layer).ok_or_else(|| {
                    PythonError::NoPython {
                        definition: one.definition.clone(),
                        from: python.from.clone(),
                        position: python.position.clone(),
                    }
                })?,
                indexes,
            };
            let found = python.lock.select(&python.selection, &choosing.environment);
            let found = found.map_err(|problem| PythonError::Lock {
                definition: one.definition.clone(),
                from: python.from.clone(),
                position: python.position.clone(),
                problem,
            })?;
            for distribution in found {
                let (artifact, places) = choosing.choose(&distribution)?;
                chosen.push(ChosenWheel {
                    layer,
                    application,
                    name: distribution.name,
                    version: distribution.version,
                    is_requested: distribution.is_direct,
                    file: artifact.file,
                    sha256: artifact.sha256,
                    places,
                });
            }
        }
    }
    Ok(chosen)
}

/// The Python that an image has up to a layer, by its packages.
fn environment(recipe: &Recipe, lock: &Lock, layer: usize) -> Option<Environment> {
    let layers = lock.layers.iter().take(layer + 1);
    let packages: Vec<&LockedPackage> = layers.flat_map(|layer| &layer.packages).collect();
    let upstream = |package: &LockedPackage| package.version.upstream().to_owned();
    let (minor, full_version) = packages.iter().find_map(|package| {
        let version = package.name.strip_prefix("libpython3.")?;
        let minor = version
            .strip_suffix("-minimal")
            .or_else(|| version.strip_suffix("-stdlib"))?;
        Some((minor.parse().ok()?, upstream(package)))
    })?;
    let libc = packages.iter().find(|package| package.name == "libc6")?;
    let glibc = upstream(libc);
    let mut numbers = glibc.split('.').map(str::parse);
    Some(Environment {
        minor,
        // `3.14.0~rc2` is `3.14.0rc2` to Python.
        full_version: full_version.split(['+', '-']).next()?.replace('~', ""),
        machine: Machine::of_debian(recipe.architecture.debian())?,
        glibc: (numbers.next()?.ok()?, numbers.next()?.ok()?),
    })
}

/// What is needed to choose the wheels of one application.
struct Choosing<'a> {
    definition: &'a str,
    python: &'a NewPython,
    locked: &'a [LockedDownload],
    environment: Environment,
    indexes: &'a Indexes<'a>,
}

impl Choosing<'_> {
    fn choose(&self, distribution: &Distribution) -> Result<(Artifact, Vec<Address>), PythonError> {
        let python = self.python;
        let mut distribution = distribution.clone();
        let mut unindexed = None;
        if distribution.wheels.is_empty() && !distribution.hashes.is_empty() {
            match self.local_by_digest(&distribution) {
                Some(wheel) => return Ok(local(wheel)),
                None if self.is_locked(&distribution) => {
                    distribution.wheels = self.locked_wheels(&distribution);
                    // Where they are is known, so that no index is asked.
                    distribution.hashes.clear();
                }
                None => match self.indexes.wheels(&distribution, python) {
                    Ok(found) => {
                        distribution.has_source |= found.has_source;
                        distribution.wheels = found.wheels;
                    }
                    Err((asked, source)) => unindexed = Some((asked, source)),
                },
            }
        }
        let failed = match choose(&distribution, &self.environment) {
            Ok(artifact) => return Ok((artifact.clone(), self.places(&distribution, artifact)?)),
            Err(failed) => failed,
        };
        // What the user built, since the lock has nothing that fits.
        if let Some(wheel) = self.local_by_version(&distribution) {
            return Ok(local(wheel));
        }
        Err(match unindexed {
            Some((asked, source)) => PythonError::NotIndexed {
                definition: self.definition.to_owned(),
                from: python.from.clone(),
                name: distribution.name,
                version: distribution.version,
                asked,
                position: python.position.clone(),
                source,
            },
            None => self.no_wheel(failed),
        })
    }

    fn no_wheel(&self, problem: NoWheel) -> PythonError {
        PythonError::NoWheel {
            definition: self.definition.to_owned(),
            from: self.python.from.clone(),
            position: self.python.position.clone(),
            problem,
        }
    }

    /// Whether the image's lock says where a file of a distribution is.
    fn is_locked(&self, distribution: &Distribution) -> bool {
        let mut locked = self.locked.iter();
        locked.any(|one| distribution.hashes.contains(&one.digest))
    }

    fn locked_wheels(&self, distribution: &Distribution) -> Vec<Artifact> {
        let locked = self.locked.iter();
        let locked = locked.filter(|one| distribution.hashes.contains(&one.digest));
        let wheels = locked.map(|one| Artifact {
            file: file_name(&one.url),
            place: ArtifactPlace::Url(one.url.clone()),
            sha256: one.digest,
            size: None,
        });
        wheels
            .filter(|wheel| wheel.file.ends_with(".whl"))
            .collect()
    }

    fn local_by_digest(&self, distribution: &Distribution) -> Option<&LocalWheel> {
        let tags = Tags::of(&self.environment);
        let wheels = self.python.wheels.iter();
        let wheels = wheels.filter(|wheel| distribution.hashes.contains(&wheel.sha256));
        let fitting = wheels.filter_map(|wheel| Some((wheel.name.fit(&tags)?, wheel)));
        fitting
            .min_by(|(one, _), (other, _)| one.cmp(other))
            .map(|(_, wheel)| wheel)
    }

    fn local_by_version(&self, distribution: &Distribution) -> Option<&LocalWheel> {
        let tags = Tags::of(&self.environment);
        let wheels = self.python.wheels.iter();
        let same = wheels.filter(|wheel| {
            wheel.name.name == distribution.name && wheel.name.is_version(&distribution.version)
        });
        let fitting = same.filter_map(|wheel| Some((wheel.name.fit(&tags)?, wheel)));
        fitting
            .min_by(|(one, _), (other, _)| one.cmp(other))
            .map(|(_, wheel)| wheel)
    }

    /// Where a wheel may be had: of an index that the user names before the lock's own address.
    fn places(
        &self,
        distribution: &Distribution,
        artifact: &Artifact,
    ) -> Result<Vec<Address>, PythonError> {
        let python = self.python;
        match &artifact.place {
            ArtifactPlace::Url(url) => {
                // What an index gave has no address in the lock.
                let is_indexed = !distribution.hashes.is_empty();
                let mut places = self
                    .indexes
                    .mirrored(distribution, artifact, python, is_indexed);
                if !is_indexed {
                    places.extend(url.parse().ok().map(Address::Remote));
                }
                Ok(places)
            }
            ArtifactPlace::Path(path) => {
                let outside = || PythonError::Outside {
                    definition: self.definition.to_owned(),
                    from: python.from.clone(),
                    path: path.clone(),
                    position: python.position.clone(),
                };
                let (directory, root) = &python.directory;
                let place = beside(directory, root, path).ok_or_else(outside)?;
                Ok(vec![Address::File(place)])
            }
        }
    }
}

/// A file by a relative path, if it lies below the root, whatever links lead there.
fn beside(directory: &Path, root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    if path
        .components()
        .any(|part| matches!(part, Component::RootDir | Component::Prefix(_)))
    {
        return None;
    }
    let place = directory.join(path);
    let here = |path: &Path| match path == Path::new("") {
        true => Path::new(".").canonicalize(),
        false => path.canonicalize(),
    };
    match (place.canonicalize(), here(root)) {
        (Ok(real), Ok(root)) => real.starts_with(root).then_some(real),
        // That it is not there is told when it is opened.
        _ => path
            .components()
            .all(|part| part != Component::ParentDir)
            .then_some(place),
    }
}

fn local(wheel: &LocalWheel) -> (Artifact, Vec<Address>) {
    let artifact = Artifact {
        file: wheel.file.clone(),
        place: ArtifactPlace::Path(wheel.from.clone()),
        sha256: wheel.sha256,
        size: Some(wheel.size),
    };
    (artifact, vec![Address::File(wheel.path.clone())])
}
