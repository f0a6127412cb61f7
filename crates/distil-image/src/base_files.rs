//! Directories that base-files ships and its script makes links to where they have moved.
//!
//! `/var/run` and `/var/lock` lie in `/run` since Debian 7 (Debian Policy §9.1.4): a file system
//! that is mounted there is to be seen under both names. The links are there before any other
//! package's files, so that these go where they would go on a Debian system.

use distil_tree::TreePath;

/// What the links are told to be from.
pub(crate) const MADE: &str = "what the script of base-files moves";

/// These directories and where they have moved.
const MOVED: [(&str, &str); 2] = [("var/run", "run"), ("var/lock", "run/lock")];

/// Where a directory of a package has moved.
pub(crate) fn moved(package: &str, path: &TreePath) -> Option<TreePath> {
    let mut moved = MOVED.iter().filter(|_| package == "base-files");
    let (_, to) = moved.find(|(from, _)| TreePath::of(from) == *path)?;
    Some(TreePath::of(to))
}

/// The mode of a directory that a moved one leads to: anybody may lock in `/run/lock`.
pub(crate) fn mode(path: &TreePath) -> u32 {
    match *path == TreePath::of("run/lock") {
        true => 0o1777,
        false => 0o755,
    }
}
