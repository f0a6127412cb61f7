//! The subcommands, one file each, and what some of them share.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod manual;
pub(crate) mod push;
pub(crate) mod show;
pub(crate) mod why;

use std::sync::Arc;

use distil_build::{
    ArchiveSettings, RegistrySettings, Request, Session, SessionOptions, architecture, suite,
};
use distil_image::Built;
use distil_oci::Registries;

use crate::changes::changes;
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;

/// Opens a session whose events the printer tells.
pub(crate) fn session(
    archive: &cli::Archive,
    printer: &Arc<Printer>,
) -> Result<Session, CommandError> {
    let options = SessionOptions::from_environment(ArchiveSettings::from(archive))?;
    Ok(Session::open(options)?.with_events(printer.clone()))
}

/// How registries are reached where images are read without a session.
pub(crate) fn registries(archive: &cli::Archive, registry: &cli::Registry) -> Registries {
    RegistrySettings::from(registry).registries(&ArchiveSettings::from(archive))
}

/// The image that a word and the flags that change it name.
pub(crate) fn request(word: &str, flags: &cli::Definition) -> Result<Request, CommandError> {
    Ok(Request::find(word, changes(flags)?)?)
}

/// Makes the image that a word names, to be looked at.
pub(crate) fn make_to_look_at(
    word: &str,
    definition: &cli::Definition,
    platform: Option<&str>,
    archive: &cli::Archive,
) -> Result<Built, CommandError> {
    let request = request(word, definition)?;
    let suite = suite(&definition.suite)?;
    let architecture = architecture(platform, suite)?;
    let printer = Arc::new(Printer::new(false));
    let session = session(archive, &printer)?;
    let target = request.target(suite, architecture, session.now());
    let built = session.look_at(&request, target);
    printer.finish();
    Ok(built?)
}
