//! What a container's command starts, one program after the other, and what the arguments of a
//! language's runtime mean. Rules and proofs ask here, so that they never disagree.

mod invocation;
mod wrapper;

use distil_tree::program::{self, DEFAULT_PATH, Unusable};
use distil_tree::{Tree, TreePath};

use crate::container::ContainerConfig;

pub use invocation::{Extra, Invocation, Runtime, Target, extras_of_options};
pub use wrapper::split;

/// How many programs a command starts one after the other at most: scripts of scripts end at four
/// (execve(2)), and nobody wraps a wrapper often.
const MAX_PROCESSES: usize = 12;

/// Why a program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter {
    /// ENTRYPOINT or CMD begins with it.
    Configuration,
    /// A known wrapper, such as tini, starts what its arguments name.
    Wrapper,
    /// It is the interpreter of a script (`#!`).
    Script,
    /// An argument of another program names it, and nobody knows that program.
    Argument,
}

/// A program that a container starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its name and its arguments.
    pub words: Vec<String>,
    /// The file, or why there is none to be started.
    pub found: Result<TreePath, Unusable>,
    /// Why it is started.
    pub starter: Starter,
    /// The word of the container's command that its own begin with, if they are the rest of these.
    pub at: Option<usize>,
}

impl Process {
    /// The words as it takes them, if it is a language's runtime.
    pub fn invocation(&self) -> Option<Invocation<'_>> {
        Invocation::of(&self.words)
    }

    /// The last part of the name that it is called by.
    pub fn name(&self) -> &str {
        basename(self.words.first().map_or("", String::as_str))
    }
}

/// The last part of a path.
pub fn basename(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The programs that a container starts, the first first: what it names, interpreters of scripts,
/// and what wrappers start. The last is the runtime, or the first that cannot be started.
pub fn processes(tree: &Tree, config: &ContainerConfig) -> Vec<Process> {
    let path = config.variable("PATH").unwrap_or(DEFAULT_PATH);
    let find = |word: &str| program::find(tree, path, config.directory(), word);
    let mut list: Vec<Process> = Vec::new();
    let words: Vec<String> = config.command().into_iter().map(str::to_owned).collect();
    let mut next = Some((words, Starter::Configuration, Some(0)));
    while let Some((words, starter, at)) = next.take() {
        let Some(first) = words.first().filter(|_| list.len() < MAX_PROCESSES) else {
            break;
        };
        let found = find(first);
        let process = Process {
            words,
            found,
            starter,
            at,
        };
        next = process
            .found
            .as_ref()
            .ok()
            .and_then(|place| then(tree, &find, &process, place, &list));
        list.push(process);
    }
    list
}

type Next = (Vec<String>, Starter, Option<usize>);

/// What a program that is at this place starts next.
fn then(
    tree: &Tree,
    find: &dyn Fn(&str) -> Result<TreePath, Unusable>,
    process: &Process,
    place: &TreePath,
    before: &[Process],
) -> Option<Next> {
    let words = &process.words;
    let head = tree.get(place)?.file()?.content.head(program::MAX_LINE);
    if let Some((interpreter, argument)) = program::shebang(&head.ok()?) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut next = vec![text(interpreter)];
        next.extend(argument.map(text));
        next.push(format!("/{}", text(place.as_bytes())));
        next.extend(words.iter().skip(1).cloned());
        return Some((next, Starter::Script, None));
    }
    let later = |at: Option<usize>| Some(process.at? + at?);
    if let Some(started) = wrapper::started(process.name(), words) {
        let at = later(started.at);
        return (!started.words.is_empty()).then_some((started.words, Starter::Wrapper, at));
    }
    // A file that is called otherwise may be a wrapper still.
    let name = place.name().and_then(|name| std::str::from_utf8(name).ok());
    if let Some(started) = name.and_then(|name| wrapper::started(name, words)) {
        let at = later(started.at);
        return (!started.words.is_empty()).then_some((started.words, Starter::Wrapper, at));
    }
    let first = match Invocation::of(words) {
        Some(invocation) => invocation.rest?,
        None => 1,
    };
    // What was started before is not started by itself: `sh` of a script for `sh`.
    let is_new = |word: &str| {
        find(word).is_ok_and(|target| {
            let mut known = before.iter().chain([process]);
            !known.any(|one| one.found.as_ref() == Ok(&target))
        })
    };
    let at = named(&is_new, words, first)?;
    let next = words.get(at..)?.to_vec();
    Some((next, Starter::Argument, later(Some(at))))
}

/// The argument from which on there is another program, as far as that is plain: behind `--`, or
/// the first that is one.
fn named(is_program: &dyn Fn(&str) -> bool, words: &[String], first: usize) -> Option<usize> {
    let is_program = |at: usize| words.get(at).is_some_and(|word| is_program(word));
    let dashes = words.iter().skip(first).position(|word| word == "--");
    let behind = dashes.map(|at| first + at + 1).filter(|at| is_program(*at));
    behind.or_else(|| (first..words.len()).take(64).find(|at| is_program(*at)))
}

/// Whether the programs are started one after the other up to the last, and none is missing.
pub fn is_whole(processes: &[Process]) -> bool {
    let last = processes.last();
    last.is_some_and(|last| last.found.is_ok() && last.name() != "env")
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_tree::{Entry, Kind, Metadata, Origin};

    fn tree() -> Tree {
        let mut tree = Tree::new();
        let scripts = [
            ("app/start", "#!/bin/sh\n"),
            ("venv/bin/gunicorn", "#!/usr/bin/env -S python3 -u\n"),
            ("app/gone", "#!/usr/bin/ruby\n"),
        ];
        let programs = ["tini", "env", "python3", "node", "otel"];
        let programs = programs.map(|name| (format!("usr/bin/{name}"), "\x7fELF"));
        let sh = [("bin/sh".to_owned(), "\x7fELF")];
        let all = scripts.map(|(path, text)| (path.to_owned(), text));
        for (path, text) in all.into_iter().chain(programs).chain(sh) {
            let entry = Entry {
                kind: Kind::file(text),
                meta: Metadata::root(0o755, 0),
                origin: Origin::Generated("test".into()),
                layer: 0,
            };
            tree.insert(&TreePath::of(&path), entry).unwrap();
        }
        tree
    }

    fn started(command: &str) -> Vec<String> {
        let words = command.split(' ').map(str::to_owned).collect();
        let config = ContainerConfig {
            entrypoint: words,
            ..ContainerConfig::default()
        };
        let processes = processes(&tree(), &config);
        processes.iter().map(|one| one.words.join(" ")).collect()
    }

    #[test]
    fn one_program_starts_another() {
        assert_eq!(
            started("/usr/bin/tini -- python3 app.py"),
            ["/usr/bin/tini -- python3 app.py", "python3 app.py"]
        );
        assert_eq!(
            started("/venv/bin/gunicorn app:app"),
            [
                "/venv/bin/gunicorn app:app",
                "/usr/bin/env -S python3 -u /venv/bin/gunicorn app:app",
                "python3 -u /venv/bin/gunicorn app:app",
            ]
        );
        assert_eq!(
            started("/app/start node server.js"),
            [
                "/app/start node server.js",
                "/bin/sh /app/start node server.js",
                "node server.js",
            ]
        );
        // Nobody knows `otel`, and one of its arguments is a program.
        assert_eq!(started("otel --x run -- node a.js")[1], "node a.js");
        // An argument of a program that it runs itself is none.
        assert_eq!(started("python3 app.py node")[1], "node");
        assert_eq!(started("node node").len(), 1);
    }

    #[test]
    fn where_it_ends() {
        let words = |command: &str| ContainerConfig {
            entrypoint: command.split(' ').map(str::to_owned).collect(),
            ..ContainerConfig::default()
        };
        let list = processes(&tree(), &words("tini -- ruby x.rb"));
        assert_eq!(list.len(), 2);
        assert!(list[1].found.is_err() && !is_whole(&list));
        assert_eq!((list[1].at, list[1].starter), (Some(2), Starter::Wrapper));
        assert!(!is_whole(&processes(&tree(), &words("/app/gone"))));
        assert!(is_whole(&processes(&tree(), &words("tini node"))));
    }
}
