//! What is to be told of an image that is read from a place.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use distil_inspect::{Inspection, Options};
use distil_oci::{Image, Location};
use distil_tree::{Entry, Kind, Metadata, SortedMap, TreePath, printable};

use super::{File, FileKind, Files, Package, Unowned, View};
use crate::cli;
use crate::command::check::read_image;
use crate::command::registries;
use crate::command::verify::require_place;
use crate::error::CommandError;
use distil_build::threads;

/// The image at a place.
pub(super) fn view(
    location: &Location,
    made: &cli::Made,
    with_files: bool,
) -> Result<View, CommandError> {
    require_place(location, &made.signers)?;
    let Location::RootFs(path) = location else {
        let registries = registries(&made.archive, &made.registry);
        let platform = made.platform.as_deref();
        let image = read_image(location, platform, &registries, &made.signers)?;
        return view_of(&image, with_files);
    };
    // Files and packages, and no more is known.
    let view = View {
        schema_version: 1,
        ..View::default()
    };
    let inspection = Inspection::of_directory(path, options(with_files));
    let inspection = inspection.map_err(|error| CommandError::reading(path, error))?;
    complete(view, inspection, with_files)
}

/// An image that was opened.
pub(super) fn view_of(image: &Image, with_files: bool) -> Result<View, CommandError> {
    let inspection = Inspection::of_image(image, options(with_files));
    let inspection = inspection.map_err(CommandError::failure)?;
    complete(View::of_documents(image), inspection, with_files)
}

fn options(with_files: bool) -> Options {
    Options {
        threads: threads(),
        digests: with_files,
        ..Options::default()
    }
}

/// The file system is taken apart for what is told of it, so that no more than one of both is there:
/// there may be millions of files.
fn complete(view: View, inspection: Inspection, with_files: bool) -> Result<View, CommandError> {
    let tree = &inspection.filesystem.tree;
    let found = inspection.packages().map_err(CommandError::failure)?;
    let mut owners: HashMap<&TreePath, Arc<str>> = HashMap::new();
    let mut packages = Vec::new();
    for one in &found {
        let from: Arc<str> = format!("package {}", one.name).into();
        let sizes = one.files.iter().map(|path| size(&inspection, path));
        packages.push(Package {
            name: one.name.clone(),
            version: one.version.clone(),
            architecture: one.architecture.clone(),
            source: one.source.clone(),
            source_version: one.source_version.clone(),
            licences: Arc::clone(&one.licences),
            size: sizes.sum(),
            depends: one.depends.clone(),
            layer: None,
            suite: None,
            origin: None,
        });
        owners.extend(one.files.iter().map(|path| (path, Arc::clone(&from))));
    }
    let sizes = tree.iter().filter_map(|(_, entry)| entry.file());
    let view = View {
        build_stage: super::BuildStage::of(tree, &inspection.config),
        unpacked_size: sizes.map(|file| file.content.size()).sum(),
        packages,
        libraries: match with_files {
            true => View::libraries_of(tree),
            false => BTreeMap::new(),
        },
        ..view
    };
    // What made the files of no package, only their making tells.
    let is_unowned = |path: &TreePath, entry: &Entry| {
        let file = entry.file().filter(|_| !owners.contains_key(path));
        file.map(|file| file.content.size())
    };
    let count = tree
        .iter()
        .filter(|(path, entry)| is_unowned(path, entry).is_some());
    let mut unowned_files = Vec::with_capacity(count.count());
    let mut files = SortedMap::default();
    for (path, entry) in inspection.filesystem.tree {
        unowned_files.extend(is_unowned(&path, &entry).map(|size| Unowned {
            path: path.to_string(),
            size,
            from: None,
        }));
        if with_files {
            let kind = match entry.kind {
                Kind::Directory => FileKind::Directory,
                Kind::Symlink(target) => FileKind::Symlink(printable(&target)),
                Kind::File(file) => FileKind::File {
                    size: file.content.size(),
                    digest: file.digests().sha256,
                },
            };
            let file = told(kind, entry.meta, owners.get(&path));
            files.insert(path, file);
        }
    }
    if with_files {
        for (path, device) in inspection.filesystem.devices {
            let kind = FileKind::Special(device.word);
            let file = told(kind, device.meta, owners.get(&path));
            files.insert(path, file);
        }
    }
    Ok(View {
        unowned_files,
        files: with_files.then_some(Files(files)),
        ..view
    })
}

fn size(inspection: &Inspection, path: &TreePath) -> u64 {
    let entry = inspection.filesystem.tree.get(path);
    let file = entry.and_then(|entry| entry.file());
    file.map_or(0, |file| file.content.size())
}

fn told(kind: FileKind, meta: Metadata, owner: Option<&Arc<str>>) -> File {
    File {
        kind,
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        from: owner.map(Arc::clone),
    }
}
