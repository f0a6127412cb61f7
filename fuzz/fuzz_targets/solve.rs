//! A request for the first two packages of a `Packages` index. A solution must be one, whatever
//! the order of the stanzas.

#![no_main]

use std::num::NonZeroUsize;

use distil_debian::index::{PackageIndex, Pocket, condense};
use distil_debian::relation::{Alternatives, Relation};
use distil_debian::solve::{Request, Solution, solve};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut condensed = Vec::new();
    if condense(data, "amd64", NonZeroUsize::MIN, &mut condensed).is_err() {
        return;
    }
    let condensed = String::from_utf8(condensed).expect("a condensed index is UTF-8");
    let mut stanzas: Vec<&str> = condensed.split_inclusive("\n\n").collect();
    let index = index(&stanzas.concat());
    let wanted = index.package_names().into_iter().take(2);
    let wanted = wanted.map(|name| Relation::to_any_version(name).expect("a package's name"));
    let request = Request {
        install: wanted.map(Alternatives::from).collect(),
        ..Request::default()
    };
    stanzas.reverse();
    let other_way = self::index(&stanzas.concat());
    match (solve(&index, &request), solve(&other_way, &request)) {
        (Ok(solution), Ok(other)) => {
            check(&solution);
            assert_eq!(solution, other);
        }
        (Err(error), Err(other)) => {
            assert_eq!(error.to_string(), other.to_string());
            explain(&error);
        }
        (one, other) => panic!("{one:?}, but the other way {other:?}"),
    }
});

fn index(text: &str) -> PackageIndex {
    let mut index = PackageIndex::new("amd64");
    let pocket = Pocket {
        name: "trixie".to_owned(),
        priority: 500,
    };
    index
        .add(text.as_bytes().to_vec(), pocket)
        .expect("a condensed index can be added");
    index
}

/// Every dependency has its package, by name or by what one provides.
fn check(solution: &Solution) {
    for selected in &solution.packages {
        for (field, group) in selected.package.dependencies() {
            let Some(group) = group.reduced_to("amd64") else {
                continue;
            };
            let is_met = group.iter().any(|relation| {
                solution.packages.iter().any(|other| {
                    let provided = &other.package.provides;
                    other.package.name == relation.name
                        || provided
                            .iter()
                            .any(|provided| provided.name == relation.name)
                })
            });
            assert!(is_met, "{field} of {}: {group}", selected.package.name);
        }
    }
}
