//! Commands that people write behind a runtime as if it were a shell, such as `gunicorn` and
//! `npm start`: the words that do what they mean.

use distil_inspect::MAX_DOCUMENT;
use distil_inspect::command::{Invocation, Runtime, split};
use distil_tree::program::{DEFAULT_PATH, MAX_LINE, shebang};
use distil_tree::{Tree, TreePath};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::shims;
use crate::context::Context;
use crate::python_path::{Module, PythonPath};

/// The words with which a runtime does what a command does, if the image has that.
pub(super) fn in_place_of(
    context: &Context<'_>,
    runtime: Runtime,
    command: &str,
    rest: &[String],
) -> Option<Vec<String>> {
    let mut words = match runtime {
        Runtime::Python => python(context, command)?,
        Runtime::Node => return node(context, command, rest),
        _ => return None,
    };
    words.extend(rest.iter().cloned());
    Some(words)
}

fn python(context: &Context<'_>, command: &str) -> Option<Vec<String>> {
    let tree = context.subject.tree();
    let processes = context.processes.iter();
    let mut runtimes = processes.filter_map(|one| Some((one, one.invocation()?)));
    let (process, invocation): (_, Invocation<'_>) = runtimes.next()?;
    let path = PythonPath::of(context, process, &invocation);
    if path.module(tree, command) == Module::Runnable {
        return Some(vec!["-m".to_owned(), command.to_owned()]);
    }
    let script = in_path(context, command).or_else(|| {
        let beside = TreePath::lexical(process.words.first()?)?.parent()?;
        Some(beside.join(command))
    })?;
    let head = tree
        .follow(&script)?
        .1
        .file()?
        .content
        .head(MAX_LINE)
        .ok()?;
    let (interpreter, argument) = shebang(&head)?;
    let line = [interpreter, argument.unwrap_or_default()].concat();
    let is_python = memchr::memmem::find(&line, b"python").is_some();
    is_python.then(|| vec![script.to_string()])
}

/// What the directories of `PATH` have by a name, whether it can be started or not.
fn in_path(context: &Context<'_>, name: &str) -> Option<TreePath> {
    let path = context
        .subject
        .config
        .variable("PATH")
        .unwrap_or(DEFAULT_PATH);
    let mut places = path
        .split(':')
        .filter_map(TreePath::lexical)
        .map(|one| one.join(name));
    places.find(|path| context.subject.tree().follow(path).is_some())
}

fn node(context: &Context<'_>, command: &str, rest: &[String]) -> Option<Vec<String>> {
    let tree = context.subject.tree();
    if let Some(script) = npm_start(context, command, rest) {
        // What a shell would have to read is not told in words.
        if script.contains(['&', '|', ';', '$', '`', '<', '>', '*', '(']) {
            return None;
        }
        let words = split(&script);
        let (first, rest) = words.split_first()?;
        return match first.as_str() {
            "node" | "nodejs" => Some(rest.to_vec()),
            first => bin(context, tree, first, rest),
        };
    }
    match (command, rest.split_first()) {
        ("npx" | "pnpx" | "bunx", Some((first, rest))) => bin(context, tree, first, rest),
        _ => bin(context, tree, command, rest),
    }
}

/// A program of `node_modules/.bin`.
fn bin(context: &Context<'_>, tree: &Tree, name: &str, rest: &[String]) -> Option<Vec<String>> {
    let here = TreePath::lexical(context.subject.config.directory())?;
    let link = here.join("node_modules").join(".bin").join(name);
    tree.follow(&link)?;
    let path = shims::target(context, &link).unwrap_or(link);
    let mut words = vec![path.to_string()];
    words.extend(rest.iter().cloned());
    Some(words)
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    scripts: BTreeMap<String, String>,
}

/// What `npm start` and its like stand for: the script of the `package.json` in the directory that
/// the container is started in.
pub(super) fn npm_start(context: &Context<'_>, command: &str, rest: &[String]) -> Option<String> {
    if !matches!(command, "npm" | "yarn" | "pnpm" | "bun") {
        return None;
    }
    let words = rest
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'));
    let words: Vec<&str> = words.collect();
    let name = match words.as_slice() {
        ["run" | "run-script", name, ..] => *name,
        ["start", ..] => "start",
        [name, ..] if command != "npm" => *name,
        _ => return None,
    };
    let subject = context.subject;
    let file = subject
        .follow("package.json")
        .and_then(|(_, entry)| entry.file());
    let text = file.and_then(|file| file.content.read(MAX_DOCUMENT).ok());
    let package = text.and_then(|text| serde_json::from_slice::<Package>(&text).ok());
    let script = package.and_then(|package| package.scripts.get(name).cloned());
    // npm's own, where the package says nothing.
    let server = || name == "start" && subject.follow("server.js").is_some();
    script.or_else(|| server().then(|| "node server.js".to_owned()))
}
