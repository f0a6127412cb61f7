//! The symbols that a shared object has for others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, Sym};
use object::read::{ReadCache, ReadRef};

use super::dynamic::Dynamic;
use super::pages::Pages;
use super::versions;
use crate::printable;

/// The most symbols that are read: LLVM's library, the largest of Debian's, has some 60,000.
const MAX_SYMBOLS: u32 = 1 << 20;

/// The bit of a symbol's version that hides it from the link editor, and not from the loader.
const VERSYM_HIDDEN: u16 = 0x8000;

/// The symbols that a shared object or a program defines for others, as Debian's `symbols` files
/// write them (deb-symbols(5)): `NAME@VERSION`, or `NAME` alone where it has no version.
///
/// Read as the loader does, by the hash table, since sections may be stripped. Nothing of a file that
/// is damaged, is not ELF, or defines none.
pub fn exports(file: impl Read + Seek) -> BTreeSet<String> {
    let cache = ReadCache::new(Pages::new(file));
    let class = (&cache).read_bytes_at(4, 1).ok();
    let found = match class.and_then(<[u8]>::first) {
        Some(1) => read::<elf::FileHeader32<Endianness>, _>(&cache),
        Some(2) => read::<elf::FileHeader64<Endianness>, _>(&cache),
        _ => None,
    };
    found.unwrap_or_default()
}

fn read<'a, Header, R>(data: R) -> Option<BTreeSet<String>>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let dynamic = Dynamic::<Header, R>::read(data)?;
    let numbers = match dynamic.value(elf::DT_GNU_HASH) {
        Some(table) => gnu(&dynamic, table)?,
        None => {
            let table = dynamic.value(elf::DT_HASH)?;
            // Its words are twice as long on s390x (ELF ABI s390x Supplement, "Hash Table").
            let is_s390x = dynamic.header.e_machine(dynamic.strings.endian) == elf::EM_S390
                && dynamic.header.is_class_64();
            // The first symbol of all is none.
            1..dynamic.word(table, if is_s390x { 3 } else { 1 })?
        }
    };
    let versions: BTreeMap<u16, Vec<u8>> = match dynamic.value(elf::DT_VERDEF) {
        Some(place) => versions::definitions(&dynamic.strings, place).ok()?,
        None => Vec::new(),
    }
    .into_iter()
    .collect();
    let of_symbols = dynamic.value(elf::DT_VERSYM);
    let endian = dynamic.strings.endian;
    let mut found = BTreeSet::new();
    for number in numbers.take(MAX_SYMBOLS as usize) {
        let symbol = dynamic.symbol(number)?;
        let is_defined = symbol.st_shndx(endian) != elf::SHN_UNDEF;
        let is_visible = matches!(
            symbol.st_visibility(),
            elf::STV_DEFAULT | elf::STV_PROTECTED
        );
        if !is_defined || !is_visible || symbol.is_local() {
            continue;
        }
        let name = dynamic.strings.get(symbol.st_name(endian).into()).ok()?;
        let version = of_symbols
            .and_then(|table| dynamic.half(table, number.into()))
            .and_then(|version| versions.get(&(version & !VERSYM_HIDDEN)));
        match version {
            // A version itself is a symbol, too.
            Some(version) if *version == name => {}
            Some(version) => {
                found.insert(format!("{}@{}", printable(&name), printable(version)));
            }
            None => {
                found.insert(printable(&name));
            }
        }
    }
    Some(found)
}

/// The numbers of the symbols in a `DT_GNU_HASH`: from the first that it holds to the end of its last
/// chain.
fn gnu<'a, Header, R>(dynamic: &Dynamic<'a, Header, R>, table: u64) -> Option<std::ops::Range<u32>>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let (buckets, first) = (dynamic.word(table, 0)?, dynamic.word(table, 1)?);
    let words = if dynamic.header.is_class_64() { 2 } else { 1 };
    let start = 4 + u64::from(dynamic.word(table, 2)?) * words;
    let mut last = 0;
    for bucket in 0..buckets.min(MAX_SYMBOLS) {
        last = last.max(dynamic.word(table, start + u64::from(bucket))?);
    }
    let chains = start + u64::from(buckets);
    while let Some(distance) = last.checked_sub(first).filter(|one| *one < MAX_SYMBOLS) {
        if dynamic.word(table, chains + u64::from(distance))? & 1 == 1 {
            return Some(first..last + 1);
        }
        last += 1;
    }
    Some(first..first)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use distil_fixture::{ElfBuilder, Machine};
    use proptest::prelude::*;

    use super::*;

    const CODE: &[u8] = b"\xb8\x0a\0\0\0\xc3";

    fn names(builder: &ElfBuilder) -> Vec<String> {
        exports(Cursor::new(builder.build())).into_iter().collect()
    }

    #[test]
    fn functions_with_and_without_versions() {
        for machine in [Machine::X86_64, Machine::S390x, Machine::Arm] {
            let plain = ElfBuilder::plugin().machine(machine).function("run", CODE);
            assert_eq!(names(&plain), ["run"]);
        }
        assert!(names(&ElfBuilder::shared("libx.so.1")).is_empty());
        assert!(exports(Cursor::new(b"\x7fELF\x02")).is_empty());
    }

    /// The symbols of the C library that this program uses.
    #[test]
    fn the_c_library_has_versions() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps
            .lines()
            .filter_map(|line| line.split_whitespace().nth(5))
            .find(|path| path.contains("/libc.so."))
            .expect("tests are linked with the C library");
        let found = exports(std::fs::File::open(path).unwrap());
        for name in ["malloc@GLIBC_2.2.5", "malloc@GLIBC_2.17"] {
            if found.contains(name) {
                assert!(found.len() > 2000, "{}", found.len());
                assert!(!found.iter().any(|one| one.starts_with("GLIBC_")));
                return;
            }
        }
        panic!("`{path}` has no malloc: {found:?}");
    }

    proptest! {
        #[test]
        fn lies_end(changes in proptest::collection::vec((0usize..1024, any::<u8>()), 1..12)) {
            let mut bytes = ElfBuilder::plugin().defines("V_1").function("run", CODE).build();
            for (index, byte) in changes {
                if let Some(place) = bytes.get_mut(index) { *place = byte; }
            }
            let _ = exports(Cursor::new(&bytes));
        }
    }
}
