//! Code objects as the module `marshal` writes them (CPython, `Python/marshal.c`, versions 4 and 5 of the
//! format), read and written again in one form.
//!
//! Two processes that compile one source agree on its values and on nothing else: which objects are marked
//! to be referred to, which equal ones are one, and in what order the elements of a frozen set come
//! depends on reference counts and on what was compiled before. So a canonical stream
//!
//! - has each value once, and refers to it from there on;
//! - marks those objects, and no others, that are referred to;
//! - has the elements of a frozen set in an order of their own;
//! - says of those strings that they are interned that could be names.
//!
//! Constants are immutable, so that nothing changes for a program by which of them are one. Code objects
//! stay as many as they are: tracing and monitoring tell them apart.

mod error;
mod graph;
mod kind;
mod read;
mod write;

pub use error::MarshalError;

/// The canonical form of the one code object in `bytes`.
///
/// Memory is some times that of the bytes, time a little more than linear.
///
/// # Errors
/// If the bytes are not one code object with constants that a compiler makes, or nest too deeply.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, MarshalError> {
    let (graph, root) = read::read(bytes)?;
    Ok(write::write(&graph, root))
}
