//! A lock that an image is built from.

use distil_definition::recipe::Recipe;
use distil_image::{IMAGE_FORMAT, LAYER_FORMAT};
use distil_lock::file::{Change, Formats, LockFile, Misfit, lock};
use distil_lock::{ContentsError, Lock};
use distil_oci::Compression;

use crate::lock_error::LockError;

/// A lock that an image is built from.
#[derive(Debug, Clone)]
pub struct UsedLock {
    /// The name of its file, for messages.
    pub origin: String,
    /// The image that it is used for, as it was asked for.
    pub definition: String,
    /// What it says.
    pub file: LockFile,
    /// Whether it has to fit exactly, rather than in what decides the packages.
    pub is_strict: bool,
}

impl UsedLock {
    /// The packages of an image, and what else changed in its definitions since they were locked.
    pub(crate) fn lock(
        &self,
        recipe: &Recipe,
        compression: Compression,
    ) -> Result<(Lock, Vec<Change>), LockError> {
        let misfit = |misfit| LockError::Misfit {
            lock: self.origin.clone(),
            definition: self.definition.clone(),
            misfit,
        };
        let changes = self.file.fit(recipe).map_err(misfit)?;
        if self.is_strict {
            self.check_exactly(&changes, compression)?;
        }
        self.check_formats(compression)?;
        let found = lock(&self.file, recipe);
        let found = found.ok_or_else(|| {
            misfit(Misfit::Variant {
                variant: recipe.variant.name(),
                platform: recipe.architecture.platform().to_string(),
            })
        })?;
        Ok((found, changes))
    }

    fn check_exactly(&self, changes: &[Change], asked: Compression) -> Result<(), LockError> {
        if let Some(change) = changes.first() {
            return Err(LockError::Changed {
                lock: self.origin.clone(),
                definition: self.definition.clone(),
                change: change.clone(),
            });
        }
        let locked = self.file.formats.compression();
        if locked != asked {
            return Err(LockError::Compression {
                lock: self.origin.clone(),
                locked: shown(locked),
                asked: shown(asked),
            });
        }
        Ok(())
    }

    /// Checks that the same bytes are made as when the lock was.
    fn check_formats(&self, compression: Compression) -> Result<(), LockError> {
        let locked = self.file.formats;
        let known = Formats::new(IMAGE_FORMAT, LAYER_FORMAT, compression);
        let is_same_codec = known.compression == locked.compression;
        for (format, locked, known) in [
            ("image", locked.image, known.image),
            ("layer", locked.layer, known.layer),
            ("codec", locked.codec, known.codec),
        ] {
            if locked != known && (format != "codec" || is_same_codec) {
                return Err(LockError::Format {
                    lock: self.origin.clone(),
                    format,
                    locked,
                    known,
                });
            }
        }
        Ok(())
    }

    /// A package of the lock cannot be had.
    pub(crate) fn unavailable(&self, source: ContentsError) -> LockError {
        LockError::Package {
            lock: self.origin.clone(),
            source,
        }
    }
}

fn shown(compression: Compression) -> String {
    match compression {
        Compression::None => "nothing".to_owned(),
        Compression::Gzip { level } => format!("gzip at level {level}"),
        Compression::Zstd { level } => format!("zstd at level {level}"),
    }
}
