//! Keys by which a document can be read in two ways.

/// Why a document can be read in two ways. Keys are given with those of the objects that they are
/// in, such as `config.User`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousKey {
    /// A key is one that is known but for the case of its letters.
    #[error("the key `{key}` is `{known}` to engines that ignore case, and unknown to others")]
    Case {
        /// The key.
        key: String,
        /// The known one.
        known: &'static str,
    },
    /// A key occurs twice in one object.
    #[error("the key `{key}` occurs twice, and not all engines use the same value")]
    Twice {
        /// The key.
        key: String,
    },
    /// Two keys of one object are the same but for the case of their letters.
    #[error("the keys `{key}` and `{other}` are the same to engines that ignore case")]
    TwiceInOtherCase {
        /// The second of them.
        key: String,
        /// The first, alone.
        other: String,
    },
    /// A key makes the document one of another kind.
    #[error("the key `{key}` belongs to another kind of document")]
    Foreign {
        /// The key.
        key: String,
    },
}
