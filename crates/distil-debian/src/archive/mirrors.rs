//! Which mirrors have which part of Debian's archive.

use crate::fetch::Mirror;
use crate::suite::Area;

/// Mirrors of Debian, in the order in which they are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Mirrors of the main archive.
    pub main: Vec<Mirror>,
    /// Mirrors of the security archive.
    pub security: Vec<Mirror>,
}

/// Public mirrors for machines that name none: Debian's own names for "the nearest", and its
/// archive of all states there ever were is left out, since it asks not to be used so.
const PUBLIC_MAIN: &[&str] = &[
    "http://ftp.debian.org/debian",
    "http://ftp.us.debian.org/debian",
];
const PUBLIC_SECURITY: &[&str] = &[
    "http://ftp.debian.org/debian-security",
    "http://ftp.us.debian.org/debian-security",
];

impl Mirrors {
    /// The built-in list.
    pub fn public() -> Self {
        let parse = |list: &[&str]| list.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            main: parse(PUBLIC_MAIN),
            security: parse(PUBLIC_SECURITY),
        }
    }

    /// Mirrors that are named without saying of what: of the main archive, and of the security
    /// archive either beside it, as public mirrors have it, or in the same root, as private
    /// ones do.
    pub fn unnamed(mirrors: Vec<Mirror>) -> Self {
        let beside = mirrors
            .iter()
            .filter_map(|mirror| mirror.sibling("-security"));
        let security = beside.chain(mirrors.iter().cloned()).collect();
        Self {
            main: mirrors,
            security,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.main.is_empty() && self.security.is_empty()
    }

    /// The mirrors of one area.
    pub fn of(&self, area: Area) -> Vec<Mirror> {
        match area {
            Area::Main => self.main.clone(),
            Area::Security => self.security.clone(),
        }
    }
}
