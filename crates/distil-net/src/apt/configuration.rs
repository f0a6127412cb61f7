//! The options of apt's configuration, and the files that they are read from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::{Environment, parts, read_small};

use super::error::AptError;
use super::syntax::{Statement, parse};

/// How far files may include each other, as with apt, and how many are read in all.
const MAX_DEPTH: u32 = 10;
const MAX_FILES: usize = 1000;

/// The options of apt's configuration.
///
/// Names are compared without regard to case, as apt does.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    options: BTreeMap<String, Value>,
    /// Files that this user may not read; one of them may say how archives are reached.
    unreadable: Vec<PathBuf>,
    files: usize,
}

/// The value of an option.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// The option, as it is written.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) file: PathBuf,
}

impl Configuration {
    /// What apt itself would read: the file that `APT_CONFIG` names, the parts in `apt.conf.d`, and
    /// `apt.conf` (apt.conf(5)). What is read later goes before.
    ///
    /// # Errors
    /// If a file is not in apt's syntax, or cannot be read for another reason than that this user may not.
    pub fn read(environment: &Environment) -> Result<Self, AptError> {
        let mut configuration = Self::default();
        if let Some(file) = environment.path("APT_CONFIG") {
            configuration.read_file(&file, 0)?;
        }
        let etc = environment.etc();
        let parts_of = configuration.path(etc, "parts", "apt.conf.d");
        configuration.read_directory(&parts_of, 0)?;
        let main = configuration.path(etc, "main", "apt.conf");
        configuration.read_file(&main, 0)?;
        Ok(configuration)
    }

    /// What one file says, which is named like this in messages. Directives to read others are passed over.
    ///
    /// # Errors
    /// If it is not in apt's syntax.
    pub fn of_text(text: &str, file: &Path) -> Result<Self, AptError> {
        let mut configuration = Self::default();
        for statement in statements(text, file)? {
            configuration.follow(statement, file);
        }
        Ok(configuration)
    }

    /// The files that this user may not read.
    pub fn unreadable(&self) -> &[PathBuf] {
        &self.unreadable
    }

    /// An option that has a value, and not the empty one.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let value = self.options.get(&name.to_ascii_lowercase());
        value.filter(|value| !value.text.is_empty())
    }

    /// A path of apt's directories: one that is relative is in the directory above (apt.conf(5),
    /// "DIRECTORIES").
    fn path(&self, etc: &Path, option: &str, usual: &str) -> PathBuf {
        let text = |name: &str| self.get(name).map(|value| value.text.as_str());
        let root = text("Dir").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let directory = match (text("Dir::Etc"), text("Dir")) {
            (Some(directory), _) => root.join(directory),
            (None, Some(_)) => root.join("etc/apt"),
            (None, None) => etc.join("apt"),
        };
        directory.join(text(&format!("Dir::Etc::{option}")).unwrap_or(usual))
    }

    fn read_file(&mut self, file: &Path, depth: u32) -> Result<(), AptError> {
        let failed = |problem: String| AptError::Read {
            file: file.to_owned(),
            problem,
        };
        self.files += 1;
        if self.files > MAX_FILES || depth > MAX_DEPTH {
            return Err(failed("too many files include each other".to_owned()));
        }
        // What apt's own tools write for "no such file".
        if file == Path::new("/dev/null") {
            return Ok(());
        }
        let bytes = match read_small(file) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.unreadable.push(file.to_owned());
                return Ok(());
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        for statement in statements(&String::from_utf8_lossy(&bytes), file)? {
            match statement {
                Statement::Include(path) if path.ends_with('/') => {
                    self.read_directory(Path::new(&path), depth + 1)?;
                }
                Statement::Include(path) => self.read_file(Path::new(&path), depth + 1)?,
                statement => self.follow(statement, file),
            }
        }
        Ok(())
    }

    fn read_directory(&mut self, directory: &Path, depth: u32) -> Result<(), AptError> {
        for file in parts(directory) {
            self.read_file(&file, depth)?;
        }
        Ok(())
    }

    fn follow(&mut self, statement: Statement, file: &Path) {
        match statement {
            Statement::Set { name, value } => {
                let value = Value {
                    name: name.clone(),
                    text: value,
                    file: file.to_owned(),
                };
                self.options.insert(name.to_ascii_lowercase(), value);
            }
            Statement::Clear(name) => {
                let name = name.to_ascii_lowercase();
                let below = format!("{name}::");
                self.options
                    .retain(|known, _| *known != name && !known.starts_with(&below));
            }
            Statement::Include(_) => {}
        }
    }
}

fn statements(text: &str, file: &Path) -> Result<Vec<Statement>, AptError> {
    parse(text).map_err(|fault| AptError::Syntax {
        file: file.to_owned(),
        line: fault.line,
        problem: fault.problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_apts_order() {
        let directory = tempfile::tempdir().unwrap();
        let apt = directory.path().join("apt");
        let parts = apt.join("apt.conf.d");
        std::fs::create_dir_all(&parts).unwrap();
        let first = directory.path().join("first.conf");
        let read = || {
            let environment = Environment::of([("APT_CONFIG", &first)], directory.path());
            let configuration = Configuration::read(&environment).unwrap();
            configuration.get("a::b").map(|value| value.text.clone())
        };
        let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
        assert_eq!(read(), None);
        write(&first, "A::B first;");
        assert_eq!(read().unwrap(), "first");
        write(&parts.join("20x"), "a { b \"twenty\"; };");
        write(&parts.join("10x.conf"), "a::b ten;");
        write(&parts.join("30x.dpkg-old"), "a::b thirty;");
        assert_eq!(read().unwrap(), "twenty");
        write(&apt.join("apt.conf"), "a::b main;");
        assert_eq!(read().unwrap(), "main");
        write(&apt.join("apt.conf"), "#clear A;");
        assert_eq!(read(), None);
        let more = directory.path().join("more");
        std::fs::create_dir(&more).unwrap();
        write(&more.join("x"), "a::b included;");
        let include = format!("#include \"{}/\";", more.display());
        write(&apt.join("apt.conf"), &include);
        assert_eq!(read().unwrap(), "included");
        let elsewhere = format!("Dir::Etc::Parts \"{}\"; A::B first;", more.display());
        write(&first, &elsewhere);
        write(&apt.join("apt.conf"), "");
        assert_eq!(read().unwrap(), "included");
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x");
        let include = format!("#include {0};\n#include {0};", file.display());
        std::fs::write(&file, include).unwrap();
        let environment = Environment::of([("APT_CONFIG", &file)], directory.path());
        let error = Configuration::read(&environment).unwrap_err().to_string();
        assert!(
            error.ends_with("too many files include each other"),
            "{error}"
        );
    }

    #[test]
    fn a_fault_names_the_file_and_no_value() {
        let text = "Acquire::http::Proxy \"http://ann:secret@proxy.example:3128\" x;";
        let error = Configuration::of_text(text, Path::new("/etc/apt/apt.conf")).unwrap_err();
        insta::assert_snapshot!(error, @"failed to read apt's configuration in `/etc/apt/apt.conf`, line 1: there is more than a name and a value before `;`; is one missing?");
    }
}
