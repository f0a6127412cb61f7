//! Cuts a control file into blocks of whole paragraphs, so that each can be read by itself.

use std::io::{self, Read};

use crate::control::{ControlError, MAX_PARAGRAPH};

/// How much is read before a block is cut off.
const BLOCK: usize = 256 << 10;

/// A paragraph is smaller, and with it what may stand around it.
const MAX_BLOCK: usize = 2 * MAX_PARAGRAPH;

/// Whole paragraphs.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// The line, counted from 1, at which they begin in the text.
    pub(super) line: u64,
}

/// The blocks of a text, in order.
pub(super) struct Blocks<R> {
    input: R,
    /// What comes after the block before.
    rest: Vec<u8>,
    line: u64,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            rest: Vec::new(),
            line: 1,
            ended: false,
        }
    }

    /// The next block; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block>, ControlError> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut wanted = BLOCK;
        while !self.ended {
            bytes.reserve(wanted);
            let missing = wanted.saturating_sub(bytes.len());
            let read = self
                .input
                .by_ref()
                .take(missing as u64)
                .read_to_end(&mut bytes);
            let count = read.map_err(|source| self.unreadable(&bytes, source))?;
            self.ended = count < missing;
            if self.ended {
                break;
            }
            if let Some(end) = last_boundary(&bytes) {
                self.rest
                    .extend_from_slice(bytes.get(end..).unwrap_or_default());
                bytes.truncate(end);
                break;
            }
            if bytes.len() >= MAX_BLOCK {
                return Err(ControlError::TooLarge { line: self.line });
            }
            wanted = bytes.len() + BLOCK;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        self.line += lines(&bytes);
        Ok(Some(Block { bytes, line }))
    }

    fn unreadable(&self, bytes: &[u8], source: io::Error) -> ControlError {
        ControlError::Read {
            line: self.line - 1 + lines(bytes),
            source,
        }
    }
}

/// How many lines end in `bytes`.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Where the last line of white space alone ends, which parts paragraphs.
fn last_boundary(bytes: &[u8]) -> Option<usize> {
    let mut end = memchr::memrchr(b'\n', bytes)?;
    loop {
        let line = bytes.get(..end)?;
        let start = memchr::memrchr(b'\n', line)? + 1;
        let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        if line.get(start..).is_some_and(is_blank) {
            return Some(end + 1);
        }
        end = start - 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(text: &[u8]) -> Vec<Block> {
        let mut blocks = Blocks::new(text);
        let mut all = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            all.push(block);
        }
        all
    }

    #[test]
    fn boundaries_are_after_blank_lines() {
        assert_eq!(last_boundary(b"a: 1\n\nb: 2\n"), Some(6));
        assert_eq!(last_boundary(b"a: 1\n \t\nb: 2\n\n"), Some(14));
        assert_eq!(last_boundary(b"a: 1\n \t\nb: 2\n c"), Some(8));
        assert_eq!(last_boundary(b"a: 1\nb: 2\n"), None);
        assert_eq!(last_boundary(b""), None);
    }

    #[test]
    fn a_paragraph_without_end_is_refused() {
        let text = [b"a: 1\n\n".as_slice(), &b"b: 2\n c\n".repeat(1 << 19)].concat();
        let mut blocks = Blocks::new(text.as_slice());
        let error = loop {
            match blocks.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it has an end"),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, ControlError::TooLarge { line: 3 }),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn blocks_are_the_text_in_order_and_whole(
            paragraphs in proptest::collection::vec((1_usize..40_000, 1_usize..4), 0..60),
        ) {
            let mut text = Vec::new();
            for (length, blank) in &paragraphs {
                text.extend_from_slice(b"a: ");
                text.resize(text.len() + length, b'x');
                text.extend_from_slice(b"\n b\n");
                text.resize(text.len() + blank, b'\n');
            }
            let blocks = blocks(&text);
            let mut line = 1;
            for block in &blocks {
                prop_assert_eq!(block.line, line);
                prop_assert!(block.bytes.starts_with(b"a: ") || block.bytes.starts_with(b"\n"));
                prop_assert!(block.bytes.ends_with(b"\n\n"));
                line += lines(&block.bytes);
            }
            let whole: Vec<u8> = blocks.into_iter().flat_map(|block| block.bytes).collect();
            prop_assert_eq!(whole, text);
        }
    }
}
