mod read;
mod unfinished;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use distil_store::unfinished::discard_unfinished;
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::{getegid, geteuid};
use tempfile::TempDir;

use super::below::Below;
use super::unfinished::{UnfinishedFolder, make_folder};
use super::*;
use crate::content::Content;
use crate::path::TreePath;
use crate::tree::{Digests, Entry, FileNode, Kind, Metadata, Origin, Tree};

fn entry(kind: Kind, mode: u32) -> Entry {
    let meta = Metadata {
        mode,
        uid: 65532,
        gid: 42,
        mtime: 1_700_000_000,
    };
    Entry {
        kind,
        meta,
        origin: Origin::Definition("test".into()),
        layer: 0,
    }
}

fn tree(entries: Vec<(&str, Kind, u32)>) -> Tree {
    let mut tree = Tree::new();
    for (path, kind, mode) in entries {
        tree.insert(&TreePath::of(path), entry(kind, mode)).unwrap();
    }
    tree
}

/// What a directory holds: the metadata of each path, and its bytes or target after a word.
type Seen = BTreeMap<TreePath, (Metadata, Vec<u8>)>;

fn seen(place: &Path) -> Seen {
    seen_within(place, Limits::default()).unwrap()
}

fn seen_within(place: &Path, limits: Limits) -> Result<Seen, FolderError> {
    let mut seen = Seen::new();
    read(place, limits, |found, reader| {
        let mut bytes = match &found.kind {
            FoundKind::Directory => b"folder".to_vec(),
            FoundKind::File(_) => b"file ".to_vec(),
            FoundKind::Symlink(target) => [b"link ", &target[..]].concat(),
            FoundKind::Special(word) => word.as_bytes().to_vec(),
        };
        if let Some(reader) = reader {
            let result = reader.read_to_end(&mut bytes);
            result.map_err(|error| error.downcast::<FolderError>().unwrap())?;
            assert_eq!(found.kind, FoundKind::File(bytes.len() as u64 - 5));
        }
        if let Some((last, _)) = seen.last_key_value() {
            assert!(*last < found.path, "{last} is before {}", found.path);
        }
        seen.insert(found.path, (found.meta, bytes));
        Ok(())
    })
    .map(|()| seen)
}

/// What writing a tree is to give.
fn expected(tree: &Tree) -> Seen {
    let mut first = BTreeMap::new();
    let mut expected = Seen::new();
    for (path, entry) in tree.iter() {
        let mut meta = entry.meta;
        let bytes = match &entry.kind {
            Kind::Directory => b"folder".to_vec(),
            Kind::File(node) => {
                meta = *first.entry(Arc::as_ptr(node)).or_insert(meta);
                [b"file ", &node.content.read(1 << 20).unwrap()[..]].concat()
            }
            Kind::Symlink(target) => {
                meta.mode = 0o777;
                [b"link ", &target[..]].concat()
            }
        };
        if !geteuid().is_root() {
            (meta.uid, meta.gid) = (geteuid().as_raw(), getegid().as_raw());
        }
        expected.insert(path.clone(), (meta, bytes));
    }
    expected
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// The error with its causes, as a user sees it, without the directory of the test.
fn message(error: &FolderError, folder: &TempDir) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text.replace(folder.path().to_str().unwrap(), "out")
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Runs the test `name` once more, in a process of its own, after `setup` in its shell; whether
/// this is that process.
fn alone(name: &str, setup: &str) -> bool {
    const ALONE: &str = "DISTIL_TREE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new("sh")
        .args(["-c", &format!("{setup}; exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}");
    false
}

#[derive(Debug, Clone)]
enum Generated {
    Directory,
    Node(usize),
    Symlink(Vec<u8>),
}

fn generated() -> impl Strategy<Value = (Vec<u8>, Generated, Metadata)> {
    let part = prop_oneof![
        Just(b"a".to_vec()),
        Just(b"a-b".to_vec()),
        Just(b"\xff\n".to_vec()),
        Just("é".as_bytes().to_vec()),
    ];
    let path = proptest::collection::vec(part, 0..4).prop_map(|parts| parts.join(&b'/'));
    let kind = prop_oneof![
        Just(Generated::Directory),
        (0..3_usize).prop_map(Generated::Node),
        proptest::collection::vec(1..=255_u8, 1..60).prop_map(Generated::Symlink),
        Just(Generated::Symlink(b"/".to_vec())),
        Just(Generated::Symlink(b"a".to_vec())),
    ];
    // The owner may always read, or other users' tests could not.
    let meta = (
        0..=0o7777_u32,
        0..70_000_u32,
        0..70_000_u32,
        -9..1_i64 << 33,
    );
    let meta = meta.prop_map(|(mode, uid, gid, mtime)| Metadata {
        mode: mode | 0o700,
        uid,
        gid,
        mtime,
    });
    (path, kind, meta)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        entries in proptest::collection::vec(generated(), 0..12),
        contents: [Vec<u8>; 3],
    ) {
        let nodes = contents.map(|bytes| Arc::new(FileNode::new(bytes, Digests::default())));
        let mut tree = Tree::new();
        for (path, generated, meta) in entries {
            let kind = match generated {
                Generated::Directory => Kind::Directory,
                Generated::Node(index) => Kind::File(nodes[index].clone()),
                Generated::Symlink(target) => Kind::Symlink(target),
            };
            let path = TreePath::from_archive(&path).unwrap();
            // A file or link in place of a directory does not take along what lies in that.
            let full = |place: TreePath| place.is_root() || tree.below(&place).next().is_some();
            if !matches!(kind, Kind::Directory) && tree.place(&path).is_ok_and(full) {
                continue;
            }
            // What does not fit into the tree is left out.
            let _ = tree.insert(&path, Entry { meta, ..entry(kind, 0) });
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("rootfs");
        let written = write(&tree, &place).unwrap();
        prop_assert_eq!(names(folder.path()), ["rootfs"]);
        let mut seen = seen(&place);
        if tree.get(&TreePath::ROOT).is_none() {
            let root = seen.remove(&TreePath::ROOT).unwrap().0;
            let newest = tree.iter().map(|(_, entry)| entry.meta.mtime).max();
            prop_assert_eq!((root.mode, root.mtime), (0o755, newest.unwrap_or(0)));
        }
        prop_assert_eq!(&seen, &expected(&tree));
        let mut inodes = BTreeMap::new();
        for (path, entry) in tree.iter() {
            if let Kind::File(node) = &entry.kind {
                let path = place.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
                inodes.entry(fs::metadata(path).unwrap().ino()).or_insert(node.clone());
            }
        }
        let used: Vec<_> = nodes.iter().filter(|node| Arc::strong_count(node) > 1).collect();
        prop_assert_eq!(inodes.len(), used.len());
        let bytes = inodes.values().map(|node| node.content.size()).sum();
        let owners_kept = geteuid().is_root();
        prop_assert_eq!(written, Written { files: inodes.len() as u64, bytes, owners_kept });
    }
}

#[test]
fn hard_links_are_told_and_files_with_one_name_not() {
    let node = Kind::file("same");
    let tree = tree(vec![
        ("b/x", node.clone(), 0o4755),
        ("a", node.clone(), 0o644),
        ("c", Kind::file("same"), 0o644),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    write(&tree, &place).unwrap();
    let mut inodes = Vec::new();
    read(&place, Limits::default(), |found, _| {
        if matches!(found.kind, FoundKind::File(_)) {
            inodes.push((found.path.to_string(), found.inode, found.meta.mode));
        }
        Ok::<(), FolderError>(())
    })
    .unwrap();
    let status = fs::metadata(place.join("a")).unwrap();
    let inode = Some((status.dev(), status.ino()));
    // The first name's mode is the mode of all.
    assert_eq!(inodes[0], ("/a".to_owned(), inode, 0o644));
    assert_eq!(inodes[1], ("/b/x".to_owned(), inode, 0o644));
    assert_eq!(inodes[2], ("/c".to_owned(), None, 0o644));
}

#[test]
fn a_umask_changes_nothing() {
    if !alone("folder::tests::a_umask_changes_nothing", "umask 0777") {
        return;
    }
    let tree = tree(vec![
        ("", Kind::Directory, 0o755),
        ("bin/su", Kind::file("su"), 0o4755),
        ("tmp", Kind::Directory, 0o1777),
        ("mail", Kind::Directory, 0o2775),
        ("mail/x/y", Kind::symlink("/"), 0o777),
    ]);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let place = folder.path().join("rootfs");
    write(&tree, &place).unwrap();
    assert_eq!(seen(&place), expected(&tree));
}

#[test]
fn folders_that_forbid_writing_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    let tree = tree(vec![
        ("", Kind::Directory, 0o500),
        ("closed", Kind::Directory, 0o000),
        ("closed/inner", Kind::Directory, 0o500),
        ("closed/inner/x", Kind::file("x"), 0o000),
    ]);
    write(&tree, &place).unwrap();
    // Opened from above, so that the test's own directory can be removed.
    for (name, mode) in [("", 0o500), ("closed", 0o000), ("closed/inner", 0o500)] {
        assert_eq!(mode_of(&place.join(name)), mode);
        fs::set_permissions(place.join(name), Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(mode_of(&place.join("closed/inner/x")), 0o000);
    assert_eq!(names(&place.join("closed/inner")), ["x"]);
}

#[test]
fn targets_that_cannot_be_replaced_are_refused_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("full/kept")).unwrap();
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("file"), "kept").unwrap();
    symlink("empty", path("link")).unwrap();
    symlink("nothing", path("dangling")).unwrap();
    let before = seen(folder.path());
    let tree = tree(vec![("x", Kind::file("x"), 0o644)]);
    let refused = |name: &str| message(&write(&tree, &path(name)).unwrap_err(), &folder);
    let full = "`out/full` is not empty, so nothing is written into it; name a new directory";
    assert_eq!(refused("full"), full);
    assert_eq!(refused("file"), "`out/file` is not a directory");
    let link = "is a symbolic link; name the directory that it leads to";
    assert_eq!(refused("link"), format!("`out/link` {link}"));
    assert_eq!(refused("dangling"), format!("`out/dangling` {link}"));
    let parent = "`out/none` does not exist; make it first";
    assert_eq!(refused("none/rootfs"), parent);
    assert_eq!(refused("file/rootfs"), "`out/file` is not a directory");
    let name = "has no name of its own; name a new directory";
    assert_eq!(refused("empty/.."), format!("`out/empty/..` {name}"));
    for place in ["/", ".", ".."] {
        let error = write(&tree, Path::new(place)).unwrap_err();
        assert_eq!(error.to_string(), format!("`{place}` {name}"));
    }
    assert_eq!(seen(folder.path()), before);
}

#[test]
fn a_mount_point_is_refused_before_anything_is_written() {
    let place = Path::new("/dev/shm");
    let other = |path: &str| fs::metadata(path).map(|status| status.dev()).ok();
    // Only where there is one that is empty.
    if other("/dev/shm") == other("/dev") || fs::read_dir(place).unwrap().next().is_some() {
        return;
    }
    let error = write(&Tree::new(), place).unwrap_err();
    assert!(matches!(error, FolderError::MountPoint(_)), "{error}");
}

#[test]
fn an_empty_target_is_replaced_and_names_may_be_long() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("x".repeat(255));
    fs::create_dir(&place).unwrap();
    let tree = tree(vec![("x", Kind::file("x"), 0o644)]);
    write(&tree, &place).unwrap();
    assert_eq!(names(&place), ["x"]);
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_failure_in_the_middle_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    fs::create_dir(&place).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"cut o").unwrap();
    let content = Content::range(Arc::new(file), 0, 7);
    let tree = tree(vec![
        ("a/b", Kind::file("first"), 0o644),
        ("usr/bin/x", Kind::file(content), 0o755),
    ]);
    let error = write(&tree, &place).unwrap_err();
    assert!(matches!(&error, FolderError::Content { source, .. }
        if source.kind() == io::ErrorKind::UnexpectedEof));
    assert_eq!(
        message(&error, &folder),
        "failed to read the content of `/usr/bin/x` of the image: unexpected end of file"
    );
    assert_eq!(names(folder.path()), ["rootfs"]);
    assert!(names(&place).is_empty());
}

#[test]
fn an_error_names_what_of_which_entry_could_not_be_written_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut tree = tree(vec![("usr/x", Kind::symlink("y"), 0o777)]);
    let path = TreePath::of("usr/x");
    let failure = |tree: &Tree| {
        let error = write(tree, &folder.path().join("rootfs")).unwrap_err();
        assert!(names(folder.path()).is_empty());
        message(&error, &folder)
    };
    if geteuid().is_root() {
        tree.get_mut(&path).unwrap().meta.uid = u32::MAX;
        let owner = "failed to write the owner of `/usr/x` of the image to `out/rootfs`: \
            4294967295:42 is not an owner";
        assert_eq!(failure(&tree), owner);
    }
    tree.get_mut(&path).unwrap().kind = Kind::symlink("");
    let target = "failed to write `/usr/x` of the image to `out/rootfs`: \
        No such file or directory (os error 2)";
    assert_eq!(failure(&tree), target);
}

#[test]
fn nothing_is_written_through_a_link_or_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    let etc = TreePath::of("etc");
    // A tree lets nothing lie behind a link; this one was changed behind its back.
    for below in ["etc/passwd", "etc/a/b/passwd"] {
        let mut tree = tree(vec![(below, Kind::file("evil"), 0o644)]);
        tree.get_mut(&etc).unwrap().kind = Kind::symlink(outside.path().as_os_str().as_bytes());
        let error = write(&tree, &place).unwrap_err();
        assert!(matches!(error, FolderError::Write { .. }), "{error}");
    }
    for name in ["..", ".", "a\0b"] {
        let mut tree = tree(vec![("a", Kind::Directory, 0o755)]);
        let path = TreePath::of("a").join(name);
        let _ = tree.insert(&path, entry(Kind::file("evil"), 0o644));
        let path = TreePath::ROOT.join(name);
        let _ = tree.insert(&path, entry(Kind::symlink("/"), 0o644));
        write(&tree, &place).unwrap_err();
    }
    let mut tree = Tree::new();
    tree.insert(&TreePath::ROOT, entry(Kind::symlink("/"), 0o777))
        .unwrap();
    write(&tree, &place).unwrap_err();
    assert!(names(outside.path()).is_empty());
    assert!(names(folder.path()).is_empty());
}
