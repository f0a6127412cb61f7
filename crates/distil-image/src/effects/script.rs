//! What a maintainer script does when its package is installed for the first time, and what of
//! that an image lacks, because no script runs.

use std::collections::BTreeSet;
use std::ops::Range;

use distil_tree::printable;

use super::alternatives::Alternative;
use super::diversions::Diversion;
use super::programs;
use super::recognise::recognise;
use super::shell::{self, Followed, Invocation, Ran};

/// The longest script that is read, in bytes; the longest of Debian have some 60 kB.
const MAX_SCRIPT: usize = 1 << 20;

/// The most effects of one script that are told.
const MAX_EFFECTS: usize = 1000;

/// Why nothing is missing in some folders.
const IN_PASSING: &str = "nothing in an image reads what is there";

/// How much of a command is shown, in characters.
const SHOWN: usize = 160;

/// Something that a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The script's name: `postinst`.
    pub(crate) script: String,
    /// The line that the command begins on; the first is 1.
    pub(crate) line: usize,
    /// The command with its arguments, as far as they are known, fit to be shown.
    pub(crate) command: String,
    /// Whether it is done only when another package's files activate a trigger of this one.
    pub(crate) is_on_trigger: bool,
    /// What it does.
    pub(crate) action: Action,
}

/// What a command of a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// `update-alternatives --install`.
    Alternative(Alternative),
    /// `dpkg-divert --add`.
    Diversion(Diversion),
    /// It adds an account.
    Account(AccountChange),
    /// It makes or changes files.
    Files(FileChange),
    /// It makes a cache or an index anew.
    Refresh(Consequence),
    /// It starts, stops or enables a service.
    Services(Consequence),
    /// It prepares a program's modules.
    Compilation(Consequence),
    /// It asks the administrator, or keeps what one has changed.
    Questions(Consequence),
    /// It removes what nobody needs any more.
    Cleanup(Consequence),
    /// A program of which nothing is known here.
    Unknown {
        /// Its name, as far as it is known, fit to be shown.
        program: String,
    },
    /// The script cannot be followed from here on.
    Unread {
        /// Why.
        problem: String,
    },
}

/// What becomes of the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccountChange {
    /// A user is added.
    User(String),
    /// A group is added.
    Group(String),
    /// A user joins a group.
    Member {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// What `sysusers.d` declares is added.
    Declared,
    /// Something else.
    Other,
}

/// What becomes of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileChange {
    /// Folders are made.
    Folders(Vec<String>),
    /// Files are made or written.
    Written(Vec<String>),
    /// A symbolic link is made.
    Link {
        /// Where.
        path: String,
        /// Where it points.
        target: String,
    },
    /// What is there gets another owner, mode, name or content.
    Changed(Vec<String>),
    /// What is there gets a mode.
    Mode {
        /// The mode.
        mode: u32,
        /// Which files.
        paths: Vec<String>,
    },
    /// What is there gets root as its owner, as files have it anyway.
    OwnedByRoot,
    /// Empty folders below `/usr/local` are made, as `dh_usrlocal` writes it.
    Local,
    /// What `tmpfiles.d` declares is made.
    Declared,
}

/// What an effect means for an image in which no script ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing is missing, and why.
    Harmless(&'static str),
    /// It is made without the script, and what.
    Made(&'static str),
    /// It was not done: `adds the user "redis"`.
    Missing(String),
}

/// What a script does when its package is installed for the first time, in the order of its
/// lines.
///
/// Of `preinst` and `postinst` that is what they do when they are called with `install` and
/// `configure`, and what `postinst` does beyond that for a trigger; `prerm` and `postrm` do
/// nothing then. Conditions that are not certain hold.
pub(crate) fn effects(script_name: &str, text: &str) -> Vec<Effect> {
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
        return Some("it is no text");
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

impl Effect {
    /// What it means that nobody did it.
    pub(crate) fn consequence(&self) -> Consequence {
        match &self.action {
            Action::Alternative(_) => Consequence::Made("the links of alternatives"),
            Action::Diversion(diversion) if diversion.is_guard() => {
                Consequence::Harmless("it guards a path from before `/usr` was merged")
            }
            Action::Diversion(_) => Consequence::Made("the names of diverted files"),
            Action::Account(change) => change.consequence(&self.command),
            Action::Files(change) => change.consequence(&self.command),
            Action::Refresh(consequence)
            | Action::Services(consequence)
            | Action::Compilation(consequence)
            | Action::Questions(consequence)
            | Action::Cleanup(consequence) => consequence.clone(),
            Action::Unknown { .. } => Consequence::Missing(format!("runs `{}`", self.command)),
            Action::Unread { problem } => {
                Consequence::Missing(format!("cannot be followed, because {problem}"))
            }
        }
    }
}

impl AccountChange {
    fn consequence(&self, command: &str) -> Consequence {
        let text = match self {
            Self::User(name) => format!("adds the user `{name}`"),
            Self::Group(name) => format!("adds the group `{name}`"),
            Self::Member { user, group } => {
                format!("adds the user `{user}` to the group `{group}`")
            }
            Self::Declared => return Consequence::Made("the accounts that sysusers.d declares"),
            Self::Other => return Consequence::Missing(format!("runs `{command}`")),
        };
        Consequence::Missing(printable(text.as_bytes()))
    }
}

impl FileChange {
    /// The paths that are made or changed, as far as they are known. What is in the image all
    /// the same, because a package or a definition brings it, is not missing.
    pub(crate) fn paths(&self) -> &[String] {
        match self {
            Self::Folders(paths)
            | Self::Written(paths)
            | Self::Changed(paths)
            | Self::Mode { paths, .. } => paths,
            Self::Link { path, .. } => std::slice::from_ref(path),
            Self::OwnedByRoot | Self::Local | Self::Declared => &[],
        }
    }

    fn consequence(&self, command: &str) -> Consequence {
        let is_passing = |path: &String| programs::is_passing(path);
        if !self.paths().is_empty() && self.paths().iter().all(is_passing) {
            return Consequence::Harmless(IN_PASSING);
        }
        let quoted = |paths: &[String]| {
            let paths = paths.iter().map(|path| format!("`{path}`"));
            paths.collect::<Vec<_>>().join(", ")
        };
        let text = match self {
            Self::Declared => return Consequence::Made("what tmpfiles.d declares"),
            Self::Local => return Consequence::Harmless(IN_PASSING),
            Self::OwnedByRoot => {
                return Consequence::Harmless("files are root's unless told otherwise");
            }
            Self::Folders(paths) if command.starts_with("mkdir") => {
                format!("makes {}", quoted(paths))
            }
            Self::Written(paths) if command.starts_with("> ") || command.starts_with("touch") => {
                format!("writes {}", quoted(paths))
            }
            Self::Link { path, target } => format!("links `{path}` to `{target}`"),
            _ => return Consequence::Missing(format!("runs `{command}`")),
        };
        Consequence::Missing(printable(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
