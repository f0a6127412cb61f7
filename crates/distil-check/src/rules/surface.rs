//! What an attacker would find in the image.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::surface::{Unwanted, by_name};
use distil_tree::{Kind, TreePath};

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{
    CAPABILITY, COMPILER, DEBUGGER, DEVICE, INTERPRETER, PACKAGE_MANAGER, Rule, SETUID, SHELL,
    TOOLBOX, WORLD_WRITABLE,
};
use crate::severity::Severity;
use crate::surface::{Toolbox, by_content};
use distil_inspect::runtime;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let contents = contents(context);
    let runtimes: BTreeSet<&TreePath> = context
        .chain
        .iter()
        .chain(context.subject.runtimes)
        .collect();
    // By what they lead to, so that a program and its links are one finding.
    let mut found: BTreeMap<(&'static str, TreePath), Vec<TreePath>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        if entry.is_directory() {
            continue;
        }
        let place = tree.resolve(path).ok();
        let toolbox = place.as_ref().and_then(|place| contents.get(place));
        let named = by_name(path, entry);
        if named == Some(Unwanted::Setuid) {
            found
                .entry((SETUID.id, path.clone()))
                .or_default()
                .push(path.clone());
        }
        // A file that is setuid may be a shell, too; so its name counts without the bit.
        let named = match named {
            Some(Unwanted::Setuid) => {
                let mut plain = entry.clone();
                plain.meta.mode &= 0o1777;
                by_name(path, &plain)
            }
            named => named,
        };
        // A link to busybox is an applet of its, whatever the applet is called.
        let is_applet = place.as_ref().is_some_and(|place| {
            place != path && matches!(place.name(), Some(b"busybox" | b"toybox"))
        });
        let named = match is_applet {
            true => named.map(|_| Unwanted::Shell),
            false => named,
        };
        let rule = match (toolbox, named) {
            (Some(Toolbox::Shell), _) => &SHELL,
            (Some(Toolbox::Applets(applets)), _) => {
                let mut words = applets.iter().map(String::as_bytes).chain(path.name());
                match words.any(is_shell) {
                    true => &SHELL,
                    false => &TOOLBOX,
                }
            }
            (None, Some(Unwanted::Shell)) => &SHELL,
            (None, Some(Unwanted::PackageManager)) => &PACKAGE_MANAGER,
            (None, Some(Unwanted::Compiler)) => &COMPILER,
            (None, Some(Unwanted::Debugger)) => &DEBUGGER,
            (None, Some(Unwanted::Interpreter)) => {
                let is_runtime = place.as_ref().is_some_and(|place| {
                    runtimes.contains(place)
                        || runtimes.iter().any(|one| is_same_file(context, one, place))
                });
                if is_runtime {
                    continue;
                }
                &INTERPRETER
            }
            (None, Some(Unwanted::Setuid) | None) => continue,
        };
        let key = place.unwrap_or_else(|| path.clone());
        found.entry((rule.id, key)).or_default().push(path.clone());
    }
    // What has a shell among its links is one, by whatever other names it is called.
    let shells = found.keys().filter(|(id, _)| *id == SHELL.id);
    let shells: Vec<TreePath> = shells.map(|(_, place)| place.clone()).collect();
    for place in shells {
        let others = found.remove(&(TOOLBOX.id, place.clone()));
        let paths = found.entry((SHELL.id, place)).or_default();
        paths.extend(others.into_iter().flatten());
    }
    for ((id, place), paths) in found {
        let Some(rule) = crate::rule::RULES.iter().find(|rule| rule.id == id) else {
            continue;
        };
        findings.push(finding(context, rule, &place, paths, contents.get(&place)));
    }
    modes(context, findings);
    capabilities(context, findings);
    for (path, device) in &context.subject.filesystem.devices {
        findings.push(Finding::new(&DEVICE, format!("`{path}` is a {}", device.word)).at(path));
    }
}

fn is_shell(applet: &[u8]) -> bool {
    matches!(applet, b"sh" | b"ash" | b"hush" | b"bash")
}

/// Hard links of one another.
fn is_same_file(context: &Context<'_>, one: &TreePath, other: &TreePath) -> bool {
    let tree = context.subject.tree();
    let file = |path| tree.get(path).and_then(|entry| entry.file());
    matches!((file(one), file(other)), (Some(one), Some(other)) if std::sync::Arc::ptr_eq(one, other))
}

/// Programs that are shells or toolboxes by their bytes, however large they are.
fn contents(context: &Context<'_>) -> BTreeMap<TreePath, Toolbox> {
    let mut found = BTreeMap::new();
    for path in context.loader.files().keys() {
        let Some(entry) = context.subject.tree().get(path) else {
            continue;
        };
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !entry.is_executable() {
            continue;
        }
        if let Ok(Some(toolbox)) = by_content(&node.content) {
            found.insert(path.clone(), toolbox);
        }
    }
    found
}

fn finding(
    context: &Context<'_>,
    rule: &'static Rule,
    place: &TreePath,
    mut paths: Vec<TreePath>,
    toolbox: Option<&Toolbox>,
) -> Finding {
    // The file first, then its links.
    paths.sort_by_key(|path| (path != place, path.clone()));
    let others = paths.split_off(1.min(paths.len()));
    let first = paths.pop().unwrap_or_else(|| place.clone());
    let what = match rule.id {
        id if id == SETUID.id => {
            let mode = context
                .subject
                .tree()
                .get(&first)
                .map_or(0, |entry| entry.meta.mode);
            let bits = match (mode & 0o4000 != 0, mode & 0o2000 != 0) {
                (true, true) => "setuid and setgid",
                (true, false) => "setuid",
                _ => "setgid",
            };
            format!("{bits}, mode {mode:04o}")
        }
        id if id == SHELL.id => "a shell".to_owned(),
        id if id == PACKAGE_MANAGER.id => "a package manager".to_owned(),
        id if id == COMPILER.id => "a compiler or linker".to_owned(),
        id if id == DEBUGGER.id => "a debugger or tracer".to_owned(),
        id if id == INTERPRETER.id => "an interpreter that is not the image's runtime".to_owned(),
        _ => "busybox or toybox".to_owned(),
    };
    let mut problem = format!("`{first}` is {what}");
    match toolbox {
        Some(Toolbox::Applets(applets)) if !applets.is_empty() => {
            problem += &format!(", one of the {} applets in it", applets.len());
        }
        Some(Toolbox::Shell) if by_name(&first, &with_mode(context, &first)).is_none() => {
            problem += " by its content, whatever it is called";
        }
        _ => {}
    }
    // Where nobody says what the image runs, as of a bare folder, any of them may be the runtime. So
    // it is where what runs is not there, which is an error by itself.
    let is_interpreter = rule.id == INTERPRETER.id;
    let severity = match context.subject.config.command().is_empty() {
        true if is_interpreter => Severity::Warning,
        false if is_interpreter && !runtime::is_whole(context.subject.tree(), &context.chain) => {
            Severity::Info
        }
        _ => rule.severity,
    };
    Finding::new(
        rule,
        problem.replace("a shell, one of", "a shell: `sh` is one of"),
    )
    .at(&first)
    .others(others)
    .severity(severity)
}

fn with_mode(context: &Context<'_>, path: &TreePath) -> distil_tree::Entry {
    let entry = context.subject.tree().get(path).cloned();
    entry.unwrap_or_else(|| distil_tree::Entry {
        kind: Kind::Directory,
        meta: distil_tree::Metadata::root(0, 0),
        origin: distil_tree::Origin::Generated("layer".into()),
        layer: 0,
    })
}

fn modes(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut open = Vec::new();
    for (path, entry) in context.subject.tree().iter() {
        let is_open = match entry.kind {
            Kind::Symlink(_) => false,
            Kind::Directory => entry.meta.mode & 0o1002 == 0o0002,
            Kind::File(_) => entry.meta.mode & 0o0002 != 0,
        };
        if is_open {
            open.push((path, entry));
        }
    }
    // A folder says all of what lies in it.
    let folders: BTreeSet<&TreePath> = open
        .iter()
        .filter(|(_, entry)| entry.is_directory())
        .map(|(path, _)| *path)
        .collect();
    for (path, entry) in &open {
        if path.ancestors().any(|folder| folders.contains(&folder)) {
            continue;
        }
        let others: Vec<TreePath> = match entry.is_directory() {
            true => open
                .iter()
                .filter(|(other, _)| other != path && other.is_within(path))
                .map(|(other, _)| (*other).clone())
                .collect(),
            false => Vec::new(),
        };
        let problem = format!(
            "everybody may write to `{path}`, which has mode {:04o}",
            entry.meta.mode
        );
        findings.push(
            Finding::new(&WORLD_WRITABLE, problem)
                .at(path)
                .others(others),
        );
    }
}

fn capabilities(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (path, value) in &context.subject.filesystem.capabilities {
        let names = names(value);
        let list = if names.is_empty() {
            shown(value)
        } else {
            names.join(", ")
        };
        let is_started = context.chain.contains(path);
        let found = Finding::new(&CAPABILITY, format!("`{path}` carries {list}")).at(path);
        let found = found.severity(Severity::Error);
        findings.push(match is_started {
            true => found.says(format!("exec {path}: operation not permitted")),
            false => found,
        });
    }
}

/// The names of the permitted capabilities (capabilities(7), `struct vfs_cap_data`).
fn names(value: &[u8]) -> Vec<String> {
    const NAMES: [&str; 41] = [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];
    let word = |at: usize| -> u64 {
        let bytes = value
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default()).into()
    };
    let permitted = word(4) | word(12) << 32;
    let set = NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| permitted >> bit & 1 != 0);
    set.map(|(_, name)| format!("cap_{name}")).collect()
}
