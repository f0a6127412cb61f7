//! Why an archive cannot be read or written.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::document_error::DocumentError;
use crate::transport::choice::ChoiceError;
use crate::transport::file_error::FileError;

/// An archive of images, of OCI's or of Docker's kind, cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageArchiveError {
    /// An operation of the file system failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is a directory where the archive should be.
    #[error("`{}` is a directory; an archive is a file", .0.display())]
    Directory(PathBuf),
    /// The output is a block device or a socket.
    #[error("`{}` is neither a plain file nor a pipe", .0.display())]
    NotAFile(PathBuf),
    /// The input has neither of the documents that describe images.
    #[error("`{}` is not an image: it has neither `index.json` nor `manifest.json`", .0.display())]
    NotAnImage(PathBuf),
    /// The archive cannot be read, or unpacks to more than an archive of images does.
    #[error("failed to read the archive")]
    Read(#[source] io::Error),
    /// The archive is damaged.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// A member is not what it should be, or is one that programs read in different ways.
    #[error("`{name}` in the archive {what}")]
    Member {
        /// The member's name.
        name: String,
        /// What is wrong with it.
        what: Cow<'static, str>,
    },
    /// No image of the name that is wanted.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// What is in it makes no image.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl ImageArchiveError {
    /// The archive is damaged in this way.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// Something is wrong with the member `name`.
    pub(crate) fn member(name: &str, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Member {
            // From outside, and of any length.
            name: name.chars().take(200).collect(),
            what: what.into(),
        }
    }
}
