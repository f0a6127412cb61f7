//! A `.deb` of this machine, described as an index would describe it.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};

use distil_store::Digest;

use super::error::DebError;
use super::read::read_control;
use crate::control::{ControlError, Paragraph};
use crate::package::{BinaryPackage, PackageError};

/// Why a file is not a package that could be in an image.
#[derive(Debug, thiserror::Error)]
pub enum LocalPackageError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not a `.deb`, or a damaged one.
    #[error("is not a Debian package")]
    Deb(#[from] DebError),
    /// Its control file cannot be read.
    #[error("has a control file that cannot be read")]
    Control(#[from] ControlError),
    /// Its control file does not describe a package.
    #[error("has a control file that describes no package")]
    Package(#[from] PackageError),
}

impl BinaryPackage {
    /// Describes the `.deb` in `file`, which is called `name`, by its control file, its size and its
    /// digest.
    ///
    /// # Errors
    /// If it is not a package.
    pub fn of_file(mut file: File, name: &str) -> Result<Self, LocalPackageError> {
        let (sha256, size) = Digest::of_reader(&mut BufReader::with_capacity(1 << 16, &file))?;
        file.seek(SeekFrom::Start(0))?;
        let control = read_control(BufReader::with_capacity(1 << 16, &file))?;
        let control = control.trim_end();
        // What an index adds to the stanza (Debian repository format, "Packages" indexes).
        let stanza = format!(
            "{control}\nFilename: {name}\nSize: {size}\nSHA256: {}\n",
            sha256.hex()
        );
        Ok(Self::from_paragraph(&Paragraph::parse(&stanza)?, 0)?)
    }
}
