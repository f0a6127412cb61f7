//! Where the dynamic loaders of a container find libraries, and what they load for a program:
//! glibc's (ld.so(8)) and musl's.

mod cache;
mod configuration;
mod error;
mod kinds;
mod machine;
mod musl;
mod variants;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::elf::{Abi, Elf, ElfError};
use crate::path::{MAX_LENGTH, TreePath};
use crate::tree::{Kind, Tree};

use cache::Cached;
pub use configuration::configured_folders;
pub use error::LoaderError;
use kinds::{Kind as MachineKind, Kinds};
pub use machine::{levels, machine, machine_name, multiarch};

/// How many files may be loaded in all simulated starts together. Real images need some thousands.
const MAX_LOADS: usize = 200_000;

/// The most bytes of paths that are looked up: a file with thousands of directories and of libraries asks
/// for millions.
const MAX_LOOKED_UP: usize = 256 << 20;

/// A C library's loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libc {
    /// glibc's.
    Glibc,
    /// musl's.
    Musl,
}

/// The ELF files of a tree, and where its loaders look.
#[derive(Debug)]
pub struct Loader<'a> {
    tree: &'a Tree,
    files: BTreeMap<TreePath, &'a Elf>,
    damaged: Vec<Damaged>,
    cache: Vec<Cached>,
    library_path: Vec<Vec<u8>>,
    musl_path: Option<Vec<Vec<u8>>>,
    default_folders: BTreeMap<Abi, Vec<Vec<u8>>>,
    /// The kinds of machines for which glibc looks into directories of their own.
    kinds: BTreeMap<Abi, Kinds>,
    found: RefCell<BTreeMap<Candidate, Option<TreePath>>>,
    loads: RefCell<usize>,
    /// How many bytes of paths were.
    looked_up: RefCell<usize>,
    max_loads: usize,
}

/// A path that a loader tries for a file of a machine's.
type Candidate = (Abi, Vec<u8>);

/// What begins like ELF and cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub path: TreePath,
    /// Why.
    pub error: ElfError,
    /// Whether its headers are fine, and what they tell of is not there.
    pub is_cut_off: bool,
}

/// A library as it was found: by the path that the loader tried, which it tells in messages, and by
/// the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The path that the loader tried.
    pub shown: Vec<u8>,
    /// The file.
    pub place: TreePath,
}

/// A library that some machines get and others do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The kind of the machines, as directories for them are named: `x86-64-v3`, `haswell`.
    pub machines: &'static str,
    /// Whether that is a level, so that better machines get it, too, or what is better still.
    pub is_level: bool,
    /// The library.
    pub library: Library,
}

/// What is loaded for a program.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The files, in order: the program first.
    pub files: Vec<Library>,
    /// What each needs and nobody has.
    pub missing: Vec<(TreePath, Vec<u8>)>,
    /// What each got for each name.
    pub bound: Vec<(TreePath, Vec<u8>, Library)>,
}

impl<'a> Loader<'a> {
    /// Reads the ELF files of a tree and the loader's configuration. `library_path` is the value of
    /// `LD_LIBRARY_PATH`, if that is set.
    pub fn new(tree: &'a Tree, library_path: Option<&str>) -> Self {
        let mut files = BTreeMap::new();
        let mut damaged = Vec::new();
        for (path, entry) in tree.iter() {
            let Kind::File(node) = &entry.kind else {
                continue;
            };
            let Some(facts) = node.elf() else {
                continue;
            };
            match facts {
                // What was split off for debuggers keeps the headers of what is not in it.
                Ok(facts) if facts.is_loadable && facts.loaded_size > node.content.size() => {
                    let is_split = path.as_bytes().starts_with(b"usr/lib/debug/")
                        || path.name().is_some_and(|name| name.ends_with(b".debug"));
                    if !is_split {
                        let error = ElfError::cut_off(node.content.size(), facts.loaded_size);
                        damaged.push(Damaged {
                            path: path.clone(),
                            error,
                            is_cut_off: true,
                        });
                    }
                }
                Ok(facts) if facts.is_loadable => {
                    files.insert(path.clone(), facts);
                }
                Ok(_) => {}
                Err(error) => damaged.push(Damaged {
                    path: path.clone(),
                    error: error.clone(),
                    is_cut_off: false,
                }),
            }
        }
        let split = |text: &str| -> Vec<Vec<u8>> {
            let folders = text.split([':', ';']).filter(|folder| !folder.is_empty());
            folders.map(|folder| folder.as_bytes().to_vec()).collect()
        };
        let mut loader = Self {
            tree,
            damaged,
            cache: cache::read(tree),
            library_path: library_path.map(split).unwrap_or_default(),
            musl_path: musl::path(tree),
            default_folders: BTreeMap::new(),
            kinds: BTreeMap::new(),
            found: RefCell::default(),
            loads: RefCell::new(0),
            looked_up: RefCell::new(0),
            max_loads: MAX_LOADS,
            files,
        };
        let abis: BTreeSet<Abi> = loader.files.values().map(|facts| facts.abi).collect();
        let present = kinds::present(tree, &abis);
        for abi in abis {
            let folders = loader.folders_of(abi);
            loader.default_folders.insert(abi, folders);
            // The version says nothing where there are no such directories.
            let glibc = (!present.is_empty()).then(|| loader.glibc(abi)).flatten();
            loader.kinds.insert(abi, Kinds::new(abi, glibc, &present));
        }
        loader
    }

    /// As [`Loader::new`], but for a tree in which nothing may be damaged.
    ///
    /// # Errors
    /// If there is a damaged ELF file.
    pub fn of_whole(tree: &'a Tree) -> Result<Self, LoaderError> {
        let mut loader = Self::new(tree, None);
        let at = loader.damaged.iter().position(|one| !one.is_cut_off);
        match at.map(|at| loader.damaged.swap_remove(at)) {
            Some(Damaged { path, error, .. }) => Err(LoaderError::Elf {
                path,
                source: error,
            }),
            None => Ok(loader),
        }
    }

    /// The ELF files, by their real paths.
    pub fn files(&self) -> &BTreeMap<TreePath, &'a Elf> {
        &self.files
    }

    /// What begins like ELF and is none, in the order of paths.
    pub fn damaged(&self) -> &[Damaged] {
        &self.damaged
    }

    /// Whether more was to be looked at than is.
    pub fn is_exhausted(&self) -> bool {
        *self.loads.borrow() > self.max_loads || *self.looked_up.borrow() > MAX_LOOKED_UP
    }

    /// Whether the image has musl's loader.
    pub fn has_musl(&self) -> bool {
        self.musl_path.is_some()
    }

    /// The loader that starts a program, or would load a library.
    pub fn libc(&self, facts: &Elf) -> Libc {
        let is_musl = |path: &[u8]| memchr::memmem::find(path, b"ld-musl-").is_some();
        match &facts.interpreter {
            Some(path) if is_musl(path) => Libc::Musl,
            Some(_) => Libc::Glibc,
            None => {
                let mut needed = facts.needed.iter();
                let needs_musl = needed.any(|name| name.starts_with(b"libc.musl-"));
                let has_glibc = || self.c_library(facts.abi).is_some();
                match needs_musl || (self.musl_path.is_some() && !has_glibc()) {
                    true => Libc::Musl,
                    false => Libc::Glibc,
                }
            }
        }
    }

    /// The directories that a glibc of this machine has built in: Debian's, or those of most others.
    fn folders_of(&self, abi: Abi) -> Vec<Vec<u8>> {
        let mut folders = Vec::new();
        if let Some(multiarch) = multiarch(abi) {
            let folder = TreePath::of("usr/lib").join(multiarch);
            let other = TreePath::of("lib").join(multiarch);
            if self.tree.resolve(&folder).is_ok() || self.tree.resolve(&other).is_ok() {
                folders.push(format!("/lib/{multiarch}").into_bytes());
                folders.push(format!("/usr/lib/{multiarch}").into_bytes());
            }
        }
        if abi.is_64 {
            folders.extend([b"/lib64".to_vec(), b"/usr/lib64".to_vec()]);
        }
        folders.extend([b"/lib".to_vec(), b"/usr/lib".to_vec()]);
        folders
    }

    /// The file at a path, if it is one that the loader takes.
    pub fn at(&self, path: &[u8], abi: Abi) -> Option<TreePath> {
        *self.looked_up.borrow_mut() += path.len();
        if *self.looked_up.borrow() > MAX_LOOKED_UP {
            return None;
        }
        let key = (abi, path.to_vec());
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let text = std::str::from_utf8(path).ok();
        let resolved = text.and_then(|text| self.resolve(text));
        let found =
            resolved.filter(|place| self.files.get(place).is_some_and(|facts| facts.abi == abi));
        self.found.borrow_mut().insert(key, found.clone());
        found
    }

    /// `..` behind a link means the link's target's directory, so each part is resolved by itself.
    fn resolve(&self, path: &str) -> Option<TreePath> {
        if !path.contains("..") {
            return self.tree.resolve(&TreePath::lexical(path)?).ok();
        }
        let mut here = TreePath::ROOT;
        for part in path.strip_prefix('/')?.split('/') {
            here = match part {
                "" | "." => continue,
                ".." => here.parent().unwrap_or_default(),
                _ => self.tree.resolve(&here.join(part)).ok()?,
            };
        }
        Some(here)
    }

    /// `$ORIGIN` and the other tokens of a search path.
    fn expand(&self, folder: &[u8], asking: &TreePath, abi: Abi) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(folder).ok()?;
        let origin = asking.parent()?;
        let origin = format!("/{}", origin.as_str()?);
        let lib = match (multiarch(abi), abi.is_64) {
            (Some(multiarch), _) if self.default_folders.get(&abi).is_some_and(|f| f.len() > 4) => {
                format!("lib/{multiarch}")
            }
            (_, true) => "lib64".to_owned(),
            (_, false) => "lib".to_owned(),
        };
        let mut text = text.to_owned();
        for (token, value) in [("ORIGIN", &origin), ("LIB", &lib)] {
            text = text
                .replace(&format!("${{{token}}}"), value)
                .replace(&format!("${token}"), value);
        }
        let is_usable = text.starts_with('/') && text.len() <= MAX_LENGTH;
        is_usable.then(|| text.into_bytes())
    }

    /// The file that is loaded for `name` on behalf of the last of `chain`, which its predecessors
    /// brought.
    pub fn find(&self, chain: &[TreePath], name: &[u8], libc: Libc) -> Option<Library> {
        self.find_on(None, chain, name, libc)
    }

    /// The same on a machine of a kind; with none on every machine.
    fn find_on(
        &self,
        kind: Option<&MachineKind>,
        chain: &[TreePath],
        name: &[u8],
        libc: Libc,
    ) -> Option<Library> {
        let asking = chain.last()?;
        let facts = self.files.get(asking)?;
        let abi = facts.abi;
        let kind = match libc {
            Libc::Glibc => kind.or(self.kinds.get(&abi).map(|kinds| &kinds.common)),
            Libc::Musl => None,
        };
        if name.contains(&b'/') {
            let place = self.at(&self.expand(name, asking, abi)?, abi)?;
            return Some(Library {
                shown: name.to_vec(),
                place,
            });
        }
        let search = |folders: &[Vec<u8>], whose: &TreePath| {
            let folders = folders
                .iter()
                .filter_map(|folder| self.expand(folder, whose, abi));
            folders
                .into_iter()
                .find_map(|folder| self.candidate(&folder, name, abi, kind))
        };
        if libc == Libc::Musl {
            // musl takes both kinds alike, after LD_LIBRARY_PATH, and goes up the chain.
            let first = search(&self.library_path, asking);
            return first
                .or_else(|| {
                    chain.iter().rev().find_map(|whose| {
                        let facts = self.files.get(whose)?;
                        let own = if facts.runpath.is_empty() {
                            &facts.rpath
                        } else {
                            &facts.runpath
                        };
                        search(own, whose)
                    })
                })
                .or_else(|| {
                    let usual = [&b"/lib"[..], b"/usr/local/lib", b"/usr/lib"].map(<[u8]>::to_vec);
                    search(self.musl_path.as_deref().unwrap_or(&usual), asking)
                });
        }
        if facts.runpath.is_empty() {
            let inherited = chain.iter().rev().find_map(|whose| {
                let facts = self.files.get(whose)?;
                facts
                    .runpath
                    .is_empty()
                    .then(|| search(&facts.rpath, whose))?
            });
            if inherited.is_some() {
                return inherited;
            }
        }
        let early = search(&self.library_path, asking).or_else(|| search(&facts.runpath, asking));
        if early.is_some() {
            return early;
        }
        if facts.searches_defaults {
            // Of several the loader takes the best for its machine.
            let of_name = self.cache.iter().filter(|one| one.name == name);
            let ranked = of_name.filter_map(|one| Some((kind?.rank(one)?, one)));
            let mut cached: Vec<(usize, &Cached)> = ranked.collect();
            cached.sort_by_key(|(rank, _)| *rank);
            for (_, one) in cached {
                if let Some(place) = self.at(&one.path, abi) {
                    return Some(Library {
                        shown: one.path.clone(),
                        place,
                    });
                }
            }
            let folders = self.default_folders.get(&abi)?;
            return search(folders, asking);
        }
        None
    }

    /// What the loader loads for a program, or for a library that a program loads.
    pub fn load(&self, program: &TreePath) -> Loaded {
        let mut loaded = Loaded::default();
        let Some(facts) = self.files.get(program) else {
            return loaded;
        };
        let libc = self.libc(facts);
        let shown = format!("/{}", program.as_str().unwrap_or_default()).into_bytes();
        let mut names: BTreeMap<Vec<u8>, Library> = BTreeMap::new();
        let mut places = BTreeSet::from([program.clone()]);
        let first = Library {
            shown,
            place: program.clone(),
        };
        // The loader itself is loaded already.
        if let Some(interpreter) = &facts.interpreter
            && let Some(place) = self.at(interpreter, facts.abi)
        {
            let library = Library {
                shown: interpreter.clone(),
                place: place.clone(),
            };
            let soname = self
                .files
                .get(&place)
                .and_then(|facts| facts.soname.clone());
            names.extend(soname.map(|soname| (soname, library.clone())));
        }
        let mut queue = VecDeque::from([(first, vec![program.clone()])]);
        while let Some((library, chain)) = queue.pop_front() {
            *self.loads.borrow_mut() += 1;
            if self.is_exhausted() {
                break;
            }
            let Some(facts) = self.files.get(&library.place) else {
                continue;
            };
            loaded.files.push(library.clone());
            for name in &facts.needed {
                if libc == Libc::Musl && musl::is_itself(name) {
                    continue;
                }
                let known = names.get(name).cloned();
                let Some(found) = known.or_else(|| self.find(&chain, name, libc)) else {
                    loaded.missing.push((library.place.clone(), name.clone()));
                    continue;
                };
                loaded
                    .bound
                    .push((library.place.clone(), name.clone(), found.clone()));
                names.insert(name.clone(), found.clone());
                if places.insert(found.place.clone()) {
                    let soname = self
                        .files
                        .get(&found.place)
                        .and_then(|facts| facts.soname.clone());
                    names.extend(soname.map(|soname| (soname, found.clone())));
                    let mut chain = chain.clone();
                    // Longer ones inherit nothing new in practice.
                    if chain.len() < 64 {
                        chain.push(found.place.clone());
                        queue.push_back((found, chain));
                    }
                }
            }
        }
        loaded
    }

    /// What is loaded for a file that no program is linked with: a runtime loads it by name, and
    /// only what it needs itself is looked up.
    pub fn load_alone(&self, path: &TreePath) -> Loaded {
        let mut loaded = Loaded::default();
        let Some(facts) = self.files.get(path) else {
            return loaded;
        };
        let libc = self.libc(facts);
        for name in &facts.needed {
            match self.find(std::slice::from_ref(path), name, libc) {
                Some(library) => loaded.bound.push((path.clone(), name.clone(), library)),
                None if libc == Libc::Musl && musl::is_itself(name) => {}
                None => loaded.missing.push((path.clone(), name.clone())),
            }
        }
        loaded
    }
}

#[cfg(test)]
mod tests;
