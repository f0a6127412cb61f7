//! The subcommands, one file each, and what some of them share.

pub(crate) mod build;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod show;

use distil_debian::suite::Suite;
use distil_image::recipe::{Source, Target, Variant};
use distil_image::{Architecture, BuildOptions, Built, build, prepare};
use distil_oci::Platform;

use crate::archive::{Session, explain};
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
    pub(crate) fn target(&self, suite: Suite, architecture: Architecture) -> Target {
        let variant = self.variant;
        Target {
            variant,
            suite,
            architecture,
        }
    }
}

/// The suite that is named.
pub(crate) fn suite(changes: &cli::Definition) -> Result<Suite, CommandError> {
    Suite::named(&changes.suite).map_err(|error| {
        let names = Suite::all().map(|suite| suite.codename);
        let nearest = distil_debian::index::nearest(&changes.suite, names, 1);
        CommandError::usage(error).nearest(&nearest)
    })
}

/// Makes one image.
pub(crate) fn make(
    named: &Named,
    target: Target,
    options: &BuildOptions,
    session: &Session,
    printer: &Printer,
) -> Result<Built, CommandError> {
    let archive = session.archive(target.suite, target.architecture.debian());
    let (store, fetcher) = (&session.store, &session.fetcher);
    let source = named.source.clone();
    prepare(source, target, &archive, options, store, fetcher, printer)
        .and_then(|prepared| build(prepared, options, store, printer))
        .map_err(explain)
}

/// Finds the definition that `word` names: `NAME`, `NAME:VARIANT`, `FILE.yaml`.
pub(crate) fn find(word: &str, changes: &cli::Definition) -> Result<Named, CommandError> {
    let (name, variant) = match word.rsplit_once(':') {
        Some((name, variant)) => {
            let variant = Variant::named(variant).map_err(|error| {
                let names = Variant::ALL.map(Variant::name);
                let nearest = distil_debian::index::nearest(variant, names.into_iter(), 2);
                CommandError::usage(error).nearest(&nearest)
            })?;
            (name, variant)
        }
        None => (word, Variant::Latest),
    };
    let mut source = Source::find(name, None).map_err(|error| explain(error.into()))?;
    source.add_packages(&changes.packages);
    if let Some(entrypoint) = &changes.entrypoint {
        let words = entrypoint.split_whitespace().map(str::to_owned).collect();
        source.definition.config.entrypoint = Some(words);
    }
    Ok(Named { source, variant })
}

/// The architectures of platforms as they are written; this machine's if none is.
pub(crate) fn architectures(platforms: &[String]) -> Result<Vec<Architecture>, CommandError> {
    if platforms.is_empty() {
        let host = Platform::host();
        return Ok(vec![Architecture::of(&host).map_err(|error| {
            CommandError::failure(error).hint("name one with `--platform`")
        })?]);
    }
    let mut found = Vec::new();
    for platform in platforms {
        if platform == "all" {
            return Ok(Architecture::all().collect());
        }
        let platform: Platform = platform.parse().map_err(CommandError::usage)?;
        let architecture = Architecture::of(&platform).map_err(CommandError::usage)?;
        if !found.contains(&architecture) {
            found.push(architecture);
        }
    }
    Ok(found)
}
