//! The subcommands, one file each, and what some of them share.

pub(crate) mod attach;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod debug;
pub(crate) mod diff;
mod ephemeral;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod manual;
mod program;
pub(crate) mod push;
pub(crate) mod rebuild;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sbom;
mod shared;
pub(crate) mod show;
pub(crate) mod sign;
pub(crate) mod vendor;
pub(crate) mod verify;
pub(crate) mod why;

use std::sync::Arc;

use distil_build::{
    ArchiveSettings, LockError, LockPath, RegistrySettings, Request, Session, SessionOptions,
    UsedLock, architecture, suite, user_archives,
};
use distil_debian::suite::Suite;
use distil_definition::Definition;
use distil_image::Built;
use distil_oci::{Compression, Registries};

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

/// The image that a word and the flags that change it name, with its lock.
pub(crate) fn request(
    word: &str,
    flags: &cli::Definition,
    lock: &cli::UseLock,
) -> Result<Request, CommandError> {
    request_with(word, changes(flags)?, lock)
}

/// The image that a word names, changed, with its lock.
pub(crate) fn request_with(
    word: &str,
    changes: Definition,
    lock: &cli::UseLock,
) -> Result<Request, CommandError> {
    let request = Request::find(word, changes)?;
    if lock.no_lock {
        return Ok(request);
    }
    let path = lock.lock.clone().or_else(|| request.lock_path());
    let Some(path) = path else {
        return match lock.locked {
            true => Err(LockError::NoPath {
                image: word.to_owned(),
            }
            .into()),
            false => Ok(request),
        };
    };
    match LockPath::find(&path)?.lock()? {
        Some(file) => Ok(request.with_lock(UsedLock {
            origin: path.display().to_string(),
            definition: word.to_owned(),
            file,
            is_strict: lock.locked,
        })),
        None if lock.locked || lock.lock.is_some() => Err(LockError::Missing {
            definition: word.to_owned(),
            path,
        }
        .into()),
        None => Ok(request),
    }
}

/// Says that an image is made from a lock, and of which archives of the user's settings it may have packages.
pub(crate) fn say_lock(request: &Request, printer: &Printer) {
    let of_user = user_archives().unwrap_or_default();
    let added = request
        .source
        .written_changes()
        .map(|changes| &changes.archives);
    for archive in added.into_iter().flatten() {
        if of_user.contains(&archive.sources) {
            printer.say(format_args!(
                "note: packages may be from the archives of `{}`, which your `config.yaml` names",
                archive.sources
            ));
        }
    }
    if let Some(used) = &request.lock {
        printer.say(format_args!(
            "note: the packages of `{}` are as `{}` pins them",
            used.definition, used.origin
        ));
    }
}

/// How layers are compressed; none if the flags do not say it.
pub(crate) fn compression(
    flags: &cli::LayerCompression,
) -> Result<Option<Compression>, CommandError> {
    let level = flags.compression_level;
    let within = |default: u8, last: u8, codec: &str| match level {
        None => Ok(default),
        Some(level) if (1..=last).contains(&level) => Ok(level),
        Some(level) => Err(CommandError::usage(format!(
            "{codec} has no compression level {level}; its levels are 1 to {last}"
        ))),
    };
    let codec = flags.compression.or(level.map(|_| cli::Codec::default()));
    let Some(codec) = codec else {
        return Ok(None);
    };
    Ok(Some(match codec {
        cli::Codec::Gzip => {
            let level = within(6, 12, "gzip")?;
            Compression::Gzip { level }
        }
        cli::Codec::Zstd => {
            let level = within(3, 22, "zstd")?;
            Compression::Zstd { level }
        }
        cli::Codec::None => match level {
            None => Compression::None,
            Some(_) => {
                let message = "`--compression-level` has no effect with `--compression none`";
                return Err(CommandError::usage(message));
            }
        },
    }))
}

/// Makes the image that a word names, to be looked at.
pub(crate) fn make_to_look_at(
    word: &str,
    definition: &cli::Definition,
    lock: &cli::UseLock,
    platform: Option<&str>,
    archive: &cli::Archive,
) -> Result<Built, CommandError> {
    let request = request(word, definition, lock)?;
    look_at(&request, suite(&definition.suite)?, platform, archive)
}

/// Makes one image of a request to be looked at.
pub(crate) fn look_at(
    request: &Request,
    suite: Suite,
    platform: Option<&str>,
    archive: &cli::Archive,
) -> Result<Built, CommandError> {
    let architecture = architecture(platform, suite)?;
    let printer = Arc::new(Printer::new(false));
    let session = session(archive, &printer)?;
    say_lock(request, &printer);
    let target = request.target(suite, architecture, session.now());
    let built = session.look_at(request, target);
    printer.finish();
    Ok(built?)
}
