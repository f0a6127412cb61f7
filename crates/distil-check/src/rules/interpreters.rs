//! What to do about a script whose interpreter is not there: which program of the image can run it,
//! and the words that make it do so.

use distil_inspect::command::{Process, Runtime, basename};
use distil_tree::TreePath;
use distil_tree::program::{MAX_LINE, shebang};

use super::shims;
use crate::context::{Context, shown};
use crate::instruction::instead;

/// Shells of which the shell form is made: Docker's `/bin/sh`, and what SHELL may say.
const SHELLS: [&str; 7] = ["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

pub(super) fn is_shell(word: &str) -> bool {
    SHELLS.contains(&basename(word))
}

/// What to do about a script, by what its first line asks for.
pub(super) fn remedy(context: &Context<'_>, script: &TreePath, interpreter: &str) -> String {
    if interpreter.ends_with('\r') {
        return format!("save `{script}` with the line ends of Unix: `sed -i 's/\\r$//' {script}`");
    }
    let started = started(context, script);
    let interpreter = &interpreter_of(context, script, interpreter);
    if is_shell(interpreter) {
        if let Some(target) = shims::target(context, script)
            && let Some(program) = context.program_for(Runtime::Node, script)
        {
            return starting(context, started, &program, &target, interpreter);
        }
        return "the image has no shell: name the program that the script starts in its place, with its arguments, and do in that program what else the script does".to_owned();
    }
    let Some(runtime) = Runtime::of(interpreter) else {
        return format!(
            "copy `{}` into the image, correct the first line of `{script}`, or remove it",
            shown(interpreter)
        );
    };
    match context.program_for(runtime, script) {
        // Java takes a file for a class, and .NET for a command.
        Some(_) if matches!(runtime, Runtime::Java | Runtime::DotNet) => {
            format!("correct the first line of `{script}`, or name what it starts in its place")
        }
        Some(program) => starting(context, started, &program, script, interpreter),
        None => format!(
            "the image has no {}: take one that has it, or remove `{script}` if nothing starts it",
            runtime.name()
        ),
    }
}

fn starting(
    context: &Context<'_>,
    started: Option<&Process>,
    program: &str,
    script: &TreePath,
    interpreter: &str,
) -> String {
    match started.and_then(|process| Some((process, process.at?))) {
        Some((process, at)) => {
            let mut words = vec![program.to_owned(), script.to_string()];
            words.extend(process.words.iter().skip(1).cloned());
            format!(
                "start it by the image's own program: {}",
                instead(context.subject.config, at, &words)
            )
        }
        None => format!(
            "start it as `{program} {script}`; or write `#!{program}` for `{}` in its first line, or remove it",
            shown(interpreter)
        ),
    }
}

/// What a script is for: what its first line names, or has `env` start.
pub(super) fn interpreter_of(context: &Context<'_>, script: &TreePath, named: &str) -> String {
    named_by_env(context, script, named).unwrap_or_else(|| named.to_owned())
}

fn named_by_env(context: &Context<'_>, script: &TreePath, interpreter: &str) -> Option<String> {
    if basename(interpreter) != "env" {
        return None;
    }
    let file = context.subject.tree().get(script)?.file()?;
    let head = file.content.head(MAX_LINE).ok()?;
    let (_, argument) = shebang(&head)?;
    let argument = String::from_utf8_lossy(argument?).into_owned();
    let mut words = argument.split_ascii_whitespace();
    let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
    named.map(str::to_owned)
}

/// The process that a script is started as.
fn started<'a>(context: &'a Context<'_>, script: &TreePath) -> Option<&'a Process> {
    let tree = context.subject.tree();
    context.processes.iter().find(|process| {
        let word = process.words.first().map_or("", String::as_str);
        match &process.found {
            Ok(place) => place == script,
            Err(distil_tree::program::Unusable::Interpreter { script: place, .. }) => {
                place == script
            }
            Err(_) => TreePath::lexical(word)
                .and_then(|path| tree.resolve(&path).ok())
                .is_some_and(|place| place == *script),
        }
    })
}
