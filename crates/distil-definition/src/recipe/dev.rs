//! The variant `dev`: one layer with the packages of the image itself, whole, and those that
//! `images/dev.yaml` and the definitions name besides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use distil_tree::TreePath;

use super::error::RecipeError;
use super::layer::LayerRecipe;
use super::merge::merged;
use super::part::Part;
use super::position::Position;
use super::source::Source;
use super::target::Target;
use super::values::Lowering;
use super::written::{ConfigPositions, WrittenPatterns};
use crate::format::{Accounts, Config};

/// The names of the packages that every `dev` has.
static TOOLS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let common = Source::of_text(COMMON, "dev");
    let packages = common.map(|common| common.definition.packages);
    let names = packages.into_iter().flatten().map(|item| item.name);
    names.collect()
});

/// What every `dev` has.
const COMMON: &str = include_str!("../../images/dev.yaml");

/// The one layer. Nothing that the image does without is left out of it, since dpkg and apt
/// have to find what packages say; only documentation is.
pub(super) fn layer(
    name: &str,
    target: Target,
    image: &[LayerRecipe],
    own: Vec<LayerRecipe>,
) -> Result<LayerRecipe, RecipeError> {
    // Its text has no position where a user could change anything.
    let mut common = Source::of_text(COMMON, "dev")?;
    common.text = None;
    let lowering = Lowering::new(&common, target)?;
    let mut common = lowering.layer(&mut Accounts::default())?;
    // A definition's own file stands in for one of these.
    let is_own = |path: &TreePath| {
        let mut files = own.iter().flat_map(|layer| &layer.files);
        files.any(|file| file.addition.path == *path)
    };
    common.files.retain(|file| !is_own(&file.addition.path));
    let wrong = |error| lowering.error(&Part::of("dev"), error);
    let (drop, keep) = (common.drop.clone(), common.keep.clone());
    let accounts = image.last().map(|layer| layer.accounts.clone());
    let layers = image.iter().cloned().chain([common]).chain(own);
    let mut all = merged(&format!("{name}:dev"), layers.collect()).map_err(wrong)?;
    all.accounts = accounts.unwrap_or_default();
    for request in &mut all.packages {
        request.only = WrittenPatterns::none();
        request.moved = BTreeMap::new();
    }
    // What the image keeps is kept here, too.
    let kept = [&keep].into_iter().chain(image.iter().map(|one| &one.keep));
    all.keep = WrittenPatterns::all(kept).map_err(wrong)?;
    all.recovered = vec![(drop.texts().len(), all.keep.clone())];
    all.drop = drop;
    all.without.clear();
    all.excuse.clear();
    all.allow.clear();
    // Who installs packages in it compiles them, and removes what they compile with them.
    all.bytecode = None;
    // Whether an entry matters was looked at in the image itself.
    let patterns = all.drop.texts().iter().chain(all.keep.texts());
    all.lenient.extend(patterns.cloned());
    Ok(all)
}

/// Whether it is a package that every `dev` has.
pub fn is_tool(package: &str) -> bool {
    TOOLS.contains(package)
}

/// How a container of it runs: as one of the image, but as root, with a shell where the image
/// has no program, and without volumes, in which a build's work would be lost.
pub(super) fn configure(
    config: &mut Config,
    positions: &mut ConfigPositions,
    changed: &Config,
    env: Vec<(String, String, Position)>,
) {
    if config.entrypoint.is_none() {
        config.entrypoint = Some(vec!["/bin/bash".to_owned()]);
        config.cmd = None;
    }
    config.user = changed.user.clone().or_else(|| Some("0".to_owned()));
    config.workdir = Some("/".to_owned());
    config.volumes.clear();
    config.healthcheck = None;
    (positions.user, positions.workdir) = Default::default();
    for (name, value, position) in env {
        positions.env.insert(name.clone(), position);
        config.env.insert(name, value);
    }
}
