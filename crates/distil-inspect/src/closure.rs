//! Whether programs and libraries find what they load, and what they get: the one answer for images
//! that are made and images that are checked.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::elf::Elf;
use distil_tree::loader::{Library, Loaded, Loader};
use distil_tree::{Entry, Tree, TreePath};

/// What the files of a tree load.
#[derive(Debug, Default)]
pub struct Closure {
    /// What the loader will not find, by file and name.
    pub missing: Vec<MissingLibrary>,
    /// What it finds, by file and name.
    pub bound: Vec<BoundLibrary>,
}

/// A library, or a loader, that a file needs and does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLibrary {
    /// The file that needs it.
    pub path: TreePath,
    /// The library by its name, the loader by its path.
    pub library: Vec<u8>,
    /// The program for which it is missing; the file itself if no program is linked with it.
    pub program: TreePath,
    /// Whether that is one that a container starts.
    pub is_started: bool,
    /// Whether it is the loader that is missing (`PT_INTERP`), so that the kernel does not start the
    /// file.
    pub is_loader: bool,
}

/// A library that a file needs and gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundLibrary {
    /// The file that needs it.
    pub path: TreePath,
    /// The library by its name.
    pub name: Vec<u8>,
    /// The library.
    pub library: Library,
    /// The program for which it is loaded, as of [`MissingLibrary`].
    pub program: TreePath,
    /// Whether that is one that a container starts.
    pub is_started: bool,
}

/// Whether the kernel starts a file, and not a loader on behalf of another one.
pub fn is_program(tree: &Tree, path: &TreePath, facts: &Elf) -> bool {
    facts.interpreter.is_some()
        && facts.soname.is_none()
        && tree.get(path).is_some_and(Entry::is_executable)
}

impl Closure {
    /// What all files load, but for those in `others`: files for other machines.
    ///
    /// Each library is told of with the first program that loads it, those that a container starts
    /// before all others. A file that lacks in one program what it finds in another lacks nothing,
    /// unless the first is started.
    pub fn of(
        loader: &Loader<'_>,
        tree: &Tree,
        started: &[TreePath],
        others: &BTreeSet<TreePath>,
    ) -> Self {
        let files = loader.files();
        let programs = files
            .iter()
            .filter(|(path, facts)| is_program(tree, path, facts) && !others.contains(*path));
        let (first, then): (Vec<_>, Vec<_>) =
            programs.partition(|(path, _)| started.contains(path));
        let mut seen = Seen::default();
        let is_first = first.iter().map(|_| true);
        let order = is_first.chain(then.iter().map(|_| false));
        for ((path, facts), is_started) in first.iter().chain(&then).zip(order) {
            if let Some(interpreter) = &facts.interpreter
                && loader.at(interpreter, facts.abi).is_none()
            {
                seen.unstartable.push(MissingLibrary {
                    path: (*path).clone(),
                    library: interpreter.clone(),
                    program: (*path).clone(),
                    is_started,
                    is_loader: true,
                });
                // What it lacks beside, nobody sees.
                seen.files.insert((*path).clone());
                continue;
            }
            seen.take(path, loader.load(path), is_started);
        }
        for path in files.keys() {
            if !seen.files.contains(path) && !others.contains(path) {
                seen.take(path, loader.load_alone(path), false);
            }
        }
        seen.finish()
    }
}

/// A file and the name of a library that it needs.
type Need = (TreePath, Vec<u8>);

/// What is known of the loading of files, each by the first program that loads it.
#[derive(Default)]
struct Seen {
    files: BTreeSet<TreePath>,
    unstartable: Vec<MissingLibrary>,
    missing: BTreeMap<Need, (TreePath, bool)>,
    bound: BTreeMap<Need, (Library, TreePath, bool)>,
}

impl Seen {
    fn take(&mut self, program: &TreePath, loaded: Loaded, is_started: bool) {
        self.files.insert(program.clone());
        let files = loaded.files.into_iter().map(|library| library.place);
        self.files.extend(files);
        for need in loaded.missing {
            let program = || (program.clone(), is_started);
            self.missing.entry(need).or_insert_with(program);
        }
        for (path, name, library) in loaded.bound {
            let bound = || (library, program.clone(), is_started);
            self.bound.entry((path, name)).or_insert_with(bound);
        }
    }

    fn finish(self) -> Closure {
        let Self {
            unstartable,
            missing,
            bound,
            ..
        } = self;
        let is_missing = |(need, (_, is_started)): &(Need, (TreePath, bool))| {
            *is_started || !bound.contains_key(need)
        };
        let missing = missing.into_iter().filter(is_missing);
        let missing = missing.map(|((path, library), (program, is_started))| MissingLibrary {
            path,
            library,
            program,
            is_started,
            is_loader: false,
        });
        let missing = unstartable.into_iter().chain(missing).collect();
        let bound = bound.into_iter();
        let bound = bound.map(
            |((path, name), (library, program, is_started))| BoundLibrary {
                path,
                name,
                library,
                program,
                is_started,
            },
        );
        Closure {
            missing,
            bound: bound.collect(),
        }
    }
}
