//! Directories in OCI's image layout (OCI image specification, "Image Layout"): read, created, and
//! added to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_store::unfinished::{UnfinishedDirectory, UnfinishedFile};
use distil_store::{Digest, has_no_locks};
use serde_json::{Value, json};

use crate::blob::{Blobs, DescribedBlob, FileBlob, FoundBlob};
use crate::document_error::DocumentError;
use crate::index::Manifest;
use crate::json;
use crate::reader::{self, MAX_ENTRIES};
use crate::schema;
use crate::spec::{self, Descriptor, MediaType};
use crate::transport::choice::{ChoiceError, choose};
use crate::transport::copy::copy;
use crate::transport::documents;
use crate::transport::file_error::FileError;
use crate::transport::layout_referrers::{self, is_referrer};
use crate::transport::names::Names;

/// A layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// An operation of the file system failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is to be read is another kind of directory.
    #[error("`{}` is no OCI image layout: it has no `oci-layout`", .0.display())]
    NoLayout(PathBuf),
    /// What is to be written to is something else.
    #[error("`{}` is neither empty nor an OCI image layout, so nothing is written into it", .0.display())]
    NotALayout(PathBuf),
    /// No image of the name that is wanted.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// What is in it makes no image.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// A directory that is an image layout.
struct Layout<'a> {
    path: &'a Path,
    /// What messages call it, which is another path while the directory is unfinished.
    name: &'a Path,
}

/// The blobs of a layout.
struct LayoutBlobs {
    path: PathBuf,
}

/// Reads the image with this tag, or the only one.
pub(crate) fn open(path: &Path, tag: Option<&str>) -> Result<Manifest, LayoutError> {
    let (index, blobs) = read(path)?;
    Ok(reader::open(blobs, choose(&index, tag)?)?)
}

/// What is about one manifest.
pub(crate) fn referrers_to(
    path: &Path,
    subject: Digest,
) -> Result<Vec<layout_referrers::Entry>, LayoutError> {
    let (index, blobs) = read(path)?;
    Ok(layout_referrers::to(&index, &blobs, subject))
}

/// All that is about manifests, and about that in turn.
pub(crate) fn referrers_of(
    path: &Path,
    subjects: impl IntoIterator<Item = Digest>,
) -> Result<Vec<Manifest>, LayoutError> {
    let (index, blobs) = read(path)?;
    Ok(layout_referrers::of(&index, &blobs, subjects)?)
}

/// The `index.json` of a layout, and its blobs.
fn read(path: &Path) -> Result<(spec::ImageIndex, Arc<dyn Blobs>), LayoutError> {
    let layout = Layout::at(path);
    path.metadata().map_err(FileError::of("open", path))?;
    layout.check()?;
    let index = layout.document("index.json")?.ok_or(ChoiceError::Empty)?;
    let index = reader::parse_index("`index.json`", &index)?;
    let blobs = LayoutBlobs {
        path: path.to_owned(),
    };
    Ok((index, Arc::new(blobs)))
}

/// Writes an image into the layout at `path`, which is made if need be. A new layout appears whole;
/// in an old one the image appears when everything of it is there, in place of another one of the
/// same tag. What is about another manifest has no tag, and replaces nothing.
pub(crate) fn write(
    path: &Path,
    manifest: &Manifest,
    names: &Names<'_>,
) -> Result<(), LayoutError> {
    let failed = |action| FileError::of(action, path);
    let entries = match fs::read_dir(path) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(Path::new("."));
            if !parent.as_os_str().is_empty() {
                fs::create_dir_all(parent).map_err(FileError::of("create", parent))?;
            }
            let new = UnfinishedDirectory::new_in(parent).map_err(failed("create"))?;
            Layout {
                path: new.path(),
                name: path,
            }
            .add(manifest, names)?;
            return match new.finish(path) {
                // Somebody else was faster; then add to theirs.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                    ) =>
                {
                    write(path, manifest, names)
                }
                finished => Ok(finished.map_err(failed("create"))?),
            };
        }
        Err(error) => return Err(failed("write")(error).into()),
    };
    let layout = Layout::at(path);
    // Only an empty directory, or one that is a layout already.
    if entries.is_some() {
        if !path.join("oci-layout").is_file() {
            return Err(LayoutError::NotALayout(path.to_owned()));
        }
        layout.check()?;
    }
    layout.add(manifest, names)
}

impl<'a> Layout<'a> {
    fn at(path: &'a Path) -> Self {
        Self { path, name: path }
    }

    /// Refuses a directory that is not a layout of a version that is known.
    fn check(&self) -> Result<(), LayoutError> {
        match self.document("oci-layout")? {
            Some(bytes) => Ok(documents::check_layout(&bytes)?),
            None => Err(LayoutError::NoLayout(self.path.to_owned())),
        }
    }

    /// A small document of the layout; `None` if it is not there.
    fn document(&self, name: &str) -> Result<Option<Vec<u8>>, LayoutError> {
        let path = self.path.join(name);
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                let bytes = documents::read::<LayoutError>(&FileBlob(path.clone()), name)?;
                Ok(Some(bytes))
            }
            Ok(_) => Err(FileError::of("read", path)(not_a_file()).into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::of("open", path)(error).into()),
        }
    }

    fn add(&self, manifest: &Manifest, names: &Names<'_>) -> Result<(), LayoutError> {
        fs::create_dir_all(self.path.join("blobs/sha256"))
            .map_err(FileError::of("create", self.name.join("blobs/sha256")))?;
        if self.document("oci-layout")?.is_none() {
            self.write_file("oci-layout", &document(documents::OCI_LAYOUT))?;
        }
        for (digest, blob) in manifest.blobs()? {
            let name = blob_name(digest);
            if !is_valid(&self.path.join(&name), digest) {
                self.write_file(&name, &blob)?;
            }
        }
        let _lock = self.lock()?;
        let index = self.index_with(manifest, names)?;
        self.write_file("index.json", &document(&index))
    }

    /// Keeps other processes of ours from replacing `index.json` between our reading and our
    /// replacing of it. `oci-layout` is locked since it is the file that never changes.
    fn lock(&self) -> Result<Option<File>, LayoutError> {
        let path = self.path.join("oci-layout");
        let file = File::open(&path).map_err(FileError::of("open", &path))?;
        match file.lock() {
            Ok(()) => Ok(Some(file)),
            // Some network file systems have no locks; a race is unlikely, and loses an entry.
            Err(error) if has_no_locks(&error) => Ok(None),
            Err(error) => Err(FileError::of("lock", path)(error).into()),
        }
    }

    /// The `index.json` that has the image beside what it had before.
    fn index_with(&self, manifest: &Manifest, names: &Names<'_>) -> Result<Vec<u8>, LayoutError> {
        let descriptor = names.descriptor(manifest);
        let mut index: Value = match self.document("index.json")? {
            // As a plain value, so that what others wrote there is kept.
            Some(bytes) => json::parse("`index.json`", &schema::INDEX, &bytes)?,
            None => json!({
                "schemaVersion": 2,
                "mediaType": spec::MediaType::ImageIndex,
                "manifests": [],
            }),
        };
        let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
            return Err(LayoutError::NotALayout(self.path.to_owned()));
        };
        let tag_of = |entry: &Value| {
            let tag = entry.get("annotations")?.get(spec::ANNOTATION_REF_NAME)?;
            tag.as_str().map(str::to_owned)
        };
        let digest = manifest.digest().to_string();
        let is_about_another = manifest.subject().is_some() && names.tag.is_none();
        manifests.retain(|entry| match is_about_another {
            true => entry.get("digest").and_then(Value::as_str) != Some(&digest),
            false => tag_of(entry).as_deref() != names.tag || is_referrer(entry),
        });
        if manifests.len() >= MAX_ENTRIES {
            return Err(LayoutError::Document(DocumentError::TooManyEntries {
                index: "`index.json`".to_owned(),
                limit: MAX_ENTRIES,
            }));
        }
        let descriptor =
            serde_json::to_value(descriptor).map_err(|source| DocumentError::Json {
                document: "`index.json`".to_owned(),
                source,
            })?;
        manifests.push(descriptor);
        Ok(documents::to_json("index.json", &index)?)
    }

    /// Writes a file of the layout, whole or not at all.
    fn write_file(&self, name: &str, content: &DescribedBlob) -> Result<(), LayoutError> {
        let shown = self.name.join(name);
        // Beside `index.json` rather than among the blobs, where only blobs belong.
        let file = UnfinishedFile::new_in(self.path);
        let mut file = file.map_err(FileError::of("create", &shown))?;
        copy::<LayoutError>(content, file.file(), &shown)?;
        let finished = file.finish(&self.path.join(name));
        Ok(finished.map_err(FileError::of("write", shown))?)
    }
}

impl Blobs for LayoutBlobs {
    fn find(&self, digest: Digest, _: &Descriptor) -> io::Result<Option<FoundBlob>> {
        let path = self.path.join(blob_name(digest));
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(FoundBlob {
                size: metadata.len(),
                source: Arc::new(FileBlob(path)),
            })),
            Ok(_) => Err(not_a_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Whether the blob is there already and has the right content.
fn is_valid(path: &Path, digest: Digest) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
        && File::open(path)
            .and_then(|mut file| Digest::of_reader(&mut file))
            .is_ok_and(|(found, _)| found == digest)
}

/// A document of ours, for writing.
fn document(bytes: &[u8]) -> DescribedBlob {
    DescribedBlob::of_bytes(MediaType::Other("application/json".to_owned()), bytes)
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file")
}
