//! The pieces of layers in a store: compressed once, and found again by what went into them.
//!
//! A piece's key names the bytes that were compressed, by their digest, and how: so it does not
//! matter which layer, image or definition a piece was first made for, and nothing but the very
//! same bytes can lead to it.

use std::fs::File;
use std::io::{self, Read};

use distil_store::{Blob, Digest, Key, Store};
use serde::{Deserialize, Serialize};

use crate::blob::BlobSource;
use crate::compression::{Compression, PieceCompressor};

/// The most that a compressed piece can have: incompressible bytes grow a little.
const MAX_PIECE: u64 = 2 << 20;

/// A compressed piece of a layer: a file of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its digest, by which the store has it.
    pub digest: Digest,
    /// The number of its bytes.
    pub size: u64,
}

/// Where compressed pieces are kept.
#[derive(Debug, Clone)]
pub(crate) struct PieceCache {
    store: Store,
    codec: String,
}

impl PieceCache {
    pub(crate) fn new(store: Store, compression: Compression) -> Self {
        Self {
            store,
            codec: compression.identity(),
        }
    }

    /// Puts the compressed `input` into `output`, from the store if it is there.
    pub(crate) fn compress(
        &self,
        compressor: &mut PieceCompressor,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> io::Result<Piece> {
        let raw = Digest::of(input);
        let key = Key::new("piece", &[self.codec.as_bytes(), raw.as_bytes()]);
        if let Some(blob) = self.store.lookup(&key)
            && let Some(bytes) = blob.read(MAX_PIECE).map_err(io::Error::other)?
        {
            *output = bytes;
            return Ok(Piece {
                digest: blob.digest(),
                size: blob.size(),
            });
        }
        compressor.compress(input, output)?;
        let blob = self.store.put(output).map_err(io::Error::other)?;
        self.store.record(&key, &blob).map_err(io::Error::other)?;
        Ok(Piece {
            digest: blob.digest(),
            size: blob.size(),
        })
    }
}

/// A layer that lies in a store in pieces: in this order they are its bytes.
#[derive(Debug, Clone)]
pub struct PiecesBlob(pub Vec<Blob>);

impl BlobSource for PiecesBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut pieces = self.0.clone();
        pieces.reverse();
        Ok(Box::new(PiecesReader { pieces, open: None }))
    }
}

struct PiecesReader {
    /// The ones to come, the next one last.
    pieces: Vec<Blob>,
    open: Option<File>,
}

impl Read for PiecesReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.open {
                let count = file.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
            }
            match self.pieces.pop() {
                Some(piece) => self.open = Some(piece.open().map_err(io::Error::other)?),
                None => return Ok(0),
            }
        }
    }
}
