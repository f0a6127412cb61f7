//! Proof that every program and library of an image finds what it needs in it.

use distil_tree::loader::{Loader, LoaderError, Unmet};

use distil_definition::recipe::{Position, Recipe};
use distil_tree::{Entry, Origin, Tree, TreePath};

/// Why an image is not closed.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// Libraries are missing.
    #[error("the image would lack libraries that its files need:{}", listed(unmet))]
    Missing {
        /// Which, and what needs them.
        unmet: Vec<Unmet>,
    },
    /// An excuse excuses nothing.
    #[error(
        "`excuse: {name}` of definition `{definition}` excuses nothing: no file lacks it{position}"
    )]
    UselessExcuse {
        /// The definition.
        definition: String,
        /// The library.
        name: String,
        /// The position of the entry.
        position: Position,
    },
    /// The files cannot be read.
    #[error(transparent)]
    Loader(#[from] LoaderError),
}

fn listed(unmet: &[Unmet]) -> String {
    let line = |one: &Unmet| match one.is_interpreter {
        true => format!(
            "\n  `{}` is run by `{}`, which is not there",
            one.path, one.needed
        ),
        false => format!("\n  `{}` needs `{}`", one.path, one.needed),
    };
    unmet.iter().map(line).collect()
}

/// Checks that nothing is missing that no definition of the recipe excuses.
pub(crate) fn check(tree: &Tree, recipe: &Recipe) -> Result<(), ClosureError> {
    let unmet = Loader::of_whole(tree)?.unmet();
    for layer in &recipe.layers {
        let excuses = layer.excuse.iter();
        for (name, reason) in excuses.filter(|(name, _)| layer.must_matter(name)) {
            if !unmet.iter().any(|one| one.needed == *name) {
                return Err(ClosureError::UselessExcuse {
                    definition: layer.definition.clone(),
                    name: name.clone(),
                    position: reason.position.clone(),
                });
            }
        }
    }
    let excused = |one: &Unmet| {
        recipe
            .layers
            .iter()
            .any(|l| l.excuse.contains_key(&one.needed))
    };
    let unmet = unmet.into_iter().filter(|one| !excused(one));
    let unmet: Vec<Unmet> = unmet.filter(|one| !is_own(tree, one)).collect();
    match unmet.is_empty() {
        true => Ok(()),
        false => Err(ClosureError::Missing { unmet }),
    }
}

/// Whether a library is the package's own, in a folder that the loader does not look into. Then
/// a program of the package loads it first, and the loader takes what is loaded: as the JVM's
/// launcher does with `libjvm.so`.
fn is_own(tree: &Tree, unmet: &Unmet) -> bool {
    let Some(Origin::Package(package)) = tree.get(&unmet.path).map(|entry| &entry.origin) else {
        return false;
    };
    let is_it = |path: &TreePath, entry: &Entry| {
        path.name() == Some(unmet.needed.as_bytes())
            && entry.origin == Origin::Package(package.clone())
    };
    !unmet.is_interpreter && tree.iter().any(|(path, entry)| is_it(path, entry))
}
