//! What is said while a command works: on stderr, and moving only on a terminal.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use distil_attest::key::PublicKey;
use distil_attest::sign::Signed;
use distil_build::{Event, Events, Pushed, Warning};
use distil_oci::Location;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{log, terminal};

/// Speaks to the user while an image is made.
pub(crate) struct Printer {
    quiet: bool,
    /// Whether steps are shown while they last.
    is_shown: bool,
    /// Whether what moves does so by itself.
    moves: bool,
    bar: Mutex<ProgressBar>,
    /// The warnings so far.
    said: Mutex<BTreeSet<String>>,
}

impl Printer {
    pub(crate) fn new(quiet: bool) -> Self {
        let is_shown = !quiet && !log::is_on();
        Self {
            quiet,
            is_shown,
            // A thread does it, and without one to spare `indicatif` panics.
            moves: is_shown
                && std::io::stderr().is_terminal()
                && thread::Builder::new().spawn(|| ()).is_ok(),
            bar: Mutex::new(ProgressBar::hidden()),
            said: Mutex::default(),
        }
    }

    /// Says something that stays on the screen.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.with(|bar| bar.suspend(|| terminal::say(format_args!("{text}\n"))));
        }
    }

    /// Takes what moves off the screen.
    pub(crate) fn finish(&self) {
        self.with(|bar| bar.finish_and_clear());
    }

    fn with(&self, act: impl FnOnce(&mut ProgressBar)) {
        act(&mut self.bar.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Events for Printer {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::ReadingArchive => self.step("reading the archive"),
            Event::Snapshot { moment } => self.say_once(format!(
                "using Debian's archive as it was at {moment}; whether a Release is expired is \
                 judged at that moment"
            )),
            Event::ReadingContents => self.step("reading the archive's index of contents"),
            Event::Solving => self.step("solving"),
            Event::Fetching { packages, bytes } => {
                self.amount(&format!("{packages} packages"), bytes);
            }
            Event::Fetched { bytes, .. } => self.with(|bar| bar.inc(bytes)),
            Event::Downloading { url } => self.step(&format!("downloading {url}")),
            Event::Assembling => self.step("assembling"),
            Event::Compressing => self.step("compressing"),
            Event::Awaiting { definition } => {
                self.step(&format!(
                    "waiting for the layers of `{definition}` from another part"
                ));
            }
            Event::Idle => self.finish(),
            Event::Unchanged {
                reference,
                location,
            } => self.say(format_args!("{reference} is in {location} already")),
            Event::Wrote {
                reference,
                location,
                bytes: size,
                replaced,
            } => {
                let (size, end) = (
                    bytes(size),
                    if replaced {
                        ", replacing an older file"
                    } else {
                        ""
                    },
                );
                self.say(format_args!(
                    "wrote {reference} to {location} ({size}){end}"
                ));
            }
            Event::WroteRoot {
                name,
                location,
                files,
                bytes: size,
            } => self.say(format_args!(
                "wrote the files of {name} to {location} ({files} files, {})",
                bytes(size)
            )),
            Event::Pushing { blobs, bytes } => self.amount(&format!("{blobs} blobs"), bytes),
            Event::BlobPushed { bytes } => self.with(|bar| bar.inc(bytes)),
            Event::Pushed { location, pushed } => self.say(in_registry(location, pushed)),
            Event::Attached {
                predicate_type,
                place,
                platform,
                is_signed,
            } => {
                let how = match is_signed {
                    true => "attached and signed",
                    false => "attached",
                };
                let place = repository(place);
                self.say(format_args!(
                    "{how} {predicate_type} to {place} for {platform}"
                ));
            }
            Event::Signed { place, key, signed } => {
                for line in signatures(place, key, signed) {
                    self.say(line);
                }
            }
            Event::Warning(warning) => self.warn(&warning),
            _ => {}
        }
    }
}

impl Printer {
    fn step(&self, what: &str) {
        if !self.is_shown {
            return;
        }
        self.with(|bar| {
            // A bar of what came before would stand there full.
            bar.finish_and_clear();
            *bar = ProgressBar::new_spinner().with_message(what.to_owned());
            if self.moves {
                bar.enable_steady_tick(Duration::from_millis(100));
            }
        });
    }

    fn amount(&self, what: &str, bytes: u64) {
        if !self.is_shown {
            return;
        }
        self.with(|bar| {
            bar.finish_and_clear();
            *bar = ProgressBar::new(bytes).with_message(what.to_owned());
            let template = "{msg} {bar:30} {bytes}/{total_bytes}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        });
    }

    /// Says what each platform of an image finds anew.
    fn say_once(&self, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(text.clone()) {
            self.say(text);
        }
    }

    fn warn(&self, warning: &Warning<'_>) {
        let text = format!("{}: {}", word(warning), message(warning));
        match warning {
            Warning::Release(_)
            | Warning::StrictlyRefused { .. }
            | Warning::InstallScripts { .. }
            | Warning::LockDiffers { .. } => {
                self.say_once(text);
            }
            _ => self.say(text),
        }
    }
}

/// How bad a warning is, in a word.
fn word(warning: &Warning<'_>) -> &'static str {
    match warning {
        Warning::Release(_)
        | Warning::ScriptsNotRun { .. }
        | Warning::InstallScripts { .. }
        | Warning::StrictlyRefused { .. }
        | Warning::LockDiffers { .. } => "warning",
        _ => "note",
    }
}

/// A number of packages.
fn counted_packages(count: usize) -> String {
    match count {
        1 => "1 package".to_owned(),
        count => format!("{count} packages"),
    }
}

/// What a warning says.
pub(crate) fn message(warning: &Warning<'_>) -> String {
    match warning {
        Warning::Zstd => {
            "before version 23, not every Docker loads layers compressed by zstd".to_owned()
        }
        Warning::ScriptsNotRun { packages } => {
            format!(
                "maintainer scripts of {} ({}) were not run, and not all that they do was \
                 done; `distil show` with the same arguments lists it",
                counted_packages(packages.len()),
                first_names(packages)
            )
        }
        Warning::InstallScripts { packages } => format!(
            "install scripts of {} ({}) were not run, and nothing prebuilt comes with {}; if one compiles or \
             downloads something, use a version that brings it prebuilt, or install it in the image's `dev` \
             variant and copy it with your own code",
            counted_packages(packages.len()),
            first_names(packages),
            if packages.len() == 1 { "it" } else { "them" },
        ),
        Warning::OwnersNotKept => {
            "all files are owned by you, since only root can give them other owners".to_owned()
        }
        Warning::StoreReadOnly { root } => format!(
            "the store `{}` is read-only, so results are not kept",
            root.display()
        ),
        Warning::StoreDamaged { files: 1 } => {
            "a file of the store was damaged, and was made again".to_owned()
        }
        Warning::StoreDamaged { files } => {
            format!("{files} files of the store were damaged, and were made again")
        }
        Warning::Release(warning) => warning.to_string(),
        Warning::StrictlyRefused { file, refusal } => format!(
            "Python 3.13 and later, and other programs that check strictly, refuse the certificate \
             `{}` of `{file}`: it {}",
            refusal.subject, refusal.problem
        ),
        Warning::LockDiffers { lock, change } => format!(
            "the definition is not quite the one that `{lock}` was made of, though its packages are: \
             {change}"
        ),
        Warning::CacheUnused { repository, error } => {
            let causes =
                std::iter::successors(Some(*error as &dyn std::error::Error), |one| one.source());
            let causes: Vec<String> = causes.map(ToString::to_string).collect();
            format!(
                "the cache `{repository}` is not used: {}",
                causes.join(": ")
            )
        }
        Warning::LayersLate { definition } => format!(
            "the layers of `{definition}`, which another part has, are not in the cache after the time \
             of `--shard-wait`, and are made here"
        ),
        Warning::StoreNotPruned { error } => {
            format!("failed to evict entries of the store: {error}")
        }
        other => other.code().to_owned(),
    }
}

/// The first few of some names, in a message.
fn first_names(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = names.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let first: Vec<String> = first.collect();
    match names.len() > SHOWN {
        true => format!("{} and {} more", first.join(", "), names.len() - SHOWN),
        false => first.join(", "),
    }
}

/// What was done to have an image in a registry.
/// A repository or a layout, as it is named where nothing is said of a tag.
fn repository(place: &Location) -> String {
    match place {
        Location::Registry(reference) => reference.repository().to_string(),
        other => other.to_string(),
    }
}

/// What is said of signatures that were made, and of those that were there.
fn signatures(place: &Location, key: &PublicKey, signed: &[Signed]) -> Vec<String> {
    let (old, new): (Vec<&Signed>, Vec<&Signed>) = signed.iter().partition(|one| one.was_there);
    let by = format!("by the {} key {}", key.algorithm(), key.fingerprint());
    let counted = |count| match count {
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    };
    let mut lines = Vec::new();
    if !new.is_empty() {
        lines.push(format!("signed {place} {by}: {}", counted(new.len())));
    }
    if !old.is_empty() {
        let count = counted(old.len());
        lines.push(format!("{place} is signed already {by}: {count}"));
    }
    lines
}

fn in_registry(location: &Location, pushed: &Pushed) -> String {
    let tags: Vec<String> = pushed.tags.iter().map(|tag| format!("`{tag}`")).collect();
    let tags = match tags.is_empty() {
        true => String::new(),
        false => format!(" as {}", tags.join(", ")),
    };
    if pushed.uploaded + pushed.mounted == 0 && !pushed.moved {
        return format!("{location} has it already{tags}");
    }
    let blobs = pushed.uploaded + pushed.mounted + pushed.present;
    let mounted = match pushed.mounted {
        0 => String::new(),
        mounted => format!(", {mounted} taken from another repository"),
    };
    format!(
        "pushed to {location}{tags}: {} of {blobs} blobs sent ({}){mounted}",
        pushed.uploaded,
        bytes(pushed.bytes)
    )
}

/// Bytes as people read them: `15.9 MB`.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to three digits")]
    let count = count as f64;
    match count {
        count if count < 1e3 => format!("{count} B"),
        count if count < 1e6 => format!("{:.1} kB", count / 1e3),
        count if count < 1e9 => format!("{:.1} MB", count / 1e6),
        count => format!("{:.1} GB", count / 1e9),
    }
}
