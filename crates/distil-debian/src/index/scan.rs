//! Finds the stanzas of an index in its text, without parsing more than that needs.

use crate::index::error::IndexError;
use crate::package::PackageError;
use crate::relation;

/// The parts of a stanza that it is found by.
pub(super) struct Stanza<'a> {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Where it starts, counted from 1.
    pub(super) line: u64,
    pub(super) package: &'a str,
    pub(super) architecture: &'a str,
    pub(super) provides: Option<&'a str>,
}

/// What is wrong with a stanza, and where it starts.
pub(super) struct Problem {
    line: u64,
    package: String,
    source: PackageError,
}

impl Problem {
    pub(super) fn in_pocket(self, pocket: Option<&str>) -> IndexError {
        IndexError::Package {
            package: self.package,
            line: self.line,
            pocket: pocket.map(str::to_owned),
            source: self.source,
        }
    }
}

/// Calls `found` with each stanza of `text`, which is at most 4 GiB long and starts at `line`.
pub(super) fn stanzas<'a>(
    text: &'a str,
    mut line: u64,
    mut found: impl FnMut(Stanza<'a>) -> Result<(), PackageError>,
) -> Result<(), Problem> {
    let mut draft = Draft {
        line,
        ..Draft::default()
    };
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or("");
        let length = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
        let this = rest.get(..length).unwrap_or(rest);
        if is_blank(this) {
            draft.finish(start, at, &mut found)?;
            start = at + length;
            draft.line = line + 1;
        } else {
            draft.take(text, at, this);
        }
        at += length;
        line += 1;
    }
    draft.finish(start, at, &mut found)
}

fn is_blank(line: &str) -> bool {
    matches!(line.as_bytes().first(), Some(b' ' | b'\t' | b'\n'))
        && line
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\n'))
}

/// The fields of the stanza that is being scanned.
#[derive(Default)]
struct Draft<'a> {
    any: bool,
    line: u64,
    package: Option<&'a str>,
    architecture: Option<&'a str>,
    /// Where the value of `Provides` starts and ends.
    provides: Option<(usize, usize)>,
    /// Whether the last field was `Provides`, so that continuation lines belong to it.
    in_provides: bool,
    text: &'a str,
}

impl<'a> Draft<'a> {
    /// Takes the next line, which starts at `at` in `text` and is not blank.
    fn take(&mut self, text: &'a str, at: usize, line: &'a str) {
        self.text = text;
        self.any = true;
        match line.as_bytes().first() {
            Some(b'#') => return,
            Some(b' ' | b'\t') => {
                if let (true, Some(provides)) = (self.in_provides, &mut self.provides) {
                    provides.1 = at + line.len();
                }
                return;
            }
            _ => {}
        }
        self.in_provides = false;
        let value = |name: &str| {
            let (field, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(':')?;
            field.eq_ignore_ascii_case(name).then_some(value)
        };
        // Most lines are told apart by their first letter.
        match line.as_bytes().first().map(u8::to_ascii_lowercase) {
            Some(b'p') => {
                if let Some(name) = value("Package") {
                    self.package.get_or_insert(name.trim());
                } else if let Some(provides) = value("Provides") {
                    let end = at + line.len();
                    self.in_provides = self.provides.is_none();
                    self.provides.get_or_insert((end - provides.len(), end));
                }
            }
            Some(b'a') => {
                if let Some(name) = value("Architecture") {
                    self.architecture.get_or_insert(name.trim());
                }
            }
            _ => {}
        }
    }

    /// Hands over what was taken, if anything was, and starts anew.
    fn finish(
        &mut self,
        start: usize,
        end: usize,
        found: &mut impl FnMut(Stanza<'a>) -> Result<(), PackageError>,
    ) -> Result<(), Problem> {
        let draft = std::mem::take(self);
        if !draft.any {
            return Ok(());
        }
        let problem = |source| Problem {
            line: draft.line,
            package: draft.package.unwrap_or("").chars().take(80).collect(),
            source,
        };
        let present = |name, value: Option<&'a str>| match value {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(problem(PackageError::Missing(name))),
        };
        let package = present("Package", draft.package)?;
        if !relation::is_package_name(package) {
            return Err(problem(PackageError::Name {
                field: "Package",
                value: package.chars().take(80).collect(),
            }));
        }
        found(Stanza {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            line: draft.line,
            package,
            architecture: present("Architecture", draft.architecture)?,
            provides: draft
                .provides
                .and_then(|(start, end)| draft.text.get(start..end)),
        })
        .map_err(problem)
    }
}
