//! A Python application of a definition, made plain: its lock file read, its directories of wheels
//! listed.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_app::python::lock::{LockError, LockFile, MAX_LOCK, Selection, outdated};
use distil_app::python::{Name, WheelName};
use distil_net::Url;
use distil_store::Digest;
use distil_tree::TreePath;

use super::causes::with_causes;
use super::error::RecipeError;
use super::part::Part;
use super::position::Position;
use super::values::Lowering;
use crate::application::PythonItem;

/// The key of definitions.
const KEY: &str = "python";

/// The most wheels of directories.
const MAX_WHEELS: usize = 10_000;

/// A Python application before it is known which wheels fit.
#[derive(Debug, Clone)]
pub struct NewPython {
    /// The lock file as the definition names it.
    pub from: String,
    /// The lock.
    pub lock: Arc<LockFile>,
    /// The digest of the lock file.
    pub digest: Digest,
    /// The bytes of the lock file.
    pub size: u64,
    /// The directory that the lock's relative paths are in, and the one that they must stay in.
    pub directory: (PathBuf, PathBuf),
    /// What is wanted of it.
    pub selection: Selection,
    /// The directory of the image.
    pub to: TreePath,
    /// The wheels of the directories that the definition names.
    pub wheels: Vec<LocalWheel>,
    /// The indexes that the definition names.
    pub indexes: Vec<Url>,
    /// The position of the lock file's name.
    pub position: Position,
}

/// A wheel of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalWheel {
    /// It as the definition would name it.
    pub from: String,
    /// Where it is.
    pub path: PathBuf,
    /// What its name says.
    pub name: WheelName,
    /// Its file name.
    pub file: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Lowering<'_> {
    /// The Python application of the definition, if it has one.
    pub(super) fn python(&self) -> Result<Option<NewPython>, RecipeError> {
        let Some(item) = &self.definition.python else {
            return Ok(None);
        };
        let part = Part::of(KEY);
        let lock_part = part.key("lock");
        self.check_harmless(&lock_part, &item.lock)?;
        let text = self.text(&lock_part, &item.lock)?;
        let (before, file_name) = match item.lock.rsplit_once('/') {
            Some((before, name)) => (format!("{before}/"), name),
            None => (String::new(), item.lock.as_str()),
        };
        let wrong = |error: &LockError| {
            self.error(
                &lock_part,
                format!("`{}` {}", item.lock, with_causes(error)),
            )
        };
        let lock = LockFile::parse(file_name, &text).map_err(|error| wrong(&error))?;
        self.check_project(&lock_part, item, &lock, &format!("{before}pyproject.toml"))?;
        let place = self.find(&lock_part, &item.lock)?;
        let directory = place.parent().unwrap_or(Path::new("")).to_owned();
        let depth = before
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .count();
        let root = directory
            .ancestors()
            .nth(depth)
            .unwrap_or(Path::new(""))
            .to_owned();
        let to_part = part.key("to");
        let to = self.path(&to_part, &item.to)?;
        if to.is_root() {
            let problem = "distributions are not installed into the root of the image";
            return Err(self.error(&to_part, problem));
        }
        let mut indexes = Vec::new();
        for (number, index) in item.index.iter().enumerate() {
            let part = part.key("index").index(number);
            let index = self.expand(&part, index)?;
            self.check_harmless(&part, &index)?;
            let index: Url = index.parse().map_err(|error| self.error(&part, error))?;
            if index.login().is_some() {
                let problem = "the address has a user or a password in it, which would stand in the \
                               definition for all to read; they belong in `~/.netrc`";
                return Err(self.error(&part, problem));
            }
            indexes.push(index);
        }
        let project = item.project.as_ref();
        let project = project.map(|name| {
            let part = part.key("project");
            Name::parse(name).map_err(|error| self.error(&part, error))
        });
        Ok(Some(NewPython {
            from: item.lock.clone(),
            digest: Digest::of(&text),
            size: text.len() as u64,
            lock: Arc::new(lock),
            directory: (directory, root),
            selection: Selection {
                groups: self.names(&part.key("groups"), &item.groups)?,
                extras: self.names(&part.key("extras"), &item.extras)?,
                member: project.transpose()?,
            },
            to,
            wheels: self.wheels(&part.key("find-links"), &item.find_links)?,
            indexes,
            position: self.position(&lock_part),
        }))
    }

    fn text(&self, part: &Part, name: &str) -> Result<String, RecipeError> {
        let bytes = self.read(part, name, MAX_LOCK)?;
        String::from_utf8(bytes).map_err(|_| self.error(part, format!("`{name}` is not UTF-8")))
    }

    /// Refuses a lock that is out of date with the project beside it.
    fn check_project(
        &self,
        part: &Part,
        item: &PythonItem,
        lock: &LockFile,
        pyproject: &str,
    ) -> Result<(), RecipeError> {
        let exists = self.find(part, pyproject).is_ok_and(|path| path.is_file());
        if !exists {
            return Ok(());
        }
        let text = self.text(part, pyproject)?;
        let differences = outdated(lock, &text)
            .map_err(|error| self.error(part, format!("`{pyproject}` {}", with_causes(&error))))?;
        match differences.first() {
            None => Ok(()),
            Some(first) => {
                let lock = &item.lock;
                let problem =
                    format!("`{lock}` is out of date with `{pyproject}`: {first}; run `uv lock`");
                Err(self.error(part, problem))
            }
        }
    }

    fn names(&self, part: &Part, names: &[String]) -> Result<BTreeSet<Name>, RecipeError> {
        let names = names.iter().enumerate().map(|(index, name)| {
            Name::parse(name).map_err(|error| self.error(&part.index(index), error))
        });
        names.collect()
    }

    /// The wheels of directories, those of the first directory first, each with its digest.
    fn wheels(&self, part: &Part, directories: &[String]) -> Result<Vec<LocalWheel>, RecipeError> {
        let mut wheels = Vec::new();
        for (index, directory) in directories.iter().enumerate() {
            let part = part.index(index);
            self.check_harmless(&part, directory)?;
            let place = self.find(&part, directory)?;
            let unreadable = |path: &Path, error: std::io::Error| {
                self.error(
                    &part,
                    format!("`{}` cannot be read: {error}", path.display()),
                )
            };
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&place).map_err(|error| unreadable(&place, error))? {
                let entry = entry.map_err(|error| unreadable(&place, error))?;
                names.extend(entry.file_name().into_string().ok());
            }
            names.retain(|name| name.ends_with(".whl"));
            names.sort();
            if wheels.len() + names.len() > MAX_WHEELS {
                return Err(self.error(&part, format!("there are more than {MAX_WHEELS} wheels")));
            }
            for file in names {
                let path = place.join(&file);
                let name = WheelName::parse(&file).map_err(|error| self.error(&part, error))?;
                let is_file = path
                    .metadata()
                    .map_err(|error| unreadable(&path, error))?
                    .is_file();
                if !is_file {
                    let problem = format!("`{}` is not a regular file", path.display());
                    return Err(self.error(&part, problem));
                }
                let opened = File::open(&path).and_then(|mut file| Digest::of_reader(&mut file));
                let (sha256, size) = opened.map_err(|error| unreadable(&path, error))?;
                wheels.push(LocalWheel {
                    from: format!("{}/{file}", directory.trim_end_matches('/')),
                    path,
                    name,
                    file,
                    sha256,
                    size,
                });
            }
        }
        Ok(wheels)
    }
}
