use distil_fixture::DebBuilder;

use super::super::fixture::{PASSWD, Root, base_passwd, deb};
use super::*;

/// A root of these packages and base-passwd, with all that is made here.
fn made(debs: Vec<DebBuilder>, change: impl FnOnce(&mut Root)) -> Root {
    let debs: Vec<DebBuilder> = debs.into_iter().chain([base_passwd()]).collect();
    let mut root = Root::new(&debs);
    change(&mut root);
    let (mut generation, contents) = root.generation();
    super::generate(&mut generation, contents).unwrap();
    root
}

fn nothing(_: &mut Root) {}

fn target(root: &Root, path: &str) -> String {
    match &root.tree.get(&TreePath::of(path)).expect(path).kind {
        Kind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

fn mode(root: &Root, path: &str) -> (u32, u32) {
    let meta = root.tree.get(&TreePath::of(path)).expect(path).meta;
    (meta.mode, meta.gid)
}

#[test]
fn accounts_of_base_passwd_are_written_as_they_are() {
    let user = |name: &str, uid| User {
        name: name.to_owned(),
        uid,
        gid: Some(uid),
        home: None,
        comment: None,
    };
    let root = made(Vec::new(), |root| {
        // `nobody` is known, whatever number the image has for it.
        root.accounts.users = vec![user("nobody", 65534), user("app", 7000)];
        root.accounts.groups = vec![
            Group {
                name: "mail".to_owned(),
                gid: 8,
                members: vec!["app".to_owned()],
            },
            Group {
                name: "app".to_owned(),
                gid: 7000,
                members: Vec::new(),
            },
        ];
    });
    let passwd = root.text("etc/passwd");
    let added = passwd.strip_prefix(PASSWD).unwrap();
    assert!(
        added.starts_with("app:x:7000:7000:") && added.lines().count() == 1,
        "{added}"
    );
    assert_eq!(root.text("etc/group"), "mail:*:8:app\napp:x:7000:\n");
}

#[test]
fn accounts_that_base_passwd_and_the_image_have() {
    let root = Root::new(&[base_passwd()]);
    let known = masters(&root.contents).unwrap();
    let user = |name: &str, uid| User {
        name: name.to_owned(),
        uid,
        gid: None,
        home: None,
        comment: None,
    };
    let group = |name: &str, gid| Group {
        name: name.to_owned(),
        gid,
        members: Vec::new(),
    };
    let others = Accounts {
        // A number, and a name, that are taken; and one of neither.
        users: vec![user("other", 0), user("nobody", 1), user("app", 7)],
        groups: vec![group("other", 42), group("mail", 1), group("app", 7)],
    };
    let all = known.with(&others);
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(" ");
    let users = all.users.iter().map(|one| &one.name).collect();
    let groups = all.groups.iter().map(|one| &one.name).collect();
    assert_eq!(names(users), "root nobody app");
    assert_eq!(names(groups), "root mail shadow nogroup app");
}

#[test]
fn no_accounts_without_base_passwd() {
    let root = Root::new(&[deb("tool")]);
    let error = masters(&root.contents).err().unwrap().to_string();
    assert_eq!(
        error,
        "`/usr/share/base-passwd/passwd.master`, from which what packages leave behind is made, \
         is not in the package `base-passwd`, or cannot be read"
    );
}

#[test]
fn lines_of_master_files_that_are_none_are_passed_over() {
    let odd = "root:*:0:0:root:/root:/bin/bash\n\nx\na:*:one:0:::\nb:*:5:99999999999:::\n";
    let base = deb("base-passwd")
        .file("usr/share/base-passwd/passwd.master", odd)
        .file(
            "usr/share/base-passwd/group.master",
            "root:*:0:\n:\ny:*:-1:\n",
        );
    let known = masters(&Root::new(&[base]).contents).unwrap().accounts;
    assert_eq!((known.users.len(), known.groups.len()), (1, 1));
}

#[test]
fn folders_files_and_links_of_base_files() {
    let base = deb("base-files")
        .file("usr/share/base-files/profile", "umask 022\n")
        .file("usr/share/base-files/motd", "Debian\n");
    let root = made(vec![base], nothing);
    assert_eq!(mode(&root, "run/lock"), (0o1777, 0));
    assert_eq!(mode(&root, "var/mail"), (0o2775, 8));
    assert_eq!(mode(&root, "var/log/btmp"), (0o660, 43));
    assert_eq!(mode(&root, "etc/security/opasswd"), (0o600, 0));
    assert_eq!(root.text("etc/profile"), "umask 022\n");
    assert_eq!(root.text("etc/subuid"), "");
    assert_eq!(
        target(&root, "etc/localtime"),
        "/usr/share/zoneinfo/Etc/UTC"
    );
    assert_eq!(target(&root, "var/spool/mail"), "../mail");
}

#[test]
fn what_is_there_stays_as_it_is() {
    let base = deb("base-files").file("usr/share/base-files/motd", "Debian\n");
    let root = made(vec![base], |root| {
        root.define("etc/motd", "mine\n");
        root.define("etc/apt/sources.list.d/debian.sources", "Types: deb\n");
        root.define("etc/localtime", "zone\n");
    });
    assert_eq!(root.text("etc/motd"), "mine\n");
    assert_eq!(mode(&root, "etc/motd"), (0o640, 0));
    assert_eq!(
        root.text("etc/apt/sources.list.d/debian.sources"),
        "Types: deb\n"
    );
    assert_eq!(root.text("etc/localtime"), "zone\n");
}

#[test]
fn shells_are_those_that_packages_declare() {
    let utils = deb("debianutils").file("usr/share/debianutils/shells", "# shells\n/bin/sh\n");
    let shells = "/usr/bin/dash# small\nno path\n/bin/sh\n/../up\n";
    let dash = deb("dash").file("usr/share/debianutils/shells.d/dash", shells);
    let root = made(vec![utils, dash], nothing);
    assert_eq!(
        root.text("etc/shells"),
        "# shells\n/bin/sh\n/usr/bin/dash\n"
    );
    assert_eq!(
        root.text("var/lib/shells.state"),
        "/bin/sh\n/usr/bin/dash\n"
    );
}

#[test]
fn certificates_that_are_trusted_by_name() {
    let folder = "usr/share/ca-certificates";
    let certificates = deb("ca-certificates")
        .file(&format!("{folder}/mozilla/B.crt"), "")
        .file(&format!("{folder}/mozilla/A.crt"), "")
        .file(&format!("{folder}/README"), "");
    let root = made(vec![certificates], nothing);
    let text = root.text("etc/ca-certificates.conf");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["mozilla/A.crt", "mozilla/B.crt"]);
}

#[test]
fn folders_of_each_python() {
    let names = ["python3", "python3.13", "python3.9-minimal", "python3.x"];
    let root = made(names.map(deb).into(), nothing);
    assert!(root.has("etc/python3/debian_config"));
    assert!(root.has("usr/local/lib/python3.13/dist-packages"));
    assert!(root.has("var/lib/python/python3.13_installed"));
    for name in ["python3.9-minimal", "python3.x", "python3"] {
        assert!(!root.has(&format!("usr/local/lib/{name}")), "{name}");
    }
    assert!(!made(Vec::new(), nothing).has("etc/python3"));
}

#[test]
fn sources_of_the_suite_and_its_fixes() {
    let text = made(Vec::new(), nothing).text("etc/apt/sources.list.d/debian.sources");
    for line in [
        "Suites: bookworm bookworm-updates",
        "Suites: bookworm-security",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
}
