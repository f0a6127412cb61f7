//! The terminal that the command talks to: whether it shows colours, and how wide it is.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use terminal_size::{Width, terminal_size_of};

use crate::cli;
use crate::harmless::Lines;

/// Words that a message begins with, and how they look: as in clap's own messages.
const LABELS: [(&str, Style); 4] = [
    ("error:", AnsiColor::Red.on_default().bold()),
    ("warning:", AnsiColor::Yellow.on_default().bold()),
    ("note:", AnsiColor::Cyan.on_default().bold()),
    ("hint:", AnsiColor::Green.on_default().bold()),
];

/// Decides about colours, for all that is printed from now on. `NO_COLOR`, `CLICOLOR_FORCE` and
/// `TERM` count where the command line leaves it open (no-color.org, bixense.com/clicolors).
pub(crate) fn choose_color(color: cli::Color) {
    let choice = match color {
        cli::Color::Auto => anstream::ColorChoice::Auto,
        cli::Color::Always => anstream::ColorChoice::Always,
        cli::Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// The width of the terminal that stdout is, in columns; none if it is something else.
pub(crate) fn width() -> Option<u16> {
    terminal_size_of(io::stdout()).map(|(Width(columns), _)| columns)
}

/// Prints a message on stderr, with its labels in colour where colours are shown. What could do
/// harm to a terminal in it does not.
pub(crate) fn say(message: impl std::fmt::Display) {
    let message = labelled(&Lines(message).to_string());
    // Nobody can be told if it fails.
    let _ = anstream::stderr().lock().write_all(message.as_bytes());
}

/// The message, in which each line that begins with a label has it in colour.
fn labelled(message: &str) -> String {
    let mut text = String::with_capacity(message.len() + 16);
    for line in message.split_inclusive('\n') {
        let label = LABELS.iter().find(|(label, _)| line.starts_with(label));
        let _ = match label {
            Some((label, style)) => {
                write!(text, "{style}{label}{style:#}{}", &line[label.len()..])
            }
            None => write!(text, "{line}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_in_colour_and_nothing_else() {
        let text = labelled("error: a warning: b\n\nhint: c\n  note: d");
        let expected = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a warning: b\n\n\
                        \u{1b}[1m\u{1b}[32mhint:\u{1b}[0m c\n  note: d";
        assert_eq!(text, expected);
    }
}
