//! Versions of symbols (Linux Standard Base, "Symbol Versioning"): chains of records that lead to
//! one another by distances in bytes.

use object::Endianness;
use object::endian::Endian;
use object::read::ReadRef;
use object::read::elf::FileHeader;

use super::facts::{ElfError, VersionNeed};
use super::strings::Strings;

/// The most records that are read: libstdc++ has some sixty, libc as many.
const MAX_RECORDS: usize = 8192;

const VER_FLG_BASE: u16 = 1;
const VER_FLG_WEAK: u16 = 2;

struct Record<'a>(&'a [u8], Endianness);

impl Record<'_> {
    fn half(&self, at: usize) -> u16 {
        let bytes = self
            .0
            .get(at..at + 2)
            .and_then(|bytes| bytes.try_into().ok());
        let bytes: [u8; 2] = bytes.unwrap_or_default();
        match self.1.is_little_endian() {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        }
    }

    fn word(&self, at: usize) -> u64 {
        let bytes = self
            .0
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        let bytes: [u8; 4] = bytes.unwrap_or_default();
        match self.1.is_little_endian() {
            true => u32::from_le_bytes(bytes).into(),
            false => u32::from_be_bytes(bytes).into(),
        }
    }
}

/// Goes along a chain. `visit` gets each record and its address, and gives the distance to the
/// next one.
fn chain<'a, Header, R>(
    strings: &Strings<'a, Header, R>,
    mut address: u64,
    size: u64,
    budget: &mut usize,
    mut visit: impl FnMut(Record<'a>, u64, &mut usize) -> Result<u64, ElfError>,
) -> Result<(), ElfError>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    loop {
        *budget = budget
            .checked_sub(1)
            .ok_or_else(|| ElfError("it has too many versions of symbols".to_owned()))?;
        let record = Record(strings.bytes(address, size)?, strings.endian);
        let next = visit(record, address, budget)?;
        if next == 0 {
            return Ok(());
        }
        address = step(address, next)?;
    }
}

fn step(address: u64, distance: u64) -> Result<u64, ElfError> {
    let next = address.checked_add(distance);
    next.ok_or_else(|| ElfError("a table lies outside the file".to_owned()))
}

/// The versions that a file needs.
pub(super) fn needs<'a, Header, R>(
    strings: &Strings<'a, Header, R>,
    address: u64,
) -> Result<Vec<VersionNeed>, ElfError>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let mut found = Vec::new();
    let mut budget = MAX_RECORDS;
    // Elf_Verneed: version, count, file, first auxiliary, next.
    chain(strings, address, 16, &mut budget, |need, place, budget| {
        let library = strings.get(need.word(4))?;
        if need.half(2) > 0 {
            // Elf_Vernaux: hash, flags, other, name, next.
            let first = step(place, need.word(8))?;
            chain(strings, first, 16, budget, |version, _, _| {
                found.push(VersionNeed {
                    library: library.clone(),
                    version: strings.get(version.word(8))?,
                    is_weak: version.half(4) & VER_FLG_WEAK != 0,
                });
                Ok(version.word(12))
            })?;
        }
        Ok(need.word(12))
    })?;
    Ok(found)
}

/// The versions that a library has, with the numbers by which its symbols name them. Those that a
/// version follows are not repeated.
pub(super) fn definitions<'a, Header, R>(
    strings: &Strings<'a, Header, R>,
    address: u64,
) -> Result<Vec<(u16, Vec<u8>)>, ElfError>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let mut found = Vec::new();
    let mut budget = MAX_RECORDS;
    // Elf_Verdef: version, flags, index, count, hash, first auxiliary, next.
    chain(strings, address, 20, &mut budget, |definition, place, _| {
        // The base definition is the library's name.
        if definition.half(2) & VER_FLG_BASE == 0 && definition.half(6) > 0 {
            // Elf_Verdaux: name, next.
            let name = strings.bytes(step(place, definition.word(12))?, 8)?;
            let name = strings.get(Record(name, strings.endian).word(0))?;
            found.push((definition.half(4), name));
        }
        Ok(definition.word(16))
    })?;
    Ok(found)
}
