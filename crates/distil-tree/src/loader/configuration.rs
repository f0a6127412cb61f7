//! Which directories ldconfig(8) looks into.

use super::error::LoaderError;
use crate::path::TreePath;
use crate::tree::{Kind, Tree};

/// The most that is read of a file of the loader's configuration.
const MAX_CONFIGURATION: u64 = 64 << 10;

/// The directories of `/etc/ld.so.conf.d/*.conf` in the order of the files' names, then `/lib` and
/// `/usr/lib` (ldconfig(8)): those whose libraries go into the cache.
///
/// # Errors
/// If a file of the configuration cannot be read.
pub fn configured_folders(tree: &Tree) -> Result<Vec<TreePath>, LoaderError> {
    let mut folders: Vec<TreePath> = Vec::new();
    let configuration = TreePath::of("etc/ld.so.conf.d");
    for (path, entry) in tree.children(&configuration) {
        let is_configuration = path.name().is_some_and(|name| name.ends_with(b".conf"));
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !is_configuration {
            continue;
        }
        let failed = |source| LoaderError::Read {
            path: path.clone(),
            source,
        };
        let text = node.content.read(MAX_CONFIGURATION).map_err(failed)?;
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            if let Ok(folder) = TreePath::from_absolute(line.trim_ascii())
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
    }
    for folder in ["lib", "usr/lib"].map(TreePath::of) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    Ok(folders)
}
