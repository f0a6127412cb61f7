//! Which files of a definition go into one layer: those that change together, so that an update is small.
//!
//! What a machine pulls for an update are the layers in which something changed. Expected over a year that
//! is, of each layer, its size times how often anything in it changes. One layer a source package would
//! give the least, and far too many layers; so they are divided among few enough of them that this is least.
//!
//! How often sources are mended and how large they are is taken from a table of the program
//! (`facts/mended.txt`, written by `scripts/mended`), and never from the packages of the image: which layer a
//! file is in is decided by names alone. So a new version, however large, moves nothing from layer to layer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use distil_definition::MOST_LAYERS;

/// What changes as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part<'a> {
    /// The packages of a source package of Debian.
    Source(&'a str),
    /// The packages of a source package of another archive, or of this machine.
    Foreign(&'a str),
    /// Downloads, directories or distributions, by their kind.
    Bundle(&'a str),
    /// Files that lie beside the definition.
    Own,
    /// What is made of several packages, and what the definition says in words.
    Made,
}

/// What is expected of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    /// How often it changes, in tenths a year.
    rate: u64,
    /// How large it is compressed, in kB.
    size: u64,
}

impl Facts {
    const fn new(rate: u64, size: u64) -> Self {
        Self { rate, size }
    }

    fn with(self, other: Self) -> Self {
        Self::new(self.rate + other.rate, self.size + other.size)
    }

    fn without(self, other: Self) -> Self {
        Self::new(
            self.rate.saturating_sub(other.rate),
            self.size.saturating_sub(other.size),
        )
    }

    /// What a layer of it costs, in tenths of kB a year.
    fn cost(self) -> u64 {
        match self.size {
            0 => 0,
            size => size * self.rate + WORTH_A_LAYER,
        }
    }
}

/// Of what Debian does not mend within a release. The rate is that of the 97 sources in a hundred that
/// were never mended before.
const RARE: Facts = Facts::new(1, 300);
/// Of another archive's packages: vendors publish new versions every month or two.
const FOREIGN: Facts = Facts::new(80, 8000);
/// Of an application's dependencies, and of its own code.
const BUNDLE: Facts = Facts::new(120, 8000);
const OWN: Facts = Facts::new(500, 8000);
/// The size of what is made; it changes whenever anything does that it is made of.
const MADE_SIZE: u64 = 16;

/// What a layer has to save, in tenths of kB a year: less than that is not worth a request and the
/// directories that are there once more.
const WORTH_A_LAYER: u64 = 2000;

static FACTS: LazyLock<BTreeMap<&'static str, Facts>> = LazyLock::new(|| {
    let lines = include_str!("../facts/mended.txt").lines();
    lines.filter_map(facts_of_line).collect()
});

fn facts_of_line(line: &'static str) -> Option<(&'static str, Facts)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let rate = words.next()?.parse().ok()?;
    let size = words.next()?.parse().ok()?;
    Some((name, Facts { rate, size }))
}

/// Parts that make a layer.
struct Group<'a> {
    parts: BTreeSet<Part<'a>>,
    facts: Facts,
}

impl<'a> Group<'a> {
    fn of(part: Part<'a>, facts: Facts) -> Self {
        Self {
            parts: [part].into(),
            facts,
        }
    }

    fn join(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.facts = self.facts.with(other.facts);
    }
}

/// Divides parts among at most `most` layers, and one at least: the number of the layer of each.
///
/// Those that change seldom come first: Docker's older stores pull everything above a layer that changed.
pub(crate) fn pack<'a>(parts: BTreeSet<Part<'a>>, most: usize) -> BTreeMap<Part<'a>, usize> {
    let groups = groups(parts);
    let mut layers: Vec<Group<'a>> = Vec::new();
    for (group, layer) in divided(groups, most.max(1)) {
        match layers.get_mut(layer) {
            Some(layer) => layer.join(group),
            None => layers.push(group),
        }
    }
    layers.sort_by(|a, b| (a.facts.rate, &a.parts).cmp(&(b.facts.rate, &b.parts)));
    let numbered = layers.into_iter().enumerate();
    numbered
        .flat_map(|(number, layer)| layer.parts.into_iter().map(move |part| (part, number)))
        .collect()
}

/// What is in one layer whatever there is beside it.
fn groups(parts: BTreeSet<Part<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let (mut rare, mut foreign): (Option<Group<'_>>, Vec<Group<'_>>) = Default::default();
    let mut rates = 1;
    let has_made = parts.contains(&Part::Made);
    for part in parts {
        let facts = match part {
            Part::Source(name) => FACTS.get(name).copied(),
            Part::Foreign(_) => Some(FOREIGN),
            Part::Bundle(_) => Some(BUNDLE),
            Part::Own => Some(OWN),
            Part::Made => continue,
        };
        // Code of the user's own is no reason to make the loader's cache anew.
        if !matches!(part, Part::Own | Part::Bundle(_)) {
            rates += facts.unwrap_or(RARE).rate;
        }
        match (facts, part) {
            (Some(facts), Part::Foreign(_)) => foreign.push(Group::of(part, facts)),
            (Some(facts), _) => groups.push(Group::of(part, facts)),
            // What is hardly ever changed belongs together, whatever it is.
            (None, _) => join(&mut rare, Group::of(part, RARE)),
        }
    }
    // Nothing tells them from one another, and there may be any number of them.
    if foreign.len() > MOST_LAYERS as usize {
        let mut one = None;
        foreign.into_iter().for_each(|group| join(&mut one, group));
        foreign = one.into_iter().collect();
    }
    groups.extend(foreign);
    if has_made {
        groups.push(Group::of(Part::Made, Facts::new(rates, MADE_SIZE)));
    }
    groups.extend(rare);
    groups
}

fn join<'a>(all: &mut Option<Group<'a>>, one: Group<'a>) {
    match all {
        Some(all) => all.join(one),
        None => *all = Some(one),
    }
}

/// The groups, each with the number of its layer, without gaps.
///
/// A group costs least in a layer where `layer.rate * group.size + layer.size * group.rate` is least, which is
/// a question of how large `group.rate / group.size` is, but for what the group itself has in its layer. So the best
/// division of a row in that order is taken first, and then groups are moved as long as that saves anything. Little
/// is lost so to the best of all divisions: a test compares them.
fn divided(mut groups: Vec<Group<'_>>, most: usize) -> Vec<(Group<'_>, usize)> {
    groups.sort_by(|a, b| {
        let order = a.facts.rate * b.facts.size;
        let order = order.cmp(&(b.facts.rate * a.facts.size));
        order.then_with(|| a.parts.cmp(&b.parts))
    });
    let mut facts: Vec<Facts> = Vec::new();
    let mut layers: Vec<usize> = Vec::new();
    let mut rest = groups.as_slice();
    for length in runs(&groups, most) {
        let (run, others) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        layers.extend(run.iter().map(|_| facts.len()));
        facts.push(sum(run));
        rest = others;
    }
    while let Some((group, to)) = best_move(&groups, &layers, &facts) {
        if let (Some(moved), Some(layer)) = (groups.get(group), layers.get_mut(group)) {
            let from = std::mem::replace(layer, to);
            let shares = facts.iter_mut().enumerate();
            for (number, share) in shares {
                if number == from {
                    *share = share.without(moved.facts);
                } else if number == to {
                    *share = share.with(moved.facts);
                }
            }
        }
    }
    // A layer that lost all has no number.
    let kept: BTreeSet<usize> = layers.iter().copied().collect();
    let number = |layer: usize| kept.range(..layer).count();
    let layers = layers.iter().map(|layer| number(*layer));
    let layers: Vec<usize> = layers.collect();
    let mut numbered: Vec<(Group<'_>, usize)> = groups.into_iter().zip(layers).collect();
    numbered.sort_by_key(|(_, layer)| *layer);
    numbered
}

fn sum(groups: &[Group<'_>]) -> Facts {
    let facts = groups.iter().map(|group| group.facts);
    facts.fold(Facts::default(), Facts::with)
}

/// The lengths of the runs of groups, in their order, that cost least as layers.
fn runs(groups: &[Group<'_>], most: usize) -> Vec<usize> {
    // By the number of layers at most and of groups from the first: the least cost, and how many groups the last of
    // the layers has; none if there is no need for it.
    let mut rows: Vec<Vec<(u64, usize)>> = Vec::new();
    let mut row: Vec<(u64, usize)> = vec![(u64::MAX, 0); groups.len() + 1];
    row.iter_mut().take(1).for_each(|first| first.0 = 0);
    for _ in 0..most.min(groups.len()) {
        let next = row.iter().enumerate().map(|(end, (without, _))| {
            let mut facts = Facts::default();
            let begins = groups.iter().zip(&row).take(end).rev().enumerate();
            let lengths = begins.map(|(others, (group, (before, _)))| {
                facts = facts.with(group.facts);
                (before.saturating_add(facts.cost()), others + 1)
            });
            let least = lengths.min().unwrap_or((u64::MAX, 0));
            least.min((*without, 0))
        });
        let next = next.collect();
        rows.push(std::mem::replace(&mut row, next));
    }
    rows.push(row);
    let (mut lengths, mut end) = (Vec::new(), groups.len());
    for row in rows.iter().rev() {
        let (_, length) = row.get(end).copied().unwrap_or_default();
        if length > 0 {
            lengths.push(length);
            end = end.saturating_sub(length);
        }
    }
    lengths.reverse();
    lengths
}

/// The group that it saves most to move to another layer, and to which; none if it saves nothing.
fn best_move(groups: &[Group<'_>], layers: &[usize], facts: &[Facts]) -> Option<(usize, usize)> {
    let moves = groups.iter().zip(layers).enumerate();
    let moves = moves.flat_map(|(number, (group, from))| {
        let own = facts.get(*from).copied().unwrap_or_default();
        let saved = own.cost() - own.without(group.facts).cost();
        let others = facts.iter().enumerate().filter(move |(to, _)| to != from);
        others.filter_map(move |(to, other)| {
            let cost = other.with(group.facts).cost() - other.cost();
            let gain = saved.checked_sub(cost).filter(|gain| *gain > 0)?;
            // The first of the best.
            Some((gain, std::cmp::Reverse((number, to))))
        })
    });
    moves.max().map(|(_, std::cmp::Reverse(best))| best)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PYTHON: &[&str] = &[
        "python3.13",
        "expat",
        "sqlite3",
        "ncurses",
        "libffi",
        "python3-defaults",
    ];

    fn sources<'a>(names: &[&'a str]) -> BTreeSet<Part<'a>> {
        names.iter().map(|name| Part::Source(name)).collect()
    }

    #[test]
    fn each_line_of_the_table_is_read_and_they_are_sorted() {
        let text = include_str!("../facts/mended.txt");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), FACTS.len());
        assert!(lines.is_sorted_by_key(|line| line.split(' ').next()));
        let facts = FACTS["expat"];
        assert!(facts.rate >= 10 && facts.size <= 512, "{facts:?}");
    }

    #[test]
    fn a_source_that_is_mended_often_is_not_with_a_large_one() {
        let packed = pack(sources(PYTHON), 12);
        let of = |name| packed[&Part::Source(name)];
        assert_ne!(of("expat"), of("python3.13"));
        assert_ne!(of("ncurses"), of("python3.13"));
        assert_eq!(of("ncurses"), of("libffi"));
        // The one that never changes is the lowest.
        assert_eq!(of("ncurses"), 0);
    }

    #[test]
    fn an_own_program_is_alone_where_there_are_layers_for_it() {
        let mut parts = sources(&["ncurses"]);
        parts.extend([Part::Own, Part::Made, Part::Bundle("wheel")]);
        let packed = pack(parts, 3);
        let layers: Vec<usize> = packed.values().copied().collect();
        assert_eq!(layers, [0, 1, 2, 0], "{packed:?}");
    }

    /// The least that any division among at most this number of layers costs.
    fn least(groups: &[Facts], most: usize, layers: &mut Vec<Facts>) -> u64 {
        let Some((first, rest)) = groups.split_first() else {
            return layers.iter().map(|layer| layer.cost()).sum();
        };
        let mut best = u64::MAX;
        for number in 0..layers.len() {
            layers[number] = layers[number].with(*first);
            best = best.min(least(rest, most, layers));
            layers[number] = layers[number].without(*first);
        }
        if layers.len() < most {
            layers.push(*first);
            best = best.min(least(rest, most, layers));
            layers.pop();
        }
        best
    }

    #[test]
    fn no_division_costs_much_less() {
        let names: Vec<&str> = FACTS.keys().copied().collect();
        for seed in 0..200 {
            // Far from one another, and others each time.
            let chosen = (0..8)
                .map(|number| names[(seed * 389 + number * 157 + number * seed) % names.len()]);
            let parts: BTreeSet<Part<'_>> = chosen.map(Part::Source).collect();
            for most in 1..6 {
                let mut layers: BTreeMap<usize, Facts> = BTreeMap::new();
                for (part, number) in pack(parts.clone(), most) {
                    let Part::Source(name) = part else { continue };
                    let layer = layers.entry(number).or_default();
                    *layer = layer.with(FACTS[name]);
                }
                let cost: u64 = layers.values().map(|layer| layer.cost()).sum();
                let groups: Vec<Facts> = groups(parts.clone())
                    .iter()
                    .map(|group| group.facts)
                    .collect();
                let least = least(&groups, most, &mut Vec::new());
                assert!(cost >= least);
                assert!(
                    cost * 100 <= least * 105,
                    "{parts:?} {most}: {cost} {least}"
                );
            }
        }
    }

    #[test]
    fn any_number_of_foreign_sources_is_packed_soon() {
        let names: Vec<String> = (0..50_000).map(|number| format!("x{number}")).collect();
        let parts = names.iter().map(|name| Part::Foreign(name)).collect();
        let packed = pack(parts, 12);
        assert_eq!(packed.len(), 50_000);
        assert_eq!(packed.values().max(), Some(&0));
        let few = names
            .iter()
            .take(5)
            .map(|name| Part::Foreign(name))
            .collect();
        assert_eq!(pack(few, 12).values().max(), Some(&4));
    }

    #[test]
    fn nothing_is_packed_into_nothing() {
        assert!(pack(BTreeSet::new(), 0).is_empty());
    }

    fn any_part() -> impl Strategy<Value = Part<'static>> {
        let names: Vec<&'static str> = FACTS.keys().copied().collect();
        prop_oneof![
            prop::sample::select(names).prop_map(Part::Source),
            prop::sample::select(PYTHON).prop_map(Part::Source),
            prop::sample::select(vec!["never", "mended"]).prop_map(Part::Source),
            Just(Part::Foreign("vendor")),
            Just(Part::Bundle("wheel")),
            Just(Part::Own),
            Just(Part::Made),
        ]
    }

    proptest! {
        #[test]
        fn every_part_is_in_one_of_at_most_so_many_layers(
            parts in prop::collection::btree_set(any_part(), 1..40),
            most in 0_usize..15,
        ) {
            let packed = pack(parts.clone(), most);
            prop_assert_eq!(packed.keys().copied().collect::<BTreeSet<_>>(), parts);
            let layers: BTreeSet<usize> = packed.values().copied().collect();
            prop_assert!(layers.len() <= most.max(1));
            // Without gaps, from zero.
            prop_assert_eq!(layers.last().copied(), Some(layers.len() - 1));
        }

        #[test]
        fn more_layers_never_cost_more(
            parts in prop::collection::btree_set(any_part(), 1..40),
            most in 1_usize..15,
        ) {
            let cost = |most| {
                let mut layers: BTreeMap<usize, Facts> = BTreeMap::new();
                for (part, number) in pack(parts.clone(), most) {
                    let facts = match part {
                        Part::Source(name) => FACTS.get(name).copied().unwrap_or(RARE),
                        Part::Foreign(_) => FOREIGN,
                        Part::Bundle(_) => BUNDLE,
                        Part::Own => OWN,
                        Part::Made => Facts::new(1, MADE_SIZE),
                    };
                    let layer = layers.entry(number).or_default();
                    *layer = layer.with(facts);
                }
                layers.values().map(|facts| facts.size * facts.rate).sum::<u64>()
            };
            // What is made is taken for rarer here than there.
            let slack = MADE_SIZE * 10_000;
            prop_assert!(cost(most + 1) <= cost(most) + slack);
        }
    }
}
