//! What the live tests stand on: the real `distil` command in a temporary directory, images built once
//! a run, and Docker and Podman as they are installed.
//!
//! The tests themselves are in `tests/live`, behind the feature `live`. Everything here fails by
//! panicking, with the command that was run and what it printed: that is how a test fails.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "this library is used by tests only, and a test fails by panicking"
)]

pub mod archive;
pub mod built;
pub mod context;
pub mod engine;
pub mod outcome;
pub mod registry;
pub mod require;
pub mod rootfs;
pub mod tls;

pub use archive::Archive;
pub use built::{Built, Request};
pub use context::Context;
pub use engine::{Container, Engine, Run};
pub use outcome::Outcome;
pub use rootfs::{Entry, Kind, Rootfs};
