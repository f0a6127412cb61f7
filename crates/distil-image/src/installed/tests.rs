//! A root of a few packages, and what is made of it.

use std::collections::BTreeMap;

use distil_maintscript::alternatives::{Alternative, Request, parse};
use distil_tree::TreePath;

use super::fixture::{Root, base_passwd, deb};
use super::*;
use crate::assembly::{LeftOut, Omission};

fn alternative(line: &str) -> Alternative {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match parse(&words) {
        Request::Install(alternative) => alternative,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_dpkg_and_its_kind_know() {
    let tool = deb("tool")
        .executable("usr/bin/tool", "ELF")
        .file("usr/share/man/man1/tool.1.gz", "manual")
        .file("usr/lib/moved", "its own")
        .conffile("/etc/tool.conf", "a=1\n")
        .control_file(
            "triggers",
            "interest-noawait /usr/share/tools\ninterest tools\n",
        )
        .script("postinst", "#!/bin/sh\n");
    let mut root = Root::new(&[base_passwd(), tool]);
    let manual = TreePath::of("usr/share/man/man1/tool.1.gz");
    root.tree.remove(&manual);
    let left_out = [LeftOut {
        path: manual,
        package: "tool".into(),
        size: 6,
        reason: Omission::DeadScript {
            interpreter: TreePath::of("bin/sh"),
        },
    }];
    let alternatives = [
        alternative("--install /usr/bin/t t /usr/bin/tool 5"),
        alternative("--install /usr/bin/u u /usr/bin/nowhere 5"),
    ];
    let diversions = [(
        "/usr/lib/moved".to_owned(),
        "/usr/lib/away".to_owned(),
        None,
    )];
    let (mut generation, contents) = root.generation();
    let installed = Installed {
        contents,
        left_out: &left_out,
        alternatives: &alternatives,
        diversions: &diversions,
    };
    install(&mut generation, &installed).unwrap();
    assert_eq!(
        root.text("var/lib/dpkg/info/tool.list"),
        "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/share\n/usr/share/man\n/usr/share/man/man1\n\
         /usr/lib\n/usr/lib/moved\n/etc\n/etc/tool.conf\n"
    );
    let status = root.text("var/lib/dpkg/status");
    let stanza = status
        .split("\n\n")
        .find(|one| one.starts_with("Package: tool\n"));
    let stanza = stanza.unwrap();
    assert!(
        stanza.contains("\nStatus: install ok installed\n"),
        "{stanza}"
    );
    assert!(
        stanza.contains("\nConffiles:\n /etc/tool.conf "),
        "{stanza}"
    );
    assert!(
        !root
            .text("var/lib/dpkg/info/tool.md5sums")
            .contains("etc/tool.conf")
    );
    assert_eq!(
        root.text("var/lib/dpkg/diversions"),
        "/usr/lib/moved\n/usr/lib/away\n:\n"
    );
    assert_eq!(
        root.text("var/lib/dpkg/alternatives/t"),
        "auto\n/usr/bin/t\n\n/usr/bin/tool\n5\n\n"
    );
    // As update-alternatives itself, which takes no choice that is not there.
    assert!(!root.has("var/lib/dpkg/alternatives/u"));
    assert_eq!(root.text("var/lib/dpkg/triggers/tools"), "tool\n");
    assert_eq!(
        root.text("var/lib/dpkg/triggers/File"),
        "/usr/share/tools tool/noawait\n"
    );
    assert!(root.has("var/lib/dpkg/info/tool.postinst"));
    assert!(!root.has("var/lib/dpkg/info/tool.control"));
    for (package, why) in MADE {
        assert!(!why.is_empty() && !package.contains(' '), "{package}");
    }
}

#[test]
fn nothing_of_pam_and_no_cache_where_there_is_neither() {
    let mut root = Root::new(&[base_passwd()]);
    let (mut generation, contents) = root.generation();
    let installed = Installed {
        contents,
        left_out: &[],
        alternatives: &[],
        diversions: &[],
    };
    install(&mut generation, &installed).unwrap();
    for path in ["var/lib/pam", "etc/pam.d", "etc/ld.so.cache", "etc/shells"] {
        assert!(!root.has(path), "{path}");
    }
    let whole: BTreeMap<_, _> = root.tree.iter().collect();
    assert!(
        whole
            .values()
            .all(|entry| entry.layer == 0 && entry.meta.mtime == 7)
    );
}
