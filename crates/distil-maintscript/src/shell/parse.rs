//! Reading a script into its parts. The grammar depends on where a word stands, so that there
//! is no separate list of tokens.

use std::collections::BTreeSet;

use super::syntax::{AndOr, Command, Connection, Kind, List, Pipeline, Word};
use super::words::{opaque_word, text_word};

/// How deep commands, substitutions and expansions may be inside each other. Scripts of
/// packages stay below 20.
const MAX_DEPTH: usize = 64;

/// Why a script cannot be followed, and from where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line}")]
pub(crate) struct Unreadable {
    pub(crate) line: usize,
    pub(crate) problem: &'static str,
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Result<Script<'_>, Unreadable> {
    let mut parser = Parser::new(text, 1, 0);
    let list = parser.list()?;
    match parser.peek() {
        None => Ok(Script {
            list,
            assigned: parser.assigned,
        }),
        Some(_) => Err(parser.wrong("something ends that did not begin")),
    }
}

/// A script that was read.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    pub(super) list: List<'a>,
    /// The variables that it sets anywhere.
    pub(super) assigned: BTreeSet<&'a str>,
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) depth: usize,
    /// Here-documents whose text begins after this line: the last line, and whether tabs
    /// before it do not count.
    pub(super) here_documents: Vec<(String, bool)>,
    /// The variables that are set anywhere.
    pub(super) assigned: BTreeSet<&'a str>,
}

pub(super) type Parsed<T> = Result<T, Unreadable>;

/// Words that are no commands where a command could stand.
const CLOSING: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, line: usize, depth: usize) -> Self {
        Self {
            text,
            at: 0,
            line,
            depth,
            here_documents: Vec::new(),
            assigned: BTreeSet::new(),
        }
    }

    pub(super) fn wrong(&self, problem: &'static str) -> Unreadable {
        Unreadable {
            line: self.line,
            problem,
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn starts(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Takes `text` if it comes next. It holds no newline.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.starts(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes a character, whatever it is.
    pub(super) fn any(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.at += character.len_utf8();
        self.line += usize::from(character == '\n');
        Some(character)
    }

    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong("commands are too deep inside each other"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Passes over blanks, continued lines and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.starts("\\\n") => {
                    self.at += 2;
                    self.line += 1;
                }
                Some(b'#') => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// Passes over blanks and ends of lines, and here-documents after them.
    fn lines(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.at += 1;
            self.line += 1;
            for (end, ignores_tabs) in std::mem::take(&mut self.here_documents) {
                self.here_document(&end, ignores_tabs)?;
            }
        }
    }

    fn here_document(&mut self, end: &str, ignores_tabs: bool) -> Parsed<()> {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return Err(self.wrong("a here-document does not end"));
            }
            let line = rest.split('\n').next().unwrap_or_default();
            self.at = self.text.len().min(self.at + line.len() + 1);
            self.line += 1;
            let line = match ignores_tabs {
                true => line.trim_start_matches('\t'),
                false => line,
            };
            if line == end {
                return Ok(());
            }
        }
    }

    /// The word of plain letters that comes next, if one does.
    fn peek_plain(&self) -> &'a str {
        let rest = self.rest();
        let is_end = |c: char| c.is_ascii_whitespace() || ";&|<>()".contains(c);
        let word = rest.get(..rest.find(is_end).unwrap_or(rest.len()));
        word.unwrap_or_default()
    }

    fn take_reserved(&mut self, word: &'static str) -> bool {
        let is_next = self.peek_plain() == word;
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn expect_reserved(&mut self, word: &'static str, problem: &'static str) -> Parsed<()> {
        self.lines()?;
        match self.take_reserved(word) {
            true => Ok(()),
            false => Err(self.wrong(problem)),
        }
    }

    /// Commands up to what closes them, which is left.
    pub(super) fn list(&mut self) -> Parsed<List<'a>> {
        let mut list = Vec::new();
        loop {
            self.lines()?;
            let is_closed = match self.peek() {
                None | Some(b')') => true,
                Some(b';') if self.starts(";;") || self.starts(";&") => true,
                _ => CLOSING.contains(&self.peek_plain()),
            };
            if is_closed {
                return Ok(list);
            }
            list.push(self.and_or()?);
            self.blanks();
            if !self.starts(";;") && !self.starts(";&") && !self.take(";") {
                self.take("&");
            }
        }
    }

    fn and_or(&mut self) -> Parsed<AndOr<'a>> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let connection = match () {
                () if self.take("&&") => Connection::And,
                () if self.take("||") => Connection::Or,
                () => return Ok(AndOr { first, rest }),
            };
            self.lines()?;
            rest.push((connection, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline<'a>> {
        let mut is_negated = false;
        while self.take_reserved("!") {
            is_negated = !is_negated;
            self.blanks();
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.starts("||") || !self.take("|") {
                break;
            }
            self.take("&");
            self.lines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline {
            is_negated,
            commands,
        })
    }

    fn command(&mut self) -> Parsed<Command<'a>> {
        self.deeper(|parser| {
            let line = parser.line;
            let Some(kind) = parser.compound()? else {
                return parser.simple(line);
            };
            let mut writes = Vec::new();
            loop {
                parser.blanks();
                if !parser.redirection(&mut writes)? {
                    return Ok(Command { line, kind, writes });
                }
            }
        })
    }

    fn compound(&mut self) -> Parsed<Option<Kind<'a>>> {
        if self.starts("((") {
            return self.arithmetic_command().map(Some);
        }
        if self.take("(") {
            let list = self.list()?;
            return match self.take(")") {
                true => Ok(Some(Kind::Subshell(list))),
                false => Err(self.wrong("a `(` is not closed")),
            };
        }
        let word = self.peek_plain();
        if CLOSING.contains(&word) {
            return Err(self.wrong("a command is missing"));
        }
        let kind: fn(&mut Self) -> Parsed<Kind<'a>> = match word {
            "{" => Self::group,
            "if" => Self::condition,
            "while" | "until" => Self::repetition,
            "for" | "select" => Self::for_each,
            "case" => Self::case,
            "[[" => Self::bash_test,
            "function" => Self::function,
            _ => return Ok(None),
        };
        self.at += word.len();
        match word {
            "until" => match kind(self)? {
                Kind::Loop {
                    condition, body, ..
                } => Ok(Some(Kind::Loop {
                    condition,
                    body,
                    is_until: true,
                })),
                other => Ok(Some(other)),
            },
            _ => kind(self).map(Some),
        }
    }

    fn group(&mut self) -> Parsed<Kind<'a>> {
        let list = self.list()?;
        self.expect_reserved("}", "a `{` is not closed")?;
        Ok(Kind::Group(list))
    }

    fn condition(&mut self) -> Parsed<Kind<'a>> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list()?;
            self.expect_reserved("then", "a `then` is missing")?;
            branches.push((condition, self.list()?));
            if !self.take_reserved("elif") {
                break;
            }
        }
        let otherwise = match self.take_reserved("else") {
            true => self.list()?,
            false => Vec::new(),
        };
        self.expect_reserved("fi", "a `fi` is missing")?;
        Ok(Kind::If {
            branches,
            otherwise,
        })
    }

    fn repetition(&mut self) -> Parsed<Kind<'a>> {
        let condition = self.list()?;
        let body = self.loop_body()?;
        Ok(Kind::Loop {
            condition,
            body,
            is_until: false,
        })
    }

    fn loop_body(&mut self) -> Parsed<List<'a>> {
        self.expect_reserved("do", "a `do` is missing")?;
        let body = self.list()?;
        self.expect_reserved("done", "a `done` is missing")?;
        Ok(body)
    }

    fn for_each(&mut self) -> Parsed<Kind<'a>> {
        self.blanks();
        if self.starts("((") {
            self.arithmetic_command()?;
            self.blanks();
            self.take(";");
            let body = self.loop_body()?;
            return Ok(Kind::Loop {
                condition: Vec::new(),
                body,
                is_until: false,
            });
        }
        let name = self.name();
        if name.is_empty() {
            return Err(self.wrong("a `for` has no variable"));
        }
        self.assigned.insert(name);
        self.lines()?;
        let mut words = None;
        if self.take_reserved("in") {
            words = Some(self.words()?);
        }
        self.blanks();
        self.take(";");
        let body = self.loop_body()?;
        Ok(Kind::For { name, words, body })
    }

    fn words(&mut self) -> Parsed<Vec<Word<'a>>> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.word()? {
                Some(word) => words.push(word),
                None => return Ok(words),
            }
        }
    }

    fn case(&mut self) -> Parsed<Kind<'a>> {
        self.blanks();
        let word = self.word()?.ok_or(self.wrong("a `case` has no word"))?;
        self.expect_reserved("in", "an `in` is missing")?;
        let mut arms = Vec::new();
        loop {
            self.lines()?;
            if self.take_reserved("esac") {
                return Ok(Kind::Case { word, arms });
            }
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                let pattern = self.word()?;
                patterns.push(pattern.ok_or(self.wrong("a pattern of `case` is missing"))?);
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return Err(self.wrong("a `)` after a pattern is missing"));
            }
            arms.push((patterns, self.list()?));
            let _ = self.take(";;&") || self.take(";;") || self.take(";&");
        }
    }

    fn function(&mut self) -> Parsed<Kind<'a>> {
        self.blanks();
        let name = self.peek_plain();
        self.at += name.len();
        self.blanks();
        if self.take("(") {
            self.blanks();
            self.take(")");
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: &'a str) -> Parsed<Kind<'a>> {
        self.lines()?;
        let body = Box::new(self.command()?);
        Ok(Kind::Function { name, body })
    }

    /// `((…))`: nothing that it does is followed.
    fn arithmetic_command(&mut self) -> Parsed<Kind<'a>> {
        let start = self.at;
        self.balanced()?;
        let source = self.since(start);
        Ok(Kind::Simple {
            assignments: Vec::new(),
            words: vec![opaque_word(source)],
        })
    }

    /// `[[ … ]]`, whose operators are words.
    fn bash_test(&mut self) -> Parsed<Kind<'a>> {
        let mut words = vec![text_word("[[")];
        loop {
            self.blanks();
            if self.take_reserved("]]") {
                words.push(text_word("]]"));
                return Ok(Kind::Simple {
                    assignments: Vec::new(),
                    words,
                });
            }
            let start = self.at;
            if let Some(operator) = ["&&", "||"].into_iter().find(|word| self.take(word)) {
                words.push(text_word(operator));
                continue;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None if self.any().is_some() => words.push(opaque_word(self.since(start))),
                None => return Err(self.wrong("a `[[` is not closed")),
            }
        }
    }

    fn simple(&mut self, line: usize) -> Parsed<Command<'a>> {
        let start = self.at;
        let (mut assignments, mut words, mut writes) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if self.redirection(&mut writes)? {
                continue;
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            let Some(word) = self.word()? else { break };
            let source = word.source;
            words.push(word);
            self.blanks();
            if words.len() == 1 && assignments.is_empty() && self.take("(") {
                self.blanks();
                if !self.take(")") {
                    return Err(self.wrong("a `(` is not expected"));
                }
                let kind = self.function_body(source)?;
                return Ok(Command { line, kind, writes });
            }
        }
        // Something has to be taken, or a list would never end.
        if assignments.is_empty() && words.is_empty() && writes.is_empty() && self.at == start {
            return Err(self.wrong("a command is missing"));
        }
        Ok(Command {
            line,
            kind: Kind::Simple { assignments, words },
            writes,
        })
    }
}
