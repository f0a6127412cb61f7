//! Scripts that cannot run in the image, because their interpreter is not in it.

use std::sync::Arc;

use distil_definition::recipe::LayerRecipe;
use distil_tree::program::{MAX_LINE, interpreter};
use distil_tree::{Kind, Origin, Tree, TreePath};

use super::builder::TreeBuilder;
use super::error::AssembleError;
use super::inventory::Inventory;
use crate::assembly::{LeftOut, Omission};

/// Directories whose files are only there to be run. Elsewhere an executable file may be read,
/// too: modules of Python's library have `#!` lines and are imported all the same.
const PROGRAM_DIRECTORIES: [&str; 5] = [
    "usr/bin",
    "usr/sbin",
    "usr/games",
    "usr/libexec",
    "usr/local/bin",
];

/// Leaves out the packages' programs of a layer whose `#!` names what is not in the image.
pub(super) fn leave_out(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
    layer: &LayerRecipe,
) -> Result<(), AssembleError> {
    for dead in dead_scripts(&builder.tree, builder.layer, layer)? {
        builder.tree.remove(&dead.path);
        inventory.leave_out(LeftOut {
            path: dead.path,
            package: dead.package,
            size: dead.size,
            reason: Omission::DeadScript {
                interpreter: dead.interpreter,
            },
        });
    }
    Ok(())
}

struct DeadScript {
    package: Arc<str>,
    path: TreePath,
    size: u64,
    interpreter: TreePath,
}

fn dead_scripts(
    tree: &Tree,
    number: usize,
    layer: &LayerRecipe,
) -> Result<Vec<DeadScript>, AssembleError> {
    let mut dead = Vec::new();
    for directory in PROGRAM_DIRECTORIES.map(TreePath::of) {
        for (path, entry) in tree.below(&directory) {
            let Kind::File(node) = &entry.kind else {
                continue;
            };
            let Origin::Package(package) = &entry.origin else {
                continue;
            };
            if layer.keep.any(&path.to_string()) {
                continue;
            }
            if entry.layer != number || !entry.is_executable() {
                continue;
            }
            let failed = |source| AssembleError::Read {
                path: path.clone(),
                source,
            };
            let head = node.content.head(MAX_LINE).map_err(failed)?;
            if let Some(interpreter) = interpreter(&head)
                && tree.follow(&interpreter).is_none()
            {
                dead.push(DeadScript {
                    package: package.clone(),
                    path: path.clone(),
                    size: node.content.size(),
                    interpreter,
                });
            }
        }
    }
    Ok(dead)
}
