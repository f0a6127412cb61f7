//! Which packages of a lock go into an image, and where: those that are not for development, and
//! whose `os`, `cpu` and `libc` are the image's.
//!
//! A package that is optional and for other machines is left out with what only it needs, as npm
//! does (`@npmcli/arborist`, `lib/optional-set.js` and `lib/gather-dep-set.js`).

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::TreePath;
use serde_json::Value;

use super::NodeLockError;
use super::integrity::Integrity;
use super::lock::{Entry, PackageLock};
use crate::address::without_credentials;

/// The directory of packages.
const MODULES: &str = "node_modules";

/// The machine that an image is for, by Node.js's names (`process.arch`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTarget {
    cpu: &'static str,
}

/// A package that is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePackage {
    /// Its directory, relative to the project's: `node_modules/express`.
    pub path: TreePath,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from.
    pub source: NodePackageSource,
    /// The commands that it brings.
    pub bins: Vec<BinLink>,
    /// Whether it has scripts that npm would run, and that are not.
    pub has_install_script: bool,
}

/// Where a package is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodePackageSource {
    /// An archive.
    Archive {
        /// Its address.
        url: String,
        /// The digest of it.
        integrity: Integrity,
    },
    /// The archive of the package whose directory this one's is in.
    Bundled,
    /// A directory of the project, which is linked.
    Link(TreePath),
}

/// A link that starts a command of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinLink {
    /// Its path relative to the project's directory: `node_modules/.bin/tsc`.
    pub path: TreePath,
    /// What it leads to, as it is written.
    pub target: String,
    /// The file that it leads to, which has to be executable.
    pub file: TreePath,
}

impl NodeTarget {
    /// By Debian's name of the architecture.
    pub fn of_debian(architecture: &str) -> Option<Self> {
        let cpu = match architecture {
            "amd64" => "x64",
            "arm64" => "arm64",
            "armhf" => "arm",
            "i386" => "ia32",
            "ppc64el" => "ppc64",
            "riscv64" => "riscv64",
            "s390x" => "s390x",
            _ => return None,
        };
        Some(Self { cpu })
    }

    fn fits(&self, entry: &Entry) -> bool {
        is_listed("linux", entry.os.as_slice())
            && is_listed(self.cpu, entry.cpu.as_slice())
            && is_listed("glibc", entry.libc.as_slice())
    }
}

/// Whether a value is in a list of what is accepted, or is not in one of what is not
/// (`npm-install-checks`, `checkList`).
fn is_listed(value: &str, list: &[String]) -> bool {
    if list.is_empty() || list == ["any"] {
        return true;
    }
    let mut has_match = false;
    for one in list {
        match one.strip_prefix('!') {
            Some(not) if not == value => return false,
            Some(_) => {}
            None => has_match |= one == value,
        }
    }
    has_match || list.iter().all(|one| one.starts_with('!'))
}

impl PackageLock {
    /// The packages for an image, by their paths.
    ///
    /// # Errors
    /// If one cannot be had verified, or is for other machines and not optional.
    pub fn select(&self, target: &NodeTarget) -> Result<Vec<NodePackage>, NodeLockError> {
        let graph = Graph::new(self);
        let mut left_out: BTreeSet<&str> = BTreeSet::new();
        for (path, entry) in self.packages.iter().filter(|(path, _)| is_package(path)) {
            if entry.dev {
                left_out.insert(path);
            } else if !target.fits(entry) && !entry.link {
                if !entry.optional {
                    let lists = [&entry.os, &entry.cpu, &entry.libc];
                    let lists = lists.map(|list| list.as_slice().join(", "));
                    let wanted: Vec<&str> = lists
                        .iter()
                        .map(String::as_str)
                        .filter(|l| !l.is_empty())
                        .collect();
                    return Err(NodeLockError::Platform {
                        path: path.clone(),
                        wanted: wanted.join("; "),
                        target: format!("linux, {}, glibc", target.cpu),
                    });
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
            found.push(package);
        }
        Ok(found)
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
    let is_name = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        let is_part =
            |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
        match parts.as_slice() {
            [one] => is_part(one),
            [scope, one] => scope.starts_with('@') && scope.len() > 1 && is_part(one),
            _ => false,
        }
    };
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
        has_install_script: entry.has_install_script,
    })
}

/// The commands of a package with their files. A name's directories are dropped, as
/// `npm-normalize-package-bin` does.
fn commands(bin: &Value, package: &str) -> Vec<(String, String)> {
    let base = |name: &str| {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        name.trim_start_matches('.').to_owned()
    };
    let commands: Vec<(String, String)> = match bin {
        Value::String(file) => vec![(base(package), file.clone())],
        Value::Object(all) => {
            let all = all.iter();
            let all = all.filter_map(|(name, file)| Some((base(name), file.as_str()?.to_owned())));
            all.collect()
        }
        _ => Vec::new(),
    };
    let is_name = |name: &str| !name.is_empty() && name.len() < 200 && !name.contains('\0');
    commands
        .into_iter()
        .filter(|(name, _)| is_name(name))
        .collect()
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
