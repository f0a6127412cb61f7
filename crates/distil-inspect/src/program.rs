//! The programs that a container's configuration names, and whether they are there and can be run:
//! the one answer for images that are made and images that are checked.

use distil_tree::program::{self, DEFAULT_PATH, Unusable};
use distil_tree::{Tree, TreePath};

use crate::container::ContainerConfig;

/// Where a configuration names a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKey {
    /// ENTRYPOINT.
    Entrypoint,
    /// CMD, where there is no ENTRYPOINT.
    Cmd,
    /// HEALTHCHECK; in shell form it is `/bin/sh`.
    Healthcheck,
}

impl ProgramKey {
    /// The instruction of a Dockerfile.
    pub fn word(self) -> &'static str {
        match self {
            Self::Entrypoint => "ENTRYPOINT",
            Self::Cmd => "CMD",
            Self::Healthcheck => "HEALTHCHECK",
        }
    }
}

/// A program that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedProgram<'a> {
    /// Where it is named.
    pub key: ProgramKey,
    /// How it is named: the first word.
    pub word: &'a str,
    /// The file that is run, or why none is.
    pub found: Result<TreePath, Unusable>,
}

/// The programs that a configuration names: that of the process first.
pub fn programs<'a>(tree: &Tree, config: &'a ContainerConfig) -> Vec<NamedProgram<'a>> {
    let key = match config.entrypoint.is_empty() {
        true => ProgramKey::Cmd,
        false => ProgramKey::Entrypoint,
    };
    let process = config.command().into_iter().next();
    let test = &config.healthcheck;
    let healthcheck = match test.first().map(String::as_str) {
        Some("CMD") => test.get(1).map(String::as_str),
        Some("CMD-SHELL") => Some("/bin/sh"),
        _ => None,
    };
    let process = process.map(|word| (key, word));
    let healthcheck = healthcheck.map(|word| (ProgramKey::Healthcheck, word));
    let named = process.into_iter().chain(healthcheck);
    let program = |(key, word)| NamedProgram {
        key,
        word,
        found: find(tree, config, word),
    };
    named.map(program).collect()
}

/// Finds a program as a container does, by its `PATH` and from its WORKDIR.
///
/// # Errors
/// Why it cannot be run.
pub fn find(tree: &Tree, config: &ContainerConfig, word: &str) -> Result<TreePath, Unusable> {
    let path = config.variable("PATH").unwrap_or(DEFAULT_PATH);
    program::find(tree, path, config.directory(), word)
}

/// What is at WORKDIR, if it is not a directory. Engines make one that is not there.
pub fn no_directory(tree: &Tree, config: &ContainerConfig) -> Option<TreePath> {
    if config.workdir.is_empty() {
        return None;
    }
    let (place, entry) = config.follow(tree, &config.workdir)?;
    (!entry.is_directory()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_tree::{Entry, Kind, Metadata, Origin};

    #[test]
    fn what_a_configuration_names() {
        let mut tree = Tree::new();
        for path in ["usr/bin/run", "app"] {
            let entry = Entry {
                kind: Kind::file("\x7fELF"),
                meta: Metadata::root(0o755, 0),
                origin: Origin::Generated("test".into()),
                layer: 0,
            };
            tree.insert(&TreePath::of(path), entry).unwrap();
        }
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mut config = ContainerConfig {
            cmd: words(&["run"]),
            healthcheck: words(&["CMD-SHELL", "true"]),
            workdir: "/app".to_owned(),
            ..ContainerConfig::default()
        };
        let named = programs(&tree, &config);
        assert_eq!(named[0].key, ProgramKey::Cmd);
        assert_eq!(named[0].found, Ok(TreePath::of("usr/bin/run")));
        assert_eq!(named[1].word, "/bin/sh");
        assert_eq!(named[1].found, Err(Unusable::Missing));
        assert_eq!(no_directory(&tree, &config), Some(TreePath::of("app")));
        config.entrypoint = words(&["gone"]);
        config.healthcheck = words(&["NONE"]);
        let named = programs(&tree, &config);
        assert_eq!((named.len(), named[0].key), (1, ProgramKey::Entrypoint));
    }
}
