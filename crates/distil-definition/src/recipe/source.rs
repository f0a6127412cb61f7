//! Where a definition is from, which decides what its relative paths mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::RecipeError;
use super::position::{Position, Text};
use crate::catalogue::Catalogue;
use crate::format::Definition;
use crate::parse::parse;

/// The largest definition that is read.
const MAX_DEFINITION: u64 = 1 << 20;

/// The largest file that a definition may name.
const MAX_FILE: u64 = 1 << 30;

/// Whether a word that names a definition is the path of a file.
pub fn is_file_name(word: &str) -> bool {
    word.ends_with(".yaml") || word.ends_with(".yml")
}

/// A definition, and where its paths begin.
#[derive(Debug, Clone)]
pub struct Source {
    /// The definition.
    pub definition: Definition,
    /// Its text, to show positions in.
    pub text: Option<Text>,
    home: Home,
    /// What the command line changes, as a definition that stands on this one.
    changes: Option<Box<Definition>>,
}

/// What a definition's paths are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    /// Nothing: it is the catalogue's.
    Catalogue,
    /// The folder of its file, which its paths must not leave.
    File(PathBuf),
    /// The folder that the command runs in.
    CommandLine,
}

impl Source {
    /// The definition that `name` means: a file if it ends in `.yaml` or `.yml`, relative to
    /// `folder`, else one of the catalogue.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn find(name: &str, folder: Option<&Path>) -> Result<Self, RecipeError> {
        if !is_file_name(name) {
            let text = Text {
                origin: name.into(),
                text: Catalogue.text(name)?.into(),
            };
            return Self::new(text, Home::Catalogue);
        }
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let bytes = read(&path, MAX_DEFINITION)?;
        let not_utf8 = |_| failed(&path, "is not UTF-8".to_owned());
        let text = String::from_utf8(bytes).map_err(not_utf8)?;
        let text = Text {
            origin: path.display().to_string().into(),
            text: text.into(),
        };
        Self::new(text, Home::File(path))
    }

    /// A definition that is in no file, and so can name none.
    ///
    /// # Errors
    /// If the text is no definition.
    pub fn of_text(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let text = Text {
            origin: origin.into(),
            text: text.into(),
        };
        Self::new(text, Home::Catalogue)
    }

    fn new(text: Text, home: Home) -> Result<Self, RecipeError> {
        Ok(Self {
            definition: parse(&text.text, &text.origin)?,
            text: Some(text),
            home,
            changes: None,
        })
    }

    /// Changes the image from the command line. The definition's own layers stay as they are;
    /// what is added is a layer on top of them. Paths are relative to the folder that the
    /// command runs in.
    pub fn change(&mut self, mut changes: Definition) {
        let mut parts = vec![self.definition.name.as_str()];
        parts.extend(changes.packages.iter().map(|item| item.name.as_str()));
        if changes.packages.is_empty() {
            parts.push("local");
        }
        changes.name = parts.join("+");
        if changes
            != (Definition {
                name: changes.name.clone(),
                ..Definition::default()
            })
        {
            self.changes = Some(Box::new(changes));
        }
    }

    /// The definition as a text that no other has; for one that has none of its own.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, RecipeError> {
        serde_json::to_vec(&self.definition)
            .map_err(|error| failed(Path::new(&self.definition.name), error.to_string()))
    }

    /// What the command line changes, as a definition that stands on this one.
    pub(super) fn changes(&self) -> Option<Self> {
        let definition = self.changes.as_deref()?.clone();
        Some(Self {
            definition,
            text: None,
            home: Home::CommandLine,
            changes: None,
        })
    }

    /// The definition that this one stands on, as `from` names it.
    pub(super) fn parent(&self, from: &str) -> Result<Self, RecipeError> {
        let folder = match &self.home {
            Home::File(path) => path.parent(),
            _ => None,
        };
        Self::find(from, folder)
    }

    /// Whether two sources are one and the same: a file may have the name of an image of the
    /// catalogue and stand on it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.home, &other.home) {
            (Home::File(a), Home::File(b)) => {
                a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
            }
            (Home::Catalogue, Home::Catalogue) => self.definition.name == other.definition.name,
            _ => false,
        }
    }

    /// Whether an entry that has no effect is a mistake: in the user's own definitions it was
    /// written for a reason; in the catalogue's Debian may drop a file any day, and that must
    /// not break everybody's builds.
    pub(super) fn is_strict(&self) -> bool {
        self.home != Home::Catalogue
    }

    /// Reads a file that the definition names.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, RecipeError> {
        let path = match &self.home {
            Home::Catalogue => {
                let problem = "is named by the catalogue, which has no files";
                return Err(failed(Path::new(name), problem.to_owned()));
            }
            Home::CommandLine => PathBuf::from(name),
            Home::File(file) => {
                let folder = file.parent().unwrap_or(Path::new(""));
                let path = folder.join(name);
                let folder = match folder == Path::new("") {
                    true => Path::new("."),
                    false => folder,
                };
                // Links are followed first: what counts is where the bytes are.
                if let (Ok(real), Ok(folder)) = (path.canonicalize(), folder.canonicalize())
                    && !real.starts_with(&folder)
                {
                    let problem = "lies outside the folder of the definition that names it; a \
                                   definition has its files beside it or below";
                    return Err(failed(&path, problem.to_owned()));
                }
                path
            }
        };
        read(&path, MAX_FILE)
    }
}

fn failed(path: &Path, problem: String) -> RecipeError {
    RecipeError::File {
        path: path.to_owned(),
        problem,
        position: Position::default(),
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, RecipeError> {
    let failed = |problem: String| failed(path, problem);
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed("does not exist".to_owned()),
        _ => failed(format!("cannot be read: {error}")),
    })?;
    if metadata.is_dir() {
        return Err(failed("is a folder, and a file is asked for".to_owned()));
    }
    if !metadata.is_file() {
        // Opening a FIFO would wait for ever.
        return Err(failed("is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > limit {
        return Err(failed(format!("is larger than {limit} bytes")));
    }
    Ok(bytes)
}
