//! Which mirrors have which part of a distribution's archive.

use std::str::FromStr;

use super::moment::Moment;
use crate::distribution::{Area, Distribution};
use crate::fetch::{InvalidMirror, Mirror};

/// Mirrors of a distribution, in the order in which they are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Mirrors of the main archive.
    pub main: Vec<Mirror>,
    /// Mirrors of the security archive.
    pub security: Vec<Mirror>,
}

/// Where all states of a distribution's archives are kept: an address with `{archive}`, which is `debian` or
/// `debian-security`, and `{time}`, such as `20251114T082210Z`, in it.
///
/// Debian's own service has this form, and those who run its software, or a directory of copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshots(String);

/// The address of a snapshot service cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSnapshots {
    /// A part is missing.
    #[error(
        "`{pattern}` is not the address of a snapshot service: it lacks `{missing}`; write \
         `http://HOST/archive/{{archive}}/{{time}}`"
    )]
    Incomplete {
        /// The address, without a password.
        pattern: String,
        /// The part.
        missing: &'static str,
    },
    /// It is not an address.
    #[error(transparent)]
    Address(#[from] InvalidMirror),
}

impl Snapshots {
    /// A distribution's own.
    pub fn public(distribution: &Distribution) -> Self {
        Self(distribution.snapshots.to_owned())
    }

    /// The archive of an area as it was at a time, in seconds since 1970; none if that is not a time
    /// of a snapshot.
    pub fn at(&self, distribution: &Distribution, area: Area, seconds: i64) -> Option<Mirror> {
        let [main, security] = distribution.archives;
        let archive = match area {
            Area::Main => main,
            Area::Security => security,
        };
        let time = Moment(u64::try_from(seconds).ok()?).to_string();
        let address = self
            .0
            .replace("{archive}", archive)
            .replace("{time}", &time);
        address.parse().ok()
    }
}

impl FromStr for Snapshots {
    type Err = InvalidSnapshots;

    fn from_str(text: &str) -> Result<Self, InvalidSnapshots> {
        for missing in ["{archive}", "{time}"] {
            if !text.contains(missing) {
                return Err(InvalidSnapshots::Incomplete {
                    pattern: distil_net::masked(text),
                    missing,
                });
            }
        }
        let example = text.replace("{archive}", "debian").replace("{time}", "0");
        example.parse::<Mirror>()?;
        Ok(Self(text.to_owned()))
    }
}

impl Mirrors {
    /// The built-in list of a distribution's mirrors that have an architecture.
    pub fn public(distribution: &Distribution, architecture: &str) -> Self {
        let ports = distribution.ports_of(architecture);
        let mirrors = ports.map_or(distribution.mirrors, |ports| ports.mirrors);
        let parse = |list: &[&str]| list.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            main: parse(mirrors.main),
            security: parse(mirrors.security),
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

    /// The archive as it was at a moment: the snapshot service has it, and no mirror.
    pub fn of_snapshot(distribution: &Distribution, snapshots: &Snapshots, moment: Moment) -> Self {
        let at = |area| snapshots.at(distribution, area, moment.seconds());
        Self {
            main: at(Area::Main).into_iter().collect(),
            security: at(Area::Security).into_iter().collect(),
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
