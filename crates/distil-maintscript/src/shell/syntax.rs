//! The parts of a script.

/// Commands one after the other.
pub(super) type List<'a> = Vec<AndOr<'a>>;

/// Pipelines between `&&` and `||`.
#[derive(Debug)]
pub(super) struct AndOr<'a> {
    pub(super) first: Pipeline<'a>,
    pub(super) rest: Vec<(Connection, Pipeline<'a>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    And,
    Or,
}

/// Commands between `|`.
#[derive(Debug)]
pub(super) struct Pipeline<'a> {
    pub(super) is_negated: bool,
    pub(super) commands: Vec<Command<'a>>,
}

/// One command, with where its output goes.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) line: usize,
    pub(super) kind: Kind<'a>,
    /// The files that it writes: what follows `>`, `>>` and the like.
    pub(super) writes: Vec<Word<'a>>,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Simple {
        assignments: Vec<Assignment<'a>>,
        words: Vec<Word<'a>>,
    },
    /// `{ … }`.
    Group(List<'a>),
    /// `( … )`: nothing that it sets is seen outside.
    Subshell(List<'a>),
    If {
        /// Conditions with what is done.
        branches: Vec<(List<'a>, List<'a>)>,
        otherwise: List<'a>,
    },
    /// `while` and `until`.
    Loop {
        condition: List<'a>,
        body: List<'a>,
        is_until: bool,
    },
    For {
        name: &'a str,
        /// None stands for the arguments.
        words: Option<Vec<Word<'a>>>,
        body: List<'a>,
    },
    Case {
        word: Word<'a>,
        /// Patterns with what is done.
        arms: Vec<(Vec<Word<'a>>, List<'a>)>,
    },
    Function {
        name: &'a str,
        body: Box<Command<'a>>,
    },
}

#[derive(Debug)]
pub(super) struct Assignment<'a> {
    pub(super) name: &'a str,
    /// None if it is an array or appends with `+=`.
    pub(super) value: Option<Word<'a>>,
}

/// A word, with how it is written.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) source: &'a str,
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) source: &'a str,
    pub(super) is_quoted: bool,
    pub(super) kind: PartKind<'a>,
}

#[derive(Debug)]
pub(super) enum PartKind<'a> {
    Text(String),
    /// `$name`, `${name}`, `$1`, `$@`.
    Variable(&'a str),
    /// `${name:-word}` and the like.
    Default {
        name: &'a str,
        /// `:` or not: whether an empty value counts as none.
        is_empty_unset: bool,
        action: DefaultAction,
        word: Word<'a>,
    },
    /// `$(…)` or backquotes.
    Output(List<'a>),
    /// What is not followed: arithmetic, `${name%…}` and the like.
    Opaque,
}

/// What a parameter's expansion does (POSIX.1-2024, 2.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultAction {
    /// `-`: the word stands in for a value that is missing.
    Use,
    /// `=`: and the variable gets it.
    Assign,
    /// `+`: the word stands in for a value that is there.
    Replace,
}
