//! What glibc's loader finds in directories for some machines, and which glibc that is.

use super::kinds::Kind;
use super::{Libc, Library, Loader, Variant};
use crate::elf::Abi;
use crate::path::TreePath;

/// The most that is read of a C library. Debian's have 2 MB.
const MAX_C_LIBRARY: u64 = 16 << 20;

impl Loader<'_> {
    /// The file of a name in a directory, or in the directories in it for machines of a kind, the best
    /// first.
    pub(super) fn candidate(
        &self,
        folder: &[u8],
        name: &[u8],
        abi: Abi,
        kind: Option<&Kind>,
    ) -> Option<Library> {
        let at = |within: &[u8]| {
            let shown = [folder, within, name].concat();
            let place = self.at(&shown, abi)?;
            Some(Library { shown, place })
        };
        match kind {
            Some(kind) => kind.folders.iter().find_map(|within| at(within)),
            None => at(b"/"),
        }
    }

    /// The C library that is glibc's, if there is one where its loader looks.
    pub(super) fn c_library(&self, abi: Abi) -> Option<Library> {
        let mut folders = self.default_folders.get(&abi)?.iter();
        folders.find_map(|folder| self.candidate(folder, b"libc.so.6", abi, None))
    }

    /// The minor version of glibc: the highest for which its C library has symbols.
    pub(super) fn glibc(&self, abi: Abi) -> Option<u32> {
        let library = self.c_library(abi)?;
        let versions = &self.files.get(&library.place)?.version_definitions;
        let minor = |version: &Vec<u8>| {
            let minor = version
                .strip_prefix(b"GLIBC_2.")?
                .split(|&byte| byte == b'.');
            std::str::from_utf8(minor.into_iter().next()?)
                .ok()?
                .parse()
                .ok()
        };
        let minor = versions.iter().filter_map(minor).max()?;
        // 2.37 came without new symbols (`libc.abilist`): that it is no 2.36 is in its words alone.
        match minor {
            36 if self.says(&library, "release version 2.37") => Some(37),
            minor => Some(minor),
        }
    }

    /// Whether words are in a C library.
    fn says(&self, library: &Library, words: &str) -> bool {
        let entry = self.tree.get(&library.place);
        let bytes = entry.and_then(|entry| entry.file()?.content.read(MAX_C_LIBRARY).ok());
        bytes.is_some_and(|bytes| memchr::memmem::find(&bytes, words.as_bytes()).is_some())
    }

    /// What machines of some kinds get other than all others: of levels, the lowest first, and
    /// then of kinds that glibc told apart before 2.37.
    pub fn variants(&self, chain: &[TreePath], name: &[u8], libc: Libc) -> Vec<Variant> {
        let abi = chain.last().and_then(|path| self.files.get(path));
        let kinds = abi.and_then(|facts| self.kinds.get(&facts.abi));
        // Most images have no directories for any.
        let Some(kinds) = kinds.filter(|kinds| !kinds.others.is_empty()) else {
            return Vec::new();
        };
        let usual = self.find(chain, name, libc);
        let mut variants: Vec<Variant> = Vec::new();
        for kind in &kinds.others {
            let Some(library) = self.find_on(Some(kind), chain, name, libc) else {
                continue;
            };
            let is_known = variants.iter().any(|variant| variant.library == library);
            if !is_known && usual.as_ref() != Some(&library) {
                variants.push(Variant {
                    machines: kind.name,
                    is_level: kind.is_level,
                    library,
                });
            }
        }
        variants
    }
}
