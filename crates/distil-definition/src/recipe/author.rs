//! Whose image a recipe is of.

/// Whose image a recipe is of: what distil says of its own images in labels and annotations must
/// not stand on those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// An image of the catalogue, as the catalogue has it.
    Catalogue,
    /// An image of the catalogue that the command line changes.
    CommandLine,
    /// A definition in a file of the user's.
    File,
}
