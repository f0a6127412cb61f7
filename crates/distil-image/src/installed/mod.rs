//! Packages in the full sense: what dpkg, apt and maintainer scripts leave behind when packages
//! are installed, made by code, so that apt goes on from there in a `dev` image.
//!
//! [`database`] is what dpkg knows, [`alternatives`] what update-alternatives knows, [`pam`]
//! what pam-auth-update makes, and [`system`] the files of base-files, base-passwd and others.

mod alternatives;
mod database;
mod input;
mod pam;
mod system;

use crate::generate::{certificates, loader_cache, mime, php, pixbuf};
use crate::generation::{GenerateError, Generation};

pub use database::watched;
pub(crate) use input::{Diverted, Installed};
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

/// Makes it all, in the current layer.
pub(crate) fn install(
    generation: &mut Generation<'_>,
    installed: &Installed<'_>,
) -> Result<(), GenerateError> {
    system::generate(generation, installed.contents)?;
    pam::generate(generation)?;
    certificates::generate(generation)?;
    loader_cache::generate(generation)?;
    php::generate(generation)?;
    pixbuf::generate(generation)?;
    mime::generate(generation)?;
    alternatives::generate(generation, installed.alternatives)?;
    database::generate(generation, installed)
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
