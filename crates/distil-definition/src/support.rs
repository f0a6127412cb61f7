//! Which version of a runtime each suite has, and until when others mend it: `images/support.yaml`.
//!
//! It is written down, not looked up, because the catalogue has to be listed without a network.
//! A live test compares the versions with the packages.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::SystemTime;

use serde::Deserialize;

/// What is known of suites and runtimes, beside their packages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// By the suites' code names.
    pub suites: BTreeMap<String, SuiteSupport>,
    /// By the names of the catalogue's images; those without a runtime are not there.
    pub images: BTreeMap<String, RuntimeSupport>,
}

/// Until when Debian mends a suite. Days are written as in ISO 8601, which sorts them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteSupport {
    /// The day of its release; none if that is to come.
    pub released: Option<String>,
    /// The last day of the security team's support.
    pub security: Option<String>,
    /// The last day of the LTS team's.
    pub long_term: Option<String>,
    /// Where that is said.
    pub source: String,
}

/// Which version of its runtime an image has, and until when its upstream mends that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeSupport {
    /// The package that the runtime's version is that of.
    pub package: String,
    /// The version in each suite.
    pub versions: BTreeMap<String, String>,
    /// The last day of support of each version.
    pub until: BTreeMap<String, String>,
    /// Where that is said.
    pub source: String,
}

/// Who mends a suite on some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody yet: it is not released.
    Unreleased,
    /// Debian's security team.
    Security,
    /// Debian's LTS team.
    LongTerm,
    /// Nobody any more.
    Ended,
}

static SUPPORT: LazyLock<Support> = LazyLock::new(|| {
    let text = include_str!("../images/support.yaml");
    // A mistake in it is found by the first test that runs, not by a user.
    #[expect(clippy::panic, reason = "the file is part of the program")]
    match serde_saphyr::from_str(text) {
        Ok(support) => support,
        Err(problem) => panic!("images/support.yaml: {problem}"),
    }
});

impl Support {
    /// What ships with distil.
    pub fn known() -> &'static Self {
        &SUPPORT
    }

    /// The day of a time, in UTC, as days are written here.
    pub fn day(time: SystemTime) -> String {
        let mut text = humantime::format_rfc3339_seconds(time).to_string();
        text.truncate("2026-11-26".len());
        text
    }
}

impl SuiteSupport {
    /// Who mends the suite on a day.
    pub fn phase(&self, today: &str) -> Phase {
        let lasts = |day: &Option<String>| day.as_deref().is_some_and(|day| today <= day);
        match () {
            () if self.released.as_deref().is_none_or(|day| day > today) => Phase::Unreleased,
            () if lasts(&self.security) => Phase::Security,
            () if lasts(&self.long_term) => Phase::LongTerm,
            () => Phase::Ended,
        }
    }
}

impl RuntimeSupport {
    /// The version in a suite, and the last day of its upstream's support.
    pub fn of(&self, suite: &str) -> Option<(&str, Option<&str>)> {
        let version = self.versions.get(suite)?;
        Some((version, self.until.get(version).map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use distil_debian::suite::Suite;

    use super::*;
    use crate::catalogue::Catalogue;

    fn is_day(text: &str) -> bool {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        text.len() == 10 && digits == 8 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-'
    }

    #[test]
    fn all_that_it_names_is_there_and_has_its_days() {
        let support = Support::known();
        let codenames: Vec<&str> = Suite::all().map(|suite| suite.codename).collect();
        let mut named: Vec<&str> = support.suites.keys().map(String::as_str).collect();
        named.sort_by_key(|name| codenames.iter().position(|known| known == name));
        assert_eq!(named, codenames);
        let days = support.suites.values();
        let days = days.flat_map(|one| [&one.released, &one.security, &one.long_term]);
        assert!(days.flatten().all(|day| is_day(day)));
        for (image, runtime) in &support.images {
            for (suite, version) in &runtime.versions {
                assert!(codenames.contains(&suite.as_str()), "{image} {suite}");
                let until = runtime.until.get(version);
                assert!(until.is_some_and(|day| is_day(day)), "{image} {version}");
            }
        }
    }

    #[test]
    fn images_with_a_runtime_of_their_own_have_a_version() {
        for name in Catalogue.names() {
            let definition = Catalogue.get(name).unwrap();
            let runs = definition.config.entrypoint.is_some();
            assert_eq!(Support::known().images.contains_key(name), runs, "{name}");
        }
    }

    #[test]
    fn a_suite_has_its_phases() {
        let bookworm = &Support::known().suites["bookworm"];
        let days = [
            "2023-06-09",
            "2023-06-10",
            "2026-07-11",
            "2026-07-12",
            "2028-06-30",
            "2028-07-01",
        ];
        use Phase::{Ended, LongTerm, Security, Unreleased};
        let phases = [Unreleased, Security, Security, LongTerm, LongTerm, Ended];
        assert_eq!(days.map(|day| bookworm.phase(day)), phases);
        let forky = &Support::known().suites["forky"];
        assert_eq!(forky.phase("2026-11-26"), Unreleased);
    }
}
