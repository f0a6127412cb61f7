//! Why sources were not compiled.

use std::io;

use distil_bytecode::exchange::ExchangeError;
use distil_run::{RootsError, RunError};
use distil_store::StoreError;
use distil_tree::TreePath;

use crate::error::BuildError;

/// Why Python's sources were not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The image is for another machine, and no distribution is for this one.
    #[error("Python of an image for {found} cannot be run here")]
    Machine {
        /// What the image is for.
        found: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The image is for another machine, and Python cannot be had for this one.
    #[error(
        "the image is for {found}, and its Python for {own}, which would compile, cannot be had"
    )]
    Host {
        /// What the image is for.
        found: String,
        /// What this machine is.
        own: String,
        /// Why.
        source: Box<BuildError>,
    },
    /// It is not the same.
    #[error("the image's Python is of `{image}`, and that for this machine of `{host}`")]
    Versions {
        /// The source of the image's, with its version.
        image: String,
        /// That of the one for this machine.
        host: String,
    },
    /// The interpreter's files cannot be written for it.
    #[error("failed to prepare a sandbox for Python")]
    Roots(#[from] RootsError),
    /// It cannot be started.
    #[error("failed to run Python in a sandbox")]
    Sandbox(#[from] RunError),
    /// It does not begin as it should.
    #[error("failed to run Python in a sandbox")]
    Begin(#[source] ExchangeError),
    /// It fails on a source.
    #[error("Python failed to compile `{path}`")]
    Source {
        /// The source.
        path: TreePath,
        /// Why.
        source: ExchangeError,
    },
    /// A source cannot be read.
    #[error("failed to read `{path}` of the image from the store")]
    Read {
        /// The source.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
