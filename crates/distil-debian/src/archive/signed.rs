//! What of an archive is signed, as a mirror has it: with these files and packages a directory is a
//! mirror of the same state.

use distil_store::{Blob, Store};

use super::error::ArchiveError;
use super::{Archive, OpenPocket, at_once, index};
use crate::fetch::Fetcher;

/// A file of an archive that its signature is over, directly or by digests.
#[derive(Debug, Clone)]
pub struct IndexFile {
    /// Its path below the archive's root.
    pub path: String,
    /// What is in it.
    pub bytes: IndexBytes,
}

/// The bytes of a file of an archive.
#[derive(Debug, Clone)]
pub enum IndexBytes {
    /// Of a Release or its signature: small.
    InMemory(Vec<u8>),
    /// Of an index of packages, compressed.
    Stored(Blob),
}

impl Archive {
    /// The Releases of all suites with their signatures, and the indexes of packages of the
    /// archive's architecture.
    ///
    /// # Errors
    /// If an index cannot be had.
    pub fn index_files(
        &self,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<Vec<IndexFile>, ArchiveError> {
        // Suites of other archives have roots of their own.
        let own = self.pockets.iter().filter(|one| one.options.is_own);
        let parts: Vec<(&OpenPocket, Option<&str>)> = own
            .clone()
            .flat_map(|pocket| {
                let components = pocket.components().into_iter();
                components.map(move |component| (pocket, component))
            })
            .collect();
        let found = at_once(&parts, |(pocket, component)| {
            let which = index::Which {
                pocket: &pocket.options,
                component: *component,
                anew: false,
            };
            index::compressed(which, &pocket.release, &self.options, store, fetcher)
        });
        let below = |pocket: &OpenPocket, path: &str| format!("dists/{}/{path}", pocket.name());
        let mut files = Vec::new();
        for pocket in own {
            let signed = pocket.signed.files().into_iter();
            files.extend(signed.map(|(name, bytes)| IndexFile {
                path: below(pocket, name),
                bytes: IndexBytes::InMemory(bytes.to_vec()),
            }));
        }
        for ((pocket, _), found) in parts.iter().zip(found) {
            let (path, blob) = found?;
            files.push(IndexFile {
                path: below(pocket, &path),
                bytes: IndexBytes::Stored(blob),
            });
        }
        Ok(files)
    }
}
