//! Packages of npm, fetched and unpacked into the store.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;

use distil_app::FileSink;
use distil_app::node::{Integrity, NodePackage, NodePackageSource, NodeTarget, unpack};
use distil_bundle::{BundleError, BundleFile, BundleWriter, Component, Provenance};
use distil_debian::fetch::{Address, Fetcher};
use distil_definition::recipe::{LayerRecipe, NewNode, Placement, Recipe};
use distil_net::Url;
use distil_store::{Blob, Digest, Key, Store, parallel};
use distil_tree::TreePath;

use super::error::NodeError;
use crate::bundles::Bundle;

/// Names what is made of a package; to be raised when that changes.
const PACKAGE_FORMAT: &[u8] = b"1";

/// The largest archive of a package, in bytes.
const MAX_ARCHIVE: u64 = 2 << 30;

/// Fetches the packages of all Node.js applications of a recipe and unpacks them, several at a time.
/// `asked` is told of each address that is asked, for what the store does not have.
///
/// # Errors
/// If a lock cannot be used, or a package cannot be had or unpacked.
pub fn fetch_packages(
    recipe: &Recipe,
    fetcher: &Fetcher,
    store: &Store,
    threads: NonZeroUsize,
    asked: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Bundle>, NodeError> {
    let mut bundles = Vec::new();
    for (number, layer) in recipe.layers.iter().enumerate() {
        for node in &layer.nodes {
            let Some(target) = NodeTarget::of_debian(recipe.architecture.debian()) else {
                continue;
            };
            let installing = Installing {
                layer,
                number,
                node,
                fetcher,
                store,
                asked,
            };
            let packages = node
                .lock
                .select(&target)
                .map_err(|problem| NodeError::Lock {
                    definition: layer.definition.clone(),
                    from: node.from.clone(),
                    position: node.position.clone(),
                    problem,
                })?;
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
    }
    Ok(bundles)
}

/// What is needed to install the packages of one application.
struct Installing<'a> {
    layer: &'a LayerRecipe,
    number: usize,
    node: &'a NewNode,
    fetcher: &'a Fetcher,
    store: &'a Store,
    asked: &'a (dyn Fn(&str) + Sync),
}

impl Installing<'_> {
    /// The files of a package; none of one that comes with another, or is a link.
    fn package(
        &self,
        package: &NodePackage,
        commands: &BTreeSet<&TreePath>,
    ) -> Result<Option<Bundle>, NodeError> {
        let NodePackageSource::Archive { url, integrity } = &package.source else {
            return Ok(None);
        };
        let shown = format!("{}@{}", package.name, package.version);
        let url: Url = url.parse().map_err(|problem| NodeError::Address {
            definition: self.layer.definition.clone(),
            from: self.node.from.clone(),
            position: self.node.position.clone(),
            problem,
        })?;
        let blob = self.archive(&shown, &url, integrity)?;
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
        let files = self.stored(name, &key, || {
            let mut writer = BundleWriter::new(self.store.create()?);
            let wrong = |source| NodeError::Bundle {
                package: name.to_owned(),
                source,
            };
            for (path, target) in &links {
                writer.symlink(path, target.as_bytes()).map_err(wrong)?;
            }
            Ok(writer.finish().map_err(wrong)?.commit()?)
        })?;
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
    fn archive(&self, shown: &str, url: &Url, integrity: &Integrity) -> Result<Blob, NodeError> {
        let key = Key::new("integrity", &[integrity.to_string().as_bytes()]);
        if let Some(blob) = self.store.lookup(&key)
            && blob.verify()?.is_some()
        {
            return Ok(blob);
        }
        (self.asked)(&url.to_string());
        let address = Address::Remote(url.clone());
        let fetched = self
            .fetcher
            .blob_of_digest(&address, MAX_ARCHIVE, None, self.store);
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
                url: url.to_string(),
                integrity: integrity.to_string(),
                position: self.node.position.clone(),
            });
        }
        self.store.record(&key, &blob)?;
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
        self.stored(shown, &key, || {
            let mut files = Files(BundleWriter::new(self.store.create()?));
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
        })
    }

    fn wrong(&self, shown: &str, source: BundleError) -> NodeError {
        NodeError::Bundle {
            package: shown.to_owned(),
            source,
        }
    }

    /// What the store has by a key, or what is made and kept by it.
    fn stored(
        &self,
        shown: &str,
        key: &Key,
        make: impl FnOnce() -> Result<Blob, NodeError>,
    ) -> Result<BundleFile, NodeError> {
        if let Some(blob) = self.store.lookup(key)
            && blob.verify()?.is_some()
            && let Ok(files) = BundleFile::open(blob.clone(), blob.size())
        {
            return Ok(files);
        }
        let blob = make()?;
        self.store.record(key, &blob)?;
        let size = blob.size();
        BundleFile::open(blob, size).map_err(|error| self.wrong(shown, BundleError::Read(error)))
    }
}

/// Writes the files of a package into a bundle.
struct Files<W>(BundleWriter<W>);

impl<W: Write> FileSink for Files<W> {
    fn file(
        &mut self,
        path: &TreePath,
        is_executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let written = self.0.file(path, is_executable, size, content);
        written.map_err(io::Error::other)
    }
}
