//! A root of a few packages, and what is made of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;

use distil_debian::deb::{EntryKind, Expected, PackageFile, unpack};
use distil_debian::suite::Suite;
use distil_fixture::DebBuilder;
use distil_store::Digest;
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use super::*;
use crate::assemble::{Amount, InstalledPackage, Omission};
use distil_definition::Accounts;
use distil_definition::Architecture;
use distil_definition::recipe::LayerRecipe;
use distil_maintscript::alternatives::{Request, parse};

pub(super) const PASSWD: &str = "root:*:0:0:root:/root:/bin/bash\n\
                                 nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

const GROUP: &str = "root:*:0:\nmail:*:8:\nshadow:*:42:\nnogroup:*:65534:\n";

/// Packages whose files are in a tree, without what their scripts would make.
pub(super) struct Root {
    pub(super) tree: Tree,
    pub(super) contents: Contents,
    pub(super) accounts: Accounts,
    packages: Vec<InstalledPackage>,
    recipe: LayerRecipe,
}

pub(super) fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64")
}

pub(super) fn base_passwd() -> DebBuilder {
    deb("base-passwd")
        .file("usr/share/base-passwd/passwd.master", PASSWD)
        .file("usr/share/base-passwd/group.master", GROUP)
}

fn unpacked(deb: &DebBuilder) -> PackageFile {
    let bytes = deb.build();
    let expected = Expected {
        size: bytes.len() as u64,
        digest: Digest::of(&bytes),
    };
    let mut output = Vec::new();
    let threads = NonZeroUsize::MIN;
    unpack(bytes.as_slice(), expected, 1 << 20, threads, &mut output).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&output).unwrap();
    PackageFile::open(file, output.len() as u64).unwrap()
}

impl Root {
    pub(super) fn new(debs: &[DebBuilder]) -> Self {
        let mut root = Self {
            tree: Tree::new(),
            contents: Contents::new(),
            accounts: Accounts::default(),
            packages: Vec::new(),
            recipe: LayerRecipe::new("app:dev"),
        };
        for deb in debs {
            let (name, file) = (deb.name().to_owned(), unpacked(deb));
            for entry in &file.package.entries {
                let kind = match &entry.kind {
                    EntryKind::Directory => Kind::Directory,
                    EntryKind::Symlink(target) => Kind::symlink(target),
                    _ => Kind::file(file.content(entry).unwrap()),
                };
                root.put(
                    &entry.path,
                    kind,
                    entry.mode,
                    Origin::Package(name.as_str().into()),
                );
            }
            let package = serde_json::json!({
                "name": name, "version": "1", "architecture": "amd64",
                "source": {"name": name, "version": "1"},
                "file": {"suite": "trixie", "path": "x.deb", "size": 1, "sha256": Digest::of(b"")},
                "reasons": [],
            });
            root.packages.push(InstalledPackage {
                locked: serde_json::from_value(package).unwrap(),
                layer: 0,
                control: file.package.control.clone(),
                files: Vec::new(),
                size: 0,
                left_out: Amount::default(),
                scripts: Vec::new(),
                scripts_covered: None,
                undone: Vec::new(),
            });
            root.contents.insert(name, file);
        }
        root
    }

    pub(super) fn put(&mut self, path: &str, kind: Kind, mode: u32, origin: Origin) {
        let path = TreePath::of(path.trim_matches('/'));
        let entry = Entry {
            kind,
            meta: Metadata::root(mode, 7),
            origin,
            layer: 0,
        };
        if !path.is_root() {
            self.tree.insert(&path, entry).unwrap();
        }
    }

    /// Puts a text that a definition has.
    pub(super) fn define(&mut self, path: &str, text: &str) {
        let origin = Origin::Definition("app:dev".into());
        self.put(path, Kind::file(text.as_bytes().to_vec()), 0o640, origin);
    }

    pub(super) fn generation(&mut self) -> (Generation<'_>, &Contents) {
        let generation = Generation {
            tree: &mut self.tree,
            packages: &self.packages,
            layer: 0,
            recipe: &self.recipe,
            accounts: &self.accounts,
            suite: Suite::named("bookworm").unwrap(),
            architecture: Architecture::all().next().unwrap(),
            mtime: 7,
        };
        (generation, &self.contents)
    }

    pub(super) fn text(&self, path: &str) -> String {
        let (_, entry) = self.tree.follow(&TreePath::of(path)).expect(path);
        let bytes = entry.file().expect(path).content.read(1 << 20).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.tree.get(&TreePath::of(path)).is_some()
    }
}

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
