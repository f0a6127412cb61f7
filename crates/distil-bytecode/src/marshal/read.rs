//! From a stream to its objects.

use super::error::MarshalError;
use super::graph::{Code, Graph, Id, Object};
use super::kind::{
    CODE, FROZEN_SET, REFERENCE, REFERRED, SLICE, SMALL_TUPLE, Size, TUPLE, interned, size,
};

/// How deep objects may nest. Python's parser takes 100 levels of blocks and 200 of parentheses; each
/// function in another is two levels here.
const MAX_DEPTH: u16 = 500;

/// What is kept for elements that are said to follow, before any has been read.
const MAX_RESERVED: usize = 1024;

/// Reads the one code object of a stream.
pub(super) fn read(bytes: &[u8]) -> Result<(Graph<'_>, Id), MarshalError> {
    let mut reader = Reader {
        bytes,
        position: 0,
        graph: Graph::default(),
        referred: Vec::new(),
    };
    let root = reader.object(0)?;
    if reader.position < bytes.len() {
        return Err(MarshalError::Trailing(reader.position));
    }
    match reader.graph.get(root) {
        Some(Object::Code(_)) => Ok((reader.graph, root)),
        _ => Err(MarshalError::NoCode),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    graph: Graph<'a>,
    /// The marked objects by their numbers; none while one is not complete.
    referred: Vec<Option<Id>>,
}

impl<'a> Reader<'a> {
    fn object(&mut self, depth: u16) -> Result<Id, MarshalError> {
        let offset = self.position;
        let first = self.byte()?;
        let code = first & !REFERRED;
        if code == REFERENCE {
            return self.reference(offset);
        }
        if depth >= MAX_DEPTH {
            return Err(MarshalError::Depth(MAX_DEPTH));
        }
        // The number is given to an object before those in it have theirs.
        let number = (first & REFERRED != 0).then_some(self.referred.len());
        if number.is_some() {
            self.referred.push(None);
        }
        let id = match code {
            CODE => self.code(depth)?,
            TUPLE | FROZEN_SET => {
                let count = self.length()?;
                let items = self.objects(count, depth)?;
                match code {
                    TUPLE => self.graph.tuple(items),
                    _ => self.graph.frozen_set(items),
                }
            }
            SMALL_TUPLE => {
                let count = self.byte()?.into();
                let items = self.objects(count, depth)?;
                self.graph.tuple(items)
            }
            SLICE => {
                let parts = self.array(depth)?;
                self.graph.slice(parts)
            }
            _ => self.plain(offset, first, code)?,
        };
        if self.graph.depth(id) > MAX_DEPTH {
            return Err(MarshalError::Depth(MAX_DEPTH));
        }
        if let Some(slot) = number.and_then(|number| self.referred.get_mut(number)) {
            *slot = Some(id);
        }
        Ok(id)
    }

    fn reference(&mut self, offset: usize) -> Result<Id, MarshalError> {
        let number = u32::from_le_bytes(self.word()?);
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let found = self.referred.get(number).copied().flatten();
        found.ok_or(MarshalError::Reference(offset))
    }

    fn code(&mut self, depth: u16) -> Result<Id, MarshalError> {
        let numbers = self.take(5 * 4)?;
        let objects = self.array(depth)?;
        let line = self.take(4)?;
        let tables = self.array(depth)?;
        Ok(self.graph.code(Code {
            numbers,
            objects,
            line,
            tables,
        }))
    }

    /// An object without others in it, whose type was read.
    fn plain(&mut self, offset: usize, first: u8, code: u8) -> Result<Id, MarshalError> {
        let count = match size(code).ok_or(MarshalError::Type { offset, code })? {
            // What exists once is not counted by a reader.
            Size::Fixed(0) if first != code => {
                return Err(MarshalError::Type {
                    offset,
                    code: first,
                });
            }
            Size::Fixed(count) => count,
            Size::Byte => self.byte()?.into(),
            Size::Word => self.length()?,
            Size::Digits => {
                let count = i32::from_le_bytes(self.word()?).unsigned_abs();
                usize::try_from(count)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(2)
            }
        };
        self.take(count)?;
        let bytes = self.bytes.get(offset + 1..self.position);
        let text = self.bytes.get(self.position - count..self.position);
        let code = interned(code, text.unwrap_or_default());
        Ok(self.graph.plain(code, bytes.unwrap_or_default()))
    }

    fn objects(&mut self, count: usize, depth: u16) -> Result<Vec<Id>, MarshalError> {
        let mut items = Vec::with_capacity(count.min(MAX_RESERVED));
        for _ in 0..count {
            items.push(self.object(depth + 1)?);
        }
        Ok(items)
    }

    fn array<const N: usize>(&mut self, depth: u16) -> Result<[Id; N], MarshalError> {
        let items = self.objects(N, depth)?;
        let array = items.try_into();
        array.map_err(|_| MarshalError::CutOff(self.position))
    }

    fn byte(&mut self) -> Result<u8, MarshalError> {
        let byte = self.take(1)?.first().copied();
        byte.ok_or(MarshalError::CutOff(self.position))
    }

    fn word(&mut self) -> Result<[u8; 4], MarshalError> {
        let bytes = self.take(4)?;
        bytes
            .try_into()
            .map_err(|_| MarshalError::CutOff(self.position))
    }

    fn length(&mut self) -> Result<usize, MarshalError> {
        let offset = self.position;
        let length = i32::from_le_bytes(self.word()?);
        usize::try_from(length).map_err(|_| MarshalError::Length(offset))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], MarshalError> {
        let end = self.position.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.position..end));
        let taken = taken.ok_or(MarshalError::CutOff(self.bytes.len()))?;
        self.position += count;
        Ok(taken)
    }
}
