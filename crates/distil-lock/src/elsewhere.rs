//! What is the same for all files that are not from Debian's archive: how they are had, and how they are
//! kept once they are unpacked.

use std::io::{self, Read, Write};

use distil_app::FileSink;
use distil_bundle::{BundleFile, BundleWriter};
use distil_debian::fetch::{Address, FetchError, Fetcher};
use distil_store::{Blob, Digest, Key, Store, StoreError};
use distil_tree::TreePath;

/// Where files are had that are not from Debian's archive: the store, or else their addresses.
pub struct Elsewhere<'a> {
    /// What asks their addresses.
    pub fetcher: &'a Fetcher,
    /// What has them already, and keeps what is made of them.
    pub store: &'a Store,
    /// Is told of each address that is asked, for what the store does not have.
    pub asked: &'a (dyn Fn(&str) + Sync),
}

impl Elsewhere<'_> {
    /// A file of known digest that the store has.
    pub(crate) fn stored(&self, digest: &Digest) -> Result<Option<Blob>, StoreError> {
        match self.store.get(digest) {
            Some(blob) => Ok(blob.verify()?.map(|_| blob)),
            None => Ok(None),
        }
    }

    /// A file from the first of its addresses that has it, of at most so many bytes.
    ///
    /// # Errors
    /// The last address's; what fails on this machine fails for all of them.
    pub(crate) fn fetched(
        &self,
        places: &[Address],
        limit: u64,
        digest: Option<&Digest>,
        name: &str,
    ) -> Result<Blob, FetchError> {
        let mut failure = FetchError::Missing {
            address: name.to_owned(),
        };
        for place in places {
            (self.asked)(&place.to_string());
            let fetched = self
                .fetcher
                .blob_of_digest(place, limit, digest, self.store);
            match fetched {
                Ok(blob) => return Ok(blob),
                Err(error) if error.is_local() => return Err(error),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// What the store has by a key, or what is made and kept by it. `unreadable` is the error where
    /// what was just kept cannot be read.
    ///
    /// # Errors
    /// If it cannot be made or kept.
    pub fn kept<E: From<StoreError>>(
        &self,
        key: &Key,
        make: impl FnOnce() -> Result<Blob, E>,
        unreadable: impl FnOnce(io::Error) -> E,
    ) -> Result<BundleFile, E> {
        if let Some(blob) = self.store.lookup(key)
            && blob.verify()?.is_some()
            && let Ok(files) = BundleFile::open(blob.clone(), blob.size())
        {
            return Ok(files);
        }
        let blob = make()?;
        self.store.record(key, &blob)?;
        let size = blob.size();
        BundleFile::open(blob, size).map_err(unreadable)
    }
}

/// Writes the files of a package of another package manager into a bundle.
pub(crate) struct Files<W>(pub(crate) BundleWriter<W>);

impl<W: Write> FileSink for Files<W> {
    fn file(
        &mut self,
        path: &TreePath,
        is_executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let written = self.0.file(path, is_executable, size, content);
        written.map_err(io::Error::other)
    }
}
