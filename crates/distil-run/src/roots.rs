//! Unpacked images: one tree for each stack of layers, kept in the store and shared by all containers
//! that have it, none of which may write to it.
//!
//! ```text
//! STORE/roots/KEY/root    the tree; complete or absent
//! STORE/roots/KEY/used    held by a lock for as long as a container uses the tree; its time is
//!                         that of the last use, and its text how many bytes the tree has
//! STORE/roots/mount       where each container mounts its own parts, in a mount namespace of its own
//! ```
//!
//! Only the store's user may enter `roots`: an image may have programs that would run as that user,
//! whoever starts them.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::SystemTime;

use distil_inspect::{InspectError, Inspection, Options};
use distil_oci::Image;
use distil_store::{Amount, Digest, Store};
use distil_tree::folder::{self, FolderError};
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use crate::account::{self, Account};
use crate::error::RunError;
use crate::target::RootDirectory;

/// Changes when trees are written differently.
const FORMAT: &str = "1";

/// What a container has mount points for, and engines make where an image does not have it.
const DIRECTORIES: [&str; 5] = ["dev", "etc", "proc", "sys", "tmp"];
const FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// Why there is no tree of an image.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The directory of trees cannot be used.
    #[error("failed to {action} `{}`", path.display())]
    Directory {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The layers cannot be read.
    #[error("failed to unpack the image")]
    Image(#[from] InspectError),
    /// The tree cannot be written.
    #[error("failed to unpack the image")]
    Write(#[from] FolderError),
}

/// The unpacked trees of a store.
#[derive(Debug)]
pub struct Roots {
    directory: PathBuf,
    /// Where the store cannot be written, the trees end with this process.
    temporary: Option<tempfile::TempDir>,
}

/// A tree, which stays while this lives.
#[derive(Debug)]
pub struct Root {
    /// The tree.
    pub(crate) tree: PathBuf,
    /// A directory to mount things over.
    pub(crate) scratch: PathBuf,
    /// The lock that keeps others from removing it.
    _used: Option<File>,
    /// Removes it at the end, if it is nobody else's.
    _once: Option<Once>,
}

/// A directory that is removed, also what its owner may not write to at the moment.
#[derive(Debug)]
struct Once(tempfile::TempDir);

impl Drop for Once {
    fn drop(&mut self) {
        let _ = folder::remove(self.0.path());
    }
}

impl Root {
    /// A root file system in a directory of this machine.
    ///
    /// # Errors
    /// If there is none.
    pub fn of_directory(path: &Path, roots: &Roots) -> Result<Self, RootsError> {
        let tree = path.canonicalize();
        Ok(Self {
            tree: tree.map_err(failed("open", path))?,
            scratch: roots.scratch(),
            _used: None,
            _once: None,
        })
    }

    /// A tree of its own, which is gone with this.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn of_tree(tree: &Tree, roots: &Roots) -> Result<Self, RootsError> {
        let home = tempfile::Builder::new()
            .prefix("once-")
            .tempdir_in(&roots.directory);
        let home = home.map_err(failed("write to", &roots.directory))?;
        let path = home.path().join("root");
        folder::write(tree, &path)?;
        Ok(Self {
            tree: path,
            scratch: roots.scratch(),
            _used: None,
            _once: Some(Once(home)),
        })
    }

    /// The directory that has it.
    pub fn path(&self) -> &Path {
        &self.tree
    }

    /// A text file in it, as far as there is one.
    pub fn file(&self, path: &str) -> Option<String> {
        let open = RootDirectory::open(self.tree.as_path(), false);
        let text = open.ok()?.text(path).ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// Who a user is by the tree's `/etc/passwd` and `/etc/group`.
    ///
    /// # Errors
    /// If a name is not in them, or they cannot be read.
    pub fn account(&self, user: &str) -> Result<Account, RunError> {
        let open = RootDirectory::open(self.tree.as_path(), false);
        let open = open.map_err(|errno| {
            RunError::set_up(format!("open `{}`", self.tree.display()))(errno.into())
        })?;
        let text = |path: &str| {
            let failed = RunError::set_up(format!("read `{path}` of the image"));
            open.text(path).map_err(failed)
        };
        Ok(account::find(
            user,
            &text("/etc/passwd")?,
            &text("/etc/group")?,
        )?)
    }
}

impl Roots {
    /// The trees in a store.
    ///
    /// # Errors
    /// If no directory can be made for them.
    pub fn open(store: &Store) -> Result<Self, RootsError> {
        let (directory, temporary) = match store.is_read_only() {
            false => (store.root().join("roots"), None),
            true => {
                let made = tempfile::Builder::new().prefix("distil-roots-").tempdir();
                let made = made.map_err(failed("write to", &std::env::temp_dir()))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let roots = Self {
            directory,
            temporary,
        };
        make_directory(&roots.directory)?;
        // Also where somebody else has made it.
        let private = fs::Permissions::from_mode(0o700);
        let set = fs::set_permissions(&roots.directory, private);
        set.map_err(failed("protect", &roots.directory))?;
        make_directory(&roots.scratch())?;
        Ok(roots)
    }

    fn scratch(&self) -> PathBuf {
        self.directory.join("mount")
    }

    /// The tree of an image. It is unpacked if no other container has been run of the same layers;
    /// `made` is the same tree where it is at hand.
    ///
    /// # Errors
    /// If the image cannot be read, or the tree not be written; nothing half-written stays.
    pub fn unpack(
        &self,
        image: &Image,
        made: Option<&Tree>,
        threads: NonZeroUsize,
    ) -> Result<Root, RootsError> {
        self.unpack_with(image, made, threads, &[])
    }

    /// The same with more directories to mount something at, where the image does not have them.
    ///
    /// # Errors
    /// As [`Roots::unpack`].
    pub fn unpack_with(
        &self,
        image: &Image,
        made: Option<&Tree>,
        threads: NonZeroUsize,
        more: &[&'static str],
    ) -> Result<Root, RootsError> {
        let home = self.directory.join(key(image, more));
        make_directory(&home)?;
        let path = home.join("used");
        let used = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("write to", &path))?;
        let root = Root {
            tree: home.join("root"),
            scratch: self.scratch(),
            _used: None,
            _once: None,
        };
        used.lock_shared().map_err(failed("lock", &path))?;
        if !root.tree.is_dir() {
            // Whoever comes second waits, and finds it.
            used.lock().map_err(failed("lock", &path))?;
            if !root.tree.is_dir() {
                let size = write(image, made, threads, more, &root.tree)?;
                let noted = used
                    .set_len(0)
                    .and_then(|()| (&used).write_all(size.to_string().as_bytes()));
                noted.map_err(failed("write to", &path))?;
            }
            used.lock_shared().map_err(failed("lock", &path))?;
        }
        let now = SystemTime::now();
        used.set_modified(now).map_err(failed("mark", &path))?;
        Ok(Root {
            _used: Some(used),
            ..root
        })
    }

    /// The trees that a store has; none if none was ever unpacked, for which nothing is made.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub fn find(store: &Store) -> Result<Option<Self>, RootsError> {
        match !store.is_read_only() && store.root().join("roots").is_dir() {
            true => Self::open(store).map(Some),
            false => Ok(None),
        }
    }

    /// How many trees there are, and of how many bytes.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn usage(&self) -> Result<Amount, RootsError> {
        Ok(total(&self.unpacked()?))
    }

    /// Removes trees that no container uses, those first that were used the longest time ago, until
    /// at most `keep` are left, of at most `limit` bytes.
    ///
    /// # Errors
    /// If the directory cannot be read, or a tree not be removed.
    pub fn prune(&self, keep: usize, limit: u64) -> Result<Pruned, RootsError> {
        let mut pruned = Pruned::default();
        let all = self.unpacked()?;
        pruned.left = total(&all);
        for one in all.into_iter().rev() {
            let count = usize::try_from(pruned.left.entries).unwrap_or(usize::MAX);
            if count <= keep && pruned.left.bytes <= limit {
                break;
            }
            let amount = Amount {
                entries: 1,
                bytes: one.size,
            };
            // A container uses it.
            if one.used.try_lock().is_err() {
                pruned.in_use = sum(pruned.in_use, amount);
                continue;
            }
            folder::remove(&one.home).map_err(failed("remove", &one.home))?;
            pruned.removed = sum(pruned.removed, amount);
            pruned.left.entries -= 1;
            pruned.left.bytes = pruned.left.bytes.saturating_sub(one.size);
        }
        Ok(pruned)
    }

    /// All trees, the one that was used last first.
    fn unpacked(&self) -> Result<Vec<Unpacked>, RootsError> {
        let mut all = Vec::new();
        let entries = fs::read_dir(&self.directory).map_err(failed("read", &self.directory))?;
        for entry in entries {
            let home = entry.map_err(failed("read", &self.directory))?.path();
            if let Ok(mut used) = File::open(home.join("used")) {
                let time = used.metadata().and_then(|metadata| metadata.modified());
                let mut size = String::new();
                let _ = (&mut used).take(32).read_to_string(&mut size);
                all.push(Unpacked {
                    time: time.unwrap_or(SystemTime::UNIX_EPOCH),
                    size: size.parse().unwrap_or(0),
                    home,
                    used,
                });
            }
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.time));
        Ok(all)
    }
}

/// A tree that may be removed.
struct Unpacked {
    home: PathBuf,
    /// When a container was last made of it.
    time: SystemTime,
    size: u64,
    used: File,
}

/// What came of removing trees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What was removed.
    pub removed: Amount,
    /// What would have been, if no container used it.
    pub in_use: Amount,
    /// What is left.
    pub left: Amount,
}

fn total(all: &[Unpacked]) -> Amount {
    let amounts = all.iter().map(|one| Amount {
        entries: 1,
        bytes: one.size,
    });
    amounts.fold(Amount::default(), sum)
}

fn sum(one: Amount, other: Amount) -> Amount {
    Amount {
        entries: one.entries + other.entries,
        bytes: one.bytes.saturating_add(other.bytes),
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        // Some directories of an image may not be written even by their owner.
        if self.temporary.is_some() {
            let _ = self.prune(0, 0);
        }
    }
}

/// Names a stack of layers, and how their tree is written.
fn key(image: &Image, more: &[&str]) -> String {
    let layers = image.layers().iter();
    let layers: Vec<String> = layers.map(|layer| layer.diff_id().hex()).collect();
    let more = more.join(",");
    Digest::of(format!("{FORMAT}\n{more}\n{}", layers.join("\n"))).hex()
}

fn write(
    image: &Image,
    made: Option<&Tree>,
    threads: NonZeroUsize,
    more: &[&'static str],
    path: &Path,
) -> Result<u64, RootsError> {
    let mut tree = match made {
        Some(tree) => tree.clone(),
        None => {
            let options = Options {
                threads,
                whole: true,
                ..Options::default()
            };
            Inspection::of_image(image, options)?.filesystem.tree
        }
    };
    add_mount_points(&mut tree, more);
    folder::write(&tree, path)?;
    // Hard links are one file.
    let files = tree.iter().filter_map(|(_, entry)| entry.file());
    let files = files.map(|file| (ptr::from_ref(file), file.content.size()));
    Ok(files.collect::<HashMap<_, _>>().values().sum())
}

fn add_mount_points(tree: &mut Tree, more: &[&'static str]) {
    let directory = |mode| (Kind::Directory, mode);
    let empty = || (Kind::file(Vec::new()), 0o644);
    let directories = DIRECTORIES.iter().chain(more).map(|path| match *path {
        "tmp" => ("tmp", directory(0o1777)),
        path => (path, directory(0o755)),
    });
    let files = FILES.map(|path| (path, empty()));
    for (path, (kind, mode)) in directories.chain(files) {
        let path = TreePath::of(path);
        // What is there, even a link that leads nowhere, is the image's own.
        let parent = path.parent().unwrap_or(TreePath::ROOT);
        let has_parent = parent.is_root() || tree.get(&parent).is_some_and(Entry::is_directory);
        if tree.get(&path).is_none() && has_parent {
            let entry = Entry {
                kind,
                meta: Metadata::root(mode, 0),
                origin: Origin::Generated("mount point".into()),
                layer: 0,
            };
            tree.put(path, entry);
        }
    }
}

fn make_directory(path: &Path) -> Result<(), RootsError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other.map_err(failed("create", path)),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RootsError {
    let path = path.to_owned();
    move |source| RootsError::Directory {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let config = distil_oci::spec::ImageConfiguration::default();
        Image::new(config, Vec::new(), Default::default()).unwrap()
    }

    fn roots() -> (tempfile::TempDir, Roots) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        let roots = Roots::open(&store).unwrap();
        (directory, roots)
    }

    #[test]
    fn a_tree_is_written_once_and_has_mount_points() {
        let (_directory, roots) = roots();
        let first = roots.unpack(&image(), None, NonZeroUsize::MIN).unwrap();
        assert!(first.tree.join("etc/hosts").is_file());
        assert_eq!(
            fs::metadata(first.tree.join("tmp"))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777,
            0o1777
        );
        fs::write(first.tree.join("mark"), "").unwrap();
        let second = roots.unpack(&image(), None, NonZeroUsize::MIN).unwrap();
        assert!(second.tree.join("mark").exists());
        let mode = fs::metadata(&roots.directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
    }

    #[test]
    fn what_is_used_is_not_removed() {
        let (_directory, roots) = roots();
        let root = roots.unpack(&image(), None, NonZeroUsize::MIN).unwrap();
        let locked = root.tree.join("locked");
        fs::create_dir_all(locked.join("inner")).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(roots.prune(0, u64::MAX).unwrap().removed.entries, 0);
        let tree = root.tree.clone();
        drop(root);
        assert_eq!(roots.prune(1, u64::MAX).unwrap().removed.entries, 0);
        assert_eq!(roots.prune(0, u64::MAX).unwrap().removed.entries, 1);
        assert!(!tree.exists());
    }

    #[test]
    fn trees_are_counted_and_removed_by_size() {
        let (_directory, roots) = roots();
        let mut tree = Tree::new();
        let entry = Entry {
            kind: Kind::file(vec![0; 1000]),
            meta: Metadata::root(0o644, 0),
            origin: Origin::Generated("test".into()),
            layer: 0,
        };
        tree.put(TreePath::of("file"), entry);
        let threads = NonZeroUsize::MIN;
        for more in ["a", "b", "c"] {
            let root = roots
                .unpack_with(&image(), Some(&tree), threads, &[more])
                .unwrap();
            let (_, time) = (root, std::time::Duration::from_millis(20));
            std::thread::sleep(time);
        }
        let all = Amount {
            entries: 3,
            bytes: 3000,
        };
        assert_eq!(roots.usage().unwrap(), all);
        let used = roots
            .unpack_with(&image(), Some(&tree), threads, &["a"])
            .unwrap();
        assert!(roots.prune(9, 3000).unwrap().removed == Amount::default());
        let pruned = roots.prune(9, 2500).unwrap();
        assert_eq!((pruned.removed.bytes, pruned.left.entries), (1000, 2));
        let pruned = roots.prune(9, 0).unwrap();
        assert_eq!((pruned.removed.entries, pruned.in_use.entries), (1, 1));
        assert!(used.tree.join("file").exists());
        assert_eq!(roots.usage().unwrap().entries, 1);
    }

    #[test]
    fn links_of_an_image_stay_what_they_are() {
        let mut tree = Tree::new();
        let entry = Entry {
            kind: Kind::symlink("/gone"),
            meta: Metadata::root(0o777, 0),
            origin: Origin::Generated("test".into()),
            layer: 0,
        };
        tree.put(TreePath::of("etc"), entry);
        add_mount_points(&mut tree, &[]);
        let link = &tree.get(&TreePath::of("etc")).unwrap().kind;
        assert!(matches!(link, Kind::Symlink(target) if target == b"/gone"));
        assert!(tree.get(&TreePath::of("etc/hosts")).is_none());
    }
}
