//! What is said where there is no solution.

use super::*;
use crate::index::testing::{index_of, trixie};

fn said(lines: &str, request: &Request) -> String {
    solve(&trixie(lines), request).unwrap_err().to_string()
}

#[test]
fn an_unknown_package() {
    let error = solve(&trixie("python3 1\nperl 1"), &request("pyhton3")).unwrap_err();
    insta::assert_snapshot!(error, @"there is no package `pyhton3` in trixie");
    let SolveError::Unknown { nearest, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(nearest, ["python3"]);
    let index = index_of(&[
        ("trixie", 500, ""),
        ("trixie-updates", 500, ""),
        ("trixie-security", 500, ""),
    ]);
    insta::assert_snapshot!(solved(&index, &request("a | b")), @"there is no package `a` in trixie, trixie-updates or trixie-security");
    insta::assert_snapshot!(solved(&PackageIndex::new("amd64"), &request("a")), @"there is no package `a` in the index");
}

#[test]
fn a_version_that_is_not_there() {
    insta::assert_snapshot!(said("a 1", &request("a (>= 2)")), @"
    the request cannot be satisfied:
      `a (>= 2)` is requested, but only `a` 1 is in trixie
    ");
    insta::assert_snapshot!(said("a 1; Depends: libfoo (>= 2)\nlibfoo 1", &request("a")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` depends on `libfoo (>= 2)`, but only `libfoo` 1 is in trixie
    ");
    insta::assert_snapshot!(said("a 1; Depends: libfoo (>= 2)\nlibfoo 1\nlibfoo 1.5", &request("a")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` depends on `libfoo (>= 2)`, but of `libfoo` there is only 1.5 in trixie and 1 in trixie
    ");
    insta::assert_snapshot!(said("a 1; Pre-Depends: libfoo (>= 2) | bar\nlibfoo 1", &request("a")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` pre-depends on `libfoo (>= 2) | bar`, but only `libfoo` 1 is in trixie, and no `bar` is in trixie
    ");
    insta::assert_snapshot!(said("a 1; Depends: v (>= 2)\np 1; Provides: v (= 1)\nq 1; Provides: v", &request("a")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` depends on `v (>= 2)`, but of `v` there is only one without version provided by `q` and 1 provided by `p`
    ");
}

#[test]
fn a_chain_of_dependencies() {
    let lines = "
        a 1; Depends: b, x
        b 1; Depends: c (>= 1)
        c 1; Depends: missing
        x 1";
    insta::assert_snapshot!(said(lines, &request("a, x")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` depends on `b`
      `b` depends on `c (>= 1)`
      `c` depends on `missing`, but no `missing` is in trixie
    ");
}

#[test]
fn alternatives_that_all_fail() {
    let lines = "
        a 1; Depends: b | v
        b 1; Depends: missing
        p 1; Provides: v; Depends: gone
        q 1; Provides: v; Depends: gone";
    insta::assert_snapshot!(said(lines, &request("a")), @"
    the request cannot be satisfied:
      `a` is requested
      `a` depends on `b | v`, which `b`, `p` or `q` can satisfy
      `b` depends on `missing`, but no `missing` is in trixie
      `p` depends on `gone`, but no `gone` is in trixie
      `q` depends on `gone`, but no `gone` is in trixie
    ");
}

#[test]
fn packages_that_exclude_each_other() {
    let lines = "
        a 1; Depends: b
        b 1; Conflicts: c
        c 1; Breaks: x
        x 1
        y 1; Depends: c";
    insta::assert_snapshot!(said(lines, &request("a, y")), @"
    the request cannot be satisfied:
      `a` is requested
      `y` is requested
      `a` depends on `b`
      `y` depends on `c`
      `b` conflicts with `c`
    ");
    insta::assert_snapshot!(said(lines, &request("c, x")), @"
    the request cannot be satisfied:
      `c` is requested
      `x` is requested
      `c` breaks `x`
    ");
    let virtual_ones = "
        exim 1; Provides: mta; Conflicts: mta
        postfix 1; Provides: mta";
    insta::assert_snapshot!(said(virtual_ones, &request("exim, postfix")), @"
    the request cannot be satisfied:
      `exim` is requested
      `postfix` is requested
      `exim` conflicts with `mta`, which `postfix` provides
    ");
}

#[test]
fn several_versions_of_a_package() {
    let lines = "
        a 1; Depends: x (= 1)
        a 2; Depends: x (= 1)
        b 1; Depends: x (= 2)
        x 1
        x 2";
    insta::assert_snapshot!(said(lines, &request("a, b")), @"
    the request cannot be satisfied:
      `a` is requested
      `b` is requested
      `a` 2 and 1 depend on `x (= 1)`
      `b` depends on `x (= 2)`
    ");
    let lines = "
        a 1; Depends: x
        x 1; Conflicts: b
        x 2; Conflicts: b
        b 1";
    insta::assert_snapshot!(said(lines, &request("a, b")), @"
    the request cannot be satisfied:
      `a` is requested
      `b` is requested
      `a` depends on `x`
      `x` 2 and 1 conflict with `b`
    ");
}

#[test]
fn versions_that_are_pinned() {
    let lines = "
        a 1; Depends: x (>= 2)
        x 1
        x 2";
    let index = trixie(lines);
    let error = solve(&index, &request("a").pinned("x", "1")).unwrap_err();
    assert!(matches!(error, SolveError::PinConflict(_)));
    insta::assert_snapshot!(error, @"
    the request does not fit the versions that are pinned:
      `x` is pinned to 1
      `a` is requested
      `a` depends on `x (>= 2)`
    ");
    insta::assert_snapshot!(solved(&index, &request("a").pinned("x", "3")), @"`x` is pinned to 3, but of `x` there is only 2 in trixie and 1 in trixie");
    insta::assert_snapshot!(solved(&index, &request("a").pinned("y", "3")), @"`y` is pinned to 3, but no `y` is in trixie");
    // A request that is wrong anyhow is not the pins' fault.
    let error = solve(&index, &request("x (>= 3)").pinned("x", "1")).unwrap_err();
    assert!(matches!(error, SolveError::Unsatisfiable(_)));
    let error = solve(
        &index,
        &Request::default().pinned("x", "1").pinned("x", "2"),
    )
    .unwrap_err();
    insta::assert_snapshot!(error, @"
    the request does not fit the versions that are pinned:
      `x` is pinned to 1
      `x` is pinned to 2
    ");
}

#[test]
fn only_what_is_needed_is_said() {
    let noise: String = (0..30)
        .map(|n| {
            format!(
                "n{n} 1; Depends: n{} | m{n}; Conflicts: k{n}\nm{n} 1\nk{n} 1\n",
                n + 1
            )
        })
        .collect();
    let lines = format!(
        "{noise}
        a 1; Depends: n0, b | c
        b 1; Depends: n5, d
        c 1; Depends: n7, d
        d 1; Depends: n9; Conflicts: z
        z 1; Depends: k3 | n1"
    );
    insta::assert_snapshot!(said(&lines, &request("a, z")), @"
    the request cannot be satisfied:
      `a` is requested
      `z` is requested
      `a` depends on `b | c`
      `b` depends on `d`
      `c` depends on `d`
      `d` conflicts with `z`
    ");
}

/// Threads of programs have small stacks, as those of tests do.
#[test]
fn a_chain_can_be_long() {
    let length = 5000;
    let chain: String = (0..length)
        .map(|n| format!("n{n} 1; Depends: n{}\n", n + 1))
        .collect();
    let index = trixie(&format!("{chain}n{length} 1"));
    let solution = solve(&index, &request("n0")).unwrap();
    assert_eq!(solution.packages.len(), length + 1);
    assert_eq!(solution.why(&format!("n{length}")).len(), length + 1);
    let SolveError::Unsatisfiable(explanation) =
        solve(&trixie(&chain), &request("n0")).unwrap_err()
    else {
        panic!("another error");
    };
    assert_eq!(explanation.facts.len(), length + 1);
}
