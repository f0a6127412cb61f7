//! Where the files go that installing something makes.

use std::io::{self, Read};

use distil_tree::TreePath;

/// Takes the files that are installed, one after another.
pub trait FileSink {
    /// Takes a file of `size` bytes, which is executable or not.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn file(
        &mut self,
        path: &TreePath,
        is_executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()>;
}
