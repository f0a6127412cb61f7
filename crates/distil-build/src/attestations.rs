//! What is said of images and signed where they are written: which documents, by which key, and where
//! others look for them.
//!
//! Documents about an image that is made now are made before it is written, so that they can be in its
//! index. What is attached to an image in a registry is there before a tag leads to the image.

use distil_attest::attach;
use distil_attest::inventory::{Inventory, Origins};
use distil_attest::key::PrivateKey;
use distil_attest::provenance;
use distil_attest::sbom::{Format, Tool, document};
use distil_attest::sign::{Forms, SignError, Signer};
use distil_attest::sources;
use distil_attest::statement::PROVENANCE;
use distil_attest::vex::{self, Matches, VexError};
use distil_oci::{
    DocumentError, Image, ImageIndex, Location, Manifest, Registries, TransportError,
};
use serde_json::Value;

use crate::event::{Event, Events};
use crate::inventory::{Described, InventoryError, inventory, subject_at};

/// A kind of document about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestation {
    /// Its bill of materials.
    Sbom(Format),
    /// From what it was made (SLSA 1.0).
    Provenance,
    /// Which matches of a scanner do not concern it (OpenVEX 0.2.0).
    OpenVex,
    /// Its definition and its lock.
    Sources,
}

/// Where documents are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// As referrers, by themselves and, if there is a key, in signed bundles.
    pub referrers: bool,
    /// In the index of an image that is made now, as BuildKit does; it makes one for one image.
    pub index: bool,
    /// Under cosign's tag `sha256-….att`, if there is a key.
    pub tags: bool,
}

impl Default for Places {
    /// All of them.
    fn default() -> Self {
        Self {
            referrers: true,
            index: true,
            tags: true,
        }
    }
}

/// What is said of images, and by whom it is signed.
#[derive(Debug)]
pub struct Attestations {
    /// The kinds of documents.
    pub documents: Vec<Attestation>,
    /// The matches of a scanner that [`Attestation::OpenVex`] is about.
    pub matches: Matches,
    /// Where the documents go.
    pub places: Places,
    /// Who signs the documents and the image.
    pub key: Option<PrivateKey>,
    /// Whether signatures are under cosign's tag `sha256-….sig`, too.
    pub signature_tags: bool,
    /// The program, as documents and signatures name it.
    pub tool: Tool<'static>,
}

/// A document about an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Of which type it is as the predicate of a statement.
    pub predicate_type: &'static str,
    /// What it says.
    pub predicate: Value,
    /// Its media type by itself; none of what is always part of a statement.
    pub media_type: Option<&'static str>,
}

/// An image with the documents about it.
#[derive(Debug, Clone)]
pub struct Documented {
    /// The image.
    pub image: Image,
    /// What is said of it.
    pub documents: Vec<Document>,
}

/// Why nothing could be said of an image, or attached to it.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// The scanner's report is of another image.
    #[error(transparent)]
    Vex(#[from] VexError),
    /// It is not known what is in the image.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The documents of the registry cannot be made.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The place does not take what is attached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Signing failed.
    #[error(transparent)]
    Sign(SignError),
    /// The definition and lock of an image cannot be kept.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The kind of document is known to who makes the image alone.
    #[error(
        "the provenance and the definition of an image, and what was left out of it, are known to who \
         builds it alone"
    )]
    OfMaker,
}

/// Why a definition and its lock do not tell how an image is made again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourcesError {
    /// There is no lock.
    #[error("`{image}` has no lock, and its definition alone does not tell which packages it had")]
    Unlocked {
        /// The image, as it was asked for.
        image: String,
    },
    /// Flags changed the image.
    #[error("flags change `{image}`, and its definition alone does not tell how")]
    Changed {
        /// The image, as it was asked for.
        image: String,
    },
    /// A definition cannot be read again.
    #[error("the definition of `{image}` cannot be kept: {problem}")]
    Unreadable {
        /// The image, as it was asked for.
        image: String,
        /// Why.
        problem: String,
    },
}

impl From<SignError> for AttestError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Transport(error) => Self::Transport(error),
            other => Self::Sign(other),
        }
    }
}

impl Attestations {
    /// Nothing is said and nothing signed.
    pub fn none(tool: Tool<'static>) -> Self {
        Self {
            documents: Vec::new(),
            matches: Matches::default(),
            places: Places::default(),
            key: None,
            signature_tags: false,
            tool,
        }
    }

    /// Whether there is nothing to attach.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.key.is_none()
    }

    /// Whether something of it would be written with an image at a place.
    pub fn is_possible_at(&self, place: &Location) -> bool {
        let is_within = self.places.index && !self.documents.is_empty();
        match place {
            Location::OciArchive { .. } | Location::DockerArchive { .. } => is_within,
            place => attach::is_possible_at(place),
        }
    }

    /// The documents about an image that was made.
    ///
    /// # Errors
    /// If the scanner's report is of another image.
    pub fn of_made(&self, described: &Described) -> Result<Documented, AttestError> {
        let kinds = self.documents.iter();
        let documents = kinds.filter_map(|kind| {
            let document = match kind {
                Attestation::Sbom(format) => self.sbom(*format, &described.inventory),
                Attestation::Provenance => Document {
                    predicate_type: PROVENANCE,
                    predicate: provenance::predicate(
                        &described.parameters,
                        &described.dependencies,
                        self.tool,
                    ),
                    media_type: None,
                },
                Attestation::OpenVex => match self.vex(described) {
                    // A document says something, or it is none.
                    Ok(predicate) if vex::is_empty(&predicate) => return None,
                    Ok(predicate) => Document {
                        predicate_type: vex::PREDICATE_TYPE,
                        predicate,
                        media_type: None,
                    },
                    Err(error) => return Some(Err(error)),
                },
                Attestation::Sources => match &described.sources {
                    Ok(sources) => Document {
                        predicate_type: sources::PREDICATE_TYPE,
                        predicate: sources.predicate(),
                        media_type: None,
                    },
                    Err(error) => return Some(Err(error.clone().into())),
                },
            };
            Some(Ok(document))
        });
        Ok(Documented {
            image: described.image.clone(),
            documents: documents.collect::<Result<_, AttestError>>()?,
        })
    }

    /// The matches of the report that do not concern an image.
    ///
    /// # Errors
    /// If the report is of another image.
    pub fn vex(&self, described: &Described) -> Result<Value, AttestError> {
        let config = Some(described.image.config_digest());
        let (inventory, code) = (&described.inventory, &described.code);
        Ok(vex::document(
            &self.matches,
            inventory,
            config,
            code,
            self.tool,
        )?)
    }

    /// The documents about images that are there already, and go to a place or are in it.
    ///
    /// # Errors
    /// If they cannot be read, or a document is known to who makes an image alone.
    pub fn of_images(
        &self,
        images: impl IntoIterator<Item = Image>,
        place: &Location,
    ) -> Result<Vec<Documented>, AttestError> {
        let formats = self.documents.iter().map(|kind| match kind {
            Attestation::Sbom(format) => Ok(*format),
            Attestation::Provenance | Attestation::OpenVex | Attestation::Sources => {
                Err(AttestError::OfMaker)
            }
        });
        let formats: Vec<Format> = formats.collect::<Result<_, _>>()?;
        if formats.is_empty() {
            return Ok(Vec::new());
        }
        let documented = images.into_iter().map(|image| {
            let inventory = inventory(subject_at(place, &image), &image, &Origins::default())?;
            let documents = formats.iter().map(|format| self.sbom(*format, &inventory));
            Ok(Documented {
                documents: documents.collect(),
                image,
            })
        });
        documented.collect()
    }

    fn sbom(&self, format: Format, inventory: &Inventory) -> Document {
        Document {
            predicate_type: format.predicate_type(),
            predicate: document(inventory, format, self.tool),
            media_type: Some(format.media_type()),
        }
    }

    /// The index that has the images with the documents about them: one image becomes one. The
    /// manifest itself where nothing is to be in it.
    ///
    /// # Errors
    /// If the index has too many entries.
    pub fn within(
        &self,
        manifest: Manifest,
        documented: &[Documented],
    ) -> Result<Manifest, AttestError> {
        let is_wanted = self.places.index && documented.iter().any(|one| !one.documents.is_empty());
        let mut index = match manifest {
            manifest if !is_wanted => return Ok(manifest),
            Manifest::Index(index) => index,
            Manifest::Image(image) => {
                let annotations = image.annotations().clone();
                ImageIndex::new(vec![image], annotations).map_err(DocumentError::Image)?
            }
            artifact => return Ok(artifact),
        };
        for one in documented {
            let (subject, digest) = (one.image.descriptor(), one.image.digest());
            let documents = one.documents.iter();
            let documents = documents.map(|one| (one.predicate_type, &one.predicate));
            index = attach::within(&index, subject, digest, documents)?;
        }
        Ok(Manifest::Index(index))
    }

    /// Attaches documents to images at a place, each by itself, since scanners look for it by its
    /// type, and signed if there is a key.
    ///
    /// # Errors
    /// If the place does not take them.
    pub fn attach(
        &self,
        documented: &[Documented],
        place: &Location,
        registries: &Registries,
        events: &dyn Events,
    ) -> Result<(), AttestError> {
        let forms = Forms {
            bundle: self.places.referrers,
            tag: self.places.tags,
        };
        let creator = self.creator();
        let signer = self.signer(forms, &creator, registries);
        for Documented { image, documents } in documented {
            let descriptor = image.descriptor();
            for one in documents {
                if self.places.referrers {
                    let said = (one.predicate_type, &one.predicate);
                    let artifact =
                        attach::said(descriptor.clone(), image.digest(), said, one.media_type);
                    let artifact = artifact.map_err(DocumentError::Image)?;
                    attach::put(&artifact, place, registries)?;
                }
                let mut is_signed = false;
                if let Some(signer) = &signer {
                    let predicate = one.predicate.clone();
                    let signed =
                        signer.attest(place, &descriptor, one.predicate_type, predicate)?;
                    is_signed = !signed.is_empty();
                }
                if self.places.referrers || is_signed {
                    events.event(Event::Attached {
                        predicate_type: one.predicate_type,
                        place,
                        platform: &image.platform(),
                        is_signed,
                    });
                }
            }
        }
        Ok(())
    }

    /// Signs what a place has, if there is a key.
    ///
    /// # Errors
    /// If the place does not take the signatures.
    pub fn sign(
        &self,
        manifest: &Manifest,
        place: &Location,
        registries: &Registries,
        events: &dyn Events,
    ) -> Result<(), AttestError> {
        let forms = Forms {
            bundle: true,
            tag: self.signature_tags,
        };
        let creator = self.creator();
        if let Some(signer) = self.signer(forms, &creator, registries) {
            let signed = signer.sign(manifest, place)?;
            let key = signer.key.public();
            let signed = signed.as_slice();
            events.event(Event::Signed { place, key, signed });
        }
        Ok(())
    }

    fn creator(&self) -> String {
        format!("{} {}", self.tool.name, self.tool.version)
    }

    fn signer<'a>(
        &'a self,
        forms: Forms,
        creator: &'a str,
        registries: &'a Registries,
    ) -> Option<Signer<'a>> {
        let key = self.key.as_ref()?;
        Some(Signer {
            key,
            registries,
            creator,
            forms,
        })
    }
}
