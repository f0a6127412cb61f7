//! What is known of installed packages beside the tree.

use distil_lock::Contents;
use distil_maintscript::alternatives::Alternative;

use crate::assembly::LeftOut;

/// A diversion: from, to, and the package that keeps its own file.
pub(crate) type Diverted = (String, String, Option<String>);

/// What is known of the packages beside the tree.
pub(crate) struct Installed<'a> {
    /// What they ship.
    pub(crate) contents: &'a Contents,
    /// What of that is not in the tree.
    pub(crate) left_out: &'a [LeftOut],
    /// The choices that they provide.
    pub(crate) alternatives: &'a [Alternative],
    /// What they move out of their way.
    pub(crate) diversions: &'a [Diverted],
}
