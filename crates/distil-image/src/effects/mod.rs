//! What packages want done when they are installed, read without running anything.
//!
//! Packages ask in two ways. They declare accounts and folders in `sysusers.d` and
//! `tmpfiles.d`, and they ship maintainer scripts, which never run here. The declarations are
//! read whole. Scripts are followed as far as that is certain for a first installation: what
//! can be made from them is given as data, and the rest is named with the script and the line,
//! so that nothing is left undone in silence.

pub(crate) mod alternatives;
mod declaration;
pub(crate) mod diversions;
mod programs;
mod recognise;
pub(crate) mod script;
mod shell;
pub(crate) mod sysusers;
pub(crate) mod tmpfiles;

pub(crate) use declaration::{Declared, MAX_INPUT};
