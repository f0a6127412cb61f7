//! Packages of npm, fetched and unpacked into the store.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;

use distil_app::node::{Integrity, NodePackage, NodePackageSource, NodeTarget, unpack};
use distil_bundle::{BundleError, BundleFile, BundleWriter, Component, Provenance};
use distil_debian::fetch::{Address, copy_path};
use distil_definition::recipe::{LayerRecipe, NewNode, Placement, Recipe};
use distil_net::Url;
use distil_store::{Blob, Digest, Key, parallel};
use distil_tree::TreePath;

use super::error::NodeError;
use crate::bundles::Bundle;
use crate::elsewhere::{Elsewhere, Files};

/// Names what is made of a package; to be raised when that changes.
const PACKAGE_FORMAT: &[u8] = b"1";

/// The largest archive of a package, in bytes.
const MAX_ARCHIVE: u64 = 2 << 30;

/// Fetches the packages of all Node.js applications of a recipe and unpacks them, several at a time.
///
/// # Errors
/// If a lock cannot be used, or a package cannot be had or unpacked.
pub fn fetch_packages(
    recipe: &Recipe,
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<Bundle>, NodeError> {
    let mut bundles = Vec::new();
    for installing in Installing::of_recipe(recipe, elsewhere) {
        let packages = installing.packages(recipe)?;
        let files: BTreeSet<&TreePath> = packages
            .iter()
            .flat_map(|one| &one.bins)
            .map(|link| &link.file)
            .collect();
        let found = parallel::try_map(&packages, threads, |package| {
            installing.package(package, &files)
        })?;
        bundles.extend(found.into_iter().flatten());
        bundles.extend(installing.links(&packages)?);
    }
    Ok(bundles)
}

/// Fetches the archives of the packages of all Node.js applications of a recipe, and gives each with
/// the name that a directory of copies has it by ([`copy_path`]).
///
/// # Errors
/// As [`fetch_packages`].
pub fn fetch_archives(
    recipe: &Recipe,
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<(String, Blob)>, NodeError> {
    let mut archives = Vec::new();
    for installing in Installing::of_recipe(recipe, elsewhere) {
        let packages = installing.packages(recipe)?;
        let found = parallel::try_map(&packages, threads, |package| {
            let NodePackageSource::Archive { url, integrity } = &package.source else {
                return Ok::<_, NodeError>(None);
            };
            let blob = installing.archive(&shown(package), url, integrity)?;
            let path = copy_path(integrity.algorithm(), integrity.as_bytes());
            Ok(Some((path, blob)))
        })?;
        archives.extend(found.into_iter().flatten());
    }
    Ok(archives)
}

/// A package as people write it.
fn shown(package: &NodePackage) -> String {
    format!("{}@{}", package.name, package.version)
}

/// What is needed to install the packages of one application.
struct Installing<'a> {
    layer: &'a LayerRecipe,
    number: usize,
    node: &'a NewNode,
    elsewhere: &'a Elsewhere<'a>,
}

impl<'a> Installing<'a> {
    /// The applications of a recipe.
    fn of_recipe(
        recipe: &'a Recipe,
        elsewhere: &'a Elsewhere<'a>,
    ) -> impl Iterator<Item = Self> + 'a {
        let layers = recipe.layers.iter().enumerate();
        layers.flat_map(move |(number, layer)| {
            layer.nodes.iter().map(move |node| Self {
                layer,
                number,
                node,
                elsewhere,
            })
        })
    }

    /// The packages that the lock names for the recipe's platform; none for one that Node.js does not
    /// know.
    fn packages(&self, recipe: &Recipe) -> Result<Vec<NodePackage>, NodeError> {
        let Some(target) = NodeTarget::of_debian(recipe.architecture.debian()) else {
            return Ok(Vec::new());
        };
        let selected = self.node.lock.select(&target);
        selected.map_err(|problem| NodeError::Lock {
            definition: self.layer.definition.clone(),
            from: self.node.from.clone(),
            position: self.node.position.clone(),
            problem,
        })
    }

    /// The files of a package; none of one that comes with another, or is a link.
    fn package(
        &self,
        package: &NodePackage,
        commands: &BTreeSet<&TreePath>,
    ) -> Result<Option<Bundle>, NodeError> {
        let NodePackageSource::Archive { url, integrity } = &package.source else {
            return Ok(None);
        };
        let shown = shown(package);
        let blob = self.archive(&shown, url, integrity)?;
        // Those of packages that come with it are its files, too.
        let commands = commands
            .iter()
            .filter_map(|file| file.strip_prefix(&package.path));
        let commands: BTreeSet<TreePath> = commands
            .filter_map(|file| TreePath::from_archive(file).ok())
            .collect();
        let files = self.unpacked(&shown, &blob, &commands)?;
        let component = Component {
            name: package.name.clone(),
            version: Some(package.version.clone()),
            license: None,
            // A scope's `@` is written so (purl-spec, "npm").
            purl: Some(format!(
                "pkg:npm/{}@{}",
                package.name.replace('@', "%40"),
                package.version
            )),
        };
        let path = package.path.parts();
        Ok(Some(Bundle {
            layer: self.number,
            provenance: Provenance {
                kind: "npm-package",
                from: shown.into(),
                digest: blob.digest(),
                component: Some(component),
            },
            placement: self.placement(path.fold(self.node.to.clone(), |to, part| to.join(part))),
            files,
        }))
    }

    fn placement(&self, to: TreePath) -> Placement {
        Placement {
            position: self.node.position.clone(),
            ..Placement::whole("node", to)
        }
    }

    /// The links that start commands, and those to the project's own directories.
    fn links(&self, packages: &[NodePackage]) -> Result<Option<Bundle>, NodeError> {
        let mut links: Vec<(&TreePath, String)> = Vec::new();
        for package in packages {
            links.extend(
                package
                    .bins
                    .iter()
                    .map(|link| (&link.path, link.target.clone())),
            );
            if let NodePackageSource::Link(place) = &package.source {
                let up = "../".repeat(package.path.parts().count().saturating_sub(1));
                let target = place.as_str().unwrap_or_default();
                links.push((&package.path, format!("{up}{target}")));
            }
        }
        if links.is_empty() {
            return Ok(None);
        }
        let text: Vec<String> = links
            .iter()
            .map(|(path, target)| format!("{path}\0{target}\0"))
            .collect();
        let digest = Digest::of(text.concat());
        let name = "links of commands";
        let key = Key::new("npm-links", &[PACKAGE_FORMAT, digest.as_bytes()]);
        let unreadable = |error| self.wrong(name, BundleError::Read(error));
        let make = || {
            let mut writer = BundleWriter::new(self.elsewhere.store.create()?);
            let wrong = |source| NodeError::Bundle {
                package: name.to_owned(),
                source,
            };
            for (path, target) in &links {
                writer.symlink(path, target.as_bytes()).map_err(wrong)?;
            }
            Ok(writer.finish().map_err(wrong)?.commit()?)
        };
        let files = self.elsewhere.kept(&key, make, unreadable)?;
        Ok(Some(Bundle {
            layer: self.number,
            provenance: Provenance {
                kind: "npm-links",
                from: self.node.from.as_str().into(),
                digest,
                component: None,
            },
            placement: self.placement(self.node.to.clone()),
            files,
        }))
    }

    /// The archive of a package, from the store or else from its address.
    fn archive(&self, shown: &str, url: &str, integrity: &Integrity) -> Result<Blob, NodeError> {
        let url: Url = url.parse().map_err(|problem| NodeError::Address {
            definition: self.layer.definition.clone(),
            from: self.node.from.clone(),
            position: self.node.position.clone(),
            problem,
        })?;
        let key = Key::new("integrity", &[integrity.to_string().as_bytes()]);
        let Elsewhere { fetcher, store, .. } = self.elsewhere;
        if let Some(blob) = store.lookup(&key)
            && blob.verify()?.is_some()
        {
            return Ok(blob);
        }
        let copy = fetcher.copy_of(integrity.algorithm(), integrity.as_bytes());
        let place = copy.unwrap_or(Address::Remote(url));
        let places = std::slice::from_ref(&place);
        let fetched = self.elsewhere.fetched(places, MAX_ARCHIVE, None, shown);
        let blob = fetched.map_err(|source| NodeError::Fetch {
            definition: self.layer.definition.clone(),
            package: shown.to_owned(),
            position: self.node.position.clone(),
            source,
        })?;
        let is_same = integrity.is_of(blob.open()?);
        if !is_same.map_err(|error| self.wrong(shown, BundleError::Read(error)))? {
            return Err(NodeError::Integrity {
                definition: self.layer.definition.clone(),
                from: self.node.from.clone(),
                package: shown.to_owned(),
                url: place.to_string(),
                integrity: integrity.to_string(),
                position: self.node.position.clone(),
            });
        }
        store.record(&key, &blob)?;
        Ok(blob)
    }

    fn unpacked(
        &self,
        shown: &str,
        blob: &Blob,
        commands: &BTreeSet<TreePath>,
    ) -> Result<BundleFile, NodeError> {
        let digest = blob.digest();
        let list: Vec<String> = commands.iter().map(ToString::to_string).collect();
        let list = list.join("\0");
        let key = Key::new("npm", &[PACKAGE_FORMAT, digest.as_bytes(), list.as_bytes()]);
        let unreadable = |error| self.wrong(shown, BundleError::Read(error));
        let make = || {
            let mut files = Files(BundleWriter::new(self.elsewhere.store.create()?));
            let done = unpack(io::BufReader::new(blob.open()?), commands, &mut files);
            done.map_err(|problem| NodeError::Tarball {
                definition: self.layer.definition.clone(),
                package: shown.to_owned(),
                position: self.node.position.clone(),
                problem,
            })?;
            let writer = files
                .0
                .finish()
                .map_err(|source| self.wrong(shown, source))?;
            Ok(writer.commit()?)
        };
        self.elsewhere.kept(&key, make, unreadable)
    }

    fn wrong(&self, shown: &str, source: BundleError) -> NodeError {
        NodeError::Bundle {
            package: shown.to_owned(),
            source,
        }
    }
}
