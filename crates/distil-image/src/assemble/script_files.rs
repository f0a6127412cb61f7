//! What scripts of packages do to files that is plain enough to be done without them: directories,
//! owners and modes, links and copies, where all of it is known.
//!
//! Nothing is replaced, and no file gets the rights of its owner or group (setuid, setgid). What
//! is not done is told of the package.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_maintscript::{AccountChange, Action, Effect, FileChange, MAX_INPUT};
use distil_tree::{Entry, FileNode, Kind, Metadata, Origin, Tree, TreePath};

use super::builder::TreeBuilder;
use crate::owners::{Owners, Ownership};

/// What these files are told to be from.
const MADE: &str = "what scripts of packages make";

/// The mode bits by which a program has the rights of its owner or group.
const SETID: u32 = 0o6000;

/// Does what the scripts of a layer's packages do to files, package by package, in their order.
pub(super) fn make(
    builder: &mut TreeBuilder,
    effects: &BTreeMap<String, Vec<Effect>>,
    owners: &Owners,
) {
    for effect in effects.values().flatten() {
        match &effect.action {
            Action::Account(AccountChange::User { user, makes_home }) if *makes_home => {
                let home = user.home.as_deref().unwrap_or("/");
                // One that is there keeps its owner (adduser(8)).
                let path = TreePath::from_absolute(home).ok();
                let is_new = path.is_some_and(|path| builder.tree.follow(&path).is_none());
                if let Some((uid, gid)) = owners.parse(&user.name).ok().filter(|_| is_new) {
                    let owner = Ownership {
                        uid: Some(uid),
                        gid: Some(gid),
                    };
                    directory(builder, home, owner, None);
                }
            }
            // Where nothing is read nothing is missing.
            Action::Files(change) if !change.is_in_passing() => file(builder, change, owners),
            _ => {}
        }
    }
}

fn file(builder: &mut TreeBuilder, change: &FileChange, owners: &Owners) {
    match change {
        FileChange::Directories { paths, owner, mode } => {
            if let Some(owner) = owners.of_script(owner) {
                for path in paths {
                    directory(builder, path, owner, *mode);
                }
            }
        }
        FileChange::Owned {
            paths,
            owner,
            mode,
            is_recursive,
        } => {
            if let Some(owner) = owners.of_script(owner) {
                for path in paths {
                    own(builder, path, owner, *mode, *is_recursive);
                }
            }
        }
        FileChange::Mode { mode, paths } => {
            for path in paths {
                own(builder, path, Ownership::default(), Some(*mode), false);
            }
        }
        FileChange::Link { path, target } => link(builder, path, target),
        FileChange::Copy { source, path } => copy(builder, source, path),
        FileChange::Appended { source, path } => append(builder, source, path),
        FileChange::Touched(paths) => {
            for path in paths {
                let path = TreePath::from_absolute(path).ok();
                if let Some(place) = path.and_then(|path| free_place(builder, &path)) {
                    let meta = Metadata::root(0o644, builder.made());
                    put(builder, &place, Kind::file(Vec::new()), meta);
                }
            }
        }
        _ => {}
    }
}

/// Whether a tree is as a change of files would have left it.
pub(super) fn is_done(change: &FileChange, tree: &Tree, owners: &Owners) -> bool {
    let there = |path: &String| {
        let path = TreePath::from_absolute(path).ok()?;
        tree.follow(&path).map(|(_, entry)| entry)
    };
    // Below a directory, a copy or a link has the name of what it is of.
    let is_placed = |path: &String, source: &str| {
        there(path).is_some_and(|entry| {
            !entry.is_directory() || {
                let name = source.trim_end_matches('/').rsplit('/').next();
                let path = format!("{path}/{}", name.unwrap_or_default());
                there(&path).is_some()
            }
        })
    };
    match change {
        FileChange::Owned {
            paths, owner, mode, ..
        } => paths.iter().all(|path| {
            let (Some(entry), Some(owner)) = (there(path), owners.of_script(owner)) else {
                return false;
            };
            let meta = entry.meta;
            owner.uid.is_none_or(|uid| uid == meta.uid)
                && owner.gid.is_none_or(|gid| gid == meta.gid)
                && mode.is_none_or(|mode| mode == meta.mode)
        }),
        FileChange::Mode { mode, paths } => paths
            .iter()
            .all(|path| there(path).is_some_and(|entry| entry.meta.mode == *mode)),
        FileChange::Copy { source, path } => is_placed(path, source),
        FileChange::Link { path, target } => is_placed(path, target),
        FileChange::Appended { source, path } => {
            let both = text_at(tree, source).zip(text_at(tree, path));
            both.is_some_and(|((_, text), (_, all))| memchr::memmem::find(&all, &text).is_some())
        }
        FileChange::Directories { paths, .. }
        | FileChange::Folders(paths)
        | FileChange::Touched(paths)
        | FileChange::Written(paths) => {
            !paths.is_empty() && paths.iter().all(|path| there(path).is_some())
        }
        _ => false,
    }
}

/// Makes a directory. One that is there already gets what is said of its owner and mode.
fn directory(builder: &mut TreeBuilder, path: &str, owner: Ownership, mode: Option<u32>) {
    let Ok(place) = TreePath::from_absolute(path) else {
        return;
    };
    if builder.tree.follow(&place).is_some() {
        return own(builder, path, owner, mode, false);
    }
    let meta = Metadata {
        mode: mode.unwrap_or(0o755),
        uid: owner.uid.unwrap_or(0),
        gid: owner.gid.unwrap_or(0),
        mtime: builder.made(),
    };
    put(builder, &place, Kind::Directory, meta);
}

/// Gives what is there an owner and a mode, if it is of this layer.
fn own(
    builder: &mut TreeBuilder,
    path: &str,
    owner: Ownership,
    mode: Option<u32>,
    is_recursive: bool,
) {
    let path = TreePath::from_absolute(path).ok();
    let Some((place, _)) = path.and_then(|path| builder.tree.follow(&path)) else {
        return;
    };
    let mut places = vec![place.clone()];
    if is_recursive {
        places.extend(builder.tree.below(&place).map(|(path, _)| path.clone()));
    }
    let layer = builder.layer;
    for place in places {
        let Some(entry) = builder.tree.get_mut(&place) else {
            continue;
        };
        let is_link = matches!(entry.kind, Kind::Symlink(_));
        let is_file = entry.file().is_some();
        let gives_rights = is_file && mode.is_some_and(|mode| mode & SETID != 0);
        // What a definition says holds.
        let is_defined = matches!(entry.origin, Origin::Definition(_));
        if entry.layer != layer || is_link || is_defined || gives_rights {
            continue;
        }
        let meta = &mut entry.meta;
        meta.uid = owner.uid.unwrap_or(meta.uid);
        meta.gid = owner.gid.unwrap_or(meta.gid);
        meta.mode = mode.unwrap_or(meta.mode);
        if is_file && owner != Ownership::default() {
            // As chown(2) does it.
            meta.mode &= !SETID;
        }
    }
}

/// Makes a link to what is there.
fn link(builder: &mut TreeBuilder, path: &str, target: &str) {
    let Some(place) = free(builder, path, target) else {
        return;
    };
    let meta = Metadata::root(0o777, builder.made());
    put(builder, &place, Kind::symlink(target), meta);
    if builder.tree.follow(&place).is_none() {
        builder.tree.remove(&place);
    }
}

fn copy(builder: &mut TreeBuilder, source: &str, path: &str) {
    let Some(place) = free(builder, path, source) else {
        return;
    };
    let found = TreePath::from_absolute(source).ok();
    let found = found.and_then(|source| builder.tree.follow(&source));
    if let Some((_, entry)) = found
        && let Some(node) = entry.file()
    {
        let meta = Metadata::root(entry.meta.mode & 0o777, entry.meta.mtime);
        // Of a node of its own: it is no hard link.
        let node = FileNode::new(node.content.clone(), node.digests());
        put(builder, &place, Kind::File(Arc::new(node)), meta);
    }
}

/// Adds the text of a file to another one, which is made if it is not there.
fn append(builder: &mut TreeBuilder, source: &str, path: &str) {
    let Some((_, added)) = text_at(&builder.tree, source) else {
        return;
    };
    let Some((place, mut all)) = text_at(&builder.tree, path) else {
        return copy(builder, source, path);
    };
    if added.is_empty() || memchr::memmem::find(&all, &added).is_some() {
        return;
    }
    if !all.is_empty() && !all.ends_with(b"\n") {
        all.push(b'\n');
    }
    all.extend(added);
    if let Some(entry) = builder.tree.get(&place).cloned() {
        drop(builder.insert(&place, Kind::file(all), entry.meta, entry.origin));
    }
}

/// A file of a size that configuration has, and where it is.
fn text_at(tree: &Tree, path: &str) -> Option<(TreePath, Vec<u8>)> {
    let path = TreePath::from_absolute(path).ok()?;
    let (place, entry) = tree.follow(&path)?;
    let text = entry.file()?.content.read(MAX_INPUT as u64).ok()?;
    Some((place, text))
}

/// Where a copy of a file, or a link to it, goes: the path itself, or below it if a directory is
/// there. None if something is there already, or no directory to put it into.
fn free(builder: &TreeBuilder, path: &str, source: &str) -> Option<TreePath> {
    let path = TreePath::from_absolute(path).ok()?;
    let there = builder.tree.follow(&path).map(|(_, entry)| entry);
    match there.is_some_and(Entry::is_directory) {
        true => {
            let name = source.trim_end_matches('/').rsplit('/').next()?;
            free_place(builder, &path.join(name))
        }
        false => free_place(builder, &path),
    }
}

fn free_place(builder: &TreeBuilder, path: &TreePath) -> Option<TreePath> {
    let place = builder.tree.place(path).ok()?;
    let (_, parent) = builder.tree.follow(&place.parent()?)?;
    let is_free = builder.tree.get(&place).is_none() && parent.is_directory();
    is_free.then_some(place)
}

/// Puts an entry that can be put there; another one is told as undone.
fn put(builder: &mut TreeBuilder, place: &TreePath, kind: Kind, meta: Metadata) {
    let origin = Origin::Generated(MADE.into());
    drop(builder.insert(place, kind, meta, origin));
}
