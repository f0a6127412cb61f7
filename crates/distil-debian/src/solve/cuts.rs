//! What to do without so that unwanted packages stay away.
//!
//! Packages with the reasons why they are there are a graph: from what is requested along the
//! dependencies. What is looked for is a smallest set of packages through one of which every way
//! to an unwanted one leads, and of the smallest the one nearest to the unwanted ones, since the
//! less is left out the better. That is a minimum vertex cut (Menger), found by as many
//! augmenting paths as it has packages (Edmonds and Karp).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::solution::Reason;

/// The names for [`Request::without`](super::Request::without) that keep `unwanted` packages out
/// of a solution, of which all packages are given with their reasons: fewest names, as near to those packages as they can be.
///
/// Packages that are requested by name, or pinned, cannot be kept out, and are passed over. A
/// dependency with alternatives can bring an unwanted package anew where what met it so far has
/// gone: then the next solution has another answer.
pub fn cuts<'s>(
    packages: impl IntoIterator<Item = (&'s str, &'s [Reason])>,
    unwanted: &BTreeSet<&str>,
) -> BTreeSet<String> {
    let packages: Vec<(&str, &[Reason])> = packages.into_iter().collect();
    let mut graph = Graph::new(&packages, unwanted);
    while graph.augment() {}
    let mut names = BTreeSet::new();
    for at in graph.cut() {
        let Some((name, reasons)) = packages.get(at) else {
            continue;
        };
        for reason in *reasons {
            let Reason::DependsOn { relation, .. } = reason else {
                continue;
            };
            // A relation to what a package provides is left out by that name.
            let first = relation
                .iter()
                .next()
                .map(|relation| relation.name.as_str());
            let named = relation.names(name).then_some(*name).or(first);
            names.extend(named.map(str::to_owned));
        }
    }
    names
}

/// A flow: each package is two nodes with one unit between them, the ways from one package to
/// the next are as wide as need be.
struct Graph {
    /// What still goes from a node to another.
    left: Vec<BTreeMap<usize, u32>>,
    source: usize,
    sink: usize,
}

const WIDE: u32 = u32::MAX / 2;

/// The node that leads into a package, and the one that leads out of it.
fn entry(at: usize) -> usize {
    2 * at
}

fn exit(at: usize) -> usize {
    2 * at + 1
}

impl Graph {
    fn new(packages: &[(&str, &[Reason])], unwanted: &BTreeSet<&str>) -> Self {
        let source = 2 * packages.len();
        let mut graph = Self {
            left: vec![BTreeMap::new(); source + 2],
            source,
            sink: source + 1,
        };
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (name, _)) in packages.iter().enumerate() {
            places.insert(name, at);
        }
        for (at, (name, reasons)) in packages.iter().enumerate() {
            let mut is_asked_for = false;
            for reason in *reasons {
                match reason {
                    Reason::DependsOn { by, .. } => {
                        if let Some(by) = places.get(by.as_str()) {
                            graph.connect(exit(*by), entry(at), WIDE);
                        }
                    }
                    Reason::Requested(_) | Reason::Pinned => is_asked_for = true,
                }
            }
            if is_asked_for {
                graph.connect(graph.source, entry(at), WIDE);
            }
            let width = if is_asked_for { WIDE } else { 1 };
            graph.connect(entry(at), exit(at), width);
            if unwanted.contains(name) && !is_asked_for {
                graph.connect(exit(at), graph.sink, WIDE);
            }
        }
        graph
    }

    fn connect(&mut self, from: usize, to: usize, width: u32) {
        if let Some(left) = self.left.get_mut(from) {
            left.insert(to, width);
        }
    }

    /// Sends one more unit from the source to the sink; false if there is no way.
    fn augment(&mut self) -> bool {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = VecDeque::from([self.source]);
        while let Some(node) = open.pop_front() {
            let next = self.left.get(node).into_iter().flatten();
            for (&to, _) in next.filter(|(_, left)| **left > 0) {
                if to != self.source && !came_from.contains_key(&to) {
                    came_from.insert(to, node);
                    open.push_back(to);
                }
            }
        }
        let mut node = self.sink;
        if !came_from.contains_key(&node) {
            return false;
        }
        while let Some(&from) = came_from.get(&node) {
            self.change(from, node, |left| left.saturating_sub(1));
            self.change(node, from, |left| left.saturating_add(1));
            node = from;
        }
        true
    }

    fn change(&mut self, from: usize, to: usize, change: impl Fn(u32) -> u32) {
        if let Some(left) = self.left.get_mut(from) {
            let width = left.entry(to).or_insert(0);
            *width = change(*width);
        }
    }

    /// The packages that separate the sink from the source, as near to the sink as can be: from
    /// their entries nothing can be sent on, from their exits it can.
    fn cut(&self) -> Vec<usize> {
        let mut backwards: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, left) in self.left.iter().enumerate() {
            for (to, _) in left.iter().filter(|(_, left)| **left > 0) {
                backwards.entry(*to).or_default().push(from);
            }
        }
        let mut reaching = BTreeSet::new();
        let mut open = vec![self.sink];
        while let Some(node) = open.pop() {
            if reaching.insert(node) {
                open.extend(backwards.get(&node).into_iter().flatten());
            }
        }
        (0..self.source / 2)
            .filter(|at| reaching.contains(&exit(*at)) && !reaching.contains(&entry(*at)))
            .collect()
    }
}
