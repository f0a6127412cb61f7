//! Whether the declared user, and a random one, can do what they have to.

use std::collections::BTreeSet;

use distil_tree::program;
use distil_tree::{Kind, TreePath};

use crate::access::{Unknown, User, Wish};
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{
    NOT_WRITABLE, RANDOM_USER, TEMPORARY, TRAVERSAL, USER_NAME, USER_ROOT, USER_UNKNOWN, WORKDIR,
};
use crate::severity::Severity;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let name = config.user.split(':').next().unwrap_or_default();
    let user = match User::of(&context.subject) {
        Ok(user) => Some(user),
        Err(unknown) => {
            let (problem, message) = match &unknown {
                Unknown::User(name) => (
                    format!(
                        "USER is `{}`, and `/etc/passwd` has no such account",
                        shown(name)
                    ),
                    format!(
                        "unable to find user {}: no matching entries in passwd file",
                        shown(name)
                    ),
                ),
                Unknown::Group(name) => (
                    format!(
                        "USER has the group `{}`, and `/etc/group` has no such group",
                        shown(name)
                    ),
                    format!(
                        "unable to find group {}: no matching entries in group file",
                        shown(name)
                    ),
                ),
            };
            findings.push(Finding::new(&USER_UNKNOWN, problem).says(message));
            None
        }
    };
    if !name.is_empty() && name.parse::<u32>().is_err() {
        let problem = format!("USER is the name `{}`", shown(name));
        let message = format!(
            "container has runAsNonRoot and image has non-numeric user ({}), cannot verify user is non-root",
            shown(name)
        );
        findings.push(Finding::new(&USER_NAME, problem).says(message));
    }
    if user.as_ref().is_some_and(|user| user.uid == 0) {
        let found = Finding::new(&USER_ROOT, "the image runs as root");
        findings.push(found.says("container has runAsNonRoot and image will run as root"));
    }
    if let Some(user) = user {
        reach(context, &user, false, findings);
        write(context, &user, false, findings);
        if user.uid != User::random().uid {
            reach(context, &User::random(), true, findings);
            write(context, &User::random(), true, findings);
        }
    }
    temporary(context, findings);
}

/// Whether a user gets to the programs, and to what starts and feeds them.
fn reach(context: &Context<'_>, user: &User, is_random: bool, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let rule = if is_random { &RANDOM_USER } else { &TRAVERSAL };
    let who = match is_random {
        true => "a random user".to_owned(),
        false => format!("the user {}", user.uid),
    };
    let mut wishes: Vec<(TreePath, Wish)> = context
        .chain
        .iter()
        .map(|place| (place.clone(), Wish::Execute))
        .collect();
    for program in &context.chain {
        let loaded = context.loader.load(program);
        wishes.extend(
            loaded
                .files
                .into_iter()
                .skip(1)
                .map(|library| (library.place, Wish::Read)),
        );
    }
    for script in context
        .chain
        .iter()
        .filter(|place| !context.loader.files().contains_key(*place))
    {
        wishes.push((script.clone(), Wish::Read));
    }
    let command = context.subject.config.command();
    let arguments = command.iter().skip(1).filter(|word| word.starts_with('/'));
    for (place, entry) in arguments.filter_map(|word| context.subject.follow(word)) {
        if matches!(entry.kind, Kind::File(_)) {
            wishes.push((place, Wish::Read));
        }
    }
    let config = context.subject.config;
    // What a probe runs, and where interpreters look for modules.
    let probe = match config.healthcheck.first().map(String::as_str) {
        Some("CMD") => config.healthcheck.get(1).map(String::as_str),
        Some("CMD-SHELL") => Some("/bin/sh"),
        _ => None,
    };
    let path = config.variable("PATH").unwrap_or(program::DEFAULT_PATH);
    let probe = probe.and_then(|word| program::find(tree, path, config.directory(), word).ok());
    wishes.extend(probe.map(|place| (place, Wish::Execute)));
    for name in ["PYTHONPATH", "NODE_PATH", "LD_LIBRARY_PATH"] {
        let folders = config.variable(name).unwrap_or_default().split(':');
        let folders = folders.filter(|folder| folder.starts_with('/'));
        for (place, entry) in folders.filter_map(|folder| context.subject.follow(folder)) {
            if entry.is_directory() {
                wishes.push((place, Wish::Execute));
            }
        }
    }
    // One finding a reason: what lies behind a closed directory is closed with it.
    let mut told = BTreeSet::new();
    for (place, wish) in wishes {
        let Some(entry) = tree.get(&place) else {
            continue;
        };
        let barrier = user.barrier(tree, &place);
        if barrier.is_none() && user.may(wish, entry) {
            continue;
        }
        if !told.insert(barrier.clone().unwrap_or_else(|| place.clone())) {
            continue;
        }
        let verb = if wish == Wish::Execute {
            "execute"
        } else {
            "read"
        };
        let problem = match &barrier {
            Some(folder) => format!(
                "{who} may not {verb} `{place}`: `{folder}` has mode {:04o}",
                tree.get(folder).map_or(0, |entry| entry.meta.mode)
            ),
            None => format!(
                "{who} may not {verb} `{place}`: it has mode {:04o}",
                entry.meta.mode
            ),
        };
        let found = Finding::new(rule, problem).at(&place);
        let first = command.first().copied().unwrap_or_default();
        findings.push(match wish {
            // Behind a closed directory the engine cannot even look.
            Wish::Execute if context.chain.first() == Some(&place) && barrier.is_some() => {
                let first = shown(first);
                found.says(format!(
                    "exec: \"{first}\": stat {first}: permission denied"
                ))
            }
            Wish::Execute if context.chain.first() == Some(&place) => {
                found.says(format!("exec {}: permission denied", shown(first)))
            }
            _ => found.says("Permission denied"),
        });
    }
    let workdir = &context.subject.config.workdir;
    if let Some((place, entry)) = context
        .subject
        .follow(workdir)
        .filter(|_| !workdir.is_empty())
        && entry.is_directory()
        && (user.barrier(tree, &place).is_some() || !user.may(Wish::Execute, entry))
    {
        let problem = format!("{who} may not pass into WORKDIR, `{place}`");
        let rule = if is_random { &RANDOM_USER } else { &WORKDIR };
        let message =
            format!("chdir to cwd (\"{place}\") set in config.json failed: permission denied");
        let found = Finding::new(rule, problem).at(&place).says(message);
        // Some runtimes enter the directory before they take the user on, and then start the program.
        findings.push(match is_random {
            true => found,
            false => found.severity(Severity::Warning),
        });
    }
}

/// What is said of a directory that a policy says is written to.
const WRITABLE: &str = "the directory";

/// Whether a user may write where programs write.
fn write(context: &Context<'_>, user: &User, is_random: bool, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let config = context.subject.config;
    let rule = if is_random {
        &RANDOM_USER
    } else {
        &NOT_WRITABLE
    };
    let who = match is_random {
        true => "a random user".to_owned(),
        false => format!("the user {}", user.uid),
    };
    let volumes = config
        .volumes
        .iter()
        .map(|path| ("the volume", path.as_str()));
    let variables = ["HOME", "TMPDIR"]
        .into_iter()
        .filter_map(|name| Some((name, config.variable(name)?)));
    let declared = context.options.writable.iter();
    let declared = declared.map(|path| (WRITABLE, path.as_str()));
    for (what, path) in volumes.chain(variables).chain(declared) {
        let Some((place, entry)) = context.subject.follow(path) else {
            // Docker makes the directory of a volume, for root alone; of others nobody does.
            let problem = match what {
                "the volume" if user.uid != 0 => format!(
                    "the volume `{}` is not in the image, so it will belong to root, and {who} may not write to it",
                    shown(path)
                ),
                "TMPDIR" if !is_random => {
                    format!("TMPDIR is `{}`, which is not in the image", shown(path))
                }
                WRITABLE => {
                    format!(
                        "`{}`, which is to be written to, is not in the image",
                        shown(path)
                    )
                }
                _ => continue,
            };
            let found = Finding::new(rule, problem);
            findings.push(match what {
                "the volume" => found.says("Permission denied"),
                _ => found.says("No such file or directory"),
            });
            continue;
        };
        // The root as a home is nowhere.
        if place.is_root() || (user.barrier(tree, &place).is_none() && user.may(Wish::Write, entry))
        {
            continue;
        }
        let problem = format!(
            "{who} may not write to {what} `{}`, which has mode {:04o} and belongs to {}:{}",
            shown(path),
            entry.meta.mode,
            entry.meta.uid,
            entry.meta.gid
        );
        findings.push(
            Finding::new(rule, problem)
                .at(&place)
                .says("Permission denied"),
        );
    }
}

fn temporary(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // This one may be missing.
    if let Some((place, entry)) = context.subject.tree().follow(&TreePath::of("var/tmp"))
        && entry.meta.mode & 0o1777 != 0o1777
    {
        let problem = format!("`{place}` has mode {:04o}", entry.meta.mode);
        findings.push(Finding::new(&TEMPORARY, problem).at(&place).says(message()));
    }
    // A static program alone in its image needs none unless it says so.
    let has_libraries = context
        .loader
        .files()
        .values()
        .any(|facts| facts.soname.is_some());
    let tmp = TreePath::of("tmp");
    match context.subject.tree().follow(&tmp) {
        None => {
            let severity = if has_libraries {
                Severity::Warning
            } else {
                Severity::Info
            };
            let found = Finding::new(&TEMPORARY, "`/tmp` is not in the image").severity(severity);
            findings.push(found.says(message()));
        }
        Some((place, entry)) if entry.meta.mode & 0o1777 != 0o1777 => {
            let problem = format!("`/tmp` has mode {:04o}", entry.meta.mode);
            findings.push(Finding::new(&TEMPORARY, problem).at(&place).says(message()));
        }
        Some(_) => {}
    }
}

fn message() -> String {
    "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', '/usr/tmp', '/']".to_owned()
}
