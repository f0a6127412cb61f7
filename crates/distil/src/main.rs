//! `distil`: distroless container images out of Debian packages.
//!
//! One file a subcommand, in `command`; how anything is done is the business of the crates
//! below. Output that a script wants is on stdout, everything else on stderr.

mod changes;
mod cli;
mod command;
mod error;
mod hints;
mod printer;
mod table;
mod view;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    clean_up_when_interrupted();
    let cli = cli::Cli::parse();
    let result = match cli.command {
        cli::Command::Build(arguments) => command::build::run(&arguments),
        cli::Command::List(arguments) => command::list::run(&arguments),
        cli::Command::Show(arguments) => command::show::run(&arguments),
        cli::Command::Why(arguments) => command::why::run(&arguments),
        cli::Command::Diff(arguments) => command::diff::run(&arguments),
        cli::Command::Cache(arguments) => command::cache::run(&arguments),
        cli::Command::Check(arguments) => command::check::run(&arguments),
        cli::Command::Completions(arguments) => command::manual::completions(&arguments),
        cli::Command::Man(arguments) => command::manual::pages(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// A signal ends the process at once; what it has half-written goes first. The store needs no
/// care: what is in its place there is whole.
fn clean_up_when_interrupted() {
    let clean = || {
        distil_oci::transport::discard_unfinished();
        distil_tree::folder::discard_unfinished();
        // As a shell reports a program that SIGINT ended.
        std::process::exit(130);
    };
    // Fails only where a handler is set already; then the signal's own effect stays.
    let _ = ctrlc::set_handler(clean);
}
