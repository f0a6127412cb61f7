//! A map in the order of its keys, for millions of them.
//!
//! File systems arrive nearly sorted: archives list directories with what they hold. A B-tree that is
//! filled in order stays half empty; this one is as large as its entries are.

use std::borrow::Borrow;
use std::fmt;

/// How many bytes of entries are moved at most for one that comes between them. It is the same for
/// all maps: what one has freed, another one takes.
const CHUNK_BYTES: usize = 16 << 10;

/// A map that iterates in the order of its keys. Entries that are inserted in that order lie close
/// together; others are put between them, which moves a few kilobytes.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    /// Sorted, as is each chunk; none is empty.
    chunks: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.chunks.iter().flatten();
        f.debug_map().entries(pairs.map(|(k, v)| (k, v))).finish()
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// How many entries a chunk has at most.
    const CHUNK: usize = match CHUNK_BYTES / size_of::<(K, V)>() {
        // Large values, which no map here has.
        count if count < 8 => 8,
        count => count,
    };

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let position = position(chunk, key).ok()?;
        chunk.get(position).map(|(_, value)| value)
    }

    /// As [`SortedMap::get`], to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let number = self.chunk_of(key);
        let chunk = self.chunks.get_mut(number)?;
        let position = position(chunk, key).ok()?;
        chunk.get_mut(position).map(|(_, value)| value)
    }

    /// Puts a value at a key; the one that was there, if there was one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let number = self.chunk_of(&key);
        let is_last = number + 1 >= self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(number) else {
            self.chunks.push(vec![(key, value)]);
            self.len += 1;
            return None;
        };
        let position = match position(chunk, &key) {
            Ok(position) => {
                let there = chunk.get_mut(position)?;
                return Some(std::mem::replace(&mut there.1, value));
            }
            Err(position) => position,
        };
        self.len += 1;
        if chunk.len() < Self::CHUNK {
            chunk.insert(position, (key, value));
        } else if is_last && position == chunk.len() {
            let mut next = Vec::with_capacity(Self::CHUNK);
            next.push((key, value));
            self.chunks.push(next);
        } else {
            let mut upper = chunk.split_off(Self::CHUNK / 2);
            match position.checked_sub(chunk.len()) {
                Some(position) => upper.insert(position, (key, value)),
                None => chunk.insert(position, (key, value)),
            }
            self.chunks.insert(number + 1, upper);
        }
        None
    }

    /// Takes a key out, with its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let number = self.chunk_of(key);
        let chunk = self.chunks.get_mut(number)?;
        let position = position(chunk, key).ok()?;
        let (_, value) = chunk.remove(position);
        if chunk.is_empty() {
            self.chunks.remove(number);
        }
        self.len -= 1;
        Some(value)
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        let entries = self.chunks.iter().flatten();
        entries.map(|(key, value)| (key, value))
    }

    /// As [`SortedMap::iter`], to change the values.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        let entries = self.chunks.iter_mut().flatten();
        entries.map(|(key, value)| (&*key, value))
    }

    /// The entries from a key on, in the order of their keys.
    pub fn range_from<'a, Q: Ord + ?Sized>(
        &'a self,
        key: &Q,
    ) -> impl DoubleEndedIterator<Item = (&'a K, &'a V)> + Clone + use<'a, Q, K, V>
    where
        K: Borrow<Q>,
    {
        let number = self.chunk_of(key);
        let first = self.chunks.get(number).map_or(&[][..], |chunk| {
            let (Ok(position) | Err(position)) = position(chunk, key);
            chunk.get(position..).unwrap_or_default()
        });
        let others = self.chunks.get(number + 1..).unwrap_or_default();
        let entries = first.iter().chain(others.iter().flatten());
        entries.map(|(key, value)| (key, value))
    }

    /// The chunk that has a key, or would have it; 0 if there is none.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let is_before = |chunk: &Vec<(K, V)>| {
            let first = chunk.first();
            first.is_some_and(|(first, _)| first.borrow() <= key)
        };
        // Members come in order, mostly.
        match self.chunks.last() {
            Some(last) if is_before(last) => self.chunks.len() - 1,
            _ => self.chunks.partition_point(is_before).saturating_sub(1),
        }
    }
}

/// Where a key is in a chunk, or would be.
fn position<K: Borrow<Q>, V, Q: Ord + ?Sized>(chunk: &[(K, V)], key: &Q) -> Result<usize, usize> {
    match chunk.last() {
        Some((last, _)) if last.borrow() < key => Err(chunk.len()),
        _ => chunk.binary_search_by(|(own, _)| own.borrow().cmp(key)),
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    /// The entries in the order of their keys. Their memory goes with them.
    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_in_order_leave_no_room_between_them() {
        let map: SortedMap<u32, u32> = (0..100_000).map(|n| (n, n)).collect();
        let room: usize = map.chunks.iter().map(Vec::capacity).sum();
        assert!(room < 100_000 + 2 * SortedMap::<u32, u32>::CHUNK, "{room}");
        assert_eq!(map.len(), 100_000);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        Remove(u16),
        Run(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<u16>().prop_map(Step::Insert),
            4 => any::<u16>().prop_map(Step::Remove),
            1 => any::<u16>().prop_map(Step::Run),
        ]
    }

    proptest! {
        #[test]
        fn it_is_what_a_b_tree_is(
            steps in prop::collection::vec(step(), 0..200),
            from in prop::collection::vec(any::<u16>(), 10),
        ) {
            let (mut map, mut expected) = (SortedMap::default(), BTreeMap::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(key) => {
                        prop_assert_eq!(map.insert(key, number), expected.insert(key, number));
                    }
                    Step::Remove(key) => {
                        // Keys at random are hardly ever there.
                        let key = *expected.range(key..).next().map_or(&key, |(key, _)| key);
                        prop_assert_eq!(map.remove(&key), expected.remove(&key));
                    }
                    Step::Run(key) => for key in (key..key.saturating_add(3000)).step_by(2) {
                        prop_assert_eq!(map.insert(key, number), expected.insert(key, number));
                    },
                }
                prop_assert_eq!(map.len(), expected.len());
            }
            let sizes = 1..=SortedMap::<u16, usize>::CHUNK;
            prop_assert!(map.chunks.iter().all(|chunk| sizes.contains(&chunk.len())));
            prop_assert!(map.iter().eq(expected.iter()));
            prop_assert!(map.iter().rev().eq(expected.iter().rev()));
            for key in from {
                prop_assert!(map.range_from(&key).eq(expected.range(key..)));
                prop_assert_eq!(map.get(&key), expected.get(&key));
                if let Some(value) = map.get_mut(&key) { *value += 1; }
                if let Some(value) = expected.get_mut(&key) { *value += 1; }
            }
            for (_, value) in map.iter_mut() { *value += 1; }
            expected.values_mut().for_each(|value| *value += 1);
            prop_assert!(map.into_iter().eq(expected));
        }
    }
}
