//! What the packages' own scripts would do, and what of that nobody did.

use std::collections::BTreeMap;

use distil_maintscript::alternatives::Alternative;
use distil_maintscript::{AccountChange, Action, Consequence, Effect, effects};
use distil_tree::Tree;

use super::input::LayerInput;
use super::inventory::UndoneByPackage;
use super::script_files;
use crate::assembly::Undone;
use crate::installation::Installation;
use crate::installed;
use crate::owners::Owners;

/// What the scripts of a layer's packages would do, by package. Packages whose scripts need not be
/// followed are passed over.
pub(super) fn of_scripts(input: &LayerInput<'_>) -> BTreeMap<String, Vec<Effect>> {
    let mut all = BTreeMap::new();
    for (package, file) in input.unpacked() {
        if !input.installation.follows_scripts_of(&package.name) {
            continue;
        }
        let files = &file.package.control_files;
        let has_triggers = files.contains_key("triggers");
        let mut found = Vec::new();
        for script in ["preinst", "postinst"] {
            if let Some(text) = files.get(script) {
                found.extend(effects(script, text));
            }
        }
        found.retain(|effect| has_triggers || !effect.is_on_trigger);
        all.insert(package.name.clone(), found);
    }
    all
}

/// Those of the effects that are of packages of which it is not known that nothing is missing:
/// what of them is plain is done, and what is not is told.
pub(super) fn uncovered(
    effects: &BTreeMap<String, Vec<Effect>>,
    installation: Installation,
) -> BTreeMap<String, Vec<Effect>> {
    let all = effects.iter();
    let uncovered = all.filter(|(package, _)| installation.covers_scripts_of(package).is_none());
    uncovered
        .map(|(package, effects)| (package.clone(), effects.clone()))
        .collect()
}

/// The alternatives among the effects of scripts, package by package.
pub(super) fn alternatives(effects: &BTreeMap<String, Vec<Effect>>) -> Vec<Alternative> {
    let all = effects.values().flatten();
    all.filter_map(|effect| match &effect.action {
        Action::Alternative(alternative) => Some(alternative.clone()),
        _ => None,
    })
    .collect()
}

/// The diversions among the effects of scripts, those that only guard among them.
pub(super) fn diversions(effects: &BTreeMap<String, Vec<Effect>>) -> Vec<installed::Diverted> {
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

/// What of these effects the finished tree lacks, by package.
pub(super) fn undone(
    effects: &BTreeMap<String, Vec<Effect>>,
    tree: &Tree,
    owners: &Owners,
) -> UndoneByPackage {
    let mut all = UndoneByPackage::new();
    for (package, effects) in effects {
        let missing = effects.iter().filter_map(|effect| {
            let Consequence::Missing(what) = effect.consequence() else {
                return None;
            };
            (!is_made(&effect.action, tree, owners)).then(|| Undone {
                script: effect.script.clone(),
                line: effect.line,
                what,
            })
        });
        all.insert(package.clone(), missing.collect());
    }
    all
}

/// Whether the image has what the script would have made, because it was done here, or because a
/// package or a definition brings it.
fn is_made(action: &Action, tree: &Tree, owners: &Owners) -> bool {
    match action {
        Action::Account(AccountChange::User { user, .. }) => owners.has_user(&user.name),
        Action::Account(AccountChange::Group { name, .. }) => owners.has_group(name),
        Action::Account(AccountChange::Member { user, group }) => {
            owners.has_user(user) && owners.has_group(group)
        }
        Action::Files(change) => script_files::is_done(change, tree, owners),
        _ => false,
    }
}
