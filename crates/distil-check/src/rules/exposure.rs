//! What an attacker would find in the image.

use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::command::is_whole;
use distil_inspect::exposure::{Exposure, ExposureKind, Toolbox, by_name, exposures};
use distil_tree::{Kind, TreePath};

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{
    CAPABILITY, COMPILER, DEBUGGER, DEVICE, INTERPRETER, PACKAGE_MANAGER, Rule, SETUID, SHELL,
    TOOLBOX, WORLD_WRITABLE,
};
use crate::severity::Severity;
use crate::venvs;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let runtimes: BTreeSet<TreePath> = context
        .chain
        .iter()
        .chain(context.subject.runtimes)
        .cloned()
        .collect();
    let programs = context.loader.files().keys();
    for exposure in exposures(context.subject.tree(), programs, &runtimes) {
        // A virtual environment without its Python is told as such.
        let root = exposure.place.parent().and_then(|bin| bin.parent());
        let is_dead = root.is_some_and(|root| context.dead_venvs.contains(&root));
        if !(is_dead && exposure.kind == ExposureKind::Interpreter) {
            findings.push(finding(context, exposure));
        }
    }
    modes(context, findings);
    capabilities(context, findings);
    for (path, device) in &context.subject.filesystem.devices {
        findings.push(Finding::new(&DEVICE, format!("`{path}` is a {}", device.word)).at(path));
    }
}

fn rule(kind: ExposureKind) -> &'static Rule {
    match kind {
        ExposureKind::Shell => &SHELL,
        ExposureKind::Toolbox => &TOOLBOX,
        ExposureKind::PackageManager => &PACKAGE_MANAGER,
        ExposureKind::Setuid => &SETUID,
        ExposureKind::Interpreter => &INTERPRETER,
        ExposureKind::Compiler => &COMPILER,
        ExposureKind::Debugger => &DEBUGGER,
    }
}

fn finding(context: &Context<'_>, exposure: Exposure) -> Finding {
    let Exposure {
        kind,
        place,
        mut paths,
        toolbox,
    } = exposure;
    let others = paths.split_off(1.min(paths.len()));
    let first = paths.pop().unwrap_or(place);
    let entry = context.subject.tree().get(&first);
    let what = match kind {
        ExposureKind::Setuid => {
            let mode = entry.map_or(0, |entry| entry.meta.mode);
            let bits = match (mode & 0o4000 != 0, mode & 0o2000 != 0) {
                (true, true) => "setuid and setgid",
                (true, false) => "setuid",
                _ => "setgid",
            };
            format!("{bits}, mode {mode:04o}")
        }
        ExposureKind::Compiler => "a compiler or linker".to_owned(),
        ExposureKind::Debugger => "a debugger or tracer".to_owned(),
        ExposureKind::Interpreter => "an interpreter that is not the image's runtime".to_owned(),
        kind => kind.phrase().to_owned(),
    };
    let mut problem = format!("`{first}` is {what}");
    match toolbox {
        Some(Toolbox::Applets(applets)) if !applets.is_empty() => {
            problem += &format!(", one of the {} applets in it", applets.len());
        }
        Some(Toolbox::Shell) if entry.is_none_or(|entry| by_name(&first, entry).is_none()) => {
            problem += " by its content, whatever it is called";
        }
        _ => {}
    }
    let rule = rule(kind);
    // Where nobody says what the image runs, as of a bare directory, any of them may be the runtime.
    // So it is where what runs is not there, which is an error by itself.
    let is_interpreter = kind == ExposureKind::Interpreter;
    let severity = match context.subject.config.command().is_empty() {
        true if is_interpreter => Severity::Warning,
        false if is_interpreter && !is_whole(&context.processes) => Severity::Info,
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
    let open: BTreeMap<&TreePath, &distil_tree::Entry> = open.into_iter().collect();
    let is_open = |path: &TreePath| open.get(path).is_some_and(|entry| entry.is_directory());
    for (path, entry) in &open {
        // A directory says all of what lies in it.
        let is_told = |directory: TreePath| is_open(&directory);
        if path.ancestors().any(is_told) || is_lock(context, path) {
            continue;
        }
        let first = path.join("");
        let below = open.range::<TreePath, _>(&first..);
        let below = below.take_while(|(other, _)| other.as_bytes().starts_with(first.as_bytes()));
        let others: Vec<TreePath> = match entry.is_directory() {
            true => below.map(|(other, _)| (*other).clone()).collect(),
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

/// Whether a file is the lock that `uv venv` makes in a virtual environment for every user: it is
/// empty, and nothing reads it.
fn is_lock(context: &Context<'_>, path: &TreePath) -> bool {
    let tree = context.subject.tree();
    let file = tree.get(path).and_then(|entry| entry.file());
    let is_empty = file.is_some_and(|file| file.content.size() == 0);
    let beside = path.parent().map(|root| root.join(venvs::CONFIGURATION));
    let is_in_venv = beside.is_some_and(|path| tree.get(&path).is_some());
    is_empty && is_in_venv && path.name() == Some(b".lock")
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
