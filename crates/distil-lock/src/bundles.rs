//! Files of an image that no Debian package ships: had from their addresses or from this machine, and
//! read into the store.

use distil_bundle::{
    ArchiveFormat, BundleError, BundleFile, Limits, ListingError, Provenance, unpack,
};
use distil_debian::fetch::{Address, FetchError};
use distil_definition::recipe::{BundleSource, Download, NewBundle, Placement, Position, Recipe};
use distil_store::{Blob, Digest, Key, StoreError};

use crate::elsewhere::Elsewhere;

/// Names what is made of a bundle; to be raised when that changes.
const BUNDLE_FORMAT: &[u8] = b"1";

/// The largest download, in bytes.
const MAX_DOWNLOAD: u64 = 8 << 30;

/// Files of an image that no Debian package ships, with their contents.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The layer of the recipe that they are in, counted from zero.
    pub layer: usize,
    /// Where they are from.
    pub provenance: Provenance,
    /// Where they go.
    pub placement: Placement,
    /// What they are.
    pub files: BundleFile,
}

/// Files that no package ships cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BundleSourceError {
    /// An address has nothing, or something else.
    #[error("failed to download a file of definition `{definition}`{position}")]
    Fetch {
        /// The definition.
        definition: String,
        /// The position of the digest.
        position: Position,
        /// Why.
        source: FetchError,
    },
    /// A download has no digest that it could be compared with.
    #[error(
        "a download of definition `{definition}` has no digest, and nothing is taken into an image \
         unseen; `{url}` has {seen} now{position}"
    )]
    NoDigest {
        /// The definition.
        definition: String,
        /// The address.
        url: String,
        /// What it has.
        seen: Digest,
        /// The position of the address.
        position: Position,
    },
    /// An archive cannot be unpacked.
    #[error("failed to unpack `{url}` of definition `{definition}`{position}")]
    Unpack {
        /// The definition.
        definition: String,
        /// The address.
        url: String,
        /// The position of where it goes.
        position: Position,
        /// Why.
        source: BundleError,
    },
    /// A directory cannot be copied.
    #[error("failed to copy the directory `{from}` of definition `{definition}`{position}")]
    Copy {
        /// The definition.
        definition: String,
        /// The directory, as the definition names it.
        from: String,
        /// The position of where it goes.
        position: Position,
        /// Why.
        source: ListingError,
    },
    /// What was just written to the store cannot be read.
    #[error("failed to read a bundle of files from the store")]
    Read(#[source] std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fetches the files of a recipe that no package ships, layer by layer; parts of other images are for
/// those who read images.
///
/// # Errors
/// If one of them cannot be had, or is not what it should be.
pub fn fetch_bundles(
    recipe: &Recipe,
    elsewhere: &Elsewhere<'_>,
) -> Result<Vec<Bundle>, BundleSourceError> {
    let mut bundles = Vec::new();
    for (number, layer) in recipe.layers.iter().enumerate() {
        let reading = Reading {
            definition: &layer.definition,
            elsewhere,
        };
        for bundle in &layer.bundles {
            let Some((provenance, files)) = reading.read(bundle)? else {
                continue;
            };
            bundles.push(Bundle {
                layer: number,
                provenance,
                placement: bundle.placement.clone(),
                files,
            });
        }
    }
    Ok(bundles)
}

/// Fetches what the definitions of a recipe download, as it comes.
///
/// # Errors
/// As [`fetch_bundles`].
pub fn fetch_downloads(
    recipe: &Recipe,
    elsewhere: &Elsewhere<'_>,
) -> Result<Vec<Blob>, BundleSourceError> {
    let mut blobs = Vec::new();
    for layer in &recipe.layers {
        let reading = Reading {
            definition: &layer.definition,
            elsewhere,
        };
        for bundle in &layer.bundles {
            if let BundleSource::Download(download) = &bundle.source {
                blobs.push(reading.download(download)?);
            }
        }
    }
    Ok(blobs)
}

/// Looks at each download without a digest, so that the digest can be told.
///
/// # Errors
/// If there is one: it cannot be used.
pub fn look_at(recipe: &Recipe, elsewhere: &Elsewhere<'_>) -> Result<(), BundleSourceError> {
    for layer in recipe.layers.iter().chain(&recipe.same_as) {
        for bundle in &layer.bundles {
            let BundleSource::Download(download) = &bundle.source else {
                continue;
            };
            if download.digest.is_none() {
                let reading = Reading {
                    definition: &layer.definition,
                    elsewhere,
                };
                reading.download(download)?;
            }
        }
    }
    Ok(())
}

/// What is needed to read the bundles of one layer.
struct Reading<'a> {
    definition: &'a str,
    elsewhere: &'a Elsewhere<'a>,
}

impl Reading<'_> {
    fn read(
        &self,
        bundle: &NewBundle,
    ) -> Result<Option<(Provenance, BundleFile)>, BundleSourceError> {
        let component = bundle.component.clone();
        let read = match &bundle.source {
            BundleSource::Image(_) => return Ok(None),
            BundleSource::Download(download) => {
                let blob = self.download(download)?;
                let provenance = Provenance {
                    kind: "download",
                    from: download.url.to_string().into(),
                    digest: blob.digest(),
                    component,
                };
                let files = match download.format {
                    ArchiveFormat::File => {
                        let size = blob.size();
                        BundleFile::of_file(blob, size)
                    }
                    format => self.unpacked(&blob, format, &provenance, &bundle.placement)?,
                };
                (provenance, files)
            }
            BundleSource::Directory { from, listing } => {
                let digest = listing.digest();
                let key = Key::new("directory", &[BUNDLE_FORMAT, digest.as_bytes()]);
                let files = self.elsewhere.kept(
                    &key,
                    || {
                        let written = listing.write(self.elsewhere.store.create()?);
                        let writer = written.map_err(|source| BundleSourceError::Copy {
                            definition: self.definition.to_owned(),
                            from: from.clone(),
                            position: bundle.placement.position.clone(),
                            source,
                        })?;
                        Ok(writer.commit()?)
                    },
                    BundleSourceError::Read,
                )?;
                let provenance = Provenance {
                    kind: "directory",
                    from: from.as_str().into(),
                    digest,
                    component,
                };
                (provenance, files)
            }
            BundleSource::Probe(bytes) => {
                let blob = self.elsewhere.store.put(bytes)?;
                let provenance = Provenance {
                    kind: "probe",
                    from: distil_probe::NAME.into(),
                    digest: blob.digest(),
                    component,
                };
                let size = blob.size();
                (provenance, BundleFile::of_file(blob, size))
            }
        };
        Ok(Some(read))
    }

    /// The bytes of a download, from the store or else from its address.
    fn download(&self, download: &Download) -> Result<Blob, BundleSourceError> {
        if let Some(digest) = &download.digest
            && let Some(blob) = self.elsewhere.stored(digest)?
        {
            return Ok(blob);
        }
        let url = download.url.to_string();
        let places = [Address::Remote(download.url.clone())];
        let digest = download.digest.as_ref();
        let fetched = self.elsewhere.fetched(&places, MAX_DOWNLOAD, digest, &url);
        let blob = fetched.map_err(|source| BundleSourceError::Fetch {
            definition: self.definition.to_owned(),
            position: download.position.clone(),
            source,
        })?;
        match digest {
            Some(_) => Ok(blob),
            None => Err(BundleSourceError::NoDigest {
                definition: self.definition.to_owned(),
                url,
                seen: blob.digest(),
                position: download.position.clone(),
            }),
        }
    }

    fn unpacked(
        &self,
        blob: &Blob,
        format: ArchiveFormat,
        provenance: &Provenance,
        placement: &Placement,
    ) -> Result<BundleFile, BundleSourceError> {
        let digest = blob.digest();
        let word = format.word();
        let key = Key::new(
            "unpacked",
            &[BUNDLE_FORMAT, digest.as_bytes(), word.as_bytes()],
        );
        self.elsewhere.kept(
            &key,
            || {
                let written = unpack(
                    blob.open()?,
                    format,
                    Limits::default(),
                    self.elsewhere.store.create()?,
                );
                let writer = written.map_err(|source| BundleSourceError::Unpack {
                    definition: self.definition.to_owned(),
                    url: provenance.from.to_string(),
                    position: placement.position.clone(),
                    source,
                })?;
                Ok(writer.commit()?)
            },
            BundleSourceError::Read,
        )
    }
}
