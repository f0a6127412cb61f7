//! Why an image has no compiled files.

use distil_bytecode::UnknownPython;
use distil_definition::recipe::Position;
use distil_tree::{InsertError, TreePath};

use super::compiler::CompilerFailure;

/// Why Python's sources were not compiled.
#[derive(Debug, thiserror::Error)]
pub enum BytecodeError {
    /// There is no Python of Debian's in the image.
    #[error(
        "`bytecode` of definition `{definition}` asks for compiled files, and the image has no Python \
         of a Debian package{position}"
    )]
    NoPython {
        /// The definition.
        definition: String,
        /// The position of the key.
        position: Position,
    },
    /// It is of a version whose compiled files are not known.
    #[error("failed to compile Python's sources")]
    Version(#[from] UnknownPython),
    /// What it needs to run is missing, or is not a package's any more.
    #[error("`{path}`, which Python needs to compile sources, {problem}")]
    Interpreter {
        /// What it needs.
        path: TreePath,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A compiled file has no place.
    #[error("failed to put a compiled file into the image")]
    Insert(#[from] InsertError),
    /// They could not be compiled.
    #[error("failed to compile Python's sources")]
    Compile(#[source] CompilerFailure),
}
