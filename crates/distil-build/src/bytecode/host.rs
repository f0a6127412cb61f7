//! The interpreter for images of other machines: that of the same version for this one, out of the same
//! lock or the same state of the archive. What it makes does not depend on the machine.

use std::collections::BTreeSet;

use distil_definition::recipe::{Recipe, Target};
use distil_definition::{Architecture, UnsupportedPlatform};
use distil_image::Interpreter;
use distil_lock::{Lock, LockedLayer, LockedPackage};
use distil_oci::Platform;

use super::error::CompileError;
use crate::error::BuildError;
use crate::request::Request;
use crate::session::Session;

/// The name of the layer that has it; no image does.
const LAYER: &str = "python";

impl Session {
    /// Python for this machine, of the version that an image for another one has.
    ///
    /// # Errors
    /// If the archive or the lock does not have it.
    pub(super) fn interpreter_of_host(
        &self,
        request: &Request,
        (recipe, lock): (&Recipe, &Lock),
        foreign: &Interpreter,
    ) -> Result<Interpreter, CompileError> {
        let unsupported = |error: UnsupportedPlatform| CompileError::Machine {
            found: recipe.architecture.platform().to_string(),
            source: Box::new(error),
        };
        let target = Target {
            variant: recipe.variant,
            suite: recipe.suite,
            architecture: Architecture::of(&Platform::host()).map_err(unsupported)?,
            now: self.now,
        };
        let failed = |error: BuildError| CompileError::Host {
            found: recipe.architecture.platform().to_string(),
            own: target.architecture.platform().to_string(),
            source: Box::new(error),
        };
        let own = self.lock_of(request, target).map_err(failed)?;
        let version = foreign.version.to_string();
        let minimal = format!("python{version}-minimal");
        let (image, host) = (source(lock, &minimal), source(&own.1, &minimal));
        if image.is_none() || image != host {
            let shown = |one: Option<String>| one.unwrap_or_else(|| "none".to_owned());
            return Err(CompileError::Versions {
                image: shown(image),
                host: shown(host),
            });
        }
        let (own_recipe, own_lock) = (own.0, reduced(&own.1, &minimal));
        let archive = self
            .archive(&own_recipe)
            .map_err(|error| failed(error.into()))?;
        let contents = self.fetch_packages(request, &own_recipe, &own_lock, &archive);
        let contents = contents.map_err(failed)?;
        let found = Interpreter::of_packages(&contents, &version);
        let found = found.map_err(|error| failed(BuildError::Assemble(error.into())))?;
        found.ok_or(CompileError::Versions {
            image: version,
            host: "none".to_owned(),
        })
    }
}

/// The source package of a package, with its version: platforms may differ by a rebuild.
fn source(lock: &Lock, name: &str) -> Option<String> {
    let package = lock.packages().map(|(_, one)| one);
    let mut package = package.filter(|one| one.name == name);
    let source = &package.next()?.source;
    Some(format!("{} {}", source.name, source.version))
}

/// A lock of a package and of those that it needs.
fn reduced(lock: &Lock, name: &str) -> Lock {
    let mut wanted = BTreeSet::from([name.to_owned()]);
    let all: Vec<&LockedPackage> = lock.packages().map(|(_, one)| one).collect();
    loop {
        let before = wanted.len();
        for package in all
            .iter()
            .filter(|one| wanted.contains(&one.name))
            .copied()
            .collect::<Vec<_>>()
        {
            let relations = &package.relations;
            let relations = relations.pre_depends.iter().chain(relations.depends.iter());
            let names = relations.flat_map(|any| any.iter().map(|one| one.name.clone()));
            wanted.extend(names);
        }
        if wanted.len() == before {
            break;
        }
    }
    let packages = all.into_iter().filter(|one| wanted.contains(&one.name));
    Lock {
        layers: vec![LockedLayer {
            definition: LAYER.to_owned(),
            packages: packages.cloned().collect(),
        }],
        files: Vec::new(),
        downloads: Vec::new(),
        ..lock.clone()
    }
}
