//! What lies at addresses in memory, and where that is in the file.

use object::Endianness;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, ProgramHeader};

use super::facts::ElfError;

/// The string table, which the dynamic section gives by its address in memory.
pub(super) struct Strings<'a, Header: FileHeader<Endian = Endianness>, R> {
    pub(super) segments: &'a [Header::ProgramHeader],
    pub(super) endian: Endianness,
    pub(super) data: R,
    pub(super) table: u64,
}

impl<'a, Header, R> Strings<'a, Header, R>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    pub(super) fn get(&self, offset: u64) -> Result<Vec<u8>, ElfError> {
        let outside = || ElfError("a string lies outside the file".to_owned());
        let address = self.table.checked_add(offset).ok_or_else(outside)?;
        let (from, until) = self.place(address).ok_or_else(outside)?;
        let bytes = self.data.read_bytes_at_until(from..until, 0);
        bytes.map(<[u8]>::to_vec).map_err(|()| outside())
    }

    /// So many bytes at an address in memory.
    pub(super) fn bytes(&self, address: u64, count: u64) -> Result<&'a [u8], ElfError> {
        let outside = || ElfError("a table lies outside the file".to_owned());
        let (from, until) = self.place(address).ok_or_else(outside)?;
        match until - from >= count {
            true => self.data.read_bytes_at(from, count).map_err(|()| outside()),
            false => Err(outside()),
        }
    }

    /// Where in the file an address of memory is, and where what is mapped with it ends.
    pub(super) fn place(&self, address: u64) -> Option<(u64, u64)> {
        for segment in self.segments {
            if segment.p_type(self.endian) != elf::PT_LOAD {
                continue;
            }
            let start: u64 = segment.p_vaddr(self.endian).into();
            let size: u64 = segment.p_filesz(self.endian).into();
            let Some(distance) = address
                .checked_sub(start)
                .filter(|distance| *distance < size)
            else {
                continue;
            };
            let file_offset: u64 = segment.p_offset(self.endian).into();
            let from = file_offset.checked_add(distance)?;
            let until = file_offset.checked_add(size)?;
            return Some((from, until));
        }
        None
    }
}
