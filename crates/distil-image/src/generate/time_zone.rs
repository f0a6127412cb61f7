//! `/etc/localtime` (localtime(5)): the machine's time zone, which tzdata's script sets to UTC where
//! nobody is asked. Java takes its name from where the link leads.

use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation, TIME_ZONE};

const UTC: &str = "usr/share/zoneinfo/Etc/UTC";

pub(super) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let (path, zone) = (TreePath::of("etc/localtime"), TreePath::of(UTC));
    let is_there = generation.tree.get(&path).is_some();
    if is_there || generation.tree.follow(&zone).is_none() {
        return Ok(());
    }
    generation.link(TIME_ZONE, &path, &zone.to_string())
}
