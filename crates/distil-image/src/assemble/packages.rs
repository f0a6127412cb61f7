//! The files of packages, into the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use distil_debian::deb::{EntryKind, PackageEntry, PackageFile};
use distil_lock::LockedPackage;
use distil_tree::{FileNode, Kind, Metadata, Origin, TreePath};

use super::left_out::Selection;
use super::{Amount, AssembleError, Assembling, InstalledPackage, LeftOut};
use crate::owners::Owners;
use distil_definition::Policy;
use distil_definition::recipe::{LayerRecipe, PackageRequest};
use distil_tree::Patterns;

/// The folders that have moved into `/usr` (Debian bug 914897, "usrmerge"): `lib64` and its
/// like exist on architectures whose loader lies there.
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

impl Assembling<'_> {
    /// Puts the packages of a layer into the tree.
    pub(super) fn add_packages(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
        packages: &[LockedPackage],
    ) -> Result<(), AssembleError> {
        let owners = Owners::new(&self.accounts);
        let mut used = UsedPatterns::default();
        let mut ordered: Vec<&LockedPackage> = packages.iter().collect();
        // base-files has the folders of the file system, with the modes that count.
        ordered.sort_by_key(|one| (one.name != "base-files", one.name.clone()));
        for selected in ordered {
            let Some(file) = self.content(&selected.name) else {
                continue;
            };
            self.add_package(number, layer, selected, file, &owners, &mut used)?;
        }
        self.add_rest_of_below(number, layer, &owners, &mut used)?;
        self.check_patterns(layer, &used)
    }

    fn add_package(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
        selected: &LockedPackage,
        file: &PackageFile,
        owners: &Owners,
        used: &mut UsedPatterns,
    ) -> Result<(), AssembleError> {
        let name = &selected.name;
        let request = request_for(layer, name);
        let whole = |request: &&PackageRequest| request.only.is_empty();
        let only = request
            .filter(|request| !whole(request))
            .map(|request| &*request.only);
        let selection = Selection {
            policy: (!self.recipe.variant.is_dev()).then(Policy::default_policy),
            layer,
            package: name,
            only,
        };
        let mut installed = InstalledPackage {
            locked: selected.clone(),
            layer: number,
            control: file.package.control.clone(),
            files: Vec::new(),
            size: 0,
            left_out: Amount::default(),
            scripts: scripts_of(file),
            scripts_covered: self.covered(name).map(str::to_owned),
            undone: Vec::new(),
        };
        let package: Arc<str> = name.as_str().into();
        let mut kept = Vec::new();
        for (index, entry) in file.package.entries.iter().enumerate() {
            let path = folded(&entry.path);
            let shown = path.to_string();
            used.note(&layer.drop, &shown, "drop");
            used.note(&layer.keep, &shown, "keep");
            if let Some(only) = only {
                used.note(only, &shown, "only");
            }
            if entry.kind == EntryKind::Directory {
                continue;
            }
            match selection.omits(&shown) {
                None => {
                    let diverted = self.diverted(name, &entry.path);
                    kept.push((index, diverted.unwrap_or_else(|| moved(request, path))));
                }
                Some(reason) => {
                    let size = size_of(entry);
                    installed.left_out.add(size);
                    self.left_out.push(LeftOut {
                        path,
                        package: package.clone(),
                        size,
                        reason,
                    });
                }
            }
        }
        check_moved(layer, request, file)?;
        let placing = Placing {
            number,
            name: name.clone(),
            file,
            owners,
            selected,
        };
        self.add_folders(&placing, &selection, &kept)?;
        let mut nodes = BTreeMap::new();
        for (index, path) in kept {
            let entry = &file.package.entries[index];
            if let Some(place) = self.add_entry(&placing, entry, index, &path, &mut nodes)? {
                installed.files.push(place);
            }
        }
        installed.files.sort();
        self.packages.push(installed);
        Ok(())
    }

    /// The folders that hold what is kept, and those that are shipped empty.
    fn add_folders(
        &mut self,
        placing: &Placing<'_>,
        selection: &Selection<'_>,
        kept: &[(usize, TreePath)],
    ) -> Result<(), AssembleError> {
        let needed = TreePath::folders_above(kept.iter().map(|(_, path)| path));
        let entries = &placing.file.package.entries;
        let inhabited: BTreeSet<TreePath> = entries
            .iter()
            .filter_map(|entry| folded(&entry.path).parent())
            .collect();
        for entry in entries {
            if entry.kind != EntryKind::Directory {
                continue;
            }
            self.link_merged(&entry.path, placing, entry)?;
            let path = folded(&entry.path);
            if MERGED.iter().any(|name| path.as_bytes() == name.as_bytes()) {
                continue;
            }
            let is_empty = !inhabited.contains(&path);
            let wanted = || selection.omits(&path.to_string()).is_none();
            if needed.contains(&path) || path.is_root() || (is_empty && wanted()) {
                let meta = placing.meta(entry);
                self.newest = self.newest.max(meta.mtime);
                let origin = Origin::Package(placing.name.as_str().into());
                self.insert(&path, Kind::Directory, meta, origin, placing.number)?;
            }
        }
        Ok(())
    }

    /// Makes `/lib64` a link when a package ships something there.
    fn link_merged(
        &mut self,
        path: &str,
        placing: &Placing<'_>,
        entry: &PackageEntry,
    ) -> Result<(), AssembleError> {
        let path = TreePath::of(path);
        let Some(first) = path.parts().next() else {
            return Ok(());
        };
        let Some(merged) = MERGED.iter().find(|name| name.as_bytes() == first) else {
            return Ok(());
        };
        let link = TreePath::of(merged);
        if self.tree.get(&link).is_some() {
            return Ok(());
        }
        let meta = Metadata::root(0o777, entry.mtime);
        let origin = Origin::Package(placing.name.as_str().into());
        let kind = Kind::symlink(format!("usr/{merged}"));
        self.insert(&link, kind, meta, origin, placing.number)
            .map(drop)
    }

    /// Puts one entry in its place; none if another package's file stays there.
    fn add_entry(
        &mut self,
        placing: &Placing<'_>,
        entry: &PackageEntry,
        index: usize,
        path: &TreePath,
        nodes: &mut BTreeMap<usize, Arc<FileNode>>,
    ) -> Result<Option<TreePath>, AssembleError> {
        let kind = match &entry.kind {
            EntryKind::Symlink(target) => Kind::symlink(target),
            EntryKind::HardLink(first) => Kind::File(placing.node(*first, nodes)),
            EntryKind::File { .. } => Kind::File(placing.node(index, nodes)),
            EntryKind::Directory => return Ok(None),
        };
        if let Kind::Symlink(target) = &kind
            && MERGED.iter().any(|name| path.as_bytes() == name.as_bytes())
            && target.strip_prefix(b"/").unwrap_or(target)
                == format!("usr/{}", entry.path).as_bytes()
            && self
                .tree
                .get(path)
                .is_some_and(|there| matches!(there.kind, Kind::Symlink(_)))
        {
            return Ok(None);
        }
        let placed = self
            .tree
            .place(path)
            .map_err(|source| AssembleError::Insert {
                origin: format!("package `{}`", placing.name),
                source,
            })?;
        if let Some(there) = self.tree.get(&placed) {
            let first = match &there.origin {
                Origin::Package(name) => name.to_string(),
                other => other.to_string(),
            };
            if first != placing.name
                && let Some(to) = self.diverted_by(&placing.name, path)
            {
                self.divert(placing.number, &placed, &to, &first)?;
            } else if first != placing.name {
                match self.who_replaces(&first, placing.selected) {
                    Some(Replaces::Second) => {
                        if let Some(other) = self
                            .packages
                            .iter_mut()
                            .find(|one| one.locked.name == first)
                        {
                            other.files.retain(|file| *file != placed);
                        }
                    }
                    Some(Replaces::First) => return Ok(None),
                    None => {
                        let second = placing.name.clone();
                        return Err(AssembleError::Conflict {
                            path: placed,
                            first,
                            second,
                        });
                    }
                }
            }
        }
        let meta = placing.meta(entry);
        self.newest = self.newest.max(meta.mtime);
        let origin = Origin::Package(placing.name.as_str().into());
        self.insert(path, kind, meta, origin, placing.number)
            .map(Some)
    }

    /// Moves a package's file out of the way of another's.
    fn divert(
        &mut self,
        number: usize,
        from: &TreePath,
        to: &TreePath,
        package: &str,
    ) -> Result<(), AssembleError> {
        let Some(there) = self.tree.get(from).cloned() else {
            return Ok(());
        };
        let place = self.insert(to, there.kind, there.meta, there.origin, number)?;
        let mut packages = self.packages.iter_mut();
        if let Some(other) = packages.find(|one| one.locked.name == package) {
            other.files.retain(|file| file != from);
            other.files.push(place);
            other.files.sort();
        }
        Ok(())
    }

    /// Which of two packages takes over files of the other (Debian Policy §7.6.1).
    fn who_replaces(&self, first: &str, second: &LockedPackage) -> Option<Replaces> {
        let first = self.packages.iter().find(|one| one.locked.name == first)?;
        let first = &first.locked;
        let replaces = |one: &LockedPackage, other: &LockedPackage| {
            let mut relations = one.replaces.iter().flat_map(|any| any.iter());
            relations.any(|relation| relation.name == other.name && relation.admits(&other.version))
        };
        if replaces(second, first) {
            return Some(Replaces::Second);
        }
        replaces(first, second).then_some(Replaces::First)
    }

    /// What this layer takes of packages below it that those left out: what it keeps, and the
    /// rest of a package that was taken in part and is asked for
    /// whole here.
    fn add_rest_of_below(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
        owners: &Owners,
        used: &mut UsedPatterns,
    ) -> Result<(), AssembleError> {
        for place in 0..self.packages.len() {
            let selected = self.packages[place].locked.clone();
            let name = selected.name.clone();
            let request = request_for(layer, &name);
            if self.packages[place].layer >= number || (layer.keep.is_empty() && request.is_none())
            {
                continue;
            }
            let Some(file) = self.content(&name) else {
                continue;
            };
            let policy = Some(Policy::default_policy());
            let selection = Selection {
                policy,
                layer,
                package: &name,
                only: request
                    .map(|request| &*request.only)
                    .filter(|only| !only.is_empty()),
            };
            let mut nodes = BTreeMap::new();
            let mut taken = Vec::new();
            for (index, entry) in file.package.entries.iter().enumerate() {
                let path = folded(&entry.path);
                let shown = path.to_string();
                used.note(&layer.keep, &shown, "keep");
                if let Some(only) = selection.only {
                    used.note(only, &shown, "only");
                }
                let is_kept = layer.keep.any(&shown);
                let is_taken = request.is_some() && selection.omits(&shown).is_none();
                let is_there = self.tree.get(&path).is_some();
                if request.is_some() && !is_there {
                    used.note(&layer.drop, &shown, "drop");
                }
                let is_folder = entry.kind == EntryKind::Directory;
                if !is_there && !is_folder && (is_kept || is_taken) {
                    taken.push((index, path));
                }
            }
            let placing = Placing {
                number,
                name: name.clone(),
                file,
                owners,
                selected: &selected,
            };
            self.add_folders_above(&placing, &taken)?;
            for (index, path) in &taken {
                let entry = &file.package.entries[*index];
                let to = moved(request, path.clone());
                if let Some(placed) = self.add_entry(&placing, entry, *index, &to, &mut nodes)? {
                    self.packages[place].files.push(placed);
                }
            }
            self.packages[place].files.sort();
            let taken: BTreeSet<TreePath> = taken.into_iter().map(|(_, path)| path).collect();
            self.left_out
                .retain(|one| *one.package != *name || !taken.contains(&one.path));
        }
        Ok(())
    }

    /// The folders that hold what is taken of a package below, as the package has them.
    fn add_folders_above(
        &mut self,
        placing: &Placing<'_>,
        taken: &[(usize, TreePath)],
    ) -> Result<(), AssembleError> {
        let needed = TreePath::folders_above(taken.iter().map(|(_, path)| path));
        for entry in &placing.file.package.entries {
            let path = folded(&entry.path);
            if entry.kind == EntryKind::Directory && needed.contains(&path) {
                let origin = Origin::Package(placing.name.as_str().into());
                let meta = placing.meta(entry);
                self.insert(&path, Kind::Directory, meta, origin, placing.number)?;
            }
        }
        Ok(())
    }

    fn check_patterns(
        &self,
        layer: &LayerRecipe,
        used: &UsedPatterns,
    ) -> Result<(), AssembleError> {
        let only = layer.packages.iter().map(|package| ("only", &package.only));
        let all = [("drop", &layer.drop), ("keep", &layer.keep)]
            .into_iter()
            .chain(only);
        for (key, patterns) in all {
            for (pattern, position) in patterns.iter() {
                // What is taken in part must have the part, whoever says so.
                let matters = key == "only" || layer.must_matter(pattern);
                if !matters || used.0.contains(&(key, pattern.to_owned())) {
                    continue;
                }
                let matches_below = key == "drop" && {
                    let one = Patterns::new(&[pattern.to_owned()]);
                    one.is_ok_and(|one| {
                        self.tree.iter().any(|(path, _)| one.any(&path.to_string()))
                    })
                };
                let hint = match matches_below {
                    true => " of its own packages; what a definition below ships cannot be dropped",
                    false => "",
                };
                return Err(AssembleError::UselessPattern {
                    definition: layer.definition.clone(),
                    key,
                    pattern: pattern.to_owned(),
                    hint,
                    position: position.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Refuses to move what a package does not ship.
fn check_moved(
    layer: &LayerRecipe,
    request: Option<&PackageRequest>,
    file: &PackageFile,
) -> Result<(), AssembleError> {
    let moved = request.into_iter().flat_map(|request| &request.moved);
    for (from, to) in moved {
        let mut shipped = file.package.entries.iter();
        if !shipped.any(|entry| folded(&entry.path) == *from) {
            return Err(AssembleError::UselessPattern {
                definition: layer.definition.clone(),
                key: "move",
                position: to.position.clone(),
                pattern: from.to_string(),
                hint: " of the package",
            });
        }
    }
    Ok(())
}

/// What a layer says of a package.
fn request_for<'a>(layer: &'a LayerRecipe, name: &str) -> Option<&'a PackageRequest> {
    let names = |request: &&PackageRequest| {
        let mut relations = request.relation.iter();
        relations.any(|relation| relation.name == name)
    };
    layer.packages.iter().find(names)
}

enum Replaces {
    First,
    Second,
}

/// Which patterns have matched something.
#[derive(Default)]
struct UsedPatterns(BTreeSet<(&'static str, String)>);

impl UsedPatterns {
    fn note(&mut self, patterns: &Patterns, path: &str, key: &'static str) {
        for place in patterns.matching(path) {
            if let Some(text) = patterns.texts().get(place) {
                self.0.insert((key, text.clone()));
            }
        }
    }
}

/// A package on its way into the tree.
struct Placing<'a> {
    number: usize,
    name: String,
    file: &'a PackageFile,
    owners: &'a Owners,
    selected: &'a LockedPackage,
}

impl Placing<'_> {
    fn meta(&self, entry: &PackageEntry) -> Metadata {
        Metadata {
            mode: match entry.kind {
                EntryKind::Symlink(_) => 0o777,
                _ => entry.mode,
            },
            uid: self.owners.user(&entry.user, entry.uid),
            gid: self.owners.group(&entry.group, entry.gid),
            mtime: entry.mtime,
        }
    }

    /// The bytes of a file, shared by all its names.
    fn node(&self, index: usize, nodes: &mut BTreeMap<usize, Arc<FileNode>>) -> Arc<FileNode> {
        let node = || {
            let entry = &self.file.package.entries[index];
            let md5 = match &entry.kind {
                EntryKind::File { md5, .. } => md5_bytes(md5),
                _ => None,
            };
            let content = self
                .file
                .content(entry)
                .unwrap_or_else(|| Vec::new().into());
            Arc::new(FileNode::new(content, md5))
        };
        nodes.entry(index).or_insert_with(node).clone()
    }
}

fn md5_bytes(hex: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (hex.len() == 32).then_some(bytes)
}

fn size_of(entry: &PackageEntry) -> u64 {
    match entry.kind {
        EntryKind::File { size, .. } => size,
        _ => 0,
    }
}

/// The place of a path once the merged folders are links.
pub(crate) fn folded(path: &str) -> TreePath {
    let path = TreePath::of(path);
    let is_merged = {
        let mut parts = path.parts();
        let first = parts.next().unwrap_or_default();
        parts.next().is_some() && MERGED.iter().any(|name| name.as_bytes() == first)
    };
    match is_merged {
        true => TreePath::of("usr").join(path.as_bytes()),
        false => path,
    }
}

fn moved(request: Option<&PackageRequest>, path: TreePath) -> TreePath {
    request
        .and_then(|request| request.moved.get(&path).map(|to| to.path.clone()))
        .unwrap_or(path)
}

fn scripts_of(file: &PackageFile) -> Vec<String> {
    let scripts = ["config", "preinst", "postinst", "prerm", "postrm"];
    let has = |name: &&str| file.package.control_files.contains_key(*name);
    // What runs when a package goes is of no use where none ever does.
    let counts = |name: &&str| !matches!(*name, "prerm" | "postrm" | "config");
    scripts
        .into_iter()
        .filter(has)
        .filter(counts)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_folders_are_folded() {
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
