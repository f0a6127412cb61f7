//! Packages in the full sense: what dpkg, apt and maintainer scripts leave behind when packages
//! are installed, made by code, so that apt goes on from there in a `dev` image.
//!
//! [`database`] is what dpkg knows, [`alternatives`] what update-alternatives knows, [`pam`]
//! what pam-auth-update makes, and [`system`] the files of base-files, base-passwd and others.

mod alternatives;
mod database;
mod pam;
mod system;

use crate::assemble::LeftOut;
use crate::generate::{GenerateError, Generation, generate_common};
use distil_lock::Contents;
use distil_maintscript::alternatives::Alternative;

pub use database::watched;
pub use pam::pam_configurations;
pub(crate) use system::masters;

/// Packages of which everything is made here that their scripts would do, and what that is.
pub(crate) const MADE: &[(&str, &str)] = &[
    ("debianutils", "the list of shells is made by distil"),
    ("dpkg", "its database is made by distil"),
    (
        "libpam-runtime",
        "the configuration of PAM is made by distil",
    ),
    (
        "python3",
        "nothing is there yet that it would bring up to date",
    ),
];

/// A diversion: from, to, and the package that keeps its own file.
pub(crate) type Diverted = (String, String, Option<String>);

/// What is known of the packages beside the tree.
pub(crate) struct Installed<'a> {
    /// What they ship.
    pub(crate) contents: &'a Contents,
    /// What of that is not in the tree.
    pub(crate) left_out: &'a [LeftOut],
    /// The choices that they provide.
    pub(crate) alternatives: &'a [Alternative],
    /// What they move out of their way.
    pub(crate) diversions: &'a [Diverted],
}

/// Makes it all, in the current layer.
pub(crate) fn install(
    generation: &mut Generation<'_>,
    installed: &Installed<'_>,
) -> Result<(), GenerateError> {
    system::generate(generation, installed.contents)?;
    pam::generate(generation)?;
    generate_common(generation)?;
    alternatives::generate(generation, installed.alternatives)?;
    database::generate(generation, installed)
}

#[cfg(test)]
mod tests;
