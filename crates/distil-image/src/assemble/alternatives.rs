//! Names that several packages provide, as update-alternatives(1) links them: the link itself,
//! and the choice below `/etc/alternatives`.

use distil_tree::{Kind, Metadata, Origin, TreePath};

use super::{AssembleError, Assembling};
use distil_maintscript::alternatives::{Alternative, AlternativeLink};

const MADE: &str = "alternatives";

/// Where the choices are.
const FOLDER: &str = "etc/alternatives";

impl Assembling<'_> {
    /// Links the names that packages of this layer provide, each to the choice with the highest
    /// priority of all packages so far; of equal ones, the first stays.
    pub(super) fn make_alternatives(
        &mut self,
        number: usize,
        new: Vec<Alternative>,
    ) -> Result<(), AssembleError> {
        let mut names: Vec<String> = new.iter().map(|one| one.master.name.clone()).collect();
        names.sort();
        names.dedup();
        self.alternatives.extend(new);
        for name in names {
            let choices = self.alternatives.iter();
            let choices = choices.filter(|one| one.master.name == name);
            // What the image has not is no choice.
            let choices = choices.filter(|one| self.is_there(&one.master.path));
            let best = choices.fold(None, |best: Option<&Alternative>, one| match best {
                Some(best) if best.priority >= one.priority => Some(best),
                _ => Some(one),
            });
            let Some(best) = best.cloned() else { continue };
            if !self.make_alternative(number, &best.master)? {
                continue;
            }
            for follower in &best.followers {
                if self.is_there(&follower.path) {
                    self.make_alternative(number, follower)?;
                }
            }
        }
        Ok(())
    }

    /// Takes away links to programs that are left out after all.
    pub(super) fn drop_dangling_alternatives(&mut self, number: usize) {
        let dangling: Vec<TreePath> = self
            .tree
            .iter()
            .filter(|(path, entry)| {
                entry.layer == number
                    && entry.origin == Origin::Generated(MADE.into())
                    && matches!(entry.kind, Kind::Symlink(_))
                    && self.tree.follow(path).is_none()
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in dangling {
            self.tree.remove(&path);
        }
    }

    fn is_there(&self, path: &str) -> bool {
        let path = TreePath::from_absolute(path).ok();
        path.is_some_and(|path| self.tree.follow(&path).is_some())
    }

    /// Makes `link` → `/etc/alternatives/name` → `path`, unless something else is at `link`.
    fn make_alternative(
        &mut self,
        number: usize,
        choice: &AlternativeLink,
    ) -> Result<bool, AssembleError> {
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
            let place = self.tree.place(path).unwrap_or_else(|_| path.clone());
            self.tree
                .get(&place)
                .is_none_or(|entry| entry.origin == made)
        };
        // A package's own file, or a definition's link, is not replaced.
        if !is_free(&link) || !is_free(&chosen) {
            return Ok(false);
        }
        for (path, target) in [(&link, chosen.to_string()), (&chosen, choice.path.clone())] {
            let kind = Kind::symlink(&target);
            let place = self.tree.place(path).unwrap_or_else(|_| path.clone());
            let there = self.tree.get(&place).map(|entry| &entry.kind);
            let is_same = matches!(there, Some(Kind::Symlink(to)) if to == target.as_bytes());
            if !is_same {
                let meta = Metadata::root(0o777, self.made());
                self.insert(path, kind, meta, made.clone(), number)?;
            }
        }
        Ok(true)
    }
}
