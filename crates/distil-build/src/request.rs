//! What is asked for: a definition, and which of its images.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use distil_attest::sources::Sources;
use distil_debian::suite::{Suite, UnknownSuite};
use distil_definition::recipe::{RecipeError, Source, Target, UnknownVariant, Variant};
use distil_definition::{Architecture, Definition, is_file_name};

use crate::meant::Meant;
use crate::used_lock::UsedLock;

/// A definition, and which of its images is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request as it was written: `python3:debug`.
    pub word: String,
    /// The definition.
    pub source: Source,
    /// Its variant.
    pub variant: Variant,
    /// The lock that its packages are from; without one they are chosen anew.
    pub lock: Option<Arc<UsedLock>>,
}

/// A request names what there is not.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no such variant.
    #[error("{source}")]
    Variant {
        /// What was asked for.
        source: UnknownVariant,
        /// Variants with a similar name, the most similar first.
        nearest: Vec<String>,
    },
    /// There is no such suite.
    #[error("{source}")]
    Suite {
        /// What was asked for.
        source: UnknownSuite,
        /// Suites with a similar name, the most similar first.
        nearest: Vec<String>,
    },
    /// The suite's name means another suite from time to time.
    #[error(
        "`{name}` means another release of Debian every two years, so images are not built from it; \
         at present it is `{}`",
        suite.codename
    )]
    MovingSuite {
        /// What was asked for.
        name: String,
        /// What it means at the time of this version of the program.
        suite: Suite,
    },
    /// The name is one that others have for an image.
    #[error("there is no image `{word}` in the catalogue")]
    Foreign {
        /// What was asked for.
        word: String,
        /// The image that is meant.
        meant: Meant,
    },
    /// Sources name a definition that is not among them.
    #[error("the definition of `{word}` is not among the sources that were kept")]
    NoDefinition {
        /// What they name.
        word: String,
    },
    /// The definition cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}

impl Request {
    /// The image that a word names: `NAME` or `NAME:VARIANT` of the catalogue, `FILE.yaml` or
    /// `FILE.yaml:VARIANT`. `changes` is what is changed of it, as a definition that stands on it;
    /// [`Definition::default`] changes nothing.
    ///
    /// # Errors
    /// If there is no such definition or variant, or it cannot be read.
    pub fn find(word: &str, changes: Definition) -> Result<Self, RequestError> {
        if let Some(meant) = Meant::by(word) {
            let word = word.to_owned();
            return Err(RequestError::Foreign { word, meant });
        }
        let (name, variant) = match word.rsplit_once(':') {
            Some((name, word)) => (name, variant(word)?),
            None => (word, Variant::Latest),
        };
        let mut source = Source::find(name, None)?;
        source.change(changes);
        Ok(Self {
            word: word.to_owned(),
            source,
            variant,
            lock: None,
        })
    }

    /// The image that sources name which were kept beside it. Files that its definitions name lie in
    /// a directory.
    ///
    /// # Errors
    /// If they do not name one.
    pub fn of_sources(sources: &Sources, directory: &Path) -> Result<Self, RequestError> {
        if sources.definitions.is_empty() {
            let word = format!("{}:{}", sources.definition, sources.variant);
            // Nothing of this machine is read for it.
            return match is_file_name(&sources.definition) {
                true => Err(RequestError::NoDefinition { word }),
                false => Self::find(&word, Definition::default()),
            };
        }
        // As a definition in this directory names those that it stands on.
        let place = |path: &Path| match directory == Path::new(".") {
            true => path.to_owned(),
            false => directory.join(path),
        };
        let texts = sources.definitions.iter();
        let texts = texts.map(|(path, text)| (place(path), text.clone()));
        let source = Source::of_texts(place(Path::new(&sources.definition)), texts.collect())?;
        Ok(Self {
            word: format!("{}:{}", sources.definition, sources.variant),
            source,
            variant: variant(&sources.variant)?,
            lock: None,
        })
    }

    /// The same request, whose packages are from a lock.
    #[must_use]
    pub fn with_lock(self, lock: UsedLock) -> Self {
        Self {
            lock: Some(Arc::new(lock)),
            ..self
        }
    }

    /// Where the lock of its definition is: beside the file, `app.lock` for `app.yaml`. None of an
    /// image of the catalogue.
    pub fn lock_path(&self) -> Option<PathBuf> {
        Some(self.source.file()?.with_extension("lock"))
    }

    /// The image of this that is for a suite and an architecture. Certificates that the definition
    /// brings have to be valid at `now`.
    pub fn target(&self, suite: Suite, architecture: Architecture, now: SystemTime) -> Target {
        Target {
            variant: self.variant,
            suite,
            architecture,
            now,
        }
    }
}

/// The variant with this name.
fn variant(name: &str) -> Result<Variant, RequestError> {
    Variant::named(name).map_err(|source| {
        let names = Variant::ALL.map(Variant::name);
        let nearest = distil_store::nearest(name, names, 2);
        RequestError::Variant { source, nearest }
    })
}

/// The suite with this name or number.
///
/// # Errors
/// If there is none, or the name means another one from time to time.
pub fn suite(name: &str) -> Result<Suite, RequestError> {
    if let Some(suite) = Suite::at_present(name) {
        let name = name.to_owned();
        return Err(RequestError::MovingSuite { name, suite });
    }
    if let Some(suite) = Suite::numbered(name) {
        return Ok(suite);
    }
    Suite::named(name).map_err(|source| {
        let names = Suite::all().map(|suite| suite.codename);
        let nearest = distil_store::nearest(name, names, 1);
        RequestError::Suite { source, nearest }
    })
}

/// Whether a word names a definition's file, or one of its variants.
pub fn is_definition(word: &str) -> bool {
    let name = word.rsplit_once(':').map_or(word, |(name, _)| name);
    is_file_name(word) || is_file_name(name)
}
