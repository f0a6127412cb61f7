//! Reading a program, and looking for its own libraries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use distil_tree::ReadFileError;
use distil_tree::elf::{self, Elf, ElfError};

use super::{Program, ProgramError, ProgramFile};

/// The most libraries that a program has with it.
const MAX_LIBRARIES: usize = 2_000;

/// The loaders of Debian's C library, by architecture (glibc's wiki, "ABIList").
const LOADERS: [&str; 8] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux.so.2",
    "/lib64/ld64.so.2",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld64.so.1",
    "/lib64/ld-linux-loongarch-lp64d.so.1",
];

impl Program {
    /// Reads a program of this machine, and finds the libraries that it has with it.
    ///
    /// # Errors
    /// If it cannot be read, is not a program for Linux, or cannot run on Debian.
    pub fn read(path: &Path) -> Result<Self, ProgramError> {
        // The loader takes `$ORIGIN` from where the program really is.
        let place = path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadFileError::Missing,
            _ => ReadFileError::Io(error),
        })?;
        let facts = facts(&place)?;
        let is_dynamic = facts.interpreter.is_some();
        if let Some(interpreter) = &facts.interpreter {
            let interpreter = String::from_utf8_lossy(interpreter).into_owned();
            if interpreter.contains("ld-musl-") {
                return Err(ProgramError::Musl);
            }
            if !LOADERS.contains(&interpreter.as_str()) {
                return Err(ProgramError::Loader(interpreter));
            }
        } else if facts.soname.is_some() || !facts.needed.is_empty() {
            return Err(ProgramError::Other("a shared library"));
        }
        let mut walk = Walk {
            abi: facts.abi,
            files: vec![place.clone()],
            queue: VecDeque::from([(place, facts)]),
            needs: BTreeMap::new(),
        };
        while let Some((place, facts)) = walk.queue.pop_front() {
            walk.take(&place, &facts)?;
        }
        walk.finish(is_dynamic, path)
    }
}

/// A walk along the libraries that files have with them.
struct Walk {
    abi: elf::Abi,
    files: Vec<PathBuf>,
    queue: VecDeque<(PathBuf, Elf)>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Walk {
    fn take(&mut self, place: &Path, facts: &Elf) -> Result<(), ProgramError> {
        let origin = place.parent().unwrap_or(Path::new("/"));
        // `DT_RPATH` counts where there is no `DT_RUNPATH`.
        let searched = match facts.runpath.is_empty() {
            true => &facts.rpath,
            false => &facts.runpath,
        };
        for name in &facts.needed {
            let name = std::str::from_utf8(name).map_err(|_| ProgramError::Name)?;
            let beside = searched.iter().filter_map(|one| below(origin, one, name));
            let found = beside.filter_map(|place| Some((facts_of(&place, self.abi)?, place)));
            match found.into_iter().next() {
                Some((_, known)) if self.files.contains(&known) => {}
                Some((facts, found)) => {
                    if self.files.len() > MAX_LIBRARIES {
                        return Err(ProgramError::TooMany(MAX_LIBRARIES));
                    }
                    self.files.push(found.clone());
                    self.queue.push_back((found, facts));
                }
                None => {
                    let file = place.file_name().and_then(|name| name.to_str());
                    let file = file.ok_or(ProgramError::Name)?;
                    let by = self.needs.entry(name.to_owned()).or_default();
                    by.insert(file.to_owned());
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, is_dynamic: bool, named: &Path) -> Result<Program, ProgramError> {
        let text = |path: &Path| path.to_str().map(str::to_owned).ok_or(ProgramError::Name);
        let mut root = self
            .files
            .first()
            .and_then(|file| file.parent())
            .unwrap_or(Path::new("/"));
        while !self.files.iter().all(|file| file.starts_with(root)) {
            root = root.parent().unwrap_or(Path::new("/"));
        }
        let root = root.to_owned();
        // A library that was found beside the program for one file is not asked of packages.
        let own: Vec<String> = self
            .files
            .iter()
            .filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()))
            .collect();
        self.needs.retain(|name, _| !own.contains(name));
        let files = self.files.into_iter().map(|place| {
            let path = text(place.strip_prefix(&root).unwrap_or(&place))?;
            Ok(ProgramFile { place, path })
        });
        let name = named.file_name().ok_or(ProgramError::Name)?;
        Ok(Program {
            abi: self.abi,
            is_dynamic,
            name: text(Path::new(name))?,
            files: files.collect::<Result<_, ProgramError>>()?,
            needs: self.needs,
        })
    }
}

/// The file that a run path leads to, if that begins with the directory of the file that has it.
fn below(origin: &Path, directory: &[u8], name: &str) -> Option<PathBuf> {
    let directory = std::str::from_utf8(directory).ok()?;
    let rest = directory
        .strip_prefix("$ORIGIN")
        .or_else(|| directory.strip_prefix("${ORIGIN}"))?;
    if name.contains('/') || !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let mut place = origin.to_owned();
    for part in Path::new(rest.trim_start_matches('/')).components() {
        match part {
            Component::Normal(part) => place.push(part),
            Component::ParentDir => drop(place.pop()),
            _ => {}
        }
    }
    Some(place.join(name))
}

/// The facts of a library for a machine, if a file is one.
fn facts_of(place: &Path, abi: elf::Abi) -> Option<Elf> {
    facts(place).ok().filter(|facts| facts.abi == abi)
}

/// The facts of an ELF file of this machine that can be loaded.
fn facts(place: &Path) -> Result<Elf, ProgramError> {
    let metadata = std::fs::metadata(place).map_err(ReadFileError::from)?;
    if metadata.is_dir() {
        return Err(ReadFileError::Directory.into());
    }
    // Opening a FIFO would wait for a writer.
    if !metadata.is_file() {
        return Err(ReadFileError::Special.into());
    }
    let file = File::open(place).map_err(ReadFileError::from)?;
    let head = head(&file).map_err(ReadFileError::from)?;
    if let Some(other) = other(&head) {
        return Err(ProgramError::Other(other));
    }
    let facts = elf::parse(&file)?;
    if !facts.is_loadable {
        return Err(ProgramError::Other("an object file or a core dump"));
    }
    if facts.loaded_size > metadata.len() {
        return Err(ElfError::cut_off(metadata.len(), facts.loaded_size).into());
    }
    Ok(facts)
}

fn head(mut file: &File) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _};
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head)
}

/// What a file is by its first bytes, if it is no ELF file.
fn other(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [0x7f, b'E', b'L', b'F', ..] => return None,
        [] => "empty",
        [b'#', b'!', ..] => "a script, which needs the image of its interpreter",
        [b'M', b'Z', ..] => "a program for Windows",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => {
            "a program for macOS"
        }
        // A universal program has as many parts as there are machines; Java's versions begin at 45.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, parts] if *parts < 45 => "a program for macOS",
        [0xca, 0xfe, 0xba, 0xbe, ..] => "a Java class file",
        [b'P', b'K', 3, 4, ..] => "a zip archive or a jar",
        [b'!', b'<', b'a', b'r', ..] => "an archive of object files",
        _ => "no ELF file",
    })
}
