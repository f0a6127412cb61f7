//! `#!` lines of programs that the container does not start by itself.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::command::Target;
use distil_tree::program::{self, shebang};
use distil_tree::{Kind, TreePath};

use super::interpreters::{interpreter_of, remedy};
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::SCRIPT;
use crate::severity::Severity;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let config = context.subject.config;
    let path = config.variable("PATH").unwrap_or(program::DEFAULT_PATH);
    let in_path = |folder: Option<TreePath>| {
        folder.is_some_and(|folder| {
            path.split(':').any(|one| {
                let one = TreePath::from_absolute(one).ok();
                one.is_some_and(|one| {
                    one == folder || tree.resolve(&one).is_ok_and(|one| one == folder)
                })
            })
        })
    };
    let targets: BTreeSet<TreePath> = context
        .processes
        .iter()
        .filter(|process| process.at.is_some())
        .filter_map(|process| match process.invocation()?.target? {
            Target::File(path) => context.subject.follow(path).map(|(place, _)| place),
            _ => None,
        })
        .collect();
    // Scripts for one interpreter that is missing are one cause.
    let mut others: BTreeMap<(Severity, String), Finding> = BTreeMap::new();
    for (place, entry) in tree.iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !entry.is_executable() {
            continue;
        }
        let Ok(head) = node.content.head(program::MAX_LINE) else {
            continue;
        };
        let Some((word, argument)) = shebang(&head) else {
            continue;
        };
        let word = String::from_utf8_lossy(word).into_owned();
        let missing = match program::find(tree, path, config.directory(), &word) {
            _ if !word.starts_with('/') => continue,
            Ok(found) if found.name() == Some(b"env") => {
                let argument = argument.map(|text| String::from_utf8_lossy(text).into_owned());
                let argument = argument.unwrap_or_default();
                let argument = argument
                    .strip_prefix("-S")
                    .unwrap_or(&argument)
                    .trim_start();
                let named = argument
                    .split_ascii_whitespace()
                    .find(|word| !word.contains('='));
                let Some(named) = named.filter(|named| !named.starts_with('-')) else {
                    continue;
                };
                match program::find(tree, path, config.directory(), named) {
                    Ok(_) => continue,
                    Err(_) => named.to_owned(),
                }
            }
            Ok(_) => continue,
            Err(_) => word.clone(),
        };
        // Carriage returns count as part of the name, and cannot be seen.
        let is_windows = head
            .split(|&byte| byte == b'\n')
            .next()
            .is_some_and(|line| line.ends_with(b"\r"));
        let is_started = context.chain.contains(place);
        let severity = match (is_started, in_path(place.parent())) {
            (true, _) => Severity::Error,
            (false, true) => Severity::Warning,
            (false, false) => Severity::Info,
        };
        // What a runtime is told to run, it reads by itself.
        if targets.contains(place) {
            continue;
        }
        // A virtual environment without its Python is told as such.
        let root = place.parent().and_then(|bin| bin.parent());
        if root.is_some_and(|root| context.dead_venvs.contains(&root)) {
            continue;
        }
        let already = findings
            .iter()
            .any(|one| one.rule == &SCRIPT && one.path.as_ref() == Some(place));
        if already {
            continue;
        }
        let mut problem = format!(
            "`{place}` is a script for `{}`, which is not in the image",
            shown(&missing)
        );
        if is_windows {
            problem += "; its lines end as on Windows";
        }
        let message = match missing == word {
            true => format!("exec {place}: no such file or directory"),
            false => format!("env: '{}': No such file or directory", shown(&missing)),
        };
        let interpreter = interpreter_of(context, place, &missing);
        match others.entry((severity, interpreter)) {
            Entry::Occupied(mut known) => known.get_mut().others.push(place.clone()),
            Entry::Vacant(vacant) => {
                let remedy = remedy(context, place, &vacant.key().1);
                let found = Finding::new(&SCRIPT, problem).at(place).severity(severity);
                vacant.insert(found.says(message).remedy(remedy));
            }
        }
    }
    findings.extend(others.into_values());
}
