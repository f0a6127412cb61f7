//! `/var/lib/dpkg`: what dpkg(1) knows of packages that are installed.
//!
//! The formats are dpkg's own: `status` is one stanza a package with `Status` and `Conffiles`;
//! `info` has each package's control members and the list of its files, named with the
//! architecture where the package is `Multi-Arch: same` (`info/format` 1); `triggers/File` has
//! the paths that packages watch, and a file of its own each trigger that has a name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use distil_debian::deb::{EntryKind, PackageFile};
use distil_debian::package::MultiArch;
use distil_tree::{Kind, Origin, TreePath};

use super::input::{Diverted, Installed};
use crate::assembly::InstalledPackage;
use crate::generation::{GenerateError, Generation};
use crate::merged_usr::folded;

const WHAT: &str = "the database of dpkg";

const FOLDER: &str = "var/lib/dpkg";

/// The longest name of a control member or trigger: file systems take names of 255 bytes, and
/// that of a package stands in front.
const MAX_NAME: usize = 100;

/// Who watches a path or a name.
type Triggers = BTreeMap<String, Vec<String>>;

pub(super) fn generate(
    generation: &mut Generation<'_>,
    installed: &Installed<'_>,
) -> Result<(), GenerateError> {
    let folder = TreePath::of(FOLDER);
    let info = folder.join("info");
    let mut left_out: BTreeMap<&str, BTreeSet<&TreePath>> = BTreeMap::new();
    for one in installed.left_out {
        left_out.entry(&one.package).or_default().insert(&one.path);
    }
    let mut packages: Vec<&InstalledPackage> = generation.packages.iter().collect();
    packages.sort_by(|a, b| a.locked.name.cmp(&b.locked.name));
    let mut status = String::new();
    let mut triggers = Triggers::new();
    for package in packages {
        let name = package.locked.name.as_str();
        let Some(file) = installed.contents.get(name) else {
            continue;
        };
        let nothing = BTreeSet::new();
        let omitted = left_out.get(name).unwrap_or(&nothing);
        let listed = listed(generation, name, file, omitted, installed.diversions);
        let qualified = qualified(package);
        let put = |generation: &mut Generation<'_>, member: &str, bytes: Vec<u8>, mode| {
            let path = info.join(format!("{qualified}.{member}"));
            generation.put(WHAT, &path, Kind::file(bytes), mode)
        };
        put(generation, "list", listed.paths.into_bytes(), 0o644)?;
        put(generation, "md5sums", listed.sums.into_bytes(), 0o644)?;
        for (member, text) in &file.package.control_files {
            let scripts = ["config", "preinst", "postinst", "prerm", "postrm"];
            let is_script = scripts.contains(&member.as_str());
            let mode = if is_script { 0o755 } else { 0o644 };
            if is_name(member) && !matches!(member.as_str(), "list" | "md5sums" | "control") {
                put(generation, member, text.clone().into_bytes(), mode)?;
            }
        }
        if let Some(text) = file.package.control_files.get("triggers") {
            add_triggers(&mut triggers, &qualified, text);
        }
        add_stanza(&mut status, package, &listed.conffiles);
    }
    let diversions = diversions(installed.diversions);
    let mut files = vec![
        (folder.join("status"), status),
        (folder.join("available"), String::new()),
        (folder.join("diversions"), diversions),
        (folder.join("statoverride"), String::new()),
        (folder.join("arch"), native(generation)),
        (folder.join("arch-native"), native(generation)),
        (info.join("format"), "1\n".to_owned()),
    ];
    let watched = folder.join("triggers");
    files.push((watched.join("Unincorp"), String::new()));
    let mut paths = String::new();
    for (trigger, who) in triggers {
        if trigger.starts_with('/') {
            for one in who {
                let _ = writeln!(paths, "{trigger} {one}");
            }
        } else {
            files.push((watched.join(&trigger), who.join("\n") + "\n"));
        }
    }
    files.push((watched.join("File"), paths));
    for (path, text) in files {
        generation.file(WHAT, &path, text.into_bytes())?;
    }
    for name in ["updates", "parts"] {
        generation.put(WHAT, &folder.join(name), Kind::Directory, 0o755)?;
    }
    Ok(())
}

fn native(generation: &Generation<'_>) -> String {
    format!("{}\n", generation.architecture.debian())
}

/// The name with the architecture, where several architectures may have the package.
fn qualified(package: &InstalledPackage) -> String {
    let package = &package.locked;
    match package.multi_arch {
        MultiArch::Same => format!("{}:{}", package.name, package.architecture),
        _ => package.name.clone(),
    }
}

/// Whether a control member or trigger can be the name of a file.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_NAME
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

struct Listed {
    /// The contents of `.list`.
    paths: String,
    /// The contents of `.md5sums`.
    sums: String,
    /// Configuration files with their sums.
    conffiles: Vec<(String, String)>,
}

/// What of a package is there, as the package itself calls it.
fn listed(
    generation: &Generation<'_>,
    name: &str,
    file: &PackageFile,
    omitted: &BTreeSet<&TreePath>,
    diversions: &[Diverted],
) -> Listed {
    let conffiles = file.package.control_files.get("conffiles");
    let conffiles: BTreeSet<&str> = conffiles
        .into_iter()
        .flat_map(|text| text.lines())
        .map(str::trim)
        .collect();
    let mut listed = Listed {
        paths: "/.\n".to_owned(),
        sums: String::new(),
        conffiles: Vec::new(),
    };
    for entry in &file.package.entries {
        let path = entry.path.trim_matches('/');
        if path.is_empty() || path == "." {
            continue;
        }
        let absolute = format!("/{path}");
        let place = folded(path);
        let is_diverted = || diversions.iter().any(|(from, _, _)| *from == absolute);
        let is_there = match entry.kind {
            EntryKind::Directory => generation.tree.follow(&place).is_some(),
            _ if omitted.contains(&place) => false,
            _ => {
                let placed = generation.tree.place(&place).ok();
                let there = placed.and_then(|placed| generation.tree.get(&placed));
                // Another package that replaces this one's file has it in its own list.
                there.is_some_and(|there| match &there.origin {
                    Origin::Package(owner) => **owner == *name,
                    _ => true,
                }) || is_diverted()
            }
        };
        if !is_there {
            continue;
        }
        let _ = writeln!(listed.paths, "{absolute}");
        let md5 = match &entry.kind {
            EntryKind::File { md5, .. } => Some(md5),
            EntryKind::HardLink(first) => {
                match file.package.entries.get(*first).map(|one| &one.kind) {
                    Some(EntryKind::File { md5, .. }) => Some(md5),
                    _ => None,
                }
            }
            _ => None,
        };
        match md5 {
            Some(md5) if conffiles.contains(absolute.as_str()) => {
                listed.conffiles.push((absolute, md5.clone()));
            }
            Some(md5) => {
                let _ = writeln!(listed.sums, "{md5}  {path}");
            }
            None => {}
        }
    }
    listed
}

/// The stanza of an installed package: its control file, with its state and the sums of its
/// configuration files, by which dpkg knows whether somebody changed them.
fn add_stanza(status: &mut String, package: &InstalledPackage, conffiles: &[(String, String)]) {
    for line in package
        .control
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        let field = line.split(':').next().unwrap_or_default();
        let is_field = |name: &str| field.eq_ignore_ascii_case(name);
        // The package's own word on its state would not be true.
        if is_field("Status") || is_field("Conffiles") {
            continue;
        }
        let _ = writeln!(status, "{line}");
        if is_field("Package") {
            status.push_str("Status: install ok installed\n");
        }
    }
    if !conffiles.is_empty() {
        status.push_str("Conffiles:\n");
        for (path, md5) in conffiles {
            let _ = writeln!(status, " {path} {md5}");
        }
    }
    status.push('\n');
}

/// What a package is interested in, by its `triggers` member (deb-triggers(5)): a path or a name,
/// and whether whoever activates it need not wait.
pub fn watched(text: &str) -> Vec<(String, bool)> {
    let interests = text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let no_wait = match words.next() {
            Some("interest" | "interest-await") => false,
            Some("interest-noawait") => true,
            _ => return None,
        };
        let trigger = words.next()?;
        // Three names are dpkg's own files.
        let is_own = matches!(trigger, "File" | "Unincorp" | "Lock");
        let is_one = trigger.starts_with('/') || (is_name(trigger) && !is_own);
        is_one.then(|| (trigger.to_owned(), no_wait))
    });
    interests.collect()
}

fn add_triggers(triggers: &mut Triggers, package: &str, text: &str) {
    for (trigger, no_wait) in watched(text) {
        let suffix = if no_wait { "/noawait" } else { "" };
        let who = triggers.entry(trigger).or_default();
        who.push(format!("{package}{suffix}"));
    }
}

/// Three lines each: from, to, and the package, `:` for none.
fn diversions(diversions: &[Diverted]) -> String {
    let mut text = String::new();
    for (from, to, owner) in diversions {
        let _ = writeln!(text, "{from}\n{to}\n{}", owner.as_deref().unwrap_or(":"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_by_path_and_by_name() {
        let mut triggers = Triggers::new();
        let text = "# x\ninterest-noawait /usr/share/x\ninterest-await ldconfig # y\nactivate z\n\
                    interest ../../etc/x\ninterest File\ninterest\n";
        add_triggers(&mut triggers, "libc-bin", text);
        let expected = [
            ("/usr/share/x", "libc-bin/noawait"),
            ("ldconfig", "libc-bin"),
        ];
        let expected = expected.map(|(name, who)| (name.to_owned(), vec![who.to_owned()]));
        assert_eq!(triggers, Triggers::from(expected));
    }

    #[test]
    fn a_diversion_is_three_lines() {
        let diverted = [("/a".to_owned(), "/b".to_owned(), Some("x".to_owned()))];
        assert_eq!(diversions(&diverted), "/a\n/b\nx\n");
    }
}
