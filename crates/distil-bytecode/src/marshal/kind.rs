//! The types of objects, each a byte in front of it.

/// The mark of an object that is referred to later; objects with it are counted from 0.
pub(super) const REFERRED: u8 = 0x80;

/// A reference: the number of a marked object, 32 bits.
pub(super) const REFERENCE: u8 = b'r';
pub(super) const CODE: u8 = b'c';
pub(super) const TUPLE: u8 = b'(';
/// One whose number of elements has one byte.
pub(super) const SMALL_TUPLE: u8 = b')';
pub(super) const FROZEN_SET: u8 = b'>';
/// Since Python 3.14: start, stop and step.
pub(super) const SLICE: u8 = b':';

/// How long the bytes are that follow the type of an object that has no others in it.
pub(super) enum Size {
    /// So many.
    Fixed(usize),
    /// As many as the byte in front of them says.
    Byte,
    /// As many as the 32 bits in front of them say.
    Word,
    /// As many pairs as the 32 bits, whose sign is the number's, say.
    Digits,
}

/// What follows an object's type; none if it has others in it or is not known.
pub(super) fn size(code: u8) -> Option<Size> {
    Some(match code {
        // None, False, True, Ellipsis.
        b'N' | b'F' | b'T' | b'.' => Size::Fixed(0),
        b'i' => Size::Fixed(4),
        // A float, a complex number.
        b'g' => Size::Fixed(8),
        b'y' => Size::Fixed(16),
        b'l' => Size::Digits,
        // Bytes, and strings in UTF-8: interned, or not.
        b's' | b't' | b'u' | b'a' | b'A' => Size::Word,
        b'z' | b'Z' => Size::Byte,
        _ => return None,
    })
}

/// The type of a string by what it has in it, and of everything else as it is.
///
/// Whether a string was interned may depend on who interned an equal one before. Who makes a code object
/// interns its names, and those constants that could be names (CPython, `Objects/codeobject.c`,
/// `intern_constants` and `all_name_chars`), whatever their type.
pub(super) fn interned(code: u8, text: &[u8]) -> u8 {
    let could_be_name = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    match (code, could_be_name) {
        (b'a' | b'A', true) => b'A',
        (b'a' | b'A', false) => b'a',
        (b'z' | b'Z', true) => b'Z',
        (b'z' | b'Z', false) => b'z',
        // Not ASCII alone.
        (b't', _) => b'u',
        _ => code,
    }
}

/// Whether references to an object of this type, which has that number of bytes behind it, are worth their
/// five bytes each. What exists once in an interpreter is never marked: a reader does not count it.
pub(super) fn is_shared(code: u8, bytes: usize) -> bool {
    // To intern a string once more costs more than to look at a list.
    let is_interned = matches!(code, b'A' | b'Z');
    is_interned || bytes > 4
}
