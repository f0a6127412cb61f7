//! What scripts of packages that every system has leave behind: accounts, usual directories and
//! links, lists of shells and certificates, and apt's sources.

use std::fmt::Write;

use distil_debian::archive::Mirrors;
use distil_debian::deb::PackageFile;
use distil_debian::distribution::Area;
use distil_tree::{Entry, Kind, Metadata, Origin, TreePath};

use crate::generation::{GenerateError, Generation};
use crate::merged_usr::folded;
use distil_definition::{Accounts, Group, User};
use distil_lock::Contents;
use distil_maintscript::MAX_INPUT;

const WHAT: &str = "what packages leave behind";

/// The directories that base-files and ca-certificates make: path, mode, group.
const FOLDERS: &[(&str, u32, u32)] = &[
    ("mnt", 0o755, 0),
    ("srv", 0o755, 0),
    ("opt", 0o755, 0),
    ("media", 0o755, 0),
    ("etc/opt", 0o755, 0),
    ("var/opt", 0o755, 0),
    ("var/mail", 0o2775, 8),
    ("run/lock", 0o1777, 0),
    ("usr/local/bin", 0o755, 0),
    ("usr/local/etc", 0o755, 0),
    ("usr/local/games", 0o755, 0),
    ("usr/local/include", 0o755, 0),
    ("usr/local/lib", 0o755, 0),
    ("usr/local/libexec", 0o755, 0),
    ("usr/local/sbin", 0o755, 0),
    ("usr/local/share/ca-certificates", 0o755, 0),
    ("usr/local/share/man", 0o755, 0),
    ("usr/local/src", 0o755, 0),
];

/// Files that are copied when they are not there: from and to.
const COPIES: &[(&str, &str)] = &[
    ("usr/share/base-files/dot.profile", "root/.profile"),
    ("usr/share/base-files/dot.bashrc", "root/.bashrc"),
    ("usr/share/base-files/profile", "etc/profile"),
    ("usr/share/base-files/motd", "etc/motd"),
    ("usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"),
    ("usr/share/readline/inputrc", "etc/inputrc"),
    ("usr/share/debianutils/shells", "etc/shells"),
];

/// Empty files: path, mode, group.
const EMPTY: &[(&str, u32, u32)] = &[
    ("etc/subuid", 0o644, 0),
    ("etc/subgid", 0o644, 0),
    ("etc/environment", 0o644, 0),
    ("etc/security/opasswd", 0o600, 0),
    ("var/log/wtmp", 0o664, 43),
    ("var/log/btmp", 0o660, 43),
    ("var/log/lastlog", 0o664, 43),
];

/// Links that are made where nothing is.
const LINKS: &[(&str, &str)] = &[
    ("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"),
    ("usr/local/man", "share/man"),
    ("var/spool/mail", "../mail"),
];

const NETWORKS: &str = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n";

const BYTE_COMPILE: &str = "[DEFAULT]\n# how to byte-compile (comma separated: standard, optimize)\n\
                            byte-compile = standard\n";

/// The accounts of base-passwd.
pub(crate) struct Masters {
    accounts: Accounts,
}

impl Masters {
    /// These, and those of the others that have neither a name nor a number of these.
    pub(crate) fn with(self, others: &Accounts) -> Accounts {
        let mut all = self.accounts;
        for user in &others.users {
            if all
                .users
                .iter()
                .all(|one| one.name != user.name && one.uid != user.uid)
            {
                all.users.push(user.clone());
            }
        }
        for group in &others.groups {
            if all
                .groups
                .iter()
                .all(|one| one.name != group.name && one.gid != group.gid)
            {
                all.groups.push(group.clone());
            }
        }
        all
    }
}

/// Reads the accounts that base-passwd ships.
pub(crate) fn masters(contents: &Contents) -> Result<Masters, GenerateError> {
    let mut accounts = Accounts::default();
    for line in master(contents, "passwd")?.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, uid, gid, comment, home, _] = fields[..]
            && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
        {
            accounts.users.push(User {
                name: name.to_owned(),
                uid,
                gid: Some(gid),
                home: Some(home.to_owned()),
                comment: Some(comment.to_owned()),
            });
        }
    }
    for line in master(contents, "group")?.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, gid, _] = fields[..]
            && let Ok(gid) = gid.parse()
        {
            accounts.groups.push(Group {
                name: name.to_owned(),
                gid,
                members: Vec::new(),
            });
        }
    }
    Ok(Masters { accounts })
}

/// The text of a `.master` file.
fn master(contents: &Contents, name: &str) -> Result<String, GenerateError> {
    let path = format!("usr/share/base-passwd/{name}.master");
    let bytes = contents.get("base-passwd").and_then(|file| {
        let mut entries = file.package.entries.iter();
        let entry = entries.find(|entry| folded(&entry.path) == TreePath::of(&path))?;
        PackageFile::content(file, entry)?.head(MAX_INPUT).ok()
    });
    let bytes = bytes.ok_or_else(|| GenerateError::Input {
        path: format!("/{path}"),
        what: WHAT,
        problem: "is not in the package `base-passwd`, or cannot be read".to_owned(),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn generate(
    generation: &mut Generation<'_>,
    contents: &Contents,
) -> Result<(), GenerateError> {
    accounts(generation, contents)?;
    for (path, mode, group) in FOLDERS {
        put(generation, path, Kind::Directory, *mode, *group)?;
    }
    for (from, to) in COPIES {
        if let Some(bytes) = generation.read(WHAT, &TreePath::of(from))? {
            put(generation, to, Kind::file(bytes), 0o644, 0)?;
        }
    }
    for (path, mode, group) in EMPTY {
        put(generation, path, Kind::file(Vec::new()), *mode, *group)?;
    }
    for (path, target) in LINKS {
        put(generation, path, Kind::symlink(target), 0o777, 0)?;
    }
    let origin = Kind::symlink(generation.suite.distribution.id);
    put(generation, "etc/dpkg/origins/default", origin, 0o777, 0)?;
    put(generation, "etc/networks", Kind::file(NETWORKS), 0o644, 0)?;
    python(generation, contents)?;
    shells(generation)?;
    certificates(generation)?;
    sources(generation)
}

/// Puts an entry where nothing is yet.
fn put(
    generation: &mut Generation<'_>,
    path: &str,
    kind: Kind,
    mode: u32,
    gid: u32,
) -> Result<(), GenerateError> {
    let path = TreePath::of(path);
    let place = generation
        .tree
        .place(&path)
        .unwrap_or_else(|_| path.clone());
    if generation.tree.get(&place).is_some() {
        return Ok(());
    }
    let meta = Metadata {
        gid,
        ..Metadata::root(mode, generation.mtime)
    };
    let entry = Entry {
        kind,
        meta,
        origin: Origin::Generated(WHAT.into()),
        layer: generation.layer,
    };
    let inserted = generation.tree.insert(&path, entry);
    inserted
        .map(drop)
        .map_err(|source| GenerateError::Insert { what: WHAT, source })
}

/// `/etc/passwd` and `/etc/group`: base-passwd's lines as they are, then the others.
fn accounts(generation: &mut Generation<'_>, contents: &Contents) -> Result<(), GenerateError> {
    let (mut passwd, mut group) = (master(contents, "passwd")?, String::new());
    let known = masters(contents)?.accounts;
    let accounts = generation.accounts;
    for user in &accounts.users {
        if known.users.iter().all(|one| one.name != user.name) {
            passwd.push_str(&crate::generate::accounts::passwd_line(user));
        }
    }
    // Members may have been added to the groups that are known.
    for one in &accounts.groups {
        let is_known = known.groups.iter().any(|other| other.name == one.name);
        let mark = if is_known { '*' } else { 'x' };
        let _ = writeln!(
            group,
            "{}:{mark}:{}:{}",
            one.name,
            one.gid,
            one.members.join(",")
        );
    }
    put(
        generation,
        "etc/passwd",
        Kind::file(passwd.into_bytes()),
        0o644,
        0,
    )?;
    put(
        generation,
        "etc/group",
        Kind::file(group.into_bytes()),
        0o644,
        0,
    )
}

/// The shells that packages declare, and the note of which they were: what update-shells(8)
/// writes where there is neither yet.
fn shells(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let template = TreePath::of("usr/share/debianutils/shells");
    let folder = TreePath::of("usr/share/debianutils/shells.d");
    let children = generation.tree.children(&folder);
    let lists: Vec<TreePath> = std::iter::once(template.clone())
        .chain(children.map(|(path, _)| path.clone()))
        .collect();
    let mut declared: Vec<String> = Vec::new();
    for list in lists {
        for line in text_of(generation, &list)?.lines() {
            let shell = line.split('#').next().unwrap_or_default();
            let Ok(path) = TreePath::from_absolute(shell) else {
                continue;
            };
            let real = generation.tree.place(&path);
            for shell in std::iter::once(shell.to_owned()).chain(real.map(|path| path.to_string()))
            {
                if !declared.contains(&shell) {
                    declared.push(shell);
                }
            }
        }
    }
    if declared.is_empty() {
        return Ok(());
    }
    let path = TreePath::of("etc/shells");
    let mut text = text_of(generation, &path)?;
    for shell in &declared {
        if text.lines().all(|line| line != shell) {
            let _ = writeln!(text, "{shell}");
        }
    }
    generation.file(WHAT, &path, text.into_bytes())?;
    let state: String = declared.iter().map(|shell| format!("{shell}\n")).collect();
    put(
        generation,
        "var/lib/shells.state",
        Kind::file(state.into_bytes()),
        0o644,
        0,
    )
}

/// The text of a file in the tree; nothing if it is not there.
fn text_of(generation: &Generation<'_>, path: &TreePath) -> Result<String, GenerateError> {
    let bytes = generation.read(WHAT, path)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where each Python looks for modules that pip and users install, and the note by which its
/// script knows that it has been there.
fn python(generation: &mut Generation<'_>, contents: &Contents) -> Result<(), GenerateError> {
    if contents.get("python3").is_some() {
        let path = "etc/python3/debian_config";
        put(generation, path, Kind::file(BYTE_COMPILE), 0o644, 0)?;
    }
    let is_python = |name: &&String| {
        let version = name.strip_prefix("python3.");
        version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
    };
    for name in contents.packages().keys().filter(is_python) {
        let modules = format!("usr/local/lib/{name}/dist-packages");
        put(generation, &modules, Kind::Directory, 0o755, 0)?;
        let note = format!("var/lib/python/{name}_installed");
        put(generation, &note, Kind::file(Vec::new()), 0o644, 0)?;
    }
    Ok(())
}

/// Which certificates update-ca-certificates(8) is to trust: all of Debian's.
fn certificates(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let folder = TreePath::of("usr/share/ca-certificates");
    let mut text =
        "# The certificates of /usr/share/ca-certificates that are trusted; `!` before one \
                    says that it is not. See update-ca-certificates(8).\n"
            .to_owned();
    let depth = folder.join("").as_bytes().len();
    for (path, _) in generation.tree.below(&folder) {
        if path.as_bytes().ends_with(b".crt") {
            let name = path.as_bytes().get(depth..).unwrap_or_default();
            let _ = writeln!(text, "{}", String::from_utf8_lossy(name));
        }
    }
    put(
        generation,
        "etc/ca-certificates.conf",
        Kind::file(text.into_bytes()),
        0o644,
        0,
    )
}

/// apt's sources: public mirrors, whatever the packages were fetched from, because the same
/// inputs give the same bytes on every machine. A definition's own file is left as it is.
fn sources(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let distribution = generation.suite.distribution;
    let mirrors = Mirrors::public(distribution, generation.architecture.debian());
    let mut text = String::new();
    for (area, list) in [
        (Area::Main, &mirrors.main),
        (Area::Security, &mirrors.security),
    ] {
        let Some(mirror) = list.first() else {
            continue;
        };
        let pockets = generation.suite.pockets();
        let suites = pockets.into_iter().filter(|(_, of)| *of == area);
        let suites: Vec<String> = suites.map(|(name, _)| name).collect();
        let _ = writeln!(
            text,
            "Types: deb\nURIs: {mirror}\nSuites: {}\nComponents: {}\nSigned-By: {}\n",
            suites.join(" "),
            distribution.components.join(" "),
            distribution.apt_keyring
        );
    }
    let path = format!("etc/apt/sources.list.d/{}.sources", distribution.id);
    put(generation, &path, Kind::file(text.into_bytes()), 0o644, 0)
}

#[cfg(test)]
mod tests;
