//! What words become: fields, with the variables put in whose values are certain.

use std::rc::Rc;

use super::answers::{filtered, printed};
use super::run::Runner;
use super::syntax::{Command, DefaultAction, Kind, List, Part, PartKind, Word};

/// The longest value of a variable that is kept, in bytes: a path's greatest length.
const MAX_VALUE: usize = 4096;

/// One argument of a command, or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// What it says; where it is not known, as it is written.
    pub(crate) text: String,
    /// Whether that is what it would be if the script ran.
    pub(crate) is_known: bool,
    /// Whether it is written as it is, without anything that the shell puts in.
    pub(crate) is_literal: bool,
}

/// The value of a variable; none if it is not certain.
pub(super) type Value = Option<Rc<str>>;

impl Field {
    fn new() -> Self {
        Self {
            text: String::new(),
            is_known: true,
            is_literal: true,
        }
    }

    /// What it says, if that is certain.
    pub(crate) fn known(&self) -> Option<&str> {
        self.is_known.then_some(self.text.as_str())
    }

    pub(super) fn value(&self) -> Value {
        self.known()
            .filter(|text| text.len() <= MAX_VALUE)
            .map(Rc::from)
    }
}

impl<'a> Runner<'a, '_> {
    /// The fields of words (POSIX.1-2024, 2.6), but that patterns are not compared with files.
    pub(super) fn fields(&mut self, words: &'a [Word<'a>]) -> Vec<Field> {
        let mut fields = Vec::new();
        for word in words {
            let mut current = None;
            self.expand(word, true, &mut fields, &mut current);
            fields.extend(current);
        }
        fields
    }

    /// A word as one field, as in an assignment.
    pub(super) fn field(&mut self, word: &'a Word<'a>) -> Field {
        let (mut none, mut current) = (Vec::new(), None);
        self.expand(word, false, &mut none, &mut current);
        current.unwrap_or_else(Field::new)
    }

    fn expand(
        &mut self,
        word: &'a Word<'a>,
        splits: bool,
        fields: &mut Vec<Field>,
        current: &mut Option<Field>,
    ) {
        for part in &word.parts {
            if !self.spend(part.source.len()) {
                return;
            }
            match &part.kind {
                PartKind::Text(text) => {
                    let field = current.get_or_insert_with(Field::new);
                    field.text.push_str(text);
                    let is_pattern = text.contains(['*', '?']) && !part.is_quoted && splits;
                    field.is_known &= !is_pattern;
                    field.is_literal &= !is_pattern;
                }
                PartKind::Variable("@") if part.is_quoted && splits => {
                    self.arguments(part, fields, current);
                }
                PartKind::Variable(name) => {
                    let value = self.value(name);
                    self.put(value, part, splits, fields, current);
                }
                PartKind::Default {
                    name,
                    is_empty_unset,
                    action,
                    word,
                } => {
                    let value = self.value(name);
                    // Whether an empty value is a value that was set is not kept.
                    let is_there = match &value {
                        Some(value) if !value.is_empty() => Some(true),
                        Some(_) if *is_empty_unset || !self.is_set(name) => Some(false),
                        Some(_) => Some(true),
                        None => None,
                    };
                    match (is_there, action) {
                        (None, _) => self.put(None, part, splits, fields, current),
                        (Some(true), DefaultAction::Replace)
                        | (Some(false), DefaultAction::Use) => {
                            self.put_word(word, part, splits, fields, current);
                        }
                        (Some(false), DefaultAction::Assign) => {
                            let value = self.field(word).value();
                            self.set(name, value);
                            self.put_word(word, part, splits, fields, current);
                        }
                        (Some(true), _) => self.put(value, part, splits, fields, current),
                        (Some(false), DefaultAction::Replace) => {
                            self.put(Some(Rc::from("")), part, splits, fields, current);
                        }
                    }
                }
                PartKind::Output(list) => {
                    let value = self.output(list);
                    self.put(value, part, splits, fields, current);
                }
                PartKind::Opaque => self.put(None, part, splits, fields, current),
            }
        }
    }

    fn put_word(
        &mut self,
        word: &'a Word<'a>,
        part: &Part<'a>,
        splits: bool,
        fields: &mut Vec<Field>,
        current: &mut Option<Field>,
    ) {
        let field = self.field(word);
        match field.is_known {
            true => self.put(field.value(), part, splits, fields, current),
            false => self.put(None, part, splits, fields, current),
        }
    }

    /// Adds a value to the current field, split at blanks if it stands outside quotes.
    fn put(
        &mut self,
        value: Value,
        part: &Part<'a>,
        splits: bool,
        fields: &mut Vec<Field>,
        current: &mut Option<Field>,
    ) {
        let Some(value) = value else {
            let field = current.get_or_insert_with(Field::new);
            field.text.push_str(part.source);
            field.is_known = false;
            field.is_literal = false;
            return;
        };
        if !self.spend(value.len()) {
            return;
        }
        if part.is_quoted || !splits {
            let field = current.get_or_insert_with(Field::new);
            field.text.push_str(&value);
            field.is_literal = false;
            return;
        }
        let is_blank = |c: char| c.is_ascii_whitespace();
        for (place, piece) in value.split(is_blank).enumerate() {
            if place > 0 {
                fields.extend(current.take());
            }
            if !piece.is_empty() {
                let field = current.get_or_insert_with(Field::new);
                field.text.push_str(piece);
                field.is_known &= !piece.contains(['*', '?']);
                field.is_literal = false;
            }
        }
    }

    /// `"$@"`.
    fn arguments(&mut self, part: &Part<'a>, fields: &mut Vec<Field>, current: &mut Option<Field>) {
        for (place, value) in self.all_arguments().into_iter().enumerate() {
            if place > 0 {
                fields.extend(current.take());
            }
            self.put(value, part, false, fields, current);
        }
    }

    /// What a substituted command prints, where that is certain.
    fn output(&mut self, list: &'a List<'a>) -> Value {
        self.subshell(list);
        let [command] = list.as_slice() else {
            return None;
        };
        let ([], [first, rest @ ..]) = (command.rest.as_slice(), &*command.first.commands) else {
            return None;
        };
        let words = |command: &'a Command<'a>| match &command.kind {
            Kind::Simple { words, .. } => Some(words),
            _ => None,
        };
        self.silently(|runner| {
            let mut text = printed(&runner.fields(words(first)?))?;
            for command in rest {
                text = filtered(&text, &runner.fields(words(command)?))?;
            }
            Some(Rc::from(text))
        })
    }
}
