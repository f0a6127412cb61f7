//! Getting the `Packages` file that a Release names.

use std::io::{BufReader, Read};
use std::num::NonZeroUsize;

use distil_store::{Blob, Key, Store};

use super::{ArchiveError, ArchiveOptions, Attempt};
use crate::fetch::{Fetcher, Mirror};
use crate::index::{Condensed, IndexError, condense};
use crate::release::{FileEntry, Release};

/// Names what [`condense`] makes; to be raised when that changes.
const INDEX_FORMAT: &[u8] = b"2";

/// The component that images are made from: what Debian itself is (Debian Policy §2.2.1).
const COMPONENT: &str = "main";

/// The most memory that decompressing an index may take.
const XZ_MEMORY: u64 = 256 << 20;

/// The most bytes that a condensed index may have in the store: a text of 4 GiB, and its table.
const MAX_INDEX: u64 = 6 << 30;

/// How an index may be compressed, in the order of preference: trixie's takes 0.6 s to decode
/// from xz and 0.1 s from gzip, where it is a third larger.
const COMPRESSIONS: [&str; 3] = [".gz", ".xz", ""];

/// Gets the condensed index of `pocket`, from the store if it has it.
///
/// Every compression of the index is tried at every mirror, by its digest first and then at
/// its usual path: mirrors exist on which only one of them is not stale.
pub(super) fn get(
    pocket: &str,
    release: &Release,
    mirrors: &[Mirror],
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
    threads: NonZeroUsize,
) -> Result<Condensed, ArchiveError> {
    let architecture = &options.architecture;
    let path = |suffix: &str| format!("{COMPONENT}/binary-{architecture}/Packages{suffix}");
    let choices: Vec<(&str, String, FileEntry)> = COMPRESSIONS
        .iter()
        .filter_map(|suffix| {
            let path = path(suffix);
            let entry = *release.file(&path)?;
            Some((*suffix, path, entry))
        })
        .collect();
    if choices.is_empty() && release.architectures.contains(architecture) {
        let (pocket, architecture) = (pocket.to_owned(), architecture.clone());
        return Err(ArchiveError::NoIndex {
            pocket,
            architecture,
        });
    }
    if choices.is_empty() {
        return Err(ArchiveError::Architecture {
            pocket: pocket.to_owned(),
            architecture: architecture.clone(),
            architectures: release.architectures.clone(),
        });
    }
    let key = |entry: &FileEntry| {
        let inputs = [
            INDEX_FORMAT,
            entry.sha256.as_bytes(),
            architecture.as_bytes(),
        ];
        Key::new("index", &inputs)
    };
    for (_, _, entry) in &choices {
        if let Some(bytes) = store.value(&key(entry), MAX_INDEX)
            && let Some(condensed) = Condensed::from_bytes(bytes)
        {
            return Ok(condensed);
        }
    }
    let mut attempts = Vec::new();
    for mirror in mirrors {
        for (suffix, path, entry) in &choices {
            for address in addresses(mirror, pocket, path, entry, release.acquire_by_hash) {
                let blob = match fetcher.blob(&address, entry.size, &entry.sha256, store) {
                    Ok(blob) => blob,
                    Err(source) if source.is_local() => {
                        return Err(ArchiveError::Local {
                            what: address,
                            source,
                        });
                    }
                    Err(error) => {
                        attempts.push(Attempt::new(address, &error));
                        continue;
                    }
                };
                match condensed(&blob, suffix, architecture, threads, store) {
                    Ok((condensed, blob)) => {
                        store.record(&key(entry), &blob)?;
                        return Ok(condensed);
                    }
                    Err(source @ IndexError::Write(_)) => {
                        return Err(ArchiveError::Index {
                            pocket: pocket.to_owned(),
                            source,
                        });
                    }
                    Err(error) => attempts.push(Attempt::new(address, &error)),
                }
            }
        }
    }
    Err(ArchiveError::IndexMissing {
        pocket: pocket.to_owned(),
        attempts,
    })
}

fn addresses(
    mirror: &Mirror,
    pocket: &str,
    path: &str,
    entry: &FileEntry,
    by_hash: bool,
) -> Vec<String> {
    let usual = mirror.join(&format!("dists/{pocket}/{path}"));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let hash = entry.sha256.hex();
    let by_digest = mirror.join(&format!("dists/{pocket}/{folder}/by-hash/SHA256/{hash}"));
    match by_hash {
        true => vec![by_digest, usual],
        false => vec![usual],
    }
}

fn condensed(
    blob: &Blob,
    suffix: &str,
    architecture: &str,
    threads: NonZeroUsize,
    store: &Store,
) -> Result<(Condensed, Blob), IndexError> {
    let unreadable =
        |error: distil_store::StoreError| IndexError::Write(std::io::Error::other(error));
    let input = BufReader::with_capacity(1 << 16, blob.open().map_err(unreadable)?);
    let decoder: Box<dyn Read + Send> = match suffix {
        ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        ".xz" => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags);
            let stream = stream.map_err(|error| IndexError::Write(error.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
        }
        _ => Box::new(input),
    };
    let mut writer = store.create().map_err(unreadable)?;
    let condensed = condense(decoder, architecture, threads, &mut writer)?;
    Ok((condensed, writer.commit().map_err(unreadable)?))
}
