//! Which packages of npm's lock go into an image, and where: those that are not for development, and
//! whose `os`, `cpu` and `libc` are the image's.
//!
//! A package that is optional and for other machines is left out with what only it needs, as npm
//! does (`@npmcli/arborist`, `lib/optional-set.js` and `lib/gather-dep-set.js`).

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::TreePath;

use super::NodeLockError;
use super::integrity::Integrity;
use super::lock::{Entry, PackageLock};
use super::manifest::commands;
use super::selection::{BinLink, NodePackage, NodePackageSource, NodeSelection, is_name};
use super::target::NodeTarget;
use crate::address::without_credentials;

/// The directory of packages.
const MODULES: &str = "node_modules";

impl PackageLock {
    /// The packages for an image, by their paths.
    ///
    /// # Errors
    /// If one cannot be had verified, or is for other machines and not optional.
    pub fn select(&self, target: &NodeTarget) -> Result<NodeSelection, NodeLockError> {
        let graph = Graph::new(self);
        let mut left_out: BTreeSet<&str> = BTreeSet::new();
        for (path, entry) in self.packages.iter().filter(|(path, _)| is_package(path)) {
            if entry.dev {
                left_out.insert(path);
            } else if !target.fits(entry.platforms()) && !entry.link {
                if !entry.optional {
                    return Err(target.misfit(path.clone(), entry.platforms()));
                }
                left_out.extend(graph.optional_set(path));
            }
        }
        let mut found = Vec::new();
        let mut links: BTreeSet<TreePath> = BTreeSet::new();
        for (path, entry) in self.packages.iter().filter(|(path, _)| is_package(path)) {
            // What lies in a package that is left out is left out with it.
            let mut above = std::iter::successors(Some(path.as_str()), |path| owner(path));
            if above.any(|path| left_out.contains(path)) {
                continue;
            }
            let mut package = package(path, entry)?;
            package.bins.retain(|link| links.insert(link.path.clone()));
            package.has_platform_packages = entry.optional_dependencies.keys().any(|name| {
                let other = graph.resolve(path, name);
                let other = other.and_then(|other| self.packages.get(other));
                other.is_some_and(|other| !other.cpu.as_slice().is_empty())
            });
            found.push(package);
        }
        Ok(NodeSelection {
            packages: found,
            links: Vec::new(),
        })
    }
}

/// Whether the entry at a path is a package in `node_modules`, and not the project or a directory of
/// its workspace.
fn is_package(path: &str) -> bool {
    split(path).is_some()
}

/// The directory whose `node_modules` a package is in, and its name there.
fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.rfind("node_modules/")?;
    let before = path.get(..at)?;
    let name = path.get(at + MODULES.len() + 1..)?;
    match before {
        "" => Some(("", name)),
        before => Some((before.strip_suffix('/')?, name)),
    }
}

/// The package in whose directory a package is, if it is one.
fn owner(path: &str) -> Option<&str> {
    let (directory, _) = split(path)?;
    is_package(directory).then_some(directory)
}

fn package(path: &str, entry: &Entry) -> Result<NodePackage, NodeLockError> {
    let wrong = || NodeLockError::Path(path.chars().take(200).collect());
    let place = TreePath::from_archive(path.as_bytes()).map_err(|_| wrong())?;
    let (directory, name) = split(path).ok_or_else(wrong)?;
    if place.as_bytes() != path.as_bytes() || !is_name(name) {
        return Err(wrong());
    }
    let source = source(path, entry)?;
    let modules = match directory {
        "" => TreePath::of(MODULES),
        directory => TreePath::of(directory).join(MODULES),
    };
    let mut bins = Vec::new();
    for (command, file) in commands(&entry.bin, name) {
        let file = TreePath::lexical(&format!("/{file}"));
        let Some(file) = file.filter(|file| !file.is_root()) else {
            continue;
        };
        let target = format!("../{name}{file}");
        let inner = file
            .parts()
            .fold(place.clone(), |path, part| path.join(part));
        bins.push(BinLink {
            path: modules.join(".bin").join(&command),
            target,
            file: inner,
        });
    }
    Ok(NodePackage {
        path: place,
        name: entry.name.clone().unwrap_or_else(|| name.to_owned()),
        version: entry.version.clone().unwrap_or_default(),
        source,
        bins,
        has_bins_inside: false,
        linked_at: Vec::new(),
        has_install_script: Some(entry.has_install_script),
        has_platform_packages: false,
    })
}

fn source(path: &str, entry: &Entry) -> Result<NodePackageSource, NodeLockError> {
    let resolved = entry.resolved.as_deref();
    if entry.link {
        let target = resolved.unwrap_or_default();
        let place = TreePath::from_archive(target.as_bytes());
        return match place {
            Ok(place) if !place.is_root() => Ok(NodePackageSource::Link(place)),
            _ => Err(NodeLockError::Source {
                path: path.to_owned(),
                from: format!("the directory `{}`", target.escape_debug()),
            }),
        };
    }
    if entry.in_bundle {
        return Ok(NodePackageSource::Bundled);
    }
    let url = match resolved {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => url,
        Some(other) => {
            let other = without_credentials(other);
            return Err(NodeLockError::Source {
                path: path.to_owned(),
                from: format!("`{}`", other.escape_debug()),
            });
        }
        // `omit-lockfile-registry-resolved` leaves it out; the registry's address follows from the
        // name, but which registry is not known.
        None => {
            return Err(NodeLockError::Source {
                path: path.to_owned(),
                from: "nowhere (it has no `resolved`)".to_owned(),
            });
        }
    };
    let integrity = entry.integrity.as_deref();
    let integrity = integrity.ok_or_else(|| NodeLockError::NoIntegrity(path.to_owned()))?;
    let integrity = Integrity::parse(integrity).map_err(|source| NodeLockError::Integrity {
        path: path.to_owned(),
        source,
    })?;
    Ok(NodePackageSource::Archive {
        url: url.to_owned(),
        integrity,
    })
}

/// Who needs whom, by the paths of packages.
struct Graph<'a> {
    lock: &'a PackageLock,
    needs: BTreeMap<&'a str, Vec<Edge<'a>>>,
    needed_by: BTreeMap<&'a str, Vec<Edge<'a>>>,
}

#[derive(Clone, Copy)]
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    is_optional: bool,
}

impl<'a> Graph<'a> {
    fn new(lock: &'a PackageLock) -> Self {
        let mut graph = Self {
            lock,
            needs: BTreeMap::new(),
            needed_by: BTreeMap::new(),
        };
        for (path, entry) in &lock.packages {
            let is_optional_peer = |name: &String| {
                let meta = entry.peer_dependencies_meta.get(name);
                meta.is_some_and(|meta| meta.optional)
            };
            // What is optional is listed among the dependencies, too.
            let is_optional = |name: &String| entry.optional_dependencies.contains_key(name);
            let plain = entry
                .dependencies
                .keys()
                .chain(entry.dev_dependencies.keys());
            let plain = plain.map(|name| (name, is_optional(name)));
            let optional = entry.optional_dependencies.keys().map(|name| (name, true));
            let peers = entry.peer_dependencies.keys();
            let peers = peers.map(|name| (name, is_optional_peer(name)));
            for (name, is_optional) in plain.chain(optional).chain(peers) {
                let Some(to) = graph.resolve(path, name) else {
                    continue;
                };
                let edge = Edge {
                    from: path,
                    to,
                    is_optional,
                };
                graph.needs.entry(path).or_default().push(edge);
                graph.needed_by.entry(to).or_default().push(edge);
            }
        }
        graph
    }

    /// The package that `require(name)` finds in a directory (Node.js's documentation, "Loading from
    /// node_modules directories").
    fn resolve(&self, from: &str, name: &str) -> Option<&'a str> {
        let mut directory = Some(from);
        while let Some(here) = directory {
            let path = match here {
                "" => format!("{MODULES}/{name}"),
                here => format!("{here}/{MODULES}/{name}"),
            };
            if let Some((found, _)) = self.lock.packages.get_key_value(&path) {
                return Some(found);
            }
            directory = match (split(here), here) {
                (_, "") => None,
                (Some((above, _)), _) => Some(above),
                (None, here) => Some(here.rsplit_once('/').map_or("", |(above, _)| above)),
            };
        }
        None
    }

    /// An optional package with all that is there for it alone.
    fn optional_set(&self, path: &'a str) -> BTreeSet<&'a str> {
        let edges = |map: &BTreeMap<&'a str, Vec<Edge<'a>>>, path: &str| -> Vec<Edge<'a>> {
            map.get(path).cloned().unwrap_or_default()
        };
        let mut set = BTreeSet::from([path]);
        let mut queue = vec![path];
        // Up to where an optional dependency leads in.
        while let Some(one) = queue.pop() {
            for edge in edges(&self.needed_by, one) {
                if !edge.is_optional && !edge.from.is_empty() && set.insert(edge.from) {
                    queue.push(edge.from);
                }
            }
        }
        // And down to all that they need.
        queue.extend(set.iter().copied());
        while let Some(one) = queue.pop() {
            for edge in edges(&self.needs, one) {
                if !edge.is_optional && set.insert(edge.to) {
                    queue.push(edge.to);
                }
            }
        }
        // But for what others need as well.
        loop {
            let needed = set.iter().copied().find(|one| {
                let by = edges(&self.needed_by, one);
                by.iter()
                    .any(|edge| !edge.is_optional && !set.contains(edge.from))
            });
            match needed {
                Some(one) => set.remove(one),
                None => return set,
            };
        }
    }
}
