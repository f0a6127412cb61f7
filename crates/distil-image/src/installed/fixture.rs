//! A root of a few packages, to be installed in tests.

use distil_debian::deb::EntryKind;
use distil_debian::suite::Suite;
use distil_definition::recipe::LayerRecipe;
use distil_definition::{Accounts, Architecture};
use distil_fixture::DebBuilder;
use distil_lock::Contents;
use distil_store::Digest;
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use crate::assembly::{Amount, InstalledPackage};
use crate::generation::Generation;
use crate::unpacked::unpacked;

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
                vendor: None,
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
            epoch: None,
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
