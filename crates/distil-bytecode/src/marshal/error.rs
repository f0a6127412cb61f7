//! What is wrong with a code object.

/// Why bytes are no code object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarshalError {
    /// They end in the middle of an object.
    #[error("the code object is cut off at byte {0}")]
    CutOff(usize),
    /// There is something behind the object.
    #[error("the code object ends at byte {0}, and more follows")]
    Trailing(usize),
    /// An object is of a type that constants are not of.
    #[error("an object at byte {offset} of the code has the type `{}`, which is not known", printable(*.code))]
    Type {
        /// Where.
        offset: usize,
        /// The type, without the mark of references.
        code: u8,
    },
    /// A reference leads to no object, or to one that is not complete.
    #[error("a reference at byte {0} of the code leads to no object")]
    Reference(usize),
    /// A length is negative.
    #[error("an object at byte {0} of the code has a negative length")]
    Length(usize),
    /// The first object is no code.
    #[error("the first object is no code object")]
    NoCode,
    /// Objects nest too deeply.
    #[error("the objects in the code nest more than {0} deep")]
    Depth(u16),
}

fn printable(code: u8) -> String {
    char::from(code).escape_default().to_string()
}
