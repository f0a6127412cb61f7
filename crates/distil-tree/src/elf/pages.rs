//! Reads a file by pages, for readers that ask for few bytes at a time, back and forth.

use std::io::{self, Read, Seek, SeekFrom};

/// The bytes of a page.
const PAGE: usize = 8 << 10;

/// How many pages are kept: headers, and the tables that refer to one another.
const KEPT: usize = 4;

/// A reader that keeps the pages that were used last.
pub(super) struct Pages<R> {
    input: R,
    position: u64,
    /// The number of each page and its bytes, the one used last in front.
    kept: Vec<(u64, Vec<u8>)>,
}

impl<R: Read + Seek> Pages<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            position: 0,
            kept: Vec::with_capacity(KEPT),
        }
    }

    /// The bytes of a page; fewer than [`PAGE`] at the end of the file.
    fn page(&mut self, number: u64) -> io::Result<&[u8]> {
        let found = self.kept.iter().position(|(kept, _)| *kept == number);
        match found {
            Some(place) => self.kept[..=place].rotate_right(1),
            None => {
                let oldest = (self.kept.len() == KEPT).then(|| self.kept.pop());
                let (_, mut bytes) = oldest.flatten().unwrap_or_default();
                bytes.clear();
                self.input.seek(SeekFrom::Start(number * PAGE as u64))?;
                let mut page = self.input.by_ref().take(PAGE as u64);
                page.read_to_end(&mut bytes)?;
                self.kept.insert(0, (number, bytes));
            }
        }
        Ok(self.kept.first().map_or(&[], |(_, bytes)| bytes))
    }
}

impl<R: Read + Seek> Read for Pages<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let position = self.position;
        let page = self.page(position / PAGE as u64)?;
        let start = usize::try_from(position % PAGE as u64).unwrap_or(usize::MAX);
        let bytes = page.get(start..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Pages<R> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.position = match target {
            SeekFrom::Start(position) => position,
            SeekFrom::End(_) => self.input.seek(target)?,
            SeekFrom::Current(distance) => self
                .position
                .checked_add_signed(distance)
                .ok_or(io::ErrorKind::InvalidInput)?,
        };
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_are_the_file(
            length in 0_usize..60_000,
            reads in proptest::collection::vec((0_u64..70_000, 0_usize..20_000), 1..40),
        ) {
            let file: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut pages = Pages::new(io::Cursor::new(&file));
            for (start, count) in reads {
                pages.seek(SeekFrom::Start(start)).unwrap();
                let mut read = Vec::new();
                pages.by_ref().take(count as u64).read_to_end(&mut read).unwrap();
                let from = usize::try_from(start).unwrap().min(length);
                let expected = &file[from..(from + count).min(length)];
                prop_assert_eq!(read, expected);
            }
            prop_assert_eq!(pages.seek(SeekFrom::End(0)).unwrap(), length as u64);
        }
    }
}
