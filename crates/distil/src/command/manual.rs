//! `distil completions` and `distil man`: what a shell and a reader need, made from the
//! command's own help.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli;
use crate::error::CommandError;

/// Prints a shell's completions on stdout.
pub(crate) fn completions(arguments: &cli::Completions) -> Result<(), CommandError> {
    let mut script = Vec::new();
    let mut command = cli::Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "distil", &mut script);
    io::stdout()
        .lock()
        .write_all(&script)
        .map_err(CommandError::failure)
}

/// Writes a page for the command and one for each subcommand.
pub(crate) fn pages(arguments: &cli::Man) -> Result<(), CommandError> {
    let folder = &arguments.folder;
    let failed = |error: io::Error| {
        let folder = folder.display();
        CommandError::failure(format!(
            "failed to write the pages into `{folder}`: {error}"
        ))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(cli::Cli::command(), folder).map_err(failed)
}
