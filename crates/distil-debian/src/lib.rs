//! Debian's archives: indexes, versions, relations, solving, and the packages themselves.
//!
//! Data goes one way: the text of a `Packages` file is read by [`control`], each stanza becomes
//! a [`package::BinaryPackage`], many of them an [`index::PackageIndex`], and [`solve`] picks
//! from the index what a request needs.

pub mod archive;
pub mod changelog;
pub mod contents;
pub mod control;
pub mod copyright;
mod date;
pub mod deb;
pub mod distribution;
pub mod end_of_life;
pub mod fetch;
pub mod index;
pub mod openpgp;
pub mod package;
pub mod relation;
pub mod release;
pub mod solve;
pub mod sources;
pub mod suite;
pub mod version;
