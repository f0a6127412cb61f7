//! Where a Python looks for modules (the standard library's `site`, and "The initialization of the
//! `sys.path` module search path" in Python's documentation).

use distil_inspect::command::{Invocation, Process};
use distil_inspect::{MAX_DOCUMENT, runtime};
use distil_tree::program::DEFAULT_PATH;
use distil_tree::{Tree, TreePath};

use crate::context::Context;
use crate::venvs;

/// Files of `.pth` that hook into imports of distutils alone.
const HARMLESS: [&[u8]; 2] = [b"_virtualenv.pth", b"distutils-precedence.pth"];

/// Where a Python looks.
pub(crate) struct PythonPath {
    directories: Vec<TreePath>,
    /// Whether that is all: no hook that finds modules, no library in an archive.
    pub(crate) is_certain: bool,
}

/// What there is of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Module {
    /// It can be run with `-m`.
    Runnable,
    /// It is a package without a `__main__`.
    Package,
    /// This part of its name is not found.
    Missing(String),
}

impl PythonPath {
    /// What a process looks into.
    pub(crate) fn of(
        context: &Context<'_>,
        process: &Process,
        invocation: &Invocation<'_>,
    ) -> Self {
        let tree = context.subject.tree();
        let config = context.subject.config;
        let mut path = Self {
            directories: Vec::new(),
            is_certain: true,
        };
        if !invocation.is_isolated {
            path.directories
                .extend(TreePath::lexical(config.directory()));
            let variable = config.variable("PYTHONPATH").unwrap_or_default();
            let named = variable.split(':').filter(|one| !one.is_empty());
            path.directories.extend(
                named.filter_map(|one| context.subject.follow(one).map(|(place, _)| place)),
            );
        }
        let program = process.found.as_ref().ok();
        let word = process.words.first().map_or("", String::as_str);
        let version = program.and_then(|place| {
            let name = place.name()?;
            runtime::minor(name.strip_prefix(b"python3.")?)
        });
        let only = || {
            context
                .pythons
                .first()
                .filter(|_| context.pythons.len() == 1)
        };
        let Some(minor) = version.or_else(|| only().copied()) else {
            path.is_certain = false;
            return path;
        };
        let library = format!("lib/python3.{minor}");
        if let Some(root) = venv_of(context, word) {
            path.site(tree, &below(&root, &format!("{library}/site-packages")));
        }
        let prefix = program.and_then(|place| place.parent()?.parent());
        for prefix in prefix.into_iter().chain([TreePath::of("usr")]) {
            let standard = below(&prefix, &library);
            path.is_certain &= tree
                .get(&below(&prefix, &format!("lib/python3{minor}.zip")))
                .is_none();
            path.site(tree, &standard.join("site-packages"));
            path.site(tree, &standard.join("dist-packages"));
            path.directories.push(standard.join("lib-dynload"));
            path.directories.push(standard);
        }
        for site in [
            "usr/lib/python3/dist-packages".to_owned(),
            format!("usr/local/{library}/dist-packages"),
            format!("usr/local/{library}/site-packages"),
        ] {
            path.site(tree, &TreePath::of(&site));
        }
        // Whose home it is, is not known for sure.
        let user = format!(".local/{library}/site-packages");
        let homes = tree.iter().map(|(path, _)| path);
        let homes = homes.filter(|path| path.name() == Some(b".local"));
        let homes: Vec<TreePath> = homes.filter_map(TreePath::parent).collect();
        for home in homes {
            path.site(tree, &below(&home, &user));
        }
        // Code that may add to the path; Debian's own, in the standard library, does not.
        let is_standard =
            |one: &TreePath| one.name().is_some_and(|name| name.starts_with(b"python3."));
        let mut others = path.directories.iter().filter(|one| !is_standard(one));
        let has_hook = others.any(|one| tree.get(&one.join("sitecustomize.py")).is_some());
        path.is_certain &= !has_hook;
        path
    }

    /// Takes a directory of packages, and what its `.pth` files say.
    fn site(&mut self, tree: &Tree, directory: &TreePath) {
        let Some((place, _)) = tree.follow(directory) else {
            return;
        };
        for (path, entry) in tree.children(&place) {
            let name = path.name().unwrap_or_default();
            if !name.ends_with(b".pth") || HARMLESS.contains(&name) {
                continue;
            }
            let file = entry.file();
            let text = file.and_then(|file| file.content.read(MAX_DOCUMENT).ok());
            let Some(text) = text else {
                self.is_certain = false;
                continue;
            };
            for line in String::from_utf8_lossy(&text).lines() {
                match PthLine::of(line, &place) {
                    PthLine::Code => self.is_certain = false,
                    PthLine::Directory(path) => self.directories.push(path),
                    PthLine::Nothing => {}
                }
            }
        }
        self.directories.push(place);
    }

    /// Looks for a module.
    pub(crate) fn module(&self, tree: &Tree, name: &str) -> Module {
        let mut directories: Vec<TreePath> = self.directories.clone();
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            let mut packages = Vec::new();
            for directory in &directories {
                let Some((place, _)) = tree.follow(directory) else {
                    continue;
                };
                let is_file = |name: String| tree.follow(&place.join(name)).is_some();
                let package = tree.follow(&place.join(part));
                if let Some((package, _)) = package.filter(|(_, entry)| entry.is_directory()) {
                    packages.push(package);
                }
                let is_module = is_file(format!("{part}.py")) || is_file(format!("{part}.pyc"));
                if is_module && parts.peek().is_none() {
                    return Module::Runnable;
                }
            }
            if packages.is_empty() {
                return Module::Missing(part.to_owned());
            }
            directories = packages;
        }
        let mains = ["__main__.py", "__main__.pyc"];
        let has_main = |directory: &TreePath| {
            mains
                .iter()
                .any(|main| tree.follow(&directory.join(main)).is_some())
        };
        match directories.iter().any(has_main) {
            true => Module::Runnable,
            false => Module::Package,
        }
    }
}

/// What a line of a `.pth` file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PthLine {
    /// Code, which is executed.
    Code,
    /// A directory to look into.
    Directory(TreePath),
    /// Nothing.
    Nothing,
}

impl PthLine {
    /// Reads a line of a file in a directory.
    pub(crate) fn of(line: &str, directory: &TreePath) -> Self {
        let line = line.trim_end();
        if line.starts_with("import ") || line.starts_with("import\t") {
            return Self::Code;
        }
        if line.is_empty() || line.starts_with('#') {
            return Self::Nothing;
        }
        let path = match line.starts_with('/') {
            true => line.to_owned(),
            false => format!("{directory}/{line}"),
        };
        TreePath::lexical(&path).map_or(Self::Nothing, Self::Directory)
    }
}

/// The virtual environment that a program is of, by the path that starts it and not by what that
/// leads to.
fn venv_of(context: &Context<'_>, word: &str) -> Option<TreePath> {
    let tree = context.subject.tree();
    let config = context.subject.config;
    let path = match word.contains('/') {
        true if word.starts_with('/') => TreePath::lexical(word)?,
        true => TreePath::lexical(&format!("{}/{word}", config.directory()))?,
        false => {
            let path = config.variable("PATH").unwrap_or(DEFAULT_PATH);
            let mut places = path
                .split(':')
                .filter_map(|one| TreePath::lexical(&format!("{one}/{word}")));
            places.find(|path| venvs::is_alive(tree, path))?
        }
    };
    let root = path.parent()?.parent()?;
    tree.get(&root.join(venvs::CONFIGURATION)).map(|_| root)
}

fn below(directory: &TreePath, path: &str) -> TreePath {
    path.split('/')
        .fold(directory.clone(), |path, part| path.join(part))
}
