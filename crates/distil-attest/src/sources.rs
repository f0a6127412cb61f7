//! What an image is made of, word by word: its definition with those that it stands on, and its lock. With
//! them an image is made again without anything beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use distil_oci::{Manifest, Opened, Registries, TransportError, transport};
use distil_store::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attach;
use crate::bundle::MAX_BUNDLE;
use crate::statement::Statement;
use crate::verify::Verification;

/// The type of the predicate, where it is told what its fields mean.
pub const PREDICATE_TYPE: &str =
    "https://github.com/distil-images/distil/blob/main/docs/attestations.md#sources";

/// The sources of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The path of the image's own definition, one of `definitions`; the name of one of the catalogue.
    pub definition: String,
    /// Which of its images it is: `latest`, `debug` and so on.
    pub variant: String,
    /// The suite.
    pub suite: String,
    /// The platform.
    pub platform: String,
    /// The texts of definitions that are in files, by their paths relative to the directory of the
    /// image's own.
    #[serde(default)]
    pub definitions: BTreeMap<PathBuf, String>,
    /// The text of the lock.
    pub lock: String,
}

impl Sources {
    /// The predicate of a statement.
    pub fn predicate(&self) -> Value {
        // Maps of strings.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What was attached to one of the images that were opened, or is in their index. Nobody has to have
    /// signed it.
    ///
    /// # Errors
    /// If the registry does not say.
    pub fn find(
        opened: &Opened,
        image: Digest,
        registries: &Registries,
    ) -> Result<Option<Self>, TransportError> {
        let attached = transport::attached(opened.location(), image, registries)?;
        let attached = attached
            .into_iter()
            .filter_map(|(_, manifest)| manifest.ok());
        let within = match opened.manifest() {
            Manifest::Index(index) => {
                let entries = index.entries().iter();
                let manifests = entries.map(|entry| index.manifest(entry).ok().flatten());
                manifests.flatten().collect()
            }
            _ => Vec::new(),
        };
        let found = attached.chain(within).find_map(|manifest| {
            let Manifest::Artifact(artifact) = manifest else {
                return None;
            };
            let says = |annotations: &dyn Fn(&str) -> Option<String>| {
                annotations(attach::PREDICATE_TYPE).as_deref() == Some(PREDICATE_TYPE)
            };
            // Of a referrer the manifest says of which type its one statement is, of several in an index
            // each descriptor does.
            let of_all = says(&|key| artifact.annotations().get(key).cloned());
            artifact.blobs().iter().find_map(|blob| {
                let own = blob.descriptor().annotations().as_ref();
                if !of_all && !says(&|key| own?.get(key).cloned()) {
                    return None;
                }
                Self::of_statement(&blob.read(MAX_BUNDLE).ok()?, image)
            })
        });
        Ok(found)
    }

    /// What a key of those that were asked for has signed.
    pub fn of_verified(verification: &Verification) -> Option<Self> {
        let mut verified = verification.verified.iter();
        verified.find_map(|one| Self::of_statement(&one.payload, verification.digest))
    }

    fn of_statement(bytes: &[u8], image: Digest) -> Option<Self> {
        let statement = Statement::parse(bytes)?;
        let is_it = statement.predicate_type() == PREDICATE_TYPE;
        if !is_it || statement.name_of(image).is_none() {
            return None;
        }
        serde_json::from_value(statement.predicate().clone()).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_statement_about_another_image_does_not_count() {
        let sources = Sources {
            definition: "app.yaml".to_owned(),
            variant: "latest".to_owned(),
            suite: "trixie".to_owned(),
            platform: "linux/amd64".to_owned(),
            definitions: [("app.yaml".into(), "name: app\n".to_owned())].into(),
            lock: "schema_version: 1\n".to_owned(),
        };
        let (image, other) = (Digest::of("image"), Digest::of("other"));
        let statement = |kind| Statement::new(image, None, kind, sources.predicate()).to_bytes();
        let bytes = statement(PREDICATE_TYPE);
        assert_eq!(Sources::of_statement(&bytes, image), Some(sources.clone()));
        assert_eq!(Sources::of_statement(&bytes, other), None);
        let of_other_type = statement("https://spdx.dev/Document");
        assert_eq!(Sources::of_statement(&of_other_type, image), None);
    }
}
