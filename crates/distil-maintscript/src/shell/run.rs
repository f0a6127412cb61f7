//! Following a script without running it. Where a condition is certain, one way is followed,
//! else all of them, and afterwards only what all ways agree on is certain.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::answers;
use super::fields::{Field, Value};
use super::parse::Script;
use super::syntax::{AndOr, Command, Connection, Kind, List, PartKind, Pipeline, Word};

/// How much is followed: a step for each byte of a command and each variable that is looked
/// after. The scripts of packages need some ten thousand; loops inside loops have no bound.
const BUDGET: usize = 8 << 20;

/// How deep commands may be inside each other, with the functions that they call.
const MAX_DEPTH: usize = 96;

/// The most rounds of a loop over known words that are followed one by one.
const MAX_ROUNDS: usize = 256;

/// How a script is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation<'s> {
    /// `postinst`.
    pub(crate) name: &'s str,
    /// Its arguments; none stands for one that is not certain.
    pub(crate) arguments: &'s [Option<&'s str>],
}

/// A command that would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// The line that it begins on; the first is 1.
    pub(crate) line: usize,
    /// Its name and arguments. Empty if it is a redirection alone.
    pub(crate) fields: Vec<Field>,
    /// The files that its output goes to.
    pub(crate) writes: Vec<Field>,
}

/// Whether a script was followed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It was.
    Whole,
    /// It asks for more work than is done for one script.
    InPart,
}

/// Follows a script and gives every command that would run to `found`; one in a loop or in a
/// function may come more than once.
pub(crate) fn run(
    script: &Script<'_>,
    invocation: Invocation<'_>,
    found: &mut dyn FnMut(Ran),
) -> Followed {
    let arguments = invocation.arguments.iter();
    let mut runner = Runner {
        script,
        name: Rc::from(invocation.name),
        variables: Variables::new(),
        functions: BTreeMap::new(),
        arguments: arguments.map(|value| value.map(Rc::from)).collect(),
        has_more_arguments: false,
        locals: Vec::new(),
        has_sourced: false,
        returns_perhaps: false,
        budget: BUDGET,
        depth: 0,
        silence: 0,
        found,
    };
    runner.list(&script.list);
    match runner.budget {
        0 => Followed::InPart,
        _ => Followed::Whole,
    }
}

type Variables = BTreeMap<Rc<str>, Value>;

/// How a command ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) flow: Flow,
    /// Whether it succeeded, if that is certain.
    pub(super) status: Option<bool>,
}

/// What comes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next one.
    On,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `return`.
    Return,
    /// `exit`.
    Exit,
}

impl Outcome {
    pub(super) fn on(status: Option<bool>) -> Self {
        Self {
            flow: Flow::On,
            status,
        }
    }
}

/// The ways that were followed where it is not certain which one a script takes.
#[derive(Default)]
struct Ways {
    on: Option<(Variables, Option<bool>)>,
    ended: Option<Outcome>,
    has_returned: bool,
}

pub(super) struct Runner<'a, 'f> {
    script: &'a Script<'a>,
    name: Rc<str>,
    pub(super) variables: Variables,
    pub(super) functions: BTreeMap<&'a str, &'a Command<'a>>,
    pub(super) arguments: Vec<Value>,
    /// Whether others may follow.
    pub(super) has_more_arguments: bool,
    /// What `local` hides, the innermost function last.
    pub(super) locals: Vec<(Rc<str>, Option<Value>)>,
    /// Whether a file was read that can set any variable.
    pub(super) has_sourced: bool,
    /// Whether the function that is followed may have returned already.
    pub(super) returns_perhaps: bool,
    budget: usize,
    depth: usize,
    /// Above zero, commands are followed only for what they set.
    silence: usize,
    found: &'f mut dyn FnMut(Ran),
}

impl Ways {
    fn add(&mut self, outcome: Outcome, variables: &Variables) {
        if outcome.flow != Flow::On {
            self.has_returned |= outcome.flow == Flow::Return;
            let is_same = self
                .ended
                .is_none_or(|ended| ended.status == outcome.status);
            self.ended = Some(Outcome {
                flow: outcome.flow,
                status: outcome.status.filter(|_| is_same),
            });
            return;
        }
        match &mut self.on {
            None => self.on = Some((variables.clone(), outcome.status)),
            Some((joined, status)) => {
                for (name, value) in variables {
                    if joined.get(name) != Some(value) {
                        joined.insert(name.clone(), None);
                    }
                }
                for (name, value) in joined {
                    if variables.get(name) != Some(value) {
                        *value = None;
                    }
                }
                if *status != outcome.status {
                    *status = None;
                }
            }
        }
    }
}

impl<'a> Runner<'a, '_> {
    /// Takes from the budget; nothing more is followed when it is used up.
    pub(super) fn spend(&mut self, amount: usize) -> bool {
        self.budget = self.budget.saturating_sub(amount + 1);
        self.budget > 0
    }

    pub(super) fn silently<T>(&mut self, follow: impl FnOnce(&mut Self) -> T) -> T {
        self.silence += 1;
        let result = follow(self);
        self.silence -= 1;
        result
    }

    /// The variables as they are, for a way that may not be taken.
    fn keep(&mut self) -> Variables {
        self.spend(self.variables.len() * 16);
        self.variables.clone()
    }

    fn join(&mut self, ways: Ways) -> Outcome {
        match ways.on {
            Some((variables, status)) => {
                self.returns_perhaps |= ways.has_returned;
                self.variables = variables;
                Outcome::on(status)
            }
            None => ways.ended.unwrap_or(Outcome::on(None)),
        }
    }

    /// The value of a variable or an argument.
    pub(super) fn value(&self, name: &str) -> Value {
        match name {
            "@" | "*" | "#" if self.has_more_arguments => return None,
            "#" => return Some(Rc::from(self.arguments.len().to_string())),
            "@" | "*" => {
                let values: Option<Vec<_>> = self.arguments.iter().cloned().collect();
                return values.map(|values| Rc::from(values.join(" ")));
            }
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>() {
            return match number.checked_sub(1) {
                Some(place) => match self.arguments.get(place) {
                    Some(value) => value.clone(),
                    None if self.has_more_arguments => None,
                    None => empty(),
                },
                None => None,
            };
        }
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        match name {
            "DPKG_ROOT" | "DEBCONF_RECONFIGURE" => empty(),
            "DPKG_MAINTSCRIPT_NAME" => Some(self.name.clone()),
            // Set by those who look for mistakes in a script.
            _ if name.starts_with("DEBIAN_SCRIPT_") => empty(),
            // What the script sets later has no value yet; the rest is the environment's.
            _ if self.script.assigned.contains(name) && !self.has_sourced => empty(),
            _ => None,
        }
    }

    /// Whether a variable was given a value, be it empty.
    pub(super) fn is_set(&self, name: &str) -> bool {
        match name.parse::<usize>() {
            Ok(number) => number <= self.arguments.len(),
            Err(_) => self.variables.contains_key(name) || name == "DPKG_ROOT",
        }
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.spend(name.len());
        self.variables.insert(Rc::from(name), value);
    }

    /// All arguments; what is not certain stands for any number of them.
    pub(super) fn all_arguments(&self) -> Vec<Value> {
        let mut arguments = self.arguments.clone();
        arguments.extend(self.has_more_arguments.then_some(None));
        arguments
    }

    fn list(&mut self, list: &'a List<'a>) -> Outcome {
        let mut outcome = Outcome::on(Some(true));
        for commands in list {
            outcome = self.and_or(commands);
            if outcome.flow != Flow::On {
                break;
            }
        }
        outcome
    }

    /// Nothing that the commands set is seen afterwards, and an `exit` ends them alone.
    pub(super) fn subshell(&mut self, list: &'a List<'a>) -> Outcome {
        let before = self.keep();
        let outcome = self.list(list);
        self.variables = before;
        Outcome::on(match outcome.flow {
            Flow::On => outcome.status,
            _ => None,
        })
    }

    fn and_or(&mut self, commands: &'a AndOr<'a>) -> Outcome {
        let mut outcome = self.pipeline(&commands.first);
        for (connection, pipeline) in &commands.rest {
            if outcome.flow != Flow::On {
                return outcome;
            }
            let skips = match connection {
                Connection::And => false,
                Connection::Or => true,
            };
            outcome = match outcome.status {
                Some(status) if status == skips => outcome,
                Some(_) => self.pipeline(pipeline),
                None => {
                    let mut ways = Ways::default();
                    ways.add(Outcome::on(Some(skips)), &self.keep());
                    let outcome = self.pipeline(pipeline);
                    ways.add(outcome, &self.variables);
                    self.join(ways)
                }
            };
        }
        outcome
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline<'a>) -> Outcome {
        let mut outcome = match pipeline.commands.as_slice() {
            [command] => self.command(command),
            commands => {
                for command in commands {
                    let before = self.keep();
                    self.command(command);
                    self.variables = before;
                }
                Outcome::on(None)
            }
        };
        if pipeline.is_negated {
            outcome.status = outcome.status.map(|status| !status);
        }
        outcome
    }

    pub(super) fn command(&mut self, command: &'a Command<'a>) -> Outcome {
        let is_too_deep = self.depth >= MAX_DEPTH;
        if is_too_deep {
            self.budget = 0;
        }
        if !self.spend(16) {
            return Outcome {
                flow: Flow::Exit,
                status: None,
            };
        }
        self.depth += 1;
        let outcome = self.kind(command);
        self.depth -= 1;
        outcome
    }

    fn kind(&mut self, command: &'a Command<'a>) -> Outcome {
        if !matches!(command.kind, Kind::Simple { .. }) && !command.writes.is_empty() {
            let writes = self.fields(&command.writes);
            self.found(command.line, Vec::new(), writes);
        }
        match &command.kind {
            Kind::Simple { assignments, words } => self.simple(command, assignments, words),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => self.subshell(list),
            Kind::If {
                branches,
                otherwise,
            } => self.branches(branches, otherwise),
            Kind::Loop {
                condition,
                body,
                is_until,
            } => self.rounds(|runner| {
                let outcome = runner.list(condition);
                match outcome.status {
                    _ if outcome.flow != Flow::On => outcome,
                    Some(status) if status == *is_until => Outcome::on(Some(true)),
                    _ => runner.list(body),
                }
            }),
            Kind::For { name, words, body } => self.for_each(name, words.as_deref(), body),
            Kind::Case { word, arms } => self.case(word, arms),
            Kind::Function { name, body } => {
                self.functions.insert(name, body);
                Outcome::on(Some(true))
            }
        }
    }

    fn branches(
        &mut self,
        branches: &'a [(List<'a>, List<'a>)],
        otherwise: &'a List<'a>,
    ) -> Outcome {
        let mut ways = Ways::default();
        for (condition, body) in branches {
            let holds = self.list(condition);
            if holds.flow != Flow::On {
                ways.add(holds, &self.variables);
                return self.join(ways);
            }
            match holds.status {
                Some(false) => continue,
                Some(true) => {
                    let outcome = self.list(body);
                    ways.add(outcome, &self.variables);
                    return self.join(ways);
                }
                None => {
                    let before = self.keep();
                    let outcome = self.list(body);
                    ways.add(outcome, &self.variables);
                    self.variables = before;
                }
            }
        }
        let outcome = self.list(otherwise);
        ways.add(outcome, &self.variables);
        self.join(ways)
    }

    fn case(&mut self, word: &'a Word<'a>, arms: &'a [(Vec<Word<'a>>, List<'a>)]) -> Outcome {
        let field = self.field(word);
        let mut ways = Ways::default();
        for (patterns, body) in arms {
            let mut matches = Some(false);
            for pattern in patterns {
                match self.pattern(pattern).zip(field.known()) {
                    Some((pattern, text)) => match answers::matches(&pattern, text) {
                        Some(false) => {}
                        Some(true) => matches = Some(true),
                        None => matches = matches.filter(|&is| is),
                    },
                    None if is_anything(pattern) => matches = Some(true),
                    None => matches = matches.filter(|&is| is),
                }
            }
            match matches {
                Some(false) => {}
                Some(true) => {
                    let outcome = self.list(body);
                    ways.add(outcome, &self.variables);
                    return self.join(ways);
                }
                None => {
                    let before = self.keep();
                    let outcome = self.list(body);
                    ways.add(outcome, &self.variables);
                    self.variables = before;
                }
            }
        }
        ways.add(Outcome::on(Some(true)), &self.variables);
        self.join(ways)
    }

    /// The characters of a pattern, and whether each is quoted.
    fn pattern(&mut self, word: &'a Word<'a>) -> Option<Vec<(char, bool)>> {
        let mut pattern = Vec::new();
        for part in &word.parts {
            self.spend(part.source.len());
            let text = match &part.kind {
                PartKind::Text(text) => Rc::from(text.as_str()),
                PartKind::Variable(name) => self.value(name)?,
                _ => return None,
            };
            pattern.extend(text.chars().map(|character| (character, part.is_quoted)));
        }
        Some(pattern)
    }

    fn for_each(
        &mut self,
        name: &'a str,
        words: Option<&'a [Word<'a>]>,
        body: &'a List<'a>,
    ) -> Outcome {
        let fields = match words {
            Some(words) => self.fields(words).iter().map(Field::value).collect(),
            None => self.all_arguments(),
        };
        let is_long = fields.len() > MAX_ROUNDS;
        let mut outcome = Outcome::on(Some(true));
        let fields = if is_long { vec![None] } else { fields };
        for value in fields {
            outcome = match value {
                Some(value) => {
                    self.set(name, Some(value));
                    self.list(body)
                }
                None => self.rounds(|runner| {
                    runner.set(name, None);
                    runner.list(body)
                }),
            };
            match outcome.flow {
                Flow::On => {}
                Flow::Continue => outcome = Outcome::on(None),
                Flow::Break => return Outcome::on(None),
                Flow::Return | Flow::Exit => return outcome,
            }
        }
        outcome
    }

    /// A loop of which it is not known how often it runs: once in silence to learn what it sets.
    fn rounds(&mut self, mut round: impl FnMut(&mut Self) -> Outcome) -> Outcome {
        let mut outcome = Outcome::on(None);
        for is_silent in [true, false] {
            let mut ways = Ways::default();
            ways.add(Outcome::on(None), &self.keep());
            self.silence += usize::from(is_silent);
            outcome = round(self);
            self.silence -= usize::from(is_silent);
            if matches!(outcome.flow, Flow::Break | Flow::Continue) {
                outcome = Outcome::on(None);
            }
            ways.add(outcome, &self.variables);
            outcome = self.join(ways);
        }
        outcome
    }

    pub(super) fn found(&mut self, line: usize, fields: Vec<Field>, writes: Vec<Field>) {
        if self.silence == 0 && self.budget > 0 {
            (self.found)(Ran {
                line,
                fields,
                writes,
            });
        }
    }
}

fn empty() -> Value {
    Some(Rc::from(""))
}

/// Whether a pattern is `*`.
fn is_anything(word: &Word<'_>) -> bool {
    word.source == "*"
}
