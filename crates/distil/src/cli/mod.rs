//! The command line, as it is written. Commands make sense of it.

mod attach;
mod build;
mod cache;
mod certificates;
mod check;
mod debug;
mod documents;
mod format;
mod lock;
mod push;
mod rebuild;
mod report;
mod request;
mod run;
mod sbom;
mod shared;
mod sign;
mod vendor;
mod view;

use std::path::PathBuf;

use clap::builder::Styles;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use self::attach::AttachOutput;
pub(crate) use self::build::Build;
pub(crate) use self::cache::{Cache, CacheCommand, CacheInfo, CachePrune, CacheVerify};
pub(crate) use self::certificates::Certificates;
pub(crate) use self::check::{Check, FailOn, Profile};
pub(crate) use self::debug::Debug;
pub(crate) use self::documents::{AttachAs, AttachForm, Attachment, Documents};
pub(crate) use self::format::{Format, ReportFormat};
pub(crate) use self::lock::Lock;
pub(crate) use self::push::Push;
pub(crate) use self::rebuild::Rebuild;
pub(crate) use self::report::Report;
pub(crate) use self::request::{
    Archive, Codec, Definition, LayerCompression, Made, Registry, UseLock,
};
pub(crate) use self::run::{Network, Run};
pub(crate) use self::sbom::{Sbom, SbomFormat, SbomOutput};
pub(crate) use self::shared::{Share, SharedCache};
pub(crate) use self::sign::{Sign, Signers, Signing, Verify};
pub(crate) use self::vendor::Vendor;
pub(crate) use self::view::{Diff, GraphFormat, List, Show, Why};
use crate::examples;

/// Build distroless container images from Debian packages: a language runtime, the libraries it
/// needs, and nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "distil",
    version = env!("DISTIL_VERSION"),
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print what happens on the way on stderr: mirrors, Releases, steps; twice, each request
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    pub(crate) verbose: u8,

    /// When to print colours; `auto` honours NO_COLOR and CLICOLOR_FORCE
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        global = true,
        help_heading = "Messages"
    )]
    pub(crate) color: Color,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The command, with colours in its own messages as the command line asks for them. It is not
/// parsed when these are needed, so that the option is looked for in its words.
pub(crate) fn command() -> clap::Command {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--")
        .collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--color="));
    let next = words.iter().skip_while(|word| *word != "--color").nth(1);
    let choice = match joined.or(next.map(String::as_str)) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    with_examples(Cli::command().color(choice), "")
}

/// A command and those below it, whose help ends with examples. `name` is empty for the first.
fn with_examples(command: clap::Command, name: &str) -> clap::Command {
    let header = Styles::styled();
    let header = header.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (what, line) in examples::of(name) {
        text += &format!("\n  {what}:\n      {line}");
    }
    command.after_help(text).mut_subcommands(|below| {
        let path = format!("{name} {}", below.get_name());
        with_examples(below, path.trim_start())
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build images
    Build(Build),
    /// Pin every package of a definition in a file, or move the pins
    Lock(Lock),
    /// Fill a directory with everything that locks need, for machines without network
    Vendor(Vendor),
    /// Make an image again from its definition and lock, and compare the bytes
    Rebuild(Rebuild),
    /// List the catalogue
    List(List),
    /// Show what is in an image: packages, sizes, layers, configuration
    Show(Show),
    /// Explain why a package or a file is in an image or is not
    Why(Why),
    /// Show how two images differ: packages, files, sizes, configuration
    Diff(Diff),
    /// Write a page about an image: sizes, packages, files, findings, differences
    Report(Report),
    /// Show, prune or verify the store
    Cache(Cache),
    /// Copy an image into a registry, with what is attached to it
    Push(Push),
    /// Run an image's program, without an engine
    Run(Run),
    /// Put tools beside a container or an image, and nothing in it
    Debug(Debug),
    /// Check that an image runs without a shell and exposes a minimal attack surface
    Check(Check),
    /// Write the bill of materials of an image: SPDX or CycloneDX
    Sbom(Sbom),
    /// Sign an image in a registry
    Sign(Sign),
    /// Verify who has signed an image in a registry
    Verify(Verify),
    /// Print the JSON Schema of definitions, for editors and validators
    Schema,
    /// Print completions for a shell
    Completions(Completions),
    /// Write the manual pages of this command into a directory
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Directory that the pages are written to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
