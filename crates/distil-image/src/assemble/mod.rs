//! From a recipe and the contents of its packages to the tree of the image.
//!
//! Layer by layer, the lowest first: the packages' files, what the definition adds, what the
//! packages' scripts would have made, and last what is proved of the whole.

mod additions;
mod alternatives;
mod declared;
mod left_out;
mod licences;
pub(crate) mod packages;
mod scripts;
mod undone;

use std::collections::BTreeMap;

use distil_debian::deb::PackageFile;
use distil_lock::LockedPackage;
use distil_tree::{Entry, InsertError, Kind, Metadata, Origin, Tree, TreePath};

use crate::generate::{self, GenerateError};
use crate::layers::{self, LayerTree};
use crate::{closure, exposure, installed, program, scanners};
use distil_definition::Accounts;
use distil_definition::recipe::{LayerRecipe, Position, Recipe};
use distil_lock::Contents;
use distil_lock::Lock;
use distil_maintscript::alternatives::Alternative;
use distil_maintscript::{Action, Effect};

pub use left_out::{Amount, LeftOut, Omission};
use undone::Diverted;
pub use undone::Undone;

/// An image's file system, with what is to be told of how it came about.
#[derive(Debug)]
pub struct Assembly {
    /// The tree, as a container sees it.
    pub tree: Tree,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerTree>,
    /// All packages that it has files of, the lowest layer first, by name.
    pub packages: Vec<InstalledPackage>,
    /// What packages ship and the image has not.
    pub left_out: Vec<LeftOut>,
    /// Its users and groups.
    pub accounts: Accounts,
}

/// A package of the image.
#[derive(Debug, Clone)]
pub struct InstalledPackage {
    /// The package and the reasons why it is there.
    pub locked: LockedPackage,
    /// The layer that it belongs to.
    pub layer: usize,
    /// The text of its control file.
    pub control: String,
    /// Where its files are in the tree, but for those that were left out.
    pub files: Vec<TreePath>,
    /// The bytes of its files in the tree.
    pub size: u64,
    /// Files of it that were left out.
    pub left_out: Amount,
    /// The maintainer scripts that it has.
    pub scripts: Vec<String>,
    /// Why nothing is missing though they do not run, where that is known.
    pub scripts_covered: Option<String>,
    /// What they would have done, and nobody did.
    pub undone: Vec<Undone>,
}

/// Why no tree can be made.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// Two packages ship one path.
    #[error(
        "packages `{first}` and `{second}` both ship `{path}`, and neither says that it replaces \
         the other's files"
    )]
    Conflict {
        /// The path.
        path: TreePath,
        /// The package whose file is there.
        first: String,
        /// The package that comes with another.
        second: String,
    },
    /// A definition adds what is there already.
    #[error(
        "`{key}` of definition `{definition}` adds `{path}`, which {owner} has already{position}"
    )]
    Taken {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// The path.
        path: TreePath,
        /// What put it there.
        owner: Origin,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A file of a definition cannot take the place of what is there.
    #[error("`files` of definition `{definition}` cannot replace `{path}`: {problem}{position}")]
    Replace {
        /// The definition.
        definition: String,
        /// The path.
        path: TreePath,
        /// Why.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// Nobody has the name that a definition gives as an owner.
    #[error("`{key}` of definition `{definition}`: {problem}{position}")]
    Owner {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// An entry has no place.
    #[error("failed to put a file of {origin} into the image")]
    Insert {
        /// What it is from.
        origin: String,
        /// Why.
        source: InsertError,
    },
    /// A pattern matches nothing.
    #[error(
        "the pattern `{pattern}` in `{key}` of definition `{definition}` matches no file{hint}{position}"
    )]
    UselessPattern {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What may be meant.
        hint: &'static str,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A generated file cannot be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The image would not run.
    #[error(transparent)]
    Closure(#[from] closure::ClosureError),
    /// What the image runs is not in it.
    #[error(transparent)]
    Program(#[from] program::ProgramError),
    /// The image would have what no such image has.
    #[error(transparent)]
    Surface(#[from] exposure::SurfaceError),
    /// Scanners would not see what is in the image.
    #[error(transparent)]
    Scanner(#[from] scanners::ScannerError),
    /// A file's bytes cannot be read from the store.
    #[error("failed to read `{path}` of the image from the store")]
    Read {
        /// The file.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
}

/// Makes the tree of an image, and proves what is promised of it.
///
/// `epoch` is the time that generated files get, instead of the newest of the packages' files.
///
/// # Errors
/// If the definition or its packages contradict themselves, or the image would not run.
pub fn assemble(
    recipe: &Recipe,
    lock: &Lock,
    contents: &Contents,
    epoch: Option<i64>,
) -> Result<Assembly, AssembleError> {
    let mut assembling = Assembling {
        recipe,
        contents,
        tree: Tree::new(),
        packages: Vec::new(),
        left_out: Vec::new(),
        accounts: Accounts::default(),
        alternatives: Vec::new(),
        diversions: Vec::new(),
        undone: BTreeMap::new(),
        newest: 0,
        epoch,
    };
    let mut layers = Vec::new();
    for (number, (layer, resolved)) in recipe.layers.iter().zip(&lock.layers).enumerate() {
        let packages = &resolved.packages;
        assembling.accounts = joined(&layer.accounts, &assembling.accounts);
        if recipe.variant.is_dev() {
            let masters = installed::masters(contents)?;
            assembling.accounts = masters.with(&assembling.accounts);
        }
        assembling.declare_accounts(packages);
        let effects = assembling.script_effects(packages);
        assembling.note_diversions(&effects);
        assembling.add_packages(number, layer, packages)?;
        assembling.add_definitions_own(number, layer)?;
        assembling.make_alternatives(number, alternatives_of(&effects))?;
        if !recipe.variant.is_dev() {
            assembling.drop_dead_scripts(number, layer)?;
            assembling.drop_dangling_alternatives(number);
            assembling.copy_linked_licences(number)?;
        }
        assembling.make_declared_files(number, packages)?;
        if recipe.variant.is_dev() {
            assembling.install(number, layer, &diversions_of(&effects))?;
        } else {
            generate::generate(&mut assembling.generation(number, layer))?;
        }
        assembling.tell_undone(&effects);
        layers.push(layers::of(&assembling.tree, number, &layer.definition));
    }
    let Assembling {
        tree,
        mut packages,
        left_out,
        accounts,
        ..
    } = assembling;
    for package in &mut packages {
        // Of what is in the image now: a file may have been made anew.
        let entries = package.files.iter().filter_map(|path| tree.get(path));
        let files = entries.filter_map(Entry::file);
        package.size = files.map(|node| node.content.size()).sum();
    }
    let assembly = Assembly {
        tree,
        layers,
        packages,
        left_out,
        accounts,
    };
    generate::check(&assembly, recipe)?;
    // A `dev` is meant to have what others must not, and Debian's dependencies whole; what
    // scanners read in it is dpkg's own database.
    if !recipe.variant.is_dev() {
        closure::check(&assembly.tree, recipe)?;
        exposure::check(&assembly, recipe)?;
        scanners::check(&assembly)?;
    }
    program::check(&assembly, recipe)?;
    Ok(assembly)
}

/// The accounts of definitions, and of those that packages declare the ones that no definition
/// has.
fn joined(defined: &Accounts, so_far: &Accounts) -> Accounts {
    let mut all = defined.clone();
    let users = so_far.users.iter();
    let users = users.filter(|one| defined.users.iter().all(|user| user.name != one.name));
    all.users.extend(users.cloned());
    let groups = so_far.groups.iter();
    let groups = groups.filter(|one| defined.groups.iter().all(|group| group.name != one.name));
    all.groups.extend(groups.cloned());
    all
}

/// The alternatives among the effects of scripts, package by package.
fn alternatives_of(effects: &BTreeMap<String, Vec<Effect>>) -> Vec<Alternative> {
    let all = effects.values().flatten();
    all.filter_map(|effect| match &effect.action {
        Action::Alternative(alternative) => Some(alternative.clone()),
        _ => None,
    })
    .collect()
}

/// The diversions among the effects of scripts, those that only guard among them.
fn diversions_of(effects: &BTreeMap<String, Vec<Effect>>) -> Vec<installed::Diverted> {
    let all = effects
        .iter()
        .flat_map(|(package, all)| all.iter().map(move |one| (package, one)));
    let diversions = all.filter_map(|(package, effect)| match &effect.action {
        Action::Diversion(one) => Some((one.from.clone(), one.to.clone(), one.owner_of(package))),
        _ => None,
    });
    let mut diversions: Vec<installed::Diverted> = diversions.collect();
    diversions.sort();
    diversions.dedup();
    diversions
}

/// A tree that is being made.
struct Assembling<'a> {
    recipe: &'a Recipe,
    contents: &'a Contents,
    tree: Tree,
    packages: Vec<InstalledPackage>,
    left_out: Vec<LeftOut>,
    /// The accounts so far.
    accounts: Accounts,
    /// What packages of all layers so far provide, in their order.
    alternatives: Vec<Alternative>,
    /// What packages of all layers so far move out of their way.
    diversions: Vec<Diverted>,
    /// What is not made of the current layer's packages, by package.
    undone: BTreeMap<String, Vec<Undone>>,
    /// The newest time of any file so far, which what is made of them gets.
    newest: i64,
    /// The time that they get instead, where one is given.
    epoch: Option<i64>,
}

impl<'a> Assembling<'a> {
    /// The time of what is made here.
    fn made(&self) -> i64 {
        self.epoch.unwrap_or(self.newest)
    }

    fn content(&self, name: &str) -> Option<&'a PackageFile> {
        self.contents.get(name)
    }

    /// Makes of the layer's packages what dpkg and apt take for installed ones.
    fn install(
        &mut self,
        layer: usize,
        recipe: &LayerRecipe,
        diversions: &[installed::Diverted],
    ) -> Result<(), AssembleError> {
        let (contents, left_out) = (self.contents, std::mem::take(&mut self.left_out));
        let alternatives = std::mem::take(&mut self.alternatives);
        let made = installed::install(
            &mut self.generation(layer, recipe),
            &installed::Installed {
                contents,
                left_out: &left_out,
                alternatives: &alternatives,
                diversions,
            },
        );
        (self.left_out, self.alternatives) = (left_out, alternatives);
        Ok(made?)
    }

    fn generation<'b>(
        &'b mut self,
        layer: usize,
        recipe: &'b LayerRecipe,
    ) -> generate::Generation<'b> {
        let mtime = self.made();
        generate::Generation {
            tree: &mut self.tree,
            packages: &self.packages,
            layer,
            recipe,
            accounts: &self.accounts,
            suite: self.recipe.suite,
            architecture: self.recipe.architecture,
            mtime,
        }
    }

    fn insert(
        &mut self,
        path: &TreePath,
        kind: Kind,
        meta: Metadata,
        origin: Origin,
        layer: usize,
    ) -> Result<TreePath, AssembleError> {
        let entry = Entry {
            kind,
            meta,
            origin: origin.clone(),
            layer,
        };
        let failed = |source| AssembleError::Insert {
            origin: origin.to_string(),
            source,
        };
        self.tree.insert(path, entry).map_err(failed)
    }
}
