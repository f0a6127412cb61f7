//! Whole signed Debian archives, made inside tests.
//!
//! Tests of archives, packages and images need inputs that are small, always the same, and
//! wrong in every way that matters. This crate makes them with code of its own, apart from the
//! code under test, so that a misreading of a format is not made twice:
//!
//! - [`DebBuilder`] makes a `.deb`, sound or broken;
//! - [`ElfBuilder`] makes shared objects and executables without a compiler;
//! - [`SigningKey`] makes OpenPGP keys and signatures, sound or not to be trusted;
//! - [`ArchiveBuilder`] and [`Pocket`] lay packages out as a signed archive, with faults;
//! - [`debian_like`] is a miniature Debian with the packages that the catalogue needs;
//! - [`WheelBuilder`] makes Python's wheels, sound or broken;
//! - [`Sigstore`] makes keyless signatures, sound or not to be trusted;
//! - [`Server`] serves a directory over HTTP and misbehaves as it is told, and [`TlsFront`] is TLS before it.
//!
//! It is for tests only: what is impossible here panics with a message, and nothing guards
//! against hostile input.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ar;
mod archive;
mod compression;
mod date;
mod deb;
mod digest;
mod elf;
mod key;
mod server;
mod sigstore;
mod standard;
mod tarball;
mod tls;
mod wheel;

pub use ar::DebFault;
pub use archive::{Archive, ArchiveBuilder, DEFAULT_DATE, Pocket, PocketFault, SignatureFault};
pub use compression::Compression;
pub use date::rfc2822;
pub use deb::DebBuilder;
pub use digest::{md5_hex, sha256_hex};
pub use elf::{ElfBuilder, Machine};
pub use key::{
    HashStrength, KeyAlgorithm, KeyOptions, Revocation, SigningKey, SubkeyOptions, keyring,
    sign_clear_all, sign_detached_all,
};
pub use server::{Fault, Recorded, Server, Times};
pub use sigstore::{
    Keyless, KeylessFault, Rekor, SIGNED_AT, Sigstore, bundle_artifact, cosign_payload,
    cosign_statement, payload_artifact,
};
pub use standard::{
    CA_CERTIFICATES, CORPORATE_CA, EXPIRED_CA, SERVER_CERTIFICATE, busybox_applets, debian_like,
    debian_like_packages, debian_security_like, ubuntu_like,
};
pub use tarball::{Entry, EntryKind, tar};
pub use tls::{TLS_AUTHORITY, TLS_CLIENT, TLS_STRANGER, TlsFront};
pub use wheel::{WheelBuilder, zip};
