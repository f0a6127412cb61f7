//! Which Debian package has a library: by the rule for naming such packages (Debian Policy, 8.1),
//! if the archive's index, as the store has it, knows a package of that name.

use std::cell::OnceCell;

use distil_debian::index::PackageIndex;
use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_oci::Platform;
use distil_tree::{OsRelease, Tree};

use crate::session::stored;
use crate::settings::ArchiveSettings;

/// Libraries whose packages are not called by the rule.
const OTHERS: [(&str, &str); 14] = [
    ("libz.so.1", "zlib1g"),
    ("libc.so.6", "libc6"),
    ("libm.so.6", "libc6"),
    ("libpthread.so.0", "libc6"),
    ("libdl.so.2", "libc6"),
    ("librt.so.1", "libc6"),
    ("libutil.so.1", "libc6"),
    ("libresolv.so.2", "libc6"),
    ("libgcc_s.so.1", "libgcc-s1"),
    ("libjpeg.so.62", "libjpeg62-turbo"),
    ("libpcre2-8.so.0", "libpcre2-8-0"),
    ("libgobject-2.0.so.0", "libglib2.0-0"),
    ("libGL.so.1", "libgl1"),
    ("libmariadb.so.3", "libmariadb3"),
];

/// Knows packages by the libraries that they have.
pub struct Libraries<'a> {
    settings: &'a ArchiveSettings,
    suite: Option<Suite>,
    architecture: Option<Architecture>,
    index: OnceCell<Option<PackageIndex>>,
}

impl<'a> Libraries<'a> {
    /// For an image of Debian's; for others it knows nothing.
    pub fn new(settings: &'a ArchiveSettings, tree: &Tree, architecture: &str) -> Self {
        let release = OsRelease::of(tree).filter(|release| release.id() == Some("debian"));
        let suite = release.as_ref().and_then(OsRelease::codename);
        let platform = match architecture {
            "" => Platform::host(),
            architecture => Platform::linux(architecture, None),
        };
        Self {
            settings,
            suite: suite.and_then(|suite| Suite::named(suite).ok()),
            architecture: Architecture::of(&platform).ok(),
            index: OnceCell::new(),
        }
    }

    /// The package that has a library, by its soname.
    pub fn package_of(&self, soname: &str) -> Option<String> {
        let (suite, architecture) = (self.suite?, self.architecture.as_ref()?);
        let index = self
            .index
            .get_or_init(|| stored(self.settings, suite, architecture.debian()));
        let index = index.as_ref()?;
        candidates(soname)
            .into_iter()
            .find(|name| index.has_package(name))
    }

    /// What the store would have to have for packages to be named, if somebody asked for one and
    /// it has no index that this version of distil reads.
    pub fn lacks(&self) -> Option<(Suite, &Architecture)> {
        let asked_in_vain = self.index.get().is_some_and(Option::is_none);
        let (suite, architecture) = (self.suite?, self.architecture.as_ref()?);
        asked_in_vain.then_some((suite, architecture))
    }
}

/// The names that a library's package may have, the likeliest first.
fn candidates(soname: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Some((_, package)) = OTHERS.iter().find(|(library, _)| *library == soname) {
        names.push((*package).to_owned());
    }
    let lower = soname.to_ascii_lowercase().replace('_', "-");
    if let Some((stem, version)) = lower.split_once(".so.") {
        // A dash keeps the number of a name apart from that of the interface.
        let dash = if stem.ends_with(|c: char| c.is_ascii_digit()) {
            "-"
        } else {
            ""
        };
        names.push(format!("{stem}{dash}{version}"));
        names.push(format!("{stem}-{version}"));
    } else if let Some(stem) = lower.strip_suffix(".so") {
        names.push(stem.to_owned());
    }
    // Since times have 64 bits everywhere, since C++11, and glib's own.
    let suffixed: Vec<String> = names
        .iter()
        .flat_map(|name| ["t64", "v5"].map(|suffix| format!("{name}{suffix}")))
        .collect();
    names.extend(suffixed);
    names
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn names_follow_the_policy() {
        for (soname, package) in [
            ("libpq.so.5", "libpq5"),
            ("libssl.so.3", "libssl3"),
            ("libssl.so.3", "libssl3t64"),
            ("libstdc++.so.6", "libstdc++6"),
            ("libbz2.so.1.0", "libbz2-1.0"),
            ("libgcc_s.so.1", "libgcc-s1"),
            ("libz.so.1", "zlib1g"),
            ("libxml2.so.2", "libxml2-2"),
            ("libdb-5.3.so", "libdb-5.3"),
        ] {
            assert!(
                candidates(soname).iter().any(|name| name == package),
                "{soname} {package}"
            );
        }
    }
}
