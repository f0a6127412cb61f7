//! Names of what was made, by all that it was made of.

use crate::digest::{Digest, Hasher};

/// Names something that was made, by all that it was made of.
///
/// Two keys are equal only if their kinds and all their inputs are, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub(crate) kind: &'static str,
    pub(crate) digest: Digest,
}

impl Key {
    /// A key of `kind` (a word; it names a directory) for these inputs.
    ///
    /// One input should be the version of the code that makes the value.
    pub fn new(kind: &'static str, inputs: &[&[u8]]) -> Self {
        let mut key = KeyBuilder::new(kind);
        for input in inputs {
            key.input(input);
        }
        key.finish()
    }
}

impl Key {
    /// The word for what was made.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The digest of the inputs.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What is written for the key when it leads to `blob`: both digests, and one over them and the
    /// kind. So a record that was moved, or of which a part was changed, leads nowhere.
    pub(crate) fn record(&self, blob: &Digest) -> String {
        record(self.kind, &self.digest, blob)
    }

    /// The blob that a record leads to, if it is one of this key's.
    pub(crate) fn read(&self, text: &str) -> Option<Digest> {
        read(self.kind, &self.digest, text)
    }
}

fn record(kind: &str, key: &Digest, blob: &Digest) -> String {
    let mut check = Hasher::default();
    check.update(kind.as_bytes());
    check.update(key.as_bytes());
    check.update(blob.as_bytes());
    format!("{blob} {key} {}\n", check.finish())
}

/// The blob that the record of a key of `kind` leads to, whose digest is `key`.
pub(crate) fn read(kind: &str, key: &Digest, text: &str) -> Option<Digest> {
    let (blob, _) = text.split_once(' ')?;
    let blob = blob.parse().ok()?;
    (record(kind, key, &blob) == text).then_some(blob)
}

/// Makes a [`Key`] of inputs that come one by one.
pub struct KeyBuilder {
    kind: &'static str,
    hasher: Hasher,
}

impl KeyBuilder {
    /// Begins a key of `kind`.
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            hasher: Hasher::default(),
        }
    }

    /// Takes the next input.
    pub fn input(&mut self, input: impl AsRef<[u8]>) -> &mut Self {
        let input = input.as_ref();
        // The length keeps `ab`,`c` apart from `a`,`bc`.
        self.hasher.update(&(input.len() as u64).to_le_bytes());
        self.hasher.update(input);
        self
    }

    /// The key.
    pub fn finish(self) -> Key {
        Key {
            kind: self.kind,
            digest: self.hasher.finish(),
        }
    }
}
