//! What the commands say that make or change files: mkdir(1), install(1), cp(1), ln(1), chown(1),
//! chmod(1), dpkg-statoverride(1), ucf(1) and their kin.

use crate::effect::{FileChange, Owner};
use crate::words::Words;

/// Options of install and mkdir that have a value in the next word.
const INSTALL: &[&str] = &[
    "-m", "--mode", "-o", "--owner", "-g", "--group", "-t", "-S", "--suffix",
];

/// The list of ODBC's drivers (odbcinst.ini(5)).
const ODBC_DRIVERS: &str = "/etc/odbcinst.ini";

/// Options of ucf that have a value in the next word.
const UCF: &[&str] = &[
    "--sum-file",
    "--src-dir",
    "--sum-dir",
    "--state-dir",
    "-s",
    "-S",
];

/// A change of which all is known: paths, owners and modes.
pub(crate) fn certain(name: &str, words: &[String]) -> Option<FileChange> {
    match name {
        "mkdir" => {
            let words = Words::new(words, &["-m", "--mode"]);
            Some(FileChange::Directories {
                mode: octal_value(&words)?,
                owner: Owner::default(),
                paths: absolute(&words.operands)?,
            })
        }
        "install" => {
            let words = Words::new(words, INSTALL);
            let owner = Owner {
                user: words.value(&["-o", "--owner"]).map(str::to_owned),
                group: words.value(&["-g", "--group"]).map(str::to_owned),
            };
            let mode = octal_value(&words)?;
            if words.has_letter('d') || words.has("--directory") {
                let paths = absolute(&words.operands)?;
                return Some(FileChange::Directories { paths, owner, mode });
            }
            let is_plain = owner == Owner::default() && words.value(&["-t"]).is_none();
            copy(&words.operands).filter(|_| is_plain)
        }
        "cp" => {
            let words = Words::new(words, &["-t", "-S", "--suffix"]);
            copy(&words.operands).filter(|_| words.value(&["-t"]).is_none())
        }
        "ln" => {
            let words = Words::new(words, &["-t", "-S", "--suffix"]);
            let is_symbolic = words.has_letter('s') || words.has("--symbolic");
            match words.operands.as_slice() {
                [target, path] if is_symbolic && path.starts_with('/') => Some(FileChange::Link {
                    path: (*path).to_owned(),
                    target: (*target).to_owned(),
                }),
                _ => None,
            }
        }
        "touch" => {
            let words = Words::new(words, &["-r", "--reference", "-d", "--date", "-t"]);
            Some(FileChange::Touched(absolute(&words.operands)?))
        }
        "chmod" => {
            let (mode, paths) = words.split_first()?;
            Some(FileChange::Mode {
                mode: u32::from_str_radix(mode, 8).ok()?,
                paths: absolute(paths)?,
            })
        }
        "chown" | "chgrp" => {
            let words = Words::new(words, &["--from", "--reference"]);
            let (owner, paths) = words.operands.split_first()?;
            let owner = match name {
                "chgrp" => Owner::of("", owner),
                _ => Owner::parse(owner),
            };
            let is_plain = words.value(&["--from", "--reference"]).is_none();
            let paths = absolute(paths).filter(|_| is_plain)?;
            if owner.is_root() {
                return Some(FileChange::OwnedByRoot);
            }
            Some(FileChange::Owned {
                owner,
                mode: None,
                is_recursive: words.has_letter('R') || words.has("--recursive"),
                paths,
            })
        }
        "dpkg-statoverride" => {
            let words = Words::new(words, &["--admindir", "--instdir", "--root"]);
            match words.operands.as_slice() {
                [user, group, mode, path] if words.has("--add") => Some(FileChange::Owned {
                    owner: Owner::of(user, group),
                    mode: Some(u32::from_str_radix(mode, 8).ok()?),
                    is_recursive: false,
                    paths: absolute(&[path])?,
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// ucf(1): a configuration file, of which the package ships the original.
pub(crate) fn configuration(words: &[String]) -> Option<FileChange> {
    let words = Words::new(words, UCF);
    let removes = words.has("-p") || words.has("--purge");
    copy(&words.operands).filter(|_| !removes)
}

/// odbcinst(1) with a driver's template: it is added to the list of drivers.
pub(crate) fn odbc_driver(words: &[String]) -> Option<FileChange> {
    let words = Words::new(words, &["-f", "-n"]);
    let source = words.value(&["-f"]).filter(|path| path.starts_with('/'))?;
    (words.has("-i") && words.has("-d")).then(|| FileChange::Appended {
        source: source.to_owned(),
        path: ODBC_DRIVERS.to_owned(),
    })
}

/// A copy of one file, both of whose paths are known.
fn copy(operands: &[&str]) -> Option<FileChange> {
    match operands {
        [source, path] if source.starts_with('/') && path.starts_with('/') => {
            Some(FileChange::Copy {
                source: (*source).to_owned(),
                path: (*path).to_owned(),
            })
        }
        _ => None,
    }
}

/// The value of `-m` in octal digits; the inner one is none without the option. Nothing if it is
/// another mode.
fn octal_value(words: &Words<'_>) -> Option<Option<u32>> {
    match words.value(&["-m", "--mode"]) {
        Some(mode) => u32::from_str_radix(mode, 8).ok().map(Some),
        None => Some(None),
    }
}

/// Paths, if there are any and all begin at the root.
fn absolute(paths: &[impl AsRef<str>]) -> Option<Vec<String>> {
    let paths = paths.iter().map(AsRef::as_ref);
    let absolute: Vec<String> = paths
        .clone()
        .filter(|path| path.starts_with('/'))
        .map(str::to_owned)
        .collect();
    (!absolute.is_empty() && absolute.len() == paths.len()).then_some(absolute)
}
