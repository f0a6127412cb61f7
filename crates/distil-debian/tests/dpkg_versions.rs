//! The order of versions is dpkg's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::cmp::Ordering;
use std::process::Command;

use distil_debian::version::Version;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// What dpkg says of two versions; none where dpkg is not installed.
fn dpkg_order(left: &str, right: &str) -> Option<Ordering> {
    let says = |operator: &str| {
        let status = Command::new("dpkg")
            .args(["--compare-versions", left, operator, right])
            .status();
        status.ok().map(|status| status.success())
    };
    Some(match (says("lt")?, says("eq")?) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Equal,
        (false, false) => Ordering::Greater,
        (true, true) => panic!("dpkg finds {left} and {right} both equal and different"),
    })
}

/// Whether dpkg can be asked. Under CI it has to be; elsewhere its lack is said.
fn dpkg_is_there() -> bool {
    let there = dpkg_order("1", "2") == Some(Ordering::Less);
    assert!(
        there || std::env::var_os("CI").is_none(),
        "dpkg is needed to compare versions with"
    );
    if !there {
        eprintln!("SKIPPED: dpkg is not installed, so versions are not compared with it");
    }
    there
}

fn our_order(left: &str, right: &str) -> Ordering {
    let version = |text: &str| text.parse::<Version>().unwrap_or_else(|e| panic!("{e}"));
    version(left).cmp(&version(right))
}

/// Versions of Debian's archive that are awkward in one way or another.
const FROM_THE_ARCHIVE: &[&str] = &[
    "0.9+ds-5",
    "0.9+ds0-3",
    "0~20171227.200.9a14e9d-2",
    "0.0~git20150806.0.b8e0d05-4",
    "1.3.dfsg+really1.3.1-1+b1",
    "1:1.3.dfsg+really1.3.1-1+deb13u1",
    "2.0.0~rc1+dfsg-3~exp1",
    "2.0.0~rc1-3",
    "5.3.28+dfsg2-9",
    "5.3.28+dfsg1-0.10",
    "20250419",
    "2026a-0+deb13u1",
    "2025b-4+deb13u1",
    "4.16.0-2+really2.41-5",
    "4:4.16.0-2+really2.41-5+b2",
    "6.5+20250216-2",
    "9.2p1-2+deb12u3",
    "1:9.2p1-2+deb12u3",
    "1:10.0p1-7",
    "13.8.0-0~",
    "13.8.0",
    "13.8",
    "0.99.7.1-5",
    "0.99.07.1-5",
    "2:8.4+96",
    "1.0~alpha~2-1",
    "1.0~alpha-1",
    "1.0+nmu1",
    "1.0+nmu1+b1",
    "1.0.1a-1ubuntu1~bpo12+1",
];

#[test]
fn versions_of_the_archive_are_ordered_as_by_dpkg() {
    if !dpkg_is_there() {
        return;
    }
    for (at, left) in FROM_THE_ARCHIVE.iter().enumerate() {
        for right in FROM_THE_ARCHIVE.iter().skip(at) {
            assert_eq!(
                Some(our_order(left, right)),
                dpkg_order(left, right),
                "{left} {right}"
            );
        }
    }
}

#[test]
fn random_versions_are_ordered_as_by_dpkg() {
    if !dpkg_is_there() {
        return;
    }
    let text = "([01]:)?[01][a01.+~-]{0,5}(-[Zab01.+~]{1,3})?";
    let valid = |text: &String| text.parse::<Version>().is_ok();
    let one = || text.prop_filter("not a version", valid);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(600)
    });
    runner
        .run(&(one(), one()), |(left, right)| {
            prop_assert_eq!(Some(our_order(&left, &right)), dpkg_order(&left, &right));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// dpkg refuses what we refuse. It only warns of a version that does not start with a digit,
/// and then looks no further: these are not compared.
#[test]
fn texts_are_versions_where_they_are_for_dpkg() {
    if !dpkg_is_there() {
        return;
    }
    let valid_for_dpkg = |text: &str| {
        let output = Command::new("dpkg")
            .args(["--validate-version", "--", text])
            .env("LC_ALL", "C")
            .output()
            .unwrap_or_else(|error| panic!("{error}"));
        let warned = String::from_utf8_lossy(&output.stderr).contains("does not start with digit");
        (!warned).then(|| output.status.success())
    };
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(600)
    });
    runner
        .run(&"[0-9:]{0,2}[a0.+~:é_ -]{0,5}", |text| {
            // dpkg trims white space, which is not part of a version.
            prop_assume!(text.trim() == text);
            // It reads epochs by strtol(3), for which `-0` is one; by Debian Policy §5.6.12 they have
            // no sign.
            prop_assume!(!text.starts_with(['+', '-']));
            if let Some(valid) = valid_for_dpkg(&text) {
                prop_assert_eq!(text.parse::<Version>().is_ok(), valid, "{:?}", text);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
