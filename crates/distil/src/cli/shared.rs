//! Flags of what machines share: a cache in a registry, and the part of a catalogue that each of them makes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Results of other machines.
#[derive(Debug, Default, Args)]
pub(crate) struct SharedCache {
    /// Repository that finished images are taken from, as `docker://REGISTRY/NAME`; may be repeated
    ///
    /// Entries count only if a key of `--cache-key` has signed them.
    #[arg(long = "cache", value_name = "REPOSITORY", help_heading = "Cache")]
    pub(crate) caches: Vec<String>,

    /// Public key whose entries of caches are trusted; may be repeated
    #[arg(long = "cache-key", value_name = "FILE", help_heading = "Cache")]
    pub(crate) cache_keys: Vec<PathBuf>,

    /// Repository that finished images are put into for other machines, as `docker://REGISTRY/NAME`
    #[arg(long, value_name = "REPOSITORY", help_heading = "Cache")]
    pub(crate) cache_to: Option<String>,

    /// Private key that signs them: FILE, `env:NAME` or `command:COMMAND`
    #[arg(long, value_name = "KEY", help_heading = "Cache")]
    pub(crate) cache_sign_key: Option<String>,
}

/// The part of the images that this machine makes.
#[derive(Debug, Default, Args)]
pub(crate) struct Share {
    /// Make only one of N parts of the images, counted from 1: `3/16`; others are skipped
    ///
    /// The digest of an image's name and suite says which part it is in, so machines need not know of one
    /// another. All variants of an image are in one part, since they share layers.
    #[arg(long, value_name = "PART/N", help_heading = "Cache")]
    pub(crate) shard: Option<String>,

    /// Longest wait for the layers of a base image that another part makes
    ///
    /// They are taken from `--cache` when they are there, so that each layer is made once. A base that is
    /// late is made here, too.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        requires_all = ["shard", "caches"],
        help_heading = "Cache"
    )]
    pub(crate) shard_wait: u32,
}

impl Share {
    /// How long the layers of a base are waited for.
    pub(crate) fn longest_wait(&self) -> Duration {
        Duration::from_secs(self.shard_wait.into())
    }
}
