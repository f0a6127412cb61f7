//! The dynamic section of a file, and the tables that it leads to.

use object::Endianness;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use super::facts::{MAX_DYNAMIC, MAX_SEGMENTS};
use super::strings::Strings;

/// A file with a dynamic section.
pub(super) struct Dynamic<'a, Header: FileHeader<Endian = Endianness>, R> {
    pub(super) header: &'a Header,
    pub(super) strings: Strings<'a, Header, R>,
    entries: &'a [Header::Dyn],
    symbols: u64,
}

impl<'a, Header, R> Dynamic<'a, Header, R>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    /// None of a file without such a section, strings or symbols.
    pub(super) fn read(data: R) -> Option<Self> {
        let header = Header::parse(data).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, data).ok()?;
        let segments = &segments[..segments.len().min(MAX_SEGMENTS)];
        let entries = segments
            .iter()
            .find_map(|segment| segment.dynamic(endian, data).ok().flatten())?;
        let entries = &entries[..entries.len().min(MAX_DYNAMIC)];
        let strings = Strings {
            segments,
            endian,
            data,
            table: 0,
        };
        let mut dynamic = Self {
            header,
            strings,
            entries,
            symbols: 0,
        };
        dynamic.strings.table = dynamic.value(elf::DT_STRTAB)?;
        dynamic.symbols = dynamic.value(elf::DT_SYMTAB)?;
        Some(dynamic)
    }

    /// The value of an entry, which is an address for most.
    pub(super) fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        let endian = self.strings.endian;
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian).into())
    }

    /// A number of two bytes of a table of such.
    pub(super) fn half(&self, table: u64, number: u64) -> Option<u16> {
        let at = table.checked_add(number.checked_mul(2)?)?;
        let bytes = self.strings.bytes(at, 2).ok()?.try_into().ok()?;
        Some(match self.header.is_little_endian() {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    }

    /// A number of four bytes of a table of such.
    pub(super) fn word(&self, table: u64, number: u64) -> Option<u32> {
        let at = table.checked_add(number.checked_mul(4)?)?;
        let bytes = self.strings.bytes(at, 4).ok()?.try_into().ok()?;
        Some(match self.header.is_little_endian() {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        })
    }

    /// A symbol by its number.
    pub(super) fn symbol(&self, number: u32) -> Option<&'a Header::Sym> {
        let size = size_of::<Header::Sym>() as u64;
        let at = u64::from(number).checked_mul(size)?;
        let bytes = self.strings.bytes(self.symbols.checked_add(at)?, size);
        Some(object::pod::from_bytes::<Header::Sym>(bytes.ok()?).ok()?.0)
    }
}
