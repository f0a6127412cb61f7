//! What of a lock goes into an image: packages with where they lie, and links.

use distil_tree::TreePath;

use super::integrity::Integrity;

/// The packages for an image, and the links beside their commands'.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSelection {
    /// The packages, in an order of the lock's.
    pub packages: Vec<NodePackage>,
    /// Links from names to packages.
    pub links: Vec<NodeLink>,
}

/// A package that is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePackage {
    /// Its directory, relative to the project's: `node_modules/express`.
    pub path: TreePath,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from.
    pub source: NodePackageSource,
    /// The commands that it brings, as far as the lock says.
    pub bins: Vec<BinLink>,
    /// Whether it brings commands that only its own `package.json` says.
    pub has_bins_inside: bool,
    /// Where links lead to it beside which links to its commands belong.
    pub linked_at: Vec<TreePath>,
    /// Whether it has scripts that would be run when it is installed, and that are not; where the lock does not
    /// say it, its `package.json` does.
    pub has_install_script: Option<bool>,
    /// Whether it has packages for single platforms, of which one brings what scripts would make.
    pub has_platform_packages: bool,
}

/// Where a package is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodePackageSource {
    /// An archive.
    Archive {
        /// Its address.
        url: String,
        /// The digest of it.
        integrity: Integrity,
    },
    /// An archive of the registry that its name belongs to.
    Registry {
        /// The digest of it.
        integrity: Integrity,
    },
    /// The archive of the package whose directory this one's is in.
    Bundled,
    /// A directory of the project, which is linked.
    Link(TreePath),
}

/// A link that starts a command of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinLink {
    /// Its path relative to the project's directory: `node_modules/.bin/tsc`.
    pub path: TreePath,
    /// What it leads to, as it is written.
    pub target: String,
    /// The file that it leads to, which has to be executable.
    pub file: TreePath,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLink {
    /// Its path relative to the project's directory: `node_modules/express`.
    pub path: TreePath,
    /// What it leads to, as it is written.
    pub target: String,
}

impl NodeLink {
    /// A link from one path to another, both relative to the project's directory.
    pub(super) fn new(path: TreePath, to: &TreePath) -> Self {
        let from: Vec<&[u8]> = path.parts().collect();
        let directory = from.split_last().map_or(&[][..], |(_, above)| above);
        let to: Vec<&[u8]> = to.parts().collect();
        let common = directory
            .iter()
            .zip(&to)
            .take_while(|(a, b)| a == b)
            .count();
        let up = directory.iter().skip(common).map(|_| &b".."[..]);
        let parts: Vec<&[u8]> = up.chain(to.iter().skip(common).copied()).collect();
        let target = match parts.is_empty() {
            true => ".".to_owned(),
            false => String::from_utf8_lossy(&parts.join(&b'/')).into_owned(),
        };
        Self { path, target }
    }
}

/// Whether it is the name of a package, which may have a scope before it.
pub(super) fn is_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let is_part = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    match parts.as_slice() {
        [one] => is_part(one),
        [scope, one] => scope.starts_with('@') && scope.len() > 1 && is_part(one),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative() {
        for (path, to, target) in [
            (
                "node_modules/a",
                "node_modules/.pnpm/a@1/node_modules/a",
                ".pnpm/a@1/node_modules/a",
            ),
            (
                "node_modules/@s/a",
                "node_modules/.pnpm/@s+a@1/node_modules/@s/a",
                "../.pnpm/@s+a@1/node_modules/@s/a",
            ),
            (
                "node_modules/.pnpm/b@1/node_modules/a",
                "node_modules/.pnpm/a@1/node_modules/a",
                "../../a@1/node_modules/a",
            ),
            ("packages/x/node_modules/y", "packages/y", "../../y"),
            ("a/b", "a", "."),
        ] {
            let link = NodeLink::new(TreePath::of(path), &TreePath::of(to));
            assert_eq!(link.target, target, "{path}");
        }
    }
}
