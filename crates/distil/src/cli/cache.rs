//! Flags of `cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::format::Format;

#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what the store holds
    Info(CacheInfo),
    /// Evict least recently used entries, except those that running builds need
    Prune(CachePrune),
    /// Read all entries and remove damaged ones; the exit status is 1 if there were any
    Verify(CacheVerify),
}

#[derive(Debug, Args)]
pub(crate) struct CacheInfo {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CachePrune {
    /// Remove all entries that no running build needs
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CacheVerify {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Which store, and how large it may be.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// Directory of the store [env: DISTIL_STORE] [default: $XDG_CACHE_HOME/distil]
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,

    /// Size limit of the store, such as `500MB` or `20GB` [env: DISTIL_STORE_LIMIT] [default: 10GB]
    #[arg(long = "store-limit", value_name = "SIZE")]
    pub(crate) limit: Option<String>,
}
