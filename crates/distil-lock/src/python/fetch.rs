//! Wheels fetched and unpacked into the store.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use distil_app::python::wheel::{Scheme, Wheel};
use distil_bundle::{BundleError, BundleFile, BundleWriter, Component, EntryKind, Provenance};
use distil_definition::recipe::{NewPython, Placement, Recipe};
use distil_store::{Blob, Key, parallel};
use distil_tree::{Content, TreePath};

use super::choose::ChosenWheel;
use super::error::PythonError;
use crate::bundles::Bundle;
use crate::elsewhere::{Elsewhere, Files};

/// Names what is made of a wheel; to be raised when that changes.
const WHEEL_FORMAT: &[u8] = b"1";

/// The largest wheel, in bytes.
const MAX_WHEEL: u64 = 8 << 30;

/// What commands of wheels start with.
const INTERPRETER: &str = "/usr/bin/python3";

/// Fetches wheels and unpacks them, several at a time.
///
/// # Errors
/// If one of them cannot be had or installed, or two have one path with different bytes.
pub fn fetch_wheels(
    recipe: &Recipe,
    wheels: &[ChosenWheel],
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<Bundle>, PythonError> {
    let bundles = parallel::try_map(wheels, threads, |wheel| {
        let Some(reading) = Reading::of(recipe, wheel, elsewhere) else {
            return Ok::<_, PythonError>(None);
        };
        let (python, files) = (reading.python, reading.installed()?);
        Ok(Some(Bundle {
            layer: wheel.layer,
            provenance: reading.provenance(),
            placement: Placement {
                position: python.position.clone(),
                ..Placement::whole("python", python.to.clone())
            },
            files,
        }))
    })?;
    let bundles: Vec<Bundle> = bundles.into_iter().flatten().collect();
    check_conflicts(recipe, wheels, &bundles)?;
    Ok(bundles)
}

/// Fetches wheels, as they come.
///
/// # Errors
/// If one of them cannot be had.
pub fn fetch_wheel_files(
    recipe: &Recipe,
    wheels: &[ChosenWheel],
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<Blob>, PythonError> {
    let blobs = parallel::try_map(wheels, threads, |wheel| {
        let reading = Reading::of(recipe, wheel, elsewhere);
        reading.map(|reading| reading.blob()).transpose()
    })?;
    Ok(blobs.into_iter().flatten().collect())
}

/// Refuses wheels of one application that have one path with different bytes.
fn check_conflicts(
    recipe: &Recipe,
    wheels: &[ChosenWheel],
    bundles: &[Bundle],
) -> Result<(), PythonError> {
    let mut known: BTreeMap<(usize, usize, &str), (&Bundle, Content)> = BTreeMap::new();
    for (wheel, bundle) in wheels.iter().zip(bundles) {
        for entry in bundle.files.entries() {
            let (EntryKind::File { .. }, Some((content, _))) =
                (&entry.kind, bundle.files.content(entry))
            else {
                continue;
            };
            let key = (wheel.layer, wheel.application, entry.path.as_str());
            let Some((first, other)) = known.get(&key) else {
                known.insert(key, (bundle, content));
                continue;
            };
            if is_same(&content, other).unwrap_or(false) {
                continue;
            }
            let layer = recipe.layers.get(wheel.layer);
            return Err(PythonError::Conflict {
                definition: layer
                    .map(|layer| layer.definition.clone())
                    .unwrap_or_default(),
                path: TreePath::of(&entry.path),
                one: first.provenance.from.to_string(),
                other: bundle.provenance.from.to_string(),
                position: bundle.placement.position.clone(),
            });
        }
    }
    Ok(())
}

/// Whether two files have the same bytes.
fn is_same(one: &Content, other: &Content) -> io::Result<bool> {
    if one.size() != other.size() {
        return Ok(false);
    }
    let (mut one, mut other) = (one.reader(), other.reader());
    let (mut buffer, mut second) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = one.read(&mut buffer)?;
        if count == 0 {
            return Ok(true);
        }
        let (Some(read), Some(expected)) = (buffer.get(..count), second.get_mut(..count)) else {
            return Ok(false);
        };
        other.read_exact(expected)?;
        if read != expected {
            return Ok(false);
        }
    }
}

/// What is needed to read one wheel.
struct Reading<'a> {
    definition: &'a str,
    python: &'a NewPython,
    wheel: &'a ChosenWheel,
    elsewhere: &'a Elsewhere<'a>,
}

impl<'a> Reading<'a> {
    /// None of a wheel that is another recipe's.
    fn of(
        recipe: &'a Recipe,
        wheel: &'a ChosenWheel,
        elsewhere: &'a Elsewhere<'a>,
    ) -> Option<Self> {
        let layer = recipe.layers.get(wheel.layer)?;
        Some(Self {
            definition: &layer.definition,
            python: layer.pythons.get(wheel.application)?,
            wheel,
            elsewhere,
        })
    }

    fn provenance(&self) -> Provenance {
        let wheel = self.wheel;
        Provenance {
            kind: "wheel",
            from: wheel.file.as_str().into(),
            digest: wheel.sha256,
            component: Some(Component {
                name: wheel.name.to_string(),
                version: Some(wheel.version.clone()),
                license: None,
                // The type `pypi` has names in this very form (purl-spec).
                purl: Some(format!("pkg:pypi/{}@{}", wheel.name, wheel.version)),
            }),
        }
    }

    /// The files that installing it makes, from the store or made.
    fn installed(&self) -> Result<BundleFile, PythonError> {
        let digest = self.wheel.sha256;
        let requested = [u8::from(self.wheel.is_requested)];
        let name = self.wheel.file.as_bytes();
        let parts = [
            WHEEL_FORMAT,
            digest.as_bytes(),
            &requested,
            INTERPRETER.as_bytes(),
            name,
        ];
        let key = Key::new("wheel", &parts);
        let unreadable = |source| PythonError::Bundle {
            file: self.wheel.file.clone(),
            source: BundleError::Read(source),
        };
        let make = || self.install(&self.blob()?);
        self.elsewhere.kept(&key, make, unreadable)
    }

    fn install(&self, blob: &Blob) -> Result<Blob, PythonError> {
        let file = &self.wheel.file;
        let wrong = |problem| PythonError::Wheel {
            definition: self.definition.to_owned(),
            file: file.clone(),
            position: self.python.position.clone(),
            problem,
        };
        let bundle = |source| PythonError::Bundle {
            file: file.clone(),
            source,
        };
        let mut wheel = Wheel::open(blob.open()?, file).map_err(wrong)?;
        let scheme = Scheme {
            interpreter: INTERPRETER.to_owned(),
            is_requested: self.wheel.is_requested,
        };
        let mut files = Files(BundleWriter::new(self.elsewhere.store.create()?));
        wheel.install(&scheme, &mut files).map_err(wrong)?;
        let writer = files.0.finish().map_err(bundle)?;
        Ok(writer.commit()?)
    }

    /// The wheel, from the store or else from the first place that has it.
    fn blob(&self) -> Result<Blob, PythonError> {
        let wheel = self.wheel;
        if let Some(blob) = self.elsewhere.stored(&wheel.sha256)? {
            return Ok(blob);
        }
        let digest = Some(&wheel.sha256);
        let (places, file) = (&wheel.places, &wheel.file);
        let fetched = self.elsewhere.fetched(places, MAX_WHEEL, digest, file);
        fetched.map_err(|source| PythonError::Fetch {
            definition: self.definition.to_owned(),
            file: file.clone(),
            position: self.python.position.clone(),
            source,
        })
    }
}
