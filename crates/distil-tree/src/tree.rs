//! The tree itself: entries by path, links resolved inside it, nothing ever on disk.

use std::sync::{Arc, OnceLock};

use distil_store::Digest;

use crate::content::Content;
use crate::elf::{self, Elf, ElfError};
use crate::path::{Printable, TreePath};
use crate::sorted::SortedMap;

/// How many symbolic links are followed for one path: Linux's own limit, path_resolution(7).
const MAX_LINKS: u32 = 40;

/// A file system in memory.
///
/// Every entry's directories are entries, too. Two files that share one [`FileNode`] are hard
/// links of each other.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: SortedMap<TreePath, Entry>,
}

/// One entry of a tree.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its owner, mode and time.
    pub meta: Metadata,
    /// What put it there.
    pub origin: Origin,
    /// The layer that it belongs to, counted from the lowest, 0.
    pub layer: usize,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File(Arc<FileNode>),
    /// A symbolic link, with its target as it is written.
    Symlink(Vec<u8>),
}

/// A file's bytes, shared by its hard links.
#[derive(Debug)]
pub struct FileNode {
    /// The bytes.
    pub content: Content,
    /// In a box, since most trees have none, or no more than one of them for each file.
    digests: Option<Box<Digests>>,
    /// What they are as an ELF file, which every layer and several proofs ask for.
    /// In a box, since most files are none.
    elf: OnceLock<Option<Box<Result<Elf, ElfError>>>>,
}

/// The digests of all bytes of a file, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digests {
    /// MD5, as dpkg's `.md5sums` files have it.
    pub md5: Option<[u8; 16]>,
    /// SHA-256.
    pub sha256: Option<Digest>,
    /// SHA-1, by which SPDX documents name files.
    pub sha1: Option<[u8; 20]>,
}

impl FileNode {
    /// A file with this content.
    pub fn new(content: impl Into<Content>, digests: Digests) -> Self {
        let is_known = digests != Digests::default();
        Self {
            content: content.into(),
            digests: is_known.then(|| Box::new(digests)),
            elf: OnceLock::new(),
        }
    }

    /// The digests of the bytes that are known already.
    pub fn digests(&self) -> Digests {
        self.digests.as_deref().copied().unwrap_or_default()
    }

    /// The facts of an ELF file, which is read once; nothing of a file that does not begin like one.
    pub fn elf(&self) -> Option<Result<&Elf, &ElfError>> {
        let read = || {
            let head = self.content.head(4).ok()?;
            elf::is_elf(&head).then(|| Box::new(elf::parse(self.content.reader())))
        };
        let facts = self.elf.get_or_init(read).as_deref();
        facts.map(Result::as_ref)
    }
}

/// Owner, mode and time of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Permissions with the setuid, setgid and sticky bits: at most `0o7777`.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
}

impl Metadata {
    /// An entry of root's.
    pub fn root(mode: u32, mtime: i64) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            mtime,
        }
    }
}

impl IntoIterator for Tree {
    type Item = (TreePath, Entry);
    type IntoIter = <SortedMap<TreePath, Entry> as IntoIterator>::IntoIter;

    /// As [`Tree::iter`]. Each entry's memory goes with it.
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// What put an entry into the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A package, by name.
    Package(Arc<str>),
    /// Code that makes what a package's script would have made, by what it makes.
    Generated(Arc<str>),
    /// A definition's own word (a file, link or directory that it lists), by its name.
    Definition(Arc<str>),
    /// Something that is no Debian package: a download, a directory.
    Bundle(Arc<BundleOrigin>),
    /// A compiler, by what put its source there.
    Compiled(Arc<Origin>),
}

/// What put an entry into the tree that is no Debian package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleOrigin {
    /// What it is, in one word.
    pub kind: &'static str,
    /// Its address or name.
    pub from: Arc<str>,
}

impl Kind {
    /// A file of its own with this content.
    pub fn file(content: impl Into<Content>) -> Self {
        Self::File(Arc::new(FileNode::new(content, Digests::default())))
    }

    /// A symbolic link to `target`.
    pub fn symlink(target: impl AsRef<[u8]>) -> Self {
        Self::Symlink(target.as_ref().to_vec())
    }
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory)
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Arc<FileNode>> {
        match &self.kind {
            Kind::File(node) => Some(node),
            _ => None,
        }
    }

    /// Whether anybody may execute it.
    pub fn is_executable(&self) -> bool {
        self.file().is_some() && self.meta.mode & 0o111 != 0
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nothing has this path.
    #[error("`{0}` does not exist")]
    Missing(TreePath),
    /// A part on the way is neither a directory nor a link to one.
    #[error("`{0}` is not a directory")]
    NotAFolder(TreePath),
    /// Links lead to links without an end.
    #[error("`{0}` is a loop of links")]
    Loop(TreePath),
}

/// An entry may not be put where it was to go.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// Something that is not a directory is in the way.
    #[error("`{path}` needs the directory `{folder}`, which is a {kind} from {origin}")]
    NotAFolder {
        /// What was to be inserted.
        path: TreePath,
        /// What is not a directory.
        folder: TreePath,
        /// What it is.
        kind: &'static str,
        /// Where that is from.
        origin: String,
    },
    /// A directory with something in it is in its place.
    #[error("`{path}` is a {kind}, and is a directory with files in it from elsewhere")]
    NotEmpty {
        /// What was to be inserted, and is a directory.
        path: TreePath,
        /// What it was to be.
        kind: &'static str,
    },
    /// The links on the way lead nowhere.
    #[error("`{path}` lies behind a link that leads nowhere")]
    Resolve {
        /// What was to be inserted.
        path: TreePath,
        /// Why.
        source: ResolveError,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Package(name) => write!(f, "package `{name}`"),
            Self::Generated(name) => write!(f, "generated `{name}`"),
            Self::Definition(name) => write!(f, "definition `{name}`"),
            Self::Bundle(one) => write!(f, "{} `{}`", one.kind, one.from),
            Self::Compiled(of) => write!(f, "compiling a source of {of}"),
        }
    }
}

impl Kind {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File(_) => "file",
            Self::Symlink(_) => "link",
        }
    }
}

impl Tree {
    /// A tree without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry at exactly this path; links are not followed.
    pub fn get(&self, path: &TreePath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// As [`Tree::get`], to change it.
    pub fn get_mut(&mut self, path: &TreePath) -> Option<&mut Entry> {
        self.entries.get_mut(path)
    }

    /// All entries by path; a directory comes before what it holds.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&TreePath, &Entry)> + Clone {
        self.entries.iter()
    }

    /// As [`Tree::iter`], to change them.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&TreePath, &mut Entry)> {
        self.entries.iter_mut()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All that lies in `folder`, at any depth.
    pub fn below<'a>(
        &'a self,
        folder: &TreePath,
    ) -> impl Iterator<Item = (&'a TreePath, &'a Entry)> {
        let first = folder.join("");
        let skip_root = folder.is_root();
        self.entries
            .range_from(&first)
            .take_while(move |(path, _)| path.as_bytes().starts_with(first.as_bytes()))
            .filter(move |(path, _)| !(skip_root && path.is_root()))
    }

    /// What lies directly in `folder`.
    pub fn children<'a>(
        &'a self,
        folder: &'a TreePath,
    ) -> impl Iterator<Item = (&'a TreePath, &'a Entry)> {
        let depth = folder.join("").as_bytes().len();
        self.below(folder)
            .filter(move |(path, _)| !path.as_bytes()[depth..].contains(&b'/'))
    }

    /// Takes the entry at exactly this path out; what lies in it stays.
    pub fn remove(&mut self, path: &TreePath) -> Option<Entry> {
        self.entries.remove(path)
    }

    /// Puts an entry at exactly `path` in the place of what is there. Nothing is followed and no
    /// directory is made: what holds `path` has to be a directory of the tree already.
    pub fn put(&mut self, path: TreePath, entry: Entry) {
        self.entries.insert(path, entry);
    }

    /// Puts an entry at `path`, after following the links of the directories on the way, and
    /// gives the place where it went. What was there before is replaced; directories that are
    /// missing on the way are made, with the time and the origin of the entry.
    ///
    /// A directory that comes where a directory or a link to one is already leaves that as it is
    /// (dpkg's behaviour, deb-triggers aside: Debian Policy §10.5 and dpkg's own FAQ on links
    /// to directories).
    pub fn insert(&mut self, path: &TreePath, entry: Entry) -> Result<TreePath, InsertError> {
        let place = self.place(path)?;
        if entry.is_directory() && self.is_directory(&place) {
            return Ok(place);
        }
        // What lies in a directory would be left behind a file or a link, where nothing can be.
        if !entry.is_directory() && self.below(&place).next().is_some() {
            return Err(InsertError::NotEmpty {
                path: place,
                kind: entry.kind.word(),
            });
        }
        self.make_parents(&place, &entry)?;
        self.entries.insert(place.clone(), entry);
        Ok(place)
    }

    /// Where an entry for `path` goes: the links of its directories followed as far as they exist,
    /// its last part as it is.
    pub fn place(&self, path: &TreePath) -> Result<TreePath, InsertError> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(TreePath::ROOT);
        };
        let resolved = self.walk(&parent, Missing::Allowed);
        let folder = resolved.map_err(|source| InsertError::Resolve {
            path: path.clone(),
            source,
        })?;
        Ok(folder.join(name))
    }

    fn make_parents(&mut self, place: &TreePath, child: &Entry) -> Result<(), InsertError> {
        for folder in place.ancestors() {
            if let Some(there) = self.entries.get(&folder) {
                if there.is_directory() {
                    continue;
                }
                return Err(InsertError::NotAFolder {
                    path: place.clone(),
                    folder,
                    kind: there.kind.word(),
                    origin: there.origin.to_string(),
                });
            }
            let meta = Metadata::root(0o755, child.meta.mtime);
            let (origin, layer) = (child.origin.clone(), child.layer);
            self.entries.insert(
                folder,
                Entry {
                    kind: Kind::Directory,
                    meta,
                    origin,
                    layer,
                },
            );
        }
        Ok(())
    }

    /// The path that `path` means once all links are followed, as open(2) would inside a
    /// container of this tree: absolute targets begin at the tree's root, and `..` stops there.
    pub fn resolve(&self, path: &TreePath) -> Result<TreePath, ResolveError> {
        self.walk(path, Missing::Refused)
    }

    /// The entry that `path` means once all links are followed.
    pub fn follow(&self, path: &TreePath) -> Option<(TreePath, &Entry)> {
        let place = self.resolve(path).ok()?;
        let entry = self.entries.get(&place)?;
        Some((place, entry))
    }

    fn is_directory(&self, path: &TreePath) -> bool {
        let resolved = self.resolve(path).ok();
        resolved.is_some_and(|place| self.entries.get(&place).is_some_and(Entry::is_directory))
    }

    fn walk(&self, path: &TreePath, missing: Missing) -> Result<TreePath, ResolveError> {
        let mut todo: Vec<Vec<u8>> = path.parts().rev().map(<[u8]>::to_vec).collect();
        let mut here = TreePath::ROOT;
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == b".." {
                here = here.parent().unwrap_or_default();
                continue;
            }
            let next = here.join(&part);
            match self.entries.get(&next).map(|entry| &entry.kind) {
                Some(Kind::Symlink(target)) => {
                    links += 1;
                    if links > MAX_LINKS || target.len() + todo.len() > 1 << 16 {
                        return Err(ResolveError::Loop(path.clone()));
                    }
                    if target.first() == Some(&b'/') {
                        here = TreePath::ROOT;
                    }
                    let parts = target.split(|&byte| byte == b'/');
                    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
                    todo.extend(parts.rev().map(<[u8]>::to_vec));
                }
                Some(Kind::File(_)) if !todo.is_empty() => {
                    return Err(ResolveError::NotAFolder(next));
                }
                None if missing == Missing::Refused => return Err(ResolveError::Missing(next)),
                _ => here = next,
            }
        }
        Ok(here)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Allowed,
    Refused,
}

/// How a path or a link's target reads to a person.
pub fn printable(bytes: &[u8]) -> String {
    Printable(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(kind: Kind) -> Entry {
        Entry {
            kind,
            meta: Metadata::root(0o755, 7),
            origin: Origin::Package("test".into()),
            layer: 0,
        }
    }

    fn tree(entries: &[(&str, Kind)]) -> Tree {
        let mut tree = Tree::new();
        for (path, kind) in entries {
            tree.insert(&TreePath::of(path), entry(kind.clone()))
                .unwrap();
        }
        tree
    }

    fn resolve(tree: &Tree, path: &str) -> Result<String, ResolveError> {
        tree.resolve(&TreePath::of(path))
            .map(|path| path.to_string())
    }

    #[test]
    fn folders_on_the_way_are_made() {
        let tree = tree(&[("usr/bin/x", Kind::file("x"))]);
        let paths: Vec<String> = tree.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["/usr", "/usr/bin", "/usr/bin/x"]);
    }

    #[test]
    fn merged_usr_folds_what_comes_later() {
        let mut tree = tree(&[
            ("usr/lib", Kind::Directory),
            ("lib", Kind::symlink("usr/lib")),
        ]);
        let place = tree.insert(&TreePath::of("lib/libc.so.6"), entry(Kind::file("")));
        assert_eq!(place.unwrap(), TreePath::of("usr/lib/libc.so.6"));
        tree.insert(&TreePath::of("lib"), entry(Kind::Directory))
            .unwrap();
        assert!(matches!(
            tree.get(&TreePath::of("lib")).unwrap().kind,
            Kind::Symlink(_)
        ));
    }

    #[test]
    fn links_are_resolved_inside_the_tree() {
        let tree = tree(&[
            ("etc/os-release", Kind::symlink("../usr/lib/os-release")),
            ("usr/lib/os-release", Kind::file("")),
            ("out", Kind::symlink("../../../../usr/lib/./os-release")),
            ("abs", Kind::symlink("/usr//lib")),
            ("loop", Kind::symlink("loop")),
            ("gone", Kind::symlink("nothing/here")),
            ("deep", Kind::symlink("usr/lib/os-release/x")),
        ]);
        assert_eq!(
            resolve(&tree, "etc/os-release").unwrap(),
            "/usr/lib/os-release"
        );
        assert_eq!(resolve(&tree, "out").unwrap(), "/usr/lib/os-release");
        assert_eq!(
            resolve(&tree, "abs/os-release").unwrap(),
            "/usr/lib/os-release"
        );
        assert_eq!(
            resolve(&tree, "loop").unwrap_err(),
            ResolveError::Loop(TreePath::of("loop"))
        );
        assert!(matches!(
            resolve(&tree, "gone"),
            Err(ResolveError::Missing(_))
        ));
        assert!(matches!(
            resolve(&tree, "deep"),
            Err(ResolveError::NotAFolder(_))
        ));
    }

    #[test]
    fn a_file_where_a_folder_is_needed_is_named() {
        let mut tree = tree(&[("usr/bin", Kind::file(""))]);
        let error = tree
            .insert(&TreePath::of("usr/bin/x"), entry(Kind::file("")))
            .unwrap_err();
        assert!(error.to_string().contains("`/usr/bin`"), "{error}");
    }

    #[test]
    fn nothing_replaces_a_folder_with_files_in_it() {
        let mut tree = tree(&[("a/b", Kind::file(""))]);
        let link = entry(Kind::symlink("c"));
        let error = tree.insert(&TreePath::of("a"), link).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/a` is a link, and is a directory with files in it from elsewhere"
        );
        assert!(tree.get(&TreePath::of("a")).unwrap().is_directory());
    }

    #[test]
    fn below_and_children() {
        let tree = tree(&[
            ("usr/lib/a", Kind::file("")),
            ("usr/lib/b/c", Kind::file("")),
            ("usr/lib-x", Kind::file("")),
        ]);
        let lib = TreePath::of("usr/lib");
        let names =
            |paths: Vec<&TreePath>| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        let below = names(tree.below(&lib).map(|(path, _)| path).collect());
        assert_eq!(below, ["/usr/lib/a", "/usr/lib/b", "/usr/lib/b/c"]);
        let children = names(tree.children(&lib).map(|(path, _)| path).collect());
        assert_eq!(children, ["/usr/lib/a", "/usr/lib/b"]);
        assert_eq!(
            names(
                tree.children(&TreePath::ROOT)
                    .map(|(path, _)| path)
                    .collect()
            ),
            ["/usr"]
        );
    }

    proptest! {
        /// Whatever links a hostile archive has, resolving ends, and ends inside.
        #[test]
        fn resolving_always_ends(links in proptest::collection::vec(
            ("[ab](/[ab]){0,2}", "(/|\\.\\./|)[ab](/(\\.\\.|[ab])){0,3}"), 0..8)) {
            let mut tree = Tree::new();
            for (path, target) in &links {
                let _ = tree.insert(&TreePath::of(path), entry(Kind::symlink(target)));
            }
            for (path, _) in &links {
                if let Ok(place) = tree.resolve(&TreePath::of(path)) {
                    prop_assert!(place.is_root() || tree.get(&place).is_some());
                }
            }
        }
    }
}
