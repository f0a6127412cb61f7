//! The subcommands, one file each, and what some of them share.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod manual;
pub(crate) mod platforms;
pub(crate) mod show;
pub(crate) mod why;

use std::time::{Duration, SystemTime};

use distil_debian::suite::Suite;
use distil_image::definition::is_file_name;
use distil_image::recipe::{Source, Target, Variant, lower};
use distil_image::{
    Architecture, BuildError, BuildOptions, Built, Draft, Made, Prepared, Resolution, build,
    prepare,
};
use distil_oci::Compression;

use self::platforms::architecture;
use crate::archive::{IDENTITY, Session, epoch, explain, threads};
use crate::changes::changes;
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;

/// What a word on the command line names: a definition, and which of its images.
pub(crate) struct Named {
    pub(crate) source: Source,
    pub(crate) variant: Variant,
}

impl Named {
    /// The image of this that is for a suite and an architecture.
    pub(crate) fn target(
        &self,
        suite: Suite,
        architecture: Architecture,
    ) -> Result<Target, CommandError> {
        Ok(Target {
            variant: self.variant,
            suite,
            architecture,
            now: now()?,
        })
    }
}

/// The time now, or `SOURCE_DATE_EPOCH` in its place.
pub(crate) fn now() -> Result<SystemTime, CommandError> {
    let epoch = epoch()?.and_then(|seconds| u64::try_from(seconds).ok());
    let epoch = epoch.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    Ok(epoch.unwrap_or_else(SystemTime::now))
}

/// The suite that is named.
pub(crate) fn suite(changes: &cli::Definition) -> Result<Suite, CommandError> {
    Suite::named(&changes.suite).map_err(|error| {
        let names = Suite::all().map(|suite| suite.codename);
        let nearest = distil_store::nearest(&changes.suite, names, 1);
        CommandError::usage(error).nearest(&nearest)
    })
}

/// Finds the packages of one image.
pub(crate) fn solve(
    named: &Named,
    target: Target,
    options: &BuildOptions,
    session: &Session,
    printer: &Printer,
) -> Result<Resolution, CommandError> {
    let recipe = lower(named.source.clone(), target).map_err(|error| explain(error.into()))?;
    let archive = session.archive(&recipe)?;
    let (store, fetcher) = (&session.store, &session.fetcher);
    distil_image::solve(&recipe, &archive, options, store, fetcher, printer).map_err(explain)
}

/// Does all of making one image but the compressing.
pub(crate) fn assemble(
    named: &Named,
    target: Target,
    options: &BuildOptions,
    session: &Session,
    printer: &Printer,
) -> Result<Prepared, CommandError> {
    let recipe = lower(named.source.clone(), target).map_err(|error| explain(error.into()))?;
    let archive = session.archive(&recipe)?;
    let (store, fetcher) = (&session.store, &session.fetcher);
    prepare(recipe, &archive, options, store, fetcher, printer).map_err(explain)
}

/// Makes one image.
fn make(
    named: &Named,
    target: Target,
    options: &BuildOptions,
    session: &Session,
    printer: &Printer,
) -> Result<Built, CommandError> {
    let prepared = assemble(named, target, options, session, printer)?;
    build(prepared, options, &session.store, printer).map_err(explain)
}

/// Makes the image that a word names, to be looked at.
pub(crate) fn make_to_look_at(
    word: &str,
    definition: &cli::Definition,
    platform: Option<&str>,
    archive: &cli::Archive,
) -> Result<Built, CommandError> {
    let named = find(word, definition)?;
    let suite = suite(definition)?;
    let architecture = architecture(platform, suite)?;
    let session = Session::open(archive)?;
    let printer = Printer::new(false);
    let options = BuildOptions {
        compression: Compression::Gzip { level: 6 },
        epoch: epoch()?,
        threads: threads(),
        program: IDENTITY,
    };
    let target = named.target(suite, architecture)?;
    let built = make(&named, target, &options, &session, &printer);
    printer.finish();
    built
}

/// Makes one image, or finds the one that was made of the same inputs unless it is to be made
/// anew. A new one has to pass its profile of `check`.
pub(crate) fn make_or_find(
    word: &str,
    named: &Named,
    target: Target,
    options: &BuildOptions,
    anew: bool,
    session: &Session,
    printer: &Printer,
) -> Result<Made, CommandError> {
    let recipe = lower(named.source.clone(), target).map_err(|error| explain(error.into()))?;
    let archive = session.archive(&recipe)?;
    let (store, fetcher) = (&session.store, &session.fetcher);
    let prove = |draft: Draft<'_>| check::prove(word, draft);
    distil_image::make(
        recipe, &archive, options, anew, store, fetcher, printer, prove,
    )
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        explain(error)
    }
}

/// Finds the definition that `word` names: `NAME`, `NAME:VARIANT`, `FILE.yaml`.
pub(crate) fn find(word: &str, flags: &cli::Definition) -> Result<Named, CommandError> {
    let (name, variant) = match word.rsplit_once(':') {
        Some((name, variant)) => {
            let variant = Variant::named(variant).map_err(|error| {
                let names = Variant::ALL.map(Variant::name);
                let nearest = distil_store::nearest(variant, names.into_iter(), 2);
                CommandError::usage(error).nearest(&nearest)
            })?;
            (name, variant)
        }
        None => (word, Variant::Latest),
    };
    let mut source = Source::find(name, None).map_err(|error| explain(error.into()))?;
    source.change(changes(flags)?);
    Ok(Named { source, variant })
}

/// Whether a word names a definition's file, or one of its variants.
pub(crate) fn is_definition(word: &str) -> bool {
    let name = word.rsplit_once(':').map_or(word, |(name, _)| name);
    is_file_name(word) || is_file_name(name)
}
