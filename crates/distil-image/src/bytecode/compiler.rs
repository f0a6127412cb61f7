//! Who compiles Python's sources.

use std::error::Error;

use distil_tree::{Content, Origin, TreePath};

use super::interpreter::Interpreter;

/// Why nothing was compiled.
pub type CompilerFailure = Box<dyn Error + Send + Sync>;

/// A source that is to be compiled.
#[derive(Debug, Clone)]
pub struct PythonSource {
    /// Its path in the image, which tracebacks show.
    pub path: TreePath,
    /// Its text.
    pub content: Content,
    /// What put it there: what comes of the same is compiled, and kept, together.
    pub origin: Origin,
    /// Whether the interpreter looks whether the source is still the one that was compiled, each time that it
    /// imports it.
    pub is_checked: bool,
}

/// Compiles Python's sources by an interpreter that it runs.
pub trait Compiler {
    /// The compiled files in the order of their sources; none of one that is no valid Python. The bytes
    /// are the same for the same version of Python, source and path, whichever machine it is.
    ///
    /// # Errors
    /// If the interpreter cannot be run, or fails.
    fn compile(
        &self,
        interpreter: &Interpreter,
        sources: &[PythonSource],
    ) -> Result<Vec<Option<Content>>, CompilerFailure>;
}
