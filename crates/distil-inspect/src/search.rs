//! Words in large files, found without the files in memory.

use std::io::{self, Read};

use distil_tree::Content;
use memchr::memmem::Finder;

/// How much is looked at in one go.
const CHUNK: usize = 1 << 20;

/// Where each of the words first is in a file, if it is there.
///
/// # Errors
/// If the file cannot be read.
pub fn positions(content: &Content, words: &[&[u8]]) -> io::Result<Vec<Option<u64>>> {
    let finders: Vec<Finder<'_>> = words.iter().map(Finder::new).collect();
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut found = vec![None; words.len()];
    let mut reader = content.reader();
    let mut buffer: Vec<u8> = Vec::new();
    let mut start: u64 = 0;
    while found.contains(&None) {
        let before = buffer.len();
        let count = reader
            .by_ref()
            .take(CHUNK as u64)
            .read_to_end(&mut buffer)?;
        if count == 0 {
            break;
        }
        for (place, finder) in found.iter_mut().zip(&finders) {
            if place.is_none() {
                *place = finder.find(&buffer).map(|at| start + at as u64);
            }
        }
        // A word may begin at the end of one chunk and end in the next.
        let keep = longest.saturating_sub(1).min(before + count);
        let drop = buffer.len() - keep;
        buffer.drain(..drop);
        start += drop as u64;
    }
    Ok(found)
}

/// The bytes behind a place of a file, at most so many.
///
/// # Errors
/// If the file cannot be read.
pub fn bytes_from(content: &Content, start: u64, count: usize) -> io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let mut reader = content.reader();
    reader.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    reader.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_across_the_border_of_chunks() {
        for before in [0, 1, CHUNK - 5, CHUNK - 3, CHUNK - 1, CHUNK, CHUNK + 1] {
            let bytes = [vec![0; before], b"needle".to_vec(), vec![0; 3]].concat();
            let content = Content::from(bytes);
            let found = positions(&content, &[b"needle", b"x", b"edl"]).unwrap();
            let at = before as u64;
            assert_eq!(found, [Some(at), None, Some(at + 2)], "{before}");
            assert_eq!(bytes_from(&content, at + 4, 100).unwrap(), b"le\0\0\0");
        }
    }
}
