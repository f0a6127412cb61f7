//! The wheel of a distribution that fits a Python best.

use super::environment::Environment;
use super::lock::{Artifact, Distribution};
use super::name::Name;
use super::tag::{Tags, WheelName, WheelNameError};

/// Why no wheel of a distribution can be installed.
#[derive(Debug, thiserror::Error)]
pub enum NoWheel {
    /// There are wheels, and none is for this Python.
    #[error(
        "no wheel of `{name}` {version} fits {environment}: {}",
        listed(misfits)
    )]
    Misfit {
        /// The distribution.
        name: Name,
        /// Its version.
        version: String,
        /// For what a wheel was looked for.
        environment: Environment,
        /// The files, with why they do not fit.
        misfits: Vec<(String, String)>,
        /// Whether there is a source distribution, of which a wheel could be built.
        has_source: bool,
    },
    /// There is a source distribution alone.
    #[error(
        "`{name}` {version} has no wheel, only a source distribution, which would have to be built by running its code"
    )]
    SourceOnly {
        /// The distribution.
        name: Name,
        /// Its version.
        version: String,
    },
    /// The name of a file is none of a wheel.
    #[error("a wheel of `{name}` cannot be used")]
    Name {
        /// The distribution.
        name: Name,
        /// Why.
        source: WheelNameError,
    },
    /// A file is of another distribution than the lock says.
    #[error("the lock names `{file}` as a wheel of `{name}` {version}")]
    Other {
        /// The distribution.
        name: Name,
        /// Its version.
        version: String,
        /// The file.
        file: String,
    },
}

/// How many wheels that do not fit are named; numpy has some sixty.
const MAX_NAMED: usize = 6;

fn listed(misfits: &[(String, String)]) -> String {
    let named = misfits.iter().take(MAX_NAMED);
    let named: Vec<String> = named.map(|(file, why)| format!("`{file}` {why}")).collect();
    match misfits.len().saturating_sub(MAX_NAMED) {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    }
}

/// The wheel that fits best: by the order of tags, then the highest build number.
///
/// # Errors
/// If none fits.
pub fn choose<'a>(
    distribution: &'a Distribution,
    environment: &Environment,
) -> Result<&'a Artifact, NoWheel> {
    let tags = Tags::of(environment);
    let mut best = None;
    let mut misfits = Vec::new();
    for wheel in &distribution.wheels {
        let name = WheelName::parse(&wheel.file).map_err(|source| NoWheel::Name {
            name: distribution.name.clone(),
            source,
        })?;
        if name.name != distribution.name {
            return Err(NoWheel::Other {
                name: distribution.name.clone(),
                version: distribution.version.clone(),
                file: wheel.file.clone(),
            });
        }
        match name.fit(&tags) {
            Some(fit) => match &best {
                Some((known, _)) if *known <= fit => {}
                _ => best = Some((fit, wheel)),
            },
            None => {
                let (distance, why) = name.misfit(environment);
                misfits.push((distance, wheel.file.clone(), why));
            }
        }
    }
    if let Some((_, wheel)) = best {
        return Ok(wheel);
    }
    let (name, version) = (distribution.name.clone(), distribution.version.clone());
    misfits.sort();
    let misfits: Vec<_> = misfits
        .into_iter()
        .map(|(_, file, why)| (file, why))
        .collect();
    Err(match misfits.is_empty() {
        true => NoWheel::SourceOnly { name, version },
        false => NoWheel::Misfit {
            name,
            version,
            environment: environment.clone(),
            misfits,
            has_source: distribution.has_source,
        },
    })
}
