//! What runtimes an image has: the C library, Pythons, Node.js, Java.

use std::collections::BTreeSet;

use distil_tree::loader::Loader;
use distil_tree::{Kind, Tree, TreePath};

use crate::container::ContainerConfig;
use crate::search;

/// The version of glibc that an image has: the highest that its libc defines.
pub fn glibc(loader: &Loader<'_>) -> Option<(u32, u32)> {
    let libc = loader
        .files()
        .iter()
        .filter(|(_, facts)| facts.soname.as_deref() == Some(b"libc.so.6"));
    let versions = libc.flat_map(|(_, facts)| &facts.version_definitions);
    versions
        .filter_map(|version| dotted(version.strip_prefix(b"GLIBC_")?))
        .max()
}

/// `2.38` of `2.38` and `2.2.5` alike: the first two numbers.
pub fn dotted(text: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split(['.', '_']);
    let mut number = || parts.next()?.parse().ok();
    Some((number()?, number()?))
}

/// The minor versions of the Python 3 that an image has: of its interpreters, and where none is
/// called so, of its standard libraries.
pub fn pythons(tree: &Tree) -> BTreeSet<u32> {
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

/// The minor versions of which an image has a Python without the global lock alone (PEP 703), which
/// is called `python3.14t`.
pub fn free_threaded(tree: &Tree) -> BTreeSet<u32> {
    let (mut free, mut usual) = (BTreeSet::new(), BTreeSet::new());
    for (path, entry) in tree.iter() {
        let version = path.name().and_then(|name| name.strip_prefix(b"python3."));
        let Some(version) = version.filter(|_| entry.is_executable()) else {
            continue;
        };
        let set = match version.ends_with(b"t") {
            true => &mut free,
            false => &mut usual,
        };
        set.extend(minor(version));
    }
    free.difference(&usual).copied().collect()
}

/// The minor version in `13` of `python3.13`, or in `14t` of a Python without the global lock.
pub fn minor(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text)
        .ok()?
        .trim_end_matches('t')
        .parse()
        .ok()
}

/// An image's Node.js: what its native add-ons and its applications have to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its `NODE_MODULE_VERSION`, as far as that is known.
    pub module_version: Option<u32>,
    /// Its major version.
    pub major: Option<u32>,
    /// The program or library, if it is there.
    file: Option<TreePath>,
}

/// Major versions and their `NODE_MODULE_VERSION`, from Node.js's own
/// `doc/abi_version_registry.json`.
const NODE_VERSIONS: [(u32, u32); 8] = [
    (14, 83),
    (16, 93),
    (18, 108),
    (20, 115),
    (22, 127),
    (24, 137),
    (25, 141),
    (26, 147),
];

/// The major version of Node.js that has a `NODE_MODULE_VERSION`.
pub fn major_of(module_version: u32) -> Option<u32> {
    let known = NODE_VERSIONS
        .iter()
        .find(|(_, known)| *known == module_version);
    known.map(|(major, _)| *major)
}

/// Where a Node.js tells its own version: the address of its headers.
const NODE_HEADERS: &[u8] = b"https://nodejs.org/download/release/v";

/// An image's Node.js, if it has one.
pub fn node(tree: &Tree, config: &ContainerConfig) -> Option<Node> {
    let of_major = |major: u32, file: Option<&TreePath>| Node {
        file: file.cloned(),
        module_version: NODE_VERSIONS
            .iter()
            .find(|(known, _)| *known == major)
            .map(|(_, version)| *version),
        major: Some(major),
    };
    let of_module = |version: u32, file: Option<&TreePath>| Node {
        file: file.cloned(),
        module_version: Some(version),
        major: major_of(version),
    };
    let (mut program, mut header) = (None, None);
    for (path, entry) in tree.iter() {
        let name = path.name().unwrap_or_default();
        // Debian's package: the version is the library's.
        if let Some(version) = name.strip_prefix(b"libnode.so.") {
            let version = std::str::from_utf8(version).ok()?.parse().ok()?;
            return Some(of_module(version, Some(path)));
        }
        // Everybody else's, if it came with headers.
        if name == b"node_version.h" {
            let file = entry.file();
            let text = file.and_then(|file| file.content.read(1 << 20).ok());
            let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
            let mut lines = text.lines();
            let line = lines.find_map(|line| line.strip_prefix("#define NODE_MODULE_VERSION "));
            if let Some(version) = line.and_then(|line| line.trim().parse().ok()) {
                header = header.or(Some(version));
            }
        }
        if matches!(name, b"node" | b"nodejs") && entry.is_executable() {
            program = program.or_else(|| Some((path, entry.file()?)));
        }
    }
    let file = program.map(|(path, _)| path);
    if let Some(version) = header {
        return Some(of_module(version, file));
    }
    let major = |text: &str| -> Option<u32> {
        let text = text.trim_start_matches('v');
        text.split('.').next()?.parse().ok()
    };
    if let Some(version) = config.variable("NODE_VERSION").and_then(major) {
        return Some(of_major(version, file));
    }
    let content = &program?.1.content;
    let start = search::positions(content, &[NODE_HEADERS])
        .ok()?
        .first()
        .copied()??;
    let version = search::bytes_from(content, start + NODE_HEADERS.len() as u64, 16).ok()?;
    let version = major(&String::from_utf8_lossy(&version))?;
    Some(of_major(version, file))
}

/// The highest version of Node-API that an image's Node.js has: it tells it in a message, `… only
/// supports version 9 add-ons.`, whose end is a text by itself (`src/node_api.cc`).
pub fn node_api(tree: &Tree, node: &Node) -> Option<u32> {
    const END: &[u8] = b" add-ons.\0";
    const DIGITS: u64 = 3;
    let (_, entry) = tree.follow(node.file.as_ref()?)?;
    let content = &entry.file()?.content;
    let at = search::positions(content, &[END])
        .ok()?
        .first()
        .copied()??;
    let start = at.checked_sub(DIGITS + 1)?;
    let bytes = search::bytes_from(content, start, usize::try_from(at - start).ok()?).ok()?;
    let text = &bytes[memchr::memrchr(0, &bytes)? + 1..];
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The version of musl that an image has, as its loader tells it: the text is a constant of its own
/// (musl's `src/internal/version.c`).
pub fn musl(tree: &Tree) -> Option<(u32, u32)> {
    let loader = tree.iter().find(|(path, _)| {
        let name = path.name().unwrap_or_default();
        name.starts_with(b"ld-musl-") && name.ends_with(b".so.1")
    });
    let (_, entry) = tree.follow(loader?.0)?;
    let content = &entry.file()?.content;
    // All versions since 2011 begin so.
    let starts: [&[u8]; 3] = [b"\x001.2.", b"\x001.1.", b"\x001.0."];
    let found = search::positions(content, &starts).ok()?;
    let at = found.into_iter().flatten().next()?;
    dotted(&search::bytes_from(content, at + 1, 4).ok()?)
}

/// The feature release of the Javas that an image has, such as 21: the lowest, if there are
/// several.
pub fn java(tree: &Tree) -> Option<u32> {
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
    // Debian's packages have no such file; the directory says it.
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
