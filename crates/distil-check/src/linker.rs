//! Where dynamic loaders find libraries, and what they load for a program: glibc's (ld.so(8)) and
//! musl's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use distil_tree::elf::{self, Abi, Elf, ElfError};
use distil_tree::{Kind, TreePath};

use crate::subject::{Subject, lexical};

/// How many files may be loaded in all simulated starts together. Real images need some thousands.
const MAX_LOADS: usize = 200_000;

/// The most entries of the loader's cache.
const MAX_CACHE: usize = 100_000;

/// A C library's loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Libc {
    Glibc,
    Musl,
}

/// The ELF files of an image, and where its loaders look.
pub(crate) struct Linker<'a> {
    subject: Subject<'a>,
    /// By their real paths.
    pub(crate) files: BTreeMap<TreePath, Elf>,
    /// What begins like ELF and is none.
    pub(crate) damaged: Vec<(TreePath, ElfError)>,
    cache: Vec<(Vec<u8>, Vec<u8>)>,
    library_path: Vec<Vec<u8>>,
    musl_path: Option<Vec<Vec<u8>>>,
    default_folders: BTreeMap<Abi, Vec<Vec<u8>>>,
    found: RefCell<BTreeMap<Candidate, Option<TreePath>>>,
    loads: RefCell<usize>,
    max_loads: usize,
}

/// A path that a loader tries for a file of a machine's.
type Candidate = (Abi, Vec<u8>);

/// A library as it was found: by the path that the loader tried, which it tells in messages, and by
/// the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) shown: Vec<u8>,
    pub(crate) place: TreePath,
}

/// What is loaded for a program.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The files, in order: the program first.
    pub(crate) files: Vec<Library>,
    /// What each needs and nobody has, and the folders that were searched for it.
    pub(crate) missing: Vec<(TreePath, Vec<u8>)>,
    /// What each got for each name.
    pub(crate) bound: Vec<(TreePath, Vec<u8>, Library)>,
}

impl<'a> Linker<'a> {
    pub(crate) fn new(subject: Subject<'a>) -> Self {
        let mut files = BTreeMap::new();
        let mut damaged = Vec::new();
        for (path, entry) in subject.tree().iter() {
            let Kind::File(node) = &entry.kind else {
                continue;
            };
            if !node.content.head(4).is_ok_and(|head| elf::is_elf(&head)) {
                continue;
            }
            match elf::parse(node.content.reader()) {
                // What was split off for debuggers keeps the headers of what is not in it.
                Ok(facts) if facts.is_loadable && facts.loaded_size > node.content.size() => {
                    let is_split = path.as_bytes().starts_with(b"usr/lib/debug/")
                        || path.name().is_some_and(|name| name.ends_with(b".debug"));
                    if !is_split {
                        let error = ElfError::cut_off(node.content.size(), facts.loaded_size);
                        damaged.push((path.clone(), error));
                    }
                }
                Ok(facts) if facts.is_loadable => {
                    files.insert(path.clone(), facts);
                }
                Ok(_) => {}
                Err(error) => damaged.push((path.clone(), error)),
            }
        }
        let split = |text: &str| -> Vec<Vec<u8>> {
            let folders = text.split([':', ';']).filter(|folder| !folder.is_empty());
            folders.map(|folder| folder.as_bytes().to_vec()).collect()
        };
        let mut linker = Self {
            subject,
            damaged,
            cache: read_cache(subject),
            library_path: subject
                .config
                .variable("LD_LIBRARY_PATH")
                .map(split)
                .unwrap_or_default(),
            musl_path: musl_path(subject),
            default_folders: BTreeMap::new(),
            found: RefCell::default(),
            loads: RefCell::new(0),
            max_loads: MAX_LOADS,
            files,
        };
        let abis: BTreeSet<Abi> = linker.files.values().map(|facts| facts.abi).collect();
        for abi in abis {
            let folders = linker.folders_of(abi);
            linker.default_folders.insert(abi, folders);
        }
        linker
    }

    /// Whether more was to be looked at than is.
    pub(crate) fn is_exhausted(&self) -> bool {
        *self.loads.borrow() > self.max_loads
    }

    /// Whether the image has musl's loader.
    pub(crate) fn has_musl(&self) -> bool {
        self.musl_path.is_some()
    }

    /// The loader that starts a program, or would load a library.
    pub(crate) fn libc(&self, facts: &Elf) -> Libc {
        let is_musl = |path: &[u8]| memchr::memmem::find(path, b"ld-musl-").is_some();
        match &facts.interpreter {
            Some(path) if is_musl(path) => Libc::Musl,
            Some(_) => Libc::Glibc,
            None => {
                let mut needed = facts.needed.iter();
                let needs_musl = needed.any(|name| name.starts_with(b"libc.musl-"));
                let has_glibc = self.default_folders.get(&facts.abi).is_some_and(|folders| {
                    folders
                        .iter()
                        .any(|folder| self.candidate(folder, b"libc.so.6", facts.abi).is_some())
                });
                match needs_musl || (!has_glibc && self.musl_path.is_some()) {
                    true => Libc::Musl,
                    false => Libc::Glibc,
                }
            }
        }
    }

    /// The folders that a glibc of this machine has built in: Debian's, or those of most others.
    fn folders_of(&self, abi: Abi) -> Vec<Vec<u8>> {
        let mut folders = Vec::new();
        if let Some(multiarch) = multiarch(abi) {
            let folder = TreePath::of("usr/lib").join(multiarch);
            let other = TreePath::of("lib").join(multiarch);
            let tree = self.subject.tree();
            if tree.resolve(&folder).is_ok() || tree.resolve(&other).is_ok() {
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
    pub(crate) fn at(&self, path: &[u8], abi: Abi) -> Option<TreePath> {
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

    /// `..` behind a link means the link's target's folder, so each part is resolved by itself.
    fn resolve(&self, path: &str) -> Option<TreePath> {
        if !path.contains("..") {
            return self.subject.tree().resolve(&lexical(path)?).ok();
        }
        let mut here = TreePath::ROOT;
        for part in path.strip_prefix('/')?.split('/') {
            here = match part {
                "" | "." => continue,
                ".." => here.parent().unwrap_or_default(),
                _ => self.subject.tree().resolve(&here.join(part)).ok()?,
            };
        }
        Some(here)
    }

    fn candidate(&self, folder: &[u8], name: &[u8], abi: Abi) -> Option<Library> {
        let shown = [folder, b"/", name].concat();
        let place = self.at(&shown, abi)?;
        Some(Library { shown, place })
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
        let is_usable = text.starts_with('/') && text.len() <= distil_tree::MAX_LENGTH;
        is_usable.then(|| text.into_bytes())
    }

    /// The file that is loaded for `name` on behalf of the last of `chain`, which its predecessors
    /// brought.
    pub(crate) fn find(&self, chain: &[TreePath], name: &[u8], libc: Libc) -> Option<Library> {
        let asking = chain.last()?;
        let facts = self.files.get(asking)?;
        let abi = facts.abi;
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
                .find_map(|folder| self.candidate(&folder, name, abi))
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
            for (_, path) in self.cache.iter().filter(|(key, _)| key == name) {
                if let Some(place) = self.at(path, abi) {
                    return Some(Library {
                        shown: path.clone(),
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
    pub(crate) fn load(&self, program: &TreePath) -> Loaded {
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
                if libc == Libc::Musl && is_musl_itself(name) {
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
}

/// Names that musl's loader answers for itself (`dynlink.c`, "reserved" libraries).
fn is_musl_itself(name: &[u8]) -> bool {
    if name.starts_with(b"libc.musl-") || name.starts_with(b"ld-musl-") {
        return true;
    }
    let Some(rest) = name.strip_prefix(b"lib") else {
        return false;
    };
    let end = rest
        .iter()
        .position(|&byte| byte == b'.')
        .unwrap_or(rest.len());
    let reserved: [&[u8]; 7] = [b"c", b"pthread", b"rt", b"m", b"dl", b"util", b"xnet"];
    reserved.contains(&&rest[..end])
}

/// The folders of `/etc/ld-musl-ARCH.path`, or musl's own; none without a musl.
fn musl_path(subject: Subject<'_>) -> Option<Vec<Vec<u8>>> {
    let tree = subject.tree();
    let lib = tree.resolve(&TreePath::of("lib")).ok()?;
    let is_loader = |path: &TreePath| {
        path.name()
            .is_some_and(|name| name.starts_with(b"ld-musl-"))
    };
    tree.children(&lib).find(|(path, _)| is_loader(path))?;
    let etc = TreePath::of("etc");
    let file = tree.children(&etc).find(|(path, _)| {
        is_loader(path) && path.name().is_some_and(|name| name.ends_with(b".path"))
    });
    let text = file.and_then(|(_, entry)| entry.file()?.content.read(1 << 16).ok());
    Some(match text {
        Some(text) => {
            let folders = text.split(|byte| matches!(byte, b':' | b'\n'));
            let folders = folders.map(|folder| folder.trim_ascii().to_vec());
            folders.filter(|folder| !folder.is_empty()).collect()
        }
        None => [&b"/lib"[..], b"/usr/local/lib", b"/usr/lib"]
            .map(<[u8]>::to_vec)
            .into(),
    })
}

/// Debian's name for a machine's libraries.
pub(crate) fn multiarch(abi: Abi) -> Option<&'static str> {
    Some(match (abi.machine, abi.is_64, abi.is_little_endian) {
        (62, true, _) => "x86_64-linux-gnu",
        (183, ..) => "aarch64-linux-gnu",
        (40, ..) => "arm-linux-gnueabihf",
        (3, ..) => "i386-linux-gnu",
        (243, true, _) => "riscv64-linux-gnu",
        (22, true, _) => "s390x-linux-gnu",
        (21, true, true) => "powerpc64le-linux-gnu",
        _ => return None,
    })
}

/// What an ELF file of an architecture, as OCI names it, is for.
pub(crate) fn machine(architecture: &str) -> Option<u16> {
    Some(match architecture {
        "amd64" => 62,
        "arm64" => 183,
        "arm" => 40,
        "386" => 3,
        "riscv64" => 243,
        "s390x" => 22,
        "ppc64le" => 21,
        "loong64" => 258,
        "mips64le" => 8,
        _ => return None,
    })
}

/// What people call a machine.
pub(crate) fn machine_name(machine: u16) -> String {
    match machine {
        62 => "x86-64".to_owned(),
        183 => "arm64".to_owned(),
        40 => "arm".to_owned(),
        3 => "i386".to_owned(),
        243 => "riscv64".to_owned(),
        22 => "s390x".to_owned(),
        21 => "ppc64".to_owned(),
        258 => "loong64".to_owned(),
        8 => "mips".to_owned(),
        number => format!("machine {number}"),
    }
}

/// The entries of `/etc/ld.so.cache` (glibc's `dl-cache.h`, the format since 2.2), in the order in
/// which the loader would take them. A cache that cannot be read counts as none, as it does for the
/// loader.
fn read_cache(subject: Subject<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entry = subject.tree().follow(&TreePath::of("etc/ld.so.cache"));
    let bytes = entry.and_then(|(_, entry)| entry.file()?.content.read(16 << 20).ok());
    bytes
        .and_then(|bytes| parse_cache(&bytes))
        .unwrap_or_default()
}

fn parse_cache(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let start = memchr::memmem::find(bytes, b"glibc-ld.so.cache1.1")?;
    let bytes = &bytes[start..];
    let word = |at: usize, is_little: bool| -> Option<usize> {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        let number = if is_little {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        };
        usize::try_from(number).ok()
    };
    let fits = |is_little: &bool| {
        let count = word(20, *is_little);
        count.is_some_and(|count| count <= MAX_CACHE && 48 + count * 24 <= bytes.len())
    };
    let is_little = [true, false].into_iter().find(fits)?;
    let count = word(20, is_little)?;
    let string = |at: usize| -> Option<Vec<u8>> {
        let rest = bytes.get(at..)?;
        let end = memchr::memchr(0, rest)?;
        (end <= distil_tree::MAX_LENGTH).then(|| rest[..end].to_vec())
    };
    let mut entries = Vec::new();
    for number in 0..count {
        let at = 48 + number * 24;
        let key = string(word(at + 4, is_little)?)?;
        let value = string(word(at + 8, is_little)?)?;
        entries.push((key, value));
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Config;
    use crate::{Limits, merge, read};
    use distil_fixture::{ElfBuilder, Entry, tar};

    #[test]
    fn there_is_a_limit_to_what_is_loaded() {
        let mut program = ElfBuilder::executable();
        let mut entries = Vec::new();
        for number in 0..20 {
            let name = format!("libx{number}.so");
            program = program.needed(&name);
            let library = ElfBuilder::shared(&name).build();
            entries.push(Entry::file(&format!("usr/lib/{name}"), library));
        }
        entries.push(Entry::file("run", program.build()).mode(0o755));
        let diff = read(tar(&entries, 0).as_slice(), Limits::default()).unwrap();
        let filesystem = merge(vec![diff]).unwrap();
        let subject = Subject {
            filesystem: &filesystem,
            config: &Config::default(),
            runtimes: &[],
        };
        let mut linker = Linker::new(subject);
        linker.max_loads = 50;
        let run = TreePath::of("run");
        assert_eq!(linker.load(&run).files.len(), 21);
        assert!(!linker.is_exhausted());
        linker.load(&run);
        linker.load(&run);
        assert!(linker.is_exhausted());
    }
}
