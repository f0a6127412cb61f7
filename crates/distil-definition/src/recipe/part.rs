//! A part of a definition that a message can be about.

use crate::pointer::Pointer;

/// A part of a definition: the key that a message calls it by, and the pointer to it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The key of the definition that it stands under, itself or in an overlay.
    pub(super) key: &'static str,
    /// The exact way to it.
    pub(super) pointer: Pointer,
}

impl Part {
    /// The value of a key of the definition itself.
    pub(super) fn of(key: &'static str) -> Self {
        Self {
            key,
            pointer: Pointer::to(key),
        }
    }

    /// The value of a key of an overlay, counted from zero.
    pub(super) fn of_overlay(number: usize, key: &'static str) -> Self {
        let pointer = Pointer::to("when").index(number).key(key);
        Self { key, pointer }
    }

    /// The value of a key of this mapping.
    pub(super) fn key(&self, key: &str) -> Self {
        self.at(self.pointer.key(key))
    }

    /// An entry of this list, counted from zero.
    pub(super) fn index(&self, index: usize) -> Self {
        self.at(self.pointer.index(index))
    }

    /// A key, not its value, of this mapping.
    pub(super) fn entry(&self, key: &str) -> Self {
        self.at(self.pointer.entry(key))
    }

    fn at(&self, pointer: Pointer) -> Self {
        let key = self.key;
        Self { key, pointer }
    }
}
