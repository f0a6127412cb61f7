//! Where compiled files go, and as whose.

use std::sync::Arc;

use distil_definition::recipe::LayerRecipe;
use distil_tree::{Entry, Kind, Metadata, Origin, Tree};

use super::compiler::Compiler;
use super::error::BytecodeError;
use super::interpreter::Interpreter;
use super::sources::{self, Found};

/// Puts a compiled file beside each source of the tree so far that has none, into the current layer, if
/// its definition asks for that.
///
/// `epoch` is the time that they get, instead of their sources'.
pub(crate) fn add(
    tree: &mut Tree,
    (number, layer): (usize, &LayerRecipe),
    epoch: Option<i64>,
    compiler: &dyn Compiler,
) -> Result<(), BytecodeError> {
    let Some(position) = &layer.bytecode else {
        return Ok(());
    };
    let Some(interpreter) = Interpreter::of(tree)? else {
        return Err(BytecodeError::NoPython {
            definition: layer.definition.clone(),
            position: position.clone(),
        });
    };
    let found = sources::find(tree, interpreter.version);
    if found.is_empty() {
        return Ok(());
    }
    let sources: Vec<_> = found.iter().map(|one| one.source.clone()).collect();
    let compiled = compiler.compile(&interpreter, &sources);
    let compiled = compiled.map_err(BytecodeError::Compile)?;
    for (one, content) in found.into_iter().zip(compiled) {
        if let Some(content) = content {
            put(tree, number, one, Kind::file(content), epoch)?;
        }
    }
    Ok(())
}

fn put(
    tree: &mut Tree,
    layer: usize,
    found: Found,
    kind: Kind,
    epoch: Option<i64>,
) -> Result<(), BytecodeError> {
    let entry = Entry {
        kind,
        meta: Metadata {
            // As the interpreter itself would (`importlib._bootstrap_external`, `_calc_mode`).
            mode: (found.meta.mode | 0o200) & 0o666,
            mtime: epoch.unwrap_or(found.meta.mtime),
            ..found.meta
        },
        origin: Origin::Compiled(Arc::new(found.source.origin)),
        layer,
    };
    let inserted = tree.insert(&found.cached, entry);
    inserted.map(drop).map_err(BytecodeError::from)
}
