//! Whether programs and libraries find what they load.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::TreePath;
use distil_tree::elf::Elf;
use serde::Deserialize;

use super::java_runtime::JavaRuntimes;
use super::plugins::Plugins;
use super::stack;
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{DAMAGED_ELF, DLOPEN, LIBRARY, LOADER, MACHINE, NOT_EXAMINED, VERSION};
use crate::severity::Severity;
use distil_inspect::closure::{Closure, is_program};
use distil_inspect::{newer_release, release};
use distil_tree::loader::{Damaged, Libc, Library, machine, machine_name};

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    damaged(context, findings);
    // What is for other platforms, and there for the container's, too, is missing nothing.
    let variants = context.others();
    let mut foreign = machines(context, &variants, findings);
    foreign.extend(variants);
    let closure = Closure::of(
        &context.loader,
        context.subject.tree(),
        &context.chain,
        &foreign,
    );
    for one in closure.missing.iter().filter(|one| one.is_loader) {
        findings.push(no_loader(context, &one.path, &one.library));
    }
    missing(context, &closure, findings);
    stack::check(context, &closure, &foreign, findings);
    preloaded(context, findings);
    versions(context, &closure, findings);
    notes(context, &foreign, findings);
    if context.loader.is_exhausted() {
        let problem = "the programs load more libraries in all than are looked up";
        findings.push(Finding::new(&NOT_EXAMINED, problem));
    }
}

fn damaged(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for Damaged { path, error, .. } in context.loader.damaged() {
        let owned_by_package = context.owned.contains(path);
        let is_started = context.chain.contains(path);
        let entry = context.subject.tree().get(path);
        let is_executable = entry.is_some_and(distil_tree::Entry::is_executable);
        let name = path.name().unwrap_or_default();
        let is_loaded = memchr::memmem::find(name, b".so").is_some() || name.ends_with(b".node");
        let severity = match (is_started, is_executable || is_loaded, owned_by_package) {
            (true, ..) => Severity::Error,
            (false, true, false) => Severity::Error,
            (false, true, true) => Severity::Warning,
            // Data for tests of debuggers, and the like.
            (false, false, _) => Severity::Info,
        };
        let found = Finding::new(&DAMAGED_ELF, format!("`{path}` cannot be loaded: {error}"));
        let found = found.at(path).severity(severity);
        findings.push(match is_executable {
            true => found.says(format!("exec {path}: exec format error")),
            false => found,
        });
    }
}

/// Files for other machines than the image's: reported, and told.
fn machines(
    context: &Context<'_>,
    variants: &BTreeSet<TreePath>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<TreePath> {
    let mut foreign = BTreeSet::new();
    let Some(wanted) = machine(&context.subject.config.architecture) else {
        return foreign;
    };
    // 32-bit programs run where 64-bit ones do.
    let also: &[u16] = match wanted {
        62 => &[3],
        183 => &[40],
        _ => &[],
    };
    for (path, facts) in context.loader.files() {
        let machine = facts.abi.machine;
        if machine == wanted || also.contains(&machine) {
            continue;
        }
        foreign.insert(path.clone());
        if variants.contains(path) {
            continue;
        }
        let is_started = context.chain.contains(path);
        let entry = context.subject.tree().get(path);
        let is_executable = entry.is_some_and(distil_tree::Entry::is_executable);
        // BPF, firmware and the prebuilt add-ons of many machines side by side are data.
        let severity = match (is_started, is_program(context.subject.tree(), path, facts)) {
            (true, _) => Severity::Error,
            (false, true) => Severity::Warning,
            (false, false) => Severity::Info,
        };
        let problem = format!(
            "`{path}` is for {}, and the image is for {}",
            machine_name(machine),
            machine_name(wanted)
        );
        let found = Finding::new(&MACHINE, problem).at(path).severity(severity);
        findings.push(match is_executable {
            true => found.says(format!("exec {path}: exec format error")),
            false => found,
        });
    }
    foreign
}

fn no_loader(context: &Context<'_>, program: &TreePath, loader: &[u8]) -> Finding {
    let loader_text = shown(loader);
    let problem = format!("`{program}` is started by `{loader_text}`, which is not in the image");
    let is_main = context.chain.contains(program);
    let severity = match is_main || !context.owned.contains(program) {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let found = Finding::new(&LOADER, problem)
        .at(program)
        .library(loader_text)
        .severity(severity);
    let found = found.says(format!("exec {program}: no such file or directory"));
    if memchr::memmem::find(loader, b"ld-musl-").is_some() {
        return found
            .remedy("it was built on Alpine, or for musl: build it on Debian, or statically");
    }
    match is_main {
        true => found,
        false => {
            found.remedy("take an image with a C library (`base`, `cc`), or remove the program")
        }
    }
}

/// What is said when a library cannot be loaded: by the loader for programs, by runtimes for
/// modules, in which the loader's words are.
pub(super) fn said(
    context: &Context<'_>,
    program: &TreePath,
    is_program: bool,
    words: &str,
) -> String {
    let name = program.name().unwrap_or_default();
    if is_program {
        return format!("{program}: {words}");
    }
    let is_standard = program.parts().any(|part| part.starts_with(b"python3"));
    let has = |word: &[u8]| memchr::memmem::find(name, word).is_some();
    let is_extension = has(b".cpython-") || has(b".abi3.");
    let is_python = is_standard || is_extension || context.package_root(program).is_some();
    let words = words
        .strip_prefix("error while loading shared libraries: ")
        .unwrap_or(words);
    match (name.ends_with(b".node"), is_python) {
        (true, _) => format!("Error: {words}"),
        (false, true) => format!("ImportError: {words}"),
        (false, false) => words.to_owned(),
    }
}

/// A file, the program that it is loaded for, and whether that is the image's own.
type Needing<'a> = (&'a TreePath, &'a TreePath, bool);

/// The same, with the library that it gets.
type Bound<'a> = (&'a TreePath, &'a Library, &'a TreePath, bool);

fn missing(context: &Context<'_>, closure: &Closure, findings: &mut Vec<Finding>) {
    let mut names: BTreeMap<&[u8], &TreePath> = BTreeMap::new();
    for path in context
        .subject
        .tree()
        .iter()
        .filter(|(_, entry)| !entry.is_directory())
        .map(|(path, _)| path)
    {
        names.entry(path.name().unwrap_or_default()).or_insert(path);
    }
    // One finding a library, with all that need it.
    let mut by_name: BTreeMap<(&[u8], bool), Vec<Needing<'_>>> = BTreeMap::new();
    let mut java = JavaRuntimes::default();
    let plugins = Plugins::of(context, closure);
    for one in closure.missing.iter().filter(|one| !one.is_loader) {
        if java.take(context, one) {
            continue;
        }
        by_name
            .entry((&one.library, one.is_started))
            .or_default()
            .push((&one.path, &one.program, one.is_started));
    }
    for ((name, is_main), mut needs) in by_name {
        // Files that are nobody's package come first: they are what the user added.
        needs.sort_by_key(|(path, ..)| (context.owned.contains(*path), *path));
        let Some((path, program, _)) = needs.first().copied() else {
            continue;
        };
        let elsewhere = names.get(name).copied();
        let all_owned = needs.iter().all(|(path, ..)| context.owned.contains(*path));
        let facts = &context.loader.files()[path];
        let libc = context.loader.libc(facts);
        let variants = context
            .loader
            .variants(std::slice::from_ref(path), name, libc);
        let variant = variants.into_iter().next();
        let severity = match (is_main, elsewhere.is_some(), all_owned) {
            // Many machines find it.
            _ if variant.is_some() => Severity::Warning,
            (true, ..) => Severity::Error,
            (false, true, _) => Severity::Info,
            (false, false, true) => Severity::Warning,
            (false, false, false) if needs.iter().all(|(path, ..)| plugins.is_optional(path)) => {
                Severity::Warning
            }
            (false, false, false) => Severity::Error,
        };
        let text = shown(name);
        let mut problem = format!("`{path}` needs `{text}`, which the loader will not find");
        if let Some(variant) = &variant {
            let (machines, place) = (variant.machines, &variant.library.place);
            problem += &match variant.is_level {
                true => format!(" on machines below {machines}: `{place}` is for that level alone"),
                false => format!(" on machines without {machines}: `{place}` is for such alone"),
            };
        } else if let Some(elsewhere) = elsewhere {
            problem += &format!("; `{elsewhere}` is where it does not look");
        }
        let words = match libc {
            Libc::Glibc => format!(
                "error while loading shared libraries: {text}: cannot open shared object file: No such file or directory"
            ),
            Libc::Musl => {
                let needed_by = shown(path.as_bytes());
                format!(
                    "Error loading shared library {text}: No such file or directory (needed by /{needed_by})"
                )
            }
        };
        let is_program = context
            .loader
            .files()
            .get(program)
            .is_some_and(|facts| is_program(context.subject.tree(), program, facts));
        let message = match libc {
            Libc::Musl if is_program => words,
            _ => said(context, program, is_program, &words),
        };
        let elsewhere = elsewhere.filter(|_| variant.is_none());
        let package = (context.options.package_of)(&text);
        let remedy = match (elsewhere, &package) {
            (None, None) if variant.is_some() => format!(
                "put a `{text}` for all machines where the loader looks on all of them, or run the image on such machines only"
            ),
            (Some(elsewhere), _) => {
                let folder = elsewhere.parent().unwrap_or_default();
                format!(
                    "set `LD_LIBRARY_PATH={folder}` if nothing loads it first, or link with an RPATH"
                )
            }
            (None, Some(package)) => format!(
                "add Debian's package `{package}`, which has it: `distil build … --add {package}`, or `packages: [{package}]` in a definition"
            ),
            (None, None) if is_for_musl(facts) => format!(
                "`{path}` was built for musl, and the image's C library is glibc: install it on Debian (`npm ci`, `npm rebuild` or `pip install` in a build stage that is no Alpine)"
            ),
            (None, None) => LIBRARY.remedy.to_owned(),
        };
        let others = needs
            .iter()
            .skip(1)
            .map(|(path, ..)| (*path).clone())
            .collect();
        let found = Finding::new(&LIBRARY, problem).at(path).severity(severity);
        let package = package.filter(|_| elsewhere.is_none());
        let found = found.library(text).package(package);
        findings.push(found.others(others).says(message).remedy(remedy));
    }
    findings.extend(java.findings(context));
}

/// Whether a library was built for musl by what it needs: glibc's is called `libc.so.6`.
fn is_for_musl(facts: &Elf) -> bool {
    let is_musl = |name: &Vec<u8>| name == b"libc.so" || name.starts_with(b"libc.musl-");
    facts.needed.iter().any(is_musl)
}

/// What `LD_PRELOAD` names (ld.so(8)): the loader goes on without it, and says so each time.
fn preloaded(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let value = context.subject.config.variable("LD_PRELOAD");
    let program = context.chain.last().map(std::slice::from_ref);
    let facts = program.and_then(|program| context.loader.files().get(program.first()?));
    let (Some(value), Some(program), Some(facts)) = (value, program, facts) else {
        return;
    };
    let libc = context.loader.libc(facts);
    let names = value.split([':', ' ']).filter(|name| !name.is_empty());
    for name in names.take(64) {
        if context
            .loader
            .find(program, name.as_bytes(), libc)
            .is_some()
        {
            continue;
        }
        let name = shown(name);
        let problem = format!("LD_PRELOAD names `{name}`, which the loader will not find");
        let message = format!(
            "ERROR: ld.so: object '{name}' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored."
        );
        let found = Finding::new(&LIBRARY, problem).severity(Severity::Warning);
        findings.push(
            found
                .says(message)
                .remedy("copy the library to where it is named, or unset the variable"),
        );
    }
}

fn versions(context: &Context<'_>, closure: &Closure, findings: &mut Vec<Finding>) {
    let bound = closure.bound.iter();
    let bound = bound.map(|one| {
        (
            &one.path,
            &one.name,
            &one.library,
            &one.program,
            one.is_started,
        )
    });
    // Better machines may get another library, which has to have the versions, too.
    let variants: Vec<_> = bound
        .clone()
        .flat_map(|(path, name, _, program, is_main)| {
            let facts = context.loader.files().get(path);
            let libc = facts.map_or(Libc::Musl, |facts| context.loader.libc(facts));
            let chain = std::slice::from_ref(path);
            let variants = context.loader.variants(chain, name, libc).into_iter();
            variants.map(move |one| (path, name, one.library, program, is_main))
        })
        .collect();
    let variants = variants
        .iter()
        .map(|(path, name, library, program, is_main)| (*path, *name, library, *program, *is_main));
    let mut wanting: BTreeMap<(Vec<u8>, Vec<u8>), Vec<Bound<'_>>> = BTreeMap::new();
    for (path, name, library, program, is_main) in bound.chain(variants) {
        let (Some(facts), Some(provider)) = (
            context.loader.files().get(path),
            context.loader.files().get(&library.place),
        ) else {
            continue;
        };
        // A library without any versions is taken with a warning; musl knows none.
        if provider.version_definitions.is_empty() || context.loader.libc(facts) == Libc::Musl {
            continue;
        }
        for need in facts
            .version_needs
            .iter()
            .filter(|need| need.library == *name && !need.is_weak)
        {
            if !provider.version_definitions.contains(&need.version) {
                let key = (name.clone(), need.version.clone());
                wanting
                    .entry(key)
                    .or_default()
                    .push((path, library, program, is_main));
            }
        }
    }
    let release = release(context.subject.tree());
    // The loader tells the first; of one library the highest version says all.
    let mut told: BTreeSet<(TreePath, Vec<u8>)> = BTreeSet::new();
    let mut order: Vec<_> = wanting.into_iter().collect();
    order.sort_by_key(|((name, version), _)| (name.clone(), std::cmp::Reverse(numbers(version))));
    for ((name, version), mut needs) in order {
        needs.retain(|(path, ..)| told.insert(((*path).clone(), name.clone())));
        needs.sort_by_key(|(path, _, _, is_main)| (!is_main, context.owned.contains(*path), *path));
        let Some((path, library, program, is_main)) = needs.first().copied() else {
            continue;
        };
        let provider = &context.loader.files()[&library.place];
        let kind = version
            .split(|&byte| byte == b'_')
            .next()
            .unwrap_or_default();
        let highest = provider.version_definitions.iter();
        let highest = highest.filter(|one| one.split(|&byte| byte == b'_').next() == Some(kind));
        let highest = highest.max_by_key(|version| numbers(version));
        let newer = release.as_deref().and_then(|release| {
            let newer = newer_release(&version, release)?;
            Some(format!(
                "it was built on Debian {newer} or newer, and this image is made of {release}: \
                 build it on {release}, or take an image of {newer}"
            ))
        });
        let (version, library_name) = (shown(&version), shown(&name));
        let mut problem =
            format!("`{path}` needs `{version}` of `{library_name}`, which does not have it");
        if let Some(highest) = highest {
            problem += &format!(": it ends at `{}`", shown(highest));
        }
        let words = format!(
            "{}: version `{version}' not found (required by {path})",
            shown(&library.shown)
        );
        let is_program = context
            .loader
            .files()
            .get(program)
            .is_some_and(|facts| is_program(context.subject.tree(), program, facts));
        let severity = match is_main
            || needs
                .iter()
                .any(|(path, ..)| !context.owned.contains(*path))
        {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let others = needs
            .iter()
            .skip(1)
            .map(|(path, ..)| (*path).clone())
            .collect();
        let found = Finding::new(&VERSION, problem).at(path).severity(severity);
        let found = found.library(library_name);
        let found = found
            .others(others)
            .says(said(context, program, is_program, &words));
        findings.push(match newer {
            Some(remedy) => found.remedy(remedy),
            None => found,
        });
    }
}

/// The numbers of a version, to find the highest.
fn numbers(version: &[u8]) -> Vec<u32> {
    let parts = version.split(|byte| !byte.is_ascii_digit());
    let parts = parts.filter_map(|part| std::str::from_utf8(part).ok()?.parse().ok());
    parts.collect()
}

#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    feature: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    soname: Vec<String>,
}

fn notes(context: &Context<'_>, foreign: &BTreeSet<TreePath>, findings: &mut Vec<Finding>) {
    for (path, facts) in context.loader.files() {
        if foreign.contains(path) {
            continue;
        }
        let libc = context.loader.libc(facts);
        let notes = facts.dlopen_notes.iter().take(64);
        let notes = notes
            .filter_map(|text| serde_json::from_slice::<Vec<Note>>(text).ok())
            .flatten();
        for note in notes {
            let finds = |name: &String| {
                context
                    .loader
                    .find(std::slice::from_ref(path), name.as_bytes(), libc)
                    .is_some()
            };
            if note.soname.is_empty() || note.soname.iter().any(finds) {
                continue;
            }
            let severity = match note.priority.as_str() {
                "required" => Severity::Warning,
                "recommended" => Severity::Info,
                _ => continue,
            };
            let names: Vec<String> = note
                .soname
                .iter()
                .take(8)
                .map(|name| format!("`{}`", shown(name)))
                .collect();
            let what = match (note.feature.as_str(), note.description.as_str()) {
                ("", "") => String::new(),
                (feature, "") => format!(" for {}", shown(feature)),
                (_, description) => format!(" ({})", shown(description)),
            };
            let problem = format!(
                "`{path}` loads {} at run time{what}, which is not in the image",
                names.join(" or ")
            );
            let found = Finding::new(&DLOPEN, problem).at(path).severity(severity);
            let package = note
                .soname
                .first()
                .and_then(|name| (context.options.package_of)(name));
            findings.push(match package {
                Some(package) => found.remedy(format!(
                    "add Debian's package `{package}` if that is wanted"
                )),
                None => found,
            });
        }
    }
}
