//! What is signed and attached when an image is written to a registry or a layout.

use std::path::Path;

use distil_attest::key::PrivateKey;
use distil_attest::sbom::Format;
use distil_attest::vex::Matches;
use distil_build::{Attestation, Attestations, Described, ImageRequest, Outcome, Places, Session};
use distil_oci::Location;

use super::sbom::{TOOL, write};
use crate::cli;
use crate::error::CommandError;
use crate::keys::{self, read_file};

/// The largest report that is read, in bytes.
const MAX_REPORT: u64 = 256 << 20;

/// What is to be attached, with the key that signs it, and the file of `--vex`.
pub(crate) struct Attachments<'a> {
    attestations: Attestations,
    flags: &'a cli::AttachOutput,
}

impl<'a> Attachments<'a> {
    /// What the flags ask for. The key is read before anything is built.
    pub(crate) fn of(flags: &'a cli::AttachOutput) -> Result<Self, CommandError> {
        let key = flags.sign_key.as_ref();
        let key = key.map(|word| keys::private(word, &flags.signing));
        let matches = flags.vex_from.as_deref().map(matches).transpose()?;
        if matches.is_none() && flags.documents.attach.contains(&cli::Attachment::Openvex) {
            let message = "`--attach openvex` is about a report of Trivy or Grype";
            return Err(CommandError::usage(message).hint("name it: `--vex-from report.json`"));
        }
        let mut attestations = documents(&flags.documents, key.transpose()?, &flags.signing)?;
        if flags.embed && !attestations.documents.contains(&Attestation::Sources) {
            attestations.documents.push(Attestation::Sources);
        }
        attestations.matches = matches.unwrap_or_default();
        Ok(Self {
            attestations,
            flags,
        })
    }

    /// What is attached where the image is written.
    pub(crate) fn attestations(&self) -> &Attestations {
        &self.attestations
    }

    /// Rejects a request that writes nowhere where something can be attached, or several documents
    /// to one file.
    pub(crate) fn check(&self, request: &ImageRequest) -> Result<(), CommandError> {
        let platforms = request.architectures.len();
        if let Some(path) = self.flags.vex.as_ref().filter(|_| platforms > 1) {
            let message = format!(
                "`{}` is one file, but each of {platforms} platforms has its own matches",
                path.display()
            );
            return Err(CommandError::usage(message).hint("build one platform with `--vex`"));
        }
        let outputs = request.outputs.iter();
        if self.attestations.key.is_some()
            && !outputs.clone().any(distil_attest::attach::is_possible_at)
        {
            let message = "signatures are in registries and OCI layouts, and no output is one";
            return Err(CommandError::usage(message)
                .hint("`-o docker://REGISTRY/NAME:TAG` pushes to one, `-o oci:DIR` writes one"));
        }
        let mut outputs = outputs.filter(|one| self.attestations.is_possible_at(one));
        if self.attestations.documents.is_empty() || outputs.next().is_some() {
            return Ok(());
        }
        let message = "documents are attached to images in registries, layouts and, as `index`, in \
                       archives, and no output is one";
        Err(CommandError::usage(message)
            .hint("`-o docker://REGISTRY/NAME:TAG` pushes to one; `--sbom FILE` writes a file"))
    }

    /// Rejects what cannot be attached to an image that is copied.
    pub(crate) fn check_copy(&self) -> Result<(), CommandError> {
        if self.flags.vex.is_some() {
            return Err(of_maker());
        }
        check_present(&self.attestations)
    }

    /// Writes the file of `--vex`.
    pub(crate) fn write_vex(
        &self,
        session: &Session,
        request: &ImageRequest,
        outcome: &Outcome,
    ) -> Result<(), CommandError> {
        let Some(path) = &self.flags.vex else {
            return Ok(());
        };
        for one in &session.describe(request, outcome)? {
            write(path, &self.vex(one)?)?;
        }
        Ok(())
    }

    fn vex(&self, described: &Described) -> Result<serde_json::Value, CommandError> {
        let document = self.attestations.vex(described);
        document.map_err(|error| CommandError::from(distil_build::BuildError::from(error)))
    }
}

/// What flags ask for of an image that is there already: `check_present` says whether it can be had.
pub(crate) fn documents(
    flags: &cli::Documents,
    key: Option<PrivateKey>,
    signing: &cli::Signing,
) -> Result<Attestations, CommandError> {
    let kinds = flags.attach.iter().map(|one| match one {
        cli::Attachment::Spdx => Attestation::Sbom(Format::Spdx),
        cli::Attachment::Cyclonedx => Attestation::Sbom(Format::CycloneDx),
        cli::Attachment::Provenance => Attestation::Provenance,
        cli::Attachment::Openvex => Attestation::OpenVex,
        cli::Attachment::Sources => Attestation::Sources,
    });
    let attestations = Attestations {
        documents: kinds.collect(),
        places: places(&flags.places),
        key,
        signature_tags: signing.signature_tags,
        ..Attestations::none(TOOL)
    };
    let Places {
        referrers,
        index,
        tags,
    } = attestations.places;
    if tags && !referrers && !index && attestations.key.is_none() {
        let message = "only signed documents are under cosign's tags, and there is no key";
        return Err(CommandError::usage(message).hint("`--sign-key KEY` signs them"));
    }
    Ok(attestations)
}

/// Where the flags say that documents go: everywhere by default.
pub(crate) fn places(flags: &cli::AttachAs) -> Places {
    let has = |form| flags.forms.is_empty() || flags.forms.contains(&form);
    Places {
        referrers: has(cli::AttachForm::Referrer),
        index: has(cli::AttachForm::Index),
        tags: has(cli::AttachForm::Tag),
    }
}

/// Rejects what is not known of an image that is there already, or would change it.
pub(crate) fn check_present(attestations: &Attestations) -> Result<(), CommandError> {
    let is_sbom = |one: &Attestation| matches!(one, Attestation::Sbom(_));
    if !attestations.documents.iter().all(is_sbom) {
        return Err(of_maker());
    }
    let places = attestations.places;
    if places.index && !places.referrers && !places.tags {
        let message = "documents can be put into the index of an image that is built now alone: the \
                       image would be another one";
        return Err(CommandError::usage(message).hint("leave `--attach-as index` out"));
    }
    Ok(())
}

fn of_maker() -> CommandError {
    let error = distil_build::AttestError::OfMaker;
    CommandError::usage(error)
        .hint("leave `provenance`, `openvex` and `sources` out, or push what `build` builds")
}

/// Where something can be attached to an image that is there.
pub(crate) fn attachable(word: &str) -> Result<Location, CommandError> {
    let location = Location::find(word).map_err(CommandError::usage)?;
    let hint = "signatures are in registries and OCI layouts, written `docker://REGISTRY/NAME:TAG` \
                and `oci:DIR:TAG`";
    let message = match location {
        Some(place) if distil_attest::attach::is_possible_at(&place) => return Ok(place),
        Some(other) => format!("`{other}` is neither in a registry nor an OCI layout"),
        None => format!("`{word}` is neither an image in a registry nor an OCI layout"),
    };
    Err(CommandError::usage(message).hint(hint))
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
