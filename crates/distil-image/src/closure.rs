//! Proof that every program and library of an image finds what it needs in it.

use std::collections::BTreeMap;

use distil_tree::loader::{Loader, LoaderError, Unmet, machine, machine_name};

use distil_definition::recipe::{Position, Recipe};
use distil_tree::{Entry, Origin, Tree, TreePath};

/// Why an image is not closed.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// Libraries are missing.
    #[error(
        "the image would lack libraries that its files need:{}{}",
        listed(unmet),
        told(foreign)
    )]
    Missing {
        /// Which, and what needs them.
        unmet: Vec<Unmet>,
        /// Those of the files that are for another machine than the image, with its name.
        foreign: BTreeMap<TreePath, String>,
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

fn told(foreign: &BTreeMap<TreePath, String>) -> String {
    let line =
        |(path, machine)| format!("\n  `{path}` is for {machine}, which the image is not for");
    foreign.iter().map(line).collect()
}

/// Which of the files are for another machine than the image.
fn foreign(tree: &Tree, recipe: &Recipe, unmet: &[Unmet]) -> BTreeMap<TreePath, String> {
    let platform = recipe.architecture.platform();
    let own = machine(platform.architecture());
    let machine_of = |path: &TreePath| {
        let abi = tree.get(path)?.file()?.elf()?.ok()?.abi;
        let bits = if abi.is_64 { 64 } else { 32 };
        let name = format!("{} ({bits} bits)", machine_name(abi.machine));
        (Some(abi.machine) != own).then_some(name)
    };
    let paths = unmet.iter().map(|one| &one.path);
    paths
        .filter_map(|path| Some((path.clone(), machine_of(path)?)))
        .collect()
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
        false => Err(ClosureError::Missing {
            foreign: foreign(tree, recipe, &unmet),
            unmet,
        }),
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
