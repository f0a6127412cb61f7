//! The parser of relations. It borrows from the text, so that checking a whole archive's
//! relations allocates next to nothing.

use crate::version::{self, Version, VersionProblem};

use super::parts::{Alternatives, Operator, Provided, Qualifier, Relation, Relations, Restriction};

/// Why a text is not a relation, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{excerpt}` is not a package relation at column {column}: {problem}")]
pub struct RelationError {
    excerpt: String,
    offset: usize,
    column: usize,
    problem: RelationProblem,
}

impl RelationError {
    /// Where in the text the problem is, in bytes from its start; at most the text's length.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Where in the text the problem is, in characters, the first being 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong there.
    pub fn problem(&self) -> &RelationProblem {
        &self.problem
    }

    fn new(text: &str, problem: Located) -> Self {
        let before = text.get(..problem.offset).unwrap_or(text);
        Self {
            excerpt: text.chars().take(200).collect(),
            offset: problem.offset,
            column: before.chars().count() + 1,
            problem: problem.problem,
        }
    }
}

/// What can be wrong with a relation's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationProblem {
    /// A package's name should start here.
    #[error("a package's name is missing")]
    NoName,
    /// A character that no package's name has (Debian Policy §5.6.1).
    #[error("`{0}` does not belong into a package's name")]
    NameCharacter(char),
    /// Nothing follows the colon.
    #[error("`any` or an architecture has to follow the `:`")]
    NoQualifier,
    /// No operator follows the parenthesis.
    #[error("one of `<<`, `<=`, `=`, `>=`, `>>` has to follow the `(`")]
    NoOperator,
    /// No version follows the operator.
    #[error("a version has to follow the operator")]
    NoVersion,
    /// The version is not one.
    #[error("the version is wrong: {0}")]
    Version(VersionProblem),
    /// A bracket is not closed.
    #[error("a `{0}` is missing")]
    Unclosed(char),
    /// A list in brackets has nothing in it.
    #[error("the list is empty")]
    EmptyList,
    /// Some architectures have a `!` and some have not.
    #[error("either all architectures of the list have a `!`, or none")]
    MixedNegation,
    /// Something follows that is no part of a relation.
    #[error("`{0}` is not expected here")]
    Unexpected(char),
    /// `Provides` has no alternatives.
    #[error("alternatives cannot be provided")]
    ProvidedAlternatives,
    /// `Provides` has exact versions only.
    #[error("only an exact version (`=`) can be provided")]
    ProvidedOperator,
}

/// A problem and its byte offset, before it is made into a [`RelationError`].
struct Located {
    offset: usize,
    problem: RelationProblem,
}

/// A relation whose parts borrow from the text.
struct Borrowed<'a> {
    name: &'a str,
    qualifier: Option<&'a str>,
    version: Option<(Operator, &'a str)>,
    /// Where the version's operator stands.
    operator_at: usize,
    architectures: Vec<Restriction>,
    profiles: Vec<Vec<Restriction>>,
}

impl Borrowed<'_> {
    fn to_owned(&self) -> Result<Relation, RelationProblem> {
        Ok(Relation {
            name: self.name.to_owned(),
            qualifier: self.qualifier.map(to_qualifier),
            version: match self.version {
                None => None,
                Some((operator, version)) => Some((operator, to_version(version)?)),
            },
            architectures: self.architectures.clone(),
            profiles: self.profiles.clone(),
        })
    }

    /// Checks that this can be an entry of `Provides`.
    fn check_provided(&self) -> Result<(), Located> {
        match self.version {
            Some((operator, _)) if operator != Operator::Equal => Err(Located {
                offset: self.operator_at,
                problem: RelationProblem::ProvidedOperator,
            }),
            _ => Ok(()),
        }
    }
}

fn to_qualifier(text: &str) -> Qualifier {
    match text {
        "any" => Qualifier::Any,
        name => Qualifier::Architecture(name.to_owned()),
    }
}

fn to_version(text: &str) -> Result<Version, RelationProblem> {
    text.parse::<Version>()
        .map_err(|error| RelationProblem::Version(error.problem()))
}

/// A place in the text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Skips white space and, if it follows, `byte`.
    fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or("");
        let end = rest
            .bytes()
            .position(|byte| !wanted(byte))
            .unwrap_or(rest.len());
        let taken = rest.get(..end).unwrap_or("");
        self.at += taken.len();
        taken
    }

    fn problem(&self, problem: RelationProblem) -> Located {
        Located {
            offset: self.at,
            problem,
        }
    }

    /// The character here, for messages.
    fn character(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn relation(&mut self) -> Result<Borrowed<'a>, Located> {
        let name = self.name()?;
        let qualifier = match self.peek() {
            Some(b':') => Some(self.qualifier()?),
            _ => None,
        };
        self.skip_space();
        let operator_at = self.at + 1;
        let version = if self.eat(b'(') {
            Some(self.version()?)
        } else {
            None
        };
        let architectures = if self.eat(b'[') {
            self.architectures()?
        } else {
            Vec::new()
        };
        let mut profiles = Vec::new();
        while self.eat(b'<') {
            profiles.push(self.restrictions(b'>', b"-+.")?);
        }
        Ok(Borrowed {
            name,
            qualifier,
            version,
            operator_at,
            architectures,
            profiles,
        })
    }

    fn name(&mut self) -> Result<&'a str, Located> {
        self.skip_space();
        let start = self.at;
        let name = self.take_while(is_name_byte);
        if !name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        {
            self.at = start;
            return Err(self.problem(match self.character() {
                None | Some(',' | '|' | '(' | '[' | '<' | ':') => RelationProblem::NoName,
                Some(other) => RelationProblem::NameCharacter(other),
            }));
        }
        match self.character() {
            None | Some(',' | '|' | '(' | '[' | '<' | ':') => Ok(name),
            Some(space) if space.is_ascii_whitespace() => Ok(name),
            Some(other) => Err(self.problem(RelationProblem::NameCharacter(other))),
        }
    }

    fn qualifier(&mut self) -> Result<&'a str, Located> {
        self.at += 1;
        let qualifier = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if qualifier.is_empty() {
            return Err(self.problem(RelationProblem::NoQualifier));
        }
        Ok(qualifier)
    }

    fn version(&mut self) -> Result<(Operator, &'a str), Located> {
        self.skip_space();
        let operator = match self.take_while(|byte| matches!(byte, b'<' | b'=' | b'>')) {
            "<<" => Operator::StrictlyEarlier,
            "<=" | "<" => Operator::EarlierOrEqual,
            "=" => Operator::Equal,
            ">=" | ">" => Operator::LaterOrEqual,
            ">>" => Operator::StrictlyLater,
            other => {
                self.at -= other.len();
                return Err(self.problem(RelationProblem::NoOperator));
            }
        };
        self.skip_space();
        let start = self.at;
        let version =
            self.take_while(|byte| !matches!(byte, b')' | b',' | b'|' | b' ' | b'\t' | b'\n'));
        if version.is_empty() {
            return Err(self.problem(RelationProblem::NoVersion));
        }
        if let Err(problem) = version::check(version) {
            return Err(Located {
                offset: start,
                problem: RelationProblem::Version(problem),
            });
        }
        if !self.eat(b')') {
            return Err(self.problem(RelationProblem::Unclosed(')')));
        }
        Ok((operator, version))
    }

    fn architectures(&mut self) -> Result<Vec<Restriction>, Located> {
        let offset = self.at;
        let list = self.restrictions(b']', b"-")?;
        match list.first() {
            Some(first) if list.iter().any(|term| term.negated != first.negated) => Err(Located {
                offset,
                problem: RelationProblem::MixedNegation,
            }),
            _ => Ok(list),
        }
    }

    fn restrictions(&mut self, close: u8, punctuation: &[u8]) -> Result<Vec<Restriction>, Located> {
        let mut list = Vec::new();
        loop {
            if self.eat(close) {
                return if list.is_empty() {
                    Err(self.problem(RelationProblem::EmptyList))
                } else {
                    Ok(list)
                };
            }
            let negated = self.eat(b'!');
            let name =
                self.take_while(|byte| byte.is_ascii_alphanumeric() || punctuation.contains(&byte));
            if name.is_empty() {
                return Err(self.problem(match self.character() {
                    Some(other) if !matches!(other, ',' | '|') => {
                        RelationProblem::Unexpected(other)
                    }
                    _ => RelationProblem::Unclosed(char::from(close)),
                }));
            }
            list.push(Restriction {
                negated,
                name: name.to_owned(),
            });
        }
    }

    /// Checks that nothing but white space is left.
    fn end(&mut self) -> Result<(), Located> {
        self.skip_space();
        match self.character() {
            None => Ok(()),
            Some(other) => Err(self.problem(RelationProblem::Unexpected(other))),
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Whether `text` can be a package's name. As dpkg, which accepts more than Debian Policy
/// §5.6.1 does: capitals, and names of one character.
pub(crate) fn is_package_name(text: &str) -> bool {
    text.bytes().all(is_name_byte)
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Calls `found` with each relation and whether it starts a new group of alternatives.
fn each_relation<'a>(
    text: &'a str,
    mut found: impl FnMut(Borrowed<'a>, bool, usize) -> Result<(), Located>,
) -> Result<(), RelationError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut run = || {
        loop {
            while cursor.eat(b',') {}
            if cursor.peek().is_none() {
                return Ok(());
            }
            let mut first = true;
            loop {
                let start = cursor.at;
                let relation = cursor.relation()?;
                found(relation, first, start)?;
                first = false;
                if !cursor.eat(b'|') {
                    break;
                }
            }
            if cursor.peek().is_some() && !cursor.eat(b',') {
                return cursor.end();
            }
        }
    };
    run().map_err(|problem| RelationError::new(text, problem))
}

pub(super) fn package_name(text: &str) -> Result<&str, RelationError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut run = || {
        let name = cursor.name()?;
        cursor.end()?;
        Ok(name)
    };
    run().map_err(|problem| RelationError::new(text, problem))
}

pub(super) fn relation(text: &str) -> Result<Relation, RelationError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut run = || {
        let relation = cursor.relation()?;
        cursor.end()?;
        relation
            .to_owned()
            .map_err(|problem| Located { offset: 0, problem })
    };
    run().map_err(|problem| RelationError::new(text, problem))
}

pub(super) fn alternatives(text: &str) -> Result<Alternatives, RelationError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut run = || {
        let mut list = Vec::new();
        loop {
            let offset = cursor.at;
            let relation = cursor.relation()?;
            list.push(
                relation
                    .to_owned()
                    .map_err(|problem| Located { offset, problem })?,
            );
            if !cursor.eat(b'|') {
                cursor.end()?;
                return Ok(Alternatives(list));
            }
        }
    };
    run().map_err(|problem| RelationError::new(text, problem))
}

pub(super) fn relations(text: &str) -> Result<Relations, RelationError> {
    let mut groups: Vec<Alternatives> = Vec::new();
    each_relation(text, |relation, first, offset| {
        let relation = relation
            .to_owned()
            .map_err(|problem| Located { offset, problem })?;
        match groups.last_mut() {
            Some(group) if !first => group.0.push(relation),
            _ => groups.push(Alternatives(vec![relation])),
        }
        Ok(())
    })?;
    Ok(Relations(groups))
}

pub(super) fn provided(text: &str) -> Result<Provided, RelationError> {
    let mut list = provides(text)?;
    match (list.pop(), list.is_empty()) {
        (Some(provided), true) => Ok(provided),
        _ => Err(RelationError::new(
            text,
            Located {
                offset: 0,
                problem: RelationProblem::NoName,
            },
        )),
    }
}

pub(super) fn provides(text: &str) -> Result<Vec<Provided>, RelationError> {
    let mut list = Vec::new();
    each_provided(text, |relation, offset| {
        list.push(Provided {
            name: relation.name.to_owned(),
            qualifier: relation.qualifier.map(to_qualifier),
            version: match relation.version {
                None => None,
                Some((_, version)) => {
                    Some(to_version(version).map_err(|problem| Located { offset, problem })?)
                }
            },
        });
        Ok(())
    })?;
    Ok(list)
}

fn each_provided<'a>(
    text: &'a str,
    mut found: impl FnMut(Borrowed<'a>, usize) -> Result<(), Located>,
) -> Result<(), RelationError> {
    each_relation(text, |relation, first, offset| {
        if !first {
            return Err(Located {
                offset,
                problem: RelationProblem::ProvidedAlternatives,
            });
        }
        relation.check_provided()?;
        found(relation, offset)
    })
}

/// Calls `found` with the name of each package that a `Provides` field names.
pub(crate) fn provided_names<'a>(
    text: &'a str,
    mut found: impl FnMut(&'a str),
) -> Result<(), RelationError> {
    each_provided(text, |relation, _| {
        found(relation.name);
        Ok(())
    })
}
