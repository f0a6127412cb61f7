//! From a recipe and the contents of its packages to the tree of the image.
//!
//! Layer by layer, the lowest first: the packages' files, what the definition adds, what the
//! packages' scripts would have made, and last what is proved of the whole.

mod accounts;
mod additions;
mod alternatives;
mod builder;
mod bundles;
mod dead_scripts;
mod declarations;
mod declared_files;
mod diversions;
mod effects;
mod error;
mod input;
mod inventory;
mod licences;
mod link_targets;
mod packages;
mod patterns;
mod placing;
mod script_files;
mod selection;
mod taken;

use distil_definition::Accounts;
use distil_definition::recipe::Recipe;
use distil_lock::{Contents, Lock};
use distil_tree::Entry;

use crate::assembly::Assembly;
use crate::bytecode::{self, Compiler};
use crate::generation::Generation;
use crate::installation::Installation;
use crate::installed::Installed;
use crate::layer_tree::{Division, LayerTree};
use crate::owners::Owners;
use crate::{closure, exposure, generate, installed, program, scanners};
use alternatives::Alternatives;
use builder::TreeBuilder;
use diversions::Diversions;
use input::LayerInput;
use inventory::Inventory;

pub use error::AssembleError;

/// Makes the tree of an image, and proves what is promised of it.
///
/// `epoch` is the time that generated files get, instead of the newest of the packages' files. The
/// compiler is asked where a definition wants compiled files.
///
/// # Errors
/// If the definition or its packages contradict themselves, or the image would not run.
pub fn assemble(
    recipe: &Recipe,
    lock: &Lock,
    contents: &Contents,
    epoch: Option<i64>,
    compiler: &dyn Compiler,
) -> Result<Assembly, AssembleError> {
    let installation = Installation::of(recipe);
    let mut builder = TreeBuilder::new(epoch);
    let mut inventory = Inventory::default();
    let mut accounts = Accounts::default();
    let mut alternatives = Alternatives::default();
    let mut diversions = Diversions::default();
    let mut layers: Vec<LayerTree> = Vec::new();
    let has_entries = |layer: &&LayerTree| !layer.entries.is_empty();
    let mut placed = Vec::new();
    for (number, (layer, locked)) in recipe.layers.iter().zip(&lock.layers).enumerate() {
        let input = LayerInput {
            recipe: layer,
            packages: &locked.packages,
            contents,
            installation,
        };
        builder.begin(number);
        accounts = accounts::joined(&layer.accounts, &accounts);
        accounts = installation.accounts(accounts, contents)?;
        let effects = effects::of_scripts(&input);
        let uncovered = effects::uncovered(&effects, installation);
        let undeclared = accounts::add_declared(&mut accounts, &input);
        accounts::add_of_scripts(&mut accounts, &uncovered);
        let owners = Owners::new(&accounts);
        diversions.add(&effects);
        packages::add(&mut builder, &mut inventory, &input, &owners, &diversions)?;
        inventory.note_vendors(lock);
        inventory.note_undone(undeclared);
        placed.extend(bundles::add(
            &mut builder,
            layer,
            contents.bundles(),
            &owners,
        )?);
        additions::add(&mut builder, layer, &owners)?;
        alternatives.link(&mut builder, effects::alternatives(&effects))?;
        if installation == Installation::FilesOnly {
            dead_scripts::leave_out(&mut builder, &mut inventory, layer)?;
            alternatives::drop_dangling(&mut builder);
            link_targets::leave_out_links(&mut builder, &mut inventory, layer);
            licences::copy_linked(&mut builder, &mut inventory)?;
        }
        inventory.note_undone(declared_files::add(&mut builder, &input, &owners)?);
        script_files::make(&mut builder, &uncovered, &owners);
        let (mtime, epoch) = (builder.made(), builder.epoch());
        let mut generation = Generation {
            tree: &mut builder.tree,
            packages: &inventory.packages,
            layer: number,
            recipe: layer,
            accounts: &accounts,
            suite: recipe.suite,
            architecture: recipe.architecture,
            mtime,
            epoch,
        };
        match installation {
            Installation::FilesOnly => generate::generate(&mut generation)?,
            Installation::AsDpkg => {
                let installed = Installed {
                    contents,
                    left_out: &inventory.left_out,
                    alternatives: &alternatives.0,
                    diversions: &effects::diversions(&effects),
                };
                installed::install(&mut generation, &installed)?;
            }
        }
        let own = placed.iter().filter(|one| one.layer == number);
        let components = own.map(|one| &one.provenance);
        generate::components(&mut generation, components)?;
        let undone = effects::undone(&uncovered, &builder.tree, &owners);
        inventory.note_undone(undone);
        bytecode::add(&mut builder.tree, (number, layer), epoch, compiler)?;
        builder.end();
        let division = Division {
            recipe: layer,
            number,
            packages: &inventory.packages,
            below: layers.iter().filter(has_entries).count(),
        };
        layers.extend(division.layers(&builder.tree));
    }
    for package in &mut inventory.packages {
        // Of what is in the image now: a file may have been made anew.
        let entries = package.files.iter();
        let entries = entries.filter_map(|path| builder.tree.get(path));
        let files = entries.filter_map(Entry::file);
        package.size = files.map(|node| node.content.size()).sum();
    }
    let assembly = Assembly {
        tree: builder.tree,
        layers,
        packages: inventory.packages,
        left_out: inventory.left_out,
        bundles: placed,
        accounts,
    };
    prove(&assembly, recipe, installation)?;
    Ok(assembly)
}

/// Proves what is promised of a finished image.
fn prove(
    assembly: &Assembly,
    recipe: &Recipe,
    installation: Installation,
) -> Result<(), AssembleError> {
    generate::check(assembly, recipe)?;
    // Where packages are installed the image is meant to have what others must not, and Debian's
    // dependencies whole; what scanners read in it is dpkg's own database.
    if installation == Installation::FilesOnly {
        closure::check(&assembly.tree, recipe)?;
        exposure::check(assembly, recipe)?;
        scanners::check(assembly, recipe.suite.distribution)?;
    }
    program::check(assembly, recipe)?;
    Ok(())
}
