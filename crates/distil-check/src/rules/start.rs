//! Whether the container's process starts: ENTRYPOINT, CMD, HEALTHCHECK, WORKDIR.

use distil_inspect::program::{NamedProgram, ProgramKey, no_directory, programs};
use distil_tree::TreePath;
use distil_tree::program::Unusable;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{
    ARGUMENT_MISSING, HEALTHCHECK, PROGRAM_MISSING, PROGRAM_UNUSABLE, REPEATED_PROGRAM, SCRIPT,
    SHELL_FORM, SIGNALS, WORKDIR,
};

/// Shells of which the shell form is made: Docker's `/bin/sh`, and what SHELL may say.
const SHELLS: [&str; 7] = ["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

/// Runtimes, by their names without a version, that take the first word for a script.
const RUNTIMES: [&str; 7] = ["java", "node", "nodejs", "perl", "php", "python", "ruby"];

fn is_shell(word: &str) -> bool {
    SHELLS.contains(&basename(word))
}

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
                findings.push(found.says(message(first, &problem)));
            }
            (Err(problem), false) => findings.push(unusable(key, first, &problem)),
        }
    }
    if !config.entrypoint.is_empty()
        && is_shell_form(&config.cmd)
        && !is_shell_form(&config.entrypoint)
    {
        arguments_in_shell_form(context, findings);
    }
    repeated(context, findings);
    argument(context, findings);
    workdir(context, findings);
}

/// CMD in shell form behind an ENTRYPOINT. A runtime takes its words for a script; other programs,
/// such as `tini` and entry points that end with `exec "$@"`, run what they are given, and only need
/// a shell to be there.
fn arguments_in_shell_form(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let runtime = config.entrypoint.first().map_or("", |word| basename(word));
    let shell = config.cmd.first().map_or("/bin/sh", String::as_str);
    let is_runtime = RUNTIMES.contains(&stem(runtime));
    let problem = match (is_runtime, find(context, shell)) {
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
    findings.push(match argument_message(context, shell) {
        Some(message) => found.says(message),
        None => found.says(format!("exec {}: no such file or directory", shown(shell))),
    });
}

/// A script that a shell runs as process 1, which may end with `exec` or not.
fn script_of_a_shell(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let [script, .., shell] = context.chain.as_slice() else {
        return;
    };
    let name = shell.name().map(shown).unwrap_or_default();
    if is_shell(&name) || name == "busybox" {
        let problem =
            format!("process 1 is the shell of `{script}`; its last line should begin with `exec`");
        findings.push(Finding::new(&SIGNALS, problem).at(script));
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

fn unusable(key: &str, word: &str, problem: &Unusable) -> Finding {
    let text = format!("{key} runs `{}`, which {problem}", shown(word));
    let rule = match problem {
        Unusable::NotInPath(_) | Unusable::Missing | Unusable::NotAPath => &PROGRAM_MISSING,
        Unusable::Folder | Unusable::Mode(..) | Unusable::Format(_) => &PROGRAM_UNUSABLE,
        Unusable::Interpreter { .. } => &SCRIPT,
    };
    let found = Finding::new(rule, text).says(message(word, problem));
    match problem {
        Unusable::Mode(place, _)
        | Unusable::Format(place)
        | Unusable::Interpreter { script: place, .. } => found.at(place),
        _ => found,
    }
}

fn basename(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `python3.13` and `python` are `python`.
fn stem(word: &str) -> &str {
    basename(word).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

fn repeated(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let (Some(runtime), Some(first)) = (config.entrypoint.first(), config.cmd.first()) else {
        return;
    };
    let same_file = || {
        find(context, runtime)
            .ok()
            .is_some_and(|one| find(context, first) == Ok(one))
    };
    let is_same = stem(first) == stem(runtime) && !stem(first).is_empty();
    // `java -jar` in front: the last word of ENTRYPOINT takes what follows.
    let is_name = basename(first) == *first;
    if !is_same && (!is_name || !same_file()) {
        return;
    }
    let found = Finding::new(
        &REPEATED_PROGRAM,
        format!(
            "CMD begins with `{}`, and ENTRYPOINT is `{}` already",
            shown(first),
            shown(config.entrypoint.join(" "))
        ),
    );
    findings.push(match argument_message(context, first) {
        Some(message) => found.says(message),
        None => found,
    });
}

/// What a runtime says of a file that is not there, as an argument of ENTRYPOINT.
fn argument_message(context: &Context<'_>, argument: &str) -> Option<String> {
    let config = context.subject.config;
    let runtime = config.entrypoint.first().or(config.cmd.first())?;
    let folder = config.directory().trim_end_matches('/');
    let full = match argument.starts_with('/') {
        true => argument.to_owned(),
        false => format!("{folder}/{argument}"),
    };
    Some(match stem(runtime) {
        // Python joins the folder as getcwd(3) gives it: `//x` in the root.
        "python" if argument.starts_with('/') => {
            format!(
                "can't open file '{}': [Errno 2] No such file or directory",
                shown(argument)
            )
        }
        "python" => {
            let folder = config.directory();
            format!(
                "can't open file '{folder}/{}': [Errno 2] No such file or directory",
                shown(argument)
            )
        }
        "node" | "nodejs" => format!("Error: Cannot find module '{}'", shown(full)),
        "java" => format!("Error: Unable to access jarfile {}", shown(argument)),
        "ruby" => format!(
            "No such file or directory -- {} (LoadError)",
            shown(argument)
        ),
        "perl" => format!(
            "Can't open perl script \"{}\": No such file or directory",
            shown(argument)
        ),
        "php" => format!("Could not open input file: {}", shown(argument)),
        _ => return None,
    })
}

/// The script that a runtime is told to run.
fn argument(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let command = config.command();
    let Some((runtime, arguments)) = command.split_first() else {
        return;
    };
    if find(context, runtime).is_err() {
        return;
    }
    let is_java = stem(runtime) == "java";
    let known = RUNTIMES.contains(&stem(runtime));
    let script = match is_java {
        true => {
            let flag = arguments.iter().position(|word| *word == "-jar");
            flag.and_then(|at| {
                arguments
                    .get(at + 1..)?
                    .iter()
                    .find(|word| !word.starts_with('-'))
            })
        }
        // Options with values (`-m`, `-c`, `-r`) say something else than a file.
        false if known => match arguments.first() {
            Some(word) if !word.starts_with('-') => Some(word),
            Some(&("-u" | "-B" | "-I" | "-E" | "-s" | "-O" | "--enable-source-maps")) => {
                arguments.get(1).filter(|word| !word.starts_with('-'))
            }
            _ => None,
        },
        false => None,
    };
    let Some(script) = script else { return };
    // Node adds endings by itself.
    let endings: &[&str] = match stem(runtime) {
        "node" | "nodejs" => &["", ".js", ".cjs", ".json", "/index.js", "/package.json"],
        _ => &[""],
    };
    let is_there = endings.iter().any(|ending| {
        context
            .subject
            .follow(&format!("{script}{ending}"))
            .is_some()
    });
    let is_told = findings.iter().any(|one| {
        one.rule == &REPEATED_PROGRAM || (one.rule == &SHELL_FORM && one.problem.starts_with("CMD"))
    });
    if is_there || is_told {
        return;
    }
    let problem = format!(
        "`{}` is to run `{}`, which is not in the image",
        shown(runtime),
        shown(script)
    );
    let found = Finding::new(&ARGUMENT_MISSING, problem);
    findings.push(match argument_message(context, script) {
        Some(message) => found.says(message),
        None => found,
    });
}

fn workdir(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    if let Some(place) = no_directory(context.subject.tree(), config) {
        let workdir = shown(&config.workdir);
        let problem = format!("WORKDIR is `{workdir}`, which is no folder");
        let found = Finding::new(&WORKDIR, problem).at(&place);
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
                findings.push(found.says(format!("{}: {message}", shown(word))));
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
    findings.push(Finding::new(&HEALTHCHECK, text).says(message(word, &problem)));
}
