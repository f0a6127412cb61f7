//! What the command line changes of a definition, as a definition of its own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use distil_build::user_archives;
use distil_definition::{
    ArchiveItem, Certificates, Config, CopyItem, Definition, FileItem, PackageItem,
};

use crate::cli;
use crate::error::CommandError;

/// The definition that the flags stand for.
pub(crate) fn changes(flags: &cli::Definition) -> Result<Definition, CommandError> {
    let packages = flags.packages.iter();
    let mut files = flags.archives.clone();
    if !flags.packages.is_empty() {
        files.extend(user_archives()?);
    }
    let archives = files.into_iter().map(|sources| ArchiveItem {
        sources,
        ..ArchiveItem::default()
    });
    let config = Config {
        entrypoint: command("--entrypoint", flags.entrypoint.as_deref())?,
        cmd: command("--cmd", flags.cmd.as_deref())?,
        env: pairs("--env", &flags.env)?,
        user: flags.user.clone(),
        labels: pairs("--label", &flags.label)?,
        ..Config::default()
    };
    let files: Result<Vec<FileItem>, CommandError> =
        flags.files.iter().map(|text| file(text)).collect();
    let copies: Result<Vec<CopyItem>, CommandError> =
        flags.copies.iter().map(|text| copy(text)).collect();
    Ok(Definition {
        archives: archives.collect(),
        packages: packages.map(|name| PackageItem::whole(name)).collect(),
        without: pairs("--without", &flags.without)?,
        allow: pairs("--allow", &flags.allow)?,
        excuse: pairs("--excuse", &flags.excuse)?,
        files: files?,
        copy: copies?,
        certificates: Certificates {
            extra: flags.authorities.clone(),
            ..Certificates::default()
        },
        config,
        ..Definition::default()
    })
}

/// Words separated by blanks, or a JSON array where a word has one in it.
pub(crate) fn command(flag: &str, text: Option<&str>) -> Result<Option<Vec<String>>, CommandError> {
    let Some(text) = text else { return Ok(None) };
    if !text.trim_start().starts_with('[') {
        return Ok(Some(text.split_whitespace().map(str::to_owned).collect()));
    }
    serde_json::from_str(text).map(Some).map_err(|error| {
        let message = format!("`{flag} {text}` is not a valid JSON array of strings");
        CommandError::usage(message).hint(format!("{error}"))
    })
}

fn pairs(flag: &str, list: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut pairs = BTreeMap::new();
    for text in list {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let what = match flag {
                "--without" | "--allow" | "--excuse" => "a reason after an equals sign",
                _ => "a value after an equals sign",
            };
            CommandError::usage(format!("`{flag} {text}` lacks {what}"))
                .hint(format!("write `{flag} {text}=…`"))
        })?;
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            let message = format!("`{flag}` names `{name}` twice");
            return Err(CommandError::usage(message));
        }
    }
    Ok(pairs)
}

/// `HOST:IMAGE[:MODE]`. The path in the image begins with a slash, which tells it from colons
/// in the other.
fn file(text: &str) -> Result<FileItem, CommandError> {
    let wrong = || {
        CommandError::usage(format!(
            "`--file {text}` is not `HOST:IMAGE` or `HOST:IMAGE:MODE`"
        ))
        .hint("the path in the image begins with a slash: `--file ./run:/app/run`")
    };
    let (from, rest) = match text.rfind(":/") {
        Some(colon) if colon > 0 => (&text[..colon], &text[colon + 1..]),
        _ => return Err(wrong()),
    };
    let (path, mode) = match rest.split_once(':') {
        Some((path, mode)) => (path, Some(mode.to_owned())),
        None => (rest, None),
    };
    let is_program = std::fs::metadata(from)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o100 != 0);
    let mode = mode.or_else(|| is_program.then(|| "0755".to_owned()));
    Ok(FileItem {
        path: path.to_owned(),
        text: None,
        from: Some(from.to_owned()),
        owner: None,
        mode,
        replace: false,
    })
}

/// `HOST:IMAGE`, a directory each.
fn copy(text: &str) -> Result<CopyItem, CommandError> {
    let colon = text.rfind(":/").filter(|colon| *colon > 0);
    let Some((from, to)) =
        colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?)))
    else {
        let message = format!("`--copy {text}` is not `HOST:IMAGE`");
        return Err(CommandError::usage(message)
            .hint("the path in the image begins with a slash: `--copy ./src:/app`"));
    };
    Ok(CopyItem {
        from: from.to_owned(),
        to: to.to_owned(),
        ..CopyItem::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_or_json() {
        let parse = |text| command("--cmd", Some(text)).unwrap().unwrap();
        assert_eq!(parse(" a  b "), ["a", "b"]);
        assert_eq!(parse(r#"["a b", ""]"#), ["a b", ""]);
        assert!(command("--cmd", Some("[a]")).is_err());
    }

    #[test]
    fn files_with_and_without_a_mode() {
        let item = file("a:b:/app/run:0600").unwrap();
        assert_eq!(
            (
                item.from.as_deref(),
                item.path.as_str(),
                item.mode.as_deref()
            ),
            (Some("a:b"), "/app/run", Some("0600"))
        );
        assert_eq!(file("missing:/x").unwrap().mode, None);
        for text in ["x", ":/x", "a:b", "/x"] {
            assert!(file(text).is_err(), "{text}");
        }
    }
}
