//! `distil build`: make images.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use distil_build::{
    ArchiveSettings, ImageRequest, NamePattern, RegistrySettings, Session, SessionOptions, absent,
    architectures, suite,
};
use distil_definition::recipe::Variant;
use distil_oci::{Compression, Location};

use super::request;
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::table::print;

pub(crate) fn run(arguments: &cli::Build) -> Result<(), CommandError> {
    // Everything that the command line says is made sense of before anything is done.
    let requests = requests(arguments)?;
    let options = SessionOptions {
        compression: compression(arguments)?,
        registries: RegistrySettings::from(&arguments.registry),
        ..SessionOptions::from_environment(ArchiveSettings::from(&arguments.archive))?
    };
    let printer = Arc::new(Printer::new(arguments.quiet));
    let session = Session::open(options)?.with_events(printer.clone());
    let suite = suite(&arguments.definition.suite)?;
    for one in absent(&arguments.platform, suite) {
        printer.say(format_args!(
            "note: {} has nothing for {}: {}",
            suite.codename, one.platform, one.why
        ));
    }
    let built = requests.iter().try_for_each(|request| {
        let is_archive = request.outputs.iter().any(is_standard_output);
        let outcome = session.build(request)?;
        // What follows the archive in a pipe would be taken for a part of it.
        match is_archive {
            true => printer.say(outcome.digest),
            false => print(outcome.digest)?,
        }
        Ok(())
    });
    // What a build that failed has put into the store counts, too.
    session.finish();
    built
}

/// Whether an archive is written to where the digest would be printed: `/dev/stdout`, or another
/// name of the same pipe.
fn is_standard_output(location: &Location) -> bool {
    let Some(path) = location.path() else {
        return false;
    };
    let output = io::stdout().as_fd().try_clone_to_owned();
    let output = output.and_then(|output| File::from(output).metadata());
    match (output, path.metadata()) {
        (Ok(output), Ok(found)) => {
            !found.is_file() && (output.dev(), output.ino()) == (found.dev(), found.ino())
        }
        _ => false,
    }
}

fn requests(arguments: &cli::Build) -> Result<Vec<ImageRequest>, CommandError> {
    let suite = suite(&arguments.definition.suite)?;
    if arguments.images.len() > 1 && !(arguments.tags.is_empty() && arguments.outputs.is_empty()) {
        let message = "`--tag` and `--output` are for one image, and there are several";
        return Err(CommandError::usage(message).hint("build them one after another"));
    }
    let architectures = architectures(&arguments.platform, suite)?;
    let mut requests = Vec::new();
    for word in &arguments.images {
        let request = request(word, &arguments.definition)?;
        let name = request.source.definition.name.clone();
        let references = match arguments.tags.is_empty() {
            true => vec![format!("{name}:{}", request.variant.name())],
            false => arguments.tags.clone(),
        };
        let names: Result<Vec<NamePattern>, _> =
            references.iter().map(|text| text.parse()).collect();
        let names = names.map_err(CommandError::usage)?;
        let outputs = match arguments.outputs.is_empty() {
            true => vec![default_output(&name, request.variant)],
            false => outputs(&arguments.outputs)?,
        };
        requests.push(ImageRequest {
            request,
            suite,
            architectures: architectures.clone(),
            names,
            outputs,
        });
    }
    // Better now than when other outputs are written already.
    for request in &requests {
        request.check()?;
    }
    Ok(requests)
}

fn compression(arguments: &cli::Build) -> Result<Compression, CommandError> {
    let level = arguments.compression_level;
    let within = |default: u8, last: u8, codec: &str| match level {
        None => Ok(default),
        Some(level) if (1..=last).contains(&level) => Ok(level),
        Some(level) => Err(CommandError::usage(format!(
            "{codec} has no compression level {level}; its levels are 1 to {last}"
        ))),
    };
    match arguments.compression {
        cli::Codec::Gzip => {
            let level = within(6, 12, "gzip")?;
            Ok(Compression::Gzip { level })
        }
        cli::Codec::Zstd => {
            let level = within(3, 22, "zstd")?;
            Ok(Compression::Zstd { level })
        }
        cli::Codec::None => match level {
            None => Ok(Compression::None),
            Some(_) => {
                let message = "`--compression-level` is of no use with `--compression none`";
                Err(CommandError::usage(message))
            }
        },
    }
}

fn default_output(name: &str, variant: Variant) -> Location {
    let file = match variant {
        Variant::Latest => format!("{name}.tar"),
        variant => format!("{name}-{}.tar", variant.name()),
    };
    Location::OciArchive {
        path: PathBuf::from(file),
        tag: None,
    }
}

fn outputs(words: &[String]) -> Result<Vec<Location>, CommandError> {
    let mut locations = Vec::new();
    for word in words {
        let location: Location = word.parse().map_err(CommandError::usage)?;
        locations.push(location);
    }
    Ok(locations)
}
