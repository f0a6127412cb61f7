//! Scripts that cannot run in the image, because their interpreter is not in it.

use distil_tree::{Kind, Origin, TreePath};

use crate::recipe::LayerRecipe;

use super::{AssembleError, Assembling, LeftOut, Omission};

/// The longest first line that the kernel reads: `BINPRM_BUF_SIZE`.
pub(crate) const MAX_LINE: usize = 256;

/// Folders whose files are only there to be run. Elsewhere an executable file may be read, too:
/// modules of Python's library have `#!` lines and are imported all the same.
const PROGRAM_FOLDERS: [&str; 5] = [
    "usr/bin",
    "usr/sbin",
    "usr/games",
    "usr/libexec",
    "usr/local/bin",
];

impl Assembling<'_> {
    /// Leaves out the packages' programs of a layer whose `#!` names what is not in the image.
    pub(super) fn drop_dead_scripts(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
    ) -> Result<(), AssembleError> {
        let mut dead = Vec::new();
        for folder in PROGRAM_FOLDERS.map(TreePath::of) {
            for (path, entry) in self.tree.below(&folder) {
                let Kind::File(node) = &entry.kind else {
                    continue;
                };
                let from_package = matches!(entry.origin, Origin::Package(_));
                if layer.keep.any(&path.to_string()) {
                    continue;
                }
                if entry.layer != number || !from_package || !entry.is_executable() {
                    continue;
                }
                let failed = |source| AssembleError::Read {
                    path: path.clone(),
                    source,
                };
                let head = node.content.head(MAX_LINE).map_err(failed)?;
                if let Some(interpreter) = interpreter(&head)
                    && self.tree.follow(&interpreter).is_none()
                {
                    dead.push((path.clone(), node.content.size(), interpreter));
                }
            }
        }
        for (path, size, interpreter) in dead {
            self.tree.remove(&path);
            for package in &mut self.packages {
                if let Ok(place) = package.files.binary_search(&path) {
                    package.files.remove(place);
                    package.left_out.add(size);
                    self.left_out.push(LeftOut {
                        path: path.clone(),
                        package: package.selected.package.name.as_str().into(),
                        size,
                        reason: Omission::DeadScript {
                            interpreter: interpreter.clone(),
                        },
                    });
                }
            }
        }
        Ok(())
    }
}

/// The interpreter that a script's first line names (execve(2)).
pub(crate) fn interpreter(head: &[u8]) -> Option<TreePath> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let word = line
        .split(|byte| byte.is_ascii_whitespace())
        .find(|word| !word.is_empty())?;
    TreePath::from_absolute(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let of = |head: &[u8]| interpreter(head).map(|path| path.to_string());
        assert_eq!(of(b"#!/bin/sh\necho"), Some("/bin/sh".to_owned()));
        assert_eq!(
            of(b"#! /usr/bin/env python3\n"),
            Some("/usr/bin/env".to_owned())
        );
        assert_eq!(of(b"\x7fELF"), None);
        assert_eq!(of(b"#!\n/bin/sh"), None);
    }
}
