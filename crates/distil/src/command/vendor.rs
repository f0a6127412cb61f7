//! `distil vendor`: fill a directory with everything that locks need, or check one.

use std::path::Path;
use std::sync::Arc;

use distil_build::{Session, VendorCheck, Vendored};
use serde::Serialize;

use super::{request, session};
use crate::cli;
use crate::error::CommandError;
use crate::printer::{Printer, bytes};
use crate::table::{print, print_json, print_table, table};

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
struct Filled {
    schema_version: u32,
    directory: String,
    files: usize,
    size: u64,
    new_files: usize,
    new_size: u64,
    other_states: Vec<String>,
}

/// The fields of `--format json` with `--check`.
#[derive(Serialize)]
struct Checked {
    schema_version: u32,
    directory: String,
    locks: Vec<String>,
    files: usize,
    size: u64,
    faults: Vec<Fault>,
    not_needed: Vec<String>,
}

#[derive(Serialize)]
struct Fault {
    path: String,
    problem: String,
}

pub(crate) fn run(arguments: &cli::Vendor) -> Result<(), CommandError> {
    let printer = Arc::new(Printer::new(arguments.quiet));
    let session = session(&arguments.archive, &printer)?;
    match (&arguments.check, &arguments.to) {
        (Some(directory), _) => check(&session, directory, arguments.format),
        (None, Some(directory)) => fill(&session, arguments, directory, &printer),
        (None, None) => Err(CommandError::usage(
            "it is not said which directory to fill",
        )),
    }
}

fn fill(
    session: &Session,
    arguments: &cli::Vendor,
    directory: &Path,
    printer: &Printer,
) -> Result<(), CommandError> {
    if arguments.lock.is_some() && arguments.images.len() > 1 {
        let message = "`--lock` names the lock of one image, and there are several";
        return Err(CommandError::usage(message));
    }
    let lock = cli::UseLock {
        lock: arguments.lock.clone(),
        locked: true,
        no_lock: false,
    };
    let definition = cli::Definition::default();
    let requests = arguments.images.iter();
    let requests = requests.map(|word| request(word, &definition, &lock));
    let requests: Vec<_> = requests.collect::<Result<_, _>>()?;
    let filled = session.vendor(&requests, directory);
    printer.finish();
    session.finish();
    let filled = filled?;
    for suite in &filled.other_states {
        printer.say(format_args!(
            "warning: `{suite}` is not as it was when the lock was made, and no snapshot of that time \
             was found: the indexes are newer than the packages, so building from the locks works, and \
             choosing packages anew may not"
        ));
    }
    if arguments.format == cli::Format::Json {
        return print_json(&filled_document(directory, filled));
    }
    printer.say(format_args!(
        "`{}` has {} files ({}); {} of them are new ({})",
        directory.display(),
        filled.files,
        bytes(filled.bytes),
        filled.new_files,
        bytes(filled.new_bytes)
    ));
    Ok(())
}

fn filled_document(directory: &Path, filled: Vendored) -> Filled {
    Filled {
        schema_version: 1,
        directory: directory.display().to_string(),
        files: filled.files,
        size: filled.bytes,
        new_files: filled.new_files,
        new_size: filled.new_bytes,
        other_states: filled.other_states,
    }
}

fn check(session: &Session, directory: &Path, format: cli::Format) -> Result<(), CommandError> {
    let check = session.check_vendored(directory)?;
    let has_faults = !check.faults.is_empty();
    match format {
        cli::Format::Json => print_json(&checked_document(directory, check))?,
        cli::Format::Table => print_check(directory, &check)?,
    }
    match has_faults {
        true => Err(CommandError::said()),
        false => Ok(()),
    }
}

fn checked_document(directory: &Path, check: VendorCheck) -> Checked {
    let faults = check.faults.into_iter().map(|fault| Fault {
        path: fault.path,
        problem: fault.problem,
    });
    Checked {
        schema_version: 1,
        directory: directory.display().to_string(),
        locks: check.locks,
        files: check.files,
        size: check.bytes,
        faults: faults.collect(),
        not_needed: check.not_needed,
    }
}

fn print_check(directory: &Path, check: &VendorCheck) -> Result<(), CommandError> {
    let rows = check.faults.iter();
    let rows: Vec<_> = rows
        .map(|fault| vec![fault.path.clone(), fault.problem.clone()])
        .collect();
    if !rows.is_empty() {
        print_table(&table(&["FILE", "PROBLEM"], rows, &[]))?;
        print("")?;
    }
    print(format_args!(
        "`{}` has {} of {} files of {} ({})",
        directory.display(),
        check.files.saturating_sub(check.faults.len()),
        check.files,
        check.locks.join(", "),
        bytes(check.bytes)
    ))?;
    for path in &check.not_needed {
        print(format_args!("no lock needs `{path}`"))?;
    }
    Ok(())
}
