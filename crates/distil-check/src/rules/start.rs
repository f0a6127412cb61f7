//! Whether the container's process starts: ENTRYPOINT, CMD, HEALTHCHECK, WORKDIR.

use distil_tree::TreePath;

use super::{Context, shown};
use crate::finding::Finding;
use crate::program::{self, Unusable};
use crate::rule::{
    ARGUMENT_MISSING, HEALTHCHECK, PROGRAM_MISSING, PROGRAM_UNUSABLE, REPEATED_PROGRAM, SCRIPT,
    SHELL_FORM, SIGNALS, WORKDIR,
};

const SHELLS: [&str; 6] = [
    "/bin/sh",
    "sh",
    "/bin/bash",
    "bash",
    "/bin/ash",
    "/usr/bin/sh",
];

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let is_shell_form = |words: &[String]| {
        words.len() >= 2
            && SHELLS.contains(&words[0].as_str())
            && words[1].starts_with('-')
            && words[1].contains('c')
    };
    let command = config.command();
    if let Some(first) = command.first() {
        let key = if config.entrypoint.is_empty() {
            "CMD"
        } else {
            "ENTRYPOINT"
        };
        let words = if config.entrypoint.is_empty() {
            &config.cmd
        } else {
            &config.entrypoint
        };
        match (find(context, first), is_shell_form(words)) {
            (Ok(_), true) => findings.push(Finding::new(
                &SIGNALS,
                format!("{key} is in shell form: process 1 is `{}`", shown(first)),
            )),
            (Ok(_), false) => {}
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
        let runtime = config.entrypoint.first().map_or("", |word| basename(word));
        let found = Finding::new(
            &SHELL_FORM,
            format!(
                "CMD is in shell form, so its words `/bin/sh -c …` become arguments of `{runtime}`"
            ),
        );
        findings.push(match argument_message(context, "/bin/sh") {
            Some(message) => found.says(message),
            None => found,
        });
    }
    repeated(context, findings);
    argument(context, findings);
    workdir(context, findings);
    healthcheck(context, findings);
}

fn find(context: &Context<'_>, word: &str) -> Result<TreePath, Unusable> {
    let config = context.subject.config;
    let path = config.variable("PATH").unwrap_or(program::DEFAULT_PATH);
    program::find(context.subject.tree(), path, config.folder(), word)
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
        Unusable::Interpreter { .. } => format!("exec {word}: no such file or directory"),
    }
}

fn unusable(key: &str, word: &str, problem: &Unusable) -> Finding {
    let text = format!("{key} runs `{}`, which {problem}", shown(word));
    let rule = match problem {
        Unusable::NotInPath(_) | Unusable::Missing | Unusable::NotAPath => &PROGRAM_MISSING,
        Unusable::Folder | Unusable::Mode(..) => &PROGRAM_UNUSABLE,
        Unusable::Interpreter { .. } => &SCRIPT,
    };
    let found = Finding::new(rule, text).says(message(word, problem));
    match problem {
        Unusable::Mode(place, _) | Unusable::Interpreter { script: place, .. } => found.at(place),
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
    let folder = config.folder().trim_end_matches('/');
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
            let folder = config.folder();
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
    let known = ["python", "node", "nodejs", "ruby", "perl", "php"].contains(&stem(runtime));
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
    if config.workdir.is_empty() {
        return;
    }
    // Engines make one that is not there.
    let Some((place, entry)) = context.subject.follow(&config.workdir) else {
        return;
    };
    if !entry.is_directory() {
        let found = Finding::new(
            &WORKDIR,
            format!(
                "WORKDIR is `{}`, which is no folder",
                shown(&config.workdir)
            ),
        );
        findings.push(
            found
                .at(&place)
                .says(format!("mkdir {}: not a directory", shown(&config.workdir))),
        );
    }
}

fn healthcheck(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let test = &context.subject.config.healthcheck;
    let word = match test.first().map(String::as_str) {
        Some("CMD") => match test.get(1) {
            Some(word) => word.as_str(),
            None => return,
        },
        Some("CMD-SHELL") => "/bin/sh",
        _ => return,
    };
    let Err(problem) = find(context, word) else {
        return;
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
