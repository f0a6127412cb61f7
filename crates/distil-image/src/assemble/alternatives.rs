//! Names that several packages provide, as update-alternatives(1) links them: the link itself,
//! and the choice below `/etc/alternatives`.

use distil_tree::{Kind, Metadata, Origin, Tree, TreePath};

use super::builder::TreeBuilder;
use super::error::AssembleError;
use distil_maintscript::alternatives::{Alternative, AlternativeLink};

const MADE: &str = "alternatives";

/// Where the choices are.
const FOLDER: &str = "etc/alternatives";

/// What packages of the layers so far provide, in their order.
#[derive(Debug, Default)]
pub(super) struct Alternatives(pub(super) Vec<Alternative>);

impl Alternatives {
    /// Links the names that packages of this layer provide, each to the choice with the highest
    /// priority of all packages so far; of equal ones, the first stays.
    pub(super) fn link(
        &mut self,
        builder: &mut TreeBuilder,
        new: Vec<Alternative>,
    ) -> Result<(), AssembleError> {
        let mut names: Vec<String> = new.iter().map(|one| one.master.name.clone()).collect();
        names.sort();
        names.dedup();
        self.0.extend(new);
        for name in names {
            let choices = self.0.iter();
            let choices = choices.filter(|one| one.master.name == name);
            // What the image has not is not a choice.
            let choices = choices.filter(|one| is_there(&builder.tree, &one.master.path));
            let best = choices.fold(None, |best: Option<&Alternative>, one| match best {
                Some(best) if best.priority >= one.priority => Some(best),
                _ => Some(one),
            });
            let Some(best) = best.cloned() else { continue };
            if !make_link(builder, &best.master)? {
                continue;
            }
            for follower in &best.followers {
                if is_there(&builder.tree, &follower.path) {
                    make_link(builder, follower)?;
                }
            }
        }
        Ok(())
    }
}

/// Takes away links to programs that are left out after all.
pub(super) fn drop_dangling(builder: &mut TreeBuilder) {
    let dangling: Vec<TreePath> = builder
        .tree
        .iter()
        .filter(|(path, entry)| {
            entry.layer == builder.layer
                && entry.origin == Origin::Generated(MADE.into())
                && matches!(entry.kind, Kind::Symlink(_))
                && builder.tree.follow(path).is_none()
        })
        .map(|(path, _)| path.clone())
        .collect();
    for path in dangling {
        builder.tree.remove(&path);
    }
}

fn is_there(tree: &Tree, path: &str) -> bool {
    let path = TreePath::from_absolute(path).ok();
    path.is_some_and(|path| tree.follow(&path).is_some())
}

/// Makes `link` → `/etc/alternatives/name` → `path`, unless something else is at `link`.
fn make_link(builder: &mut TreeBuilder, choice: &AlternativeLink) -> Result<bool, AssembleError> {
    let Ok(link) = TreePath::from_absolute(&choice.link) else {
        return Ok(false);
    };
    let name = choice.name.as_bytes();
    if name.is_empty() || name.contains(&b'/') || matches!(name, b"." | b"..") {
        return Ok(false);
    }
    let chosen = TreePath::of(FOLDER).join(name);
    let made = Origin::Generated(MADE.into());
    let is_free = |path: &TreePath| {
        let place = builder.tree.place(path).unwrap_or_else(|_| path.clone());
        builder
            .tree
            .get(&place)
            .is_none_or(|entry| entry.origin == made)
    };
    // A package's own file, or a definition's link, is not replaced.
    if !is_free(&link) || !is_free(&chosen) {
        return Ok(false);
    }
    for (path, target) in [(&link, chosen.to_string()), (&chosen, choice.path.clone())] {
        let kind = Kind::symlink(&target);
        let place = builder.tree.place(path).unwrap_or_else(|_| path.clone());
        let there = builder.tree.get(&place).map(|entry| &entry.kind);
        let is_same = matches!(there, Some(Kind::Symlink(to)) if to == target.as_bytes());
        if !is_same {
            let meta = Metadata::root(0o777, builder.made());
            builder.insert(path, kind, meta, made.clone())?;
        }
    }
    Ok(true)
}
