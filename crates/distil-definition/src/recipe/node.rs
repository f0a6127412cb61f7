//! A Node.js application of a definition, made plain: its lock file read.

use std::sync::Arc;

use distil_app::node::{NodeLock, Npmrc};
use distil_net::Url;
use distil_store::Digest;
use distil_tree::TreePath;

use super::error::RecipeError;
use super::part::Part;
use super::position::Position;
use super::values::Lowering;

/// The key of definitions.
const KEY: &str = "node";

/// The largest lock file, in bytes; those of the largest projects have some megabytes.
const MAX_LOCK: u64 = 64 << 20;

/// A Node.js application before it is known which packages the platform needs.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// The lock file as the definition names it.
    pub from: String,
    /// The lock.
    pub lock: Arc<NodeLock>,
    /// The digest of the lock file.
    pub digest: Digest,
    /// The bytes of the lock file.
    pub size: u64,
    /// The directory of the image that `node_modules` is in.
    pub to: TreePath,
    /// The registries that the definition, or `.npmrc` beside the lock, names.
    pub npmrc: Npmrc,
    /// The position of the lock file's name.
    pub position: Position,
}

impl Lowering<'_> {
    /// The Node.js application of the definition, if it has one.
    pub(super) fn node(&self) -> Result<Option<NewNode>, RecipeError> {
        let Some(item) = &self.definition.node else {
            return Ok(None);
        };
        let part = Part::of(KEY);
        let lock_part = part.key("lock");
        self.check_harmless(&lock_part, &item.lock)?;
        let text = |name: &str| {
            let bytes = self.read(&lock_part, name, MAX_LOCK)?;
            let text = String::from_utf8(bytes);
            text.map_err(|_| self.error(&lock_part, format!("`{name}` is not UTF-8")))
        };
        let lock_text = text(&item.lock)?;
        let file_name = item.lock.rsplit('/').next().unwrap_or_default();
        let lock = NodeLock::parse(file_name, &lock_text)
            .map_err(|error| self.error(&lock_part, format!("`{}` {error}", item.lock)))?;
        let beside = |name: &str| match item.lock.rsplit_once('/') {
            Some((before, _)) => format!("{before}/{name}"),
            None => name.to_owned(),
        };
        let manifest = beside("package.json");
        if self
            .find(&lock_part, &manifest)
            .is_ok_and(|path| path.is_file())
        {
            let differences = lock.outdated(&text(&manifest)?);
            let differences = differences
                .map_err(|error| self.error(&lock_part, format!("`{manifest}` {error}")))?;
            if let Some(first) = differences.first() {
                let problem = format!(
                    "`{}` is out of date: {first}; run `{}`",
                    item.lock,
                    lock.update_command()
                );
                return Err(self.error(&lock_part, problem));
            }
        }
        let npmrc = beside(".npmrc");
        let is_there = self
            .find(&lock_part, &npmrc)
            .is_ok_and(|path| path.is_file());
        let mut registries = match is_there {
            true => Npmrc::parse(&text(&npmrc)?),
            false => Npmrc::default(),
        };
        if let Some(registry) = &item.registry {
            let part = part.key("registry");
            let registry = self.expand(&part, registry)?;
            self.check_harmless(&part, &registry)?;
            let url: Url = registry.parse().map_err(|error| self.error(&part, error))?;
            if url.login().is_some() {
                let problem = "the address has a user or a password in it, which would stand in the \
                               definition for all to read; they belong in `~/.netrc`";
                return Err(self.error(&part, problem));
            }
            registries.registry = Some(registry);
        }
        Ok(Some(NewNode {
            npmrc: registries,
            from: item.lock.clone(),
            digest: Digest::of(&lock_text),
            size: lock_text.len() as u64,
            lock: Arc::new(lock),
            to: self.path(&part.key("to"), &item.to)?,
            position: self.position(&lock_part),
        }))
    }
}
