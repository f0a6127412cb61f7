//! Simple commands: what they set, which of them the shell does itself, and functions.

use std::rc::Rc;

use super::answers;
use super::fields::Field;
use super::run::{Flow, Outcome, Runner};
use super::syntax::{Assignment, Command, Word};

impl<'a> Runner<'a, '_> {
    pub(super) fn simple(
        &mut self,
        command: &'a Command<'a>,
        assignments: &'a [Assignment<'a>],
        words: &'a [Word<'a>],
    ) -> Outcome {
        let mut values = Vec::new();
        for assignment in assignments {
            let value = assignment.value.as_ref().map(|word| self.field(word));
            values.push((assignment.name, value.and_then(|field| field.value())));
        }
        let fields = self.fields(words);
        let writes = self.fields(&command.writes);
        let Some(name) = fields.first() else {
            if !writes.is_empty() {
                self.found(command.line, fields, writes);
            }
            // A command that a value was taken from may have failed.
            let is_certain = values.iter().all(|(_, value)| value.is_some());
            for (name, value) in values {
                self.set(name, value);
            }
            return Outcome::on(is_certain.then_some(true));
        };
        let name = name.known().unwrap_or_default().to_owned();
        if let Some(outcome) = self.builtin(&name, words, fields.get(1..).unwrap_or_default()) {
            return outcome;
        }
        if let Some(body) = self.functions.get(name.as_str()).copied() {
            if !writes.is_empty() {
                self.found(command.line, Vec::new(), writes);
            }
            return self.call(body, fields.get(1..).unwrap_or_default());
        }
        let status = answers::status(&fields);
        // debconf's functions answer in this variable (debconf-devel(7)).
        if name.starts_with("db_") {
            self.set("RET", None);
        }
        self.found(command.line, fields, writes);
        Outcome::on(status)
    }

    /// What the shell does itself (POSIX.1-2024, 2.15), if it is not to be reported.
    fn builtin(
        &mut self,
        name: &str,
        words: &'a [Word<'a>],
        arguments: &[Field],
    ) -> Option<Outcome> {
        let ended = |flow| {
            Some(Outcome {
                flow,
                status: match arguments.first().map(Field::known) {
                    Some(Some(number)) => Some(number.trim() == "0"),
                    _ => None,
                },
            })
        };
        match name {
            "exit" => return ended(Flow::Exit),
            "return" => return ended(Flow::Return),
            "break" => return ended(Flow::Break),
            "continue" => return ended(Flow::Continue),
            "." | "source" => {
                let is_debconf = arguments.first().and_then(Field::known)
                    == Some("/usr/share/debconf/confmodule");
                self.has_sourced |= !is_debconf;
                return None;
            }
            "shift" => {
                let count = arguments
                    .first()
                    .map_or(Some(1), |count| count.known()?.parse().ok());
                match count {
                    Some(count) => drop(self.arguments.drain(..self.arguments.len().min(count))),
                    None => self
                        .arguments
                        .iter_mut()
                        .for_each(|argument| *argument = None),
                }
            }
            "set" => {
                if let Some(place) = arguments.iter().position(|field| field.text == "--") {
                    let arguments = arguments.iter().skip(place + 1);
                    // What is not known may be any number of arguments.
                    self.has_more_arguments = arguments.clone().any(|field| !field.is_known);
                    self.arguments = match self.has_more_arguments {
                        true => Vec::new(),
                        false => arguments.map(Field::value).collect(),
                    };
                }
            }
            "unset" => {
                for name in arguments {
                    self.set(&name.text, Some(Rc::from("")));
                }
            }
            "read" => {
                for name in arguments
                    .iter()
                    .filter(|field| !field.text.starts_with('-'))
                {
                    self.set(&name.text, None);
                }
                return Some(Outcome::on(None));
            }
            "export" | "readonly" | "local" | "declare" | "typeset" => {
                for word in words.get(1..).unwrap_or_default() {
                    self.declare(word, name == "local");
                }
            }
            "umask" | "cd" | "getopts" | "hash" | "times" | "ulimit" | "alias" | "wait" | "pwd"
            | "trap" | "shopt" => {}
            _ => return None,
        }
        Some(Outcome::on(Some(true)))
    }

    /// `local name` and `local name=value`.
    fn declare(&mut self, word: &'a Word<'a>, is_local: bool) {
        let field = self.field(word);
        let (name, value) = match field.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (field.text.as_str(), None),
        };
        let name: Rc<str> = Rc::from(name);
        if is_local {
            self.locals
                .push((name.clone(), self.variables.get(&name).cloned()));
        }
        match value {
            Some(value) => {
                let value = field.value().map(|_| Rc::from(value));
                self.set(&name, value);
            }
            None if is_local => self.set(&name, Some(Rc::from(""))),
            None => {}
        }
    }

    /// A function of the script.
    fn call(&mut self, body: &'a Command<'a>, arguments: &[Field]) -> Outcome {
        let arguments = arguments.iter().map(Field::value).collect();
        let arguments = std::mem::replace(&mut self.arguments, arguments);
        let has_more_arguments = std::mem::replace(&mut self.has_more_arguments, false);
        let returns_perhaps = std::mem::replace(&mut self.returns_perhaps, false);
        let locals = self.locals.len();
        let outcome = self.command(body);
        for (name, value) in self.locals.drain(locals..).rev() {
            match value {
                Some(value) => self.variables.insert(name, value),
                None => self.variables.remove(&name),
            };
        }
        self.arguments = arguments;
        self.has_more_arguments = has_more_arguments;
        let may_differ = std::mem::replace(&mut self.returns_perhaps, returns_perhaps);
        match outcome.flow {
            Flow::Exit => outcome,
            _ if may_differ => Outcome::on(None),
            _ => Outcome::on(outcome.status),
        }
    }
}
