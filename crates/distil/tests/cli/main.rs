//! The command itself, over a miniature archive that the tests make and sign: no network, no
//! engines.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_definitions;
mod bad_mirrors;
mod bad_packages;
mod context;
mod images;
mod interrupted;
mod outputs;
mod reproducible;
