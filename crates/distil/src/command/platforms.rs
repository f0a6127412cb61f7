//! Images for several platforms: which those are, and that all of them can be made, from the same
//! sources, before any of them is.

use distil_debian::suite::Suite;
use distil_image::{Architecture, BuildOptions, Resolution};
use distil_oci::Platform;

use super::{Named, solve};
use crate::archive::Session;
use crate::error::CommandError;
use crate::printer::Printer;

/// The architectures of platforms as they are written; this machine's if none is. `all` means
/// those that the suite has packages for.
pub(crate) fn architectures(
    platforms: &[String],
    suite: Suite,
) -> Result<Vec<Architecture>, CommandError> {
    if platforms.is_empty() {
        let host = Platform::host();
        return Ok(vec![Architecture::of(&host).map_err(|error| {
            CommandError::failure(error).hint("name one with `--platform`")
        })?]);
    }
    let mut found = Vec::new();
    for platform in platforms {
        if platform == "all" {
            return Ok(Architecture::of_suite(suite).collect());
        }
        let platform: Platform = platform.parse().map_err(CommandError::usage)?;
        let architecture = Architecture::of(&platform).map_err(CommandError::usage)?;
        if !found.contains(&architecture) {
            found.push(architecture);
        }
    }
    Ok(found)
}

/// The architecture of one platform; this machine's if none is named.
pub(crate) fn architecture(
    platform: Option<&str>,
    suite: Suite,
) -> Result<Architecture, CommandError> {
    let platforms: Vec<String> = platform.map(str::to_owned).into_iter().collect();
    match *architectures(&platforms, suite)?.as_slice() {
        [one] => Ok(one),
        _ => {
            let message = "one image is looked at, and `all` names several platforms";
            Err(CommandError::usage(message).hint("name one with `--platform`"))
        }
    }
}

/// What `all` leaves out in a suite, to be said; nothing if it is not asked for.
pub(crate) fn left_out(platforms: &[String], suite: Suite) -> Vec<String> {
    if !platforms.iter().any(|platform| platform == "all") {
        return Vec::new();
    }
    let notes = Architecture::all().filter_map(|one| {
        let why = suite.lacks(one.debian())?;
        let platform = one.platform();
        Some(format!(
            "note: {} has nothing for {platform}: {why}",
            suite.codename
        ))
    });
    notes.collect()
}

/// Finds the packages for every platform before anything is fetched: an image is published for
/// all that were asked for, or for none.
pub(crate) fn check(
    word: &str,
    named: &Named,
    suite: Suite,
    architectures: &[Architecture],
    options: &BuildOptions,
    session: &Session,
    printer: &Printer,
) -> Result<(), CommandError> {
    let mut resolutions = Vec::new();
    let mut failures = Vec::new();
    for architecture in architectures {
        let target = named.target(suite, *architecture)?;
        match solve(named, target, options, session, printer) {
            Ok(resolution) => resolutions.push((*architecture, resolution)),
            Err(error) => failures.push((*architecture, error)),
        }
    }
    if !failures.is_empty() {
        return Err(failed(word, architectures, failures));
    }
    let resolutions: Vec<_> = resolutions.iter().map(|(one, all)| (*one, all)).collect();
    agree(word, &resolutions)
}

/// What is said when some of the platforms cannot be made: which, why, and how to have the others.
pub(crate) fn failed(
    word: &str,
    architectures: &[Architecture],
    mut failures: Vec<(Architecture, CommandError)>,
) -> CommandError {
    let (status, hints) = match failures.first() {
        Some((_, first)) => (
            first.status(),
            failures.iter().flat_map(|(_, one)| one.hints()),
        ),
        None => return CommandError::failure("no platform was made"),
    };
    let mut all_hints: Vec<String> = Vec::new();
    for hint in hints {
        if !all_hints.contains(hint) {
            all_hints.push(hint.clone());
        }
    }
    let messages: Vec<String> = failures.iter().map(|(_, error)| error.message()).collect();
    let is_same = messages.iter().all(|message| *message == messages[0]);
    if is_same && failures.len() == architectures.len() {
        // Nothing that has to do with a platform.
        return failures.swap_remove(0).1;
    }
    let mut text = format!(
        "`{word}` cannot be made for {} of {} platforms, and is made for none then",
        failures.len(),
        architectures.len()
    );
    for ((architecture, _), message) in failures.iter().zip(&messages) {
        let message = message.trim_end().replace('\n', "\n  ");
        text += &format!("\n  {}: {message}", architecture.platform());
    }
    let is_good = |one: &&Architecture| !failures.iter().any(|(failed, _)| failed == *one);
    let good: Vec<String> = architectures
        .iter()
        .filter(is_good)
        .map(|one| one.platform().to_string())
        .collect();
    if !good.is_empty() {
        all_hints.push(format!("`--platform {}` makes the others", good.join(",")));
    }
    let error = match status {
        2 => CommandError::usage(text),
        _ => CommandError::failure(text),
    };
    all_hints.into_iter().fold(error, CommandError::hint)
}

/// The platforms of one image must be made from the same sources: their binary versions may
/// differ by a rebuild, but not by what was fixed.
pub(crate) fn agree(
    word: &str,
    resolutions: &[(Architecture, &Resolution)],
) -> Result<(), CommandError> {
    let Some(((first, packages), others)) = resolutions.split_first() else {
        return Ok(());
    };
    for (_, one) in packages.packages() {
        let package = &one.package;
        for (other, resolution) in others {
            let mut theirs = resolution.packages().map(|(_, one)| &one.package);
            if let Some(theirs) = theirs.find(|one| one.name == package.name)
                && theirs.source != package.source
            {
                let message = format!(
                    "the platforms of `{word}` do not agree on `{}`: {} has source {}, {} has {}",
                    package.name,
                    first.platform(),
                    package.source,
                    other.platform(),
                    theirs.source,
                );
                let hint = "the archive is still building it for one of them; build that platform \
                            alone, or try again later";
                return Err(CommandError::failure(message).hint(hint));
            }
        }
    }
    Ok(())
}
