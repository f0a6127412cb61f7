//! Where a definition is from, which decides what its relative paths mean.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::RecipeError;
use crate::definition::{Catalogue, Definition, PackageItem, parse};

/// The largest definition that is read.
const MAX_DEFINITION: u64 = 1 << 20;

/// The largest file that a definition may name.
const MAX_FILE: u64 = 1 << 30;

/// A definition, and the folder that its paths are relative to.
#[derive(Debug, Clone)]
pub struct Source {
    /// The definition.
    pub definition: Definition,
    /// Its folder; none for the catalogue's.
    pub folder: Option<PathBuf>,
    /// Packages that are asked for on top of it, in a layer of their own.
    pub added: Vec<PackageItem>,
}

impl Source {
    /// The definition that `name` means: a file if it ends in `.yaml` or `.yml`, relative to
    /// `folder`, else one of the catalogue.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn find(name: &str, folder: Option<&Path>) -> Result<Self, RecipeError> {
        if !name.ends_with(".yaml") && !name.ends_with(".yml") {
            let definition = Catalogue.get(name)?;
            return Ok(Self::new(definition, None));
        }
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let bytes = read(&path, MAX_DEFINITION)?;
        let text = String::from_utf8(bytes).map_err(|_| RecipeError::File {
            path: path.clone(),
            problem: "is not UTF-8".to_owned(),
        })?;
        let definition = parse(&text, &path.display().to_string())?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self::new(definition, Some(folder)))
    }

    fn new(definition: Definition, folder: Option<PathBuf>) -> Self {
        Self {
            definition,
            folder,
            added: Vec::new(),
        }
    }

    /// Asks for more packages. The definition's own layers stay as they are.
    pub fn add_packages(&mut self, relations: &[String]) {
        let items = relations
            .iter()
            .map(|relation| PackageItem::whole(relation));
        self.added.extend(items);
    }

    /// What was added, as a definition that stands on this one.
    pub(super) fn addition(&self) -> Option<Self> {
        let definition = Definition {
            name: format!("{}+{}", self.definition.name, names(&self.added)),
            packages: self.added.clone(),
            ..Definition::default()
        };
        let folder = Some(PathBuf::new());
        (!self.added.is_empty()).then(|| Self::new(definition, folder))
    }

    /// Reads a file that the definition names.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, RecipeError> {
        let Some(folder) = &self.folder else {
            let problem = "is named by the catalogue, which has no files".to_owned();
            return Err(RecipeError::File {
                path: path.into(),
                problem,
            });
        };
        read(&folder.join(path), MAX_FILE)
    }
}

fn names(items: &[PackageItem]) -> String {
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    names.join("+")
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, RecipeError> {
    let failed = |problem: String| RecipeError::File {
        path: path.to_owned(),
        problem,
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed("does not exist".to_owned()),
        _ => failed(format!("cannot be read: {error}")),
    })?;
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
