//! What is told while an image is written to a registry.

/// How a blob got into a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It was there.
    Present,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Who is told of what happens while an image is written to a registry. Called from several threads.
pub trait Progress: Sync {
    /// The number of blobs that are to be in the repository, and their size in bytes.
    fn planned(&self, blobs: usize, bytes: u64);

    /// One of them is there; its size in bytes.
    fn sent(&self, bytes: u64, way: Way);

    /// A tag leads to the image, and did not before if it `moved`.
    fn tagged(&self, tag: &str, moved: bool);
}

/// Is told, and tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn planned(&self, _: usize, _: u64) {}

    fn sent(&self, _: u64, _: Way) {}

    fn tagged(&self, _: &str, _: bool) {}
}
