//! The one-line format: `deb [option=value …] uri suite [component …]`.

use std::path::Path;

use super::{Source, SourceType, Sources, boolean, shown, signed_by};

pub(super) fn parse(text: &str, file: &Path, sources: &mut Sources) {
    for (number, line) in (1..).zip(text.lines()) {
        let line = without_comment(line).trim_ascii();
        if line.is_empty() {
            continue;
        }
        match entry(line) {
            Ok(entry) => sources.add(Source {
                file: file.to_owned(),
                line: number,
                ..entry
            }),
            Err(why) => sources.warn(file, Some(number), why),
        }
    }
}

/// What is before the `#`. One between brackets is part of a URI such as `cdrom:[disc #1]`.
fn without_comment(line: &str) -> &str {
    let mut depth = 0u32;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'#' if depth == 0 => return line.get(..at).unwrap_or(line),
            _ => {}
        }
    }
    line
}

fn entry(line: &str) -> Result<Source, String> {
    let (kind, rest) = next_word(line);
    let kind = match kind {
        "deb" => SourceType::Binary,
        "deb-src" => SourceType::Source,
        other => return Err(format!("`{}` is neither `deb` nor `deb-src`", shown(other))),
    };
    let mut source = Source {
        types: vec![kind],
        uris: Vec::new(),
        suites: Vec::new(),
        components: Vec::new(),
        architectures: Vec::new(),
        signed_by: Vec::new(),
        check_valid_until: true,
        enabled: true,
        trusted: None,
        file: "".into(),
        line: 0,
    };
    let rest = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (options, rest) = bracketed
                .split_once(']')
                .ok_or("the `[` of the options is not closed")?;
            for option in options.split_ascii_whitespace() {
                take_option(option, &mut source)?;
            }
            rest.trim_ascii_start()
        }
        None => rest,
    };
    let (uri, rest) = next_word(rest);
    if uri.is_empty() {
        return Err("the URI is missing".to_owned());
    }
    let (suite, rest) = next_word(rest);
    if suite.is_empty() {
        return Err("the suite is missing".to_owned());
    }
    let components = rest.split_ascii_whitespace().map(str::to_owned).collect();
    source.uris = vec![unquoted(uri)];
    source.suites = vec![unquoted(suite)];
    source.components = components;
    super::check_components(&source)?;
    Ok(source)
}

fn take_option(option: &str, source: &mut Source) -> Result<(), String> {
    let (name, value) = option
        .split_once('=')
        .ok_or_else(|| format!("the option `{}` has no value", shown(option)))?;
    let values = || {
        value
            .split(',')
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
    };
    match name {
        "arch" | "arch+" => source.architectures.extend(values()),
        "signed-by" => source.signed_by.extend(signed_by(value)?),
        "check-valid-until" => source.check_valid_until = boolean(value).unwrap_or(true),
        "trusted" => source.trusted = boolean(value),
        _ => {}
    }
    Ok(())
}

/// The first word and what follows it. Brackets and quotes hold white space together.
fn next_word(text: &str) -> (&str, &str) {
    let mut brackets = 0u32;
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'[' if at > 0 => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b' ' | b'\t' if !quoted && brackets == 0 => {
                let (word, rest) = text.split_at_checked(at).unwrap_or((text, ""));
                return (word, rest.trim_ascii_start());
            }
            _ => {}
        }
    }
    (text, "")
}

fn unquoted(word: &str) -> String {
    word.replace('"', "")
}
