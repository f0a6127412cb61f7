//! Files of packages that others move out of their way (dpkg-divert(1)).

use std::collections::BTreeMap;

use distil_maintscript::{Action, Effect};
use distil_tree::TreePath;

/// What packages of the layers so far move out of their way.
#[derive(Debug, Default)]
pub(super) struct Diversions(Vec<Diverted>);

#[derive(Debug)]
struct Diverted {
    /// The package whose own files are left alone.
    owner: Option<String>,
    from: String,
    to: TreePath,
}

impl Diversions {
    /// Adds those among the effects of scripts, by package, for the files that are still to come.
    pub(super) fn add(&mut self, effects: &BTreeMap<String, Vec<Effect>>) {
        for (package, effects) in effects {
            for effect in effects {
                let Action::Diversion(diversion) = &effect.action else {
                    continue;
                };
                let to = TreePath::from_absolute(&diversion.to);
                let (false, Ok(to)) = (diversion.is_guard(), to) else {
                    continue;
                };
                let owner = diversion.owner_of(package);
                let from = diversion.from.clone();
                self.0.push(Diverted { owner, from, to });
            }
        }
    }

    /// Where a package's file goes instead.
    pub(super) fn of(&self, package: &str, path: &str) -> Option<TreePath> {
        let path = path.trim_start_matches('/');
        let diverted = self.0.iter().find(|one| {
            one.from.trim_start_matches('/') == path && one.owner.as_deref() != Some(package)
        })?;
        Some(diverted.to.clone())
    }

    /// Where the file of another package goes that is there already when `package` comes with
    /// its own.
    pub(super) fn by(&self, package: &str, path: &TreePath) -> Option<TreePath> {
        let diverted = self.0.iter().find(|one| {
            one.owner.as_deref() == Some(package)
                && TreePath::from_absolute(&one.from).as_ref() == Ok(path)
        })?;
        Some(diverted.to.clone())
    }
}
