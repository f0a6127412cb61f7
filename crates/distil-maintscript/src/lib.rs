//! What packages want done when they are installed, read without running anything.
//!
//! Packages ask in two ways. They declare accounts and directories in `sysusers.d` and
//! `tmpfiles.d`, and they ship maintainer scripts, which never run here. The declarations are
//! read whole. Scripts are followed as far as that is certain for a first installation: what
//! can be made from them is given as data, and the rest is named with the script and the line,
//! so that nothing is left undone in silence.

mod accounts;
pub mod alternatives;
mod declaration;
pub mod diversions;
mod effect;
mod file_commands;
mod passing;
mod programs;
mod recognise;
mod script;
mod shell;
pub mod sysusers;
pub mod tmpfiles;
mod words;

pub use declaration::{Declared, MAX_INPUT, Problem};
pub use effect::{AccountChange, Action, Consequence, Effect, FileChange, Owner};
pub use script::effects;

/// What a file of a package asks for and nobody makes, in words: a maintainer script by its name
/// (`postinst`), a declaration by its path (`usr/lib/sysusers.d/x.conf`). Whether a package or a
/// definition brings it all the same is not looked at.
pub fn missing(file: &str, text: &str) -> Vec<String> {
    let problems = |problems: Vec<declaration::Problem>| {
        let lines = problems.iter().map(ToString::to_string);
        lines.collect()
    };
    if file.contains("sysusers.d/") {
        return problems(sysusers::parse(text).problems);
    }
    if file.contains("tmpfiles.d/") {
        return problems(tmpfiles::parse(text).problems);
    }
    let effects = effects(file, text);
    let missing = effects
        .iter()
        .filter_map(|effect| match effect.consequence() {
            Consequence::Missing(what) => Some(format!("line {}: {what}", effect.line)),
            _ => None,
        });
    missing.collect()
}
