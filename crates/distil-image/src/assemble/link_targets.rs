//! Symbolic links of packages and what they lead to: the target comes along where a package is
//! taken in part, and a link goes with a target that is left out.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::deb::{EntryKind, PackageFile};
use distil_definition::recipe::LayerRecipe;
use distil_tree::{Entry, Kind, Metadata, Origin, ResolveError, Tree, TreePath};

use super::builder::TreeBuilder;
use super::inventory::Inventory;
use crate::assembly::{LeftOut, Omission};
use crate::merged_usr::{folded, merged_links};

/// How many links one after another are followed, as the kernel does it (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The entries of a package that the links among the taken ones lead to and that are not taken
/// themselves, by their places in the package: files, the links on the way, and all that lies in
/// a directory, unless the package's own files alone decide.
///
/// What another package has is for that one's request to say.
pub(super) fn missing_targets(
    file: &PackageFile,
    taken: &BTreeSet<usize>,
    is_wanted: impl Fn(&TreePath) -> bool,
) -> BTreeSet<usize> {
    let entries = &file.package.entries;
    let mut tree = Tree::new();
    let mut others: BTreeMap<TreePath, usize> = BTreeMap::new();
    // What cannot be put there is told when it is put into the image.
    let put = |tree: &mut Tree, path: &TreePath, kind: Kind| {
        let _ = tree.insert(path, entry(kind));
    };
    for (link, target) in merged_links() {
        put(&mut tree, &link, Kind::symlink(target));
    }
    let mut links = Vec::new();
    for (index, one) in entries.iter().enumerate() {
        let path = folded(&one.path);
        if one.kind == EntryKind::Directory {
            put(&mut tree, &path, Kind::Directory);
        } else if taken.contains(&index) {
            links.extend(link_at(&one.kind, &path));
            put(&mut tree, &path, kind(&one.kind));
        } else {
            others.insert(path, index);
        }
    }
    let mut missing = BTreeSet::new();
    let mut whole: BTreeSet<TreePath> = BTreeSet::new();
    while let Some(link) = links.pop() {
        for _ in 0..=MAX_LINKS {
            let mut is_whole = false;
            let found: Vec<TreePath> = match tree.resolve(&link) {
                Err(ResolveError::Missing(path)) if others.contains_key(&path) => vec![path],
                Ok(place) if tree.get(&place).is_some_and(Entry::is_directory) => {
                    let is_known = |place: &TreePath| {
                        let mut above = place.ancestors();
                        whole.contains(place) || above.any(|one| whole.contains(&one))
                    };
                    if place.is_root() || is_known(&place) {
                        break;
                    }
                    is_whole = true;
                    // Behind the slash: `x-y` is sorted between `x` and what lies in it.
                    let within = others.range(place.join("")..);
                    let within = within.take_while(|(path, _)| path.is_within(&place));
                    let within = within.map(|(path, _)| path);
                    let within = within.filter(|path| is_wanted(path)).cloned().collect();
                    whole.insert(place);
                    within
                }
                _ => break,
            };
            for path in found {
                let index = others.remove(&path);
                if let Some((index, one)) = index.and_then(|one| Some((one, entries.get(one)?))) {
                    missing.insert(index);
                    // A link on the way is followed with the one that leads over it.
                    links.extend(link_at(&one.kind, &path).filter(|_| is_whole));
                    put(&mut tree, &path, kind(&one.kind));
                }
            }
        }
    }
    missing
}

fn entry(kind: Kind) -> Entry {
    Entry {
        kind,
        meta: Metadata::root(0o755, 0),
        origin: Origin::Generated("a package".into()),
        layer: 0,
    }
}

/// An entry of a package without its bytes.
fn kind(entry: &EntryKind) -> Kind {
    match entry {
        EntryKind::Symlink(target) => Kind::symlink(target),
        EntryKind::Directory => Kind::Directory,
        EntryKind::File { .. } | EntryKind::HardLink(_) => Kind::file(Vec::new()),
    }
}

fn link_at(kind: &EntryKind, path: &TreePath) -> Option<TreePath> {
    matches!(kind, EntryKind::Symlink(_)).then(|| path.clone())
}

/// Leaves out the packages' links of a layer whose targets were left out. Links that lead nowhere
/// as the packages ship them stay.
pub(super) fn leave_out_links(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
    layer: &LayerRecipe,
) {
    let mut left_out: BTreeSet<TreePath> = inventory.left_out.iter().map(path_of).collect();
    // Links to links: each round takes away those that the one before has made lead nowhere.
    for _ in 0..MAX_LINKS {
        let dangling: Vec<(TreePath, TreePath)> = builder
            .tree
            .iter()
            .filter(|(path, entry)| {
                entry.layer == builder.layer
                    && matches!(entry.kind, Kind::Symlink(_))
                    && matches!(entry.origin, Origin::Package(_))
                    && !layer.keep.any(&path.to_string())
            })
            .filter_map(|(path, _)| match builder.tree.resolve(path) {
                Err(ResolveError::Missing(target)) => Some((path.clone(), target)),
                _ => None,
            })
            .filter(|(_, target)| {
                // Of a directory that is not there all files may be left out.
                let mut below = left_out.range(target.join("")..);
                left_out.contains(target) || below.next().is_some_and(|path| path.is_within(target))
            })
            .collect();
        if dangling.is_empty() {
            return;
        }
        for (path, target) in dangling {
            let Some(entry) = builder.tree.remove(&path) else {
                continue;
            };
            let Origin::Package(package) = entry.origin else {
                continue;
            };
            inventory.leave_out(LeftOut {
                path: path.clone(),
                package,
                size: 0,
                reason: Omission::Dangling { target },
            });
            left_out.insert(path);
        }
    }
}

fn path_of(one: &LeftOut) -> TreePath {
    one.path.clone()
}

#[cfg(test)]
mod tests {
    use distil_fixture::DebBuilder;

    use super::*;
    use crate::unpacked::unpacked;

    /// The paths that come along with those taken.
    fn led_to(deb: DebBuilder, taken: &[&str]) -> Vec<String> {
        let file = unpacked(&deb);
        let entries = || file.package.entries.iter().enumerate();
        let is_taken = |path: &str| taken.contains(&folded(path).to_string().as_str());
        let indexes = entries().filter(|(_, one)| is_taken(&one.path));
        let indexes = indexes.map(|(index, _)| index).collect();
        let missing = missing_targets(&file, &indexes, |path| !path.to_string().contains("/man"));
        let paths = missing
            .into_iter()
            .filter_map(|index| file.package.entries.get(index));
        let mut paths: Vec<String> = paths.map(|one| folded(&one.path).to_string()).collect();
        paths.sort();
        paths
    }

    fn deb() -> DebBuilder {
        DebBuilder::new("links", "1", "amd64")
            .file("usr/lib/x/libpq.so.5.17", "ELF")
            .symlink("usr/lib/x/libpq.so.5", "libpq.so.5.17")
            .symlink("usr/lib/x/libpq.so", "libpq.so.5")
            .file("usr/lib/x/other", "")
    }

    #[test]
    fn links_bring_their_targets_over_links() {
        let first = "/usr/lib/x/libpq.so";
        let both = ["/usr/lib/x/libpq.so.5", "/usr/lib/x/libpq.so.5.17"];
        assert_eq!(led_to(deb(), &[first]), both);
        assert_eq!(led_to(deb(), &[first, both[0]]), [both[1]]);
        assert!(led_to(deb(), &["/usr/lib/x/other"]).is_empty());
    }

    #[test]
    fn links_through_directories_and_merged_ones() {
        let deb = deb()
            .symlink("usr/lib/y", "x")
            .symlink("etc/pq", "../lib/y/libpq.so.5.17");
        let found = ["/usr/lib/x/libpq.so.5.17", "/usr/lib/y"];
        assert_eq!(led_to(deb, &["/etc/pq"]), found);
    }

    #[test]
    fn a_directory_comes_whole_but_for_what_no_image_has() {
        let deb = deb()
            .symlink("usr/share/current", "v2")
            .file("usr/share/v2-old/a", "")
            .file("usr/share/v2/a", "")
            .symlink("usr/share/v2/b", "../../lib/x/other")
            .file("usr/share/v2/man", "");
        let found = ["/usr/lib/x/other", "/usr/share/v2/a", "/usr/share/v2/b"];
        assert_eq!(led_to(deb, &["/usr/share/current"]), found);
    }

    #[test]
    fn circles_and_other_packages_end() {
        let deb = DebBuilder::new("links", "1", "amd64")
            .symlink("a", "b")
            .symlink("b", "a")
            .symlink("c", "elsewhere/x")
            .symlink("d", "/");
        assert_eq!(led_to(deb, &["/a", "/c", "/d"]), ["/b"]);
    }
}
