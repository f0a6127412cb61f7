//! Enough of the shell to follow a maintainer script (POSIX.1-2024, Shell Command Language, and
//! what Debian's scripts use of bash): reading it, and walking through it without running it.

mod answers;
mod builtins;
mod fields;
mod parse;
mod run;
mod syntax;
mod words;

pub(super) use fields::Field;
pub(super) use parse::parse;
pub(super) use run::{Followed, Invocation, Ran, run};

#[cfg(test)]
mod tests;
