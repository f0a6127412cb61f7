//! Directories of this machine, listed and copied.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use distil_bundle::{BundleFile, EntryKind, ListedKind, Listing, ListingError, PathRules};
use distil_tree::folder::Limits;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn rules(lines: &[&str]) -> Vec<(String, PathRules)> {
    vec![(
        String::new(),
        PathRules::new(lines.iter().copied()).unwrap(),
    )]
}

fn paths(listing: &Listing) -> Vec<String> {
    let entries = listing.entries().map(|one| match one.kind {
        ListedKind::Directory => format!("{}/", one.path),
        ListedKind::Symlink(target) => format!("{} -> {target}", one.path),
        ListedKind::File { executable, .. } => {
            format!("{}{}", one.path, if *executable { "*" } else { "" })
        }
    });
    entries.collect()
}

fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "main.py", "print()");
    put(root, "lib/a.py", "");
    put(root, "lib/a.pyc", "");
    put(root, "node_modules/x/index.js", "");
    put(root, "node_modules/keep/index.js", "");
    fs::create_dir(root.join("empty")).unwrap();
    symlink("main.py", root.join("link")).unwrap();
    fs::set_permissions(root.join("main.py"), fs::Permissions::from_mode(0o4700)).unwrap();
    folder
}

#[test]
fn a_directory_is_listed_without_what_is_left_out() {
    let folder = example();
    let listing = Listing::of(folder.path(), rules(&["**/*.pyc", "node_modules"])).unwrap();
    assert_eq!(
        paths(&listing),
        [
            "/empty/",
            "/lib/",
            "/lib/a.py",
            "/link -> main.py",
            "/main.py*"
        ]
    );
    let excepted = rules(&["lib", "node_modules", "!node_modules/keep"]);
    let listing = Listing::of(folder.path(), excepted).unwrap();
    assert_eq!(
        paths(&listing),
        [
            "/empty/",
            "/link -> main.py",
            "/main.py*",
            "/node_modules/keep/",
            "/node_modules/keep/index.js"
        ]
    );
    // Rules about the directory above.
    let above = PathRules::new(["src/lib", "main.py"]).unwrap();
    let listing = Listing::of(folder.path(), vec![("src/".to_owned(), above)]).unwrap();
    assert!(!paths(&listing).contains(&"/lib/".to_owned()));
    assert!(paths(&listing).contains(&"/main.py*".to_owned()));
}

#[test]
fn the_digest_is_of_what_is_copied_and_of_nothing_else() {
    let (a, b) = (example(), example());
    let digest = |folder: &tempfile::TempDir| {
        let listing = Listing::of(folder.path(), rules(&["node_modules"]));
        listing.unwrap().digest()
    };
    let first = digest(&a);
    assert_eq!(first, digest(&b));
    put(b.path(), "node_modules/other", "x");
    fs::set_permissions(b.path().join("lib/a.py"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(first, digest(&b));
    let file = fs::File::options()
        .append(true)
        .open(b.path().join("lib/a.py"))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(first, digest(&b));
    for change in [
        &(|root: &Path| put(root, "lib/a.py", "x")) as &dyn Fn(&Path),
        &|root| put(root, "new", ""),
        &|root| fs::remove_dir(root.join("empty")).unwrap(),
        &|root| {
            fs::set_permissions(root.join("main.py"), fs::Permissions::from_mode(0o600)).unwrap()
        },
        &|root| {
            fs::remove_file(root.join("link")).unwrap();
            symlink("lib", root.join("link")).unwrap();
        },
    ] {
        let before = digest(&b);
        change(b.path());
        assert_ne!(before, digest(&b));
    }
}

#[test]
fn what_was_listed_is_copied() {
    let folder = example();
    let listing = Listing::of(folder.path(), rules(&["node_modules"])).unwrap();
    let written = listing.write(Vec::new()).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &written).unwrap();
    let bundle = BundleFile::open(file, written.len() as u64).unwrap();
    let entry = bundle
        .entries()
        .iter()
        .find(|one| one.path == "main.py")
        .unwrap();
    let (content, executable) = bundle.content(entry).unwrap();
    assert_eq!(content.read(100).unwrap(), b"print()");
    assert!(executable);
    let link = bundle
        .entries()
        .iter()
        .find(|one| one.path == "link")
        .unwrap();
    assert_eq!(link.kind, EntryKind::Symlink("main.py".to_owned()));
}

#[test]
fn a_file_that_changes_meanwhile_is_an_error() {
    for change in [
        &(|root: &Path| put(root, "main.py", "prin7()")) as &dyn Fn(&Path),
        &|root| put(root, "main.py", "longer than it was"),
        &|root| fs::remove_file(root.join("main.py")).unwrap(),
        &|root| put(root, "new", ""),
        &|root| {
            fs::set_permissions(root.join("main.py"), fs::Permissions::from_mode(0o600)).unwrap()
        },
        &|root| {
            fs::remove_file(root.join("main.py")).unwrap();
            symlink("lib", root.join("main.py")).unwrap();
        },
    ] {
        let folder = example();
        let listing = Listing::of(folder.path(), Vec::new()).unwrap();
        change(folder.path());
        let error = listing.write(Vec::new()).unwrap_err();
        assert!(matches!(error, ListingError::Changed { .. }), "{error}");
    }
}

#[test]
fn what_no_image_can_have_is_told() {
    let message = |make: &dyn Fn(&Path), exclude: &[&str]| {
        let folder = example();
        make(folder.path());
        let listing = Listing::of(folder.path(), rules(exclude));
        listing.map(drop).map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    };
    let socket = |root: &Path| drop(UnixListener::bind(root.join("socket")).unwrap());
    assert_eq!(
        message(&socket, &[]).unwrap_err(),
        "`socket` in `DIR` is a socket, which no image can have; leave it out by `exclude`"
    );
    assert_eq!(message(&socket, &["socket"]), Ok(()));
    let out = |root: &Path| symlink("../../etc", root.join("lib/out")).unwrap();
    assert_eq!(
        message(&out, &[]).unwrap_err(),
        "`lib/out` in `DIR` links out of the directory, to `../../etc`; leave it out by \
         `exclude`, or copy what it leads to"
    );
    let absolute = |root: &Path| symlink("/etc/passwd", root.join("out")).unwrap();
    assert!(message(&absolute, &[]).unwrap_err().contains("links out"));
    // A link to itself, or in a circle, is a link.
    let circle = |root: &Path| symlink(".", root.join("here")).unwrap();
    assert_eq!(message(&circle, &[]), Ok(()));
}

#[test]
fn the_first_file_of_patterns_holds() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Listing::ignored(folder.path()).unwrap().is_none());
    put(folder.path(), ".dockerignore", "a\n");
    let rules = Listing::ignored(folder.path()).unwrap().unwrap();
    assert!(rules.matches("a"));
    put(folder.path(), ".distilignore", "# nothing of a\r\nb\r\n");
    let rules = Listing::ignored(folder.path()).unwrap().unwrap();
    assert!(!rules.matches("a") && rules.matches("b"));
    put(folder.path(), ".distilignore", "a[b");
    let error = Listing::ignored(folder.path()).unwrap_err().to_string();
    assert!(error.contains(".distilignore"), "{error}");
}

#[test]
fn a_directory_has_no_more_than_the_limits_allow() {
    let folder = example();
    for number in 0..10 {
        put(folder.path(), &format!("cache/{number}"), "x");
    }
    let all = Listing::of(folder.path(), rules(&["cache"])).unwrap();
    let entries = all.entries().count() as u64;
    let limits = |entries, size| Limits { entries, size };
    let message = |exclude: &[&str], limits: Limits| {
        let listing = Listing::within(folder.path(), rules(exclude), limits);
        listing.map(drop).map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    };
    assert_eq!(message(&["cache"], limits(entries, all.size())), Ok(()));
    assert_eq!(
        message(&[], limits(12, 1000)).unwrap_err(),
        "`DIR` has more than 12 entries; leave some out by `exclude`"
    );
    assert_eq!(
        message(&["cache"], limits(entries, all.size() - 1)).unwrap_err(),
        format!(
            "`DIR` has more than {} bytes in files; leave some out by `exclude`",
            all.size() - 1
        )
    );
}
