//! Random small archives and requests: what is locked is built, made again the same, has a reason, and
//! changes by an update where it has to.

use std::collections::BTreeMap;

use distil_fixture::{DebBuilder, debian_security_like};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{archive, digest, lock_of, move_on, said};
use crate::context::Context;

/// How many packages an archive has beside Debian's own.
const COUNT: usize = 6;

/// Of each package the numbers of earlier ones that it depends on.
#[derive(Debug, Clone)]
struct Case {
    depends: Vec<Vec<usize>>,
    asked: Vec<usize>,
    updated: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let depends = (0..COUNT).map(|number| {
        let earlier = proptest::sample::subsequence((0..number).collect::<Vec<_>>(), 0..=number);
        earlier.boxed()
    });
    let asked = proptest::sample::subsequence((0..COUNT).collect::<Vec<_>>(), 1..3);
    (depends.collect::<Vec<_>>(), asked, 0..COUNT).prop_map(|(depends, asked, updated)| Case {
        depends,
        asked,
        updated,
    })
}

impl Case {
    /// The packages, one of them in a newer version.
    fn packages(&self, newer: Option<usize>) -> Vec<DebBuilder> {
        let package = |(number, depends): (usize, &Vec<usize>)| {
            let version = if newer == Some(number) {
                "2.0-1"
            } else {
                "1.0-1"
            };
            let depends: Vec<String> = depends.iter().map(|one| format!("p{one} (>= 1)")).collect();
            let deb = DebBuilder::new(&format!("p{number}"), version, "amd64");
            let deb = match depends.is_empty() {
                true => deb,
                false => deb.depends(&depends.join(", ")),
            };
            deb.file(&format!("/usr/share/p{number}/version"), version.as_bytes())
        };
        self.depends.iter().enumerate().map(package).collect()
    }

    /// What the request needs: those that are asked for, and what they depend on.
    fn needed(&self) -> Vec<usize> {
        let mut needed = self.asked.clone();
        let mut next = 0;
        while let Some(one) = needed.get(next).copied() {
            for other in &self.depends[one] {
                if !needed.contains(other) {
                    needed.push(*other);
                }
            }
            next += 1;
        }
        needed.sort_unstable();
        needed
    }
}

/// The lines of each package of a lock, but for when its index was last seen.
fn blocks(lock: &str) -> BTreeMap<String, Vec<String>> {
    let mut blocks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = None;
    let (_, packages) = lock.split_once("\n    packages:\n").unwrap();
    for line in packages.lines() {
        if let Some(rest) = line.trim_start().strip_prefix("- name: ") {
            name = Some(rest.to_owned());
        }
        if let Some(name) = name.as_ref().filter(|_| !line.contains("last_seen:")) {
            blocks
                .entry(name.clone())
                .or_default()
                .push(line.to_owned());
        }
    }
    blocks
}

fn holds(case: &Case) {
    let context = Context::with(
        archive(0, case.packages(None)),
        debian_security_like("trixie"),
    );
    let asked: Vec<String> = case.asked.iter().map(|one| format!("p{one}")).collect();
    context.define(&format!(
        "name: app\nfrom: base\npackages: [{}]\n",
        asked.join(", ")
    ));
    let platform = ["--platform", "linux/amd64"];
    context.run(&["lock", "app.yaml", platform[0], platform[1]]);
    let first = lock_of(&context);
    let has: Vec<usize> = (0..COUNT)
        .filter(|number| blocks(&first).contains_key(&format!("p{number}")))
        .collect();
    assert_eq!(has, case.needed(), "{first}");
    for (name, lines) in blocks(&first) {
        let has_reason = lines.iter().any(|line| line.contains("reasons:"));
        assert!(has_reason, "`{name}` has no reason: {lines:?}");
    }
    let made = digest(&context, "app.yaml", &platform);
    let rebuilt = said(&context, &["rebuild", "x.tar", "app.yaml", "--locked"]);
    assert!(rebuilt.starts_with("status 0"), "{rebuilt}");
    // One that the lock has.
    let needed = case.needed();
    let updated = needed[case.updated % needed.len()];
    let newer = case.packages(Some(updated));
    move_on(&context, &archive(7, newer));
    assert_eq!(digest(&context, "app.yaml", &platform), made);
    context.run(&[
        "lock",
        "app.yaml",
        "--update",
        &format!("p{updated}"),
        "--quiet",
    ]);
    let second = lock_of(&context);
    let (before, after) = (blocks(&first), blocks(&second));
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    let changed = before
        .iter()
        .filter(|(name, lines)| after[*name] != **lines);
    let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
    assert_eq!(changed, [format!("p{updated}")], "{second}");
}

#[test]
fn locks_of_random_archives() {
    let config = Config {
        // Each is some ten runs of the command; `PROPTEST_CASES` asks for more.
        cases: std::env::var("PROPTEST_CASES").map_or(12, |_| Config::default().cases / 20),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&cases(), |case| {
        holds(&case);
        Ok(())
    });
    outcome.unwrap();
}
