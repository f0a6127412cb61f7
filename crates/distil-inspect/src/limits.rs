//! What an image may ask of whoever reads it, and what of that its layers have used up.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::LayerError;

/// What an image may ask of whoever reads it, all layers together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of layers, unpacked.
    pub unpacked: u64,
    /// Members of layers, and the directories that they lie in without a member of their own.
    pub members: u64,
    /// Bytes of the paths and link targets of these, which are kept in memory.
    pub names: u64,
    /// Bytes of ELF files and zip archives, which are kept on disk.
    pub kept: u64,
    /// Bytes of documents, such as package metadata and certificates.
    pub documents: u64,
}

impl Default for Limits {
    /// More than the largest images that are known have.
    fn default() -> Self {
        Self {
            unpacked: 64 << 30,
            members: 3_000_000,
            names: 256 << 20,
            kept: 16 << 30,
            documents: 256 << 20,
        }
    }
}

/// What all layers of an image may still use, and the one file that their content is kept in.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    unpacked: AtomicU64,
    members: AtomicU64,
    names: AtomicU64,
    kept: AtomicU64,
    documents: AtomicU64,
    spool: Mutex<Option<Arc<File>>>,
    /// Where the next file goes in the spool.
    end: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            unpacked: AtomicU64::new(0),
            members: AtomicU64::new(0),
            names: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            documents: AtomicU64::new(0),
            spool: Mutex::new(None),
            end: AtomicU64::new(0),
        }
    }

    /// A member of so many bytes, its header among them.
    pub(crate) fn take_unpacked(&self, bytes: u64) -> Result<(), LayerError> {
        take(
            &self.unpacked,
            bytes,
            self.limits.unpacked,
            "unpacked bytes",
        )
    }

    /// Something at a path, with the bytes of that and of what it leads to.
    pub(crate) fn take_path(&self, bytes: usize) -> Result<(), LayerError> {
        take(&self.members, 1, self.limits.members, "files")?;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        take(&self.names, bytes, self.limits.names, "bytes of file names")
    }

    pub(crate) fn take_document(&self, bytes: u64) -> Result<(), LayerError> {
        take(
            &self.documents,
            bytes,
            self.limits.documents,
            "bytes of documents",
        )
    }

    pub(crate) fn take_kept(&self, bytes: u64) -> Result<(), LayerError> {
        take(
            &self.kept,
            bytes,
            self.limits.kept,
            "bytes of programs and libraries",
        )
    }

    /// Room for so many bytes in the one anonymous temporary file of all layers, and where it
    /// begins. With a file a layer, an image of thousands would use up what a process may have open.
    pub(crate) fn room(&self, bytes: u64) -> Result<(Arc<File>, u64), LayerError> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*spool {
            Some(file) => Arc::clone(file),
            None => Arc::new(tempfile::tempfile().map_err(LayerError::Keep)?),
        };
        *spool = Some(Arc::clone(&file));
        Ok((file, self.end.fetch_add(bytes, Ordering::Relaxed)))
    }
}

fn take(used: &AtomicU64, more: u64, limit: u64, what: &'static str) -> Result<(), LayerError> {
    match used.fetch_add(more, Ordering::Relaxed).saturating_add(more) > limit {
        true => Err(LayerError::Limit { what, limit }),
        false => Ok(()),
    }
}
