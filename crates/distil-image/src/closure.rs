//! Proof that every program and library of an image finds what it needs in it.

use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::closure::{Closure, MissingLibrary};
use distil_tree::loader::{Loader, LoaderError, machine, machine_name};

use distil_definition::recipe::{Position, Recipe};
use distil_tree::{Entry, Origin, Tree, TreePath, printable};

/// Why an image is not closed.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// Libraries are missing.
    #[error(
        "the image would lack libraries that its files need:{}{}",
        listed(missing),
        told(foreign)
    )]
    Missing {
        /// Which, and what needs them.
        missing: Vec<MissingLibrary>,
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

fn listed(missing: &[MissingLibrary]) -> String {
    let line = |one: &MissingLibrary| match one.is_loader {
        true => format!(
            "\n  `{}` is run by `{}`, which is not there",
            one.path,
            printable(&one.library)
        ),
        false => format!("\n  `{}` needs `{}`", one.path, printable(&one.library)),
    };
    missing.iter().map(line).collect()
}

fn told(foreign: &BTreeMap<TreePath, String>) -> String {
    let line =
        |(path, machine)| format!("\n  `{path}` is for {machine}, which the image is not for");
    foreign.iter().map(line).collect()
}

/// Which of the files are for another machine than the image.
fn foreign(tree: &Tree, recipe: &Recipe, missing: &[MissingLibrary]) -> BTreeMap<TreePath, String> {
    let platform = recipe.architecture.platform();
    let own = machine(platform.architecture());
    let machine_of = |path: &TreePath| {
        let abi = tree.get(path)?.file()?.elf()?.ok()?.abi;
        let bits = if abi.is_64 { 64 } else { 32 };
        let name = format!("{} ({bits} bits)", machine_name(abi.machine));
        (Some(abi.machine) != own).then_some(name)
    };
    let paths = missing.iter().map(|one| &one.path);
    paths
        .filter_map(|path| Some((path.clone(), machine_of(path)?)))
        .collect()
}

/// Checks that nothing is missing that no definition of the recipe excuses.
pub(crate) fn check(tree: &Tree, recipe: &Recipe) -> Result<(), ClosureError> {
    let loader = Loader::of_whole(tree)?;
    let mut missing = Closure::of(&loader, tree, &[], &BTreeSet::new()).missing;
    missing.sort_by(|a, b| (&a.path, &a.library).cmp(&(&b.path, &b.library)));
    let is = |one: &MissingLibrary, name: &String| printable(&one.library) == *name;
    for layer in &recipe.layers {
        let excuses = layer.excuse.iter();
        for (name, reason) in excuses.filter(|(name, _)| layer.must_matter(name)) {
            if !missing.iter().any(|one| is(one, name)) {
                return Err(ClosureError::UselessExcuse {
                    definition: layer.definition.clone(),
                    name: name.clone(),
                    position: reason.position.clone(),
                });
            }
        }
    }
    let is_excused = |one: &MissingLibrary| {
        let mut names = recipe.layers.iter().flat_map(|layer| layer.excuse.keys());
        names.any(|name| is(one, name))
    };
    missing.retain(|one| !is_excused(one) && !is_own(tree, one));
    match missing.is_empty() {
        true => Ok(()),
        false => Err(ClosureError::Missing {
            foreign: foreign(tree, recipe, &missing),
            missing,
        }),
    }
}

/// Whether a library is of the same package or wheel, in a directory that the loader does not look into.
/// Then something of the package loads it first, and the loader takes what is loaded: as the JVM's
/// launcher does with `libjvm.so`, and the extension modules of a wheel, whose run paths lead to it.
fn is_own(tree: &Tree, missing: &MissingLibrary) -> bool {
    let Some(origin) = tree.get(&missing.path).map(|entry| &entry.origin) else {
        return false;
    };
    let is_it = |path: &TreePath, entry: &Entry| {
        path.name() == Some(missing.library.as_slice()) && entry.origin == *origin
    };
    matches!(origin, Origin::Package(_) | Origin::Bundle(_))
        && !missing.is_loader
        && tree.iter().any(|(path, entry)| is_it(path, entry))
}
