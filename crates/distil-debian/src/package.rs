//! Binary packages, as the stanzas of a `Packages` index describe them.

mod binary;
mod stanza;
#[cfg(test)]
mod tests;

pub use binary::{BinaryPackage, MultiArch, Priority, RelationField, SourceReference};
pub use stanza::PackageError;
pub(crate) use stanza::is_wanted;
