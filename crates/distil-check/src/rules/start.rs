//! Whether the container starts: ENTRYPOINT, CMD, HEALTHCHECK, WORKDIR.

use distil_inspect::command::{Process, Runtime, Starter, basename, split};
use distil_inspect::program::{NamedProgram, ProgramKey, no_directory, programs};
use distil_tree::TreePath;
use distil_tree::program::Unusable;

use super::arguments::message as argument_message;
use super::interpreters::{self, is_shell};
use super::probe;
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::instruction::{exec_form, instead};
use crate::rule::{
    HEALTHCHECK, PROGRAM_MISSING, PROGRAM_UNUSABLE, SCRIPT, SHELL_FORM, SIGNALS, WORKDIR,
};

fn is_shell_form(words: &[String]) -> bool {
    let is_command = |word: &String| word.starts_with('-') && word.contains('c');
    words.first().is_some_and(|first| is_shell(first)) && words.get(1).is_some_and(is_command)
}

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    for NamedProgram { key, word, found } in programs(context.subject.tree(), config) {
        let words = match key {
            ProgramKey::Entrypoint => &config.entrypoint,
            ProgramKey::Cmd => &config.cmd,
            ProgramKey::Healthcheck => {
                healthcheck(context, word, found, findings);
                continue;
            }
        };
        let (key, first) = (key.word(), word);
        match (found, is_shell_form(words)) {
            (Ok(shell), true) => {
                findings.push(Finding::new(
                    &SIGNALS,
                    format!("{key} is in shell form: process 1 is `{}`", shown(first)),
                ));
                let line = words.get(2).map_or("", String::as_str);
                if let Some((word, message)) = unknown_command(context, &shell, first, line) {
                    let problem = format!(
                        "{key} runs `{}` by a shell, and no such program is in the image",
                        shown(word)
                    );
                    let found = Finding::new(&PROGRAM_MISSING, problem);
                    findings.push(found.says(format!("{}: {message}", shown(first))));
                }
            }
            (Ok(_), false) => script_of_a_shell(context, findings),
            (Err(problem), true) => {
                let line = words.get(2).map(shown).unwrap_or_default();
                let found = Finding::new(
                    &SHELL_FORM,
                    format!(
                        "{key} is in shell form (`{line}`), and `{}` {problem}",
                        shown(first)
                    ),
                );
                let found = found.says(message(first, &problem));
                findings.push(match exec_form_of(context, words) {
                    Some(remedy) => found.remedy(remedy),
                    None => found,
                });
            }
            (Err(problem), false) => findings.extend(unusable(context, key, first, &problem)),
        }
    }
    wrapped(context, findings);
    if !config.entrypoint.is_empty()
        && is_shell_form(&config.cmd)
        && !is_shell_form(&config.entrypoint)
    {
        arguments_in_shell_form(context, findings);
    }
    workdir(context, findings);
}

/// What wrappers such as tini are told to start.
fn wrapped(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (wrapper, process) in context
        .processes
        .iter()
        .zip(context.processes.iter().skip(1))
    {
        // What the first line of a script has env start is told with the script.
        let is_of_script = wrapper.starter == Starter::Script;
        let (Err(problem), Starter::Wrapper, false) =
            (&process.found, process.starter, is_of_script)
        else {
            continue;
        };
        let (name, word) = (
            wrapper.name(),
            process.words.first().map_or("", String::as_str),
        );
        let is_cmd = process.at == Some(context.subject.config.entrypoint.len());
        if is_cmd && is_shell_form(&context.subject.config.cmd) {
            // Told as such.
            continue;
        }
        let is_form = is_shell_form(&process.words);
        let Some(found) = unusable(context, &format!("`{}`", shown(name)), word, problem) else {
            continue;
        };
        let said = said_by_wrapper(name, word, problem);
        findings.push(match is_form {
            true => {
                let line = process.words.get(2).map(shown).unwrap_or_default();
                let problem = format!(
                    "`{}` is given the shell form (`{line}`), and `{}` {problem}",
                    shown(name),
                    shown(word)
                );
                Finding::new(&SHELL_FORM, problem).says(said)
            }
            false => found.says(said),
        });
    }
}

/// What a wrapper says of a program that it cannot start.
fn said_by_wrapper(name: &str, word: &str, problem: &Unusable) -> String {
    let why = match problem {
        Unusable::Folder | Unusable::Mode(..) => "Permission denied",
        Unusable::Format(_) => "Exec format error",
        _ => "No such file or directory",
    };
    let word = shown(word);
    match name {
        "tini" | "tini-static" | "docker-init" => format!("exec {word} failed: {why}"),
        "env" => format!("env: \u{2018}{word}\u{2019}: {why}"),
        "gosu" => format!("error: exec: \"{word}\": executable file not found in $PATH"),
        _ => format!("{word}: {why}"),
    }
}

/// The words that a shell form stands for, if it is no more than words: what to write for it.
fn exec_form_of(context: &Context<'_>, form: &[String]) -> Option<String> {
    let config = context.subject.config;
    let line = form.get(2)?.trim();
    let line = line.strip_prefix("exec ").unwrap_or(line);
    if line.contains([
        '$', '&', '|', ';', '<', '>', '*', '?', '(', '`', '{', '\n', '\\', '~', '#',
    ]) {
        return None;
    }
    let mut words = split(line);
    let is_setting = |word: &String| word.find('=').is_some_and(|at| at > 0);
    if words.first().is_none_or(is_setting) {
        return None;
    }
    let is_behind = !config.entrypoint.is_empty() && form == config.cmd.as_slice();
    if !is_behind {
        let keyword = if config.entrypoint.is_empty() {
            "CMD"
        } else {
            "ENTRYPOINT"
        };
        return Some(format!(
            "write it in exec form: `{}`",
            exec_form(keyword, &words)
        ));
    }
    // Behind a runtime its own name is one word too many.
    let runtime = context
        .processes
        .first()
        .and_then(|process| process.words.first());
    let runtime = runtime.and_then(|word| Runtime::of(word));
    if runtime.is_some() && words.first().and_then(|word| Runtime::of(word)) == runtime {
        words.remove(0);
    }
    let at = config.entrypoint.len();
    Some(format!(
        "write it in exec form: {}",
        instead(config, at, &words)
    ))
}

/// CMD in shell form behind an ENTRYPOINT. A runtime takes its words for a script; other programs,
/// such as `tini` and entry points that end with `exec "$@"`, run what they are given, and only need
/// a shell to be there.
fn arguments_in_shell_form(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    // Behind a wrapper, it is what that starts.
    let border = config.entrypoint.len();
    let inner = context.processes.iter().rev();
    let mut inner = inner.filter(|one| one.at.is_some_and(|at| at < border));
    let word = inner.next().and_then(|process| process.words.first());
    let runtime = word.map_or("", |word| basename(word));
    let shell = config.cmd.first().map_or("/bin/sh", String::as_str);
    let is_runtime = Runtime::of(runtime);
    let problem = match (is_runtime.is_some(), find(context, shell)) {
        (true, _) => format!(
            "CMD is in shell form, so its words `{} -c …` become arguments of `{}`",
            shown(shell),
            shown(runtime)
        ),
        (false, Err(problem)) => format!(
            "CMD is in shell form, and `{}`, which `{}` is given, {problem}",
            shown(shell),
            shown(runtime)
        ),
        (false, Ok(_)) => return,
    };
    let found = Finding::new(&SHELL_FORM, problem);
    let found = found.says(match is_runtime {
        Some(runtime) => argument_message(context, runtime, shell),
        None => format!("exec {}: no such file or directory", shown(shell)),
    });
    findings.push(match exec_form_of(context, &config.cmd) {
        Some(remedy) => found.remedy(remedy),
        None => found,
    });
}

/// A script that a shell runs as process 1, which may end with `exec` or not.
fn script_of_a_shell(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let pairs = context
        .processes
        .iter()
        .zip(context.processes.iter().skip(1));
    let of_script = |(_, shell): &(&Process, &Process)| shell.starter == Starter::Script;
    for (script, shell) in pairs.filter(of_script) {
        let (Ok(script), Ok(shell)) = (&script.found, &shell.found) else {
            continue;
        };
        let name = shell.name().map(shown).unwrap_or_default();
        if is_shell(&name) || name == "busybox" {
            let problem = format!(
                "process 1 is the shell of `{script}`; its last line should begin with `exec`"
            );
            findings.push(Finding::new(&SIGNALS, problem).at(script));
        }
    }
}

/// The command that a simple line of shell begins with, if there is no such program: its name, and
/// what the shell says. Lines in which more than words stand are not judged.
fn unknown_command<'a>(
    context: &Context<'_>,
    shell: &TreePath,
    called: &str,
    line: &'a str,
) -> Option<(&'a str, String)> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    let mut words = line.split_ascii_whitespace();
    let is_assignment = |word: &&str| word.contains('=');
    let word = words.find(|word| *word != "exec" && !is_assignment(word))?;
    // Built-in commands and reserved words (POSIX.1, "Shell Command Language", 2.4 and 2.14).
    let built_in = [
        ".", "alias", "bg", "break", "case", "cd", "command", "continue", "echo", "eval", "exit",
        "export", "false", "fg", "for", "function", "getopts", "hash", "if", "jobs", "kill",
        "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "source", "test",
        "time", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "until",
        "wait", "while",
    ];
    if !word.chars().all(is_plain) || built_in.contains(&word) || word.starts_with('-') {
        return None;
    }
    // Busybox may run its applets without any link to them.
    let is_toolbox = matches!(shell.name(), Some(b"busybox" | b"toybox"));
    if find(context, word).is_ok() || (is_toolbox && !word.contains('/')) {
        return None;
    }
    let words = match basename(called) {
        "bash" => format!("line 1: {word}: command not found"),
        _ => format!("1: {word}: not found"),
    };
    Some((word, words))
}

fn find(context: &Context<'_>, word: &str) -> Result<TreePath, Unusable> {
    distil_inspect::program::find(context.subject.tree(), context.subject.config, word)
}

/// What runc says (its `libcontainer`, in the words of Go's `os/exec`).
fn message(word: &str, problem: &Unusable) -> String {
    let word = shown(word);
    match problem {
        Unusable::NotInPath(_) => format!("exec: \"{word}\": executable file not found in $PATH"),
        Unusable::Missing | Unusable::NotAPath => {
            format!("exec: \"{word}\": stat {word}: no such file or directory")
        }
        Unusable::Folder | Unusable::Mode(..) => format!("exec: \"{word}\": permission denied"),
        Unusable::Interpreter { script, .. } => {
            format!("exec {script}: no such file or directory")
        }
        Unusable::Format(place) => format!("exec {place}: exec format error"),
    }
}

/// A program that cannot be run. A virtual environment without its Python is told as such.
fn unusable(context: &Context<'_>, key: &str, word: &str, problem: &Unusable) -> Option<Finding> {
    let directory = context.subject.config.directory();
    let path = match word.starts_with('/') {
        true => word.to_owned(),
        false => format!("{directory}/{word}"),
    };
    let place = match problem {
        Unusable::Interpreter { script, .. } => Some(script.clone()),
        _ if word.contains('/') => TreePath::lexical(&path),
        _ => None,
    };
    let bin = place.as_ref().and_then(TreePath::parent);
    let root = bin.and_then(|bin| bin.parent());
    if root.is_some_and(|root| context.dead_venvs.contains(&root)) {
        return None;
    }
    let text = format!("{key} runs `{}`, which {problem}", shown(word));
    let rule = match problem {
        Unusable::NotInPath(_) | Unusable::Missing | Unusable::NotAPath => &PROGRAM_MISSING,
        Unusable::Folder | Unusable::Mode(..) | Unusable::Format(_) => &PROGRAM_UNUSABLE,
        Unusable::Interpreter { .. } => &SCRIPT,
    };
    let found = Finding::new(rule, text).says(message(word, problem));
    Some(match problem {
        Unusable::Interpreter {
            script,
            interpreter,
        } => {
            let remedy = interpreters::remedy(context, script, &interpreter.to_string());
            found.at(script).remedy(remedy)
        }
        Unusable::Mode(place, _) => found.at(place).remedy(format!(
            "`chmod 0755 {place}` in the build stage, or `COPY --chmod=0755`"
        )),
        Unusable::Format(place) => found.at(place),
        _ => found,
    })
}

fn workdir(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    if let Some(place) = no_directory(context.subject.tree(), config) {
        let workdir = shown(&config.workdir);
        let problem = format!("WORKDIR is `{workdir}`, which is not a directory");
        let found = Finding::new(&WORKDIR, problem).at(&place);
        let parent = place.parent().unwrap_or_default();
        let found = found.remedy(format!("name a directory: `WORKDIR {parent}`"));
        findings.push(found.says(format!("mkdir {workdir}: not a directory")));
    }
}

fn healthcheck(
    context: &Context<'_>,
    word: &str,
    found: Result<TreePath, Unusable>,
    findings: &mut Vec<Finding>,
) {
    let test = &context.subject.config.healthcheck;
    let problem = match found {
        Err(problem) => problem,
        Ok(shell) => {
            let line = match test.first().map(String::as_str) {
                Some("CMD-SHELL") => test.get(1),
                _ if is_shell_form(&test[1..]) => test.get(3),
                _ => None,
            };
            let line = line.map_or("", String::as_str);
            if let Some((command, message)) = unknown_command(context, &shell, word, line) {
                let problem = format!(
                    "HEALTHCHECK runs `{}`, which is not in the image",
                    shown(command)
                );
                let found = Finding::new(&HEALTHCHECK, problem);
                let found = found.says(format!("{}: {message}", shown(word)));
                findings.push(probe::with_remedy(context, found));
            }
            return;
        }
    };
    let text = match word == "/bin/sh" && test.first().is_some_and(|kind| kind == "CMD-SHELL") {
        true => format!(
            "HEALTHCHECK is in shell form (`{}`), and `/bin/sh` {problem}",
            test.get(1).map(shown).unwrap_or_default()
        ),
        false => format!("HEALTHCHECK runs `{}`, which {problem}", shown(word)),
    };
    let found = Finding::new(&HEALTHCHECK, text).says(message(word, &problem));
    findings.push(probe::with_remedy(context, found));
}
