//! Where the dynamic loader of a container would find a library (ld.so(8)).

use std::collections::BTreeMap;

use crate::elf::{self, Abi, Elf};
use crate::path::TreePath;
use crate::tree::{Kind, Tree};

/// The most that is read of a file of the loader's configuration.
const MAX_CONFIGURATION: u64 = 64 << 10;

/// The dynamic loader's view of a tree.
#[derive(Debug)]
pub struct Loader<'a> {
    tree: &'a Tree,
    folders: Vec<TreePath>,
    /// What ELF files there are, by their real paths.
    files: BTreeMap<TreePath, Elf>,
}

/// Something of the tree keeps the loader from knowing.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// A file cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
    /// A file begins like ELF and is none.
    #[error("`{path}` cannot be read")]
    Elf {
        /// The file.
        path: TreePath,
        /// Why.
        source: elf::ElfError,
    },
}

/// A library that a file needs and the loader would not find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmet {
    /// The file.
    pub path: TreePath,
    /// What it needs: the name of a library, or the path of its loader.
    pub needed: String,
    /// Whether that is its loader (`PT_INTERP`).
    pub is_interpreter: bool,
}

impl<'a> Loader<'a> {
    /// Reads the ELF files of a tree and the loader's configuration.
    ///
    /// # Errors
    /// If a file cannot be read, or is a damaged ELF file.
    pub fn new(tree: &'a Tree) -> Result<Self, LoaderError> {
        let mut files = BTreeMap::new();
        for (path, entry) in tree.iter() {
            let Kind::File(node) = &entry.kind else {
                continue;
            };
            let failed = |source| LoaderError::Read {
                path: path.clone(),
                source,
            };
            if !elf::is_elf(&node.content.head(4).map_err(failed)?) {
                continue;
            }
            let facts = elf::parse(node.content.reader());
            let facts = facts.map_err(|source| LoaderError::Elf {
                path: path.clone(),
                source,
            })?;
            if facts.is_loadable {
                files.insert(path.clone(), facts);
            }
        }
        Ok(Self {
            tree,
            folders: configured_folders(tree)?,
            files,
        })
    }

    /// The folders that are searched without being asked for, in order: those that
    /// `/etc/ld.so.conf.d` names, then the loader's own.
    pub fn folders(&self) -> &[TreePath] {
        &self.folders
    }

    /// The ELF files, by their real paths.
    pub fn files(&self) -> &BTreeMap<TreePath, Elf> {
        &self.files
    }

    /// The file that is loaded for `name` on behalf of `asking`.
    pub fn find(&self, asking: &TreePath, facts: &Elf, name: &[u8]) -> Option<TreePath> {
        if name.contains(&b'/') {
            let path = TreePath::from_absolute(name).ok()?;
            return self.candidate(&path, facts.abi);
        }
        // DT_RPATH counts only where there is no DT_RUNPATH.
        let own = match facts.runpath.is_empty() {
            true => &facts.rpath,
            false => &facts.runpath,
        };
        let own = own.iter().filter_map(|folder| self.expand(folder, asking));
        own.chain(self.folders.iter().cloned())
            .find_map(|folder| self.candidate(&folder.join(name), facts.abi))
    }

    /// All that files of the tree need and the loader would not find, sorted.
    pub fn unmet(&self) -> Vec<Unmet> {
        let mut unmet = Vec::new();
        for (path, facts) in &self.files {
            let mut miss = |needed: &[u8], is_interpreter| {
                let needed = crate::printable(needed);
                unmet.push(Unmet {
                    path: path.clone(),
                    needed,
                    is_interpreter,
                });
            };
            if let Some(interpreter) = &facts.interpreter {
                let there = TreePath::from_absolute(interpreter).ok();
                if there
                    .and_then(|there| self.candidate(&there, facts.abi))
                    .is_none()
                {
                    miss(interpreter, true);
                }
            }
            for name in &facts.needed {
                if self.find(path, facts, name).is_none() {
                    miss(name, false);
                }
            }
        }
        unmet.sort();
        unmet
    }

    fn candidate(&self, path: &TreePath, abi: Abi) -> Option<TreePath> {
        let place = self.tree.resolve(path).ok()?;
        // The loader passes over libraries of other machines.
        (self.files.get(&place)?.abi == abi).then_some(place)
    }

    /// Fills `$ORIGIN` in; the other tokens of the loader name folders that Debian has not.
    fn expand(&self, folder: &[u8], asking: &TreePath) -> Option<TreePath> {
        let text = std::str::from_utf8(folder).ok()?;
        let origin = asking.parent()?;
        let expanded = text.replace("${ORIGIN}", "$ORIGIN");
        let expanded = expanded.replace("$ORIGIN", &format!("/{}", origin.as_str()?));
        // `..` behind links means the link's target, so the tree resolves it.
        let mut here = TreePath::ROOT;
        for part in expanded.strip_prefix('/')?.split('/') {
            here = match part {
                "" | "." => continue,
                ".." => here.parent().unwrap_or_default(),
                _ => self.tree.resolve(&here.join(part)).ok()?,
            };
        }
        Some(here)
    }
}

/// The folders of `/etc/ld.so.conf.d/*.conf` in the order of the files' names, then `/lib` and
/// `/usr/lib` (ldconfig(8)).
fn configured_folders(tree: &Tree) -> Result<Vec<TreePath>, LoaderError> {
    let mut folders: Vec<TreePath> = Vec::new();
    let configuration = TreePath::of("etc/ld.so.conf.d");
    for (path, entry) in tree.children(&configuration) {
        let is_configuration = path.name().is_some_and(|name| name.ends_with(b".conf"));
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !is_configuration {
            continue;
        }
        let failed = |source| LoaderError::Read {
            path: path.clone(),
            source,
        };
        let text = node.content.read(MAX_CONFIGURATION).map_err(failed)?;
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            if let Ok(folder) = TreePath::from_absolute(line.trim_ascii())
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
    }
    for folder in ["lib", "usr/lib"].map(TreePath::of) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Entry, Metadata, Origin};
    use distil_fixture::{ElfBuilder, Machine};

    fn tree(files: &[(&str, Kind)]) -> Tree {
        let mut tree = Tree::new();
        for (path, kind) in files {
            let meta = Metadata::root(0o755, 0);
            let origin = Origin::Package("test".into());
            let entry = Entry {
                kind: kind.clone(),
                meta,
                origin,
                layer: 0,
            };
            tree.insert(&TreePath::of(path), entry).unwrap();
        }
        tree
    }

    fn library(builder: ElfBuilder) -> Kind {
        Kind::file(builder.build())
    }

    fn unmet(tree: &Tree) -> Vec<String> {
        let loader = Loader::new(tree).unwrap();
        loader
            .unmet()
            .into_iter()
            .map(|one| format!("{} needs {}", one.path, one.needed))
            .collect()
    }

    #[test]
    fn libraries_are_found_where_the_configuration_says() {
        let needs = || library(ElfBuilder::shared("a.so").needed("libb.so.1"));
        let b = || library(ElfBuilder::shared("libb.so.1"));
        let configuration = || Kind::file("# comment\n/opt/lib\n");
        let there = tree(&[("a.so", needs()), ("opt/lib/libb.so.1", b())]);
        assert_eq!(unmet(&there), ["/a.so needs libb.so.1"]);
        let told = tree(&[
            ("a.so", needs()),
            ("opt/lib/libb.so.1", b()),
            ("etc/ld.so.conf.d/x.conf", configuration()),
        ]);
        assert!(unmet(&told).is_empty());
        assert!(unmet(&tree(&[("a.so", needs()), ("usr/lib/libb.so.1", b())])).is_empty());
    }

    #[test]
    fn runpath_knows_its_origin() {
        let a = ElfBuilder::shared("a.so")
            .needed("libb.so.1")
            .runpath("$ORIGIN/../private");
        let b = library(ElfBuilder::shared("libb.so.1"));
        let found = tree(&[("opt/x/a.so", library(a)), ("opt/private/libb.so.1", b)]);
        assert!(unmet(&found).is_empty());
    }

    #[test]
    fn another_machines_library_is_none() {
        let b = ElfBuilder::shared("libb.so.1").machine(Machine::Aarch64);
        let a = ElfBuilder::shared("a.so").needed("libb.so.1");
        let wrong = tree(&[("a.so", library(a)), ("usr/lib/libb.so.1", library(b))]);
        assert_eq!(unmet(&wrong), ["/a.so needs libb.so.1"]);
    }

    #[test]
    fn links_that_lead_nowhere_do_not_help() {
        let a = library(ElfBuilder::shared("a.so").needed("libb.so.1"));
        let broken = tree(&[
            ("a.so", a),
            ("usr/lib/libb.so.1", Kind::symlink("libb.so.1.2")),
        ]);
        assert_eq!(unmet(&broken).len(), 1);
    }
}
