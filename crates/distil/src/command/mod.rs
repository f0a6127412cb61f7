//! The subcommands, one file each, and what some of them share.

pub(crate) mod build;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod show;

use distil_image::Architecture;
use distil_image::recipe::{Source, Variant};
use distil_oci::Platform;

use crate::cli;
use crate::error::CommandError;

/// What a word on the command line names: a definition, and which of its images.
pub(crate) struct Named {
    pub(crate) source: Source,
    pub(crate) variant: Variant,
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
    let mut source =
        Source::find(name, None).map_err(|error| crate::archive::explain(error.into()))?;
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
