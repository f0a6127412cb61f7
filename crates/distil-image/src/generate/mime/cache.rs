//! The bytes of `mime.cache`, version 1.2 (Shared MIME-info Database, "The mime.cache files"): numbers
//! of four bytes, the highest first, and offsets into the file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::database::Database;
use super::description::{Match, Pattern};

/// The version, and the offsets of the ten parts.
const HEADER: usize = 44;

/// A match, and an entry of the tree of suffixes, in bytes.
const MATCH: usize = 32;
const SUFFIX: usize = 12;

/// What is added to the weight of a pattern whose case matters.
const CASE_SENSITIVE: u32 = 0x100;

/// The cache of a database.
pub(super) fn write(database: &Database) -> Vec<u8> {
    let mut cache = Cache::with_strings(database);
    let mut parts = Vec::new();
    let mut part = |cache: &mut Cache, write: &dyn Fn(&mut Cache)| {
        parts.push(cache.bytes.len());
        write(cache);
    };
    part(&mut cache, &|cache| cache.pairs(&database.aliases));
    part(&mut cache, &|cache| cache.parents(&database.parents));
    part(&mut cache, &|cache| {
        cache.patterns(&database.patterns, PatternKind::Literal);
    });
    part(&mut cache, &|cache| cache.suffixes(&database.patterns));
    part(&mut cache, &|cache| {
        cache.patterns(&database.patterns, PatternKind::Full);
    });
    part(&mut cache, &|cache| cache.magics(database));
    part(&mut cache, &|cache| cache.roots(database));
    part(&mut cache, &|cache| cache.pairs(&database.icons));
    part(&mut cache, &|cache| cache.pairs(&database.generic_icons));
    part(&mut cache, &|cache| {
        cache.number(database.types.len());
        for mime in &database.types {
            cache.string(mime);
        }
    });
    let mut bytes = vec![0, 1, 0, 2];
    for offset in parts {
        bytes.extend(word(offset));
    }
    bytes.extend(cache.bytes.into_iter().skip(HEADER));
    bytes
}

/// How a pattern is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PatternKind {
    /// A name.
    Literal,
    /// `*` and an end of names.
    Suffix,
    /// Any other.
    Full,
}

fn kind(pattern: &str) -> PatternKind {
    let rest = pattern.strip_prefix('*').unwrap_or(pattern);
    let is_plain = !rest.contains(['\\', '[', '?', '*']);
    match (is_plain, rest.len() < pattern.len()) {
        (true, false) => PatternKind::Literal,
        (true, true) if !rest.is_empty() => PatternKind::Suffix,
        _ => PatternKind::Full,
    }
}

/// A number of four bytes. All descriptions together are far smaller than it can count.
fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn weight(pattern: &Pattern) -> u32 {
    match pattern.is_case_sensitive {
        true => u32::from(pattern.weight) | CASE_SENSITIVE,
        false => u32::from(pattern.weight),
    }
}

struct Cache {
    bytes: Vec<u8>,
    /// Where each string is.
    strings: BTreeMap<String, usize>,
}

impl Cache {
    /// A cache with all strings of a database, each once.
    fn with_strings(database: &Database) -> Self {
        let mut all: BTreeSet<&str> = database.types.iter().map(String::as_str).collect();
        let maps = [&database.aliases, &database.icons, &database.generic_icons];
        for (key, value) in maps.into_iter().flatten() {
            all.extend([key.as_str(), value]);
        }
        for (mime, parents) in &database.parents {
            all.insert(mime);
            all.extend(parents.iter().map(String::as_str));
        }
        for (text, patterns) in &database.patterns {
            if kind(text) != PatternKind::Suffix {
                all.insert(text);
            }
            all.extend(patterns.iter().map(|(_, mime)| mime.as_str()));
        }
        all.extend(database.magics().iter().map(|(_, mime)| mime.as_str()));
        for ((namespace, name), mime) in &database.roots {
            all.extend([namespace.as_str(), name, mime]);
        }
        let mut cache = Self {
            bytes: vec![0; HEADER],
            strings: BTreeMap::new(),
        };
        for text in all {
            cache.strings.insert(text.to_owned(), cache.bytes.len());
            cache.data(&[text.as_bytes(), b"\0"].concat());
        }
        cache
    }

    fn number(&mut self, number: usize) {
        self.bytes.extend(word(number));
    }

    /// Where a string is.
    fn string(&mut self, text: &str) {
        let offset = self.strings.get(text).copied();
        self.number(offset.unwrap_or_default());
    }

    /// Bytes, filled up to a multiple of four.
    fn data(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn pairs(&mut self, pairs: &BTreeMap<String, String>) {
        self.number(pairs.len());
        for (key, value) in pairs {
            self.string(key);
            self.string(value);
        }
    }

    fn parents(&mut self, parents: &BTreeMap<String, Vec<String>>) {
        self.number(parents.len());
        let mut list = self.bytes.len() + 8 * parents.len();
        for (mime, parents) in parents {
            self.string(mime);
            self.number(list);
            list += 4 + 4 * parents.len();
        }
        for parents in parents.values() {
            self.number(parents.len());
            for parent in parents {
                self.string(parent);
            }
        }
    }

    fn patterns(
        &mut self,
        patterns: &BTreeMap<String, Vec<(Pattern, String)>>,
        which: PatternKind,
    ) {
        let of_kind = || patterns.iter().filter(|(text, _)| kind(text) == which);
        self.number(of_kind().map(|(_, all)| all.len()).sum());
        for (text, all) in of_kind() {
            for (pattern, mime) in all {
                self.string(text);
                self.string(mime);
                self.bytes.extend(weight(pattern).to_be_bytes());
            }
        }
    }

    /// The tree of suffixes from their last characters on, a level after another.
    fn suffixes(&mut self, patterns: &BTreeMap<String, Vec<(Pattern, String)>>) {
        let mut root = Suffix::default();
        for (text, all) in patterns {
            if kind(text) == PatternKind::Suffix {
                let mut place = &mut root;
                for character in text.chars().skip(1).collect::<Vec<_>>().into_iter().rev() {
                    place = place.longer.entry(character).or_default();
                }
                for (pattern, mime) in all {
                    place.add(mime, pattern);
                }
            }
        }
        self.number(root.longer.len());
        let first = self.bytes.len() + 4;
        self.number(first);
        let mut next = first + SUFFIX * root.longer.len();
        let mut levels = VecDeque::from([&root]);
        while let Some(suffix) = levels.pop_front() {
            for (mime, weight) in &suffix.types {
                // No character: a type.
                self.number(0);
                self.string(mime);
                self.bytes.extend(weight.to_be_bytes());
            }
            for (character, longer) in &suffix.longer {
                self.bytes.extend(u32::from(*character).to_be_bytes());
                self.number(longer.count());
                self.number(next);
                next += SUFFIX * longer.count();
                levels.push_back(longer);
            }
        }
    }

    fn magics(&mut self, database: &Database) {
        let magics = database.magics();
        let mut matches = Vec::new();
        let firsts: Vec<usize> = magics
            .iter()
            .map(|(magic, _)| flatten(&magic.matches, &mut matches))
            .collect();
        let extents = matches.iter().map(|(one, _)| {
            let end = u64::from(one.start) + u64::from(one.length);
            end.saturating_add(one.value.len() as u64)
        });
        let extent = extents.max().unwrap_or_default();
        self.number(magics.len());
        self.number(usize::try_from(extent).unwrap_or(usize::MAX));
        let entries = self.bytes.len() + 4;
        self.number(entries);
        let list = entries + 16 * magics.len();
        for ((magic, mime), first) in magics.iter().zip(firsts) {
            self.number(magic.priority.into());
            self.string(mime);
            self.number(magic.matches.len());
            self.number(list + MATCH * first);
        }
        let mut data = list + MATCH * matches.len();
        for (one, first) in &matches {
            for number in [one.start, one.length, one.word] {
                self.bytes.extend(number.to_be_bytes());
            }
            let size = one.value.len();
            self.number(size);
            self.number(data);
            data += size.next_multiple_of(4);
            self.number(if one.mask.is_some() { data } else { 0 });
            data += one.mask.as_ref().map_or(0, |_| size.next_multiple_of(4));
            self.number(one.matches.len());
            self.number(first.map_or(0, |first| list + MATCH * first));
        }
        for (one, _) in &matches {
            self.data(&one.value);
            if let Some(mask) = &one.mask {
                self.data(mask);
            }
        }
    }

    fn roots(&mut self, database: &Database) {
        self.number(database.roots.len());
        for ((namespace, name), mime) in &database.roots {
            self.string(namespace);
            self.string(name);
            self.string(mime);
        }
    }
}

/// An end of names: the types that it stands for, and longer ends.
#[derive(Default)]
struct Suffix {
    /// In the order of the descriptions, each with its weight.
    types: Vec<(String, u32)>,
    /// Where each type is among them.
    places: BTreeMap<String, usize>,
    longer: BTreeMap<char, Suffix>,
}

impl Suffix {
    /// Adds a type; the greatest of its weights holds.
    fn add(&mut self, mime: &str, pattern: &Pattern) {
        let weight = weight(pattern);
        let place = self.places.entry(mime.to_owned());
        let place = *place.or_insert(self.types.len());
        match self.types.get_mut(place) {
            Some((_, there)) => *there = weight.max(*there),
            None => self.types.push((mime.to_owned(), weight)),
        }
    }

    fn count(&self) -> usize {
        self.types.len() + self.longer.len()
    }
}

/// Puts matches one after another, those that are side by side first, then what is in each. Gives
/// the place of the first; each match comes with the place of the first in it.
fn flatten<'m>(matches: &'m [Match], all: &mut Vec<(&'m Match, Option<usize>)>) -> usize {
    let first = all.len();
    all.extend(matches.iter().map(|one| (one, None)));
    for (index, one) in matches.iter().enumerate() {
        if !one.matches.is_empty() {
            let inner = flatten(&one.matches, all);
            if let Some((_, place)) = all.get_mut(first + index) {
                *place = Some(inner);
            }
        }
    }
    first
}
