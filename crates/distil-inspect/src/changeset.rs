//! One layer by itself, as an engine on overlay extracts it into a directory of its own (OCI image
//! specification, "Image Layer Filesystem Changeset").
//!
//! Members take effect in their order. A link of the same layer is followed on the way to a member;
//! of the layers below nothing is known here. A directory that members lie in is made if the layer
//! has no member for it.

use std::sync::Arc;

use distil_tree::{Digests, FileNode, Metadata, SortedMap, TreePath, printable};

use crate::ambiguity::{Ambiguity, AmbiguityKind};
use crate::error::LayerError;
use crate::limits::{Budget, Limits};

/// How many symbolic links are followed for one path: Linux's own limit, path_resolution(7).
const MAX_LINKS: u32 = 40;

/// The longest target of a symbolic link: symlink(2) takes `PATH_MAX` bytes with the NUL at the end.
const MAX_TARGET: usize = 4095;

/// How many parts of link targets are followed in one layer, and entries of opaque directories looked
/// at: links to links to links cost nothing to write, and much to follow.
const MAX_STEPS: u64 = 10_000_000;

/// How many ambiguities of a layer are remembered; one is enough to know.
const MAX_AMBIGUITIES: usize = 1000;

/// What a layer changes of those below it.
#[derive(Debug, Default)]
pub struct Changeset {
    /// By the paths that they have once the layer's own links are followed. The directories of each
    /// are there, too.
    pub(crate) changes: SortedMap<TreePath, Change>,
    /// What engines do not agree on, as far as the layer alone shows it.
    pub(crate) ambiguities: Vec<Ambiguity>,
    /// The directory that the last member went to: its path as it was written, and where that is.
    last: Option<(TreePath, TreePath)>,
    is_root_opaque: bool,
    /// Whether a member lies behind a link of the layer.
    has_followed: bool,
    steps: u64,
}

/// What a layer has at a path.
#[derive(Debug)]
pub(crate) enum Change {
    /// What layers below have here is gone.
    Whiteout,
    /// A directory; without metadata if the layer has no member for it.
    Directory {
        meta: Option<Metadata>,
        /// Whether members in it came before its own, or there is none.
        is_made: bool,
        /// Whether what layers below have in it is gone.
        opaque: bool,
    },
    /// Anything else.
    Node(Node),
    /// A hard link to what the layer itself does not have.
    HardLink(TreePath),
}

/// What is not a directory, and all that its hard links share.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) meta: Metadata,
    pub(crate) capability: Option<Arc<[u8]>>,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    File(Arc<FileNode>),
    Symlink(Vec<u8>),
    Special(&'static str),
}

/// A member of a layer.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A directory.
    Directory(Metadata),
    /// A file.
    File(Metadata, FileContent),
    /// A symbolic link with its target.
    Symlink(Metadata, Vec<u8>),
    /// A hard link to an earlier member.
    HardLink(TreePath),
    /// A device or FIFO, by its word.
    Special(Metadata, &'static str),
}

/// What is known of a file's content.
#[derive(Debug, Clone)]
pub struct FileContent {
    /// The bytes, as far as they were kept.
    pub bytes: distil_tree::Content,
    /// The digests of all of them, as far as they were asked for.
    pub digests: Digests,
    /// The `security.capability` attribute, where it has one.
    pub capability: Option<Arc<[u8]>>,
}

impl Changeset {
    /// Adds a member.
    ///
    /// # Errors
    /// If no engine could extract it.
    pub fn add(&mut self, path: &TreePath, entry: Entry) -> Result<(), LayerError> {
        self.add_counted(path, entry, &Budget::new(Limits::default()))
    }

    pub(crate) fn add_counted(
        &mut self,
        path: &TreePath,
        entry: Entry,
        budget: &Budget,
    ) -> Result<(), LayerError> {
        let place = self.place(path, budget)?;
        let target = match &entry {
            Entry::Symlink(_, target) => target.len(),
            _ => 0,
        };
        if target > MAX_TARGET {
            return Err(LayerError::Name {
                name: printable(path.as_bytes()),
                problem: "is a link whose target is longer than Linux allows".to_owned(),
            });
        }
        budget.take_path(place.as_bytes().len() + target)?;
        let node = |kind, meta, capability| {
            Change::Node(Node {
                kind,
                meta,
                capability,
            })
        };
        let change = match entry {
            Entry::Directory(meta) => return self.add_directory(path, place, meta),
            Entry::File(meta, content) => {
                let file = FileNode::new(content.bytes, content.digests);
                node(NodeKind::File(Arc::new(file)), meta, content.capability)
            }
            Entry::Symlink(meta, target) => node(NodeKind::Symlink(target), meta, None),
            Entry::Special(meta, word) => node(NodeKind::Special(word), meta, None),
            Entry::HardLink(target) => self.linked(path, &target)?,
        };
        match self.changes.get(&place) {
            Some(Change::Directory { meta, .. }) => {
                let kind = match meta {
                    Some(_) => AmbiguityKind::DuplicateMember,
                    None => AmbiguityKind::ReplacedDirectory,
                };
                self.note(path, kind);
                self.remove_below(&place);
            }
            Some(Change::Node(_) | Change::HardLink(_)) => {
                self.note(path, AmbiguityKind::DuplicateMember);
                self.last = None;
            }
            Some(Change::Whiteout) | None => {}
        }
        self.changes.insert(place, change);
        Ok(())
    }

    fn add_directory(
        &mut self,
        path: &TreePath,
        place: TreePath,
        meta: Metadata,
    ) -> Result<(), LayerError> {
        match self.changes.get_mut(&place) {
            Some(Change::Directory { meta: before, .. }) => {
                let again = before.replace(meta).is_some();
                if again {
                    self.note(path, AmbiguityKind::DuplicateMember);
                }
                return Ok(());
            }
            Some(Change::Whiteout) => self.note(path, AmbiguityKind::DirectoryAfterWhiteout),
            Some(Change::Node(_) | Change::HardLink(_)) => {
                self.note(path, AmbiguityKind::DuplicateMember);
                self.last = None;
            }
            None => {}
        }
        let directory = Change::Directory {
            meta: Some(meta),
            is_made: false,
            opaque: false,
        };
        self.changes.insert(place, directory);
        Ok(())
    }

    /// Adds a whiteout: what layers below have at the path is gone.
    ///
    /// # Errors
    /// As [`Changeset::add`].
    pub fn add_whiteout(&mut self, path: &TreePath) -> Result<(), LayerError> {
        self.whiteout_counted(path, &Budget::new(Limits::default()))
    }

    pub(crate) fn whiteout_counted(
        &mut self,
        path: &TreePath,
        budget: &Budget,
    ) -> Result<(), LayerError> {
        let place = self.place(path, budget)?;
        budget.take_path(place.as_bytes().len())?;
        // "Whiteout files MUST only apply to resources in lower/parent layers."
        match self.changes.get_mut(&place) {
            None => {
                self.changes.insert(place, Change::Whiteout);
            }
            Some(Change::Whiteout) => self.note(path, AmbiguityKind::DuplicateMember),
            Some(Change::Directory { opaque, .. }) => {
                *opaque = true;
                self.note(path, AmbiguityKind::WhiteoutOfMember);
            }
            Some(Change::Node(_) | Change::HardLink(_)) => {
                self.note(path, AmbiguityKind::WhiteoutOfMember);
            }
        }
        Ok(())
    }

    /// Adds an opaque marker: what layers below have in the directory is gone, and nothing of this
    /// layer, wherever in it the marker stands.
    ///
    /// # Errors
    /// As [`Changeset::add`].
    pub fn add_opaque(&mut self, directory: &TreePath) -> Result<(), LayerError> {
        self.opaque_counted(directory, &Budget::new(Limits::default()))
    }

    pub(crate) fn opaque_counted(
        &mut self,
        directory: &TreePath,
        budget: &Budget,
    ) -> Result<(), LayerError> {
        let place = match directory.is_root() {
            true => TreePath::ROOT,
            false => self.directory(directory, budget)?,
        };
        if place.is_root() {
            self.note(&place, AmbiguityKind::OpaqueRoot);
            if std::mem::replace(&mut self.is_root_opaque, true) {
                self.note(&place, AmbiguityKind::DuplicateMember);
            }
        }
        if place != *directory {
            self.note(&place, AmbiguityKind::OpaqueBehindLink);
        }
        if self.has_members_without_names(&place)? {
            self.note(&place, AmbiguityKind::OpaqueAfterMember);
        }
        if !place.is_root()
            && let Some(Change::Directory { opaque, .. }) = self.changes.get_mut(&place)
            && std::mem::replace(opaque, true)
        {
            self.note(directory, AmbiguityKind::DuplicateMember);
        }
        Ok(())
    }

    /// Whether members in a directory, as far as they have come, are known by other names than those
    /// that they have there, or lie in directories without a member.
    fn has_members_without_names(&mut self, place: &TreePath) -> Result<bool, LayerError> {
        let first = place.join("");
        let mut steps = self.steps;
        let found = {
            let below = self.changes.range_from(&first);
            let mut below =
                below.take_while(|(path, _)| path.as_bytes().starts_with(first.as_bytes()));
            match self.has_followed {
                true => below.next().is_some(),
                false => below.any(|(_, change)| {
                    steps += 1;
                    steps > MAX_STEPS || matches!(change, Change::Directory { meta: None, .. })
                }),
            }
        };
        self.take_steps(steps - self.steps)?;
        Ok(found)
    }

    fn take_steps(&mut self, steps: u64) -> Result<(), LayerError> {
        self.steps = self.steps.saturating_add(steps);
        match self.steps > MAX_STEPS {
            true => Err(LayerError::Limit {
                what: "steps through links and opaque directories",
                limit: MAX_STEPS,
            }),
            false => Ok(()),
        }
    }

    pub(crate) fn note(&mut self, path: &TreePath, kind: AmbiguityKind) {
        if self.ambiguities.len() < MAX_AMBIGUITIES {
            let path = path.clone();
            self.ambiguities.push(Ambiguity { path, kind });
        }
    }

    /// What a hard link is: the very same as what it leads to.
    fn linked(&mut self, path: &TreePath, target: &TreePath) -> Result<Change, LayerError> {
        let place = match target.parent().map(|parent| self.known(&parent)) {
            Some(Some(directory)) => Some(directory.join(target.name().unwrap_or_default())),
            Some(None) => None,
            None => Some(TreePath::ROOT),
        };
        let target = match place.and_then(|place| self.changes.get(&place)) {
            Some(Change::Node(node)) => return Ok(Change::Node(node.clone())),
            Some(Change::Directory { .. }) => {
                return Err(LayerError::Contradiction {
                    path: path.clone(),
                    problem: format!("is a hard link to `{target}`, which is a directory"),
                });
            }
            Some(Change::HardLink(target)) => target.clone(),
            Some(Change::Whiteout) | None => target.clone(),
        };
        let kind = AmbiguityKind::HardLinkBelow {
            target: target.clone(),
        };
        self.note(path, kind);
        Ok(Change::HardLink(target))
    }

    /// The place of a directory that the layer has, its own links followed.
    fn known(&mut self, path: &TreePath) -> Option<TreePath> {
        if path.is_root() || matches!(self.changes.get(path), Some(Change::Directory { .. })) {
            return Some(path.clone());
        }
        let mut walk = Walk::new(path);
        while let Some(next) = walk.next() {
            match self.changes.get(&next) {
                Some(Change::Directory { .. }) => walk.here = next,
                Some(Change::Node(node)) => match &node.kind {
                    NodeKind::Symlink(target) => self.steps += walk.follow(target).ok()?,
                    _ => return None,
                },
                _ => return None,
            }
        }
        Some(walk.here)
    }

    /// Where a member goes: the directory that it lies in, which is made if it is not there, and
    /// its name.
    fn place(&mut self, path: &TreePath, budget: &Budget) -> Result<TreePath, LayerError> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(TreePath::ROOT);
        };
        Ok(self.directory(&parent, budget)?.join(name))
    }

    /// The place of a directory, which is made if it is not there.
    fn directory(&mut self, path: &TreePath, budget: &Budget) -> Result<TreePath, LayerError> {
        if let Some((last, place)) = &self.last
            && last == path
        {
            return Ok(place.clone());
        }
        let place = match self.changes.get(path) {
            // Its own directories are none but directories.
            Some(Change::Directory { .. }) => path.clone(),
            _ => self.make_directory(path, budget)?,
        };
        self.last = Some((path.clone(), place.clone()));
        Ok(place)
    }

    fn make_directory(&mut self, path: &TreePath, budget: &Budget) -> Result<TreePath, LayerError> {
        let mut walk = Walk::new(path);
        while let Some(next) = walk.next() {
            let opaque = match self.changes.get(&next) {
                Some(Change::Directory { .. }) => {
                    walk.here = next;
                    continue;
                }
                Some(Change::Node(node)) => {
                    let NodeKind::Symlink(target) = &node.kind else {
                        return Err(contradiction(path, &next, "is not a directory"));
                    };
                    let steps = walk.follow(target);
                    let steps = steps.map_err(|Loop| {
                        contradiction(path, &next, "is a link that leads nowhere")
                    })?;
                    self.take_steps(steps)?;
                    self.has_followed = true;
                    continue;
                }
                Some(Change::HardLink(_)) => {
                    return Err(contradiction(path, &next, "is a hard link"));
                }
                Some(Change::Whiteout) => {
                    self.note(&next, AmbiguityKind::MemberInWhiteout);
                    true
                }
                None => {
                    budget.take_path(next.as_bytes().len())?;
                    false
                }
            };
            if walk.links > 0 {
                self.note(path, AmbiguityKind::LinkOutOfLayer);
            }
            let made = Change::Directory {
                meta: None,
                is_made: true,
                opaque,
            };
            self.changes.insert(next.clone(), made);
            walk.here = next;
        }
        Ok(walk.here)
    }

    fn remove_below(&mut self, place: &TreePath) {
        self.last = None;
        let first = place.join("");
        let below = self.changes.range_from(&first);
        let below = below.take_while(|(path, _)| path.as_bytes().starts_with(first.as_bytes()));
        let below: Vec<TreePath> = below.map(|(path, _)| path.clone()).collect();
        for path in below {
            self.changes.remove(&path);
        }
    }
}

fn contradiction(path: &TreePath, other: &TreePath, what: &str) -> LayerError {
    LayerError::Contradiction {
        path: path.clone(),
        problem: format!("holds members of the layer, where `{other}` {what}"),
    }
}

/// A path on its way through links.
struct Walk {
    here: TreePath,
    /// The parts that are left, the next one last.
    todo: Vec<Vec<u8>>,
    links: u32,
}

struct Loop;

impl Walk {
    fn new(path: &TreePath) -> Self {
        Self {
            here: TreePath::ROOT,
            todo: path.parts().rev().map(<[u8]>::to_vec).collect(),
            links: 0,
        }
    }

    /// The next path on the way, which the caller looks up and then takes or follows.
    fn next(&mut self) -> Option<TreePath> {
        loop {
            let part = self.todo.pop()?;
            if part != b".." {
                return Some(self.here.join(part));
            }
            self.here = self.here.parent().unwrap_or_default();
        }
    }

    /// Goes where a link leads: absolute targets begin at the image's root. How many parts that are.
    fn follow(&mut self, target: &[u8]) -> Result<u64, Loop> {
        self.links += 1;
        if self.links > MAX_LINKS || target.is_empty() {
            return Err(Loop);
        }
        if target.first() == Some(&b'/') {
            self.here = TreePath::ROOT;
        }
        let before = self.todo.len();
        let parts = target.split(|&byte| byte == b'/');
        let parts = parts.filter(|part| !part.is_empty() && *part != b".");
        self.todo.extend(parts.rev().map(<[u8]>::to_vec));
        Ok((self.todo.len() - before) as u64 + 1)
    }
}
