//! The files of packages, into the tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use distil_debian::deb::{EntryKind, PackageEntry, PackageFile};
use distil_definition::Policy;
use distil_definition::recipe::{LayerRecipe, PackageRequest};
use distil_lock::LockedPackage;
use distil_tree::{Patterns, TreePath};

use super::builder::TreeBuilder;
use super::diversions::Diversions;
use super::error::AssembleError;
use super::input::LayerInput;
use super::inventory::Inventory;
use super::patterns::UsedPatterns;
use super::placing::{Placing, above};
use super::selection::Selection;
use crate::assembly::{Amount, InstalledPackage, LeftOut};
use crate::merged_usr::folded;
use crate::owners::Owners;

/// Puts the packages of a layer into the tree.
pub(super) fn add(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
    input: &LayerInput<'_>,
    owners: &Owners,
    diversions: &Diversions,
) -> Result<(), AssembleError> {
    let mut used = UsedPatterns::default();
    let mut ordered: Vec<(&LockedPackage, &PackageFile)> = input.unpacked().collect();
    // base-files has the directories of the file system, with the modes that count.
    ordered.sort_by_key(|(one, _)| (one.name != "base-files", one.name.clone()));
    for (package, file) in ordered {
        let placing = Placing::new(package, file, owners, diversions);
        add_package(builder, inventory, &mut used, input, placing)?;
    }
    for package in asked_for_of_below(inventory, input, builder.layer) {
        if let Some(file) = input.contents.get(&package.name) {
            let placing = Placing::new(&package, file, owners, diversions);
            add_rest(builder, inventory, &mut used, input, placing)?;
        }
    }
    used.check(&builder.tree, input.recipe)
}

fn add_package(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
    used: &mut UsedPatterns,
    input: &LayerInput<'_>,
    mut placing: Placing<'_>,
) -> Result<(), AssembleError> {
    let (layer, file) = (input.recipe, placing.file);
    let name = &placing.package.name;
    let request = request_for(layer, name);
    let only = only(request);
    let selection = Selection {
        policy: input.installation.policy(),
        layer,
        package: name,
        only,
    };
    let covered = input.installation.covers_scripts_of(name);
    let mut installed = InstalledPackage {
        locked: placing.package.clone(),
        vendor: None,
        layer: builder.layer,
        control: file.package.control.clone(),
        files: Vec::new(),
        size: 0,
        left_out: Amount::default(),
        scripts: scripts_of(file),
        scripts_covered: covered.map(str::to_owned),
        undone: Vec::new(),
    };
    let package: Arc<str> = name.as_str().into();
    let mut omissions = selection.omissions(file);
    let mut kept = Vec::new();
    for (index, entry) in file.package.entries.iter().enumerate() {
        let path = folded(&entry.path);
        let shown = path.to_string();
        used.note(&layer.drop, &shown, "drop");
        used.note(&layer.keep, &shown, "keep");
        if let Some(only) = only {
            used.note(only, &shown, "only");
        }
        if entry.kind == EntryKind::Directory {
            continue;
        }
        match omissions.remove(&index) {
            None => {
                let diverted = placing.diversions.of(name, &entry.path);
                kept.push((index, diverted.unwrap_or_else(|| moved(request, path))));
            }
            Some(reason) => {
                let size = size_of(entry);
                installed.left_out.add(size);
                inventory.left_out.push(LeftOut {
                    path,
                    package: package.clone(),
                    size,
                    reason,
                });
            }
        }
    }
    check_moved(layer, request, file)?;
    add_directories(builder, &placing, &selection, &kept)?;
    for (index, path) in kept {
        if let Some(place) = placing.add(builder, inventory, index, &path)? {
            installed.files.push(place);
        }
    }
    installed.files.sort();
    inventory.packages.push(installed);
    Ok(())
}

/// The directories that hold what is kept, and those that are shipped empty.
fn add_directories(
    builder: &mut TreeBuilder,
    placing: &Placing<'_>,
    selection: &Selection<'_>,
    kept: &[(usize, TreePath)],
) -> Result<(), AssembleError> {
    let needed = above(kept);
    let entries = placing.file.package.entries.iter();
    let inhabited: BTreeSet<TreePath> = entries
        .filter_map(|entry| folded(&entry.path).parent())
        .collect();
    placing.add_directories(builder, |path| {
        let is_taken = || selection.omits(&path.to_string()).is_none();
        let is_empty = !inhabited.contains(path);
        needed.contains(path) || path.is_root() || (is_empty && is_taken())
    })
}

/// The packages of lower layers of which this one may take more: it keeps files that those left
/// out, or asks for a package that they took in part.
fn asked_for_of_below(
    inventory: &Inventory,
    input: &LayerInput<'_>,
    number: usize,
) -> Vec<LockedPackage> {
    let layer = input.recipe;
    let below = inventory.packages.iter().filter(|one| one.layer < number);
    let asked_for = below
        .filter(|one| !layer.keep.is_empty() || request_for(layer, &one.locked.name).is_some());
    asked_for.map(|one| one.locked.clone()).collect()
}

/// What this layer takes of a package below it that is not there yet.
fn add_rest(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
    used: &mut UsedPatterns,
    input: &LayerInput<'_>,
    mut placing: Placing<'_>,
) -> Result<(), AssembleError> {
    let layer = input.recipe;
    let name = &placing.package.name;
    let request = request_for(layer, name);
    let selection = Selection {
        policy: Some(Policy::default_policy()),
        layer,
        package: name,
        only: only(request),
    };
    let omissions = selection.omissions(placing.file);
    let mut taken = Vec::new();
    for (index, entry) in placing.file.package.entries.iter().enumerate() {
        let path = folded(&entry.path);
        let shown = path.to_string();
        used.note(&layer.keep, &shown, "keep");
        if let Some(only) = selection.only {
            used.note(only, &shown, "only");
        }
        let is_kept = layer.keep.any(&shown);
        let is_taken = request.is_some() && !omissions.contains_key(&index);
        let is_there = builder.tree.get(&path).is_some();
        if request.is_some() && !is_there {
            used.note(&layer.drop, &shown, "drop");
        }
        let is_directory = entry.kind == EntryKind::Directory;
        if !is_there && !is_directory && (is_kept || is_taken) {
            taken.push((index, path));
        }
    }
    placing.add_directories_above(builder, &taken)?;
    let mut added = Vec::new();
    for (index, path) in &taken {
        let to = moved(request, path.clone());
        added.extend(placing.add(builder, inventory, *index, &to)?);
    }
    inventory.add_files(name, added);
    let taken: BTreeSet<TreePath> = taken.into_iter().map(|(_, path)| path).collect();
    inventory
        .left_out
        .retain(|one| *one.package != **name || !taken.contains(&one.path));
    Ok(())
}

/// Refuses to move what a package does not ship.
fn check_moved(
    layer: &LayerRecipe,
    request: Option<&PackageRequest>,
    file: &PackageFile,
) -> Result<(), AssembleError> {
    let moved = request.into_iter().flat_map(|request| &request.moved);
    for (from, to) in moved {
        let mut shipped = file.package.entries.iter();
        if !shipped.any(|entry| folded(&entry.path) == *from) {
            return Err(AssembleError::UselessPattern {
                definition: layer.definition.clone(),
                key: "move",
                position: to.position.clone(),
                pattern: from.to_string(),
                hint: " of the package",
            });
        }
    }
    Ok(())
}

/// What a layer says of a package.
fn request_for<'a>(layer: &'a LayerRecipe, name: &str) -> Option<&'a PackageRequest> {
    let names = |request: &&PackageRequest| {
        let mut relations = request.relation.iter();
        relations.any(|relation| relation.name == name)
    };
    layer.packages.iter().find(names)
}

/// The patterns of a package that is taken in part.
fn only(request: Option<&PackageRequest>) -> Option<&Patterns> {
    request
        .map(|request| &*request.only)
        .filter(|only| !only.is_empty())
}

fn size_of(entry: &PackageEntry) -> u64 {
    match entry.kind {
        EntryKind::File { size, .. } => size,
        _ => 0,
    }
}

fn moved(request: Option<&PackageRequest>, path: TreePath) -> TreePath {
    request
        .and_then(|request| request.moved.get(&path).map(|to| to.path.clone()))
        .unwrap_or(path)
}

fn scripts_of(file: &PackageFile) -> Vec<String> {
    let scripts = ["config", "preinst", "postinst", "prerm", "postrm"];
    let has = |name: &&str| file.package.control_files.contains_key(*name);
    // What runs when a package goes is of no use where none ever does.
    let counts = |name: &&str| !matches!(*name, "prerm" | "postrm" | "config");
    scripts
        .into_iter()
        .filter(has)
        .filter(counts)
        .map(str::to_owned)
        .collect()
}
