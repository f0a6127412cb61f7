//! How a container of an image is run.

use std::collections::BTreeMap;

use distil_oci::Image;
use distil_tree::{Entry, Tree, TreePath};

/// How a container runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// CMD.
    pub cmd: Vec<String>,
    /// The environment; of a variable that is set twice the last value.
    pub env: BTreeMap<String, String>,
    /// USER as it is written.
    pub user: String,
    /// WORKDIR; nothing for the root.
    pub workdir: String,
    /// Volumes.
    pub volumes: Vec<String>,
    /// HEALTHCHECK with its first word, `CMD` or `CMD-SHELL`.
    pub healthcheck: Vec<String>,
    /// The architecture of the platform, as OCI names it; nothing if it is not known.
    pub architecture: String,
}

impl ContainerConfig {
    /// The configuration of an image.
    pub fn of(image: &Image) -> Self {
        let config = image.config().config().clone().unwrap_or_default();
        let env = config.env().iter().flatten();
        let env = env.filter_map(|line| line.split_once('='));
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Self {
            entrypoint: config.entrypoint().clone().unwrap_or_default(),
            cmd: config.cmd().clone().unwrap_or_default(),
            env: env.map(owned).collect(),
            user: config.user().clone().unwrap_or_default(),
            workdir: config.working_dir().clone().unwrap_or_default(),
            volumes: config.volumes().clone().unwrap_or_default(),
            healthcheck: image
                .healthcheck()
                .map(|check| check.test)
                .unwrap_or_default(),
            architecture: image.platform().architecture().to_owned(),
        }
    }

    /// A variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// The words of the process that a container runs.
    pub fn command(&self) -> Vec<&str> {
        self.entrypoint
            .iter()
            .chain(&self.cmd)
            .map(String::as_str)
            .collect()
    }

    /// The directory that the process starts in.
    pub fn directory(&self) -> &str {
        match self.workdir.as_str() {
            "" => "/",
            workdir => workdir,
        }
    }

    /// What an absolute path leads to in a tree. Relative ones begin at the directory that the
    /// process starts in.
    pub fn follow<'a>(&self, tree: &'a Tree, path: &str) -> Option<(TreePath, &'a Entry)> {
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", self.directory()),
        };
        tree.follow(&TreePath::lexical(&path)?)
    }
}
