//! What can be read from an image alone: its packages, by the metadata that scanners read.

use std::collections::BTreeMap;
use std::io::Read;

use distil_debian::control::Paragraph;
use distil_oci::Image;
use distil_tree::TreePath;
use distil_tree::tar::{Limits, MemberKind, ReadError, Reader};

use crate::error::CommandError;

/// The most that an image may have in one layer, unpacked.
const MAX_LAYER: u64 = 16 << 30;

/// The largest file of metadata: Trivy refuses stanzas above 128 KiB, and lists of sums are
/// larger.
const MAX_METADATA: u64 = 16 << 20;

const STATUS: &str = "var/lib/dpkg/status.d";

/// A package as an image's own metadata has it.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) source: String,
    pub(crate) source_version: String,
    pub(crate) size: u64,
}

/// The files of an image: sizes by path, and the contents of package metadata.
#[derive(Default)]
struct Files {
    sizes: BTreeMap<TreePath, u64>,
    metadata: BTreeMap<TreePath, Vec<u8>>,
}

/// Reads the packages of an image, and how many bytes its files have.
pub(crate) fn packages(image: &Image) -> Result<(Vec<Package>, u64), CommandError> {
    let mut files = Files::default();
    for layer in image.layers() {
        let tar = layer.tar(MAX_LAYER).map_err(CommandError::failure)?;
        let limits = Limits {
            size: MAX_LAYER,
            ..Limits::default()
        };
        let reader = Reader::new(tar, limits);
        reader
            .for_each(|member, content| files.take(member, content))
            .map_err(|error| {
                CommandError::failure(format!(
                    "the layer {} cannot be read: {error}",
                    layer.digest()
                ))
            })?;
    }
    let total = files.sizes.values().sum();
    let folder = TreePath::of(STATUS);
    let mut packages = Vec::new();
    for (path, bytes) in &files.metadata {
        let name = path.name().unwrap_or_default();
        if name.ends_with(b".md5sums") || path.parent().as_ref() != Some(&folder) {
            continue;
        }
        packages.push(package(path, bytes, &files)?);
    }
    Ok((packages, total))
}

fn package(path: &TreePath, bytes: &[u8], files: &Files) -> Result<Package, CommandError> {
    let wrong = |problem: String| CommandError::failure(format!("`{path}` of the image {problem}"));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned()))?;
    let stanza = Paragraph::parse(text).map_err(|error| wrong(format!("is no stanza: {error}")))?;
    let field = |name: &str| {
        let value = stanza.get(name).map(|value| value.trim().to_owned());
        value.ok_or_else(|| wrong(format!("has no `{name}`")))
    };
    let (name, version) = (field("Package")?, field("Version")?);
    let source = stanza
        .get("Source")
        .map_or(name.as_str(), str::trim)
        .to_owned();
    let (source, source_version) = match source.split_once(" (") {
        Some((source, version)) => (source.to_owned(), version.trim_end_matches(')').to_owned()),
        None => (source, version.clone()),
    };
    let sums = TreePath::of(STATUS).join(format!("{name}.md5sums"));
    let sums = files
        .metadata
        .get(&sums)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let paths = sums
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.get(34..));
    let paths = paths.filter_map(|path| TreePath::from_archive(path).ok());
    let size = paths.filter_map(|path| files.sizes.get(&path)).sum();
    let architecture = field("Architecture")?;
    Ok(Package {
        name,
        version,
        architecture,
        source,
        source_version,
        size,
    })
}

impl Files {
    fn take(
        &mut self,
        member: distil_tree::tar::Member,
        content: &mut dyn Read,
    ) -> Result<(), ReadError> {
        let Ok(path) = TreePath::from_archive(&member.path) else {
            return Ok(());
        };
        self.forget_replaced(&path, &member.kind);
        let MemberKind::File(size) = member.kind else {
            return Ok(());
        };
        self.sizes.insert(path.clone(), size);
        if path.is_within(&TreePath::of(STATUS)) && size <= MAX_METADATA {
            let mut bytes = Vec::new();
            let read = content.read_to_end(&mut bytes);
            read.map_err(|source| ReadError::of_content(source, 0))?;
            self.metadata.insert(path, bytes);
        }
        Ok(())
    }

    /// What a member of a higher layer hides: what was at its own path, or, if it is a
    /// whiteout, what that names (OCI image specification, "Whiteouts").
    fn forget_replaced(&mut self, path: &TreePath, kind: &MemberKind) {
        let name = path.name().unwrap_or_default();
        let folder = path.parent().unwrap_or_default();
        let (gone, itself) = match name.strip_prefix(b".wh.") {
            Some(b".wh..opq") => (folder, false),
            Some(hidden) => (folder.join(hidden), true),
            None if *kind == MemberKind::Directory => return,
            None => (path.clone(), true),
        };
        let stays = |path: &TreePath| !path.is_within(&gone) || (!itself && *path == gone);
        if self.sizes.contains_key(&gone) || name.starts_with(b".wh.") {
            self.sizes.retain(|path, _| stays(path));
            self.metadata.retain(|path, _| stays(path));
        }
    }
}
