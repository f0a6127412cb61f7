//! Which Debian package has a library: by the archive's index of contents, where the store has it,
//! else by the rule for naming such packages (Debian Policy §8.1), if the archive's index of
//! packages knows one of that name.

use std::cell::OnceCell;

use distil_debian::contents::LibraryIndex;
use distil_debian::distribution::Distribution;
use distil_debian::index::PackageIndex;
use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_oci::Platform;
use distil_tree::{OsRelease, Tree};

use crate::error::BuildError;
use crate::session::{Session, stored};
use crate::settings::ArchiveSettings;

/// Libraries whose packages are not called by the rule.
const OTHERS: [(&str, &[&str]); 29] = [
    ("libc.so.6", &["libc6"]),
    ("libm.so.6", &["libc6"]),
    ("libpthread.so.0", &["libc6"]),
    ("libdl.so.2", &["libc6"]),
    ("librt.so.1", &["libc6"]),
    ("libutil.so.1", &["libc6"]),
    ("libresolv.so.2", &["libc6"]),
    ("libmvec.so.1", &["libc6"]),
    ("libanl.so.1", &["libc6"]),
    ("libz.so.1", &["zlib1g"]),
    ("libgcc_s.so.1", &["libgcc-s1"]),
    ("libjpeg.so.62", &["libjpeg62-turbo"]),
    ("libpcre2-8.so.0", &["libpcre2-8-0"]),
    ("libglib-2.0.so.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libgobject-2.0.so.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libgio-2.0.so.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libgmodule-2.0.so.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libgthread-2.0.so.0", &["libglib2.0-0t64", "libglib2.0-0"]),
    ("libcrypto.so.3", &["libssl3t64", "libssl3"]),
    ("libxml2.so.2", &["libxml2"]),
    ("libcurl.so.4", &["libcurl4t64", "libcurl4"]),
    (
        "libcurl-gnutls.so.4",
        &["libcurl3t64-gnutls", "libcurl3-gnutls"],
    ),
    ("libncurses.so.6", &["libncurses6"]),
    ("libtinfo.so.6", &["libtinfo6"]),
    ("libexslt.so.0", &["libxslt1.1"]),
    ("libGL.so.1", &["libgl1"]),
    ("libmariadb.so.3", &["libmariadb3"]),
    ("libgmpxx.so.4", &["libgmpxx4ldbl"]),
    // The package that has that number ships another file.
    ("libaio.so.1", &[]),
];

/// Libraries of one source whose package has the name of the first and the version of all.
const FAMILIES: [(&str, &str); 5] = [
    ("libicuuc", "libicu"),
    ("libicudata", "libicu"),
    ("libicui18n", "libicu"),
    ("libicuio", "libicu"),
    ("libicutu", "libicu"),
];

/// Knows packages by the libraries that they have.
pub struct Libraries<'a> {
    settings: &'a ArchiveSettings,
    suite: Option<Suite>,
    architecture: Option<Architecture>,
    known: OnceCell<Option<(PackageIndex, Option<LibraryIndex>)>>,
}

impl<'a> Libraries<'a> {
    /// For an image of a known distribution; for others it knows nothing.
    pub fn new(settings: &'a ArchiveSettings, tree: &Tree, architecture: &str) -> Self {
        let release = OsRelease::of(tree);
        let release = release.filter(|one| one.id().and_then(Distribution::named).is_some());
        let suite = release.as_ref().and_then(OsRelease::codename);
        let platform = match architecture {
            "" => Platform::host(),
            architecture => Platform::linux(architecture, None),
        };
        Self {
            settings,
            suite: suite.and_then(|suite| Suite::named(suite).ok()),
            architecture: Architecture::of(&platform).ok(),
            known: OnceCell::new(),
        }
    }

    /// Gets the archive's index of contents through a session, whose store keeps what of it is
    /// about libraries.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn fetch(&mut self, session: &Session) -> Result<(), BuildError> {
        if let (Some(suite), Some(architecture)) = (self.suite, self.architecture.as_ref()) {
            let (index, libraries) = session.libraries(suite, architecture.debian())?;
            self.known = OnceCell::from(Some((index, Some(libraries))));
        }
        Ok(())
    }

    /// The package that has a library, by its soname.
    pub fn package_of(&self, soname: &str) -> Option<String> {
        let (suite, architecture) = (self.suite?, self.architecture.as_ref()?);
        let known = self
            .known
            .get_or_init(|| stored(self.settings, suite, architecture.debian()));
        let (index, libraries) = known.as_ref()?;
        // What the archive says is the truth, also that nothing has it.
        if let Some(libraries) = libraries {
            let mut packages = libraries.packages_of(soname);
            return packages
                .find(|name| index.has_package(name))
                .map(str::to_owned);
        }
        candidates(soname)
            .into_iter()
            .find(|name| index.has_package(name))
    }

    /// What the store would have to have for packages to be named, if somebody asked for one and
    /// it has no index that this version of distil reads.
    pub fn lacks(&self) -> Option<(Suite, &Architecture)> {
        let asked_in_vain = self.known.get().is_some_and(Option::is_none);
        let (suite, architecture) = (self.suite?, self.architecture.as_ref()?);
        asked_in_vain.then_some((suite, architecture))
    }
}

/// The names that a library's package may have, the likeliest first.
pub(crate) fn candidates(soname: &str) -> Vec<String> {
    if let Some((_, packages)) = OTHERS.iter().find(|(library, _)| *library == soname) {
        return packages.iter().map(|&name| name.to_owned()).collect();
    }
    let mut names: Vec<String> = Vec::new();
    let lower = soname.to_ascii_lowercase().replace('_', "-");
    if let Some((stem, version)) = lower.split_once(".so.") {
        let family = FAMILIES.iter().find(|(library, _)| *library == stem);
        let stem = family.map_or(stem, |(_, family)| family);
        // A dash keeps the number of a name apart from that of the interface.
        let dash = if stem.ends_with(|c: char| c.is_ascii_digit()) {
            "-"
        } else {
            ""
        };
        names.push(format!("{stem}{dash}{version}"));
        names.push(format!("{stem}-{version}"));
    } else if let Some(stem) = lower.strip_suffix(".so") {
        // `libdb-5.3.so` is in `libdb5.3`.
        names.push(stem.to_owned());
        names.push(stem.replacen('-', "", 1));
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
            ("libcrypto.so.3", "libssl3t64"),
            ("libglib-2.0.so.0", "libglib2.0-0t64"),
            ("libicuuc.so.76", "libicu76"),
            ("libicui18n.so.72", "libicu72"),
            ("libxml2.so.2", "libxml2"),
            ("libcurl-gnutls.so.4", "libcurl3t64-gnutls"),
            ("libstdc++.so.6", "libstdc++6"),
            ("libbz2.so.1.0", "libbz2-1.0"),
            ("libgcc_s.so.1", "libgcc-s1"),
            ("libz.so.1", "zlib1g"),
            ("libdb-5.3.so", "libdb5.3t64"),
        ] {
            assert!(
                candidates(soname).iter().any(|name| name == package),
                "{soname} {package}"
            );
        }
        assert!(candidates("libaio.so.1").is_empty());
    }
}
