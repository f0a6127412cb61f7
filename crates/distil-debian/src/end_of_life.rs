//! Until when releases of Debian, and the runtimes in them, get updates: the one table of these dates.
//!
//! Releases: `debian.csv` and `ubuntu.csv` of the package `distro-info-data`, the column `eol`, which is the
//! end of support by Debian's security team; volunteers continue for some packages and architectures
//! (LTS). A release without a date there, which is not stable yet, has none here.
//!
//! Runtimes: their projects' own schedules. Debian supports its packages of them as long as the
//! release. Python: "Status of Python versions" of the developer's guide, whose months end on their last
//! day. Node.js: `schedule.json` of the repository `nodejs/Release`. OpenJDK has no date that all of
//! its distributors keep.
//!
//! A day here is in the bytes of images: changing one, or adding a release that images were made of
//! before, raises the number of their format.

use crate::suite::Suite;
use crate::version::Version;

/// Days by the code names of releases.
const SUITES: [(&str, &str); 4] = [
    ("bookworm", "2026-07-11"),
    ("trixie", "2028-08-09"),
    ("noble", "2029-05-31"),
    ("resolute", "2031-05-29"),
];

/// Days by the names of Python's packages.
const PYTHON: [(&str, &str); 4] = [
    ("python3.11-minimal", "2027-10-31"),
    ("python3.12-minimal", "2028-10-31"),
    ("python3.13-minimal", "2029-10-31"),
    ("python3.14-minimal", "2030-10-31"),
];

/// Days by the major versions of the package `nodejs`.
const NODE: [(&str, &str); 4] = [
    ("18", "2025-04-30"),
    ("20", "2026-04-30"),
    ("22", "2027-04-30"),
    ("24", "2028-04-30"),
];

/// The last day of a release's regular support, as `2028-08-09`; none if it has none yet.
pub fn of_suite(suite: Suite) -> Option<&'static str> {
    day(&SUITES, suite.codename)
}

/// The last day on which the project of a runtime supports what is in a package; none of packages
/// that are no runtime, or whose projects have no such day.
pub fn of_runtime(package: &str, version: &Version) -> Option<&'static str> {
    if package == "nodejs" {
        let major = version.upstream().split('.').next()?;
        return day(&NODE, major);
    }
    day(&PYTHON, package)
}

fn day(days: &[(&str, &'static str)], wanted: &str) -> Option<&'static str> {
    let found = days.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, day)| *day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn runtimes_are_known_by_their_packages() {
        let of = |name, version: &str| of_runtime(name, &version.parse().unwrap());
        assert_eq!(of("nodejs", "20.19.2+dfsg-1+deb13u1"), Some("2026-04-30"));
        assert_eq!(of("nodejs", "200.1-1"), None);
        assert_eq!(of("python3.13-minimal", "3.13.5-2"), Some("2029-10-31"));
        assert_eq!(of("libc6", "2.41-12"), None);
    }
}
