//! Parts of other images: which image a name leads to, and the files of it, as `COPY --from` copies them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use distil_bundle::{BundleError, BundleWriter, Ownership, Provenance};
use distil_definition::recipe::{BundleSource, ImageSource, LayerRecipe, Position, Recipe};
use distil_inspect::{Filesystem, InspectError, Inspection, Options};
use distil_lock::file::LockFile;
use distil_lock::{Bundle, Elsewhere};
use distil_oci::reference::RegistryReference;
use distil_oci::transport::{self, Opened, TransportError};
use distil_oci::{Image, Location};
use distil_store::{Blob, Digest, Key, StoreError};
use distil_tree::{Entry, FileNode, Kind, Tree, TreePath};

use crate::event::Event;
use crate::session::Session;

/// Names what is made of a part of an image; to be raised when that changes.
const PART_FORMAT: &[u8] = b"1";

/// A part of another image cannot be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagePartError {
    /// There is no such image, or none for the platform.
    #[error("failed to read the image that definition `{definition}` copies from{position}")]
    Open {
        /// The definition.
        definition: String,
        /// The position of the image's name.
        position: Position,
        /// Why.
        source: TransportError,
    },
    /// Its layers cannot be read.
    #[error("failed to read `{from}`, which definition `{definition}` copies{position}")]
    Read {
        /// The definition.
        definition: String,
        /// The image and the path in it.
        from: String,
        /// The position of the image's name.
        position: Position,
        /// Why.
        source: InspectError,
    },
    /// It does not have the path.
    #[error(
        "definition `{definition}` copies `{from}`, and the image for {platform} has no `{path}`{position}"
    )]
    Missing {
        /// The definition.
        definition: String,
        /// The image and the path in it.
        from: String,
        /// The path.
        path: TreePath,
        /// The platform.
        platform: String,
        /// The position of the image's name.
        position: Position,
    },
    /// Something in it cannot be in an image of ours.
    #[error("definition `{definition}` copies `{from}`, in which `{path}` {problem}{position}")]
    Uncopied {
        /// The definition.
        definition: String,
        /// The image and the path in it.
        from: String,
        /// The path.
        path: TreePath,
        /// What is wrong.
        problem: &'static str,
        /// The position of the image's name.
        position: Position,
    },
    /// Its files cannot be kept.
    #[error("failed to copy `{from}`")]
    Bundle {
        /// The image and the path in it.
        from: String,
        /// Why.
        source: BundleError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// Looks which images the names in a recipe lead to; with a lock, which they led to when that was made.
    /// What is named by its digest is not looked for.
    pub(crate) fn find_images(
        &self,
        recipe: &mut Recipe,
        lock: Option<&LockFile>,
    ) -> Result<(), ImagePartError> {
        let mut has_any = false;
        for layer in recipe.layers.iter_mut().chain(&mut recipe.same_as) {
            let definition = layer.definition.clone();
            for bundle in &mut layer.bundles {
                let BundleSource::Image(image) = &mut bundle.source else {
                    continue;
                };
                has_any = true;
                image.found = Some(match known(image, lock) {
                    Some(digest) => (digest, 0),
                    None => {
                        let opened = self.open_image(&definition, image)?;
                        (opened.manifest().digest(), size(&opened))
                    }
                });
            }
        }
        if has_any {
            recipe.digest_files();
        }
        Ok(())
    }

    /// The files of the parts of other images that a recipe copies.
    pub(crate) fn image_parts(&self, recipe: &Recipe) -> Result<Vec<Bundle>, ImagePartError> {
        let asked = |url: &str| self.tell(Event::Downloading { url });
        let elsewhere = self.places_elsewhere(&asked);
        let mut bundles = Vec::new();
        for (number, layer) in recipe.layers.iter().enumerate() {
            for bundle in &layer.bundles {
                let BundleSource::Image(image) = &bundle.source else {
                    continue;
                };
                // Every recipe of a session has passed `find_images`.
                let Some((digest, _)) = image.found else {
                    continue;
                };
                let copying = Copying {
                    digest,
                    session: self,
                    recipe,
                    layer,
                    image,
                    elsewhere: &elsewhere,
                };
                let mut placement = bundle.placement.clone();
                let files = copying.files()?;
                if files.entries().iter().any(|entry| entry.path.is_empty()) {
                    placement.to = image.file_to.clone();
                }
                bundles.push(Bundle {
                    layer: number,
                    provenance: Provenance {
                        kind: "image",
                        from: image.from.as_str().into(),
                        digest,
                        component: None,
                    },
                    placement,
                    files,
                });
            }
        }
        Ok(bundles)
    }

    fn open_image(&self, definition: &str, image: &ImageSource) -> Result<Opened, ImagePartError> {
        // As it was when somebody looked, whatever its name leads to by now.
        let location = match (&image.location, image.found) {
            (Location::Registry(name), Some((digest, _))) => Location::Registry(
                RegistryReference::of_digest(name.repository().clone(), digest),
            ),
            (location, _) => location.clone(),
        };
        let name = location.to_string();
        self.tell(Event::Downloading { url: &name });
        transport::open(&location, self.registries()).map_err(|source| ImagePartError::Open {
            definition: definition.to_owned(),
            position: image.position.clone(),
            source,
        })
    }
}

/// The digest of an image of a registry, by its name or as a lock has it.
fn known(image: &ImageSource, lock: Option<&LockFile>) -> Option<Digest> {
    let Location::Registry(name) = &image.location else {
        return None;
    };
    let url = image.location.to_string();
    let locked = || {
        let mut downloads = lock?.downloads.iter();
        Some(downloads.find(|one| one.url == url)?.digest)
    };
    name.digest().or_else(locked)
}

/// The bytes of an image of this machine, or of all images of an index; of a registry they would have to be
/// asked for, and nobody wants to know.
fn size(opened: &Opened) -> u64 {
    if matches!(opened.location(), Location::Registry(_)) {
        return 0;
    }
    let images = opened.images().unwrap_or_default();
    images.iter().map(Image::size).fold(0, u64::saturating_add)
}

/// What is needed to copy one part.
struct Copying<'a> {
    /// The digest of what the name of the image leads to.
    digest: Digest,
    session: &'a Session,
    recipe: &'a Recipe,
    layer: &'a LayerRecipe,
    image: &'a ImageSource,
    elsewhere: &'a Elsewhere<'a>,
}

impl Copying<'_> {
    /// The files, from the store or else from the image.
    fn files(&self) -> Result<distil_bundle::BundleFile, ImagePartError> {
        let platform = self.recipe.architecture.platform().to_string();
        let exclude = self.image.exclude_lines.join("\n");
        let parts = [
            PART_FORMAT,
            self.digest.as_bytes(),
            platform.as_bytes(),
            self.image.path.as_bytes(),
            exclude.as_bytes(),
        ];
        let key = Key::new("image-part", &parts);
        let unreadable = |error| self.wrong(BundleError::Read(error));
        self.elsewhere
            .kept(&key, || self.copy(&platform), unreadable)
    }

    fn copy(&self, platform: &str) -> Result<Blob, ImagePartError> {
        let (session, image) = (self.session, self.image);
        let definition = &self.layer.definition;
        let opened = session.open_image(definition, image)?;
        let of_platform = opened.image_for(Some(&self.recipe.architecture.platform()));
        let of_platform = of_platform.map_err(|source| ImagePartError::Open {
            definition: definition.clone(),
            position: image.position.clone(),
            source,
        })?;
        let options = Options {
            threads: session.layers.threads,
            whole: true,
            ..Options::default()
        };
        let inspection = Inspection::of_image(&of_platform, options);
        let inspection = inspection.map_err(|source| ImagePartError::Read {
            definition: definition.clone(),
            from: image.from.clone(),
            position: image.position.clone(),
            source,
        })?;
        let filesystem = &inspection.filesystem;
        let Some((place, entry)) = filesystem.tree.follow(&image.path) else {
            return Err(ImagePartError::Missing {
                definition: definition.clone(),
                from: image.from.clone(),
                path: image.path.clone(),
                platform: platform.to_owned(),
                position: image.position.clone(),
            });
        };
        let mut writer = Writer {
            copying: self,
            filesystem,
            files: BundleWriter::new(self.elsewhere.store.create()?),
            known: HashMap::new(),
        };
        match entry.is_directory() {
            true => writer.directory(&place)?,
            false => writer.alone(&place, entry)?,
        }
        let output = writer.files.finish().map_err(|error| self.wrong(error))?;
        Ok(output.commit()?)
    }

    fn wrong(&self, source: BundleError) -> ImagePartError {
        ImagePartError::Bundle {
            from: self.image.from.clone(),
            source,
        }
    }
}

/// Writes a part of a file system into a bundle.
struct Writer<'a, W> {
    copying: &'a Copying<'a>,
    filesystem: &'a Filesystem,
    files: BundleWriter<W>,
    /// The paths of files that have several.
    known: HashMap<*const FileNode, TreePath>,
}

impl<W: io::Write> Writer<'_, W> {
    /// All that is below a directory.
    fn directory(&mut self, place: &TreePath) -> Result<(), ImagePartError> {
        let tree: &Tree = &self.filesystem.tree;
        for device in self.filesystem.devices.keys() {
            if device.is_within(place) && !self.is_excluded(place, device) {
                return Err(self.refused(device, "is a device, a FIFO or a socket"));
            }
        }
        for (path, entry) in tree.iter().filter(|(path, _)| path.is_within(place)) {
            let inner = path.strip_prefix(place).unwrap_or_default();
            if inner.is_empty() || self.is_excluded(place, path) {
                continue;
            }
            let inner = TreePath::from_archive(inner)
                .map_err(|_| self.refused(path, "has a path that cannot be written"))?;
            self.entry(path, &inner, entry)?;
        }
        Ok(())
    }

    fn is_excluded(&self, place: &TreePath, path: &TreePath) -> bool {
        let inner = path.strip_prefix(place).unwrap_or_default();
        let inner = std::str::from_utf8(inner).unwrap_or_default();
        self.copying.image.exclude.matches(inner)
    }

    /// A file by itself, which has no path in the bundle.
    fn alone(&mut self, place: &TreePath, entry: &Entry) -> Result<(), ImagePartError> {
        self.entry(place, &TreePath::ROOT, entry)
    }

    fn entry(
        &mut self,
        path: &TreePath,
        inner: &TreePath,
        entry: &Entry,
    ) -> Result<(), ImagePartError> {
        if self.filesystem.capabilities.contains_key(path) {
            return Err(self.refused(path, "has capabilities, which are not copied"));
        }
        let done = match &entry.kind {
            Kind::Directory => self.files.directory(inner),
            Kind::Symlink(target) => self.files.image_symlink(inner, target),
            Kind::File(node) => match self.known.get(&Arc::as_ptr(node)).cloned() {
                Some(first) => self.files.hard_link(inner, &first),
                None => {
                    self.known.insert(Arc::as_ptr(node), inner.clone());
                    let is_executable = entry.meta.mode & 0o100 != 0;
                    let (size, mut reader) = (node.content.size(), node.content.reader());
                    match inner.is_root() {
                        true => self.files.sole_file(is_executable, size, &mut reader),
                        false => self.files.file(inner, is_executable, size, &mut reader),
                    }
                }
            },
        };
        done.map_err(|error| self.copying.wrong(error))?;
        self.files.own(Ownership {
            uid: entry.meta.uid,
            gid: entry.meta.gid,
            mode: entry.meta.mode & 0o7777,
        });
        Ok(())
    }

    fn refused(&self, path: &TreePath, problem: &'static str) -> ImagePartError {
        ImagePartError::Uncopied {
            definition: self.copying.layer.definition.clone(),
            from: self.copying.image.from.clone(),
            path: path.clone(),
            problem,
            position: self.copying.image.position.clone(),
        }
    }
}
