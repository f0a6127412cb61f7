//! What a command of a maintainer script does, and what that means for an image in which no script
//! runs.

use distil_tree::printable;

use crate::alternatives::Alternative;
use crate::diversions::Diversion;
use crate::passing::is_passing;
use crate::sysusers::{Number, User};

/// Why nothing is missing in some directories.
const IN_PASSING: &str = "nothing in an image reads what is there";

/// Something that a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The script's name: `postinst`.
    pub script: String,
    /// The line that the command begins on; the first is 1.
    pub line: usize,
    /// The command with its arguments, as far as they are known, fit to be shown.
    pub command: String,
    /// Whether it is done only when another package's files activate a trigger of this one.
    pub is_on_trigger: bool,
    /// What it does.
    pub action: Action,
}

/// What a command of a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
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
pub enum AccountChange {
    /// A user is added.
    User {
        /// The user, as a file of `sysusers.d` would declare it.
        user: User,
        /// Whether a home directory is made, too.
        makes_home: bool,
    },
    /// A group is added.
    Group {
        /// Its name.
        name: String,
        /// Its number.
        id: Number,
    },
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

/// Whom a file is given to: names or numbers, as a command has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user; none if that stays.
    pub user: Option<String>,
    /// The group; none if that stays.
    pub group: Option<String>,
}

impl Owner {
    /// A user and a group, either of which stays if it is empty.
    pub(crate) fn of(user: &str, group: &str) -> Self {
        let some = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        Self {
            user: some(user),
            group: some(group),
        }
    }

    /// `USER`, `USER:GROUP`, `USER.GROUP` or `:GROUP`, as chown(1) has it.
    pub(crate) fn parse(text: &str) -> Self {
        let (user, group) = text.split_once([':', '.']).unwrap_or((text, ""));
        Self::of(user, group)
    }

    /// Whether it is root, in all that is said.
    pub(crate) fn is_root(&self) -> bool {
        let mut names = self.user.iter().chain(&self.group);
        names.all(|name| matches!(name.as_str(), "root" | "0"))
    }
}

/// What becomes of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Directories are made, of which all is known.
    Directories {
        /// Where.
        paths: Vec<String>,
        /// Whose they are; root's where nothing is said.
        owner: Owner,
        /// Their mode, if one is said.
        mode: Option<u32>,
    },
    /// What is there gets an owner, and a mode if one is said.
    Owned {
        /// Which files.
        paths: Vec<String>,
        /// Whose they are then.
        owner: Owner,
        /// The mode.
        mode: Option<u32>,
        /// Whether what lies below gets it, too.
        is_recursive: bool,
    },
    /// A file is copied.
    Copy {
        /// The file.
        source: String,
        /// Where the copy goes: a file, or a directory that it goes into.
        path: String,
    },
    /// A file's text is added to another one.
    Appended {
        /// The file.
        source: String,
        /// What it is added to.
        path: String,
    },
    /// Empty files are made where there are none.
    Touched(Vec<String>),
    /// Directories are made.
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
    /// Empty directories below `/usr/local` are made, as `dh_usrlocal` writes it.
    Local,
    /// What `tmpfiles.d` declares is made.
    Declared,
}

/// What an effect means for an image in which no script ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing is missing, and why.
    Harmless(&'static str),
    /// It is made without the script, and what.
    Made(&'static str),
    /// It was not done: `adds the user "redis"`.
    Missing(String),
}

impl Effect {
    /// What it means that nobody did it.
    pub fn consequence(&self) -> Consequence {
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
            Self::User { user, .. } => format!("adds the user `{}`", user.name),
            Self::Group { name, .. } => format!("adds the group `{name}`"),
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
    pub fn paths(&self) -> &[String] {
        match self {
            Self::Folders(paths)
            | Self::Touched(paths)
            | Self::Written(paths)
            | Self::Changed(paths)
            | Self::Mode { paths, .. } => paths,
            Self::Directories { paths, .. } | Self::Owned { paths, .. } => paths,
            Self::Link { path, .. } | Self::Copy { path, .. } | Self::Appended { path, .. } => {
                std::slice::from_ref(path)
            }
            Self::OwnedByRoot | Self::Local | Self::Declared => &[],
        }
    }

    /// Whether it is about directories alone whose content nothing in an image reads.
    pub fn is_in_passing(&self) -> bool {
        let is_passing = |path: &String| is_passing(path);
        !self.paths().is_empty() && self.paths().iter().all(is_passing)
    }

    fn consequence(&self, command: &str) -> Consequence {
        if self.is_in_passing() {
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
            Self::Folders(paths) | Self::Directories { paths, .. }
                if command.starts_with("mkdir") =>
            {
                format!("makes {}", quoted(paths))
            }
            Self::Written(paths) | Self::Touched(paths)
                if command.starts_with("> ") || command.starts_with("touch") =>
            {
                format!("writes {}", quoted(paths))
            }
            Self::Copy { source, path } if command.starts_with("ucf") => {
                format!("makes `{path}` out of `{source}`")
            }
            Self::Link { path, target } => format!("links `{path}` to `{target}`"),
            _ => return Consequence::Missing(format!("runs `{command}`")),
        };
        Consequence::Missing(printable(text.as_bytes()))
    }
}
