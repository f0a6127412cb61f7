//! From objects to the canonical stream.

use super::graph::{Code, Graph, Id, Object};
use super::kind::{CODE, FROZEN_SET, REFERENCE, REFERRED, SLICE, SMALL_TUPLE, TUPLE, is_shared};

/// Writes an object, and all in it.
pub(super) fn write(graph: &Graph<'_>, root: Id) -> Vec<u8> {
    let mut writer = Writer {
        graph,
        uses: uses(graph, root),
        numbers: vec![None; graph.len()],
        next: 0,
        stream: Vec::new(),
    };
    writer.object(root);
    writer.stream
}

/// How often each object stands in others, once for each place, of those that are reached.
fn uses(graph: &Graph<'_>, root: Id) -> Vec<u32> {
    let mut uses: Vec<u32> = vec![0; graph.len()];
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        let Some(count) = uses.get_mut(id.index()) else {
            continue;
        };
        *count = count.saturating_add(1);
        if *count > 1 {
            continue;
        }
        match graph.get(id) {
            Some(Object::Tuple(items) | Object::FrozenSet(items)) => waiting.extend(&**items),
            Some(Object::Slice(parts)) => waiting.extend(parts),
            Some(Object::Code(code)) => waiting.extend(code.objects.iter().chain(&code.tables)),
            Some(Object::Plain(..)) | None => {}
        }
    }
    uses
}

struct Writer<'a> {
    graph: &'a Graph<'a>,
    uses: Vec<u32>,
    /// The numbers of marked objects that were written.
    numbers: Vec<Option<u32>>,
    next: u32,
    stream: Vec<u8>,
}

impl Writer<'_> {
    fn object(&mut self, id: Id) {
        let index = id.index();
        if let Some(number) = self.numbers.get(index).copied().flatten() {
            self.stream.push(REFERENCE);
            self.stream.extend(number.to_le_bytes());
            return;
        }
        let Some(object) = self.graph.get(id) else {
            return;
        };
        let is_marked = self.uses.get(index).is_some_and(|uses| *uses > 1)
            && match object {
                Object::Plain(code, bytes) => is_shared(*code, bytes.len()),
                Object::Tuple(items) => !items.is_empty(),
                Object::FrozenSet(_) | Object::Slice(_) | Object::Code(_) => true,
            };
        let mut mark = 0;
        if is_marked && let Some(slot) = self.numbers.get_mut(index) {
            *slot = Some(self.next);
            self.next += 1;
            mark = REFERRED;
        }
        match object {
            Object::Plain(code, bytes) => {
                self.stream.push(code | mark);
                self.stream.extend(*bytes);
            }
            Object::Tuple(items) => {
                match u8::try_from(items.len()) {
                    Ok(count) => self.stream.extend([SMALL_TUPLE | mark, count]),
                    Err(_) => self.counted(TUPLE | mark, items.len()),
                }
                self.objects(items);
            }
            Object::FrozenSet(items) => {
                self.counted(FROZEN_SET | mark, items.len());
                self.objects(items);
            }
            Object::Slice(parts) => {
                self.stream.push(SLICE | mark);
                self.objects(parts);
            }
            Object::Code(code) => self.code(code, mark),
        }
    }

    fn code(&mut self, code: &Code<'_>, mark: u8) {
        self.stream.push(CODE | mark);
        self.stream.extend(code.numbers);
        self.objects(&code.objects);
        self.stream.extend(code.line);
        self.objects(&code.tables);
    }

    /// The type and the number of elements, which was read from 31 bits.
    fn counted(&mut self, code: u8, count: usize) {
        self.stream.push(code);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.stream.extend(count.to_le_bytes());
    }

    fn objects(&mut self, items: &[Id]) {
        for item in items {
            self.object(*item);
        }
    }
}
