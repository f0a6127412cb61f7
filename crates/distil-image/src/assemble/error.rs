//! Why no tree of an image can be made.

use distil_definition::recipe::Position;
use distil_tree::{InsertError, Origin, TreePath};

use crate::bytecode::BytecodeError;
use crate::closure::ClosureError;
use crate::exposure::SurfaceError;
use crate::generation::GenerateError;
use crate::program::ProgramError;
use crate::scanners::ScannerError;

/// Why no tree can be made.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// Two packages ship one path.
    #[error(
        "packages `{first}` and `{second}` both ship `{path}`, and neither says that it replaces \
         the other's files"
    )]
    Conflict {
        /// The path.
        path: TreePath,
        /// The package whose file is there.
        first: String,
        /// The package that comes with another.
        second: String,
    },
    /// A definition adds what is there already.
    #[error(
        "`{key}` of definition `{definition}` adds `{path}`, which {owner} has already{position}"
    )]
    Taken {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// The path.
        path: TreePath,
        /// What put it there.
        owner: Origin,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A file of a definition cannot take the place of what is there.
    #[error("`files` of definition `{definition}` cannot replace `{path}`: {problem}{position}")]
    Replace {
        /// The definition.
        definition: String,
        /// The path.
        path: TreePath,
        /// Why.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// Nobody has the name that a definition gives as an owner.
    #[error("`{key}` of definition `{definition}`: {problem}{position}")]
    Owner {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// An entry has no place.
    #[error("failed to put a file of {origin} into the image")]
    Insert {
        /// What it is from.
        origin: String,
        /// Why.
        source: InsertError,
    },
    /// A path has a name that an image cannot have.
    #[error(
        "{origin} has `{path}`, which no image can have: in a layer, a name that begins with \
         `.wh.` stands for a file that is deleted{position}"
    )]
    Whiteout {
        /// What it is from.
        origin: String,
        /// The path.
        path: TreePath,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A download or directory has no file that is taken.
    #[error("nothing of {origin} of definition `{definition}` is taken{position}")]
    EmptyBundle {
        /// The definition.
        definition: String,
        /// The download or directory.
        origin: String,
        /// The position of where it goes.
        position: Position,
    },
    /// A pattern matches nothing.
    #[error(
        "the pattern `{pattern}` in `{key}` of definition `{definition}` matches no file{hint}{position}"
    )]
    UselessPattern {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What may be meant.
        hint: &'static str,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A generated file cannot be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Python's sources cannot be compiled.
    #[error(transparent)]
    Bytecode(#[from] BytecodeError),
    /// The image would not run.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// What the image runs is not in it.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The image would have what no such image has.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// Scanners would not see what is in the image.
    #[error(transparent)]
    Scanner(#[from] ScannerError),
    /// A file's bytes cannot be read from the store.
    #[error("failed to read `{path}` of the image from the store")]
    Read {
        /// The file.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
}
