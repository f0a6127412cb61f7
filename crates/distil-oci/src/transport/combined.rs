//! Writes the archive that everybody reads: an OCI layout in a tar file, whose `index.json` has
//! one descriptor, and which has the `manifest.json` of `docker save` with one image too.
//!
//! More than one entry in either of the two breaks some of the programs that read them. For several
//! platforms the descriptor is that of an index, and `manifest.json` has the image for this machine
//! if it is among them, else the first.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use serde_json::json;

use crate::image::{Content, Image};
use crate::reference::Reference;
use crate::transport::blobs::{self, Blob};
use crate::transport::error::Problem;
use crate::transport::unfinished::UnfinishedFile;

/// The names that an archive carries.
pub(crate) struct Names<'a> {
    /// Where they belong to the image, as Docker shows them.
    pub(crate) repo_tags: Vec<String>,
    /// The tag in the OCI layout.
    pub(crate) tag: Option<&'a str>,
    /// The full name in the OCI layout.
    pub(crate) full: Option<String>,
}

impl<'a> Names<'a> {
    /// These names; the first is the OCI layout's.
    pub(crate) fn of(names: &'a [Reference]) -> Self {
        let first = names.first();
        Self {
            repo_tags: names.iter().map(Reference::familiar).collect(),
            tag: first.map(Reference::tag),
            full: first.map(Reference::full),
        }
    }

    /// With another tag in the OCI layout, if one is given. Under a tag of its own the image is not
    /// the one of that name any more.
    pub(crate) fn tagged(mut self, tag: Option<&'a str>) -> Self {
        if tag.is_some() && tag != self.tag {
            self.tag = tag;
            self.full = None;
        }
        self
    }
}

/// Writes the archive to `path`, whole or not at all.
///
/// A character device or a pipe at `path`, such as `/dev/stdout`, is written to directly.
pub(crate) fn write(
    path: &Path,
    content: &Content,
    names: &Names<'_>,
    modified: u64,
) -> Result<(), Problem> {
    let failed = |action| Problem::file(action, path);
    let existing = match path.metadata() {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("write")(error)),
    };
    // Through a link, the file that it leads to is replaced and not the link.
    let target = match &existing {
        Some(metadata) if metadata.is_dir() => return Err(Problem::Folder(path.to_owned())),
        Some(metadata) if streams(metadata) => {
            let file = OpenOptions::new().write(true).open(path);
            let mut out = BufWriter::new(file.map_err(failed("open"))?);
            to(&mut out, path, content, names, modified)?;
            return out.flush().map_err(failed("write"));
        }
        Some(metadata) if !metadata.is_file() => return Err(Problem::NotAFile(path.to_owned())),
        Some(_) => path.canonicalize().map_err(failed("write"))?,
        None => path.to_owned(),
    };
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = UnfinishedFile::new_in(folder).map_err(failed("create"))?;
    let mut out = BufWriter::with_capacity(256 << 10, file.file());
    to(&mut out, path, content, names, modified)?;
    out.flush().map_err(failed("write"))?;
    drop(out);
    file.finish(&target).map_err(failed("write"))
}

/// Whether a file of this kind can only be written to, and never be replaced.
fn streams(metadata: &Metadata) -> bool {
    metadata.file_type().is_fifo() || metadata.file_type().is_char_device()
}

/// Writes the archive to `out`, which messages call `path`.
pub(crate) fn to(
    out: &mut impl Write,
    path: &Path,
    content: &Content,
    names: &Names<'_>,
    modified: u64,
) -> Result<(), Problem> {
    let image = content.for_host().ok_or(Problem::Empty)?;
    let index = blobs::json(
        "index.json",
        &json!({
            "schemaVersion": 2,
            "mediaType": crate::spec::MediaType::ImageIndex,
            "manifests": [blobs::top_descriptor(content, names.tag, names.full.as_deref())],
        }),
    )?;
    let manifest = blobs::json("manifest.json", &docker_manifest(image, names))?;
    let mut tar = TarWriter {
        out,
        path,
        modified,
    };
    // In the order of their names.
    tar.folder("blobs/")?;
    tar.folder("blobs/sha256/")?;
    for (digest, blob) in blobs::all(content)? {
        tar.file(&format!("blobs/sha256/{}", digest.hex()), &blob)?;
    }
    tar.file("index.json", &Blob::Bytes(&index))?;
    tar.file("manifest.json", &Blob::Bytes(&manifest))?;
    tar.file("oci-layout", &Blob::Bytes(blobs::OCI_LAYOUT))?;
    tar.end()
}

/// The `manifest.json` of `docker save`, with the paths of the OCI layout.
fn docker_manifest(image: &Image, names: &Names<'_>) -> serde_json::Value {
    let path = |digest: distil_store::Digest| format!("blobs/sha256/{}", digest.hex());
    let layers: Vec<String> = image.layers().iter().map(|l| path(l.digest())).collect();
    json!([{
        "Config": path(image.config_digest()),
        "RepoTags": names.repo_tags,
        "Layers": layers,
    }])
}

/// Writes entries in the ustar format, all owned by root.
struct TarWriter<'a, W> {
    out: &'a mut W,
    path: &'a Path,
    modified: u64,
}

impl<W: Write> TarWriter<'_, W> {
    fn folder(&mut self, name: &str) -> Result<(), Problem> {
        self.header(name, tar::EntryType::Directory, 0o755, 0)
    }

    fn file(&mut self, name: &str, content: &Blob<'_>) -> Result<(), Problem> {
        self.header(name, tar::EntryType::Regular, 0o644, content.size())?;
        content.copy_to(self.out, self.path)?;
        let padding = content.size().next_multiple_of(512) - content.size();
        self.write(&[0; 512][..usize::try_from(padding).unwrap_or_default()])
    }

    fn header(
        &mut self,
        name: &str,
        kind: tar::EntryType,
        mode: u32,
        size: u64,
    ) -> Result<(), Problem> {
        let mut header = tar::Header::new_ustar();
        header
            .set_path(name)
            .map_err(Problem::file("write", self.path))?;
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.modified);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    fn end(self) -> Result<(), Problem> {
        let TarWriter { out, path, .. } = self;
        out.write_all(&[0; 1024])
            .map_err(Problem::file("write", path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.out
            .write_all(bytes)
            .map_err(Problem::file("write", self.path))
    }
}
