//! The directories that have moved into `/usr` (Debian bug 914897, "usrmerge").

use distil_tree::TreePath;

/// These directories: `lib64` and its like exist on architectures whose loader lies there.
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

/// The path of a file once the merged directories are links.
pub(crate) fn folded(path: &str) -> TreePath {
    let path = TreePath::of(path);
    let has_more = path.parts().nth(1).is_some();
    match has_more && merged_directory(&path).is_some() {
        true => TreePath::of("usr").join(path.as_bytes()),
        false => path,
    }
}

/// The merged directory that a path is, or begins with.
pub(crate) fn merged_directory(path: &TreePath) -> Option<&'static str> {
    let first = path.parts().next()?;
    MERGED.into_iter().find(|name| name.as_bytes() == first)
}

/// Whether a path is one of the merged directories itself.
pub(crate) fn is_merged_directory(path: &TreePath) -> bool {
    MERGED.iter().any(|name| path.as_bytes() == name.as_bytes())
}

/// The links that stand for the merged directories, each with its target.
pub(crate) fn merged_links() -> impl Iterator<Item = (TreePath, String)> {
    MERGED
        .into_iter()
        .map(|name| (TreePath::of(name), format!("usr/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_directories_are_folded() {
        let folded = |path| folded(path).to_string();
        assert_eq!(folded("bin/sh"), "/usr/bin/sh");
        assert_eq!(
            folded("lib64/ld-linux-x86-64.so.2"),
            "/usr/lib64/ld-linux-x86-64.so.2"
        );
        assert_eq!(folded("lib"), "/lib");
        assert_eq!(folded("library/x"), "/library/x");
        assert_eq!(folded("etc/bin/x"), "/etc/bin/x");
    }
}
