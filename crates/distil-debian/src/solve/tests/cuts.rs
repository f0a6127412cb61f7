//! Following the names that keep a package away keeps it away.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::index::testing::trixie;

fn cuts_of(solution: &Solution, unwanted: &BTreeSet<&str>) -> BTreeSet<String> {
    let packages = solution.packages.iter();
    let packages = packages.map(|one| (one.package.name.as_str(), one.reasons.as_slice()));
    cuts(packages, unwanted)
}

fn cut(lines: &str, install: &str, unwanted: &[&str]) -> String {
    let solution = solve(&trixie(lines), &request(install)).unwrap();
    let unwanted = unwanted.iter().copied().collect();
    let names: Vec<String> = cuts_of(&solution, &unwanted).into_iter().collect();
    names.join(" ")
}

#[test]
fn the_cut_is_as_low_as_it_can_be_and_of_all_chains() {
    let lines = "
        metapackage 1; Depends: psql
        psql 1; Depends: common, libpq
        common 1; Depends: perl, debconf
        perl 1; Depends: perl-base
        debconf 1; Depends: perl-base
        perl-base 1
        libpq 1
        other 1; Depends: tool
        tool 1; Depends: debconf";
    assert_eq!(cut(lines, "metapackage", &["perl-base"]), "perl-base");
    // One name for both, and it is not psql's.
    assert_eq!(cut(lines, "metapackage", &["perl", "debconf"]), "common");
    assert_eq!(
        cut(lines, "metapackage, other", &["perl", "debconf"]),
        "debconf perl"
    );
    assert_eq!(cut(lines, "metapackage, perl-base", &["perl-base"]), "");
    assert_eq!(
        cut(lines, "metapackage, perl", &["perl", "debconf"]),
        "debconf"
    );
    assert_eq!(cut(lines, "libpq", &["perl"]), "");
}

#[test]
fn what_is_provided_is_left_out_by_the_name_that_is_asked_for() {
    let lines = "
        a 1; Depends: awk
        b 1; Depends: mawk | gawk
        mawk 1; Provides: awk";
    assert_eq!(cut(lines, "a, b", &["mawk"]), "awk mawk");
    assert_eq!(cut(lines, "a", &["mawk"]), "awk");
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Packages of which each depends on some others, by alternatives of so many names.
fn any_universe(alternatives: usize) -> impl Strategy<Value = String> {
    let name = prop::sample::select(NAMES.to_vec());
    let group = prop::collection::vec(name, 1..=alternatives).prop_map(|names| names.join(" | "));
    let depends = prop::collection::vec(group, 0..4).prop_map(|groups| groups.join(", "));
    prop::collection::vec(depends, NAMES.len()).prop_map(|all| {
        let lines = NAMES.iter().zip(all);
        let lines = lines.map(|(name, depends)| format!("{name} 1; Depends: {depends}"));
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn any_names() -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(prop::sample::select(NAMES.to_vec()), 1..4)
}

/// The unwanted packages that are there without being asked for.
fn left<'u>(solution: &Solution, unwanted: &BTreeSet<&'u str>) -> BTreeSet<&'u str> {
    let is_left = |name: &&str| {
        solution.get(name).is_some_and(|selected| {
            let mut reasons = selected.reasons.iter();
            reasons.all(|reason| matches!(reason, Reason::DependsOn { .. }))
        })
    };
    unwanted.iter().copied().filter(is_left).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_cut_off_is_gone_by_as_few_names_as_can_be(
        lines in any_universe(1),
        asked in any_names(),
        unwanted in any_names(),
    ) {
        let index = trixie(&lines);
        let asked: Vec<&str> = asked.into_iter().collect();
        let request = request(&asked.join(", "));
        let solution = solve(&index, &request).unwrap();
        let names = cuts_of(&solution, &unwanted);
        let without = |names: BTreeSet<String>| {
            let request = Request { without: names, ..request.clone() };
            solve(&index, &request).is_ok_and(|solution| left(&solution, &unwanted).is_empty())
        };
        prop_assert!(without(names.clone()), "{names:?}");
        let others: Vec<&str> = NAMES.iter().copied().filter(|name| !asked.contains(name)).collect();
        for bits in 0..1_u32 << others.len() {
            let some = others.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
            let some: BTreeSet<String> = some.map(|(_, name)| (*name).to_owned()).collect();
            prop_assert!(some.len() >= names.len() || !without(some.clone()), "{some:?} {names:?}");
        }
    }

    /// With alternatives another way may open; the answer to the next solution closes that.
    #[test]
    fn cutting_again_and_again_comes_to_an_end(
        lines in any_universe(3),
        asked in any_names(),
        unwanted in any_names(),
    ) {
        let index = trixie(&lines);
        let asked: Vec<&str> = asked.into_iter().collect();
        let mut request = request(&asked.join(", "));
        for _ in 0..=NAMES.len() {
            let solution = solve(&index, &request).unwrap();
            let names = cuts_of(&solution, &unwanted);
            if names.is_empty() {
                prop_assert!(left(&solution, &unwanted).is_empty());
                return Ok(());
            }
            request.without.extend(names);
        }
        prop_assert!(false, "{:?}", request.without);
    }
}
