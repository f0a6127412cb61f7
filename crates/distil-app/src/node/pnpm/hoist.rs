//! Which package a name means to those that do not say they depend on it (`@pnpm/hoist`): each name leads,
//! in `node_modules/.pnpm/node_modules`, to one of the packages that are called so, the one nearest to the
//! project.

use std::collections::{BTreeMap, BTreeSet};

/// What depends on what, by keys of the lock: names with what they mean.
pub(super) type Children<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

/// The names with the keys of what they lead to. `direct` is what the projects ask for, those of the root
/// first, of which the names are in `reserved`; `order` is what packages of one distance are compared by.
pub(super) fn hoisted<'a>(
    direct: &[(&'a str, &'a str)],
    reserved: impl Iterator<Item = &'a str>,
    children: &Children<'a>,
    order: impl Fn(&str) -> String,
) -> BTreeMap<&'a str, &'a str> {
    let empty = Vec::new();
    let children_of = |key: &str| children.get(key).unwrap_or(&empty);
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    let step = |keys: &mut dyn Iterator<Item = &'a str>, walked: &mut BTreeSet<&'a str>| {
        keys.filter(|key| walked.insert(key)).collect::<Vec<&str>>()
    };
    let first = step(&mut direct.iter().map(|(_, key)| *key), &mut walked);
    let mut nodes: Vec<(usize, String, &str)> = Vec::new();
    let mut steps = vec![(0, first)];
    while let Some((depth, keys)) = steps.pop() {
        // The steps of all of these begin before the first of them goes on, which decides who has the
        // packages that several depend on.
        let mut next: Vec<(usize, Vec<&str>)> = Vec::new();
        for key in keys {
            nodes.push((depth, order(key), key));
            let mut below = children_of(key).iter().map(|(_, key)| *key);
            next.push((depth + 1, step(&mut below, &mut walked)));
        }
        steps.extend(next.into_iter().rev());
    }
    nodes.sort();
    // As pnpm compares them: names that are found in lower case, reserved ones as they are.
    let mut taken: BTreeSet<String> = reserved.map(str::to_owned).collect();
    let mut found = BTreeMap::new();
    let all = nodes.iter().flat_map(|(_, _, key)| children_of(key));
    for (name, key) in direct.iter().chain(all) {
        if taken.insert(name.to_lowercase()) {
            found.insert(*name, *key);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_a_name_is_taken() {
        let children = Children::from([
            ("a@1", vec![("b", "b@2"), ("c", "c@1")]),
            ("c@1", vec![("B", "B@1"), ("d", "d@2")]),
            ("e@1", vec![("d", "d@1")]),
            ("d@1", vec![("d", "d@2"), ("a", "a@2")]),
        ]);
        let direct = [("a", "a@1"), ("e", "e@1")];
        let found = hoisted(&direct, ["a", "e"].into_iter(), &children, str::to_owned);
        assert_eq!(found, [("b", "b@2"), ("c", "c@1"), ("d", "d@1")].into());
        // Of another project of a workspace, what it asks for itself comes first.
        let direct = [("a", "a@1"), ("d", "d@3")];
        let found = hoisted(&direct, ["a"].into_iter(), &children, str::to_owned);
        assert_eq!(found["d"], "d@3");
        let found = hoisted(&[("J", "J@1")], ["J"].into_iter(), &children, str::to_owned);
        assert_eq!(found["J"], "J@1");
    }
}
