//! One rule of Debian's a test.

use super::*;
use crate::index::testing::{index_of, trixie};

fn install(lines: &str, install: &str) -> String {
    solved(&trixie(lines), &request(install))
}

#[test]
fn dependencies_are_followed_and_recommendations_are_not() {
    let lines = "
        a 1; Depends: b; Pre-Depends: c; Recommends: r; Suggests: r
        b 1; Depends: d
        c 1
        d 1; Depends: a
        essential 1; Essential: yes
        r 1";
    assert_eq!(install(lines, "a"), "a 1, b 1, c 1, d 1");
}

#[test]
fn the_first_alternative_wins() {
    let lines = "
        a 1; Depends: c | b
        b 1
        c 1";
    assert_eq!(install(lines, "a"), "a 1, c 1");
}

#[test]
fn another_alternative_is_taken_where_the_first_cannot_be() {
    let lines = "
        a 1; Depends: missing | c (>= 2) | d | b
        b 1
        c 1
        d 1; Depends: missing";
    assert_eq!(install(lines, "a"), "a 1, b 1");
}

#[test]
fn the_real_package_is_before_those_that_provide_it() {
    let lines = "
        a 1; Depends: x
        b 1; Provides: x; Priority: required
        x 1";
    assert_eq!(install(lines, "a"), "a 1, x 1");
}

#[test]
fn providers_are_taken_by_priority_and_then_by_name() {
    let by_name = "
        a 1; Depends: v
        c 1; Provides: v
        b 1; Provides: v";
    assert_eq!(install(by_name, "a"), "a 1, b 1");
    let by_priority = "
        a 1; Depends: v
        b 1; Provides: v; Priority: extra
        c 1; Provides: v; Priority: optional
        d 1; Provides: v; Priority: standard";
    assert_eq!(install(by_priority, "a"), "a 1, d 1");
}

#[test]
fn the_newest_version_that_fits_is_taken() {
    let lines = "
        x 1
        x 10
        x 9
        old 1; Depends: x (<< 9)
        a 1; Depends: x";
    assert_eq!(install(lines, "a"), "a 1, x 10");
    assert_eq!(install(lines, "a, old"), "a 1, old 1, x 1");
    assert_eq!(install(lines, "x (= 9)"), "x 9");
}

#[test]
fn pockets_of_a_lower_priority_are_for_need_only() {
    let index = index_of(&[
        (
            "trixie",
            500,
            "x 1\na 1; Depends: x\nnew 1; Depends: x (>= 2)",
        ),
        ("trixie-security", 500, "x 1.1"),
        ("trixie-backports", 100, "x 2"),
    ]);
    assert_eq!(solved(&index, &request("a")), "a 1, x 1.1");
    assert_eq!(solved(&index, &request("a, new")), "a 1, new 1, x 2");
}

#[test]
fn versions_of_what_is_provided_count_and_no_version_is_none() {
    let lines = "
        unversioned 1; Provides: v
        versioned 1; Provides: v (= 3)
        any 1; Depends: v
        three 1; Depends: v (>= 3)
        four 1; Depends: v (>= 4)";
    // Policy §7.5
    assert_eq!(install(lines, "three"), "three 1, versioned 1");
    assert_eq!(install(lines, "any"), "any 1, unversioned 1");
    assert!(install(lines, "four").contains("cannot be satisfied"));
}

#[test]
fn a_package_that_provides_its_own_name_can_satisfy_a_later_version() {
    let lines = "
        x 1; Provides: x (= 5)
        a 1; Depends: x (>= 5)";
    assert_eq!(install(lines, "a"), "a 1, x 1");
}

#[test]
fn packages_that_exclude_each_other_are_not_together() {
    let lines = "
        a 1; Depends: b | c
        b 1; Conflicts: d
        c 1
        d 1";
    assert_eq!(install(lines, "a"), "a 1, b 1");
    assert_eq!(install(lines, "a, d"), "a 1, c 1, d 1");
    // Whichever of them says so.
    let lines = lines
        .replace("b 1; Conflicts: d", "b 1")
        .replace("d 1", "d 1; Breaks: b");
    assert_eq!(install(&lines, "a, d"), "a 1, c 1, d 1");
}

#[test]
fn exclusions_are_of_versions_too() {
    let lines = "
        a 1; Breaks: x (<< 2)
        x 1
        x 2
        b 1; Depends: x (= 1) | x (= 2)";
    assert_eq!(install(lines, "a, b"), "a 1, b 1, x 2");
    assert_eq!(install(lines, "b"), "b 1, x 1");
}

#[test]
fn an_exclusion_of_a_virtual_package_is_of_its_providers_but_oneself() {
    let lines = "
        exim 1; Provides: mta; Conflicts: mta
        postfix 1; Provides: mta; Conflicts: mta
        versioned 1; Provides: mta (= 2)
        old 1; Conflicts: mta (<< 3)
        self 1; Conflicts: self, mta; Provides: mta";
    assert_eq!(install(lines, "exim"), "exim 1");
    assert_eq!(install(lines, "self"), "self 1");
    assert!(install(lines, "exim, postfix").contains("cannot be satisfied"));
    assert!(install(lines, "old, versioned").contains("cannot be satisfied"));
    assert_eq!(install(lines, "old, exim"), "exim 1, old 1");
}

#[test]
fn the_first_alternative_stays_though_another_one_comes_along() {
    let gpgme = "
        gpgme 1; Depends: gnupg (>= 1) | gpg
        gnupg 1; Depends: agent, gpg
        agent 1
        gpg 1";
    assert_eq!(install(gpgme, "gpgme"), "agent 1, gnupg 1, gpg 1, gpgme 1");
    // A package that depends on one that provides its name.
    let lines = "
        a 1; Depends: lsb
        lsb 1; Depends: init
        init 1; Provides: lsb (= 1)";
    assert_eq!(install(lines, "a"), "a 1, init 1, lsb 1");
}

#[test]
fn a_dependency_that_is_met_already_asks_for_nothing() {
    let lines = "
        gpgme 1; Depends: gnupg (>= 1) | gpg
        gnupg 1; Depends: gpg
        gpg 1; Depends: agent
        agent 1
        before 1; Depends: gpg, gpgme
        behind 1; Depends: gpgme, gpg
        early 1; Pre-Depends: gpg; Depends: gpgme
        a 1; Depends: x | v
        x 1
        y 1; Provides: v";
    // What is asked for by name, or pinned, is there first.
    assert_eq!(install(lines, "gpgme, gpg"), "agent 1, gpg 1, gpgme 1");
    let pinned = request("gpgme").pinned("gpg", "1");
    assert_eq!(solved(&trixie(lines), &pinned), "agent 1, gpg 1, gpgme 1");
    assert_eq!(install(lines, "a, y"), "a 1, y 1");
    // Of a package's dependencies, the earlier ones are followed to their end.
    assert_eq!(
        install(lines, "before"),
        "agent 1, before 1, gpg 1, gpgme 1"
    );
    assert_eq!(
        install(lines, "behind"),
        "agent 1, behind 1, gnupg 1, gpg 1, gpgme 1"
    );
    assert_eq!(install(lines, "early"), "agent 1, early 1, gpg 1, gpgme 1");
}

#[test]
fn what_a_search_has_found_has_nothing_superfluous() {
    // `x (<< 9)` comes too late for the walk.
    let lines = "
        a 1; Depends: x, b | c, old
        b 1; Depends: c, d
        c 1
        d 1
        x 1
        x 10
        old 1; Depends: x (<< 9)";
    assert_eq!(install(lines, "a"), "a 1, b 1, c 1, d 1, old 1, x 1");
}

#[test]
fn a_request_for_a_real_package_is_for_that_one() {
    let lines = "
        php 1; Depends: php8
        php8 1; Provides: php";
    assert_eq!(install(lines, "php"), "php 1, php8 1");
    assert_eq!(install(lines, "php (>= 2) | php8"), "php8 1");
}

#[test]
fn a_request_can_have_alternatives_and_restrictions() {
    let lines = "a 1\nb 1\nc 1; Architecture: all";
    assert_eq!(install(lines, "missing | b"), "b 1");
    assert_eq!(
        install(lines, "a [arm64], b [amd64], c [!amd64] | a"),
        "a 1, b 1"
    );
    assert_eq!(install(lines, "a [arm64]"), "");
    assert_eq!(install(lines, ""), "");
}

#[test]
fn a_request_for_a_virtual_package_needs_a_choice() {
    let lines = "
        mawk 1; Provides: awk
        gawk 1; Provides: awk
        only 1; Provides: single";
    insta::assert_snapshot!(install(lines, "awk"), @"`awk` is a virtual package, and one of those that provide it has to be chosen: `gawk` or `mawk`");
    assert_eq!(install(lines, "awk, mawk"), "mawk 1");
    assert_eq!(install(lines, "single"), "only 1");
    let pinned = request("awk").pinned("gawk", "1");
    assert_eq!(solved(&trixie(lines), &pinned), "gawk 1");
}

#[test]
fn multi_arch_is_as_dpkg_has_it_in_a_root_of_one_architecture() {
    let lines = "
        no 1
        same 1; Multi-Arch: same
        foreign 1; Multi-Arch: foreign
        allowed 1; Multi-Arch: allowed
        all 1; Architecture: all
        p 1; Provides: v-any:any, v-arm64:arm64, v-amd64:amd64
        conflicts 1; Conflicts: no:any
        conflicts-other 1; Conflicts: no:arm64";
    let index = trixie(lines);
    let met = |relation: &str| {
        let lines = format!("{lines}\n asks 1; Depends: {relation}");
        solve(&trixie(&lines), &request("asks")).is_ok()
    };
    for name in ["no", "same", "foreign", "allowed", "all"] {
        assert!(met(name), "{name}");
        assert!(met(&format!("{name}:amd64")), "{name}");
        assert!(met(&format!("{name}:all")), "{name}");
        assert!(!met(&format!("{name}:arm64")), "{name}");
        assert_eq!(met(&format!("{name}:any")), name == "allowed", "{name}");
    }
    assert!(met("v-any:any") && !met("v-any"));
    assert!(met("v-amd64") && !met("v-arm64") && met("v-arm64:arm64"));
    assert!(solve(&index, &request("no, conflicts")).is_err());
    assert!(solve(&index, &request("no, conflicts-other")).is_ok());
}

#[test]
fn what_is_to_be_left_out_is_and_is_reported() {
    let lines = "
        python 1; Depends: dpkg (>= 1), libc
        tzdata 1; Depends: debconf (>= 0.5) | debconf-2.0; Pre-Depends: libc
        unused 1; Depends: dpkg
        libc 1; Depends: libgcc
        libgcc 1
        dpkg 1
        debconf 1
        cdebconf 1; Provides: debconf-2.0";
    let index = trixie(lines);
    let request = request("python, tzdata")
        .without("dpkg")
        .without("debconf-2.0");
    let solution = solve(&index, &request).unwrap();
    assert_eq!(names(&solution), "libc 1, libgcc 1, python 1, tzdata 1");
    let omitted: Vec<String> = solution
        .omitted
        .iter()
        .map(|o| format!("{} {}: {} ({})", o.package, o.field, o.relation, o.without))
        .collect();
    assert_eq!(
        omitted,
        [
            "python Depends: dpkg (>= 1) (dpkg)",
            "tzdata Depends: debconf (>= 0.5) | debconf-2.0 (debconf-2.0)"
        ]
    );
}

#[test]
fn a_request_cannot_be_for_what_is_left_out() {
    let index = trixie("a 1\nb 1");
    let request = request("b | a").without("a");
    insta::assert_snapshot!(solved(&index, &request), @"`b | a` is requested, but `a` is to be left out");
}

#[test]
fn pinned_packages_are_there_in_exactly_these_versions() {
    let index = index_of(&[
        ("trixie", 500, "x 1\na 1; Depends: x\ny 1"),
        ("trixie-security", 500, "x 2"),
    ]);
    let pinned = request("a").pinned("x", "1").pinned("y", "1");
    let solution = solve(&index, &pinned).unwrap();
    assert_eq!(names(&solution), "a 1, x 1, y 1");
    let reasons = &solution.get("x").unwrap().reasons;
    insta::assert_snapshot!(serde_json::to_string(reasons).unwrap(), @r#"["pinned",{"depends-on":{"by":"a","field":"Depends","relation":"x"}}]"#);
}

#[test]
fn a_chain_says_why_a_package_is_there() {
    let index = trixie(
        "a 1; Depends: b, far
         b 1; Pre-Depends: v
         far 1; Depends: farther
         farther 1; Depends: p
         other 1; Depends: b
         p 1; Provides: v; Depends: a",
    );
    let solution = solve(&index, &request("a, other")).unwrap();
    let why = |name: &str| {
        let chain = solution.why(name).into_iter();
        let steps = chain.map(|(package, reason)| {
            let reason = serde_json::to_string(reason).unwrap();
            format!("{} {reason}", package.name)
        });
        steps.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(why("p"), @r#"
    a {"requested":"a"}
    b {"depends-on":{"by":"a","field":"Depends","relation":"b"}}
    p {"depends-on":{"by":"b","field":"Pre-Depends","relation":"v"}}
    "#);
    insta::assert_snapshot!(why("a"), @r#"a {"requested":"a"}"#);
    assert_eq!(why("missing"), "");
    let json = serde_json::to_string(&solution).unwrap();
    assert_eq!(serde_json::from_str::<Solution>(&json).unwrap(), solution);
}

#[test]
fn a_wrong_stanza_stops_the_search_only_where_it_is_reached() {
    let lines = "
        a 1; Depends: b | c
        b 1; Size: x
        c 1";
    insta::assert_snapshot!(install(lines, "c"), @"c 1");
    let error = solve(&trixie(lines), &request("a")).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    insta::assert_snapshot!(format!("{error}: {source}"), @"failed to read the package index: the stanza of `b` at line 9 of the package index of `trixie` is wrong");
}

#[test]
fn a_relation_to_itself_is_met() {
    assert_eq!(install("a 1; Depends: a, v; Provides: v", "a"), "a 1");
    assert_eq!(install("a 1; Depends: a (>= 2)\n a 2", "a"), "a 2");
}

#[test]
fn a_request_for_another_architecture_is_told_as_such() {
    let lines = "libpq5 1; Multi-Arch: same";
    insta::assert_snapshot!(install(lines, "libpq5:i386"), @"`libpq5:i386` is requested, and the packages of the image are for amd64: leave the architecture out, or build the image for that platform");
    assert_eq!(install(lines, "libpq5:amd64"), "libpq5 1");
}
