//! Which versions of Python a `Requires-Python` is for.
//!
//! Of an image's Python its minor version is known, so the question is whether some release of it
//! is meant.

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};

/// The longest specifier that is looked at, in bytes; those of packages have some ten.
const MAX_LENGTH: usize = 1000;

/// How many releases a minor version has at most. The last of 3.9 is 3.9.25.
const RELEASES: u64 = 50;

/// Whether some release of Python 3.`minor` satisfies a specifier; nothing if that is not
/// understood.
pub(crate) fn allows(specifier: &str, minor: u32) -> Option<bool> {
    if specifier.len() > MAX_LENGTH {
        return None;
    }
    // As pip does, clauses are taken one by one, and empty ones for none.
    let clauses = specifier.split(',').map(str::trim);
    let clauses = clauses.filter(|clause| !clause.is_empty());
    let specifiers = clauses.map(|clause| clause.parse::<VersionSpecifier>());
    let specifiers: VersionSpecifiers = specifiers.collect::<Result<_, _>>().ok()?;
    let mut releases = (0..RELEASES).map(|release| Version::new([3, minor.into(), release]));
    Some(releases.any(|release| specifiers.contains(&release)))
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn specifiers_as_packages_have_them() {
        for specifier in [
            "",
            ">=3.8",
            ">= 3.13",
            ">=3.13.5",
            "<4",
            "<4.0,>=3.9",
            "!=3.0.*,!=3.1.*,>=2.7",
            "==3.13.*",
            "==3.*",
            "~=3.9",
            "~=3.13.2",
            "<3.14",
            "<3.14.0a1",
            "<=3.13",
            ">3.12",
            "<3.13.3",
            "!=3.13.0",
            "===3.13.1",
            ">=3.13,",
            "!=3.13.1.*",
        ] {
            assert_eq!(allows(specifier, 13), Some(true), "{specifier}");
        }
        for specifier in [
            ">=3.14",
            "<3.13",
            "<3.13.0",
            "<3",
            "==3.12.*",
            "==2.*",
            "!=3.13.*",
            "~=3.14",
            "~=3.12.1",
            "~=2.7",
            ">=4",
            ">=3.8,<3.12",
            "==3.12",
            "<=3.12",
            ">=3.14.0a1",
            ">=99999999999",
        ] {
            assert_eq!(allows(specifier, 13), Some(false), "{specifier}");
        }
        for specifier in [
            "3.9",
            ">=",
            "=>3.9",
            ">=x",
            "~=3",
            ">=3.*",
            ">=99999999999999999999",
        ] {
            assert_eq!(allows(specifier, 13), None, "{specifier}");
        }
    }
}
