//! What runtimes an image has: the C library, Pythons, Node.js, Java.

use std::collections::BTreeSet;

use distil_tree::{Kind, Tree, TreePath};

use crate::linker::Linker;
use crate::program;
use crate::subject::Subject;

/// The version of glibc that an image has: the highest that its libc defines.
pub(crate) fn glibc(linker: &Linker<'_>) -> Option<(u32, u32)> {
    let libc = linker
        .files
        .iter()
        .filter(|(_, facts)| facts.soname.as_deref() == Some(b"libc.so.6"));
    let versions = libc.flat_map(|(_, facts)| &facts.version_definitions);
    versions
        .filter_map(|version| dotted(version.strip_prefix(b"GLIBC_")?))
        .max()
}

/// `2.38` of `2.38` and `2.2.5` alike: the first two numbers.
pub(crate) fn dotted(text: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split(['.', '_']);
    let mut number = || parts.next()?.parse().ok();
    Some((number()?, number()?))
}

/// The minor versions of the Python 3 that an image has: of its interpreters, and where none is
/// called so, of its standard libraries.
pub(crate) fn pythons(tree: &Tree) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for (path, entry) in tree.iter() {
        let Some(name) = path.name().and_then(|name| std::str::from_utf8(name).ok()) else {
            continue;
        };
        if entry.is_directory() {
            continue;
        }
        let minor = match name {
            "os.py" | "os.pyc" => path
                .parent()
                .and_then(|folder| minor(folder.name()?.strip_prefix(b"python3.")?)),
            _ if entry.is_executable() => name
                .strip_prefix("python3.")
                .and_then(|n| minor(n.as_bytes())),
            _ => None,
        };
        found.extend(minor);
    }
    found
}

pub(crate) fn minor(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text)
        .ok()?
        .trim_end_matches('t')
        .parse()
        .ok()
}

/// The `NODE_MODULE_VERSION` of an image's Node.js, and how it is known.
pub(crate) fn node(subject: &Subject<'_>) -> Option<u32> {
    for (path, entry) in subject.tree().iter() {
        let name = path.name().unwrap_or_default();
        // Debian's package: the version is the library's.
        if let Some(version) = name.strip_prefix(b"libnode.so.") {
            return std::str::from_utf8(version).ok()?.parse().ok();
        }
        // Everybody else's, which comes with headers.
        if name == b"node_version.h" {
            let text = entry
                .file()
                .and_then(|file| file.content.read(1 << 20).ok())
                .unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("#define NODE_MODULE_VERSION "));
            if let Some(version) = line.and_then(|line| line.trim().parse().ok()) {
                return Some(version);
            }
        }
    }
    // Node.js's own table of releases, `doc/abi_version_registry.json`.
    let version = subject.config.variable("NODE_VERSION")?;
    let major: u32 = version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()?;
    Some(match major {
        16 => 93,
        18 => 108,
        20 => 115,
        22 => 127,
        24 => 137,
        _ => return None,
    })
}

/// The feature release of the Javas that an image has, such as 21: the lowest, if there are
/// several.
pub(crate) fn java(tree: &Tree) -> Option<u32> {
    let mut found = Vec::new();
    for (path, entry) in tree.iter() {
        if path.name() != Some(b"release") {
            continue;
        }
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        let Ok(text) = node.content.read(1 << 20) else {
            continue;
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
        let Some(version) = version else { continue };
        // Before Java 9 it was called 1.8.
        let version = version.strip_prefix("1.").unwrap_or(version);
        let feature = version.split(['.', '"', '-', '+', '_']).next();
        found.extend(feature.and_then(|feature| feature.parse::<u32>().ok()));
    }
    // Debian's packages have no such file; the folder says it.
    let folder = TreePath::of("usr/lib/jvm");
    let has_none = found.is_empty();
    for (path, entry) in tree.children(&folder).filter(|_| has_none) {
        let name = path
            .name()
            .and_then(|name| std::str::from_utf8(name).ok())
            .unwrap_or_default();
        let number = name
            .strip_prefix("java-")
            .and_then(|rest| rest.split('-').next());
        if entry.is_directory() {
            found.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
    }
    found.into_iter().min()
}

/// The programs that a container runs, one after the other: a script's interpreter, a virtual
/// environment's Python. The last is the runtime.
pub(crate) fn chain(subject: &Subject<'_>) -> Vec<TreePath> {
    let config = subject.config;
    let command = config.command();
    let Some(first) = command.first() else {
        return Vec::new();
    };
    let mut chain = Vec::new();
    let path = config.variable("PATH").unwrap_or(program::DEFAULT_PATH);
    let Ok(place) = program::find(subject.tree(), path, config.folder(), first) else {
        return chain;
    };
    chain.push(place);
    // A script of a script of a script is none (execve(2) stops at four).
    while let Some(last) = chain.last().filter(|_| chain.len() < 5) {
        let Some(entry) = subject.tree().get(last) else {
            break;
        };
        let Some(head) = entry
            .file()
            .and_then(|file| file.content.head(program::MAX_LINE).ok())
        else {
            break;
        };
        let Some((word, argument)) = program::shebang(&head) else {
            break;
        };
        let word = String::from_utf8_lossy(word).into_owned();
        let argument = argument.map(|argument| String::from_utf8_lossy(argument).into_owned());
        let Ok(next) = program::find(subject.tree(), path, config.folder(), &word) else {
            break;
        };
        let is_env = next.name() == Some(b"env");
        chain.push(next);
        if is_env && let Some(argument) = argument {
            let argument = argument.strip_prefix("-S").unwrap_or(&argument).trim();
            let named = argument.split_ascii_whitespace().next().unwrap_or_default();
            if let Ok(next) = program::find(subject.tree(), path, config.folder(), named) {
                chain.push(next);
            }
        }
    }
    chain
}
