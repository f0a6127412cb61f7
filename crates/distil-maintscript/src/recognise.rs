//! What the commands of maintainer scripts do, by their names and arguments.

use distil_tree::printable;

use crate::accounts;
use crate::alternatives;
use crate::diversions;
use crate::effect::{AccountChange, Action, Consequence, FileChange};
use crate::file_commands;
use crate::passing;
use crate::programs;
use crate::shell::{Field, Ran};

/// How many commands may stand in front of the one that is meant: `env nice find … -exec`.
const MAX_WRAPPERS: usize = 8;

/// What a command does, each with the command as it is shown. Nothing for one that only looks.
pub(crate) fn recognise(ran: &Ran) -> Vec<(Action, String)> {
    let mut actions = Vec::new();
    if let Some((action, fields)) = command(&ran.fields, MAX_WRAPPERS) {
        actions.push((action, shown(fields)));
    }
    for field in &ran.writes {
        // What a program tells while it works.
        let is_log = field.text.starts_with("/var/log/") && !actions.is_empty();
        if !is_log && !field.text.starts_with("/dev/") {
            let change = FileChange::Written(vec![field.text.clone()]);
            actions.push((Action::Files(change), format!("> {}", field.text)));
        }
    }
    actions
}

fn shown(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        if !text.is_empty() {
            text.push(' ');
        }
        let is_plain = !field.text.is_empty() && !field.text.contains([' ', '\n', '\t']);
        match is_plain || !field.is_known {
            true => text.push_str(&field.text),
            false => text.push_str(&format!("'{}'", field.text)),
        }
        if text.len() > 1000 {
            break;
        }
    }
    text
}

/// The action of a command, and the words that are the command itself.
fn command(fields: &[Field], wrappers: usize) -> Option<(Action, &[Field])> {
    let (first, arguments) = fields.split_first()?;
    let Some(name) = first.known() else {
        return Some((unknown(first), fields));
    };
    let name = match name.rsplit_once('/') {
        Some(("/etc/init.d", _)) => "service",
        Some((_, "")) => return Some((unknown(first), fields)),
        Some((_, name)) => name,
        None => name,
    };
    let inner = |skip: usize| -> Option<(Action, &[Field])> {
        match wrappers.checked_sub(1) {
            Some(wrappers) => command(arguments.get(skip..).unwrap_or_default(), wrappers),
            None => Some((unknown(first), fields)),
        }
    };
    let has = |option: &str| arguments.iter().any(|field| field.text == option);
    let action = match name {
        "env" | "exec" | "command" | "nice" | "ionice" | "nohup" | "time" | "eatmydata"
        | "builtin" | "busybox" | "chronic" | "xargs" | "eval" => {
            if name == "command" && (has("-v") || has("-V")) {
                return None;
            }
            return inner(leading(arguments));
        }
        "setpriv" | "runuser" | "su" | "sudo" | "start-stop-daemon" | "timeout"
            if arguments.iter().any(|field| field.text == "--") =>
        {
            return inner(arguments.iter().position(|field| field.text == "--")? + 1);
        }
        "find" => {
            let exec = arguments.iter().position(|field| {
                matches!(field.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir")
            });
            match exec {
                // Which files it is done to is said in front.
                Some(place) => return inner(place + 1).map(|(action, _)| (action, fields)),
                None if has("-delete") => Action::Cleanup(Consequence::Harmless(programs::CLEANED)),
                None => return None,
            }
        }
        "update-alternatives" => alternative(arguments)?,
        "dpkg-divert" => diversion(arguments)?,
        "adduser" | "addgroup" | "useradd" | "groupadd" | "usermod" | "gpasswd" => {
            Action::Account(match words(arguments) {
                Some(words) => accounts::change(name, &words),
                None => AccountChange::Other,
            })
        }
        "systemd-sysusers" => Action::Account(AccountChange::Declared),
        "systemd-tmpfiles" => Action::Files(FileChange::Declared),
        "dpkg-statoverride" if has("--list") => return None,
        "dpkg-statoverride" if has("--remove") => {
            Action::Cleanup(Consequence::Harmless(programs::CLEANED))
        }
        "chown" | "chgrp" | "chmod" | "mkdir" | "install" | "ln" | "cp" | "mv" | "touch"
        | "setcap" | "dpkg-statoverride" | "setfacl" | "truncate" | "mknod" | "mkfifo"
        | "chattr" | "tee" | "dd" => Action::Files(files(name, arguments)),
        "sed" if arguments.iter().any(|field| is_in_place(&field.text)) => {
            Action::Files(FileChange::Changed(paths(arguments)))
        }
        "sed" => return None,
        _ if name.starts_with("python3") && arguments.iter().any(compiles) => {
            programs::Sort::Compiles.action(String::new())?
        }
        "ucf" => configuration(arguments),
        "odbcinst" => {
            let driver = words(arguments).and_then(|words| file_commands::odbc_driver(&words));
            driver.map_or_else(|| unknown(first), Action::Files)
        }
        _ if name.starts_with("db_") => Action::Questions(Consequence::Harmless(programs::ASKED)),
        _ => match programs::sort(name) {
            Some(sort) => sort.action(shown(fields))?,
            None => unknown(first),
        },
    };
    Some((action, fields))
}

fn unknown(name: &Field) -> Action {
    let program: String = name.text.chars().take(100).collect();
    Action::Unknown {
        program: printable(program.as_bytes()),
    }
}

/// How many options and settings stand before the command that a wrapper runs.
fn leading(arguments: &[Field]) -> usize {
    let mut takes_value = false;
    let is_leading = |field: &&Field| {
        let text = field.text.as_str();
        let is_value = std::mem::take(&mut takes_value);
        takes_value = matches!(text, "-n" | "-I" | "-P" | "-L" | "-d" | "-c" | "-u");
        is_value || text.starts_with('-') || (text.contains('=') && !text.starts_with('/'))
    };
    arguments.iter().take_while(is_leading).count()
}

/// Whether a module of Python's that is run compiles others.
fn compiles(argument: &Field) -> bool {
    argument.text.ends_with("/py_compile.py")
        || matches!(argument.text.as_str(), "compileall" | "py_compile")
}

fn is_in_place(option: &str) -> bool {
    // What follows `-e`, `-f` and `-l` in the same word is their value.
    let letters = option
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'));
    let mut letters = letters.unwrap_or_default().chars();
    let letter = letters.find(|letter| matches!(letter, 'i' | 'e' | 'f' | 'l'));
    option.starts_with("--in-place") || letter == Some('i')
}

/// The words of a command, if all are known: literal ones, and those that are made from
/// variables and loops whose values are certain.
fn words(arguments: &[Field]) -> Option<Vec<String>> {
    arguments
        .iter()
        .map(|field| field.known().map(str::to_owned))
        .collect()
}

fn alternative(arguments: &[Field]) -> Option<Action> {
    let request = match words(arguments) {
        Some(words) => match alternatives::parse(&words) {
            alternatives::Request::Install(alternative) => {
                return Some(Action::Alternative(alternative));
            }
            request => request,
        },
        None => {
            let known = arguments.iter().take_while(|field| field.is_known).count();
            let (known, rest) = arguments.split_at(known);
            let is_variable = |field: &Field| field.text.starts_with('$');
            // What follows in variables can be followers alone.
            if let Some(words) = words(known).filter(|_| rest.iter().all(is_variable))
                && let alternatives::Request::Install(alternative) = alternatives::parse(&words)
            {
                return Some(Action::Alternative(alternative));
            }
            let text: Vec<String> = arguments.iter().map(|field| field.text.clone()).collect();
            alternatives::parse(&text)
        }
    };
    let program = "update-alternatives".to_owned();
    (request != alternatives::Request::NothingToMake).then_some(Action::Unknown { program })
}

fn diversion(arguments: &[Field]) -> Option<Action> {
    let text: Vec<String> = arguments.iter().map(|field| field.text.clone()).collect();
    let program = "dpkg-divert".to_owned();
    match (diversions::parse(&text), words(arguments)) {
        (diversions::Request::NothingToMake, _) => None,
        (diversions::Request::Add(diversion), Some(_)) => Some(Action::Diversion(diversion)),
        _ => Some(Action::Unknown { program }),
    }
}

/// The words that are neither options nor values of options.
fn operands<'f>(arguments: &'f [Field], with_value: &[&str]) -> Vec<&'f str> {
    let mut operands = Vec::new();
    let mut words = arguments.iter().map(|field| field.text.as_str());
    while let Some(word) = words.next() {
        if with_value.contains(&word) {
            words.next();
        } else if !word.starts_with('-') || word == "-" {
            operands.push(word);
        }
    }
    operands
}

fn paths(arguments: &[Field]) -> Vec<String> {
    let is_path = |field: &&Field| field.text.starts_with('/');
    arguments
        .iter()
        .filter(is_path)
        .map(|field| field.text.clone())
        .collect()
}

/// Commands that make or change files.
fn files(name: &str, arguments: &[Field]) -> FileChange {
    let certain = words(arguments).and_then(|words| file_commands::certain(name, &words));
    certain.unwrap_or_else(|| uncertain(name, arguments))
}

/// What is known of a command of which not all is.
fn uncertain(name: &str, arguments: &[Field]) -> FileChange {
    let has = |option: &str| arguments.iter().any(|field| field.text == option);
    let owned = |operands: Vec<&str>| operands.into_iter().map(str::to_owned).collect();
    match name {
        "mkdir" => FileChange::Folders(owned(operands(arguments, &["-m", "--mode"]))),
        "install" if has("-d") || has("--directory") => {
            let options = ["-m", "--mode", "-o", "--owner", "-g", "--group"];
            FileChange::Folders(owned(operands(arguments, &options)))
        }
        "touch" => {
            let options = ["-r", "--reference", "-d", "--date", "-t"];
            FileChange::Written(owned(operands(arguments, &options)))
        }
        "tee" | "truncate" => FileChange::Written(owned(operands(arguments, &["-s"]))),
        "ln" => match operands(arguments, &["-S", "--suffix"]).as_slice() {
            [_, path] if !has("-t") => FileChange::Written(vec![(*path).to_owned()]),
            _ => FileChange::Changed(paths(arguments)),
        },
        "chown" | "chgrp"
            if matches!(
                operands(arguments, &[]).first(),
                Some(&("root" | "root:root" | "0" | "0:0" | "root." | "root.root" | "root:"))
            ) =>
        {
            FileChange::OwnedByRoot
        }
        // What is written is the last operand; the others are only read, or go.
        "cp" | "mv" | "install" => {
            let paths = operands(
                arguments,
                &["-m", "--mode", "-o", "--owner", "-g", "--group"],
            );
            let paths = paths
                .last()
                .map(|path| (*path).to_owned())
                .into_iter()
                .collect();
            match name {
                "mv" => FileChange::Changed(paths),
                _ => FileChange::Written(paths),
            }
        }
        _ => FileChange::Changed(paths(arguments)),
    }
}

/// ucf(1): a configuration file, of which the package ships the original.
fn configuration(arguments: &[Field]) -> Action {
    let certain = words(arguments).and_then(|words| file_commands::configuration(&words));
    if let Some(change) = certain {
        return Action::Files(change);
    }
    let options = [
        "--sum-file",
        "--src-dir",
        "--sum-dir",
        "--state-dir",
        "-s",
        "-S",
    ];
    let removes = arguments
        .iter()
        .any(|field| matches!(field.text.as_str(), "-p" | "--purge"));
    Action::Questions(match operands(arguments, &options).as_slice() {
        [source, path] if !removes && !passing::is_passing(path) => Consequence::Missing(
            printable(format!("makes `{path}` out of `{source}`").as_bytes()),
        ),
        _ => Consequence::Harmless(programs::ASKED),
    })
}
