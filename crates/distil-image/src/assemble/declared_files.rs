//! What packages declare for systemd to make in `tmpfiles.d`: directories, files and links. No
//! image has systemd, so they are made here.

use distil_maintscript::tmpfiles;
use distil_tree::{Entry, Kind, Metadata, Origin, TreePath};

use super::builder::TreeBuilder;
use super::declarations::declarations;
use super::error::AssembleError;
use super::input::LayerInput;
use super::inventory::UndoneByPackage;
use crate::assembly::Undone;
use crate::owners::Owners;

/// Where packages declare directories, files and links.
pub(super) const DIRECTORY: &str = "usr/lib/tmpfiles.d";

const MADE: &str = "tmpfiles.d";

/// Makes the directories, files and links that the packages of a layer declare; what of them is
/// undone. What is there already stays as it is, but for directories of this layer, which get mode
/// and owners.
pub(super) fn add(
    builder: &mut TreeBuilder,
    input: &LayerInput<'_>,
    owners: &Owners,
) -> Result<UndoneByPackage, AssembleError> {
    let (declared, mut undone) = declarations(input, DIRECTORY, tmpfiles::parse);
    for (package, entry) in declared {
        if let Err(what) = make(builder, &entry, owners)? {
            undone.entry(package).or_default().push(Undone {
                script: MADE.to_owned(),
                line: 0,
                what,
            });
        }
    }
    Ok(undone)
}

/// Makes one of them; the inner error says what could not be made.
fn make(
    builder: &mut TreeBuilder,
    declared: &tmpfiles::Entry,
    owners: &Owners,
) -> Result<Result<(), String>, AssembleError> {
    // When a package is installed, these lines are passed over, too.
    if declared.is_only_at_boot {
        return Ok(Ok(()));
    }
    let path = &declared.path;
    let Ok(path) = TreePath::from_absolute(path) else {
        return Ok(Err(format!(
            "`{path}` is not a path that an image can have"
        )));
    };
    let is_folder = declared.kind == tmpfiles::Kind::Folder;
    let mtime = builder.made();
    let meta = match metadata(declared, if is_folder { 0o755 } else { 0o644 }, owners) {
        Ok(meta) => Metadata { mtime, ..meta },
        Err(problem) => return Ok(Err(problem)),
    };
    let number = builder.layer;
    let there = builder.tree.follow(&path).map(|(place, _)| place);
    let kind = match &declared.kind {
        tmpfiles::Kind::Folder => {
            if let Some(entry) = there.and_then(|place| builder.tree.get_mut(&place)) {
                if entry.is_directory() && entry.layer == number {
                    let mtime = entry.meta.mtime;
                    entry.meta = Metadata { mtime, ..meta };
                }
                return Ok(Ok(()));
            }
            Kind::Directory
        }
        _ if there.is_some() || builder.tree.get(&path).is_some() => return Ok(Ok(())),
        tmpfiles::Kind::File { text, .. } => Kind::file(text.as_str()),
        tmpfiles::Kind::Link {
            target,
            only_if_target_exists,
            ..
        } => {
            let lead = TreePath::from_absolute(target).ok();
            let leads_somewhere = lead.is_some_and(|to| builder.tree.follow(&to).is_some());
            if *only_if_target_exists && !leads_somewhere {
                return Ok(Ok(()));
            }
            Kind::symlink(target)
        }
        tmpfiles::Kind::Copy { source, .. } => {
            return copy(builder, source, &path).map(Ok);
        }
        // There is nothing whose mode or owners could be adjusted.
        tmpfiles::Kind::AdjustFolders | tmpfiles::Kind::Adjust { .. } => return Ok(Ok(())),
    };
    let origin = Origin::Generated(MADE.into());
    builder.insert(&path, kind, meta, origin)?;
    Ok(Ok(()))
}

/// Mode and owners; the time is for the caller to say.
fn metadata(declared: &tmpfiles::Entry, mode: u32, owners: &Owners) -> Result<Metadata, String> {
    let number = |owner: &Option<tmpfiles::Owner>, is_user: bool| match owner {
        None => Ok(0),
        Some(owner) => match &owner.account {
            tmpfiles::Account::Number(number) => Ok(*number),
            tmpfiles::Account::Name(name) => {
                let (what, found) = match is_user {
                    true => ("user", owners.user(name, u32::MAX)),
                    false => ("group", owners.group(name, u32::MAX)),
                };
                let missing = || {
                    format!(
                        "`{}` is for the {what} `{name}`, whom nobody makes",
                        declared.path
                    )
                };
                Some(found)
                    .filter(|found| *found != u32::MAX)
                    .ok_or_else(missing)
            }
        },
    };
    Ok(Metadata {
        mode: declared.mode.map_or(mode, |mode| mode.bits),
        uid: number(&declared.user, true)?,
        gid: number(&declared.group, false)?,
        mtime: 0,
    })
}

/// Copies what is at a path, and what lies below it.
fn copy(builder: &mut TreeBuilder, source: &str, path: &TreePath) -> Result<(), AssembleError> {
    let found = TreePath::from_absolute(source).ok();
    let Some((place, entry)) = found.and_then(|source| builder.tree.follow(&source)) else {
        return Ok(());
    };
    let below = builder.tree.below(&place).filter(|(one, _)| **one != place);
    let depth = place.as_bytes().len();
    let mut copies: Vec<(TreePath, Entry)> = vec![(path.clone(), entry.clone())];
    copies.extend(below.map(|(one, entry)| {
        let rest = one.as_bytes().get(depth + 1..).unwrap_or_default();
        (path.join(rest), entry.clone())
    }));
    for (path, entry) in copies {
        let origin = Origin::Generated(MADE.into());
        builder.insert(&path, entry.kind, entry.meta, origin)?;
    }
    Ok(())
}
