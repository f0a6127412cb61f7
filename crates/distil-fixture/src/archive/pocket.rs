//! A pocket: one `dists/NAME` with its fields, packages and faults.

use std::collections::BTreeMap;

use super::fault::PocketFault;
use crate::compression::Compression;
use crate::deb::DebBuilder;
use crate::key::SigningKey;

/// When a pocket was made that is not told otherwise: 1 October 2025.
pub const DEFAULT_DATE: u64 = 1_759_276_800;

/// A suite of an archive: `trixie`, `trixie-updates`, `trixie-security`.
#[derive(Debug, Clone)]
pub struct Pocket {
    pub(super) name: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) date: u64,
    pub(super) valid_until: Option<u64>,
    pub(super) signed_at: Option<u64>,
    pub(super) by_hash: bool,
    pub(super) compressions: Vec<Compression>,
    pub(super) architectures: Vec<String>,
    pub(super) separate_all: bool,
    pub(super) contents: bool,
    pub(super) component_prefix: String,
    pub(super) keys: Vec<SigningKey>,
    pub(super) packages: BTreeMap<String, Vec<DebBuilder>>,
    pub(super) faults: Vec<PocketFault>,
}

impl Pocket {
    /// An empty pocket for amd64 and arm64, with one component `main`, indexes in gzip and xz,
    /// by hash too, as Debian's own.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            fields: Vec::new(),
            date: DEFAULT_DATE,
            valid_until: None,
            signed_at: None,
            by_hash: true,
            compressions: vec![Compression::Gzip, Compression::Xz],
            architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
            separate_all: false,
            contents: false,
            component_prefix: String::new(),
            keys: Vec::new(),
            packages: BTreeMap::from([("main".to_owned(), Vec::new())]),
            faults: Vec::new(),
        }
    }

    /// Sets a field of the Release file: `Origin`, `Label`, `Suite`, `Codename`, `Version` or
    /// any other. An empty value leaves the field out.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets `Date`, in seconds since the epoch.
    #[must_use]
    pub fn date(mut self, seconds: u64) -> Self {
        self.date = seconds;
        self
    }

    /// Sets or removes `Valid-Until`, in seconds since the epoch.
    #[must_use]
    pub fn valid_until(mut self, seconds: Option<u64>) -> Self {
        self.valid_until = seconds;
        self
    }

    /// Sets the time of the signature, which is that of `Date` otherwise.
    #[must_use]
    pub fn signed_at(mut self, seconds: u64) -> Self {
        self.signed_at = Some(seconds);
        self
    }

    /// Whether indexes lie by hash as well, and `Acquire-By-Hash: yes` says so.
    #[must_use]
    pub fn by_hash(mut self, on: bool) -> Self {
        self.by_hash = on;
        self
    }

    /// Sets the compressions that indexes exist in. The Release file lists the plain index
    /// whether it exists or not, as Debian's does.
    #[must_use]
    pub fn compressions(mut self, which: &[Compression]) -> Self {
        self.compressions = which.to_vec();
        self
    }

    /// Sets the architectures that have indexes.
    #[must_use]
    pub fn architectures(mut self, which: &[&str]) -> Self {
        self.architectures = which.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Whether packages for `all` stand only in `binary-all`. Otherwise they stand in every
    /// architecture's index, as in Debian (`No-Support-for-Architecture-all: Packages`).
    #[must_use]
    pub fn separate_all(mut self, on: bool) -> Self {
        self.separate_all = on;
        self
    }

    /// Whether there are indexes of contents, `Contents-ARCH`, which Debian's suites have.
    #[must_use]
    pub fn contents(mut self, on: bool) -> Self {
        self.contents = on;
        self
    }

    /// Lists components with this in front, `updates/` in Debian's security archive, where
    /// indexes lie at `main/…` all the same and the pool is `pool/updates/main/…`.
    #[must_use]
    pub fn component_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.component_prefix);
        self
    }

    /// Signs this pocket with these keys instead of the archive's.
    #[must_use]
    pub fn signed_by(mut self, keys: &[SigningKey]) -> Self {
        self.keys = keys.to_vec();
        self
    }

    /// Adds a package to `main`.
    #[must_use]
    pub fn package(self, deb: DebBuilder) -> Self {
        self.package_in("main", deb)
    }

    /// Adds packages to `main`.
    #[must_use]
    pub fn packages(self, debs: impl IntoIterator<Item = DebBuilder>) -> Self {
        debs.into_iter().fold(self, Self::package)
    }

    /// Adds a package to a component.
    #[must_use]
    pub fn package_in(mut self, component: &str, deb: DebBuilder) -> Self {
        self.packages
            .entry(component.to_owned())
            .or_default()
            .push(deb);
        self
    }

    /// Removes a package, in every version and architecture.
    #[must_use]
    pub fn without(mut self, package: &str) -> Self {
        for debs in self.packages.values_mut() {
            debs.retain(|deb| deb.name() != package);
        }
        self
    }

    /// Changes every package of this name: `.change("base-files", |deb| deb.fault(…))`.
    ///
    /// # Panics
    /// When there is no such package.
    #[must_use]
    pub fn change(mut self, package: &str, change: impl Fn(DebBuilder) -> DebBuilder) -> Self {
        let mut found = false;
        for deb in self.packages.values_mut().flatten() {
            if deb.name() == package {
                *deb = change(deb.clone());
                found = true;
            }
        }
        assert!(
            found,
            "the pocket `{}` has no package `{package}`",
            self.name
        );
        self
    }

    /// Breaks the pocket in one more way.
    #[must_use]
    pub fn fault(mut self, fault: PocketFault) -> Self {
        self.faults.push(fault);
        self
    }
}
