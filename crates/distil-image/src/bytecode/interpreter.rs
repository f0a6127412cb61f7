//! The image's Python: which it is, and the few files that it needs to compile.

use distil_bytecode::PythonVersion;
use distil_tree::loader::multiarch;
use distil_tree::{Entry, Kind, Origin, Tree, TreePath};

use super::error::BytecodeError;

/// Where interpreters are: `python3` is a link to that of a version.
const DIRECTORY: &str = "usr/bin";

/// An interpreter with what it needs to compile, as files of Debian's packages. Nothing else of an image
/// is in reach of it.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// Its version.
    pub version: PythonVersion,
    /// The path of its program.
    pub program: TreePath,
    /// The machine that it is for (`e_machine` of ELF).
    pub machine: u16,
    /// The program, its libraries, and what it imports when it starts; with nothing behind links that
    /// is not in it.
    pub files: Tree,
}

impl Interpreter {
    /// The Python of an image; none if no package brings one.
    ///
    /// # Errors
    /// If its version is not known, or files that it needs are not there.
    pub fn of(tree: &Tree) -> Result<Option<Self>, BytecodeError> {
        let directory = TreePath::of(DIRECTORY);
        let first = directory.join("python3");
        if tree.follow(&first).is_some() {
            return Self::of_program(tree, &first);
        }
        // The package of a version does not bring the link.
        let is_version = |path: &TreePath| {
            let name = path.name().and_then(|name| std::str::from_utf8(name).ok());
            let version = name.and_then(|name| name.strip_prefix("python"));
            version.is_some_and(|version| PythonVersion::parse(version).is_ok())
        };
        let mut children = tree.children(&directory).map(|(path, _)| path);
        match children.find(|path| is_version(path)) {
            Some(path) => Self::of_program(tree, path),
            None => Ok(None),
        }
    }

    /// The Python whose program, or a link to it, is at a path of a tree.
    pub(super) fn of_program(tree: &Tree, path: &TreePath) -> Result<Option<Self>, BytecodeError> {
        let Some((program, entry)) = tree.follow(path) else {
            return Ok(None);
        };
        let name = program
            .name()
            .and_then(|name| std::str::from_utf8(name).ok());
        let version = name.and_then(|name| name.strip_prefix("python"));
        let (Some(version), Origin::Package(package)) = (version, &entry.origin) else {
            return Ok(None);
        };
        let (version_text, version) = (version, PythonVersion::parse(version)?);
        let elf = entry
            .file()
            .and_then(|node| node.elf())
            .and_then(Result::ok);
        let Some(facts) = elf else {
            return Ok(None);
        };
        let mut found = Collection {
            tree,
            files: Tree::new(),
        };
        found.add_links();
        // What is imported at every start; the rest of the standard library is in another package.
        let library = format!("usr/lib/python{version_text}");
        let packages = [&**package, &format!("libpython{version_text}-minimal")];
        for (path, entry) in tree.below(&TreePath::of(&library)) {
            let is_own =
                matches!(&entry.origin, Origin::Package(name) if packages.contains(&&**name));
            if is_own && entry.file().is_some() {
                found.put(path, entry);
            }
        }
        found.program(&program)?;
        Ok(Some(Self {
            version,
            machine: facts.abi.machine,
            files: found.files,
            program,
        }))
    }
}

/// Files that are taken out of a tree.
struct Collection<'a> {
    tree: &'a Tree,
    files: Tree,
}

impl Collection<'_> {
    /// Where `/usr` is merged, loaders and libraries are found behind links.
    fn add_links(&mut self) {
        for (path, entry) in self.tree.children(&TreePath::ROOT) {
            let is_library = path.name().is_some_and(|name| name.starts_with(b"lib"));
            if is_library && matches!(entry.kind, Kind::Symlink(_)) {
                self.put(path, entry);
            }
        }
    }

    /// A program or library with what it needs: as the loader finds it without any configuration.
    fn program(&mut self, path: &TreePath) -> Result<(), BytecodeError> {
        let mut waiting = vec![path.clone()];
        while let Some(path) = waiting.pop() {
            let wrong = |problem| BytecodeError::Interpreter {
                path: path.clone(),
                problem,
            };
            let (_, entry) = self.tree.follow(&path).ok_or_else(|| wrong("is missing"))?;
            if self.files.follow(&path).is_some() {
                continue;
            }
            // What runs is what the archive has signed.
            if !matches!(entry.origin, Origin::Package(_)) {
                return Err(wrong("is no package's file"));
            }
            let facts = entry
                .file()
                .and_then(|node| node.elf())
                .and_then(Result::ok);
            let facts = facts.ok_or_else(|| wrong("is no ELF file"))?;
            // Under the path that it is looked for, which may be a link's.
            self.put(&path, entry);
            if let Some(loader) = &facts.interpreter {
                waiting.extend(TreePath::from_absolute(loader).ok());
            }
            let libraries = TreePath::of("usr/lib");
            let own = libraries.join(multiarch(facts.abi).unwrap_or_default());
            for name in &facts.needed {
                let (first, second) = (own.join(name), libraries.join(name));
                let is_second =
                    self.tree.follow(&first).is_none() && self.tree.follow(&second).is_some();
                waiting.push(if is_second { second } else { first });
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &TreePath, entry: &Entry) {
        let entry = Entry {
            layer: 0,
            ..entry.clone()
        };
        // What has no place here had none in the tree that it is from.
        let _ = self.files.insert(path, entry);
    }
}
