//! `/etc/ld.so.cache`, as ldconfig(8) would make it, for any architecture.
//!
//! The format is glibc's own (`sysdeps/generic/dl-cache.h`, `struct cache_file_new`): a header,
//! one entry a library, sorted for the loader's binary search, and the strings. Without the
//! cache everything still works in the usual directories, by trying them.
//!
//! What is in directories within those for some machines (`glibc-hwcaps`, and before glibc 2.37 such as
//! `haswell`) has no line, although ldconfig gives it one with its levels or capabilities: a machine
//! that could take it takes the library for all, and only where there is none the loader tries the
//! directories.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use distil_tree::loader::{Loader, configured_folders};
use distil_tree::{Kind, TreePath};

use crate::generation::{GenerateError, Generation};

const WHAT: &str = "the cache of the loader";

const HEADER: usize = 48;
const ENTRY: usize = 24;

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let failed = |error| GenerateError::Input {
        path: "/".to_owned(),
        what: WHAT,
        problem: format!("has a file that cannot be read: {error}"),
    };
    let loader = Loader::of_whole(generation.tree).map_err(failed)?;
    let folders = configured_folders(generation.tree).map_err(failed)?;
    let has_loader = loader.files().keys().any(is_loader);
    if !has_loader {
        return Ok(());
    }
    let libraries = libraries(generation, &loader, &folders);
    let flags = generation.architecture.loader_cache_flags();
    let bytes = encode(libraries, flags, generation.architecture.is_little_endian());
    generation.file(WHAT, &TreePath::of("etc/ld.so.cache"), bytes)
}

fn is_loader(path: &TreePath) -> bool {
    path.name()
        .is_some_and(|name| name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so"))
}

/// A line of the cache: the name that is asked for, and the file that answers.
type Library = (Vec<u8>, Vec<u8>);

/// The libraries in the directories that are searched. Names are looked up where they first occur:
/// a directory that is another one through a link is not listed twice.
fn libraries(
    generation: &Generation<'_>,
    loader: &Loader<'_>,
    folders: &[TreePath],
) -> Vec<Library> {
    let mut seen = Vec::new();
    let mut libraries = Vec::new();
    for folder in folders {
        let Ok(real) = generation.tree.resolve(folder) else {
            continue;
        };
        if seen.contains(&real) {
            continue;
        }
        let mut in_folder: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (path, entry) in generation.tree.children(&real) {
            let Some(name) = path.name().filter(|name| is_library_name(name)) else {
                continue;
            };
            let target = match entry.kind {
                Kind::Directory => continue,
                Kind::File(_) => path.clone(),
                Kind::Symlink(_) => match generation.tree.resolve(path) {
                    Ok(target) => target,
                    Err(_) => continue,
                },
            };
            let Some(facts) = loader.files().get(&target) else {
                continue;
            };
            let soname = facts.soname.as_deref().unwrap_or(name);
            let is_link = matches!(entry.kind, Kind::Symlink(_));
            if is_link && is_for_linker(name, soname) {
                in_folder.insert(name.to_vec());
            } else if generation.tree.follow(&real.join(soname)).is_some() {
                in_folder.insert(soname.to_vec());
            }
        }
        for name in in_folder {
            let mut value = vec![b'/'];
            value.extend_from_slice(folder.join(&name).as_bytes());
            libraries.push((name, value));
        }
        seen.push(real);
    }
    // The first directory's library comes first among equals, so the sort must be stable.
    libraries.sort_by(|(a, _), (b, _)| compare(b, a));
    libraries
}

/// ldconfig's own idea of a library's name.
fn is_library_name(name: &[u8]) -> bool {
    let named = name.starts_with(b"lib") || name.starts_with(b"ld-") || name.starts_with(b"ld64");
    named && name.windows(3).any(|window| window == b".so")
}

/// Whether a link is one of a development package, such as `libz.so` for `libz.so.1`. It has a line
/// of its own; any other link is another file with the library's name (`search_dir` in ldconfig).
fn is_for_linker(name: &[u8], soname: &[u8]) -> bool {
    name.ends_with(b".so") && soname.starts_with(name)
}

/// glibc's order of library names (`_dl_cache_libcmp`): runs of digits compare as numbers, and
/// a digit comes behind everything else.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match (x.is_ascii_digit(), y.is_ascii_digit()) {
                (true, true) => {
                    let (x, rest_a) = a.split_at(digits(a));
                    let (y, rest_b) = b.split_at(digits(b));
                    match number(x).cmp(&number(y)) {
                        Ordering::Equal => (a, b) = (rest_a, rest_b),
                        different => return different,
                    }
                }
                (true, false) => return Ordering::Greater,
                (false, true) => return Ordering::Less,
                (false, false) if x == y => (a, b) = (&a[1..], &b[1..]),
                // `char` of C: signed on some machines, but names are ASCII.
                (false, false) => return x.cmp(y),
            },
        }
    }
}

fn number(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

fn encode(libraries: Vec<Library>, flags: u32, little_endian: bool) -> Vec<u8> {
    let mut strings = Vec::new();
    let start = HEADER + libraries.len() * ENTRY;
    let mut entries = Bytes {
        bytes: Vec::new(),
        little_endian,
    };
    for (name, value) in &libraries {
        entries.u32(flags);
        // The value ends with the name, so one string serves for both.
        let value_at = start + strings.len();
        let name_at = value_at + value.len() - name.len();
        entries.size(name_at);
        entries.size(value_at);
        entries.u32(0);
        entries.u32(0);
        entries.u32(0);
        strings.extend_from_slice(value);
        strings.push(0);
    }
    let mut file = Bytes {
        bytes: b"glibc-ld.so.cache1.1".to_vec(),
        little_endian,
    };
    file.size(libraries.len());
    file.size(strings.len());
    // The byte order, so that a loader of another machine ignores the file.
    file.bytes
        .extend_from_slice(&[if little_endian { 2 } else { 3 }, 0, 0, 0]);
    for _ in 0..4 {
        file.u32(0);
    }
    file.bytes.extend(entries.bytes);
    file.bytes.extend(strings);
    file.bytes
}

struct Bytes {
    bytes: Vec<u8>,
    little_endian: bool,
}

impl Bytes {
    fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&match self.little_endian {
            true => number.to_le_bytes(),
            false => number.to_be_bytes(),
        });
    }

    /// Sizes in the cache are far below 4 GiB: some hundred names.
    fn size(&mut self, size: usize) {
        self.u32(u32::try_from(size).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_glibcs_order() {
        let less = |a: &str, b: &str| compare(a.as_bytes(), b.as_bytes()) == Ordering::Less;
        assert!(less("libx.so.9", "libx.so.10"));
        assert!(less("libx.so", "libx.so.1"));
        assert!(less("libxa.so.1", "libx1.so.1"));
        assert!(less("liba.so.2", "libb.so.1"));
        assert_eq!(compare(b"libx.so.01", b"libx.so.1"), Ordering::Equal);
    }

    #[test]
    fn links_for_the_linker() {
        for (name, soname, expected) in [
            ("libz.so", "libz.so.1", true),
            ("libz.so", "libz.so", true),
            ("libz.so.1", "libz.so.1.3", false),
            ("libcurl.so", "libcurl-gnutls.so.4", false),
            ("libncurses.so", "libtinfo.so.6", false),
        ] {
            let is = is_for_linker(name.as_bytes(), soname.as_bytes());
            assert_eq!(is, expected, "{name} of {soname}");
        }
    }

    #[test]
    fn the_file_is_as_glibc_declares_it() {
        let library = (b"liba.so.1".to_vec(), b"/usr/lib/liba.so.1".to_vec());
        let bytes = encode(vec![library], 0x0303, true);
        assert_eq!(&bytes[..20], b"glibc-ld.so.cache1.1");
        assert_eq!(&bytes[20..32], &[1, 0, 0, 0, 19, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(&bytes[48..60], &[3, 3, 0, 0, 81, 0, 0, 0, 72, 0, 0, 0]);
        assert_eq!(&bytes[72..], b"/usr/lib/liba.so.1\0");
        let big = encode(Vec::new(), 0x0403, false);
        assert_eq!((big.len(), big[28]), (48, 3));
    }
}
