//! Why a Java application cannot be installed.

use distil_app::java::JarError;
use distil_debian::fetch::FetchError;
use distil_definition::recipe::Position;
use distil_store::StoreError;

use crate::causes::causes;

/// Why a Java application cannot be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JavaError {
    /// Its classes are for a later Java than the image's.
    #[error(
        "`{jar}` of definition `{definition}` is for Java {needed}, and the image has Java {java}: \
         {newer} of its {all} classes, such as `{class}`{position}"
    )]
    Newer {
        /// The definition.
        definition: String,
        /// The jar, as it is named.
        jar: String,
        /// The Java that it is for.
        needed: u32,
        /// The image's.
        java: u32,
        /// How many of its classes are for a later Java.
        newer: usize,
        /// How many classes it has.
        all: usize,
        /// One of them.
        class: String,
        /// The position of the jar's name.
        position: Position,
    },
    /// A jar cannot be read or taken apart.
    #[error("`{jar}` of definition `{definition}` {}{position}", causes(problem))]
    Jar {
        /// The definition.
        definition: String,
        /// The jar, as it is named.
        jar: String,
        /// The position of the jar's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: JarError,
    },
    /// A jar changed while it was read, or cannot be read.
    #[error("failed to read `{jar}` of definition `{definition}`{position}")]
    Fetch {
        /// The definition.
        definition: String,
        /// The jar, as it is named.
        jar: String,
        /// The position of the jar's name.
        position: Position,
        /// Why.
        source: FetchError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
