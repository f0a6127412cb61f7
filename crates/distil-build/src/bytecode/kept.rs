//! Compiled files as the store keeps them: those of a package, a wheel or a directory together.
//!
//! They are found by what their sources are known by, without that any source is read. Where one has changed,
//! the others of the same origin are found by their digests: so an edited file is compiled alone.

use std::collections::HashMap;
use std::sync::Arc;

use distil_image::PythonSource;
use distil_store::{Blob, Digest, Key, KeyBuilder, Store, StoreError};
use distil_tree::Content;
use serde::{Deserialize, Serialize};

/// Names how compiled files are made and kept; to be raised when either changes.
const FORMAT: &str = "1";

/// The most that a record may have: some 200 bytes a source.
const MAX_RECORD: u64 = 64 << 20;

/// The compiled files of one origin.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// All of them, one after the other.
    files: Digest,
    /// Each source.
    sources: Vec<Compiled>,
}

/// A source and its compiled file.
#[derive(Debug, Serialize, Deserialize)]
struct Compiled {
    path: String,
    /// The digest of the source.
    digest: Digest,
    is_checked: bool,
    /// Where the file begins, and its size; none if the source is no valid Python.
    place: Option<(u64, u64)>,
}

/// The sources of one origin, and the keys of their compiled files.
pub(super) struct Group<'a> {
    pub(super) sources: Vec<(usize, &'a PythonSource)>,
    /// By what all sources are known by; none if one is not known by anything.
    exact: Option<Key>,
    /// By the origin: the last ones that were made.
    last: Key,
}

impl<'a> Group<'a> {
    /// The groups of sources, in the order of the first of each.
    pub(super) fn all(sources: &'a [PythonSource], interpreter: &Digest) -> Vec<Self> {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(String, Vec<(usize, &PythonSource)>)> = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let name = source.origin.to_string();
            let at = *numbers.entry(name.clone()).or_insert_with(|| {
                groups.push((name, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, group)) = groups.get_mut(at) {
                group.push((number, source));
            }
        }
        let group = |(name, sources): (String, Vec<(usize, &'a PythonSource)>)| Self {
            exact: exact(&sources, interpreter),
            last: last(&name, &sources, interpreter),
            sources,
        };
        groups.into_iter().map(group).collect()
    }

    /// The compiled files, if they were made of the very same sources.
    pub(super) fn find(&self, store: &Store) -> Option<Vec<Option<Content>>> {
        let (record, blob) = read(store, self.exact.as_ref()?)?;
        let same = |(source, (_, wanted)): (&Compiled, &(usize, &PythonSource))| {
            wanted.path.as_str() == Some(&source.path)
        };
        let is_same = record.sources.len() == self.sources.len()
            && record.sources.iter().zip(&self.sources).all(same);
        let all = || {
            record
                .sources
                .iter()
                .map(|one| one.content(&blob))
                .collect()
        };
        is_same.then(all)
    }

    /// What was made of the same origin before.
    pub(super) fn before(&self, store: &Store) -> Before {
        Before(read(store, &self.last))
    }

    /// Keeps compiled files, in the order of the sources, and gives them as the store has them.
    pub(super) fn keep(
        &self,
        made: Vec<(Digest, Option<Vec<u8>>)>,
        store: &Store,
    ) -> Result<Vec<Option<Content>>, StoreError> {
        let mut files = Vec::new();
        let mut sources = Vec::new();
        for ((_, source), (digest, file)) in self.sources.iter().zip(made) {
            let place = file.map(|file| {
                let place = (files.len() as u64, file.len() as u64);
                files.extend(file);
                place
            });
            sources.push(Compiled {
                path: source.path.as_str().unwrap_or_default().to_owned(),
                digest,
                is_checked: source.is_checked,
                place,
            });
        }
        let blob = Arc::new(store.put(&files)?);
        let record = Record {
            files: blob.digest(),
            sources,
        };
        if let Ok(bytes) = serde_json::to_vec(&record) {
            let kept = store.put(&bytes)?;
            for key in self.exact.iter().chain([&self.last]) {
                store.record(key, &kept)?;
            }
        }
        let contents = record.sources.iter().map(|one| one.content(&blob));
        Ok(contents.collect())
    }
}

/// What was made of an origin before, if something was.
pub(super) struct Before(Option<(Record, Arc<Blob>)>);

impl Before {
    /// The compiled file of a source, if that is in it: none of one that is no valid Python.
    pub(super) fn find(&self, source: &PythonSource, digest: &Digest) -> Option<Option<Vec<u8>>> {
        let (record, blob) = self.0.as_ref()?;
        let path = source.path.as_str()?;
        let at = record
            .sources
            .binary_search_by(|one| one.path.as_str().cmp(path));
        let found = record.sources.get(at.ok()?)?;
        if found.digest != *digest || found.is_checked != source.is_checked {
            return None;
        }
        match found.content(blob) {
            Some(content) => content.read(u64::MAX).ok().map(Some),
            None => Some(None),
        }
    }
}

impl Compiled {
    fn content(&self, blob: &Arc<Blob>) -> Option<Content> {
        let (offset, size) = self.place?;
        let file: Arc<Blob> = Arc::clone(blob);
        Some(Content::range(file, offset, size))
    }
}

fn read(store: &Store, key: &Key) -> Option<(Record, Arc<Blob>)> {
    let record: Record = serde_json::from_slice(&store.value(key, MAX_RECORD)?).ok()?;
    let blob = store.get(&record.files)?;
    blob.verify().ok()??;
    let size = blob.size();
    let is_inside = |one: &Compiled| {
        let end = one
            .place
            .map_or(Some(0), |(offset, size)| offset.checked_add(size));
        end.is_some_and(|end| end <= size)
    };
    let is_whole = record.sources.iter().all(is_inside);
    is_whole.then(|| (record, Arc::new(blob)))
}

fn exact(sources: &[(usize, &PythonSource)], interpreter: &Digest) -> Option<Key> {
    let mut key = KeyBuilder::new("bytecode");
    key.input(FORMAT).input(interpreter.as_bytes());
    for (_, source) in sources {
        key.input(source.path.as_bytes())
            .input([u8::from(source.is_checked)]);
        match source.content.id() {
            Some(id) => {
                key.input(b"part").input(id.digest.as_bytes());
                key.input(id.offset.to_le_bytes())
                    .input(id.size.to_le_bytes());
            }
            // In memory alone.
            None => {
                let (digest, _) = Digest::of_reader(&mut source.content.reader()).ok()?;
                key.input(b"bytes").input(digest.as_bytes());
            }
        }
    }
    Some(key.finish())
}

/// The first source tells directories of different images apart.
fn last(name: &str, sources: &[(usize, &PythonSource)], interpreter: &Digest) -> Key {
    let mut key = KeyBuilder::new("bytecode-of");
    key.input(FORMAT).input(interpreter.as_bytes()).input(name);
    if let Some((_, first)) = sources.first() {
        key.input(first.path.as_bytes());
    }
    key.finish()
}
