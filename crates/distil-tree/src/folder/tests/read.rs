use super::*;

#[test]
fn links_that_lead_out_are_told_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("rootfs");
    let tree = tree(vec![
        ("etc", Kind::symlink("/"), 0o777),
        ("loop", Kind::symlink("."), 0o777),
        ("up", Kind::symlink("../../.."), 0o777),
    ]);
    write(&tree, &place).unwrap();
    let seen: Vec<_> = seen(&place).into_values().map(|(_, what)| what).collect();
    let links: [&[u8]; 4] = [b"folder", b"link /", b"link .", b"link ../../.."];
    assert_eq!(seen, links);
    // The directory itself is the user's own word.
    let link = folder.path().join("link");
    symlink("rootfs", &link).unwrap();
    assert_eq!(seen_within(&link, Limits::default()).unwrap().len(), 4);
}

#[test]
fn what_is_neither_file_nor_folder_is_told_and_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Opening it to read would wait for a writer.
    rustix::fs::mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(path("socket")).unwrap();
    let seen = seen(folder.path());
    assert_eq!(seen[&TreePath::of("fifo")].1, b"FIFO");
    assert_eq!(seen[&TreePath::of("socket")].1, b"socket");
    if geteuid().is_root() {
        let device = rustix::fs::makedev(1, 3);
        let kind = FileType::CharacterDevice;
        // Forbidden even to root in some containers.
        if rustix::fs::mknodat(CWD, path("null"), kind, Mode::RWXU, device).is_ok() {
            let null = &self::seen(folder.path())[&TreePath::of("null")];
            assert_eq!(null.1, b"character device");
        }
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let failure = |place: &Path| {
        let error = seen_within(place, Limits::default()).unwrap_err();
        message(&error, &folder)
    };
    fs::create_dir_all(path("rootfs/etc")).unwrap();
    fs::write(path("rootfs/etc/shadow"), "").unwrap();
    if !geteuid().is_root() {
        for (name, what) in [("etc/shadow", "read"), ("etc", "list the directory")] {
            let closed = path("rootfs").join(name);
            fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
            let denied = "Permission denied (os error 13)";
            let expected = format!("failed to {what} `/{name}` in `out/rootfs`: {denied}");
            assert_eq!(failure(&path("rootfs")), expected);
            fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
        }
    }
    let file = path("rootfs/etc/shadow");
    assert_eq!(failure(&file), "`out/rootfs/etc/shadow` is not a directory");
    let none = "failed to read `out/none`: No such file or directory (os error 2)";
    assert_eq!(failure(&path("none")), none);
}

/// Reads a directory while `change` changes it at the visit of `/a`.
fn read_changing(change: impl Fn(&Path)) -> (TempDir, Result<Seen, FolderError>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "12345").unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("c"), "12345").unwrap();
    let mut seen = Seen::new();
    let result = read(folder.path(), Limits::default(), |found, reader| {
        if found.path == TreePath::of("a") {
            change(folder.path());
        }
        let mut bytes = Vec::new();
        if let Some(reader) = reader {
            let result = reader.read_to_end(&mut bytes);
            result.map_err(|error| error.downcast::<FolderError>().unwrap())?;
        }
        seen.insert(found.path, (found.meta, bytes));
        Ok(())
    });
    (folder, result.map(|()| seen))
}

#[test]
fn a_folder_that_changes_meanwhile_gives_nothing_from_elsewhere() {
    let (folder, result) = read_changing(|path| {
        fs::write(path.join("a"), "1234567").unwrap();
        fs::remove_dir(path.join("b")).unwrap();
        symlink("/", path.join("b")).unwrap();
    });
    // It is a link by the time that it is looked at.
    assert_eq!(result.unwrap()[&TreePath::of("a")].1, b"12345");
    assert!(folder.path().join("b").is_symlink());

    let (folder, result) = read_changing(|path| fs::write(path.join("a"), "123").unwrap());
    assert_eq!(
        message(&result.unwrap_err(), &folder),
        "failed to read `/a` in `out`: it became shorter meanwhile"
    );
    let (folder, result) = read_changing(|path| fs::remove_file(path.join("c")).unwrap());
    let error = message(&result.unwrap_err(), &folder);
    assert!(
        error.starts_with("failed to read `/c` in `out`: No such"),
        "{error}"
    );
}

#[test]
fn a_folder_that_becomes_a_link_is_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("b");
    fs::create_dir(&inner).unwrap();
    let result = read(folder.path(), Limits::default(), |found, _| {
        if found.path == TreePath::of("b") {
            fs::remove_dir(&inner).unwrap();
            symlink("/", &inner).unwrap();
        }
        Ok(())
    });
    let error: FolderError = result.unwrap_err();
    assert_eq!(
        message(&error, &folder),
        "failed to list the directory `/b` in `out`: Not a directory (os error 20)"
    );
}

#[test]
fn more_than_the_limits_allow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "12345").unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/c"), "67").unwrap();
    let exact = Limits {
        size: 7,
        entries: 3,
    };
    assert_eq!(seen_within(folder.path(), exact).unwrap().len(), 4);
    let failure = |limits| message(&seen_within(folder.path(), limits).unwrap_err(), &folder);
    let entries = failure(Limits {
        entries: 2,
        ..exact
    });
    assert_eq!(entries, "`out` has more than 2 entries");
    let size = failure(Limits { size: 6, ..exact });
    assert_eq!(size, "`out` has more than 6 bytes in files");
}

#[test]
fn a_path_that_is_too_long_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = File::open(folder.path()).unwrap();
    let mut below = Below::new(root.as_fd());
    let mut path = TreePath::ROOT;
    let part = "x".repeat(250);
    while path.as_bytes().len() <= crate::MAX_LENGTH {
        make_folder(below.folder(&path).unwrap(), part.as_bytes()).unwrap();
        path = path.join(&part);
    }
    let error = seen_within(folder.path(), Limits::default()).unwrap_err();
    let expected = format!("the path `{path}` in `out` is longer than Linux allows");
    assert!(message(&error, &folder).starts_with(&expected), "{error}");
}
