//! Python's compiled files (PEP 3147, PEP 552). Debian's packages have none: they are made when a package
//! is installed, so that in an image of its files every new container would compile what it imports.
//!
//! The one step of making an image for which a program has to run, and not here: a [`Compiler`] is given
//! the image's own interpreter and the sources.

mod compiler;
mod error;
mod interpreter;
mod packages;
mod place;
mod sources;

pub use compiler::{Compiler, CompilerFailure, PythonSource};
pub use error::BytecodeError;
pub use interpreter::Interpreter;
pub(crate) use place::add;
