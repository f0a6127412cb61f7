//! What is wrong with a text that is no YAML, and which of its words its author forgot to quote.

use std::ops::Range;

use crate::harmless::shown;
use crate::span::{Span, excerpt, gutter, lines};

/// Says what is wrong at a position: a message, the line with the mistake underlined, and what to
/// do about it. `problem` is the parser's own message.
pub(crate) fn mistake(text: &str, origin: &str, at: Span, problem: &str) -> String {
    let line = lines(text).nth(at.line.saturating_sub(1)).unwrap_or("");
    let line: Vec<char> = line.chars().collect();
    let column = at.column.saturating_sub(1);
    let (problem, advice, columns) = match remedy(&line, column, problem) {
        Some(Remedy {
            problem,
            advice,
            columns,
        }) => (problem, Some(advice), columns),
        None => (problem.to_owned(), None, column..column + 1),
    };
    let span = Span {
        line: at.line,
        column: columns.start + 1,
        length: columns.len(),
    };
    let mut said = format!("{}\n{}", problem, excerpt(text, origin, span));
    if let Some(advice) = advice {
        said.push_str(&format!("\n{} = {advice}", gutter(span)));
    }
    said
}

/// What its author may have meant.
struct Remedy {
    problem: String,
    advice: String,
    /// The columns that the mistake is in, counted from zero.
    columns: Range<usize>,
}

/// What helps against a mistake in a line; none if that is not known.
fn remedy(line: &[char], column: usize, problem: &str) -> Option<Remedy> {
    if let Some(tab) = tab(line)
        && problem.contains("tab")
    {
        return Some(Remedy {
            problem: "a line is indented with a tab, which YAML does not allow".to_owned(),
            advice: "indent it with spaces".to_owned(),
            columns: tab,
        });
    }
    let words = words(line);
    let text = |word: &Word| -> String { line[word.columns.clone()].iter().collect() };
    let quote = |word: &Word, why: String| Remedy {
        problem: format!("`{}` must be in quotes: {why}", shown(&text(word))),
        advice: format!("write {}", quoted(&text(word))),
        columns: word.columns.clone(),
    };
    if let Some(word) = words.iter().find(|word| word.has_variable && word.in_flow) {
        let why = "within braces or brackets its `{` would begin a mapping";
        return Some(quote(word, why.to_owned()));
    }
    let word = words.iter().rfind(|word| word.columns.start <= column)?;
    let first = *line.get(word.columns.start)?;
    if let Some(meaning) = meaning(first) {
        let why = format!("in YAML a `{first}` at the beginning {meaning}");
        return Some(quote(word, why));
    }
    // The first word is the key; the value begins with the second.
    if problem.contains("mapping values are not allowed")
        && let Some(value) = words.get(1).filter(|word| !word.in_flow)
    {
        let rest: String = line[value.columns.start..].iter().collect();
        let rest = rest.trim_end();
        let start = value.columns.start;
        return Some(Remedy {
            problem: "a string with a colon and a space in it must be in quotes".to_owned(),
            advice: format!("write {}", quoted(rest)),
            columns: start..start + rest.chars().count(),
        });
    }
    None
}

/// What a character at the beginning of a string without quotes means (YAML 1.2.2, section 5.3).
fn meaning(first: char) -> Option<&'static str> {
    match first {
        '*' => Some("begins an alias"),
        '&' => Some("begins an anchor"),
        '!' => Some("begins a tag"),
        '%' => Some("begins a directive"),
        '|' | '>' => Some("begins a block of lines"),
        '@' | '`' => Some("is reserved"),
        _ => None,
    }
}

/// A string in quotes, as it can be written in YAML.
fn quoted(text: &str) -> String {
    match text.contains(['"', '\\']) {
        true => format!("'{}'", shown(&text.replace('\'', "''"))),
        false => format!("\"{}\"", shown(text)),
    }
}

/// The first tab of those that a line is indented with.
fn tab(line: &[char]) -> Option<Range<usize>> {
    let mut indented = line.iter().take_while(|c| matches!(c, ' ' | '\t' | '-'));
    let tab = indented.position(|c| *c == '\t')?;
    Some(tab..tab + 1)
}

/// A string without quotes.
struct Word {
    columns: Range<usize>,
    /// Whether it stands within braces or brackets that are opened on its line.
    in_flow: bool,
    /// Whether it has a `${` in it.
    has_variable: bool,
}

/// The strings of a line that have no quotes. They are taken for what their author means, not for
/// what YAML reads: a variable is one with the rest of its string.
fn words(line: &[char]) -> Vec<Word> {
    let at = |index: usize| line.get(index).copied();
    let is_space = |index: usize| at(index).is_none_or(|c| c == ' ' || c == '\t');
    let mut words = Vec::new();
    let mut depth = 0_usize;
    let mut index = 0;
    while let Some(c) = at(index) {
        match c {
            '#' if index == 0 || is_space(index - 1) => break,
            '"' | '\'' => index = behind_quotes(line, index),
            '[' | '{' => {
                depth += 1;
                index += 1;
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                index += 1;
            }
            ',' | ' ' | '\t' => index += 1,
            '-' | ':' | '?' if is_space(index + 1) => index += 1,
            _ => {
                let in_flow = depth > 0;
                let start = index;
                let mut has_variable = false;
                let ends = |index: usize| match at(index) {
                    None => true,
                    Some(',' | ']' | '}' | '[' | '{') => in_flow,
                    Some(':') => is_space(index + 1),
                    Some('#') => is_space(index - 1),
                    Some(_) => false,
                };
                while !ends(index) || index == start {
                    index += 1;
                    if at(index) == Some('{') && at(index - 1) == Some('$') {
                        has_variable = true;
                        let behind = line[index..].iter().position(|c| *c == '}');
                        index = behind.map_or(line.len(), |behind| index + behind + 1);
                    }
                }
                let word = &line[start..index];
                let spaces = word.iter().rev().take_while(|c| **c == ' ').count();
                words.push(Word {
                    columns: start..index - spaces,
                    in_flow,
                    has_variable,
                });
            }
        }
    }
    words
}

/// Where the line goes on behind a string that begins with a quote here.
fn behind_quotes(line: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(c) = line.get(index) {
        match c {
            '\\' if line[start] == '"' => index += 1,
            c if *c == line[start] => return index + 1,
            _ => {}
        }
        index += 1;
    }
    line.len()
}

#[cfg(test)]
mod tests;
