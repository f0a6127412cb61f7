use std::collections::{BTreeMap, BTreeSet};

use super::{busybox_applets, debian_like, debian_like_packages};
use crate::elf::Machine;

#[test]
fn every_suite_has_the_packages_of_the_catalogue() {
    for (suite, names) in [
        (
            "trixie",
            [
                "libssl3t64",
                "gcc-14-base",
                "python3.13-minimal",
                "tzdata-legacy",
            ],
        ),
        (
            "bookworm",
            ["libssl3", "gcc-12-base", "python3.11-minimal", "libtirpc3"],
        ),
        (
            "noble",
            [
                "libssl3t64",
                "gcc-14-base",
                "python3.12-minimal",
                "libcrypt1",
            ],
        ),
    ] {
        let packages = debian_like_packages(suite, "arm64");
        let known: BTreeSet<&str> = packages.iter().map(|deb| deb.name()).collect();
        assert_eq!(known.len(), packages.len(), "{suite} has a package twice");
        for name in names {
            assert!(known.contains(name), "{suite} has no {name}");
        }
    }
}

/// What a relation names, without versions and alternatives after the first.
fn names(relations: &str) -> Vec<Vec<&str>> {
    relations
        .split(',')
        .map(|relation| {
            relation
                .split('|')
                .filter_map(|one| one.split_whitespace().next())
                .collect()
        })
        .collect()
}

#[test]
fn every_dependency_is_in_the_archive() {
    for suite in ["trixie", "bookworm", "noble"] {
        let mut known = BTreeSet::new();
        let mut wanted: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for deb in debian_like_packages(suite, "amd64") {
            known.insert(deb.name().to_owned());
            for line in deb.control().lines() {
                let Some((field, value)) = line.split_once(": ") else {
                    continue;
                };
                for alternatives in names(value) {
                    let alternatives = alternatives.into_iter().map(str::to_owned).collect();
                    match field {
                        "Provides" => known.extend::<Vec<String>>(alternatives),
                        "Depends" | "Pre-Depends" => wanted
                            .entry(deb.name().to_owned())
                            .or_default()
                            .push(alternatives),
                        _ => {}
                    }
                }
            }
        }
        for (package, relations) in wanted {
            for relation in relations {
                assert!(
                    relation.iter().any(|name| known.contains(name)),
                    "{suite}: {package} depends on {relation:?}"
                );
            }
        }
    }
}

#[test]
fn every_machine_has_packages() {
    for machine in Machine::ALL {
        for suite in ["trixie", "bookworm", "noble"] {
            let packages = debian_like_packages(suite, machine.debian());
            assert!(packages.iter().all(|deb| !deb.build().is_empty()));
        }
    }
}

#[test]
fn applets_are_those_of_the_real_binary() {
    assert_eq!(busybox_applets("trixie").len(), 272);
    assert_eq!(busybox_applets("bookworm").len(), 269);
    let sorted = |suite| busybox_applets(suite).is_sorted();
    assert!(sorted("trixie") && sorted("bookworm"));
}

#[test]
fn the_same_archive_comes_out_every_time() {
    let [one, other] = [(), ()].map(|()| {
        let archive = debian_like("trixie").write_temp().unwrap();
        std::fs::read(archive.path("dists/trixie/InRelease")).unwrap()
    });
    assert_eq!(one, other);
}
