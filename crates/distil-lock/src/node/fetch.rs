//! Packages of npm, fetched and unpacked into the store.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;

use distil_app::node::{
    BinLink, Integrity, NodePackage, NodePackageSource, NodeSelection, NodeTarget, Npmrc,
    PackageManifest, unpack,
};
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

/// The most that is kept of what a package says itself.
const MAX_MANIFEST: u64 = 8 << 20;

/// The largest archive of a package, in bytes.
const MAX_ARCHIVE: u64 = 2 << 30;

/// The files of the packages of Node.js applications.
#[derive(Debug, Default)]
pub struct NodePackages {
    /// The files.
    pub bundles: Vec<Bundle>,
    /// The packages, as `NAME@VERSION`, with scripts that would have been run, and that bring nothing prebuilt
    /// for the platform instead; sorted.
    pub scripts_not_run: BTreeSet<String>,
}

/// Fetches the packages of all Node.js applications of a recipe and unpacks them, several at a time. A
/// package of which a lock has no address is fetched from a registry that the application names, or else
/// `npmrc`.
///
/// # Errors
/// If a lock cannot be used, or a package cannot be had or unpacked.
pub fn fetch_packages(
    recipe: &Recipe,
    npmrc: &Npmrc,
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<NodePackages, NodeError> {
    let mut all = NodePackages::default();
    for installing in Installing::of_recipe(recipe, npmrc, elsewhere) {
        let NodeSelection {
            mut packages,
            links,
        } = installing.selection(recipe)?;
        let manifests = parallel::try_map(&packages, threads, |one| installing.manifest(one))?;
        let mut taken = BTreeSet::new();
        let mut files: BTreeSet<TreePath> = BTreeSet::new();
        for (package, manifest) in packages.iter_mut().zip(manifests) {
            let Some(manifest) = manifest else { continue };
            package.has_install_script = Some(manifest.has_install_script);
            let bins: Vec<(&str, TreePath)> = manifest
                .bins
                .iter()
                .filter_map(|(command, file)| {
                    let file = TreePath::lexical(&format!("/{file}"));
                    Some((command.as_str(), file.filter(|file| !file.is_root())?))
                })
                .collect();
            // They are made executable wherever something depends on them.
            files.extend(bins.iter().map(|(_, file)| below(&package.path, file)));
            package.bins = installed_bins(package, &bins);
            package.bins.retain(|link| taken.insert(link.path.clone()));
        }
        files.extend(
            packages
                .iter()
                .flat_map(|one| &one.bins)
                .map(|link| link.file.clone()),
        );
        let found = parallel::try_map(&packages, threads, |package| {
            installing.package(package, &files)
        })?;
        all.bundles.extend(found.into_iter().flatten());
        let links = links.into_iter().map(|link| (link.path, link.target));
        all.bundles
            .extend(installing.links(&packages, links.collect())?);
        let not_run = packages
            .iter()
            .filter(|one| one.has_install_script == Some(true) && !one.has_platform_packages);
        all.scripts_not_run.extend(not_run.map(shown));
    }
    Ok(all)
}

/// The links to the commands of a package, beside the links to it.
fn installed_bins(package: &NodePackage, bins: &[(&str, TreePath)]) -> Vec<BinLink> {
    let mut links = Vec::new();
    for at in &package.linked_at {
        // The name may be another than the package's; with a scope it is two parts.
        let parts: Vec<&[u8]> = at.parts().collect();
        let is_scoped = parts
            .iter()
            .nth_back(1)
            .is_some_and(|part| part.starts_with(b"@"));
        let depth = if is_scoped { 2 } else { 1 };
        let (modules, alias) = parts.split_at(parts.len().saturating_sub(depth));
        let alias = String::from_utf8_lossy(&alias.join(&b'/')).into_owned();
        let modules = modules
            .iter()
            .fold(TreePath::ROOT, |path, part| path.join(part));
        for (command, file) in bins {
            links.push(BinLink {
                path: modules.join(".bin").join(command),
                target: format!("../{alias}{file}"),
                file: below(&package.path, file),
            });
        }
    }
    links
}

/// A path below a directory.
fn below(directory: &TreePath, path: &TreePath) -> TreePath {
    let parts = path.parts();
    parts.fold(directory.clone(), |path, part| path.join(part))
}

/// Fetches the archives of the packages of all Node.js applications of a recipe, and gives each with
/// the name that a directory of copies has it by ([`copy_path`]).
///
/// # Errors
/// As [`fetch_packages`].
pub fn fetch_archives(
    recipe: &Recipe,
    npmrc: &Npmrc,
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<(String, Blob)>, NodeError> {
    let mut archives = Vec::new();
    for installing in Installing::of_recipe(recipe, npmrc, elsewhere) {
        let packages = installing.selection(recipe)?.packages;
        let found = parallel::try_map(&packages, threads, |package| {
            let Some((integrity, blob)) = installing.archive(package)? else {
                return Ok::<_, NodeError>(None);
            };
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
    npmrc: Npmrc,
    elsewhere: &'a Elsewhere<'a>,
}

impl<'a> Installing<'a> {
    /// The applications of a recipe.
    fn of_recipe(
        recipe: &'a Recipe,
        npmrc: &'a Npmrc,
        elsewhere: &'a Elsewhere<'a>,
    ) -> impl Iterator<Item = Self> + 'a {
        let layers = recipe.layers.iter().enumerate();
        layers.flat_map(move |(number, layer)| {
            layer.nodes.iter().map(move |node| Self {
                layer,
                number,
                node,
                npmrc: node.npmrc.clone().or(npmrc.clone()),
                elsewhere,
            })
        })
    }

    /// The packages that the lock names for the recipe's platform; none for one that Node.js does not
    /// know.
    fn selection(&self, recipe: &Recipe) -> Result<NodeSelection, NodeError> {
        let Some(target) = NodeTarget::of_debian(recipe.architecture.debian()) else {
            return Ok(NodeSelection::default());
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
        commands: &BTreeSet<TreePath>,
    ) -> Result<Option<Bundle>, NodeError> {
        let Some((_, blob)) = self.archive(package)? else {
            return Ok(None);
        };
        let shown = shown(package);
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

    /// The links to packages, those that start commands, and those to the project's own directories.
    fn links(
        &self,
        packages: &[NodePackage],
        mut links: Vec<(TreePath, String)>,
    ) -> Result<Option<Bundle>, NodeError> {
        for package in packages {
            links.extend(
                package
                    .bins
                    .iter()
                    .map(|link| (link.path.clone(), link.target.clone())),
            );
            if let NodePackageSource::Link(place) = &package.source {
                let up = "../".repeat(package.path.parts().count().saturating_sub(1));
                let target = place.as_str().unwrap_or_default();
                links.push((package.path.clone(), format!("{up}{target}")));
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

    /// What a package says itself, if that is to be asked.
    fn manifest(&self, package: &NodePackage) -> Result<Option<PackageManifest>, NodeError> {
        if package.has_install_script.is_some() && !package.has_bins_inside {
            return Ok(None);
        }
        let Some((_, blob)) = self.archive(package)? else {
            return Ok(None);
        };
        let store = self.elsewhere.store;
        let key = Key::new("npm-manifest", &[PACKAGE_FORMAT, blob.digest().as_bytes()]);
        let known = store.value(&key, MAX_MANIFEST);
        if let Some(known) = known.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(Some(known));
        }
        let manifest = PackageManifest::read(io::BufReader::new(blob.open()?));
        let manifest = manifest.map_err(|problem| NodeError::Tarball {
            definition: self.layer.definition.clone(),
            package: shown(package),
            position: self.node.position.clone(),
            problem,
        })?;
        if let Ok(bytes) = serde_json::to_vec(&manifest) {
            store.record(&key, &store.put(&bytes)?)?;
        }
        Ok(Some(manifest))
    }

    /// The archive of a package, from the store or else from its address; none of one that comes with another,
    /// or is a link.
    fn archive<'p>(
        &self,
        package: &'p NodePackage,
    ) -> Result<Option<(&'p Integrity, Blob)>, NodeError> {
        let shown = shown(package);
        let (integrity, blob) = match &package.source {
            NodePackageSource::Archive { url, integrity } => {
                (integrity, self.fetched(&shown, Some(url), integrity)?)
            }
            NodePackageSource::Registry { integrity } => {
                let url = self.npmrc.archive(&package.name, &package.version);
                (integrity, self.fetched(&shown, url.as_deref(), integrity)?)
            }
            NodePackageSource::Bundled | NodePackageSource::Link(_) => return Ok(None),
        };
        Ok(Some((integrity, blob)))
    }

    /// The address of a package, which may be missing where nobody asks it.
    fn address(&self, shown: &str, url: Option<&str>) -> Result<Address, NodeError> {
        let url = url.ok_or_else(|| NodeError::NoRegistry {
            definition: self.layer.definition.clone(),
            from: self.node.from.clone(),
            package: shown.to_owned(),
            position: self.node.position.clone(),
        })?;
        let url: Url = url.parse().map_err(|problem| NodeError::Address {
            definition: self.layer.definition.clone(),
            from: self.node.from.clone(),
            position: self.node.position.clone(),
            problem,
        })?;
        Ok(Address::Remote(url))
    }

    fn fetched(
        &self,
        shown: &str,
        url: Option<&str>,
        integrity: &Integrity,
    ) -> Result<Blob, NodeError> {
        let key = Key::new("integrity", &[integrity.to_string().as_bytes()]);
        let Elsewhere { fetcher, store, .. } = self.elsewhere;
        if let Some(blob) = store.lookup(&key)
            && blob.verify()?.is_some()
        {
            return Ok(blob);
        }
        let copy = fetcher.copy_of(integrity.algorithm(), integrity.as_bytes());
        let place = match copy {
            Some(copy) => copy,
            None => self.address(shown, url)?,
        };
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
