//! One suite that packages come from: where it lies, whose signatures count, what is read of it.

use crate::fetch::{Address, Mirror};

use super::keys::Keys;

/// A suite of an archive, or a flat repository.
#[derive(Debug, Clone)]
pub struct PocketOptions {
    /// What messages and locks call it: `trixie-security`, `apt.example.org/debian stable`.
    pub name: String,
    /// Where it lies below the root of a mirror.
    pub place: PocketPlace,
    /// The components that are read; none of a flat repository.
    pub components: Vec<String>,
    /// Who has it, in the order in which they are tried.
    pub mirrors: Vec<Mirror>,
    /// Whose signatures count.
    pub keys: Keys,
    /// Whether its Release is refused once its `Valid-Until` has passed.
    pub check_valid_until: bool,
    /// Whether it is one of the distribution's own.
    pub is_own: bool,
}

/// Where a suite lies below the root of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PocketPlace {
    /// In `dists`, by its name.
    Suite(String),
    /// In a directory of its own with the packages' index beside its Release: a flat repository
    /// (sources.list(5)). Empty if that is the root.
    Flat(String),
}

impl PocketOptions {
    /// The address of a file beside its Release.
    pub(super) fn address(&self, mirror: &Mirror, file: &str) -> Address {
        let directory = match &self.place {
            PocketPlace::Suite(suite) => format!("dists/{suite}"),
            PocketPlace::Flat(directory) => directory.clone(),
        };
        match directory.trim_matches('/') {
            "" => mirror.join(file),
            directory => mirror.join(&format!("{directory}/{file}")),
        }
    }

    /// Whether it is a flat repository.
    pub(super) fn is_flat(&self) -> bool {
        matches!(self.place, PocketPlace::Flat(_))
    }
}
