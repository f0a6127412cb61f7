//! How a program is found and started: execvp(3) as engines do it, and the kernel's `#!`.

use std::fmt;

use crate::{Entry, Kind, Tree, TreePath};

/// The longest first line that the kernel reads: `BINPRM_BUF_SIZE`.
pub const MAX_LINE: usize = 256;

/// Where engines look for programs if the image does not say: Docker's own default.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The interpreter that a script's first line names (execve(2)).
pub fn interpreter(head: &[u8]) -> Option<TreePath> {
    TreePath::from_absolute(shebang(head)?.0).ok()
}

/// The words of a script's first line: the interpreter, and its one argument, blanks and all.
pub fn shebang(head: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = trimmed(line);
    if line.is_empty() {
        return None;
    }
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let argument = trimmed(rest);
    Some((word, (!argument.is_empty()).then_some(argument)))
}

/// To the kernel (fs/binfmt_script.c) these two alone are blanks; a carriage return is a part of the
/// name.
fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(byte));
    let end = text.iter().rposition(|byte| !is_blank(byte));
    &text[start.unwrap_or(0)..end.map_or(0, |end| end + 1)]
}

/// Why a program cannot be run. Displays as a phrase that follows its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be a path.
    NotAPath,
    /// Nothing is there.
    Missing,
    /// No directory of `PATH`, which is this, has it.
    NotInPath(String),
    /// A directory is there.
    Folder,
    /// Nobody may execute what is there.
    Mode(TreePath, u32),
    /// It is neither a program for Linux nor a script.
    Format(TreePath),
    /// It is a script for what is not there.
    Interpreter {
        /// The script.
        script: TreePath,
        /// What its first line names.
        interpreter: TreePath,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPath => f.write_str("is not a path"),
            Self::Missing => f.write_str("is not in the image"),
            Self::NotInPath(path) => {
                let path = crate::printable(path.as_bytes());
                write!(f, "is in no directory of `PATH`, which is `{path}`")
            }
            Self::Folder => f.write_str("is a directory"),
            Self::Mode(place, mode) => {
                write!(f, "nobody may execute: the mode of `{place}` is {mode:04o}")
            }
            Self::Format(place) => write!(
                f,
                "is neither an ELF file nor a script: `{place}` does not begin with `#!`"
            ),
            Self::Interpreter { interpreter, .. } => {
                write!(
                    f,
                    "is a script for `{interpreter}`, which is not in the image"
                )
            }
        }
    }
}

/// Finds a program as execvp(3) does in a container: a name with a slash is a path, another one
/// is looked for in `path`. Gives the place of the file, or what is wrong.
///
/// # Errors
/// Why it cannot be run.
pub fn find(tree: &Tree, path: &str, workdir: &str, program: &str) -> Result<TreePath, Unusable> {
    if program.contains('/') {
        return match program.starts_with('/') {
            true => executable(tree, program),
            false => executable(tree, &format!("{workdir}/{program}")),
        };
    }
    let mut folders = path.split(':').filter(|folder| folder.starts_with('/'));
    let mut almost = None;
    let found = folders.find_map(
        |folder| match executable(tree, &format!("{folder}/{program}")) {
            Ok(place) => Some(place),
            // Engines ask for the mode alone; then the kernel fails.
            Err(unusable @ (Unusable::Interpreter { .. } | Unusable::Format(_))) => {
                almost.get_or_insert(unusable);
                None
            }
            Err(_) => None,
        },
    );
    found.ok_or_else(|| almost.unwrap_or_else(|| Unusable::NotInPath(path.to_owned())))
}

/// The interpreter of a file, if it is a script.
fn script_of(entry: &Entry) -> Option<TreePath> {
    let head = entry.file()?.content.head(MAX_LINE).ok()?;
    interpreter(&head)
}

/// Whether the kernel knows how to start a file (execve(2)); what somebody may have registered with
/// binfmt_misc does not come with the image.
fn is_program(entry: &Entry) -> bool {
    let head = entry.file().and_then(|file| file.content.head(4).ok());
    head.is_some_and(|head| crate::elf::is_elf(&head) || head.starts_with(b"#!"))
}

fn executable(tree: &Tree, path: &str) -> Result<TreePath, Unusable> {
    let path = TreePath::lexical(path).ok_or(Unusable::NotAPath)?;
    let (place, entry) = tree.follow(&path).ok_or(Unusable::Missing)?;
    match entry.kind {
        Kind::Directory => Err(Unusable::Folder),
        _ if entry.is_executable() => match script_of(entry) {
            Some(interpreter) if tree.follow(&interpreter).is_none() => {
                Err(Unusable::Interpreter {
                    script: place,
                    interpreter,
                })
            }
            None if !is_program(entry) => Err(Unusable::Format(place)),
            _ => Ok(place),
        },
        _ => Err(Unusable::Mode(place, entry.meta.mode)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let of = |head: &[u8]| interpreter(head).map(|path| path.to_string());
        assert_eq!(of(b"#!/bin/sh\necho"), Some("/bin/sh".to_owned()));
        let env = b"#! /usr/bin/env python3\n";
        assert_eq!(of(env), Some("/usr/bin/env".to_owned()));
        assert_eq!(
            shebang(env),
            Some((&b"/usr/bin/env"[..], Some(&b"python3"[..])))
        );
        assert_eq!(shebang(b"#!/bin/x\r\n"), Some((&b"/bin/x\r"[..], None)));
        assert_eq!(shebang(b"#!\t/bin/x \t\n"), Some((&b"/bin/x"[..], None)));
        assert_eq!(of(b"\x7fELF"), None);
        assert_eq!(of(b"#!\n/bin/sh"), None);
        assert_eq!(of(b"#! \n"), None);
    }
}
