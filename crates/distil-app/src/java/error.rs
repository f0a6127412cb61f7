//! What can be wrong with a jar.

use std::io;

use distil_tree::zip::ZipError;
use distil_tree::zip_writer::ZipWriteError;
use distil_tree::{PathError, Printable};

/// Why a jar cannot be used. The messages follow its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JarError {
    /// It is not a zip archive that can be read.
    #[error("cannot be read as a jar")]
    Zip(#[from] ZipError),
    /// What is made of it cannot be written.
    #[error("cannot be taken apart")]
    Write(#[from] ZipWriteError),
    /// Its bytes cannot be read, or those that are made of it cannot be written.
    #[error("cannot be unpacked")]
    Io(#[from] io::Error),
    /// An entry has a path that leads out of it.
    #[error("has an entry `{}`, whose path {problem}", Printable(.name))]
    Path {
        /// The path as the jar has it.
        name: Vec<u8>,
        /// What is wrong with it.
        problem: PathError,
    },
    /// Two of its entries have one path.
    #[error("has the entry `{}` twice, and which of them counts depends on who reads it", Printable(.0))]
    Twice(Vec<u8>),
    /// An entry is encrypted, or packed as Java does not know it.
    #[error("has an entry `{}` that Java cannot read: it {what}", Printable(.name))]
    Unreadable {
        /// The path as the jar has it.
        name: Vec<u8>,
        /// Why.
        what: &'static str,
    },
    /// It has no manifest.
    #[error(
        "has no `META-INF/MANIFEST.MF`, which says what to run; `jar --create --main-class NAME` writes one"
    )]
    NoManifest,
    /// Its manifest is none.
    #[error("has a manifest that is not valid: {0}")]
    Manifest(String),
    /// Its manifest names no class to run.
    #[error(
        "has no `Main-Class` in its manifest; `jar --update --file JAR --main-class NAME` adds it, or `config: {{entrypoint: [/usr/bin/java, -cp, …]}}` says what runs"
    )]
    NoMainClass,
    /// The class to run is not there.
    #[error(
        "names the class `{0}` to be run, which is neither in it nor in the jars of its `Class-Path`"
    )]
    MissingMainClass(String),
    /// What its class path names is elsewhere.
    #[error(
        "has `{0}` in the `Class-Path` of its manifest, which leads out of its directory; put the jar beside it or below"
    )]
    Outside(String),
    /// What its class path names is not a path.
    #[error("has `{0}` in the `Class-Path` of its manifest, which is not a path")]
    NotAPath(String),
    /// There are more jars than any application has.
    #[error("has more than {0} jars in its class path")]
    TooMany(usize),
    /// A list of Spring Boot's is not valid.
    #[error("has a `{file}` that is not valid: {what}")]
    Index {
        /// The list.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It is too large.
    #[error("is too large: {0}")]
    TooLarge(String),
}
