//! Tables for people, and JSON for programs.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::error::CommandError;

/// A table with a heading and without lines. Columns in `right` are aligned to the right.
pub(crate) fn table(heading: &[&str], rows: Vec<Vec<String>>, right: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(heading.iter().copied())
        .add_rows(rows);
    let last = heading.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { 2 }));
        if right.contains(&number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Prints text on stdout.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{text}").map_err(CommandError::failure)
}

/// Prints a table on stdout, without blanks at the ends of lines.
pub(crate) fn print_table(table: &Table) -> Result<(), CommandError> {
    print(table.trim_fmt())
}

/// Prints a JSON document on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    print(serde_json::to_string_pretty(value).map_err(CommandError::failure)?)
}
