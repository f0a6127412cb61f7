//! Releases of distributions, and the suites that each is spread over.

use crate::distribution::{Area, DEBIAN, Distribution, UBUNTU};

/// A release of a distribution: what `--suite` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Its code name.
    pub codename: &'static str,
    /// Its number, which base-files of a release that is not stable yet does not say.
    pub version: &'static str,
    /// Its code name as people write it.
    pub title: &'static str,
    /// Whose it is.
    pub distribution: &'static Distribution,
}

const SUITES: [Suite; 5] = [
    Suite {
        codename: "bookworm",
        version: "12",
        title: "bookworm",
        distribution: &DEBIAN,
    },
    Suite {
        codename: "trixie",
        version: "13",
        title: "trixie",
        distribution: &DEBIAN,
    },
    Suite {
        codename: "forky",
        version: "14",
        title: "forky",
        distribution: &DEBIAN,
    },
    Suite {
        codename: "noble",
        version: "24.04",
        title: "Noble Numbat",
        distribution: &UBUNTU,
    },
    Suite {
        codename: "resolute",
        version: "26.04",
        title: "Resolute Raccoon",
        distribution: &UBUNTU,
    },
];

/// What a suite has no packages for, of the architectures that another has, and why. The archive
/// itself says so, too (`Architectures` of its Releases); this is to know it without asking.
const LACKING: [(&str, &str, &str); 2] = [
    (
        "bookworm",
        "riscv64",
        "Debian has made packages for it since trixie",
    ),
    (
        "bookworm",
        "s390x",
        "its security archive has none since long-term support began in July 2026",
    ),
];

/// There is no suite of this name, or none that images can be made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no suite `{name}`; the suites are {}", known())]
pub struct UnknownSuite {
    /// What was asked for.
    pub name: String,
}

fn known() -> String {
    SUITES
        .map(|suite| format!("`{}`", suite.codename))
        .join(", ")
}

impl Suite {
    /// The suite that images are made from when none is named: Debian's stable release.
    pub fn stable() -> Self {
        SUITES[1]
    }

    /// All suites that are known.
    pub fn all() -> impl Iterator<Item = Self> {
        SUITES.into_iter()
    }

    /// The suite with this code name.
    ///
    /// # Errors
    /// If there is none. Names that move (`stable`, `testing`) are none: the same definition
    /// would make another image one day without a word.
    pub fn named(name: &str) -> Result<Self, UnknownSuite> {
        let found = SUITES.into_iter().find(|suite| suite.codename == name);
        found.ok_or_else(|| UnknownSuite {
            name: name.to_owned(),
        })
    }

    /// The suite that a name means which does not say so for ever (`stable`, `oldstable`,
    /// `testing`), at the time of this version of the program.
    pub fn at_present(name: &str) -> Option<Self> {
        let stable = SUITES.iter().position(|suite| *suite == Self::stable())?;
        let place = match name {
            "oldstable" => stable.checked_sub(1)?,
            "stable" => stable,
            "testing" => stable + 1,
            _ => return None,
        };
        SUITES.get(place).copied()
    }

    /// The suite with this number: `13`, or `debian13`, as tags of images have it.
    pub fn numbered(name: &str) -> Option<Self> {
        let is_it = |suite: &Suite| {
            let number = name.strip_prefix(suite.distribution.id);
            number.unwrap_or(name) == suite.version
        };
        SUITES.into_iter().find(is_it)
    }

    /// Why there is nothing for an architecture in this suite; none where there is.
    pub fn lacks(&self, architecture: &str) -> Option<&'static str> {
        let found = LACKING
            .iter()
            .find(|(suite, lacking, _)| *suite == self.codename && *lacking == architecture);
        found.map(|(_, _, why)| *why)
    }

    /// The suite of packages of later releases, made for this one.
    pub fn backports(&self) -> String {
        format!("{}-backports", self.codename)
    }

    /// The suites of the archive that make up this release, and where each is kept.
    pub fn pockets(&self) -> Vec<(String, Area)> {
        let codename = self.codename;
        let beside = self.distribution.pockets.iter();
        let beside = beside.map(|(ending, area)| (format!("{codename}{ending}"), *area));
        std::iter::once((codename.to_owned(), Area::Main))
            .chain(beside)
            .collect()
    }
}
