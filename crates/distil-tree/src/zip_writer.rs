//! Writing zip archives of entries of others, which stay packed as they are (PKWARE's APPNOTE, 4.3).

use std::io::{self, Read, Seek, Write};

use flate2::Crc;

use crate::zip::{Archive, Entry, ZipError};

/// The end of what an archive of the first format has: more needs the records of "zip64".
const MAX_SIZE: u64 = 0xffff_ffff;

/// The most entries of such an archive.
const MAX_ENTRIES: usize = 0xffff;

/// The time of entries that are made: 1 January 1980, 0:00, the first that the format has.
const NO_TIME: u32 = 0x0021_0000;

/// Why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ZipWriteError {
    /// An entry that is taken over cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// It cannot be written.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
    /// It has more bytes or entries than a zip archive has without the records of "zip64".
    #[error("it has more than {MAX_ENTRIES} entries or {MAX_SIZE} bytes")]
    TooLarge,
}

/// Writes a zip archive, an entry after the other.
pub struct ZipWriter<W> {
    output: W,
    written: u64,
    list: Vec<u8>,
    count: usize,
}

/// What the headers of an entry say of it.
struct Header<'a> {
    name: &'a str,
    method: u16,
    modified: u32,
    crc: u32,
    packed: u64,
    size: u64,
}

impl<W: Write> ZipWriter<W> {
    /// An archive of nothing yet.
    pub fn new(output: W) -> Self {
        Self {
            output,
            written: 0,
            list: Vec::new(),
            count: 0,
        }
    }

    /// Adds a file of these bytes, as they are.
    ///
    /// # Errors
    /// If there is too much, or it cannot be written.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), ZipWriteError> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = bytes.len() as u64;
        self.begin(&Header {
            name,
            method: 0,
            modified: NO_TIME,
            crc: crc.sum(),
            packed: size,
            size,
        })?;
        self.write(bytes)
    }

    /// Adds an entry of another archive by a new name, packed as it is there. Its bytes are unpacked
    /// first, so that damaged ones are not taken over.
    ///
    /// # Errors
    /// As [`ZipWriter::file`], and if the entry is damaged or encrypted.
    pub fn copy<R: Read + Seek>(
        &mut self,
        name: &str,
        archive: &mut Archive<R>,
        entry: &Entry,
    ) -> Result<(), ZipWriteError> {
        let mut content = archive.content(entry)?;
        io::copy(&mut content, &mut io::sink()).map_err(ZipError::Read)?;
        drop(content);
        let packed = entry.packed_size();
        self.begin(&Header {
            name,
            method: entry.method(),
            modified: entry.modified(),
            crc: entry.crc(),
            packed,
            size: entry.size,
        })?;
        let mut input = archive.packed(entry)?;
        let mut buffer = vec![0; 1 << 16];
        let mut left = packed;
        while left > 0 {
            let count = input.read(&mut buffer).map_err(ZipError::Read)?;
            let Some(rest) = left.checked_sub(count as u64).filter(|_| count > 0) else {
                return Err(ZipError::Damaged("it is cut off").into());
            };
            left = rest;
            self.write(buffer.get(..count).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Writes the list of entries, and gives the output back.
    ///
    /// # Errors
    /// As [`ZipWriter::file`].
    pub fn finish(mut self) -> Result<W, ZipWriteError> {
        let count = u16::try_from(self.count).map_err(|_| ZipWriteError::TooLarge)?;
        let (offset, length) = (word(self.written)?, word(self.list.len() as u64)?);
        let list = std::mem::take(&mut self.list);
        self.write(&list)?;
        self.write(b"PK\x05\x06\0\0\0\0")?;
        for part in [
            &count.to_le_bytes()[..],
            &count.to_le_bytes(),
            &length,
            &offset,
            &[0, 0],
        ] {
            self.write(part)?;
        }
        Ok(self.output)
    }

    fn begin(&mut self, header: &Header<'_>) -> Result<(), ZipWriteError> {
        if self.count == MAX_ENTRIES {
            return Err(ZipWriteError::TooLarge);
        }
        let name_length = u16::try_from(header.name.len()).map_err(|_| ZipWriteError::TooLarge)?;
        let offset = word(self.written)?;
        // Version 2.0 unpacks it; its name is UTF-8 (APPNOTE, 4.4.4).
        let middle = [
            &20_u16.to_le_bytes()[..],
            &0x0800_u16.to_le_bytes(),
            &header.method.to_le_bytes(),
            &header.modified.to_le_bytes(),
            &header.crc.to_le_bytes(),
            &word(header.packed)?,
            &word(header.size)?,
            &name_length.to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        self.write(b"PK\x03\x04")?;
        self.write(&middle)?;
        self.write(header.name.as_bytes())?;
        // Made by version 2.0 of no system in particular, so that there are no permissions.
        self.list.extend(b"PK\x01\x02\x14\0");
        self.list.extend(&middle);
        self.list.extend([0; 10]);
        self.list.extend(offset);
        self.list.extend(header.name.as_bytes());
        self.count += 1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ZipWriteError> {
        self.output.write_all(bytes).map_err(ZipWriteError::Write)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

fn word(number: u64) -> Result<[u8; 4], ZipWriteError> {
    match u32::try_from(number) {
        // This very number says that the true one is elsewhere.
        Ok(number) if u64::from(number) != MAX_SIZE => Ok(number.to_le_bytes()),
        _ => Err(ZipWriteError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use distil_fixture::zip;

    use super::*;

    fn read(archive: &mut Archive<Cursor<Vec<u8>>>) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in archive.entries().iter() {
            let mut text = String::new();
            let mut content = archive.content(entry).unwrap();
            content.read_to_string(&mut text).unwrap();
            found.push((String::from_utf8(entry.name.clone()).unwrap(), text));
        }
        found
    }

    #[test]
    fn entries_are_taken_over_as_they_are() {
        let long = "long ".repeat(1000);
        let bytes = zip(&[("a/", b"", 0o40_755), ("a/b", long.as_bytes(), 0o100_644)]);
        let mut archive = Archive::new(Cursor::new(bytes.clone())).unwrap();
        let entries = archive.entries();
        let mut writer = ZipWriter::new(Vec::new());
        writer.file("META-INF/first", b"text").unwrap();
        for (name, entry) in ["x/", "x/ü"].into_iter().zip(entries.iter()) {
            writer.copy(name, &mut archive, entry).unwrap();
        }
        let written = writer.finish().unwrap();
        let mut again = Archive::new(Cursor::new(written)).unwrap();
        let expected = [("META-INF/first", "text"), ("x/", ""), ("x/ü", &long)];
        assert_eq!(
            read(&mut again),
            expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        let (old, new) = (&entries[1], &again.entries()[2]);
        assert_eq!(
            (old.packed_size(), old.modified(), old.method()),
            (new.packed_size(), new.modified(), new.method())
        );
    }

    #[test]
    fn damaged_entries_are_not_taken_over() {
        let mut bytes = zip(&[("a", b"some text", 0o100_644)]);
        // In the packed bytes, behind the header and the name.
        bytes[33] ^= 1;
        let mut archive = Archive::new(Cursor::new(bytes)).unwrap();
        let entry = archive.entries()[0].clone();
        let mut writer = ZipWriter::new(Vec::new());
        assert!(writer.copy("a", &mut archive, &entry).is_err());
    }

    #[test]
    fn more_than_the_format_has_fails() {
        let mut writer = ZipWriter::new(io::sink());
        for number in 0..MAX_ENTRIES {
            writer.file(&number.to_string(), b"").unwrap();
        }
        assert!(matches!(
            writer.file("x", b""),
            Err(ZipWriteError::TooLarge)
        ));
        assert!(matches!(word(MAX_SIZE), Err(ZipWriteError::TooLarge)));
    }
}
