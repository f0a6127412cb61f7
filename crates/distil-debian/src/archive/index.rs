//! Getting the `Packages` file that a Release names.
//!
//! The store keeps two blobs of each, condensed: the text, and its table with the text's digest
//! behind it. The table is read whole and verified, which is some ms; of the text, which is many
//! times as large, no more than a solution looks at.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::mpsc;

use distil_store::{Blob, BlobWriter, Digest, Key, Store, StoreError};

use super::error::{ArchiveError, Attempt};
use super::options::ArchiveOptions;
use super::pocket::PocketOptions;
use super::unpacked::{COMPRESSIONS, addresses, unpacked};
use crate::fetch::{Address, FetchError, Fetcher};
use crate::index::{Condensed, IndexError, Table, Text, condense};
use crate::release::{FileEntry, Release};

/// Names what [`condense`] makes; to be raised when that changes.
const INDEX_FORMAT: &[u8] = b"3";

/// Which index.
#[derive(Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) pocket: &'a PocketOptions,
    /// The component; none of a flat repository.
    pub(super) component: Option<&'a str>,
    /// Whether what the store has made of it is not taken.
    pub(super) anew: bool,
}

/// The most bytes that a table may have in the store: that of a text of 4 GiB has fewer.
const MAX_TABLE: u64 = 4 << 30;

/// How long a digest is.
const DIGEST: usize = 32;

/// Gets a condensed index, from the store if it has it and it is not to be made anew.
///
/// Every compression of the index is tried at every mirror, by its digest first and then at
/// its usual path: mirrors exist on which only one of them is not stale.
pub(super) fn get(
    which: Which<'_>,
    release: &Release,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
    threads: NonZeroUsize,
) -> Result<Condensed, ArchiveError> {
    let architecture = &options.architecture;
    let choices = choices(which, release, architecture)?;
    let Which { pocket, anew, .. } = which;
    let mirrors = &pocket.mirrors;
    let key = |part: &str, entry: &FileEntry| {
        let inputs = [
            INDEX_FORMAT,
            part.as_bytes(),
            entry.sha256.as_bytes(),
            architecture.as_bytes(),
        ];
        Key::new("index", &inputs)
    };
    if !anew {
        let mut keys = choices.iter().map(|(_, _, entry)| key("table", entry));
        if let Some(condensed) = keys.find_map(|key| stored(&key, store)) {
            return Ok(condensed);
        }
    }
    let condense = |input: Box<dyn Read + Send>, suffix: &str, most| {
        condensed(input, suffix, most, architecture, threads, store)
    };
    let finish = |(table, text): (Table, BlobWriter), entry: &FileEntry| {
        let text = text.commit().map_err(unwritable)?;
        keep(
            &table,
            &text,
            [key("table", entry), key("text", entry)],
            store,
        )
        .map_err(unwritable)?;
        let text = Text::stored(text).map_err(unwritable)?;
        let cut = || IndexError::Write(io::ErrorKind::UnexpectedEof.into());
        Condensed::new(table, text).ok_or_else(cut)
    };
    let make = |blob: &Blob, suffix: &str, entry: &FileEntry| {
        let file = blob.open().map_err(unwritable)?;
        finish(condense(Box::new(file), suffix, u64::MAX)?, entry)
    };
    let announced = release.file(&path(which, architecture, ""));
    let announced = announced.map(|entry| entry.size);
    // What was downloaded before, for a version that kept something else of it, or for what was
    // damaged since.
    for (suffix, _, entry) in &choices {
        if let Some(blob) = store.get(&entry.sha256)
            && let Ok(Some(_)) = blob.verify()
            && let Ok(condensed) = make(&blob, suffix, entry)
        {
            return Ok(condensed);
        }
    }
    let mut attempts = Vec::new();
    for mirror in fetcher.in_order(mirrors) {
        for (suffix, path, entry) in &choices {
            for address in addresses(mirror, pocket, path, entry, release.acquire_by_hash) {
                let fetched = match most_unverified(suffix, announced) {
                    Some(most) => {
                        let condense = |input| condense(input, suffix, most).ok();
                        condensed_meanwhile(&address, entry, &condense, store, fetcher)
                    }
                    None => {
                        let blob = fetcher.blob(&address, entry.size, &entry.sha256, store);
                        blob.map(|blob| (blob, None))
                    }
                };
                let (blob, early) = match fetched {
                    Ok(fetched) => fetched,
                    Err(source) if source.is_local() => {
                        return Err(ArchiveError::Local {
                            what: address.into(),
                            source,
                        });
                    }
                    Err(error) => {
                        attempts.push(Attempt::new(address, &error));
                        continue;
                    }
                };
                let made = match early {
                    Some(early) => finish(early, entry),
                    None => make(&blob, suffix, entry),
                };
                match made {
                    Ok(condensed) => return Ok(condensed),
                    Err(source @ IndexError::Write(_)) => {
                        return Err(ArchiveError::Index {
                            pocket: pocket.name.clone(),
                            source,
                        });
                    }
                    Err(error) => attempts.push(Attempt::new(address, &error)),
                }
            }
        }
    }
    Err(ArchiveError::IndexMissing {
        pocket: pocket.name.clone(),
        attempts,
    })
}

/// Where an index lies below its suite's directory, by the suffix of its compression.
fn path(which: Which<'_>, architecture: &str, suffix: &str) -> String {
    match which.component {
        Some(component) => format!("{component}/binary-{architecture}/Packages{suffix}"),
        None => format!("Packages{suffix}"),
    }
}

/// The compressions of an index that the Release names: the suffix, the path, and what it is.
fn choices(
    which: Which<'_>,
    release: &Release,
    architecture: &str,
) -> Result<Vec<(&'static str, String, FileEntry)>, ArchiveError> {
    let choices: Vec<_> = COMPRESSIONS
        .iter()
        .filter_map(|suffix| {
            let path = path(which, architecture, suffix);
            let entry = *release.file(&path)?;
            Some((*suffix, path, entry))
        })
        .collect();
    let (pocket, architecture) = (which.pocket.name.clone(), architecture.to_owned());
    let is_promised = which.pocket.is_flat() || release.architectures.contains(&architecture);
    match choices.is_empty() {
        false => Ok(choices),
        true if is_promised => Err(ArchiveError::NoIndex {
            pocket,
            architecture,
        }),
        true => Err(ArchiveError::Architecture {
            pocket,
            architecture,
            architectures: release.architectures.clone(),
        }),
    }
}

/// An index as a mirror has it, compressed, with its path below its suite's directory: from the
/// store if that has any of its compressions, or else the first that a mirror has.
pub(super) fn compressed(
    which: Which<'_>,
    release: &Release,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<(String, Blob), ArchiveError> {
    let choices = choices(which, release, &options.architecture)?;
    for (_, path, entry) in &choices {
        if let Some(blob) = store.get(&entry.sha256)
            && let Ok(Some(_)) = blob.verify()
        {
            return Ok((path.clone(), blob));
        }
    }
    let mut attempts = Vec::new();
    for mirror in fetcher.in_order(&which.pocket.mirrors) {
        for (_, path, entry) in &choices {
            let by_hash = release.acquire_by_hash;
            for address in addresses(mirror, which.pocket, path, entry, by_hash) {
                match fetcher.blob(&address, entry.size, &entry.sha256, store) {
                    Ok(blob) => return Ok((path.clone(), blob)),
                    Err(source) if source.is_local() => {
                        return Err(ArchiveError::Local {
                            what: address.into(),
                            source,
                        });
                    }
                    Err(error) => attempts.push(Attempt::new(address, &error)),
                }
            }
        }
    }
    Err(ArchiveError::IndexMissing {
        pocket: which.pocket.name.clone(),
        attempts,
    })
}

/// The index whose table was recorded for `key`, if the store has both that and the text.
fn stored(key: &Key, store: &Store) -> Option<Condensed> {
    let mut table = store.value(key, MAX_TABLE)?;
    let digest = table.split_off(table.len().checked_sub(DIGEST)?);
    let text = store.get(&Digest::from_bytes(*digest.first_chunk()?))?;
    let table = Table::from_bytes(table)?;
    let found = Condensed::new(table, Text::stored(text.clone()).ok()?);
    if found.is_none() {
        // Cut off, most likely, and then it goes.
        let _ = text.verify();
    }
    found
}

/// Puts a table beside its text, for [`stored`]. The text's own key leads nobody to it, but says
/// what it is.
fn keep(table: &Table, text: &Blob, keys: [Key; 2], store: &Store) -> Result<(), StoreError> {
    let value = [table.as_bytes(), text.digest().as_bytes()].concat();
    store.record(&keys[0], &store.put(&value)?)?;
    store.record(&keys[1], text)
}

/// How much may come out of an index that is not verified yet, if it may be unpacked at all: no more
/// than a signature says that there is, and only by code in Rust.
fn most_unverified(suffix: &str, announced: Option<u64>) -> Option<u64> {
    announced.filter(|_| suffix != ".xz")
}

/// Fetches an index, and condenses it while it comes. What was made of it is given only with the
/// bytes that it was made of, once they are verified; and not if the download had to begin again.
fn condensed_meanwhile<T: Send>(
    address: &Address,
    entry: &FileEntry,
    condense: &(dyn Fn(Box<dyn Read + Send>) -> Option<T> + Sync),
    store: &Store,
    fetcher: &Fetcher,
) -> Result<(Blob, Option<T>), FetchError> {
    std::thread::scope(|scope| {
        let (sender, followers) = mpsc::channel();
        // Without a thread to spare nobody follows, and it is condensed once it is there.
        let other = std::thread::Builder::new().spawn_scoped(scope, move || {
            let follower = followers.recv().ok()?;
            condense(Box::new(follower))
        });
        let follow = |follower| {
            // Nobody listens to a second one.
            let _ = sender.send(follower);
        };
        let blob = fetcher.blob_followed(address, entry.size, &entry.sha256, store, &follow);
        drop(sender);
        let early = match other.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(early)) => early,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => None,
        };
        Ok((blob?, early))
    })
}

/// The text is in the store only when its writer is committed.
fn condensed(
    input: Box<dyn Read + Send>,
    suffix: &str,
    most: u64,
    architecture: &str,
    threads: NonZeroUsize,
    store: &Store,
) -> Result<(Table, BlobWriter), IndexError> {
    let text = unpacked(input, suffix, most).map_err(IndexError::Write)?;
    let mut writer = store.create().map_err(unwritable)?;
    let table = condense(text, architecture, threads, &mut writer)?;
    Ok((table, writer))
}

fn unwritable(error: StoreError) -> IndexError {
    IndexError::Write(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_net::Client;

    const TEXT: &[u8] = b"Package: a\nVersion: 1\n";

    /// What is made of an index while it is fetched, and whether it was read to its end.
    fn meanwhile(digest: Digest) -> (Result<Option<()>, String>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        let file = folder.path().join("Packages");
        std::fs::write(&file, TEXT).unwrap();
        let address = Address::File(file);
        let entry = FileEntry {
            size: TEXT.len() as u64,
            sha256: digest,
        };
        let seen = std::sync::Mutex::new(Vec::new());
        let condense = |mut input: Box<dyn Read + Send>| {
            input.read_to_end(&mut seen.lock().unwrap()).ok().map(drop)
        };
        let fetcher = Fetcher::new(Client::offline());
        let made = condensed_meanwhile(&address, &entry, &condense, &store, &fetcher);
        let made = made
            .map(|(_, made)| made)
            .map_err(|error| error.to_string());
        (made, seen.into_inner().unwrap())
    }

    #[test]
    fn what_is_not_verified_comes_to_nothing() {
        let (made, seen) = meanwhile(Digest::of(TEXT));
        assert_eq!((made, seen.as_slice()), (Ok(Some(())), TEXT));
        let (made, _) = meanwhile(Digest::of(b"other"));
        assert!(made.unwrap_err().contains("instead of the announced"));
    }

    #[test]
    fn what_is_unpacked_before_it_is_verified() {
        assert_eq!(most_unverified(".gz", Some(7)), Some(7));
        assert_eq!(most_unverified("", Some(7)), Some(7));
        assert_eq!(most_unverified(".xz", Some(7)), None);
        assert_eq!(most_unverified(".gz", None), None);
    }
}
