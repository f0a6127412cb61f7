//! Python's compiled files, by the image's own interpreter in a sandbox.
//!
//! ```text
//! sources ─► kept (store) ─► what is missing ─► sandbox: interpreter ─► canonical form ─► kept
//! ```
//!
//! The interpreter is the one program out of a package that is ever run, and its files are the archive's own.
//! It is given sources over a pipe and answers over another; it sees neither network nor files but its
//! own, can write nowhere, and is no user of this machine.

mod compiler;
mod error;
mod host;
mod kept;
mod sandbox;

pub(crate) use compiler::SandboxedCompiler;
pub use error::CompileError;
