//! Folders in OCI's image layout (OCI image specification, "Image Layout"): read, created, and
//! added to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_store::unfinished::{UnfinishedDirectory, UnfinishedFile};
use distil_store::{Digest, has_no_locks};
use serde_json::{Value, json};

use crate::image::Content;
use crate::layer::FileBlob;
use crate::spec;
use crate::transport::blobs::{self, Blob};
use crate::transport::combined::Names;
use crate::transport::documents::{self, Blobs};
use crate::transport::error::Problem;

/// A folder that is an image layout.
struct Layout<'a> {
    path: &'a Path,
    /// What messages call it, which is another path while the folder is unfinished.
    name: &'a Path,
}

/// Reads the image with this tag, or the only one.
pub(crate) fn open(path: &Path, tag: Option<&str>) -> Result<Content, Problem> {
    let layout = Layout::at(path);
    path.metadata().map_err(Problem::file("open", path))?;
    layout.check()?;
    let index = layout.document("index.json")?.ok_or(Problem::Empty)?;
    let index = documents::parse_index("`index.json`", &index)?;
    documents::content(&layout, documents::choose(&index, tag)?)
}

/// Writes an image into the layout at `path`, which is made if need be. A new layout appears whole;
/// in an old one the image appears when everything of it is there, in place of another one of the
/// same tag.
pub(crate) fn write(path: &Path, content: &Content, names: &Names<'_>) -> Result<(), Problem> {
    let failed = |action| Problem::file(action, path);
    let entries = match fs::read_dir(path) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(Path::new("."));
            if !parent.as_os_str().is_empty() {
                fs::create_dir_all(parent).map_err(Problem::file("create", parent))?;
            }
            let new = UnfinishedDirectory::new_in(parent).map_err(failed("create"))?;
            Layout {
                path: new.path(),
                name: path,
            }
            .add(content, names)?;
            return match new.finish(path) {
                // Somebody else was faster; then add to theirs.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                    ) =>
                {
                    write(path, content, names)
                }
                finished => finished.map_err(failed("create")),
            };
        }
        Err(error) => return Err(failed("write")(error)),
    };
    let layout = Layout::at(path);
    // Only an empty folder, or one that is a layout already.
    if entries.is_some() {
        if !path.join("oci-layout").is_file() {
            return Err(Problem::NotALayout(path.to_owned()));
        }
        layout.check()?;
    }
    layout.add(content, names)
}

impl<'a> Layout<'a> {
    fn at(path: &'a Path) -> Self {
        Self { path, name: path }
    }

    /// Refuses a folder that is not a layout of a version that is known.
    fn check(&self) -> Result<(), Problem> {
        match self.document("oci-layout")? {
            Some(bytes) => documents::check_layout(&bytes),
            None => Err(Problem::NoLayout(self.path.to_owned())),
        }
    }

    /// A small document of the layout; `None` if it is not there.
    fn document(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let path = self.path.join(name);
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                let bytes = documents::small_document(&FileBlob(path.clone()), name)?;
                Ok(Some(bytes))
            }
            Ok(_) => Err(not_a_file(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::file("open", path)(error)),
        }
    }

    fn add(&self, content: &Content, names: &Names<'_>) -> Result<(), Problem> {
        fs::create_dir_all(self.path.join("blobs/sha256"))
            .map_err(Problem::file("create", self.name.join("blobs/sha256")))?;
        if self.document("oci-layout")?.is_none() {
            self.write_file("oci-layout", &Blob::Bytes(blobs::OCI_LAYOUT))?;
        }
        for (digest, blob) in blobs::all(content)? {
            let name = blob_name(digest);
            if !is_valid(&self.path.join(&name), digest) {
                self.write_file(&name, &blob)?;
            }
        }
        let _lock = self.lock()?;
        let index = self.index_with(content, names)?;
        self.write_file("index.json", &Blob::Bytes(&index))
    }

    /// Keeps other processes of ours from replacing `index.json` between our reading and our
    /// replacing of it. `oci-layout` is locked since it is the file that never changes.
    fn lock(&self) -> Result<Option<File>, Problem> {
        let path = self.path.join("oci-layout");
        let file = File::open(&path).map_err(Problem::file("open", &path))?;
        match file.lock() {
            Ok(()) => Ok(Some(file)),
            // Some network file systems have no locks; a race is unlikely, and loses an entry.
            Err(error) if has_no_locks(&error) => Ok(None),
            Err(error) => Err(Problem::file("lock", path)(error)),
        }
    }

    /// The `index.json` that has the image beside what it had before.
    fn index_with(&self, content: &Content, names: &Names<'_>) -> Result<Vec<u8>, Problem> {
        let full = names.full.as_deref();
        let descriptor = blobs::top_descriptor(content, names.tag, full);
        let mut index: Value = match self.document("index.json")? {
            // As a plain value, so that what others wrote there is kept.
            Some(bytes) => documents::parse("`index.json`", &bytes)?,
            None => json!({
                "schemaVersion": 2,
                "mediaType": spec::MediaType::ImageIndex,
                "manifests": [],
            }),
        };
        let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
            return Err(Problem::NotALayout(self.path.to_owned()));
        };
        let tag_of = |entry: &Value| {
            let tag = entry.get("annotations")?.get(spec::ANNOTATION_REF_NAME)?;
            tag.as_str().map(str::to_owned)
        };
        manifests.retain(|entry| tag_of(entry).as_deref() != names.tag);
        if manifests.len() >= documents::MAX_ENTRIES {
            return Err(Problem::TooManyEntries {
                index: "`index.json`".to_owned(),
                limit: documents::MAX_ENTRIES,
            });
        }
        let descriptor = serde_json::to_value(descriptor).map_err(|source| Problem::Json {
            document: "`index.json`".to_owned(),
            source,
        })?;
        manifests.push(descriptor);
        blobs::json("index.json", &index)
    }

    /// Writes a file of the layout, whole or not at all.
    fn write_file(&self, name: &str, content: &Blob<'_>) -> Result<(), Problem> {
        let shown = self.name.join(name);
        // Beside `index.json` rather than among the blobs, where only blobs belong.
        let file = UnfinishedFile::new_in(self.path);
        let mut file = file.map_err(Problem::file("create", &shown))?;
        content.copy_to(file.file(), &shown)?;
        file.finish(&self.path.join(name))
            .map_err(Problem::file("write", shown))
    }
}

impl Blobs for Layout<'_> {
    fn find(
        &self,
        digest: Digest,
        _: &spec::Descriptor,
    ) -> Result<Option<documents::Blob>, Problem> {
        let path = self.path.join(blob_name(digest));
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(documents::Blob {
                size: metadata.len(),
                source: Arc::new(FileBlob(path)),
            })),
            Ok(_) => Err(not_a_file(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::file("open", path)(error)),
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

fn not_a_file(path: &Path) -> Problem {
    Problem::File {
        action: "read",
        path: PathBuf::from(path),
        source: io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"),
    }
}
