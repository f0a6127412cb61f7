//! `distil`: distroless container images out of Debian packages.
//!
//! One file a subcommand, in `command`; how anything is done is the business of the crates
//! below. Output that a script wants is on stdout, everything else on stderr.

mod application_hints;
mod changes;
mod cli;
mod command;
mod error;
mod examples;
mod harmless;
mod hints;
mod keys;
mod log;
mod printer;
mod recorder;
mod report;
mod signals;
mod signatories;
mod summary;
mod table;
mod terminal;
mod view;

use std::process::ExitCode;

use clap::FromArgMatches;

fn main() -> ExitCode {
    // What `run` starts is this program again, under another name.
    if let Some(status) = distil_run::enter_stage() {
        return status;
    }
    signals::handle();
    distil_store::raise_descriptor_limit();
    let matches = cli::command().get_matches();
    let cli = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    terminal::choose_color(cli.color);
    log::start(cli.verbose);
    let result = match cli.command {
        cli::Command::Build(arguments) => command::build::run(&arguments),
        cli::Command::Lock(arguments) => command::lock::run(&arguments),
        cli::Command::Report(arguments) => command::report::run(&arguments),
        cli::Command::Rebuild(arguments) => command::rebuild::run(&arguments),
        cli::Command::Vendor(arguments) => command::vendor::run(&arguments),
        cli::Command::List(arguments) => command::list::run(&arguments),
        cli::Command::Show(arguments) => command::show::run(&arguments),
        cli::Command::Why(arguments) => command::why::run(&arguments),
        cli::Command::Diff(arguments) => command::diff::run(&arguments),
        cli::Command::Cache(arguments) => command::cache::run(&arguments),
        cli::Command::Push(arguments) => command::push::run(&arguments),
        cli::Command::Run(arguments) => match command::run::run(&arguments) {
            Ok(status) => return status,
            Err(error) => Err(error),
        },
        cli::Command::Debug(arguments) => match command::debug::run(&arguments) {
            Ok(status) => return status,
            Err(error) => Err(error),
        },
        cli::Command::Check(arguments) => command::check::run(&arguments),
        cli::Command::Sbom(arguments) => command::sbom::run(&arguments),
        cli::Command::Sign(arguments) => command::sign::run(&arguments),
        cli::Command::Verify(arguments) => command::verify::run(&arguments),
        cli::Command::Schema => command::manual::schema(),
        cli::Command::Completions(arguments) => command::manual::completions(&arguments),
        cli::Command::Man(arguments) => command::manual::pages(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
