//! Files that no Debian package ships, into the tree: downloads, directories.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use distil_bundle::{BundleEntry, EntryKind};
use distil_lock::Bundle;
use distil_tree::{BundleOrigin, Digests, FileNode, Kind, Metadata, Origin, TreePath};

use super::builder::TreeBuilder;
use super::error::AssembleError;
use super::taken::refuse_taken;
use crate::assembly::PlacedBundle;
use crate::owners::Owners;
use crate::whiteout::is_whiteout;
use distil_definition::recipe::{LayerRecipe, Position};

/// Adds the files that are for the current layer; what was added.
pub(super) fn add(
    builder: &mut TreeBuilder,
    layer: &LayerRecipe,
    bundles: &[Bundle],
    owners: &Owners,
) -> Result<Vec<PlacedBundle>, AssembleError> {
    let number = builder.layer;
    let own = bundles.iter().filter(|bundle| bundle.layer == number);
    own.map(|bundle| add_bundle(builder, layer, bundle, owners))
        .collect()
}

fn add_bundle(
    builder: &mut TreeBuilder,
    layer: &LayerRecipe,
    bundle: &Bundle,
    owners: &Owners,
) -> Result<PlacedBundle, AssembleError> {
    let placement = &bundle.placement;
    let (uid, gid) = match &placement.owner {
        None => (0, 0),
        Some(owner) => owners.parse(owner).map_err(|error| AssembleError::Owner {
            definition: layer.definition.clone(),
            key: placement.key,
            problem: error.to_string(),
            position: placement.owner_position.clone(),
        })?,
    };
    let mtime = builder.own();
    let meta = |mode| Metadata {
        mode,
        uid,
        gid,
        mtime,
    };
    let origin = Origin::Bundle(Arc::new(BundleOrigin {
        kind: bundle.provenance.kind,
        from: Arc::clone(&bundle.provenance.from),
    }));
    let mut placed = PlacedBundle {
        definition: layer.definition.clone(),
        layer: builder.layer,
        to: placement.to.clone(),
        provenance: bundle.provenance.clone(),
        files: 0,
        size: 0,
    };
    let mut used = BTreeSet::new();
    let mut nodes: HashMap<usize, Arc<FileNode>> = HashMap::new();
    for (index, entry) in bundle.files.entries().iter().enumerate() {
        let Some(path) = place_of(bundle, entry, &mut used) else {
            continue;
        };
        if is_whiteout(&path) {
            return Err(AssembleError::Whiteout {
                origin: origin.to_string(),
                path,
                position: placement.position.clone(),
            });
        }
        // What another image says holds where the definition says nothing.
        let own = entry.ownership;
        let mode_of = |is_executable| match own {
            Some(own) if placement.mode.is_none() => own.mode,
            _ => placement.mode_of(is_executable),
        };
        let (kind, mode) = match &entry.kind {
            EntryKind::Directory => {
                // One that is there already stays as it is: others have files in it.
                let there = builder.tree.follow(&path).map(|(_, entry)| entry);
                match there {
                    Some(there) if there.is_directory() => continue,
                    Some(_) | None => (Kind::Directory, mode_of(true)),
                }
            }
            EntryKind::Symlink(target) => (Kind::symlink(target), 0o777),
            EntryKind::File { .. } | EntryKind::HardLink(_) => {
                let first = match entry.kind {
                    EntryKind::HardLink(first) => first,
                    _ => index,
                };
                let Some((content, is_executable)) = bundle.files.content(entry) else {
                    continue;
                };
                let node = nodes
                    .entry(first)
                    .or_insert_with(|| Arc::new(FileNode::new(content, Digests::default())));
                // Two distributions may have one file, such as that of a namespace's package;
                // whoever chose them knows that its bytes are the same.
                if placement.key == "python" && is_of_distribution(builder, &path) {
                    continue;
                }
                placed.size += node.content.size();
                (Kind::File(Arc::clone(node)), mode_of(is_executable))
            }
        };
        refuse_taken(
            &builder.tree,
            &layer.definition,
            placement.key,
            &path,
            &placement.position,
        )?;
        make_directories(builder, &path, meta(placement.mode_of(true)), &origin)?;
        let meta = match own {
            Some(own) if placement.owner.is_none() => Metadata {
                uid: own.uid,
                gid: own.gid,
                ..meta(mode)
            },
            _ => meta(mode),
        };
        builder.insert(&path, kind, meta, origin.clone())?;
        placed.files += 1;
    }
    check_used(layer, bundle, &used)?;
    if placed.files == 0 {
        return Err(AssembleError::EmptyBundle {
            definition: layer.definition.clone(),
            origin: origin.to_string(),
            position: placement.position.clone(),
        });
    }
    Ok(placed)
}

/// Whether a file of another distribution is at a path.
fn is_of_distribution(builder: &TreeBuilder, path: &TreePath) -> bool {
    let there = builder.tree.follow(path).map(|(_, entry)| &entry.origin);
    matches!(there, Some(Origin::Bundle(one)) if one.kind == "wheel")
}

/// Where an entry goes in the image; none if it is not taken.
fn place_of(bundle: &Bundle, entry: &BundleEntry, used: &mut BTreeSet<usize>) -> Option<TreePath> {
    let placement = &bundle.placement;
    if entry.path.is_empty() {
        return Some(placement.to.clone());
    }
    let mut parts = entry.path.split('/');
    for _ in 0..placement.strip {
        parts.next()?;
    }
    let rest: Vec<&str> = parts.collect();
    if rest.is_empty() {
        return None;
    }
    let rest = rest.join("/");
    used.extend(placement.only.lines_matching(&rest));
    if !placement.only.is_empty() && !placement.only.matches(&rest) {
        return None;
    }
    let to = [placement.to.as_bytes(), rest.as_bytes()].join(&b"/"[..]);
    TreePath::from_archive(to.strip_prefix(b"/").unwrap_or(&to)).ok()
}

/// Makes the directories above a path that are not there, as the bundle's own.
fn make_directories(
    builder: &mut TreeBuilder,
    path: &TreePath,
    meta: Metadata,
    origin: &Origin,
) -> Result<(), AssembleError> {
    let mut missing = Vec::new();
    let mut above = path.parent();
    while let Some(one) = above.filter(|one| !one.is_root() && builder.tree.follow(one).is_none()) {
        above = one.parent();
        missing.push(one);
    }
    for one in missing.into_iter().rev() {
        builder.insert(&one, Kind::Directory, meta, origin.clone())?;
    }
    Ok(())
}

/// Refuses a pattern that nothing matches: it is mistyped.
fn check_used(
    layer: &LayerRecipe,
    bundle: &Bundle,
    used: &BTreeSet<usize>,
) -> Result<(), AssembleError> {
    let written = bundle.placement.only_written.iter().enumerate();
    let mut useless = written.filter(|(line, _)| !used.contains(line));
    match useless.next() {
        None => Ok(()),
        Some((_, (pattern, position))) => Err(AssembleError::UselessPattern {
            definition: layer.definition.clone(),
            key: "downloads",
            position: Position::clone(position),
            pattern: pattern.clone(),
            hint: match bundle.placement.strip {
                0 => " of the archive",
                _ => " of the archive, behind the directories that `strip` takes off",
            },
        }),
    }
}
