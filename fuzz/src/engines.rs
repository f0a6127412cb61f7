//! Small models of what engines make of layers, to compare our merge with: one that extracts each
//! layer into a directory of its own and merges these as overlayfs does, and one that extracts all
//! layers into one directory, as engines on vfs do. Both do what Docker's code does step by step, and
//! share nothing with our merge, which works on sorted paths.
//!
//! The ordinary tests (crates/distil-inspect/tests/model.rs) include this file, too.

use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::{Changeset, Entry, FileContent, Filesystem, merge};
use distil_tree::{Kind, Metadata, TreePath};

/// A member of a layer. Paths are parts with `/` between them.
#[derive(Debug, Clone)]
pub enum Member {
    /// A directory with its mode.
    Directory(String, u32),
    /// A file, known by a number.
    File(String, u32),
    /// A symbolic link.
    Symlink(String, String),
    /// A hard link.
    HardLink(String, String),
    /// A whiteout for a path.
    Whiteout(String),
    /// An opaque marker in a directory.
    Opaque(String),
}

/// What a container sees, as lines that can be compared.
pub type Listing = BTreeSet<String>;

/// The engine rejects the layer.
#[derive(Debug)]
pub struct Rejected;

/// Layers of members with short paths, four bytes each; a zero ends a layer.
pub fn layers(data: &[u8]) -> Vec<Vec<Member>> {
    let path = |byte: u8| {
        let part = |shift: u8| ["a", "b", "c", ""][usize::from(byte >> shift & 3)];
        let parts = [part(0), part(2), part(4)];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    };
    let mut layers = vec![Vec::new()];
    for bytes in data.chunks_exact(4).take(64) {
        let &[kind, first, second, more] = bytes else {
            continue;
        };
        let (path, other) = (path(first), path(second));
        let prefix = ["", "/", "../", "../../"][usize::from(more & 3)];
        let target = format!("{prefix}{other}");
        if path.is_empty() && kind % 7 != 6 {
            continue;
        }
        let member = match kind % 7 {
            0 if layers.len() < 6 => {
                layers.push(Vec::new());
                continue;
            }
            0 | 1 => Member::Directory(path, if more & 4 == 0 { 0o755 } else { 0o700 }),
            2 => Member::File(path, more.into()),
            3 if target.is_empty() => continue,
            3 => Member::Symlink(path, target),
            4 => Member::HardLink(path, other),
            5 => Member::Whiteout(path),
            _ => Member::Opaque(path),
        };
        if let Some(layer) = layers.last_mut() {
            layer.push(member);
        }
    }
    layers
}

type Result<T> = std::result::Result<T, Rejected>;

/// A file system as a kernel has it: directories that know what is in them.
#[derive(Debug, Clone)]
enum Node {
    Directory {
        /// None where nobody said.
        mode: Option<u32>,
        opaque: bool,
        inside: BTreeMap<String, Node>,
    },
    File(u32),
    Symlink(String),
    Whiteout,
}

impl Node {
    fn directory(mode: Option<u32>) -> Self {
        Self::Directory {
            mode,
            opaque: false,
            inside: BTreeMap::new(),
        }
    }

    fn inside(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Directory { inside, .. } => Some(inside),
            _ => None,
        }
    }

    fn inside_mut(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        match self {
            Self::Directory { inside, .. } => Some(inside),
            _ => None,
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect()
}

/// A directory of the machine into which an engine extracts, with itself as the root.
struct Root(Node);

impl Root {
    fn get(&self, at: &[String]) -> Option<&Node> {
        at.iter()
            .try_fold(&self.0, |node, part| node.inside()?.get(part))
    }

    fn get_mut(&mut self, at: &[String]) -> Option<&mut Node> {
        at.iter()
            .try_fold(&mut self.0, |node, part| node.inside_mut()?.get_mut(part))
    }

    /// The place that a path means, all links followed (path_resolution(7)); nothing if a part is
    /// missing or no directory.
    fn resolve(&self, path: &[String], links: u32) -> Option<Vec<String>> {
        let mut here: Vec<String> = Vec::new();
        for (number, part) in path.iter().enumerate() {
            if part == ".." {
                here.pop();
                continue;
            }
            let inside = self.get(&here)?.inside()?;
            match inside.get(part)? {
                Node::Symlink(target) => {
                    if links >= 40 {
                        return None;
                    }
                    let mut next = match target.starts_with('/') {
                        true => Vec::new(),
                        false => here,
                    };
                    next.extend(parts(target));
                    next.extend_from_slice(&path[number + 1..]);
                    return self.resolve(&next, links + 1);
                }
                _ => here.push(part.clone()),
            }
        }
        Some(here)
    }

    /// As lstat(2): the place of what a path names, whose last part is not followed.
    fn place(&self, path: &[String]) -> Option<Vec<String>> {
        let (last, parent) = path.split_last()?;
        let mut place = self.resolve(parent, 0)?;
        self.get(&place)?.inside()?;
        place.push(last.clone());
        Some(place)
    }

    fn exists(&self, path: &[String]) -> bool {
        path.is_empty()
            || self
                .place(path)
                .is_some_and(|place| self.get(&place).is_some())
    }

    /// `os.MkdirAll` of what is not there.
    fn make_all(&mut self, path: &[String]) -> Result<()> {
        if path.is_empty() {
            return Ok(());
        }
        if let Some(place) = self.resolve(path, 0) {
            let is_directory = self.get(&place).and_then(Node::inside).is_some();
            return if is_directory { Ok(()) } else { Err(Rejected) };
        }
        let (last, parent) = path.split_last().ok_or(Rejected)?;
        self.make_all(parent)?;
        let parent = self.resolve(parent, 0).ok_or(Rejected)?;
        let inside = self.get_mut(&parent).and_then(Node::inside_mut);
        let inside = inside.ok_or(Rejected)?;
        // A link that leads nowhere is in the way.
        if inside.contains_key(last) {
            return Err(Rejected);
        }
        inside.insert(last.clone(), Node::directory(None));
        Ok(())
    }

    /// What comes before each member: the directory that it lies in is there, or is made.
    fn parent(&mut self, path: &[String]) -> Result<()> {
        let parent = path.split_last().map_or(&[][..], |(_, parent)| parent);
        match self.exists(parent) {
            true => Ok(()),
            false => self.make_all(parent),
        }
    }

    fn remove(&mut self, place: &[String]) {
        if let Some((last, parent)) = place.split_last()
            && let Some(inside) = self.get_mut(parent).and_then(Node::inside_mut)
        {
            inside.remove(last);
        }
    }

    fn put(&mut self, place: &[String], node: Node) -> Result<()> {
        let (last, parent) = place.split_last().ok_or(Rejected)?;
        let inside = self.get_mut(parent).and_then(Node::inside_mut);
        inside.ok_or(Rejected)?.insert(last.clone(), node);
        Ok(())
    }

    /// A member that is no whiteout: directories are both together, all else replaces what is there.
    fn extract(&mut self, path: &[String], node: Node) -> Result<()> {
        if path.is_empty() {
            if let (Node::Directory { mode, .. }, Node::Directory { mode: new, .. }) =
                (&mut self.0, &node)
            {
                *mode = *new;
                return Ok(());
            }
            return Err(Rejected);
        }
        let place = self.place(path).ok_or(Rejected)?;
        if let (Some(Node::Directory { mode, .. }), Node::Directory { mode: new, .. }) =
            (self.get_mut(&place), &node)
        {
            *mode = *new;
            return Ok(());
        }
        self.remove(&place);
        self.put(&place, node)
    }
}

/// Paths of one layer, none of which may come twice: Docker's tar-split.
#[derive(Default)]
struct Names(BTreeSet<Vec<String>>);

impl Names {
    fn take(&mut self, path: &[String]) -> Result<()> {
        match self.0.insert(path.to_vec()) {
            true => Ok(()),
            false => Err(Rejected),
        }
    }
}

/// The name of a member that is none of the file system.
fn marker(path: &[String], what: &str) -> Vec<String> {
    [path, &[format!("/{what}")]].concat()
}

fn node_of(member: &Member) -> Option<(Vec<String>, Node)> {
    match member {
        Member::Directory(path, mode) => Some((parts(path), Node::directory(Some(*mode)))),
        Member::File(path, number) => Some((parts(path), Node::File(*number))),
        Member::Symlink(path, target) => Some((parts(path), Node::Symlink(target.clone()))),
        _ => None,
    }
}

/// What a hard link is: link(2) does not follow the last part.
fn linked(root: &Root, target: &str) -> Result<Node> {
    let place = root.place(&parts(target)).ok_or(Rejected)?;
    match root.get(&place) {
        Some(node @ (Node::File(_) | Node::Symlink(_))) => Ok(node.clone()),
        _ => Err(Rejected),
    }
}

/// A layer in a directory of its own (moby's `archive.Unpack` with overlay's whiteouts).
fn upper(layer: &[Member]) -> Result<Root> {
    let mut root = Root(Node::directory(None));
    let mut names = Names::default();
    for member in layer {
        match member {
            Member::Whiteout(path) => {
                let path = parts(path);
                names.take(&marker(&path, "whiteout"))?;
                root.parent(&path)?;
                let place = root.place(&path).ok_or(Rejected)?;
                // mknod(2).
                if root.get(&place).is_some() {
                    return Err(Rejected);
                }
                root.put(&place, Node::Whiteout)?;
            }
            Member::Opaque(path) => {
                let path = parts(path);
                names.take(&marker(&path, "opaque"))?;
                if !root.exists(&path) {
                    root.make_all(&path)?;
                }
                let place = root.resolve(&path, 0).ok_or(Rejected)?;
                // setxattr(2).
                match root.get_mut(&place) {
                    Some(Node::Directory { opaque, .. }) => *opaque = true,
                    _ => return Err(Rejected),
                }
            }
            Member::HardLink(path, target) => {
                let path = parts(path);
                names.take(&path)?;
                root.parent(&path)?;
                let node = linked(&root, target)?;
                root.extract(&path, node)?;
            }
            member => {
                let (path, node) = node_of(member).ok_or(Rejected)?;
                names.take(&path)?;
                root.parent(&path)?;
                root.extract(&path, node)?;
            }
        }
    }
    Ok(root)
}

/// overlayfs: what is above hides what is below, but for two directories.
fn overlay(below: Option<Node>, above: Node, is_root: bool) -> Option<Node> {
    match (below, above) {
        (_, Node::Whiteout) => None,
        (
            below,
            Node::Directory {
                mode,
                opaque,
                inside,
            },
        ) => {
            let (old_mode, mut merged) = match below {
                Some(Node::Directory { mode, inside, .. }) => (mode, inside),
                _ => (None, BTreeMap::new()),
            };
            if opaque && !is_root {
                merged.clear();
            }
            for (name, node) in inside {
                let old = merged.remove(&name);
                if let Some(node) = overlay(old, node, false) {
                    merged.insert(name, node);
                }
            }
            // As containerd makes directories that the layer has no member for.
            Some(Node::Directory {
                mode: mode.or(old_mode),
                opaque: false,
                inside: merged,
            })
        }
        (_, node) => Some(node),
    }
}

/// What engines on overlay have.
pub fn on_overlay(layers: &[Vec<Member>]) -> Result<Listing> {
    let mut merged = Node::directory(None);
    for layer in layers {
        let upper = upper(layer)?;
        merged = overlay(Some(merged), upper.0, true).unwrap_or_else(|| Node::directory(None));
    }
    let mut listing = Listing::new();
    list(&merged, "", &mut listing);
    Ok(listing)
}

/// What engines on vfs have (moby's `archive.UnpackLayer`).
pub fn on_vfs(layers: &[Vec<Member>]) -> Result<Listing> {
    let mut root = Root(Node::directory(None));
    for layer in layers {
        let mut names = Names::default();
        // By the names of members, and not by where these led.
        let mut unpacked = BTreeSet::new();
        for member in layer {
            match member {
                Member::Whiteout(path) => {
                    let path = parts(path);
                    names.take(&marker(&path, "whiteout"))?;
                    root.parent(&path)?;
                    let place = root.place(&path).ok_or(Rejected)?;
                    root.remove(&place);
                }
                Member::Opaque(path) => {
                    let path = parts(path);
                    names.take(&marker(&path, "opaque"))?;
                    if !root.exists(&path) {
                        root.make_all(&path)?;
                    }
                    // A link is not walked into.
                    let place = match path.is_empty() {
                        true => Vec::new(),
                        false => root.place(&path).ok_or(Rejected)?,
                    };
                    clear(&mut root, &path, &place, &unpacked);
                }
                Member::HardLink(path, target) => {
                    let path = parts(path);
                    names.take(&path)?;
                    root.parent(&path)?;
                    let node = linked(&root, target)?;
                    root.extract(&path, node)?;
                    unpacked.insert(path);
                }
                member => {
                    let (path, node) = node_of(member).ok_or(Rejected)?;
                    names.take(&path)?;
                    root.parent(&path)?;
                    root.extract(&path, node)?;
                    unpacked.insert(path);
                }
            }
        }
    }
    let mut listing = Listing::new();
    list(&root.0, "", &mut listing);
    Ok(listing)
}

/// Removes what this layer has not unpacked.
fn clear(root: &mut Root, path: &[String], place: &[String], unpacked: &BTreeSet<Vec<String>>) {
    let Some(inside) = root.get(place).and_then(Node::inside) else {
        return;
    };
    let names: Vec<String> = inside.keys().cloned().collect();
    for name in names {
        let path = [path, std::slice::from_ref(&name)].concat();
        let place = [place, &[name]].concat();
        match unpacked.contains(&path) {
            true => clear(root, &path, &place, unpacked),
            false => root.remove(&place),
        }
    }
}

fn list(node: &Node, path: &str, listing: &mut Listing) {
    match node {
        Node::Directory { mode, inside, .. } => {
            if !path.is_empty() {
                listing.insert(format!("{path}/ {:o}", mode.unwrap_or(0o755)));
            }
            for (name, node) in inside {
                list(node, &format!("{path}/{name}"), listing);
            }
        }
        Node::File(number) => drop(listing.insert(format!("{path} {number}"))),
        Node::Symlink(target) => drop(listing.insert(format!("{path} -> {target}"))),
        Node::Whiteout => {}
    }
}

/// What we have: nothing if the layers are refused.
pub fn ours(layers: &[Vec<Member>]) -> Option<Filesystem> {
    let meta = |mode| Metadata::root(mode, 0);
    let changeset = |layer: &Vec<Member>| {
        let mut changeset = Changeset::default();
        for member in layer {
            let added = match member {
                Member::Directory(path, mode) => {
                    changeset.add(&TreePath::of(path), Entry::Directory(meta(*mode)))
                }
                Member::File(path, number) => {
                    let content = FileContent {
                        bytes: number.to_string().as_str().into(),
                        digests: distil_tree::Digests::default(),
                        capability: None,
                    };
                    changeset.add(&TreePath::of(path), Entry::File(meta(0o644), content))
                }
                Member::Symlink(path, target) => {
                    let target = target.clone().into_bytes();
                    changeset.add(&TreePath::of(path), Entry::Symlink(meta(0o777), target))
                }
                Member::HardLink(path, target) => {
                    let target = TreePath::of(target);
                    changeset.add(&TreePath::of(path), Entry::HardLink(target))
                }
                Member::Whiteout(path) => changeset.add_whiteout(&TreePath::of(path)),
                Member::Opaque(path) => changeset.add_opaque(&TreePath::of(path)),
            };
            added.ok()?;
        }
        Some(changeset)
    };
    merge(layers.iter().map(changeset).collect::<Option<_>>()?).ok()
}

/// Compares what we have with what engines have: the same as those on overlay wherever these take the
/// layers, and the same as all of them where we have no doubt.
pub fn compare(layers: &[Vec<Member>]) {
    let ours = ours(layers);
    let overlay = on_overlay(layers);
    let listed = ours.as_ref().map(|filesystem| {
        let entries = filesystem.tree.iter().filter(|(path, _)| !path.is_root());
        let line = |(path, entry): (&TreePath, &distil_tree::Entry)| match &entry.kind {
            Kind::Directory => format!("{path}/ {:o}", entry.meta.mode),
            Kind::Symlink(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
            Kind::File(file) => {
                let bytes = file.content.read(100).unwrap_or_default();
                format!("{path} {}", String::from_utf8_lossy(&bytes))
            }
        };
        entries.map(line).collect::<Listing>()
    });
    match (&listed, &overlay) {
        (Some(listed), Ok(overlay)) => assert_eq!(listed, overlay, "overlay has {layers:?}"),
        (None, Ok(_)) => panic!("we refuse what overlay takes: {layers:?}"),
        _ => {}
    }
    let Some(filesystem) = ours.filter(|filesystem| filesystem.ambiguities.is_empty()) else {
        return;
    };
    assert!(
        overlay.is_ok(),
        "overlay rejects what we have no doubt about: {layers:?}"
    );
    match on_vfs(layers) {
        Ok(vfs) => assert_eq!(listed, Some(vfs), "vfs has {layers:?}, {filesystem:?}"),
        Err(Rejected) => panic!("vfs rejects what we have no doubt about: {layers:?}"),
    }
}
