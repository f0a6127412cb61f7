//! Tar archives, in and out: members one after another, nothing unpacked.

mod extensions;
mod member;
mod read;
mod walk;
mod write;

pub use extensions::Unknown;
pub use member::{Limits, Member, MemberKind, ReadError};
pub use read::Reader;
pub use walk::{Content, FileInput, Input, Walk, is_header};
pub use write::{Writer, write_entry};
