//! `distil lock`: pin every package of a definition, or move the pins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_build::{
    ArchiveSettings, BuildError, LockError, LockPath, LockRequest, PlatformChanges, Request,
    Session, SessionOptions, SourceNews, Update, UpdateChanges, UsedLock, architecture,
    architectures, package_changes, suite, write_lock,
};
use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_lock::file::LockFile;
use distil_oci::Platform;
use distil_tree::printable;
use serde::Serialize;

use super::{compression, diff};
use crate::changes::changes;
use crate::cli;
use crate::error::CommandError;
use crate::printer::{Printer, bytes};
use crate::table::{print, print_json, print_table, table};
use crate::view::View;

/// The platforms of a new lock, beside this machine's: those that nearly everybody runs.
const USUAL: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    lock: String,
    /// Whether the file is another one than before, or would be.
    changed: bool,
    written: bool,
    platforms: Vec<PlatformChanges>,
    /// With `--files`: what `distil diff` tells of the image before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<diff::Document>,
    /// With `--files`: what the new versions say of themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    news: Option<Vec<SourceNews>>,
    unlocked: Vec<Unlocked>,
}

#[derive(Serialize)]
struct Unlocked {
    platform: String,
    variant: &'static str,
    why: String,
}

pub(crate) fn run(arguments: &cli::Lock) -> Result<(), CommandError> {
    let (word, update) = words(arguments)?;
    let request = Request::find(&word, changes(&arguments.definition)?)?;
    let suite = suite(&arguments.definition.suite)?;
    let path = path(arguments, &word, &request)?;
    let on_disk = LockPath::find(&path)?;
    let old = on_disk.lock()?;
    if update != Update::Nothing && old.is_none() {
        let message = format!(
            "there is no lock to update: `{}` does not exist",
            path.display()
        );
        return Err(CommandError::usage(message).hint("leave `--update` out to make one"));
    }
    let architectures = platforms(&arguments.platform, suite, old.as_ref())?;
    let printer = Arc::new(Printer::new(arguments.quiet));
    let options = SessionOptions {
        compression: compression(&arguments.compression)?,
        ..SessionOptions::from_environment(ArchiveSettings::from(&arguments.archive))?
    };
    let session = Session::open(options)?.with_events(printer.clone());
    let looked_at = request.clone();
    let locked = session.lock(&LockRequest {
        request,
        suite,
        architectures,
        origin: path.display().to_string(),
        old: old.clone(),
        update,
        allow_older: arguments.allow_older,
    });
    printer.finish();
    if locked.is_err() {
        // What it has put into the store counts, too.
        session.finish();
    }
    let locked = locked?;
    let changes = match &old {
        Some(old) => package_changes(old, &locked.file),
        None => UpdateChanges::default(),
    };
    let changed = old.as_ref() != Some(&locked.file);
    let written = changed && !arguments.dry_run;
    let compared = match &old {
        Some(old) if arguments.with_files && changed => {
            let compared = compare_images(&session, &looked_at, &path, suite, old, &locked.file);
            printer.finish();
            compared?
        }
        _ => None,
    };
    let (images, news) = compared.unzip();
    if arguments.format == cli::Format::Json {
        if written {
            write_lock(&on_disk, &locked.file)?;
        }
        let unlocked = locked.unlocked.iter().map(|one| Unlocked {
            platform: one.platform.to_string(),
            variant: one.variant.name(),
            why: chain(&one.error),
        });
        print_json(&Document {
            schema_version: 1,
            lock: path.display().to_string(),
            changed,
            written,
            platforms: changes.platforms,
            images,
            news,
            unlocked: unlocked.collect(),
        })?;
    } else {
        for one in &locked.unlocked {
            printer.say(format_args!(
                "warning: `{}` is not locked for {}: {}",
                one.variant.name(),
                one.platform,
                chain(&one.error)
            ));
        }
        print_changes(&changes)?;
        print_news(news.as_deref().unwrap_or_default())?;
        if let Some(images) = &images {
            print("")?;
            diff::print_tables(images)?;
            print(format_args!(
                "\na machine that has the old image pulls {} for the new one",
                bytes(images.pull_size)
            ))?;
        }
        if written {
            write_lock(&on_disk, &locked.file)?;
        }
    }
    session.finish();
    say(&printer, &path, &locked.file, changed, written);
    match changed && arguments.dry_run {
        true => Err(CommandError::would_change()),
        false => Ok(()),
    }
}

/// The image, and which of its pins move. `--update` may have taken the image for a package.
fn words(arguments: &cli::Lock) -> Result<(String, Update), CommandError> {
    let mut names = arguments.update.clone().unwrap_or_default();
    let image = match &arguments.image {
        Some(image) => Some(image.clone()),
        None => names.pop(),
    };
    let Some(image) = image else {
        let message = "it is not said what to lock";
        return Err(CommandError::usage(message).hint("name a definition: `distil lock app.yaml`"));
    };
    let update = match &arguments.update {
        None => Update::Nothing,
        Some(_) if names.is_empty() => Update::All,
        Some(_) => Update::Packages(names.into_iter().collect()),
    };
    Ok((image, update))
}

fn path(arguments: &cli::Lock, word: &str, request: &Request) -> Result<PathBuf, CommandError> {
    let path = arguments.output.clone().or_else(|| request.lock_path());
    path.ok_or_else(|| {
        let message =
            format!("`{word}` is of the catalogue, and has no file that a lock lies beside");
        CommandError::usage(message).hint(format!("name one: `distil lock {word} -o {word}.lock`"))
    })
}

/// The architectures that are named, or else those of the lock, or else the usual ones.
fn platforms(
    named: &[String],
    suite: Suite,
    old: Option<&LockFile>,
) -> Result<Vec<Architecture>, CommandError> {
    if !named.is_empty() {
        return Ok(architectures(named, suite)?);
    }
    let platforms = match old {
        Some(old) => old
            .platforms
            .iter()
            .map(|one| one.platform.clone())
            .collect(),
        None => {
            let mut platforms = USUAL.map(str::to_owned).to_vec();
            let host = Platform::host();
            if Architecture::of(&host).is_ok() {
                platforms.push(host.to_string());
            }
            platforms
        }
    };
    Ok(architectures(&platforms, suite)?)
}

/// The image of the old lock beside that of the new one, on this machine's platform or else the
/// first, and what the new versions of its packages say of themselves. None where the definition changed so that the old lock does not fit it any more: then an
/// update is not all that changes.
fn compare_images(
    session: &Session,
    request: &Request,
    path: &Path,
    suite: Suite,
    old: &LockFile,
    new: &LockFile,
) -> Result<Option<(diff::Document, Vec<SourceNews>)>, CommandError> {
    let host = Platform::host().to_string();
    let both = new
        .platforms
        .iter()
        .filter(|one| old.platform(&one.platform).is_some());
    let mut names: Vec<&str> = both.map(|one| one.platform.as_str()).collect();
    names.sort_by_key(|name| *name != host);
    let Some(platform) = names.first().copied() else {
        return Ok(None);
    };
    let architecture = architecture(Some(platform), suite)?;
    let mut images = Vec::new();
    for file in [old, new] {
        let used = UsedLock {
            origin: path.display().to_string(),
            definition: request.word.clone(),
            file: file.clone(),
            is_strict: false,
        };
        let request = request.clone().with_lock(used);
        let target = request.target(suite, architecture, session.now());
        match session.look_at(&request, target) {
            Ok(built) => images.push(built),
            Err(BuildError::Lock(LockError::Misfit { .. })) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    let [old, new] = images.as_slice() else {
        return Ok(None);
    };
    let views = (View::of_built(old, true)?, View::of_built(new, true)?);
    let compared = diff::compare("locked", &views.0, "updated", &views.1);
    Ok(Some((compared, session.news(&old.lock, &new.lock))))
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

fn print_changes(changes: &UpdateChanges) -> Result<(), CommandError> {
    let absent = || "-".to_owned();
    for (number, platform) in changes.platforms.iter().enumerate() {
        if number > 0 {
            print("")?;
        }
        print(&platform.platform)?;
        let rows = platform.packages.iter().map(|one| {
            let security = if one.security { ", security" } else { "" };
            vec![
                one.name.clone(),
                one.change.to_owned() + security,
                one.old.clone().unwrap_or_else(absent),
                one.new.clone().unwrap_or_else(absent),
                one.suite.clone().unwrap_or_else(absent),
                one.layer.clone().unwrap_or_else(|| "dev".to_owned()),
                bytes(one.new_size),
            ]
        });
        let heading = ["PACKAGE", "CHANGE", "OLD", "NEW", "SUITE", "LAYER", "DEB"];
        print_table(&table(&heading, rows.collect(), &[6]))?;
    }
    Ok(())
}

/// The vulnerabilities that the new versions mend in a table, and under it what they say.
fn print_news(news: &[SourceNews]) -> Result<(), CommandError> {
    let told = || news.iter().filter(|one| !one.cves.is_empty());
    if told().next().is_some() {
        let rows = told().map(|one| vec![one.source.clone(), one.cves.join(", ")]);
        print("")?;
        print_table(&table(&["SOURCE", "CVE"], rows.collect(), &[]))?;
    }
    for one in news {
        let parts = [("news", &one.news), ("changelog", &one.changelog)];
        for (what, changes) in parts {
            for change in changes {
                print(format_args!(
                    "\n{} {} ({what}):",
                    one.source, change.version
                ))?;
                for line in change.text.lines() {
                    print(format_args!("  {}", printable(line.as_bytes())))?;
                }
            }
        }
    }
    Ok(())
}

fn say(printer: &Printer, path: &Path, file: &LockFile, changed: bool, written: bool) {
    let packages: usize = file.platforms.iter().map(|one| one.packages.len()).sum();
    let platforms: Vec<&str> = file
        .platforms
        .iter()
        .map(|one| one.platform.as_str())
        .collect();
    let path = path.display();
    match (changed, written) {
        (false, _) => printer.say(format_args!("`{path}` stays as it is")),
        (true, true) => printer.say(format_args!(
            "wrote `{path}`: {packages} packages for {}",
            platforms.join(", ")
        )),
        (true, false) => printer.say(format_args!("`{path}` would change")),
    }
}
