//! What is in each layer of an image: the entries of a definition, divided by what changes together.

use std::collections::BTreeMap;

use distil_definition::recipe::LayerRecipe;
use distil_tree::{Entry, Origin, Tree, TreePath};

use crate::assembly::InstalledPackage;
use crate::generation::made_of;
use crate::packing::{Part, pack};

/// The entries of one layer, in the order in which they are written.
#[derive(Debug, Clone)]
pub struct LayerTree {
    /// The definition that the layer is of.
    pub definition: String,
    /// The source packages that it has files of, by name, where the definition has several layers.
    pub sources: Vec<String>,
    /// The entries with their paths.
    pub entries: Vec<(TreePath, Entry)>,
}

/// What belongs together in a layer: a package, a download, a directory, or all that is none of them.
pub(crate) fn group(entry: &Entry) -> Option<&str> {
    match source(&entry.origin) {
        Origin::Package(name) if !entry.is_directory() => Some(name),
        Origin::Bundle(one) if !entry.is_directory() => Some(&one.from),
        _ => None,
    }
}

/// What an entry is of: what was compiled goes with its sources.
fn source(mut origin: &Origin) -> &Origin {
    while let Origin::Compiled(of) = origin {
        origin = of;
    }
    origin
}

/// The definition whose entries are divided, and how they are.
pub(crate) struct Division<'a> {
    /// What the definition says.
    pub(crate) recipe: &'a LayerRecipe,
    /// Its number among the definitions of the image, as entries have it.
    pub(crate) number: usize,
    /// All packages so far.
    pub(crate) packages: &'a [InstalledPackage],
    /// How many layers the image has so far.
    pub(crate) below: usize,
}

impl<'a> Division<'a> {
    /// The layers of the definition, the lowest first; one without entries if it has none.
    ///
    /// Taken when the definition is finished: a higher one may replace entries in the tree, and must not
    /// change what these hold.
    pub(crate) fn layers(&self, tree: &'a Tree) -> Vec<LayerTree> {
        let own = || {
            let entries = tree.iter();
            entries.filter(|(_, entry)| entry.layer == self.number)
        };
        let above = TreePath::folders_above(own().map(|(path, _)| path));
        let sources = self.packages.iter();
        let sources: BTreeMap<&str, Part<'_>> = sources
            .map(|one| (one.locked.name.as_str(), part_of_package(one)))
            .collect();
        // A directory comes with what is in it; one that holds nothing of this definition, by itself.
        let leaves = || own().filter(|(path, _)| !above.contains(*path));
        let parts = leaves().map(|(path, entry)| self.part(path, entry, &sources));
        let packed = pack(parts.collect(), self.recipe.budget.above(self.below));
        let count = packed.values().max().map_or(1, |last| last + 1);
        let mut divided: Vec<Vec<(TreePath, Entry)>> = vec![Vec::new(); count];
        for (path, entry) in leaves() {
            let number = packed.get(&self.part(path, entry, &sources));
            if let Some(layer) = number.and_then(|number| divided.get_mut(*number)) {
                layer.push((path.clone(), entry.clone()));
            }
        }
        let layer = |(number, own)| LayerTree {
            definition: self.recipe.definition.clone(),
            sources: match count {
                1 => Vec::new(),
                _ => sources_of(&packed, number),
            },
            entries: with_folders(own, tree),
        };
        divided.into_iter().enumerate().map(layer).collect()
    }

    /// The part that an entry belongs to.
    fn part<'b>(
        &self,
        path: &TreePath,
        entry: &'b Entry,
        sources: &BTreeMap<&'b str, Part<'b>>,
    ) -> Part<'b> {
        let of_package = |name: &str| sources.get(name).copied().unwrap_or(Part::Made);
        match source(&entry.origin) {
            Origin::Package(name) => of_package(name),
            Origin::Generated(what) => made_of(what, path).map_or(Part::Made, of_package),
            Origin::Bundle(one) => Part::Bundle(one.kind),
            Origin::Definition(_) if self.has_own_files() => Part::Own,
            Origin::Definition(_) | Origin::Compiled(_) => Part::Made,
        }
    }

    /// Whether the definition brings files from beside it: a program that is compiled anew every day, for
    /// all that is known here.
    fn has_own_files(&self) -> bool {
        let mut files = self.recipe.files.iter();
        files.any(|file| file.from.is_some())
    }
}

fn part_of_package(package: &InstalledPackage) -> Part<'_> {
    let source = package.locked.source.name.as_str();
    let is_local = package.locked.file.suite == distil_lock::LOCAL;
    match package.vendor.is_some() || is_local {
        true => Part::Foreign(source),
        false => Part::Source(source),
    }
}

/// The source packages that a layer has files of.
fn sources_of(packed: &BTreeMap<Part<'_>, usize>, number: usize) -> Vec<String> {
    let own = packed.iter().filter(|(_, layer)| **layer == number);
    let sources = own.filter_map(|(part, _)| match part {
        Part::Source(name) | Part::Foreign(name) => Some((*name).to_owned()),
        _ => None,
    });
    sources.collect()
}

/// The entries of a layer in their order: directories and what belongs to no package, then package by
/// package, so that a package's part of a layer does not depend on the others.
///
/// Directories of other layers that something of this one lies in are written again: an engine that
/// unpacks a layer by itself would make them up with other modes.
fn with_folders(mut own: Vec<(TreePath, Entry)>, tree: &Tree) -> Vec<(TreePath, Entry)> {
    let above = TreePath::folders_above(own.iter().map(|(path, _)| path));
    let above = above.into_iter();
    own.extend(above.filter_map(|path| tree.get(&path).cloned().map(|entry| (path, entry))));
    own.sort_by(|(a, one), (b, other)| (group(one), a).cmp(&(group(other), b)));
    own
}

#[cfg(test)]
mod tests {
    use distil_definition::LayerBudget;
    use distil_tree::{Kind, Metadata};
    use proptest::prelude::*;

    use super::*;
    use crate::assembly::Amount;
    use crate::generation::PACKAGE_METADATA;

    /// Some that Debian mends often, seldom and never, and one of another archive.
    const SOURCES: [&str; 10] = [
        "expat",
        "glibc",
        "libffi",
        "ncurses",
        "nginx",
        "openjdk-21",
        "openssl",
        "python3.13",
        "sqlite3",
        "vendor",
    ];

    /// A package of a source: its version, and the size of its file.
    type Packages = Vec<(&'static str, u32, usize)>;

    fn installed(source: &str, version: u32) -> InstalledPackage {
        let locked = serde_json::json!({
            "name": source, "version": version.to_string(), "architecture": "amd64",
            "source": {"name": source, "version": version.to_string()},
            "file": {"suite": "trixie", "path": "x.deb", "size": 1, "sha256": "sha256:".to_owned() + &"0".repeat(64)},
            "reasons": [],
        });
        InstalledPackage {
            vendor: (source == "vendor").then(|| "example".to_owned()),
            locked: serde_json::from_value(locked).unwrap(),
            layer: 0,
            control: String::new(),
            files: Vec::new(),
            size: 0,
            left_out: Amount::default(),
            scripts: Vec::new(),
            scripts_covered: None,
            undone: Vec::new(),
        }
    }

    fn layers(packages: &Packages, most: u32) -> Vec<LayerTree> {
        let mut tree = Tree::new();
        let mut put = |path: &str, kind: Kind, mtime, origin: Origin| {
            let entry = Entry {
                kind,
                meta: Metadata::root(0o755, mtime),
                origin,
                layer: 0,
            };
            tree.insert(&TreePath::of(path), entry).unwrap();
        };
        // As the generators make it: with the same time whatever is in it.
        let metadata = || Origin::Generated(PACKAGE_METADATA.into());
        put("status.d", Kind::Directory, 0, metadata());
        for (source, version, size) in packages {
            let package = || Origin::Package((*source).into());
            put("usr", Kind::Directory, 0, package());
            let directory = format!("usr/{source}");
            put(&directory, Kind::Directory, 0, package());
            let time = i64::from(*version);
            put(
                &format!("{directory}/data"),
                Kind::file(vec![1; *size]),
                time,
                package(),
            );
            let text = Kind::file(version.to_string().into_bytes());
            put(&format!("status.d/{source}"), text, time, metadata());
        }
        put(
            "etc/ld.so.cache",
            Kind::file(vec![2]),
            0,
            Origin::Generated("cache".into()),
        );
        put(
            "etc/own",
            Kind::file(vec![3]),
            0,
            Origin::Definition("app".into()),
        );
        let packages: Vec<InstalledPackage> = packages
            .iter()
            .map(|(source, version, _)| installed(source, *version))
            .collect();
        let recipe = LayerRecipe {
            budget: LayerBudget {
                image: most,
                own: 1,
            },
            ..LayerRecipe::new("app")
        };
        let division = Division {
            recipe: &recipe,
            number: 0,
            packages: &packages,
            below: 0,
        };
        division.layers(&tree)
    }

    /// What a layer has, in words.
    fn said(layer: &LayerTree) -> Vec<String> {
        let entries = layer.entries.iter();
        entries.map(|one| format!("{one:?}")).collect()
    }

    fn any_packages() -> impl Strategy<Value = Packages> {
        let names = prop::sample::subsequence(SOURCES.to_vec(), 1..SOURCES.len());
        names.prop_flat_map(|names| {
            let facts = prop::collection::vec((0_u32..9, 0_usize..5000), names.len());
            facts.prop_map(move |facts| {
                let both = names.iter().zip(facts);
                both.map(|(name, (version, size))| (*name, version, size))
                    .collect()
            })
        })
    }

    proptest! {
        #[test]
        fn a_version_or_a_size_moves_nothing(
            packages in any_packages(),
            most in 1_u32..14,
            which in any::<prop::sample::Index>(),
            size in 0_usize..100_000,
        ) {
            let before = layers(&packages, most);
            let mut changed = packages.clone();
            let number = which.index(packages.len());
            changed[number].1 += 10;
            changed[number].2 = size;
            let after = layers(&changed, most);
            prop_assert_eq!(before.len(), after.len());
            let source = packages[number].0;
            for (before, after) in before.iter().zip(&after) {
                let paths = |layer: &LayerTree| {
                    let entries = layer.entries.iter();
                    entries.map(|(path, _)| path.clone()).collect::<Vec<_>>()
                };
                prop_assert_eq!(paths(before), paths(after));
                let has_it = paths(before).contains(&TreePath::of(&format!("usr/{source}/data")));
                // What is in the other layers is the same to the byte, their directories too.
                prop_assert_eq!(said(before) == said(after), !has_it);
            }
        }

        #[test]
        fn each_file_is_in_one_layer_with_the_directories_above_it(
            packages in any_packages(),
            most in 1_u32..14,
        ) {
            let layers = layers(&packages, most);
            prop_assert!(layers.len() <= most as usize);
            let mut files = 0;
            for layer in &layers {
                let paths: Vec<&TreePath> = layer.entries.iter().map(|(path, _)| path).collect();
                for above in TreePath::folders_above(paths.iter().copied()) {
                    prop_assert!(paths.contains(&&above));
                }
                files += layer.entries.iter().filter(|(_, entry)| !entry.is_directory()).count();
                prop_assert!(layer.entries.iter().any(|(_, entry)| !entry.is_directory()));
            }
            prop_assert_eq!(files, 2 * packages.len() + 2);
        }
    }
}
