//! What can be read from an image alone: its documents, files and package metadata.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use distil_oci::Location;
use distil_store::{Digest, Hasher};
use distil_tree::folder::{self, FoundKind};
use distil_tree::tar::{Limits, Member, MemberKind, ReadError, Reader};
use distil_tree::{TreePath, printable};

use super::packages::{is_metadata, packages};
use super::{File, FileKind, Files, Unowned, View};
use crate::command::check::{of_folder, of_image, read_image};
use crate::error::CommandError;

/// The most that an image may have in one layer, unpacked.
const MAX_LAYER: u64 = 16 << 30;

/// The image at a place.
pub(super) fn view(
    location: &Location,
    platform: Option<&str>,
    with_files: bool,
) -> Result<View, CommandError> {
    if let Location::RootFs(path) = location {
        return root(path, with_files);
    }
    let image = &read_image(location, platform)?;
    let mut contents = Contents {
        hashes: with_files,
        ..Contents::default()
    };
    for layer in image.layers() {
        let tar = layer.tar(MAX_LAYER).map_err(CommandError::failure)?;
        let limits = Limits {
            size: MAX_LAYER,
            ..Limits::default()
        };
        let reader = Reader::new(tar, limits);
        reader
            .for_each(|member, content| contents.take(member, content))
            .map_err(|error| {
                CommandError::failure(format!(
                    "the layer {} cannot be read: {error}",
                    layer.digest()
                ))
            })?;
    }
    let view = View {
        build_stage: of_image(location, image)?.build_stage(),
        ..View::of_documents(image)
    };
    contents.complete(view, with_files)
}

/// A plain root file system: files and packages, and no more is known.
fn root(path: &Path, with_files: bool) -> Result<View, CommandError> {
    let mut contents = Contents {
        hashes: with_files,
        ..Contents::default()
    };
    let limits = folder::Limits {
        size: MAX_LAYER,
        ..folder::Limits::default()
    };
    folder::read(path, limits, |found, reader| {
        contents.take_found(found, reader)
    })?;
    contents.complete(
        View {
            schema_version: 1,
            build_stage: of_folder("", path)?.build_stage(),
            ..View::default()
        },
        with_files,
    )
}

/// The files that no package's sums name. What made them, only their making tells.
fn unowned(files: &Files) -> Vec<Unowned> {
    let unowned = files.0.iter().filter_map(|(path, file)| match file.kind {
        FileKind::File { size, .. } if file.from.is_none() => Some(Unowned {
            path: path.to_string(),
            size,
            from: None,
        }),
        _ => None,
    });
    unowned.collect()
}

/// The files of an image as its layers make them, and the contents of package metadata.
#[derive(Default)]
struct Contents {
    hashes: bool,
    files: Files,
    metadata: BTreeMap<TreePath, Vec<u8>>,
}

impl Contents {
    fn complete(mut self, view: View, with_files: bool) -> Result<View, CommandError> {
        let packages = packages(&self.metadata, &mut self.files)?;
        Ok(View {
            unpacked_size: self.files.0.values().map(|file| file.kind.size()).sum(),
            packages,
            unowned_files: unowned(&self.files),
            files: with_files.then_some(self.files),
            ..view
        })
    }

    fn take(&mut self, member: Member, content: &mut dyn Read) -> Result<(), ReadError> {
        let Ok(path) = TreePath::from_archive(&member.path) else {
            return Ok(());
        };
        if self.hide(&path, &member.kind) {
            return Ok(());
        }
        let kind = match member.kind {
            MemberKind::Directory => FileKind::Directory,
            MemberKind::Symlink(target) => FileKind::Symlink(printable(&target)),
            MemberKind::Special(word) => FileKind::Special(word),
            MemberKind::File(size) => self
                .file(&path, size, content)
                .map_err(|source| ReadError::of_content(source, 0))?,
            MemberKind::HardLink(first) => {
                let first = TreePath::from_archive(&first).ok();
                let Some(first) = first.and_then(|first| self.files.0.get(&first)) else {
                    return Ok(());
                };
                first.kind.clone()
            }
        };
        let file = File {
            kind,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            from: None,
        };
        self.files.0.insert(path, file);
        Ok(())
    }

    fn take_found(
        &mut self,
        found: folder::Found,
        reader: Option<&mut dyn Read>,
    ) -> Result<(), CommandError> {
        let kind = match (found.kind, reader) {
            (FoundKind::File(size), Some(reader)) => {
                let file = self.file(&found.path, size, reader);
                file.map_err(|error| {
                    CommandError::failure(format!("failed to read `{}`: {error}", found.path))
                })?
            }
            (FoundKind::File(_), None) => FileKind::Special("file"),
            (FoundKind::Directory, _) => FileKind::Directory,
            (FoundKind::Symlink(target), _) => FileKind::Symlink(printable(&target)),
            (FoundKind::Special(word), _) => FileKind::Special(word),
        };
        let file = File {
            kind,
            mode: found.meta.mode,
            uid: found.meta.uid.into(),
            gid: found.meta.gid.into(),
            from: None,
        };
        self.files.0.insert(found.path, file);
        Ok(())
    }

    fn file(&mut self, path: &TreePath, size: u64, content: &mut dyn Read) -> io::Result<FileKind> {
        let digest = if is_metadata(path, size) {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            let digest = Digest::of(&bytes);
            self.metadata.insert(path.clone(), bytes);
            digest.to_string()
        } else if self.hashes {
            let mut hasher = Hasher::default();
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = content.read(&mut buffer)?;
                if count == 0 {
                    break hasher.finish().to_string();
                }
                hasher.update(&buffer[..count]);
            }
        } else {
            String::new()
        };
        Ok(FileKind::File { size, digest })
    }

    /// Takes away what a member of a higher layer hides: what was at its own path, or, if it is
    /// a whiteout, what that names (OCI image specification, "Whiteouts"). Whether it was one.
    fn hide(&mut self, path: &TreePath, kind: &MemberKind) -> bool {
        let name = path.name().unwrap_or_default();
        let folder = path.parent().unwrap_or_default();
        let whiteout = name.strip_prefix(b".wh.");
        let (gone, itself) = match whiteout {
            Some(b".wh..opq") => (folder, false),
            Some(hidden) => (folder.join(hidden), true),
            None if *kind == MemberKind::Directory => return false,
            None => (path.clone(), true),
        };
        let stays = |path: &TreePath| !path.is_within(&gone) || (!itself && *path == gone);
        if self.files.0.contains_key(&gone) || whiteout.is_some() {
            self.files.0.retain(|path, _| stays(path));
            self.metadata.retain(|path, _| stays(path));
        }
        whiteout.is_some()
    }
}
