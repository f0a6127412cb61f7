//! Whether engines agree on what the layers are.

use std::collections::BTreeMap;

use distil_inspect::AmbiguityKind;
use distil_tree::TreePath;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{AMBIGUOUS_LAYER, MERGED_USR};
use crate::severity::Severity;

/// The links of a merged /usr (file-hierarchy(7)), by their names.
const MERGED: [&[u8]; 7] = [
    b"bin", b"lib", b"lib32", b"lib64", b"libo32", b"libx32", b"sbin",
];

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let filesystem = context.subject.filesystem;
    // One finding a kind and layer, with all places.
    let mut kinds: BTreeMap<(usize, &AmbiguityKind), Vec<TreePath>> = BTreeMap::new();
    for (layer, one) in &filesystem.ambiguities {
        let paths = kinds.entry((*layer, &one.kind)).or_default();
        paths.push(one.path.clone());
    }
    for ((layer, kind), mut paths) in kinds {
        let others = paths.split_off(1);
        let Some(path) = paths.first() else { continue };
        let found = Finding::new(&AMBIGUOUS_LAYER, format!("`{path}` {kind}"));
        let found = found.at(path).others(others).layer(layer);
        findings.push(match kind.is_mode_alone() {
            true => found.severity(Severity::Warning),
            false => found,
        });
    }
    for link in &filesystem.replaced_links {
        let is_merged = MERGED.contains(&link.path.as_bytes());
        let tree = context.subject.tree();
        let is_directory = tree
            .get(&link.path)
            .is_some_and(|entry| entry.is_directory());
        if !is_merged || !is_directory {
            continue;
        }
        let problem = format!(
            "`{}` was a link to `{}`, and is a directory of its own",
            link.path,
            shown(&link.target)
        );
        let found = Finding::new(&MERGED_USR, problem).at(&link.path);
        findings.push(found.layer(link.layer));
    }
}
