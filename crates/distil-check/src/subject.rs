//! What rules look at: a file system, and how a container of it is run.

use std::collections::BTreeMap;

use distil_oci::Image;
use distil_tree::{Entry, Tree, TreePath};

use crate::merge::Filesystem;

/// How a container runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
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

impl Config {
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
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// The words of the process that a container runs.
    pub(crate) fn command(&self) -> Vec<&str> {
        self.entrypoint
            .iter()
            .chain(&self.cmd)
            .map(String::as_str)
            .collect()
    }

    /// The folder that the process starts in.
    pub(crate) fn folder(&self) -> &str {
        match self.workdir.as_str() {
            "" => "/",
            workdir => workdir,
        }
    }
}

/// An image as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What a container sees.
    pub filesystem: &'a Filesystem,
    /// How it runs.
    pub config: &'a Config,
    /// Programs that are the image's runtime, beside what its configuration leads to.
    pub runtimes: &'a [TreePath],
}

impl<'a> Subject<'a> {
    pub(crate) fn tree(&self) -> &'a Tree {
        &self.filesystem.tree
    }

    /// What an absolute path leads to. Relative ones begin at the folder that the process starts in.
    pub(crate) fn follow(&self, path: &str) -> Option<(TreePath, &'a Entry)> {
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", self.config.folder()),
        };
        self.tree().follow(&TreePath::lexical(&path)?)
    }
}
