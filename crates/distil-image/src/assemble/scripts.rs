//! Scripts that cannot run in the image, because their interpreter is not in it.

use distil_tree::program::{MAX_LINE, interpreter};
use distil_tree::{Kind, Origin, TreePath};

use distil_definition::recipe::LayerRecipe;

use super::{AssembleError, Assembling, LeftOut, Omission};

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
                        package: package.locked.name.as_str().into(),
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
