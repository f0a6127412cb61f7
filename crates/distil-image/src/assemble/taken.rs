//! Refusing what a definition adds where something is already.

use distil_definition::recipe::Position;
use distil_tree::{Origin, Tree, TreePath};

use super::error::AssembleError;
use crate::generation::TIME_ZONE;

/// Refuses a path that is taken.
pub(super) fn refuse_taken(
    tree: &Tree,
    definition: &str,
    key: &'static str,
    path: &TreePath,
    position: &Position,
) -> Result<(), AssembleError> {
    let place = tree.place(path).unwrap_or_else(|_| path.clone());
    match tree.get(&place) {
        None => Ok(()),
        Some(there) if there.origin == Origin::Generated(TIME_ZONE.into()) => Ok(()),
        Some(there) => Err(AssembleError::Taken {
            definition: definition.to_owned(),
            key,
            path: path.clone(),
            owner: there.origin.clone(),
            position: position.clone(),
        }),
    }
}
