//! What a recipe was made of, as digests: the part of a key that definitions and files are.

use distil_store::{Digest, Hasher};

use super::error::RecipeError;
use super::layer::LayerRecipe;
use super::source::Source;
use super::target::Target;

/// Digests of all that a recipe was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// The texts of all definitions of the chain, what the command line changes, and which image
    /// of them it is.
    pub definitions: Digest,
    /// The bytes of the files that they name.
    pub files: Digest,
}

/// Hashes parts so that no two lists of parts are the same bytes.
#[derive(Default)]
struct Parts(Hasher);

impl Parts {
    fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

/// The digest of definitions, the lowest first.
pub(super) fn definitions(chain: &[Source], target: &Target) -> Result<Digest, RecipeError> {
    let mut parts = Parts::default();
    for word in [
        target.suite.codename,
        target.suite.version,
        target.architecture.debian(),
        target.variant.name(),
    ] {
        parts.add(word);
    }
    for source in chain {
        parts.add([u8::from(source.is_strict())]);
        match &source.text {
            Some(text) => parts.add(text.text.as_bytes()),
            None => parts.add(source.to_json()?),
        }
    }
    Ok(parts.0.finish())
}

/// The digest of what layers take from files of this machine.
pub(super) fn files(layers: &[LayerRecipe]) -> Digest {
    let mut parts = Parts::default();
    for layer in layers {
        parts.add(&layer.definition);
        for file in &layer.files {
            parts.add(file.addition.path.as_bytes());
            parts.add(format!(
                "{:?} {:?}",
                file.addition.owner, file.addition.mode
            ));
            parts.add(&file.bytes);
        }
        for authority in layer.certificates.iter().flat_map(|file| &file.authorities) {
            parts.add(authority);
        }
    }
    parts.0.finish()
}
