//! The deb822 format: paragraphs with the fields `Types`, `URIs`, `Suites`, `Components`.

use std::path::Path;

use super::{SignedBy, Source, SourceType, Sources, boolean, check_components, shown, signed_by};
use crate::control::{ControlError, Paragraph};

pub(super) fn parse(text: &str, file: &Path, sources: &mut Sources) {
    // Cut into paragraphs here, so that a fault in one leaves the others.
    let lines: Vec<&str> = text.lines().collect();
    let mut before = 0;
    for lines in lines.split(|line| line.trim_ascii().is_empty()) {
        let paragraph = Paragraph::parse(&lines.join("\n"));
        match paragraph {
            Ok(paragraph) => match entry(&paragraph) {
                Ok(entry) => sources.add(Source {
                    file: file.to_owned(),
                    line: before + paragraph.line(),
                    ..entry
                }),
                Err(why) => sources.warn(file, Some(before + paragraph.line()), why),
            },
            // Nothing but comments.
            Err(ControlError::Empty) => {}
            Err(error) => sources.warn(file, None, error.moved_by(before).to_string()),
        }
        before += lines.len() as u64 + 1;
    }
}

fn entry(paragraph: &Paragraph) -> Result<Source, String> {
    let words = |field| -> Vec<String> {
        let value = paragraph.get(field).unwrap_or("");
        value.split_ascii_whitespace().map(str::to_owned).collect()
    };
    let needed = |field| match words(field) {
        words if words.is_empty() => Err(format!("the field `{field}` is missing or empty")),
        words => Ok(words),
    };
    let types = needed("Types")?
        .iter()
        .map(|kind| match kind.as_str() {
            "deb" => Ok(SourceType::Binary),
            "deb-src" => Ok(SourceType::Source),
            other => Err(format!("`{}` is neither `deb` nor `deb-src`", shown(other))),
        })
        .collect::<Result<_, _>>()?;
    let source = Source {
        types,
        uris: needed("URIs")?,
        suites: needed("Suites")?,
        components: words("Components"),
        architectures: [words("Architectures"), words("Architectures-Add")].concat(),
        signed_by: match paragraph.get("Signed-By") {
            Some(value) if value.contains("-----BEGIN PGP ") => vec![embedded_keyring(value)],
            value => signed_by(value.unwrap_or(""))?,
        },
        check_valid_until: paragraph
            .get("Check-Valid-Until")
            .and_then(boolean)
            .unwrap_or(true),
        enabled: paragraph.get("Enabled").and_then(boolean).unwrap_or(true),
        trusted: paragraph.get("Trusted").and_then(boolean),
        file: "".into(),
        line: 0,
    };
    check_components(&source)?;
    Ok(source)
}

/// A keyring in a field: each line is indented by a blank, and a dot stands for an empty line.
fn embedded_keyring(value: &str) -> SignedBy {
    let lines = value.lines().map(|line| match line.trim_ascii() {
        "." => "",
        line => line,
    });
    SignedBy::Keyring(lines.map(|line| format!("{line}\n")).collect())
}
