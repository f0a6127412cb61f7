//! Tables for people, and JSON for programs.

use std::io::{self, BufWriter, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::error::CommandError;
use crate::harmless::{Json, Lines, cell};
use crate::terminal;

/// How many characters a column may have in all of its rows together, so that one long value beside
/// thousands of rows does not fill the memory.
const MAX_CHARACTERS: usize = 8 << 20;

/// How many characters a cell may have: comfy-table counts them in 16 bits.
const MAX_WIDTH: usize = 60_000;

/// How many characters of a cell are shown in any case: more than any path has.
const FEWEST_CHARACTERS: usize = 5000;

/// How narrow a table may become: below that, columns would have a few characters each.
const FEWEST_COLUMNS: u16 = 40;

/// A table with a heading and without lines. Columns in `right` are aligned to the right.
pub(crate) fn table(heading: &[&str], rows: Vec<Vec<String>>, right: &[usize]) -> Table {
    // Each row is as wide as the widest cell of each column.
    let widest = (MAX_CHARACTERS / rows.len().max(1)).clamp(FEWEST_CHARACTERS, MAX_WIDTH);
    let rows = rows.iter().map(|row| {
        let cells = row.iter().map(|text| cell(text));
        cells
            .map(|text| shortened(text, widest))
            .collect::<Vec<_>>()
    });
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

/// The text, or its beginning if it has more characters than `most`.
fn shortened(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Prints text on stdout; what could do harm to a terminal in it does not.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{}", Lines(text)).map_err(CommandError::failure)
}

/// Prints a table on stdout, without spaces at the ends of lines.
pub(crate) fn print_table(table: &Table) -> Result<(), CommandError> {
    match terminal::width() {
        Some(columns) => print(fitted(table.clone(), columns).trim_fmt()),
        // What reads a pipe wants a line a row.
        None => print(table.trim_fmt()),
    }
}

/// The table, with the widest columns wrapped so that it fits the width of the terminal.
fn fitted(mut table: Table, columns: u16) -> Table {
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns.max(FEWEST_COLUMNS));
    table
}

/// As [`print_table`], for rows of which there can be a million: they are made twice, one by one, and
/// never held together, and nothing is wrapped.
pub(crate) fn print_rows<R>(heading: &[&str], rows: R, right: &[usize]) -> Result<(), CommandError>
where
    R: Iterator<Item = Vec<String>> + Clone,
{
    let mut widths: Vec<usize> = heading.iter().map(|text| text.len()).collect();
    let length = |text: &str| cell(text).chars().count().min(FEWEST_CHARACTERS);
    for row in rows.clone() {
        for (width, text) in widths.iter_mut().zip(&row) {
            *width = (*width).max(length(text));
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let heading = heading.iter().map(|&text| text.to_owned()).collect();
    for row in std::iter::once(heading).chain(rows) {
        let mut line = String::new();
        for (number, (text, width)) in row.iter().zip(&widths).enumerate() {
            let text = shortened(cell(text), FEWEST_CHARACTERS);
            let padding = " ".repeat(width.saturating_sub(length(&text)));
            match right.contains(&number) {
                true => line.extend([&padding, text.as_str(), "  "]),
                false => line.extend([text.as_str(), &padding, "  "]),
            }
        }
        writeln!(out, "{}", line.trim_end()).map_err(CommandError::failure)?;
    }
    out.flush().map_err(CommandError::failure)
}

/// Prints a JSON document on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Json::default());
    value
        .serialize(&mut serializer)
        .map_err(CommandError::failure)?;
    let end = writeln!(out).and_then(|()| out.flush());
    end.map_err(CommandError::failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_beside_many_rows_does_not_fill_the_memory() {
        let mut rows = vec![vec![String::new(), String::new()]; 10_000];
        rows[5000] = vec!["x".repeat(100_000), "y".repeat(100_000)];
        let text = table(&["A", "B"], rows, &[]).to_string();
        assert!(text.len() < 150_000_000, "{}", text.len());
        assert!(text.contains('…'));
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let words = "one two three four five six seven eight nine ten eleven twelve";
        let digest = "sha256:".to_owned() + &"0123456789abcdef".repeat(4);
        let rows = vec![
            vec!["a".to_owned(), "1".to_owned(), words.to_owned()],
            vec!["b".to_owned(), "20".to_owned(), digest.clone()],
        ];
        let table = table(&["NAME", "SIZE", "WHAT"], rows, &[1]);
        for columns in [120, 80, 40, 10] {
            let text = fitted(table.clone(), columns).trim_fmt();
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(
                widest <= Some(usize::from(columns.max(FEWEST_COLUMNS))),
                "{text}"
            );
            // Nothing is left out.
            let joined: String = text.split_whitespace().collect();
            assert!(joined.contains(&words.replace(' ', "")), "{text}");
        }
        insta::assert_snapshot!(fitted(table, 40).trim_fmt(), @"
        NAME  SIZE  WHAT
        a        1  one two three four five six
                    seven eight nine ten eleven
                    twelve
        b       20  sha256:0123456789abcdef01234
                    56789abcdef0123456789abcdef0
                    123456789abcdef
        ");
    }

    #[test]
    fn what_is_alone_is_shown_whole() {
        let rows = vec![vec!["x".repeat(50_000)]];
        let text = table(&["A"], rows, &[]).to_string();
        assert!(text.contains(&"x".repeat(50_000)));
    }
}
