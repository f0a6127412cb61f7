//! What is signed and attached when an image is written to a registry.

use std::path::Path;

use distil_attest::attach;
use distil_attest::inventory::Inventory;
use distil_attest::key::PrivateKey;
use distil_attest::provenance;
use distil_attest::sbom::{Format, document};
use distil_attest::sign::Signer;
use distil_attest::statement::{PROVENANCE, Statement};
use distil_attest::vex::{self, Matches};
use distil_build::{Described, ImageRequest, Outcome, Session};
use distil_oci::reference::RegistryReference;
use distil_oci::spec::Descriptor;
use distil_oci::{Image, InvalidImage, Location, Registries};
use distil_store::Digest;
use serde_json::Value;

use super::sbom::{TOOL, write};
use super::sign::{CREATOR, failed, forms, sign};
use crate::cli;
use crate::error::CommandError;
use crate::keys::{self, read_file};
use crate::printer::Printer;

/// The largest report that is read, in bytes.
const MAX_REPORT: u64 = 256 << 20;

/// The annotation by which others choose among referrers with statements.
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// What is to be attached, with the key that signs it.
pub(crate) struct Attachments<'a> {
    key: Option<PrivateKey>,
    matches: Option<Matches>,
    flags: &'a cli::AttachOutput,
}

/// A document about an image.
struct Document {
    /// Of which type it is as the predicate of a statement.
    predicate_type: &'static str,
    predicate: Value,
    /// Its media type by itself; none of what is always part of a statement.
    media_type: Option<&'static str>,
}

impl<'a> Attachments<'a> {
    /// What the flags ask for. The key is read before anything is built.
    pub(crate) fn of(flags: &'a cli::AttachOutput) -> Result<Self, CommandError> {
        let key = flags.sign_key.as_ref();
        let key = key.map(|word| keys::private(word, &flags.signing));
        let matches = flags.vex_from.as_deref().map(matches).transpose()?;
        if matches.is_none() && flags.attach.contains(&cli::Attachment::Openvex) {
            let message = "`--attach openvex` is about a report of Trivy or Grype";
            return Err(CommandError::usage(message).hint("name it: `--vex-from report.json`"));
        }
        Ok(Self {
            key: key.transpose()?,
            matches,
            flags,
        })
    }

    /// Whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.key.is_none() && self.flags.attach.is_empty() && self.flags.vex.is_none()
    }

    /// Whether something is to be in a registry.
    fn is_attached(&self) -> bool {
        self.key.is_some() || !self.flags.attach.is_empty()
    }

    /// Rejects a request that writes to no registry, or several documents to one file.
    pub(crate) fn check(&self, request: &ImageRequest) -> Result<(), CommandError> {
        let platforms = request.architectures.len();
        if let Some(path) = self.flags.vex.as_ref().filter(|_| platforms > 1) {
            let message = format!(
                "`{}` is one file, but each of {platforms} platforms has its own matches",
                path.display()
            );
            return Err(CommandError::usage(message).hint("build one platform with `--vex`"));
        }
        let is_registry = |one: &Location| matches!(one, Location::Registry(_));
        if !self.is_attached() || request.outputs.iter().any(is_registry) {
            return Ok(());
        }
        let message = "signatures and attachments are in registries, and no output is in one";
        Err(CommandError::usage(message)
            .hint("`-o docker://REGISTRY/NAME:TAG` pushes to one; `--sbom FILE` writes a file"))
    }

    /// Signs and attaches to what was built, in each registry that it was written to.
    pub(crate) fn write(
        &self,
        session: &Session,
        request: &ImageRequest,
        outcome: &Outcome,
        printer: &Printer,
    ) -> Result<(), CommandError> {
        if self.is_empty() {
            return Ok(());
        }
        let described = match self.flags.attach.is_empty() && self.flags.vex.is_none() {
            true => Vec::new(),
            false => session.describe(request, outcome)?,
        };
        if let (Some(path), [one]) = (&self.flags.vex, described.as_slice()) {
            write(path, &self.vex(one)?)?;
        }
        for location in &request.outputs {
            let Location::Registry(reference) = location else {
                continue;
            };
            let registries = session.registries();
            for one in &described {
                let (image, documents) = (&one.image, self.documents_of_build(one)?);
                self.attach(reference, image, &documents, registries, printer)?;
            }
            let tag = outcome.references.first().map(|name| name.tag());
            self.sign(reference, tag, outcome.digest, registries, printer)?;
        }
        Ok(())
    }

    /// Rejects what is not known of an image that is copied.
    pub(crate) fn check_copy(&self) -> Result<(), CommandError> {
        let made = [cli::Attachment::Provenance, cli::Attachment::Openvex];
        if self.flags.vex.is_some() || made.iter().any(|one| self.flags.attach.contains(one)) {
            let message = "the provenance of an image, and what was left out of it, is known to who builds it alone";
            return Err(CommandError::usage(message)
                .hint("leave `provenance` and `openvex` out, or push what `build` builds"));
        }
        Ok(())
    }

    /// Signs and attaches to an image that was copied to a registry.
    pub(crate) fn write_copy(
        &self,
        reference: &RegistryReference,
        digest: Digest,
        registries: &Registries,
        printer: &Printer,
    ) -> Result<(), CommandError> {
        let place = RegistryReference::of_digest(reference.repository().clone(), digest);
        let location = Location::Registry(place);
        if !self.flags.attach.is_empty() {
            let opened = distil_oci::transport::open(&location, registries)?;
            for image in opened.images()? {
                let of_image =
                    RegistryReference::of_digest(reference.repository().clone(), image.digest());
                let of_image = Location::Registry(of_image);
                let inventory = distil_build::inventory_at(&of_image, None, registries)?;
                let documents = self.documents(&inventory);
                self.attach(reference, &image, &documents, registries, printer)?;
            }
        }
        self.sign(reference, None, digest, registries, printer)
    }

    fn sign(
        &self,
        reference: &RegistryReference,
        tag: Option<&str>,
        digest: Digest,
        registries: &Registries,
        printer: &Printer,
    ) -> Result<(), CommandError> {
        let Some(key) = &self.key else { return Ok(()) };
        let repository = reference.repository().clone();
        let named = match reference.tag().or(tag) {
            Some(tag) => RegistryReference::of_tag(repository, tag),
            None => RegistryReference::of_digest(repository, digest),
        };
        let signing = &self.flags.signing;
        sign(key, signing, &named, Some(digest), registries, printer)?;
        Ok(())
    }

    /// The bills of materials that are asked for.
    fn documents(&self, inventory: &Inventory) -> Vec<Document> {
        let sbom = |format: Format| Document {
            predicate_type: format.predicate_type(),
            predicate: document(inventory, format, TOOL),
            media_type: Some(format.media_type()),
        };
        let wanted = self.flags.attach.iter();
        let formats = wanted.filter_map(|one| match one {
            cli::Attachment::Spdx => Some(Format::Spdx),
            cli::Attachment::Cyclonedx => Some(Format::CycloneDx),
            cli::Attachment::Provenance | cli::Attachment::Openvex => None,
        });
        formats.map(sbom).collect()
    }

    /// The matches of the report that do not concern an image.
    fn vex(&self, described: &Described) -> Result<Value, CommandError> {
        let none = Matches::default();
        let matches = self.matches.as_ref().unwrap_or(&none);
        let config = Some(described.image.config_digest());
        let (inventory, code) = (&described.inventory, &described.code);
        vex::document(matches, inventory, config, code, TOOL).map_err(|error| {
            CommandError::usage(error)
                .hint("scan the image that this command builds, and name that report")
        })
    }

    fn documents_of_build(&self, described: &Described) -> Result<Vec<Document>, CommandError> {
        let mut documents = self.documents(&described.inventory);
        if self.flags.attach.contains(&cli::Attachment::Provenance) {
            let (parameters, dependencies) = (&described.parameters, &described.dependencies);
            documents.push(Document {
                predicate_type: PROVENANCE,
                predicate: provenance::predicate(parameters, dependencies, TOOL),
                media_type: None,
            });
        }
        if self.flags.attach.contains(&cli::Attachment::Openvex) {
            documents.push(Document {
                predicate_type: vex::PREDICATE_TYPE,
                predicate: self.vex(described)?,
                media_type: None,
            });
        }
        Ok(documents)
    }

    /// Attaches documents to one image: each by itself, since scanners look for it by its type, and
    /// signed if there is a key.
    fn attach(
        &self,
        reference: &RegistryReference,
        image: &Image,
        documents: &[Document],
        registries: &Registries,
        printer: &Printer,
    ) -> Result<(), CommandError> {
        let descriptor = image.descriptor();
        for one in documents {
            let artifact = artifact(one, &descriptor, image.digest());
            let artifact = artifact.map_err(CommandError::failure)?;
            attach::put(&artifact, reference.repository(), registries)?;
            if let Some(key) = &self.key {
                let signer = Signer {
                    key,
                    registries,
                    creator: CREATOR,
                    forms: forms(&self.flags.signing),
                };
                let signed = signer.attest(
                    reference,
                    &descriptor,
                    one.predicate_type,
                    one.predicate.clone(),
                );
                signed.map_err(failed)?;
            }
            let how = match &self.key {
                Some(_) => "attached and signed",
                None => "attached",
            };
            let (place, platform) = (reference.repository(), image.platform());
            let kind = one.predicate_type;
            printer.say(format_args!("{how} {kind} to {place} for {platform}"));
        }
        Ok(())
    }
}

/// The report in a file.
fn matches(path: &Path) -> Result<Matches, CommandError> {
    let failed = |problem: String| {
        CommandError::usage(format!(
            "failed to read the report `{}`: {problem}",
            path.display()
        ))
    };
    let bytes = read_file(path, MAX_REPORT).map_err(|error| failed(error.to_string()))?;
    Matches::parse(&bytes).map_err(|error| {
        failed(error.to_string())
            .hint("`trivy image --format json` and `grype -o json` write such reports")
    })
}

fn artifact(
    document: &Document,
    subject: &Descriptor,
    digest: Digest,
) -> Result<distil_oci::Artifact, InvalidImage> {
    let annotations = [(
        PREDICATE_TYPE.to_owned(),
        document.predicate_type.to_owned(),
    )];
    let predicate = &document.predicate;
    let (media_type, bytes) = match document.media_type {
        Some(media_type) => (media_type, predicate.to_string().into_bytes()),
        None => {
            let kind = document.predicate_type;
            let statement = Statement::new(digest, None, kind, predicate.clone());
            (distil_attest::dsse::STATEMENT, statement.to_bytes())
        }
    };
    attach::document(subject.clone(), media_type, bytes, annotations.into())
}
