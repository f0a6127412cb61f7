//! What an attacker would look for first in an image: shells, package managers, setuid files and so
//! on. Building and checking decide by this alone; what of it is allowed is theirs to say.

mod content;
mod kind;
mod names;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use distil_tree::{Entry, FileNode, Tree, TreePath};

pub use content::{Toolbox, by_content};
pub use kind::ExposureKind;
pub use names::by_name;

/// Something that an image for production should not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// What it is.
    pub kind: ExposureKind,
    /// The file that it is, links followed.
    pub place: TreePath,
    /// By which paths it is found: the file's own first, then those of links. Never empty.
    pub paths: Vec<TreePath>,
    /// What its bytes say of it, where they do.
    pub toolbox: Option<Toolbox>,
}

/// All that there is in a tree, by kinds and places.
///
/// `programs` are looked into for what their bytes say of them, however they are called. `runtimes`
/// are the interpreters that the image is for, which are none of this, by none of their names.
pub fn exposures<'a>(
    tree: &Tree,
    programs: impl IntoIterator<Item = &'a TreePath>,
    runtimes: &BTreeSet<TreePath>,
) -> Vec<Exposure> {
    let contents = contents(tree, programs);
    // A hard link to the runtime is the runtime.
    let nodes: HashSet<*const FileNode> = runtimes
        .iter()
        .filter_map(|path| Some(Arc::as_ptr(tree.get(path)?.file()?)))
        .collect();
    let is_runtime = |place: &TreePath| {
        let file = tree.get(place).and_then(Entry::file);
        runtimes.contains(place) || file.is_some_and(|file| nodes.contains(&Arc::as_ptr(file)))
    };
    // By what they lead to, so that a program and its links are one.
    let mut found: BTreeMap<(ExposureKind, TreePath), Vec<TreePath>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        if entry.is_directory() {
            continue;
        }
        let mut named = by_name(path, entry);
        if named == Some(ExposureKind::Setuid) {
            let key = (ExposureKind::Setuid, path.clone());
            found.entry(key).or_default().push(path.clone());
            // It may be a shell, too; so its name counts without the bit.
            let mut plain = entry.clone();
            plain.meta.mode &= 0o1777;
            named = by_name(path, &plain);
        }
        if named.is_none() && contents.is_empty() {
            continue;
        }
        let place = tree.resolve(path).ok();
        let toolbox = place.as_ref().and_then(|place| contents.get(place));
        let Some(kind) = kind(path, place.as_ref(), named, toolbox) else {
            continue;
        };
        if kind == ExposureKind::Interpreter && place.as_ref().is_some_and(is_runtime) {
            continue;
        }
        let key = place.unwrap_or_else(|| path.clone());
        found.entry((kind, key)).or_default().push(path.clone());
    }
    // What has a shell among its links is one, by whatever other names it is called.
    let shells = found.keys();
    let shells = shells.filter(|(kind, _)| *kind == ExposureKind::Shell);
    let shells: Vec<TreePath> = shells.map(|(_, place)| place.clone()).collect();
    for place in shells {
        let others = found.remove(&(ExposureKind::Toolbox, place.clone()));
        let paths = found.entry((ExposureKind::Shell, place)).or_default();
        paths.extend(others.into_iter().flatten());
    }
    let exposure = |((kind, place), mut paths): ((ExposureKind, TreePath), Vec<TreePath>)| {
        paths.sort_by_key(|path| (*path != place, path.clone()));
        Exposure {
            kind,
            toolbox: contents.get(&place).cloned(),
            place,
            paths,
        }
    };
    found.into_iter().map(exposure).collect()
}

/// What something is that has a name, and content or not.
fn kind(
    path: &TreePath,
    place: Option<&TreePath>,
    named: Option<ExposureKind>,
    toolbox: Option<&Toolbox>,
) -> Option<ExposureKind> {
    match toolbox {
        Some(Toolbox::Shell) => return Some(ExposureKind::Shell),
        Some(Toolbox::Applets(applets)) => {
            let mut words = applets.iter().map(String::as_bytes).chain(path.name());
            let is_shell = words.any(|word| matches!(word, b"sh" | b"ash" | b"hush" | b"bash"));
            return Some(match is_shell {
                true => ExposureKind::Shell,
                false => ExposureKind::Toolbox,
            });
        }
        None => {}
    }
    // A link to busybox is an applet of its, whatever the applet is called.
    let is_applet = place
        .is_some_and(|place| place != path && matches!(place.name(), Some(b"busybox" | b"toybox")));
    match is_applet {
        true => named.map(|_| ExposureKind::Shell),
        false => named,
    }
}

/// Programs that are shells or toolboxes by their bytes, however large they are. Hard links of one
/// file are read once.
fn contents<'a>(
    tree: &Tree,
    programs: impl IntoIterator<Item = &'a TreePath>,
) -> BTreeMap<TreePath, Toolbox> {
    let mut known: BTreeMap<*const FileNode, Option<Toolbox>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for path in programs {
        let Some(entry) = tree.get(path).filter(|entry| entry.is_executable()) else {
            continue;
        };
        let Some(file) = entry.file() else { continue };
        let toolbox = known
            .entry(Arc::as_ptr(file))
            .or_insert_with(|| by_content(&file.content).ok().flatten());
        found.extend(toolbox.clone().map(|toolbox| (path.clone(), toolbox)));
    }
    found
}
