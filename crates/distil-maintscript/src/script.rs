//! What a maintainer script does when its package is installed for the first time, and what of
//! that an image lacks, because no script runs.

use std::collections::BTreeSet;
use std::ops::Range;

use distil_tree::printable;

use crate::effect::{Action, Effect, FileChange};
use crate::recognise::recognise;
use crate::shell::{self, Followed, Invocation, Ran};

/// The longest script that is read, in bytes; the longest of Debian have some 60 kB.
const MAX_SCRIPT: usize = 1 << 20;

/// The most effects of one script that are told.
const MAX_EFFECTS: usize = 1000;

/// How much of a command is shown, in characters.
const SHOWN: usize = 160;

/// What a script does when its package is installed for the first time, in the order of its
/// lines.
///
/// Of `preinst` and `postinst` that is what they do when they are called with `install` and
/// `configure`, and what `postinst` does beyond that for a trigger; `prerm` and `postrm` do
/// nothing then. Conditions that are not certain hold.
pub fn effects(script_name: &str, text: &str) -> Vec<Effect> {
    let mut effects = Effects {
        script: printable(script_name.as_bytes()),
        found: Vec::new(),
        seen: BTreeSet::new(),
        local: local_sections(text),
        is_on_trigger: false,
    };
    let calls: &[&[Option<&str>]] = match script_name {
        "preinst" => &[&[Some("install")]],
        "postinst" => &[&[Some("configure"), Some("")], &[Some("triggered"), None]],
        "config" => &[&[Some("configure"), Some("")]],
        "prerm" | "postrm" => return Vec::new(),
        _ => &[&[None, None]],
    };
    if let Some(problem) = unfit(text) {
        effects.unread(1, problem.to_owned());
        return effects.found;
    }
    let script = match shell::parse(text) {
        Ok(script) => script,
        Err(error) => {
            effects.unread(error.line, error.problem.to_owned());
            return effects.found;
        }
    };
    for arguments in calls {
        let name = script_name;
        let followed = shell::run(&script, Invocation { name, arguments }, &mut |ran| {
            effects.add(&ran);
        });
        if followed == Followed::InPart {
            effects.unread(1, "it asks for too much work".to_owned());
        }
        effects.is_on_trigger = true;
    }
    effects.found.sort_by_key(|effect| effect.line);
    effects.found
}

/// Why a script is not one that can be followed.
fn unfit(text: &str) -> Option<&'static str> {
    if text.len() > MAX_SCRIPT {
        return Some("it is longer than any script that is read");
    }
    if text.contains('\0') {
        return Some("it is not text");
    }
    let line = text.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_whitespace();
    let name = |word: &str| word.rsplit('/').next().map(str::to_owned);
    let mut interpreter = words.next().and_then(name)?;
    if interpreter == "env" {
        interpreter = words.find(|word| !word.starts_with('-')).and_then(name)?;
    }
    match interpreter.as_str() {
        "sh" | "dash" | "bash" | "ash" | "ksh" | "busybox" => None,
        _ => Some("it is in no language of the shell"),
    }
}

/// The lines that `dh_usrlocal` wrote (dh_usrlocal(1)): what they make is named in a
/// here-document, so that no command says it.
fn local_sections(text: &str) -> Vec<Range<usize>> {
    let mut sections = Vec::new();
    let mut begin = None;
    for (place, line) in text.lines().enumerate() {
        if line.starts_with("# Automatically added by dh_usrlocal") {
            begin = Some(place + 1);
        } else if line.starts_with("# End automatically added section") {
            sections.extend(begin.take().map(|begin| begin..place + 1));
        }
    }
    sections
}

struct Effects {
    script: String,
    found: Vec<Effect>,
    seen: BTreeSet<(usize, String)>,
    /// The lines that `dh_usrlocal` wrote.
    local: Vec<Range<usize>>,
    is_on_trigger: bool,
}

impl Effects {
    fn add(&mut self, ran: &Ran) {
        if self.found.len() >= MAX_EFFECTS {
            return;
        }
        for (action, command) in recognise(ran) {
            let start: String = command.chars().take(SHOWN).collect();
            let is_cut = start.len() < command.len();
            let command = printable(start.as_bytes()) + if is_cut { "…" } else { "" };
            let place = self
                .local
                .partition_point(|section| section.end <= ran.line);
            let is_local = self
                .local
                .get(place)
                .is_some_and(|section| section.contains(&ran.line));
            let action = match action {
                Action::Files(_) if is_local => Action::Files(FileChange::Local),
                action => action,
            };
            self.push(ran.line, command, action);
        }
    }

    fn push(&mut self, line: usize, command: String, action: Action) {
        if self.seen.insert((line, command.clone())) {
            self.found.push(Effect {
                script: self.script.clone(),
                line,
                command,
                is_on_trigger: self.is_on_trigger,
                action,
            });
        }
        if self.found.len() == MAX_EFFECTS {
            self.found.push(Effect {
                script: self.script.clone(),
                line,
                command: String::new(),
                is_on_trigger: self.is_on_trigger,
                action: Action::Unread {
                    problem: "it does more than is told".to_owned(),
                },
            });
        }
    }

    fn unread(&mut self, line: usize, problem: String) {
        self.push(line, String::new(), Action::Unread { problem });
    }
}

#[cfg(test)]
mod tests;
