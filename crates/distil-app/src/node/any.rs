//! A lock of either package manager.

use super::error::NodeLockError;
use super::lock::PackageLock;
use super::pnpm::PnpmLock;
use super::selection::NodeSelection;
use super::target::NodeTarget;

/// A lock of npm or pnpm.
#[derive(Debug, Clone)]
pub enum NodeLock {
    /// `package-lock.json`.
    Npm(PackageLock),
    /// `pnpm-lock.yaml`.
    Pnpm(PnpmLock),
}

impl NodeLock {
    /// Reads a lock, by its file name.
    ///
    /// # Errors
    /// If it is none, or of another version.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, NodeLockError> {
        let extension = file_name.rsplit_once('.').map(|(_, extension)| extension);
        match extension {
            Some("yaml" | "yml") => PnpmLock::parse(text).map(Self::Pnpm),
            Some("lock") => Err(NodeLockError::Yarn),
            _ => PackageLock::parse(text).map(Self::Npm),
        }
    }

    /// The packages for an image with their links.
    ///
    /// # Errors
    /// If one cannot be had verified, or is for other machines and not optional.
    pub fn select(&self, target: &NodeTarget) -> Result<NodeSelection, NodeLockError> {
        match self {
            Self::Npm(lock) => lock.select(target),
            Self::Pnpm(lock) => lock.select(target),
        }
    }

    /// How a `package.json` and the lock differ, in words; nothing if they agree.
    ///
    /// # Errors
    /// If the `package.json` cannot be read.
    pub fn outdated(&self, manifest: &str) -> Result<Vec<String>, NodeLockError> {
        match self {
            Self::Npm(lock) => lock.outdated(manifest),
            Self::Pnpm(lock) => lock.outdated(manifest),
        }
    }

    /// The command that brings the lock up to date.
    pub fn update_command(&self) -> &'static str {
        match self {
            Self::Npm(_) => "npm install --package-lock-only",
            Self::Pnpm(_) => "pnpm install --lockfile-only",
        }
    }
}
