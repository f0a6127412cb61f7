//! What all rules look at.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use distil_inspect::command::{Process, Runtime, processes};
use distil_inspect::{owned, program, runtime};
use distil_tree::loader::Loader;
use distil_tree::program::DEFAULT_PATH;
use distil_tree::{Tree, TreePath};

use crate::platform::{Platform, Variants};
use crate::subject::Subject;
use crate::venvs;

/// What rules know beside the image.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The time that certificates are compared with.
    pub now: SystemTime,
    /// The Debian package that has a library, as far as somebody knows.
    pub package_of: &'a dyn Fn(&str) -> Option<String>,
    /// Directories that somebody says are written to, beside volumes and what variables name.
    pub writable: &'a [String],
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What all rules look at.
pub(crate) struct Context<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) options: Options<'a>,
    pub(crate) loader: Loader<'a>,
    /// The files of packages, by what Debian's package metadata say.
    pub(crate) owned: BTreeSet<TreePath>,
    /// What the container starts: the program, its interpreter, what a wrapper starts and so on.
    pub(crate) processes: Vec<Process>,
    /// The files of these, as far as they are there.
    pub(crate) chain: Vec<TreePath>,
    /// A program for each language, wherever it is; asked for once.
    programs: OnceCell<BTreeMap<Runtime, TreePath>>,
    /// Directories in which Python packages are installed: by their names, or by the metadata of
    /// packages in them.
    pub(crate) package_roots: BTreeSet<TreePath>,
    /// Virtual environments whose Python is not in the image.
    pub(crate) dead_venvs: BTreeSet<TreePath>,
    /// The minor versions of its Pythons, and those of which it has none with the global lock.
    pub(crate) pythons: BTreeSet<u32>,
    pub(crate) free_threaded: BTreeSet<u32>,
    /// The version of its C library, if that is glibc.
    pub(crate) glibc: Option<(u32, u32)>,
    /// The version of its musl, if it has one, and that is known.
    pub(crate) musl: Option<(u32, u32)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(subject: Subject<'a>, options: Options<'a>) -> Self {
        let library_path = subject.config.variable("LD_LIBRARY_PATH");
        let loader = Loader::new(subject.tree(), library_path);
        let processes = processes(subject.tree(), subject.config);
        let files = processes.iter().filter_map(|one| one.found.clone().ok());
        Self {
            subject,
            options,
            glibc: runtime::glibc(&loader),
            musl: loader
                .has_musl()
                .then(|| runtime::musl(subject.tree()))
                .flatten(),
            loader,
            owned: owned(subject.tree()),
            programs: OnceCell::new(),
            package_roots: package_roots(subject.tree()),
            chain: files.collect(),
            processes,
            dead_venvs: venvs::dead(subject.tree()),
            pythons: runtime::pythons(subject.tree()),
            free_threaded: runtime::free_threaded(subject.tree()),
        }
    }

    /// The directory of packages that a file is in, if it is in one.
    pub(crate) fn package_root(&self, path: &TreePath) -> Option<TreePath> {
        let mut above: Vec<TreePath> = path.ancestors().collect();
        above.retain(|one| self.package_roots.contains(one));
        above.pop()
    }

    /// What the container is, as far as that is known.
    fn platform(&self) -> Platform<'_> {
        Platform {
            architecture: &self.subject.config.architecture,
            has_glibc: self.glibc.is_some(),
            has_musl: self.loader.has_musl(),
        }
    }

    /// Libraries for other platforms that are there for the container's, too.
    pub(crate) fn others(&self) -> BTreeSet<TreePath> {
        let platform = self.platform();
        let variants = Variants::of(self.loader.files().keys(), platform);
        let others = self.loader.files().keys();
        others
            .filter(|path| variants.is_other(path, platform))
            .cloned()
            .collect()
    }

    /// Whether a program of a language's runtime is among what the container starts.
    pub(crate) fn starts(&self, runtime: Runtime) -> bool {
        let mut invocations = self.processes.iter().filter_map(Process::invocation);
        invocations.any(|invocation| invocation.runtime == runtime)
    }

    /// The image's program for scripts of a language, by a path that starts it: the one of the
    /// directory that the script lies in, as in a virtual environment, else what the container
    /// starts anyway, what `PATH` has, and any at all.
    pub(crate) fn program_for(&self, runtime: Runtime, script: &TreePath) -> Option<String> {
        let names: &[&str] = match runtime {
            Runtime::Python => &["python", "python3"],
            Runtime::Node => &["node", "nodejs"],
            Runtime::Java => &["java"],
            Runtime::Perl => &["perl"],
            Runtime::Php => &["php"],
            Runtime::Ruby => &["ruby"],
            Runtime::DotNet => &["dotnet"],
        };
        let tree = self.subject.tree();
        let directory = script.parent().unwrap_or_default();
        let beside = names.iter().map(|name| directory.join(name)).find(|path| {
            let found = tree.follow(path);
            found.is_some_and(|(_, entry)| entry.is_executable())
        });
        if let Some(beside) = beside {
            return Some(beside.to_string());
        }
        let is_such = |word: &str| Runtime::of(word) == Some(runtime);
        let started = self.processes.iter().find(|one| {
            let word = one.words.first().map_or("", String::as_str);
            one.found.is_ok() && word.starts_with('/') && is_such(word)
        });
        if let Some(word) = started.and_then(|one| one.words.first()) {
            return Some(word.clone());
        }
        let config = self.subject.config;
        let path = config.variable("PATH").unwrap_or(DEFAULT_PATH);
        for directory in path.split(':').filter(|one| one.starts_with('/')) {
            for name in names.iter().rev() {
                let word = format!("{}/{name}", directory.trim_end_matches('/'));
                if program::find(tree, config, &word).is_ok() {
                    return Some(word);
                }
            }
        }
        let all = self.programs.get_or_init(|| runtime_programs(tree));
        all.get(&runtime).map(TreePath::to_string)
    }

    /// Its Pythons, as a list to be read.
    pub(crate) fn python_versions(&self) -> String {
        let list = self.pythons.iter().map(|minor| format!("3.{minor}"));
        list.collect::<Vec<_>>().join(" and ")
    }
}

fn runtime_programs(tree: &Tree) -> BTreeMap<Runtime, TreePath> {
    let mut found = BTreeMap::new();
    let programs = tree.iter().filter(|(_, entry)| entry.is_executable());
    for (path, _) in programs {
        let name = path.name().and_then(|name| std::str::from_utf8(name).ok());
        if let Some(runtime) = name.and_then(Runtime::of) {
            found.entry(runtime).or_insert_with(|| path.clone());
        }
    }
    found
}

fn package_roots(tree: &Tree) -> BTreeSet<TreePath> {
    let directories = tree.iter().filter(|(_, entry)| entry.is_directory());
    let root = |(path, _): (&TreePath, _)| {
        let name = path.name()?;
        if name.ends_with(b"-packages") {
            return Some(path.clone());
        }
        path.parent().filter(|_| name.ends_with(b".dist-info"))
    };
    directories.filter_map(root).collect()
}

/// Text that was found in an image, harmless for terminals and not too long.
pub(crate) fn shown(text: impl AsRef<[u8]>) -> String {
    let text = distil_tree::printable(text.as_ref());
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
