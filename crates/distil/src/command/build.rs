//! `distil build`: make images.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use distil_build::{
    ArchiveSettings, CacheSettings, DefaultName, ImageRequest, NamePattern, Outcome,
    RegistrySettings, Request, Session, SessionOptions, absent, architectures, suite,
};
use distil_check::Severity;
use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_oci::Location;
use distil_store::unfinished::ScratchDirectory;
use serde::Serialize;

use super::attach::Attachments;
use super::program::ProgramImage;
use super::{compression, diff, request, say_lock, sbom, shared};
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::recorder::{Kept, Output, Recorder, Told};
use crate::report::{Entry, Report, Subject};
use crate::table::{print, print_json};
use crate::view::View;

pub(crate) fn run(arguments: &cli::Build) -> Result<(), CommandError> {
    let mut document = Document::default();
    let mut report = Report {
        command: "build",
        fail_on: Severity::Error,
        subjects: Vec::new(),
    };
    let outcome = build(arguments, &mut document, &mut report);
    if let Err(error) = &outcome {
        document.error = Some(error.text());
        // What cannot be read or is not there has no subject yet.
        if report.subjects.is_empty() {
            let words = arguments.images.iter();
            report.subjects.extend(words.map(|word| Subject::of(word)));
        }
        if let Some(last) = report.subjects.last_mut() {
            last.entries.extend(Entry::failure(error));
        }
    }
    match arguments.format {
        cli::ReportFormat::Table => {}
        cli::ReportFormat::Json => print_json(&document)?,
        format => report.print(format)?,
    }
    outcome
}

/// Builds the images one after another, and notes what came of each.
fn build(
    arguments: &cli::Build,
    document: &mut Document,
    report: &mut Report,
) -> Result<(), CommandError> {
    // Everything that the command line says is made sense of before anything is done.
    let program = ProgramImage::of(arguments)?;
    let shard = shared::shard(&arguments.share)?;
    let requests = match &program {
        Some(_) => Vec::new(),
        None => requests(arguments)?,
    };
    let (mut requests, skipped) = shared::divided(requests, shard);
    let attachments = Attachments::of(&arguments.attach)?;
    for request in &requests {
        attachments.check(request)?;
    }
    let options = SessionOptions {
        compression: compression(&arguments.compression)?,
        registries: RegistrySettings::from(&arguments.registry),
        cache: CacheSettings {
            shard: shard.map(|shard| (shard, arguments.share.longest_wait())),
            ..shared::cache(&arguments.cache, &arguments.attach.signing)?
        },
        ..SessionOptions::from_environment(ArchiveSettings::from(&arguments.archive))?
    };
    let printer = Arc::new(Printer::new(arguments.quiet));
    let recorder = Arc::new(Recorder::new(printer.clone()));
    let session = Session::open(options.clone())?.with_events(recorder.clone());
    let suite = suite(&arguments.definition.suite)?;
    for one in absent(&arguments.platform, suite) {
        let (name, platform, why) = (suite.codename, one.platform, one.why);
        let message = format!("{name} has no packages for {platform}: {why}");
        recorder.note("platform-missing", message);
    }
    if !skipped.is_empty() {
        let names = skipped.join("`, `");
        recorder.note(
            "other-shard",
            format!("`{names}` are in other parts, and were skipped"),
        );
    }
    let before = recorder.take().warnings;
    document.warnings.extend(before);
    if let Some(program) = &program {
        let request = program.request(&session, &printer)?;
        requests.push(request);
        check_outputs(arguments, &requests)?;
    }
    let built = requests.iter().try_for_each(|request| {
        say_lock(&request.request, &printer);
        report.subjects.push(Subject::of(&request.request.word));
        let outcome = session.build_attested(request, Some(attachments.attestations()));
        let outcome = outcome.map_err(CommandError::from).and_then(|outcome| {
            sbom::write_outputs(&arguments.sbom, &session, request, &outcome)?;
            attachments.write_vex(&session, request, &outcome)?;
            Ok(outcome)
        });
        let kept = recorder.take();
        if let Some(subject) = report.subjects.last_mut() {
            let entries = kept.warnings.iter();
            let entries = entries.map(|one| Entry::warning(one.code, one.message.clone()));
            subject.entries.extend(entries);
        }
        let outcome = outcome?;
        if arguments.check {
            check_again(&session, &options, request, &outcome)?;
            printer.finish();
        }
        let image = BuiltImage::of(request, &outcome, kept);
        if let Some(subject) = report.subjects.last_mut() {
            subject.digest = Some(image.digest.clone());
            subject.platform = Some(image.platforms());
            subject.is_checked = true;
        }
        match arguments.format {
            // What follows the archive in a pipe would be taken for a part of it.
            cli::ReportFormat::Table if request.outputs.iter().any(is_standard_output) => {
                printer.say(&image.digest);
            }
            cli::ReportFormat::Table if arguments.quiet => print(&image.digest)?,
            cli::ReportFormat::Table => print(image.line())?,
            _ => {}
        }
        document.images.push(image);
        Ok(())
    });
    // What a build that failed has put into the store counts, too.
    session.finish();
    document.warnings.extend(recorder.take().warnings);
    built
}

/// Makes an image again, under other conditions, and compares it byte by byte.
fn check_again(
    session: &Session,
    options: &SessionOptions,
    request: &ImageRequest,
    outcome: &Outcome,
) -> Result<(), CommandError> {
    let empty = ScratchDirectory::new().map_err(CommandError::failure)?;
    let threads = match options.threads {
        NonZeroUsize::MIN => NonZeroUsize::MIN.saturating_add(1),
        _ => NonZeroUsize::MIN,
    };
    let mut other = SessionOptions {
        threads,
        cache: CacheSettings::default(),
        ..options.clone()
    };
    other.archive.store = Some(empty.path().to_owned());
    let other = Session::open(other)?.with_packages_of(session.store().clone());
    for (architecture, first) in request.architectures.iter().zip(&outcome.images) {
        let target = |session: &Session| {
            let now = session.now();
            request.request.target(request.suite, *architecture, now)
        };
        let second = other.make(&request.request, target(&other), true)?;
        if second.finished.image.digest() == first.finished.image.digest() {
            continue;
        }
        let word = &request.request.word;
        let platform = architecture.platform();
        if let Some(built) = &second.built {
            let first = session.look_at(&request.request, target(session))?;
            let (old, new) = (View::of_built(&first, true)?, View::of_built(built, true)?);
            diff::print_tables(&diff::compare("first", &old, "second", &new))?;
        }
        let message = format!("`{word}` for {platform} was made twice, and the bytes differ");
        return Err(CommandError::failure(message));
    }
    Ok(())
}

/// The result for programs; docs/json.md tells what the fields mean.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    images: Vec<BuiltImage>,
    warnings: Vec<Told>,
    error: Option<String>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            schema_version: 1,
            images: Vec::new(),
            warnings: Vec::new(),
            error: None,
        }
    }
}

/// An image that was built.
#[derive(Serialize)]
struct BuiltImage {
    name: String,
    references: Vec<String>,
    suite: &'static str,
    digest: String,
    size: u64,
    platforms: Vec<BuiltPlatform>,
    outputs: Vec<Output>,
    warnings: Vec<Told>,
}

/// Its image for one platform.
#[derive(Serialize)]
struct BuiltPlatform {
    platform: String,
    digest: String,
    size: u64,
}

impl BuiltImage {
    fn of(request: &ImageRequest, outcome: &Outcome, mut kept: Kept) -> Self {
        let place = |output: &Output| {
            let mut outputs = request.outputs.iter();
            outputs.position(|one| one.to_string() == output.location)
        };
        kept.outputs.sort_by_key(place);
        let platforms = outcome.images.iter().map(|one| BuiltPlatform {
            platform: one.finished.image.platform().to_string(),
            digest: one.finished.image.digest().to_string(),
            size: one.finished.image.size(),
        });
        let platforms: Vec<BuiltPlatform> = platforms.collect();
        let definition = &request.request.source.definition.name;
        Self {
            name: format!("{definition}:{}", request.request.variant.name()),
            references: outcome.references.iter().map(ToString::to_string).collect(),
            suite: request.suite.codename,
            digest: outcome.digest.to_string(),
            size: platforms.iter().map(|one| one.size).sum(),
            platforms,
            outputs: kept.outputs,
            warnings: kept.warnings,
        }
    }

    /// `linux/amd64,linux/arm64`.
    fn platforms(&self) -> String {
        let platforms = self.platforms.iter().map(|one| one.platform.as_str());
        platforms.collect::<Vec<_>>().join(",")
    }

    /// The line for people, and for scripts that take its last word.
    fn line(&self) -> String {
        let name = self.references.first().unwrap_or(&self.name);
        let platforms = self.platforms();
        format!("{name} {platforms} {} {}", self.suite, self.digest)
    }
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
        let message = "`--tag` and `--output` apply to one image, but several are named";
        return Err(CommandError::usage(message).hint("build them one after another"));
    }
    let architectures = architectures(&arguments.platform, suite)?;
    let mut requests = Vec::new();
    for word in &arguments.images {
        let request = request(word, &arguments.definition, &arguments.lock)?;
        let name = DefaultName::of(&request, suite, &architectures);
        requests.push(image_request(
            arguments,
            request,
            suite,
            architectures.clone(),
            &name,
        )?);
    }
    check_outputs(arguments, &requests)?;
    Ok(requests)
}

/// Refuses outputs that would be written over one another.
fn check_outputs(arguments: &cli::Build, requests: &[ImageRequest]) -> Result<(), CommandError> {
    let documents = arguments.format != cli::ReportFormat::Table;
    let mut outputs = requests.iter().flat_map(|request| &request.outputs);
    if documents && outputs.any(is_standard_output) {
        let message = "an archive and the document of `--format` cannot both be on stdout";
        return Err(CommandError::usage(message));
    }
    sbom::check_outputs(&arguments.sbom, requests)?;
    // Better now than when other outputs are written already.
    for (number, request) in requests.iter().enumerate() {
        request.check()?;
        let before = requests.iter().take(number);
        let same = |other: &&ImageRequest| {
            other.request.word != request.request.word && other.outputs == request.outputs
        };
        if let (Some(other), Some(output)) =
            (before.into_iter().find(same), request.outputs.first())
        {
            let (first, second) = (&other.request.word, &request.request.word);
            let message = format!("`{first}` and `{second}` would both be written to `{output}`");
            return Err(CommandError::usage(message)
                .hint("build them one after another, with an `--output` each"));
        }
    }
    Ok(())
}

/// An image with the names and outputs that the arguments say, or else by its default name.
pub(super) fn image_request(
    arguments: &cli::Build,
    request: Request,
    suite: Suite,
    architectures: Vec<Architecture>,
    name: &DefaultName,
) -> Result<ImageRequest, CommandError> {
    let names: Vec<NamePattern> = match arguments.tags.is_empty() {
        true => vec![NamePattern::from(
            &name.reference().map_err(CommandError::usage)?,
        )],
        false => {
            let names = arguments.tags.iter().map(|text| text.parse());
            let names: Result<_, _> = names.collect();
            names.map_err(CommandError::usage)?
        }
    };
    let outputs = match arguments.outputs.is_empty() {
        true => vec![name.archive()],
        false => outputs(&arguments.outputs)?,
    };
    Ok(ImageRequest {
        request,
        suite,
        architectures,
        names,
        outputs,
    })
}

fn outputs(words: &[String]) -> Result<Vec<Location>, CommandError> {
    let mut locations = Vec::new();
    for word in words {
        let location: Location = word.parse().map_err(CommandError::usage)?;
        locations.push(location);
    }
    Ok(locations)
}
