//! The objects of a code object, each value once.

use std::cmp::Ordering;
use std::collections::HashMap;

/// The number of an object, in the order in which they were completed: those in an object have smaller
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(u32);

/// An object.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Object<'a> {
    /// One without others in it: its type, and what follows.
    Plain(u8, &'a [u8]),
    /// A tuple.
    Tuple(Box<[Id]>),
    /// A frozen set, in the order of [`Graph::order`].
    FrozenSet(Box<[Id]>),
    /// A slice.
    Slice([Id; 3]),
    /// A code object.
    Code(Box<Code<'a>>),
}

/// The fields of a code object in the order of the stream: five numbers, eight objects, the number of the
/// first line, and two objects more.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Code<'a> {
    pub(super) numbers: &'a [u8],
    pub(super) objects: [Id; 8],
    pub(super) line: &'a [u8],
    pub(super) tables: [Id; 2],
}

/// Objects, and how deep they nest.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    objects: Vec<(Object<'a>, u16)>,
    /// Of what is immutable and so may be one: by what it is. Code objects are not in it.
    known: HashMap<Key<'a>, Id>,
}

/// An object that is looked for by its value.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Plain(u8, &'a [u8]),
    Tuple(Box<[Id]>),
    FrozenSet(Box<[Id]>),
    Slice([Id; 3]),
}

impl<'a> Graph<'a> {
    pub(super) fn plain(&mut self, code: u8, bytes: &'a [u8]) -> Id {
        self.add(Key::Plain(code, bytes), || Object::Plain(code, bytes), &[])
    }

    pub(super) fn tuple(&mut self, items: Vec<Id>) -> Id {
        let items: Box<[Id]> = items.into();
        let key = Key::Tuple(items.clone());
        self.add(key, || Object::Tuple(items.clone()), &items)
    }

    pub(super) fn frozen_set(&mut self, mut items: Vec<Id>) -> Id {
        items.sort_by(|a, b| self.order(*a, *b));
        let items: Box<[Id]> = items.into();
        let key = Key::FrozenSet(items.clone());
        self.add(key, || Object::FrozenSet(items.clone()), &items)
    }

    pub(super) fn slice(&mut self, parts: [Id; 3]) -> Id {
        self.add(Key::Slice(parts), || Object::Slice(parts), &parts)
    }

    pub(super) fn code(&mut self, code: Code<'a>) -> Id {
        let parts: Vec<Id> = code.objects.into_iter().chain(code.tables).collect();
        let depth = self.depth_of(&parts);
        self.push(Object::Code(Box::new(code)), depth)
    }

    /// The object with a number, which comes from this graph.
    pub(super) fn get(&self, id: Id) -> Option<&Object<'a>> {
        self.entry(id).map(|(object, _)| object)
    }

    /// How many objects there are; their numbers are below.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// How many objects stand in one another, this one and the deepest below it counted.
    pub(super) fn depth(&self, id: Id) -> u16 {
        self.entry(id).map_or(0, |(_, depth)| *depth)
    }

    fn entry(&self, id: Id) -> Option<&(Object<'a>, u16)> {
        self.objects.get(id.index())
    }

    fn add(&mut self, key: Key<'a>, object: impl FnOnce() -> Object<'a>, parts: &[Id]) -> Id {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let depth = self.depth_of(parts);
        let id = self.push(object(), depth);
        self.known.insert(key, id);
        id
    }

    fn push(&mut self, object: Object<'a>, depth: u16) -> Id {
        // Each object has at least a byte of the stream, which has fewer than 2^32.
        let id = Id(u32::try_from(self.objects.len()).unwrap_or(u32::MAX));
        self.objects.push((object, depth));
        id
    }

    fn depth_of(&self, parts: &[Id]) -> u16 {
        let depths = parts.iter().map(|id| self.depth(*id));
        depths.max().unwrap_or(0).saturating_add(1)
    }

    /// An order of values that says nothing of when they were read. Equal ones have one number, so that
    /// no more than one pair of each level is looked into.
    fn order(&self, a: Id, b: Id) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let (Some(one), Some(other)) = (self.get(a), self.get(b)) else {
            return a.cmp(&b);
        };
        match (one, other) {
            (Object::Plain(a, more), Object::Plain(b, others)) => (a, more).cmp(&(b, others)),
            (Object::Tuple(a), Object::Tuple(b)) | (Object::FrozenSet(a), Object::FrozenSet(b)) => {
                self.order_of_all(a, b)
            }
            (Object::Slice(a), Object::Slice(b)) => self.order_of_all(a, b),
            // A compiler puts none into a set.
            (Object::Code(_), Object::Code(_)) => a.cmp(&b),
            _ => rank(one).cmp(&rank(other)),
        }
    }

    fn order_of_all(&self, a: &[Id], b: &[Id]) -> Ordering {
        let pairs = a.iter().zip(b);
        let first = pairs.map(|(a, b)| self.order(*a, *b));
        first
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or_else(|| a.len().cmp(&b.len()))
    }
}

impl Id {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

fn rank(object: &Object<'_>) -> u8 {
    match object {
        Object::Plain(..) => 0,
        Object::Tuple(_) => 1,
        Object::FrozenSet(_) => 2,
        Object::Slice(_) => 3,
        Object::Code(_) => 4,
    }
}
