//! Where a definition is from, which decides what its relative paths mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_bundle::{Listing, ListingError, PathRules};
use distil_tree::folder::FolderError;
use distil_tree::{Patterns, ReadFileError, read_file, read_file_within};

use super::author::Author;
use super::error::RecipeError;
use super::position::{Position, Text};
use crate::catalogue::Catalogue;
use crate::format::Definition;
use crate::item::PackageItem;
use crate::parse::{DefinitionError, parse};

/// The largest definition that is read.
const MAX_DEFINITION: u64 = 1 << 20;

/// What is wrong with a file of a definition that lies elsewhere.
const OUTSIDE: &str = "lies outside the directory of the definition that names it; a definition has \
                       its files beside it or below";

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
    /// Definitions that are not read from their files, by the paths of these.
    texts: Arc<BTreeMap<PathBuf, String>>,
}

/// What a definition's paths are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    /// Nothing: it is the catalogue's.
    Catalogue,
    /// The directory of its file, which its paths must not leave.
    File(PathBuf),
    /// The directory that the command runs in.
    CommandLine,
}

/// Where a definition is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The catalogue that ships with distil.
    Catalogue,
    /// A file.
    File,
    /// The flags of a command line.
    Flags,
}

impl Source {
    /// Where the definition is from.
    pub fn origin(&self) -> Origin {
        match self.home {
            Home::Catalogue => Origin::Catalogue,
            Home::File(_) => Origin::File,
            Home::CommandLine => Origin::Flags,
        }
    }

    /// The file that the definition is in, if it is in one.
    pub fn file(&self) -> Option<&Path> {
        match &self.home {
            Home::File(path) => Some(path),
            _ => None,
        }
    }

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
        Self::of_file(folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name)))
    }

    fn of_file(path: PathBuf) -> Result<Self, RecipeError> {
        let bytes = read_file(&path, MAX_DEFINITION);
        let bytes = bytes.map_err(|error| failed(&path, error.to_string()))?;
        let not_utf8 = |_| failed(&path, "is not UTF-8".to_owned());
        let text = String::from_utf8(bytes).map_err(not_utf8)?;
        let text = Text {
            origin: path.display().to_string().into(),
            text: text.into(),
        };
        Self::new(text, Home::File(path))
    }

    /// A definition whose text, and the texts of those that it stands on, are known without their files;
    /// what else it names lies where its path says.
    ///
    /// # Errors
    /// If it is not among the texts, or is not a definition.
    pub fn of_texts(path: PathBuf, texts: BTreeMap<PathBuf, String>) -> Result<Self, RecipeError> {
        Self::known(path, &Arc::new(texts))
    }

    fn known(path: PathBuf, texts: &Arc<BTreeMap<PathBuf, String>>) -> Result<Self, RecipeError> {
        let Some(text) = texts.get(&path) else {
            return match texts.is_empty() {
                true => Self::of_file(path),
                false => Err(failed(&path, "is not among the definitions".to_owned())),
            };
        };
        let text = Text {
            origin: path.display().to_string().into(),
            text: text.as_str().into(),
        };
        let source = Self::new(text, Home::File(path))?;
        Ok(Self {
            texts: Arc::clone(texts),
            ..source
        })
    }

    /// The texts of the definition and of those of files that it stands on, the definition's own
    /// first, with their paths relative to its directory. Empty of one that is in no file.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn texts(&self) -> Result<Vec<(PathBuf, String)>, RecipeError> {
        let Some(file) = self.file() else {
            return Ok(Vec::new());
        };
        let folder = folder_of(file);
        let chain = super::chain::chain(self.clone())?;
        let files = chain.iter().rev().filter_map(|one| {
            let path = one.file()?;
            let path = path.strip_prefix(folder).unwrap_or(path);
            Some((path.to_owned(), one.text.as_ref()?.text.to_string()))
        });
        Ok(files.collect())
    }

    /// A definition that is in no file, and so can name none.
    ///
    /// # Errors
    /// If the text is not a definition.
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
            texts: Arc::default(),
        })
    }

    /// What the command line changes, if it changes anything.
    pub fn written_changes(&self) -> Option<&Definition> {
        self.changes.as_deref()
    }

    /// Changes the image from the command line. The definition's own layers stay as they are;
    /// what is added is a layer on top of them. Paths are relative to the directory that the
    /// command runs in.
    pub fn change(&mut self, mut changes: Definition) {
        let mut parts = vec![self.definition.name.as_str()];
        parts.extend(changes.packages.iter().map(PackageItem::label));
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

    /// Whose image it is.
    pub fn author(&self) -> Author {
        match (&self.home, &self.changes) {
            (Home::File(_), _) => Author::File,
            (Home::CommandLine, _) | (Home::Catalogue, Some(_)) => Author::CommandLine,
            (Home::Catalogue, None) => Author::Catalogue,
        }
    }

    /// What the command line changes, if it changes anything.
    pub fn changed(&self) -> Option<&Definition> {
        self.changes.as_deref()
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
            texts: Arc::default(),
        })
    }

    /// The definition that this one stands on, as `from` names it. It may lie anywhere, as those
    /// of several images in one repository do; but of a file elsewhere nothing is shown until it
    /// turns out to be a definition, or whoever wrote this one could have any file shown.
    pub(super) fn parent(&self, from: &str) -> Result<Self, RecipeError> {
        let folder = match &self.home {
            Home::File(path) => folder_of(path),
            _ => Path::new("."),
        };
        if !is_file_name(from) {
            return Self::find(from, None);
        }
        let path = match folder == Path::new(".") {
            true => PathBuf::from(from),
            false => folder.join(from),
        };
        let is_below = match (path.canonicalize(), folder.canonicalize()) {
            (Ok(real), Ok(folder)) => real.starts_with(folder),
            _ => false,
        };
        match Self::known(path, &self.texts) {
            Err(RecipeError::Definition(DefinitionError { origin, .. })) if !is_below => {
                let problem = "what is wrong with it is not shown, since it lies outside the \
                               directory of the definition that names it; `distil build` of the file \
                               itself shows it";
                Err(RecipeError::Definition(DefinitionError {
                    origin,
                    problem: problem.to_owned(),
                }))
            }
            other => other,
        }
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

    /// The file of this machine that a path of the definition means; its last part may be a pattern
    /// that only one file matches. As files are, it lies beside the definition or below, unless flags
    /// name it.
    pub(super) fn find_beside(&self, name: &str) -> Result<PathBuf, RecipeError> {
        match &self.home {
            Home::Catalogue => {
                let problem = "is named by the catalogue, which has no files";
                Err(failed(Path::new(name), problem.to_owned()))
            }
            Home::CommandLine => only_match(Path::new(name)),
            Home::File(file) => {
                let folder = folder_of(file);
                let path = only_match(&beside(folder, name))?;
                within(folder, &path)?;
                Ok(path)
            }
        }
    }

    /// What a directory that the definition names has, but for what `exclude` and the file of
    /// patterns beside the definition leave out. As files do, it lies beside the definition or
    /// below; one that flags name may lie anywhere, and has that file in itself.
    pub(super) fn list(&self, name: &str, exclude: PathRules) -> Result<Listing, RecipeError> {
        let exclude = (String::new(), exclude);
        let ignored = |directory: &Path| {
            let rules = Listing::ignored(directory);
            rules.map_err(|error| failed(directory, unusable(&error)))
        };
        match &self.home {
            Home::Catalogue => {
                let problem = "is named by the catalogue, which has no files";
                Err(failed(Path::new(name), problem.to_owned()))
            }
            Home::CommandLine => {
                let place = Path::new(name);
                let ignored = ignored(place)?.map(|rules| (String::new(), rules));
                listing(place, ignored.into_iter().chain([exclude]).collect())
            }
            Home::File(file) => {
                let folder = folder_of(file);
                let shown = beside(folder, name);
                let inner = within(folder, &shown)?;
                let before = match inner.to_str() {
                    Some("") => String::new(),
                    Some(inner) => format!("{inner}/"),
                    None => return Err(failed(&shown, "has a name that is not UTF-8".to_owned())),
                };
                let ignored = ignored(folder)?.map(|rules| (before, rules));
                listing(&shown, ignored.into_iter().chain([exclude]).collect())
            }
        }
    }

    /// Reads a file that the definition names, of which there may be `limit` bytes. What counts
    /// is where its bytes are, not which links lead there.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, RecipeError> {
        let (path, bytes) = match &self.home {
            Home::Catalogue => {
                let problem = "is named by the catalogue, which has no files";
                return Err(failed(Path::new(name), problem.to_owned()));
            }
            Home::CommandLine => (PathBuf::from(name), read_file(Path::new(name), limit)),
            Home::File(file) => {
                let folder = file.parent().unwrap_or(Path::new(""));
                let bytes = read_file_within(folder_of(file), Path::new(name), limit);
                (folder.join(name), bytes)
            }
        };
        bytes.map_err(|error| match error {
            ReadFileError::Outside => failed(&path, OUTSIDE.to_owned()),
            error => failed(&path, error.to_string()),
        })
    }
}

/// A path as a definition in this directory means it, as it is shown.
fn beside(folder: &Path, name: &str) -> PathBuf {
    match folder == Path::new(".") {
        true => PathBuf::from(name),
        false => folder.join(name),
    }
}

/// The path, without links, of a file below the directory that it must be in.
fn within(folder: &Path, path: &Path) -> Result<PathBuf, RecipeError> {
    let real = |path: &Path| {
        let real = path.canonicalize();
        real.map_err(|error| {
            let problem = match error.kind() {
                std::io::ErrorKind::NotFound => "does not exist".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            failed(path, problem)
        })
    };
    let (place, folder) = (real(path)?, real(folder)?);
    let inner = place.strip_prefix(&folder).map(Path::to_owned);
    inner.map_err(|_| failed(path, OUTSIDE.to_owned()))
}

/// The one file that a path means whose last part may be a pattern with `*` in it.
fn only_match(path: &Path) -> Result<PathBuf, RecipeError> {
    let (Some(name), Some(folder)) = (
        path.file_name().and_then(|name| name.to_str()),
        path.parent(),
    ) else {
        return Err(failed(path, "is not the name of a file".to_owned()));
    };
    if !name.contains('*') {
        return Ok(path.to_owned());
    }
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let pattern = Patterns::new(&[format!("/{name}")]);
    let pattern = pattern.map_err(|error| failed(path, format!("is no pattern: {error}")))?;
    let unreadable = |error: std::io::Error| failed(folder, format!("cannot be read: {error}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.file_name();
        if let Some(entry) = entry
            .to_str()
            .filter(|entry| pattern.any(&format!("/{entry}")))
        {
            found.push(entry.to_owned());
        }
    }
    found.sort();
    match &found[..] {
        [one] => Ok(folder.join(one)),
        [] => Err(failed(path, "matches no file".to_owned())),
        many => {
            let problem = format!("matches more than one file: `{}`", many.join("`, `"));
            Err(failed(path, problem))
        }
    }
}

/// What a directory has, as somebody's error if it cannot be read.
fn listing(place: &Path, excluded: Vec<(String, PathRules)>) -> Result<Listing, RecipeError> {
    Listing::of(place, excluded).map_err(|error| failed(place, unusable(&error)))
}

/// Why a directory cannot be copied, with all causes; it follows the directory's name.
fn unusable(error: &ListingError) -> String {
    let mut text = format!("cannot be copied: {error}");
    if let ListingError::Folder(FolderError::NotAFolder(_)) = error {
        text.push_str("; `files` brings a single file");
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The directory that a file is in.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn failed(path: &Path, problem: String) -> RecipeError {
    RecipeError::File {
        path: path.to_owned(),
        problem,
        position: Position::default(),
    }
}
