use super::*;

fn unfinished_in(folder: &Path) -> UnfinishedFolder {
    let parent = File::open(folder).unwrap().into();
    UnfinishedFolder::new_in(parent, folder, "rootfs".as_ref()).unwrap()
}

#[test]
fn what_is_unfinished_is_private_and_removed_when_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = unfinished_in(folder.path());
    let name = names(folder.path()).remove(0);
    assert!(name.starts_with(".rootfs.") && name.len() == 14, "{name}");
    let path = folder.path().join(&name);
    assert_eq!(mode_of(&path), 0o700);
    for (name, mode) in [("a/b", 0o500), ("a", 0o500), ("c", 0o000)] {
        fs::create_dir_all(path.join(name)).unwrap();
        fs::write(path.join(name).join("x"), "").unwrap();
        fs::set_permissions(path.join(name), Permissions::from_mode(mode)).unwrap();
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "").unwrap();
    symlink(outside.path(), path.join("link")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o500)).unwrap();
    drop(unfinished);
    assert!(names(folder.path()).is_empty());
    assert_eq!(names(outside.path()), ["kept"]);
}

#[test]
fn what_becomes_full_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = unfinished_in(folder.path());
    fs::create_dir_all(folder.path().join("rootfs/kept")).unwrap();
    unfinished.finish("rootfs".as_ref()).unwrap_err();
    assert_eq!(names(folder.path()), ["rootfs"]);
    assert_eq!(names(&folder.path().join("rootfs")), ["kept"]);
}

#[test]
fn depth_needs_no_open_files() {
    if !alone(
        "folder::tests::unfinished::depth_needs_no_open_files",
        "ulimit -n 40",
    ) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    let deep = "d/".repeat(300) + "x";
    let mut tree = tree(vec![(&deep, Kind::file("deep"), 0o644)]);
    write(&tree, &place).unwrap();
    assert_eq!(seen(&place).len(), 302);
    let path = TreePath::of(&deep);
    tree.get_mut(&path).unwrap().kind = Kind::symlink("");
    write(&tree, &folder.path().join("failing")).unwrap_err();
    assert_eq!(names(folder.path()), ["rootfs"]);
    // The standard library's removal keeps every level open.
    fs::rename(&place, folder.path().join("old")).unwrap();
    let unfinished = unfinished_in(folder.path());
    let name = names(folder.path()).remove(0);
    let inner = folder.path().join(name).join("x");
    fs::rename(folder.path().join("old"), inner).unwrap();
    drop(unfinished);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn an_interrupt_removes_what_is_unfinished_and_lets_nothing_begin() {
    let name =
        "folder::tests::unfinished::an_interrupt_removes_what_is_unfinished_and_lets_nothing_begin";
    if !alone(name, ":") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().to_owned();
    let place = path.join("rootfs");
    let mut tree = Tree::new();
    for index in 0..20_000 {
        let path = TreePath::of(&format!("{}/{index}", index % 100));
        tree.insert(&path, entry(Kind::file("x"), 0o644)).unwrap();
    }
    // The last one takes long enough for the writer not to have finished, however slow this is.
    let zeros = File::open("/dev/zero").unwrap();
    let endless = Content::range(Arc::new(zeros), 0, 1 << 30);
    let last = entry(Kind::file(endless), 0o644);
    tree.insert(&TreePath::of("last"), last).unwrap();
    let unfinished = unfinished_in(&path);
    let writer = {
        let (tree, place) = (tree.clone(), place.clone());
        std::thread::spawn(move || write(&tree, &place))
    };
    // Until the writer has begun.
    while names(&path).len() < 2 {
        std::thread::yield_now();
    }
    discard_unfinished();
    assert!(names(&path).is_empty());
    let error = writer.join().unwrap().unwrap_err();
    assert_eq!(
        message(&error, &folder),
        "the program was interrupted before `out/rootfs` was written"
    );
    unfinished.change(|| Ok(())).unwrap_err();
    unfinished.finish("rootfs".as_ref()).unwrap_err();
    let error = write(&tree, &place).unwrap_err();
    assert!(matches!(error, FolderError::Interrupted(_)), "{error}");
    assert!(names(&path).is_empty());
}
