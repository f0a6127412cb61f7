//! A file system in memory: entries by path, links resolved inside it, tar and plain directories in
//! and out, and what its ELF files need.
//!
//! Nothing is unpacked to disk on the way, so there is no path on the machine that a hostile
//! archive could lead to: a name that leads out of the tree is refused when it is read, and a
//! link that leads out ends at the tree's own root. A tree is written to a directory only when that
//! is asked for, and without following a link ([`folder`]).

pub mod class_file;
mod content;
pub mod elf;
pub mod folder;
pub mod loader;
mod os_release;
mod path;
mod pattern;
pub mod program;
mod regular;
mod sorted;
pub mod tar;
mod tree;
pub mod zip;
pub mod zip_writer;

pub use content::{Content, ContentId, ContentRange, ContentReader};
pub use os_release::OsRelease;
pub use path::{MAX_LENGTH, MAX_PART, PathError, Printable, TreePath, is_disguise};
pub use pattern::{PatternError, Patterns};
pub use regular::{ReadFileError, read_file, read_file_within};
pub use sorted::SortedMap;
pub use tree::{
    BundleOrigin, Digests, Entry, FileNode, InsertError, Kind, Metadata, Origin, ResolveError,
    Tree, printable,
};
