//! Tar archives, in and out, as streams: members one after another, nothing unpacked.

mod read;
mod write;

pub use read::{Limits, Member, MemberKind, ReadError, Reader};
pub use write::{Writer, write_entry};
