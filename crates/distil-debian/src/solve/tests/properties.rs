//! Random small universes, where every answer is checked against trying all of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::index::testing::trixie;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A relation to a real or virtual package, mostly one that exists.
fn any_relation() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "v", "w", "x"]);
    let version = prop_oneof![
        3 => Just(String::new()),
        2 => (prop::sample::select(vec!["<<", "<=", "=", ">=", ">>"]), 1..4u8)
            .prop_map(|(operator, version)| format!(" ({operator} {version})")),
    ];
    (name, version).prop_map(|(name, version)| format!("{name}{version}"))
}

fn any_relations() -> impl Strategy<Value = String> {
    let group = prop::collection::vec(any_relation(), 1..4).prop_map(|group| group.join(" | "));
    prop::collection::vec(group, 0..3).prop_map(|groups| groups.join(", "))
}

fn any_package() -> impl Strategy<Value = String> {
    let provides = prop::sample::select(vec![
        "",
        "",
        "",
        "v",
        "w (= 2)",
        "v (= 1), w",
        "a",
        "b (= 3)",
    ]);
    let exclusions =
        || prop::collection::vec(any_relation(), 0..2).prop_map(|list| list.join(", "));
    let priority = prop::sample::select(vec!["required", "optional", "extra"]);
    (
        (prop::sample::select(NAMES.to_vec()), 1..4u8),
        (any_relations(), any_relations()),
        provides,
        (exclusions(), exclusions()),
        priority,
    )
        .prop_map(|((name, version), (depends, pre), provides, (conflicts, breaks), priority)| {
            format!("{name} {version}; Depends: {depends}; Pre-Depends: {pre}; Provides: {provides}; Conflicts: {conflicts}; Breaks: {breaks}; Priority: {priority}")
        })
}

fn any_universe() -> impl Strategy<Value = Vec<String>> {
    // One stanza a name and version: the last of them.
    prop::collection::vec(any_package(), 1..10).prop_map(|packages| {
        let named = packages.into_iter().map(|line| {
            let key = line.split(';').next().unwrap_or_default().to_owned();
            (key, line)
        });
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    let group = prop::collection::vec(any_relation(), 1..3).prop_map(|group| group.join(" | "));
    let install = prop::collection::vec(group, 0..4);
    let pinned = prop::collection::vec((prop::sample::select(NAMES.to_vec()), 1..4u8), 0..3);
    let without = prop::collection::vec(prop::sample::select(vec!["a", "v", "x"]), 0..2);
    (install, pinned, without).prop_map(|(install, pinned, without)| {
        let mut request = request(&install.join(", "));
        for (name, version) in pinned {
            request = request.pinned(name, &version.to_string());
        }
        for name in without {
            request = request.without(name);
        }
        request
    })
}

/// Whether a package meets a relation; written anew, and without architectures.
fn meets(package: &BinaryPackage, relation: &Relation) -> bool {
    (package.name == relation.name && relation.admits(&package.version))
        || package.provides.iter().any(|provided| {
            provided.name == relation.name
                && match (&relation.version, &provided.version) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some((operator, wanted)), Some(given)) => operator.holds(given, wanted),
                }
        })
}

/// Whether packages are a solution; each name is among them once at most.
fn is_solution(index: &PackageIndex, request: &Request, packages: &[&BinaryPackage]) -> bool {
    let has = |group: &Alternatives| {
        group
            .iter()
            .any(|relation| packages.iter().any(|p| meets(p, relation)))
    };
    let left_out = |group: &Alternatives| request.without.iter().any(|name| group.names(name));
    let depends = packages.iter().all(|package| {
        package
            .pre_depends
            .iter()
            .chain(&package.depends)
            .all(|group| left_out(group) || has(group))
    });
    let excludes = packages.iter().any(|package| {
        let exclusions = package.conflicts.iter().chain(&package.breaks).flatten();
        exclusions.into_iter().any(|relation| {
            packages
                .iter()
                .any(|other| other.name != package.name && meets(other, relation))
        })
    });
    let requested = request.install.iter().all(|group| {
        group.iter().any(|relation| {
            // A real package that fits is meant where there is one.
            let real = index.candidates(&relation.name).unwrap().into_iter();
            let real: Vec<_> = real.filter(|p| meets(p, relation)).collect();
            packages.iter().any(|package| {
                meets(package, relation) && (real.is_empty() || package.name == relation.name)
            })
        })
    });
    let pinned = request.pinned.iter().all(|(name, version)| {
        packages
            .iter()
            .any(|p| p.name == *name && p.version == *version)
    });
    depends && !excludes && requested && pinned
}

/// Calls `found` with every choice of at most one candidate of each list, the smallest first
/// where that is the order of the lists; stops at true.
fn any_choice<'p>(
    lists: &'p [Vec<BinaryPackage>],
    chosen: &mut Vec<&'p BinaryPackage>,
    found: &mut impl FnMut(&[&BinaryPackage]) -> bool,
) -> bool {
    let Some((list, rest)) = lists.split_first() else {
        return found(chosen);
    };
    if any_choice(rest, chosen, found) {
        return true;
    }
    list.iter().any(|package| {
        chosen.push(package);
        let stop = any_choice(rest, chosen, found);
        chosen.pop();
        stop
    })
}

fn lists(index: &PackageIndex) -> Vec<Vec<BinaryPackage>> {
    NAMES
        .iter()
        .map(|name| index.candidates(name).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_solution_is_found_where_there_is_one(lines in any_universe(), request in any_request()) {
        let index = trixie(&lines.join("\n"));
        let lists = lists(&index);
        match solve(&index, &request) {
            Ok(solution) => {
                let packages: Vec<BinaryPackage> =
                    solution.packages.iter().map(|p| p.package.clone()).collect();
                let all: Vec<&BinaryPackage> = packages.iter().collect();
                prop_assert!(is_solution(&index, &request, &all), "not one: {}", names(&solution));
                prop_assert!(solution.packages.is_sorted_by_key(|p| &p.package.name));
                prop_assert!(solution.omitted.is_sorted_by_key(|omitted| &omitted.package));
                for selected in &solution.packages {
                    prop_assert!(!selected.reasons.is_empty());
                    prop_assert!(selected.reasons.is_sorted());
                    let chain = solution.why(&selected.package.name);
                    let rooted = chain.first().is_some_and(|(_, reason)| {
                        matches!(reason, Reason::Requested(_) | Reason::Pinned)
                    });
                    prop_assert!(rooted);
                    prop_assert_eq!(&chain.last().unwrap().0.name, &selected.package.name);
                }
            }
            Err(SolveError::Virtual { .. } | SolveError::RequestedWithout { .. }) => {}
            Err(error) => {
                let any = any_choice(&lists, &mut Vec::new(), &mut |all| is_solution(&index, &request, all));
                prop_assert!(!any, "there is one, but: {error}");
            }
        }
    }

    /// Where nothing excludes anything, every package is somebody's first choice: no package is
    /// there as a second one alone, since then the first would be there instead.
    #[test]
    fn the_first_alternative_wins(lines in any_universe(), request in any_request()) {
        let lines: Vec<String> = lines.iter().map(|line| without_exclusions(line)).collect();
        let index = trixie(&one_version_each(&lines).join("\n"));
        let Ok(solution) = solve(&index, &request) else { return Ok(()) };
        let is_possible = |package: &BinaryPackage| {
            let alone = Request { without: request.without.clone(), ..Request::default() };
            solve(&index, &alone.pinned(&package.name, package.version.as_str())).is_ok()
        };
        let universe = Universe::new(&index, &request.without);
        for selected in &solution.packages {
            let name = &selected.package.name;
            let is_first = selected.reasons.iter().any(|reason| match reason {
                Reason::Requested(_) | Reason::Pinned => true,
                Reason::DependsOn { relation, .. } => {
                    let satisfying = universe.satisfying(relation).unwrap().into_iter();
                    let mut satisfying = satisfying.map(|id| universe.package(id));
                    satisfying.find(|package| is_possible(package)).is_some_and(|p| p.name == *name)
                }
            });
            prop_assert!(is_first, "{name} in {}", names(&solution));
        }
    }

    /// The facts of an explanation are true, and no universe in which they are has a solution.
    #[test]
    fn explanations_explain(lines in any_universe(), request in any_request()) {
        let index = trixie(&lines.join("\n"));
        let explanation = match solve(&index, &request) {
            Err(SolveError::Unsatisfiable(explanation) | SolveError::PinConflict(explanation)) => explanation,
            _ => return Ok(()),
        };
        prop_assert!(!explanation.to_string().is_empty());
        // A universe of nothing but these facts.
        let lists: Vec<Vec<BinaryPackage>> = lists(&index)
            .into_iter()
            .map(|list| list.into_iter().map(|package| reduced_to(package, &explanation)).collect())
            .collect();
        let mut reduced = Request { without: request.without.clone(), ..Request::default() };
        for fact in &explanation.facts {
            match fact {
                Fact::Requested { relation, .. } => {
                    prop_assert!(request.install.contains(relation));
                    reduced.install.push(relation.clone());
                }
                Fact::Pinned { name, version } => {
                    prop_assert!(request.pinned.contains(&(name.clone(), version.clone())));
                    reduced.pinned.push((name.clone(), version.clone()));
                }
                _ => {}
            }
        }
        let any = any_choice(&lists, &mut Vec::new(), &mut |all| is_solution(&index, &reduced, all));
        prop_assert!(!any, "not an explanation:\n{}", explanation);
    }

    #[test]
    fn no_order_matters(
        (lines, shuffled) in any_universe().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        request in any_request(),
    ) {
        let mut reversed = request.clone();
        reversed.install.reverse();
        reversed.pinned.reverse();
        let one = solve(&trixie(&lines.join("\n")), &request);
        let other = solve(&trixie(&shuffled.join("\n")), &reversed);
        match (one, other) {
            (Ok(one), Ok(other)) => prop_assert_eq!(
                serde_json::to_string(&one).unwrap(),
                serde_json::to_string(&other).unwrap()
            ),
            (Err(one), Err(other)) => prop_assert_eq!(one.to_string(), other.to_string()),
            (one, other) => prop_assert!(false, "{one:?} {other:?}"),
        }
    }
}

/// A line of [`any_package`] without its last fields.
fn without_exclusions(line: &str) -> String {
    let end = line.find("; Conflicts").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).to_owned()
}

/// The first line of each name.
fn one_version_each(lines: &[String]) -> Vec<String> {
    let name = |line: &String| line.split(' ').next().map(str::to_owned);
    let mut lines = lines.to_vec();
    lines.dedup_by_key(|line| name(line));
    lines
}

/// A package with those of its relations that an explanation names.
fn reduced_to(mut package: BinaryPackage, explanation: &Explanation) -> BinaryPackage {
    let about = |subject: &Subject, package: &BinaryPackage| {
        subject.name == package.name
            && (subject.versions.is_empty() || subject.versions.contains(&package.version))
    };
    let depends: Vec<Alternatives> = explanation
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Depends {
                package: subject,
                relation,
                ..
            } if about(subject, &package) => Some(relation.clone()),
            _ => None,
        })
        .collect();
    let excludes: Vec<Alternatives> = explanation
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Excludes {
                package: subject,
                relation,
                ..
            } if about(subject, &package) => Some(relation.clone().into()),
            _ => None,
        })
        .collect();
    let has = |groups: &[Alternatives], field: &crate::relation::Relations| {
        groups
            .iter()
            .all(|group| field.iter().any(|own| own == group))
    };
    // What is said of a package, it says itself.
    let both = crate::relation::Relations(
        package
            .depends
            .iter()
            .chain(&package.pre_depends)
            .cloned()
            .collect(),
    );
    assert!(has(&depends, &both), "{depends:?} {both:?}");
    package.depends.0 = depends;
    package.pre_depends.0.clear();
    package.breaks.0.clear();
    package.conflicts.0 = excludes;
    package
}
