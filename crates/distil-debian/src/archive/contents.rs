//! Getting the `Contents` index that a Release names, condensed to its libraries.
//!
//! The store keeps what was made of each by the index's digest, and the last one of each suite
//! beside that: where a library is hardly ever changes, so that an older state of the archive
//! answers as well where nobody is to be asked.

use std::io::BufReader;

use distil_store::{Key, Store};

use super::error::{ArchiveError, Attempt};
use super::options::ArchiveOptions;
use super::pocket::PocketOptions;
use super::unpacked::{COMPRESSIONS, addresses, unpacked};
use crate::contents::{LibraryIndex, LibraryIndexError};
use crate::fetch::Fetcher;
use crate::release::{FileEntry, Release};

/// Names what is made of an index; to be raised when that changes.
const FORMAT: &[u8] = b"1";

/// The most bytes that are kept of one.
const MAX_KEPT: u64 = 256 << 20;

/// The most that an index of contents may unpack to where its Release does not say; trixie's
/// has half of one GiB.
const MOST: u64 = 4 << 30;

/// The index of `pocket`, from the store if it has it. One without libraries where the Release
/// names none.
pub(super) fn get(
    pocket: &PocketOptions,
    release: &Release,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<LibraryIndex, ArchiveError> {
    let choices = choices(release, options);
    if choices.is_empty() {
        return Ok(LibraryIndex::default());
    }
    let mut keys = choices.iter().map(|(.., entry)| exact(entry));
    if let Some(found) = keys.find_map(|key| kept(&key, store)) {
        return Ok(found);
    }
    let mut announced = paths(options, "").into_iter();
    let announced = announced.find_map(|path| release.file(&path));
    let most = announced.map_or(MOST, |entry| entry.size);
    let mut attempts = Vec::new();
    for mirror in &pocket.mirrors {
        for (suffix, path, entry) in &choices {
            for address in addresses(mirror, pocket, path, entry, release.acquire_by_hash) {
                // Nothing is unpacked before its digest is right.
                let blob = match fetcher.blob(&address, entry.size, &entry.sha256, store) {
                    Ok(blob) => blob,
                    Err(source) if source.is_local() => {
                        return Err(ArchiveError::Local {
                            what: address.to_string(),
                            source,
                        });
                    }
                    Err(error) => {
                        attempts.push(Attempt::new(address, &error));
                        continue;
                    }
                };
                let file = blob.open()?;
                let text = unpacked(file, suffix, most).map_err(LibraryIndexError::from);
                let read = text
                    .and_then(|text| LibraryIndex::read(BufReader::with_capacity(1 << 16, text)));
                match read {
                    Ok(found) => {
                        let blob = store.put(&found.to_bytes())?;
                        store.record(&exact(entry), &blob)?;
                        store.record(&last(&pocket.name, options), &blob)?;
                        return Ok(found);
                    }
                    Err(error) => attempts.push(Attempt::new(address, &error)),
                }
            }
        }
    }
    Err(ArchiveError::ContentsMissing {
        pocket: pocket.name.clone(),
        attempts,
    })
}

/// What the store has of `pocket`: of this state, or of the one that was fetched last.
pub(super) fn stored(
    pocket: &str,
    release: &Release,
    options: &ArchiveOptions,
    store: &Store,
) -> Option<LibraryIndex> {
    let choices = choices(release, options);
    let mut keys = choices.iter().map(|(.., entry)| exact(entry));
    keys.find_map(|key| kept(&key, store))
        .or_else(|| kept(&last(pocket, options), store))
}

fn choices(release: &Release, options: &ArchiveOptions) -> Vec<(&'static str, String, FileEntry)> {
    let suffixes = COMPRESSIONS.iter();
    let choices = suffixes.flat_map(|suffix| {
        let paths = paths(options, suffix).into_iter();
        paths.map(move |path| (*suffix, path))
    });
    let choices = choices.filter_map(|(suffix, path)| {
        let entry = *release.file(&path)?;
        Some((suffix, path, entry))
    });
    choices.collect()
}

/// Where an index of contents is: Debian has one for each component, and Ubuntu one for all.
fn paths(options: &ArchiveOptions, suffix: &str) -> [String; 2] {
    let name = format!("Contents-{}{suffix}", options.architecture);
    let main = options.suite.distribution.components.first();
    [format!("{}/{name}", main.unwrap_or(&"main")), name]
}

fn exact(entry: &FileEntry) -> Key {
    Key::new("contents", &[FORMAT, entry.sha256.as_bytes()])
}

fn last(pocket: &str, options: &ArchiveOptions) -> Key {
    let keys = options.keys.identity();
    let inputs = [
        FORMAT,
        keys.as_bytes(),
        pocket.as_bytes(),
        options.architecture.as_bytes(),
    ];
    Key::new("contents-last", &inputs)
}

fn kept(key: &Key, store: &Store) -> Option<LibraryIndex> {
    LibraryIndex::from_bytes(&store.value(key, MAX_KEPT)?).ok()
}
