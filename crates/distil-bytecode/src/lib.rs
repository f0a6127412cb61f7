//! Python's compiled files (`.pyc`), made the same wherever and by whatever process their sources were
//! compiled.
//!
//! A compiled file is a header ([`header`], PEP 552) and a code object as the module `marshal` writes it.
//! CPython's writer marks each object that may be referred to again, and takes for that what the
//! reference counts of its own process say, so one source gives different bytes in different processes
//! (python/cpython#78274). [`canonical`] reads what was written, and writes the one form of it.
//!
//! The compiler itself is an interpreter that is run elsewhere; [`exchange`] is what it is told and asked.

pub mod exchange;
mod marshal;
mod pyc;
mod python;

pub use marshal::{MarshalError, canonical};
pub use pyc::{SourceHash, Validity, cached_path, header};
pub use python::{PythonVersion, UnknownPython};
