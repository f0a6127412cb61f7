//! What this process's surroundings say: variables, and small files of settings.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file of settings or credentials that is read.
const MAX_FILE: u64 = 4 << 20;

/// What gives a variable by its name.
type Variables = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Variables of the environment. That of the process by default; a test brings its own.
#[derive(Clone)]
pub struct Environment {
    variables: Arc<Variables>,
    /// The home directory of a user whose `HOME` is not set.
    home: fn() -> Option<PathBuf>,
    /// Where the machine's own settings are, `/etc`.
    etc: PathBuf,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self {
            variables: Arc::new(|name| std::env::var_os(name)),
            home: std::env::home_dir,
            etc: PathBuf::from("/etc"),
        }
    }

    /// One of these variables alone, and with the machine's settings in this directory.
    pub fn of(
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>,
        etc: impl Into<PathBuf>,
    ) -> Self {
        let variables: std::collections::BTreeMap<String, OsString> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables: Arc::new(move |name| variables.get(name).cloned()),
            home: || None,
            etc: etc.into(),
        }
    }

    /// A variable, if it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// A variable that is a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// The user's home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(self.home)
    }

    /// The directory of the machine's settings.
    pub fn etc(&self) -> &Path {
        &self.etc
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::of_process()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// The files of a directory of parts, by the rule of apt (apt.conf(5)): in the order of their names, with the
/// suffix `.conf` or none, and no odd characters.
pub(crate) fn parts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_suited = path.extension().is_none_or(|suffix| suffix == "conf");
            is_suited
                && name.is_some_and(|name| !name.starts_with('.') && name.chars().all(is_usual))
        })
        .collect();
    files.sort();
    files
}

/// A small file's bytes; none if there is no such file.
///
/// # Errors
/// If it cannot be read, is not a plain file, or is larger than any such file is.
pub(crate) fn read_small(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let is_absent = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    };
    // Before it is opened, since opening a pipe waits for its other end.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is not a plain file")),
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(io::Error::other("it is too large")),
        false => Ok(Some(bytes)),
    }
}
