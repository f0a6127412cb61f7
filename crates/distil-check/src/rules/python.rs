//! Whether Python's packages are for the image's Python.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::{Kind, TreePath};

use super::venv;
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::python_specifier;
use crate::rule::{JAR, PYTHON_ABI, PYTHONPATH, WHEEL};
use crate::severity::Severity;
use distil_inspect::runtime;
use distil_inspect::{MAX_DOCUMENT, ZipArchive, ZipError};
use distil_tree::loader::{machine, machine_name};

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let before = findings.len();
    venv::check(context, findings);
    if context.pythons.is_empty() {
        return;
    }
    let venvs: BTreeSet<TreePath> = findings[before..]
        .iter()
        .filter_map(|one| one.path.as_ref()?.parent())
        .collect();
    let has_told = |path: &TreePath| is_in(&venvs, path);
    let folders = folders(context, &has_told, findings);
    extensions(context, &folders, &has_told, findings);
    let before = findings.len();
    wheels(context, &folders, &has_told, findings);
    let told: BTreeSet<TreePath> = findings[before..]
        .iter()
        .filter_map(|one| one.path.as_ref()?.parent())
        .collect();
    let is_told = |path: &TreePath| {
        is_in(&folders, path)
            || has_told(path)
            || path.parent().is_some_and(|folder| told.contains(&folder))
    };
    requirements(context, &is_told, findings);
    path(context, findings);
}

/// Whether a path is one of these, or lies in one. The root holds everything, and says nothing.
fn is_in(directories: &BTreeSet<TreePath>, path: &TreePath) -> bool {
    directories.contains(path) || path.ancestors().any(|one| directories.contains(&one))
}

/// `site-packages` of Pythons that are not there: no Python looks into them.
fn folders(
    context: &Context<'_>,
    has_told: &dyn Fn(&TreePath) -> bool,
    findings: &mut Vec<Finding>,
) -> BTreeSet<TreePath> {
    let mut lost = BTreeSet::new();
    for (path, entry) in context.subject.tree().iter() {
        let name = path.name().unwrap_or_default();
        if !entry.is_directory() || !(name == b"site-packages" || name == b"dist-packages") {
            continue;
        }
        let Some(minor) = path
            .parent()
            .and_then(|folder| runtime::minor(folder.name()?.strip_prefix(b"python3.")?))
        else {
            continue;
        };
        let is_empty = || {
            let mut files = context.subject.tree().below(path);
            !files.any(|(path, entry)| !entry.is_directory() && path.name() != Some(b"README"))
        };
        if context.pythons.contains(&minor) || has_told(path) || is_empty() {
            continue;
        }
        let in_pythonpath = context
            .subject
            .config
            .variable("PYTHONPATH")
            .is_some_and(|text| {
                text.split(':')
                    .any(|one| TreePath::from_absolute(one).ok().as_ref() == Some(path))
            });
        lost.insert(path.clone());
        if in_pythonpath {
            continue;
        }
        let problem = format!(
            "`{path}` is for Python 3.{minor}; the image has {}, which does not look there",
            context.python_versions()
        );
        let module = context.subject.tree().children(path).find_map(|(path, _)| {
            let name = std::str::from_utf8(path.name()?).ok()?.split('.').next()?;
            let is_module = !name.contains('-') && !name.starts_with('_');
            is_module.then(|| name.to_owned())
        });
        let found = Finding::new(&PYTHON_ABI, problem).at(path);
        findings.push(match module {
            Some(module) => found.says(format!(
                "ModuleNotFoundError: No module named '{}'",
                shown(module)
            )),
            None => found,
        });
    }
    lost
}

fn extensions(
    context: &Context<'_>,
    lost: &BTreeSet<TreePath>,
    has_told: &dyn Fn(&TreePath) -> bool,
    findings: &mut Vec<Finding>,
) {
    // One finding a package and version: wheels have dozens of modules.
    let mut wrong: BTreeMap<(TreePath, String), Vec<TreePath>> = BTreeMap::new();
    let mut right: BTreeSet<(TreePath, Vec<u8>)> = BTreeSet::new();
    let mut all = Vec::new();
    for (path, entry) in context.subject.tree().iter() {
        let name = path.name().unwrap_or_default();
        let Kind::File(_) = &entry.kind else { continue };
        let Some(at) = memchr::memmem::find(name, b".cpython-3").filter(|_| name.ends_with(b".so"))
        else {
            continue;
        };
        let Some(suffix) = Suffix::of(&name[at + b".cpython-3".len()..name.len() - 3]) else {
            continue;
        };
        let module = (path.parent().unwrap_or_default(), name[..at].to_vec());
        let misfit = suffix.misfit(context);
        if misfit.is_none() {
            right.insert(module.clone());
        }
        all.push((path, misfit, module));
    }
    for (path, misfit, module) in all {
        // The standard library of another Python goes with it; what is shipped for several is fine.
        let is_lost = is_in(lost, path);
        let Some(misfit) = misfit.filter(|_| !right.contains(&module)) else {
            continue;
        };
        if is_lost || has_told(path) {
            continue;
        }
        let key = (package_folder(path), misfit);
        wrong.entry(key).or_default().push(path.clone());
    }
    for ((_, misfit), paths) in wrong {
        let Some((path, others)) = paths.split_first() else {
            continue;
        };
        let name = path.name().unwrap_or_default();
        let module = shown(name.split(|&byte| byte == b'.').next().unwrap_or_default());
        let found = Finding::new(&PYTHON_ABI, format!("`{path}` {misfit}"))
            .at(path)
            .others(others.to_vec());
        findings.push(found.says(format!(
            "ModuleNotFoundError: No module named '{}'",
            dotted(path, &module)
        )));
    }
}

/// What stands between `.cpython-3` and `.so` in the name of an extension module, such as
/// `13-x86_64-linux-gnu` (PEP 3149): an import looks for the very words that its Python was built
/// with.
struct Suffix {
    minor: u32,
    /// `t` for Pythons without the global lock (PEP 703).
    flags: String,
    machine: String,
    is_musl: Option<bool>,
}

impl Suffix {
    fn of(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (version, platform) = text.split_once('-').unwrap_or((text, ""));
        let digits = version.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (machine, system) = platform.split_once('-').unwrap_or((platform, ""));
        let is_musl = match system {
            _ if system.starts_with("linux-musl") => Some(true),
            _ if system.starts_with("linux-gnu") => Some(false),
            _ => None,
        };
        Some(Self {
            minor: digits.parse().ok()?,
            flags: version[digits.len()..].to_owned(),
            machine: machine.to_owned(),
            is_musl,
        })
    }

    /// Why no Python of the image looks for it, if none does.
    fn misfit(&self, context: &Context<'_>) -> Option<String> {
        let have = context.python_versions();
        if !context.pythons.contains(&self.minor) {
            return Some(format!(
                "is for Python 3.{}, and the image has {have}",
                self.minor
            ));
        }
        if self.flags.contains('t') != context.free_threaded.contains(&self.minor) {
            let kind = match self.flags.contains('t') {
                true => "without the global lock",
                false => "with the global lock",
            };
            return Some(format!(
                "is for a Python 3.{} {kind}, which the image's is not",
                self.minor
            ));
        }
        if let Some(problem) = machine_misfit(context, &self.machine) {
            return Some(problem);
        }
        let has_glibc = context.glibc.is_some();
        match self.is_musl {
            Some(true) if has_glibc => {
                Some("was built for musl, and the image's C library is glibc".to_owned())
            }
            Some(false) if !has_glibc && context.loader.has_musl() => {
                Some("was built for glibc, and the image's C library is musl".to_owned())
            }
            _ => None,
        }
    }
}

/// What is wrong with the machine that Python calls so.
fn machine_misfit(context: &Context<'_>, name: &str) -> Option<String> {
    let number = match name {
        "x86_64" => 62,
        "aarch64" => 183,
        "arm" | "armv7l" | "armv6l" => 40,
        "i386" | "i686" => 3,
        "riscv64" => 243,
        "s390x" => 22,
        "ppc64le" | "powerpc64le" => 21,
        "loongarch64" => 258,
        _ => return None,
    };
    let wanted = machine(&context.subject.config.architecture)?;
    (number != wanted).then(|| {
        format!(
            "is for {}, and the image is for {}",
            machine_name(number),
            machine_name(wanted)
        )
    })
}

/// The directory of the package that a module belongs to: the one right below the search path.
fn package_folder(path: &TreePath) -> TreePath {
    let mut folders: Vec<TreePath> = path.ancestors().collect();
    let at = folders
        .iter()
        .rposition(|folder| matches!(folder.name(), Some(b"site-packages" | b"dist-packages")));
    match at.and_then(|at| folders.get(at + 1)) {
        Some(folder) => folder.clone(),
        None => folders.pop().unwrap_or_default(),
    }
}

/// A module's name with its packages, as far as the search path is known.
fn dotted(path: &TreePath, module: &str) -> String {
    let parts: Vec<String> = path.parts().map(shown).collect();
    let at = parts
        .iter()
        .rposition(|part| part == "site-packages" || part == "dist-packages");
    match at {
        Some(at) => {
            let mut parts = parts[at + 1..parts.len() - 1].to_vec();
            parts.push(module.to_owned());
            parts.join(".")
        }
        None => module.to_owned(),
    }
}

/// Whether a wheel's tag (`cp312-cp312-manylinux_2_17_x86_64`) fits the image; if not, why.
fn misfit(context: &Context<'_>, tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let (Some(pythons), Some(abis), Some(platforms)) = (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let python_fits = pythons.split('.').any(|python| {
        if let Some(minor) = python
            .strip_prefix("cp3")
            .and_then(|text| text.parse::<u32>().ok())
        {
            if abis.split('.').any(|abi| abi == "abi3" || abi == "none") {
                return context.pythons.iter().any(|have| *have >= minor);
            }
            let is_free = context.free_threaded.contains(&minor);
            return context.pythons.contains(&minor)
                && abis.split('.').any(|abi| abi.ends_with('t') == is_free);
        }
        python.strip_prefix("py3").is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .parse::<u32>()
                    .is_ok_and(|minor| context.pythons.iter().any(|have| *have >= minor))
        })
    });
    if !python_fits {
        return Some(format!(
            "is for `{pythons}-{abis}`, and the image has Python {}",
            context.python_versions()
        ));
    }
    let problems: Vec<String> = platforms
        .split('.')
        .map(|platform| platform_misfit(context, platform))
        .collect::<Option<_>>()?;
    problems.into_iter().next()
}

fn platform_misfit(context: &Context<'_>, platform: &str) -> Option<String> {
    if platform == "any" {
        return None;
    }
    let glibc = context.glibc;
    // PEP 600 and, for the older names, PEP 513, 571 and 599.
    let (needs, machine_text) = if let Some(rest) = platform.strip_prefix("manylinux_") {
        let mut parts = rest.splitn(3, '_');
        let major = parts.next().and_then(|text| text.parse().ok())?;
        let minor = parts.next().and_then(|text| text.parse().ok())?;
        (Some((major, minor)), parts.next()?)
    } else if let Some(rest) = platform.strip_prefix("manylinux1_") {
        (Some((2, 5)), rest)
    } else if let Some(rest) = platform.strip_prefix("manylinux2010_") {
        (Some((2, 12)), rest)
    } else if let Some(rest) = platform.strip_prefix("manylinux2014_") {
        (Some((2, 17)), rest)
    } else if let Some(rest) = platform.strip_prefix("musllinux_") {
        let mut parts = rest.splitn(3, '_');
        let major = parts.next().and_then(|text| text.parse().ok())?;
        let minor = parts.next().and_then(|text| text.parse().ok())?;
        let machine = parts.next()?;
        return machine_misfit(context, machine)
            .or_else(|| musl_misfit(context, (major, minor), platform));
    } else if let Some(rest) = platform.strip_prefix("linux_") {
        (None, rest)
    } else {
        return Some(format!("is for `{}`, which is not Linux", shown(platform)));
    };
    if let Some(problem) = machine_misfit(context, machine_text) {
        return Some(problem);
    }
    match (needs, glibc) {
        (Some((major, minor)), Some(have)) if (major, minor) > have => Some(format!(
            "needs glibc {major}.{minor} (`{}`), and the image has {}.{}",
            shown(platform),
            have.0,
            have.1
        )),
        (Some(_), None) => Some("needs glibc, which the image does not have".to_owned()),
        _ => None,
    }
}

/// What is wrong with a wheel for musl of a version or later (PEP 656).
fn musl_misfit(context: &Context<'_>, needs: (u32, u32), platform: &str) -> Option<String> {
    if context.glibc.is_some() {
        return Some("was built for musl, and the image's C library is glibc".to_owned());
    }
    if !context.loader.has_musl() {
        return Some("needs musl, which the image does not have".to_owned());
    }
    let have = context.musl.filter(|have| *have < needs)?;
    Some(format!(
        "needs musl {}.{} (`{}`), and the image has {}.{}",
        needs.0,
        needs.1,
        shown(platform),
        have.0,
        have.1
    ))
}

fn wheels(
    context: &Context<'_>,
    lost: &BTreeSet<TreePath>,
    has_told: &dyn Fn(&TreePath) -> bool,
    findings: &mut Vec<Finding>,
) {
    for (path, entry) in context.subject.tree().iter() {
        let name = path.name().unwrap_or_default();
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        let (text, is_installed) = if name == b"WHEEL" {
            match path.parent() {
                Some(folder) if folder.as_bytes().ends_with(b".dist-info") => {}
                _ => continue,
            }
            let Ok(text) = node.content.read(MAX_DOCUMENT) else {
                continue;
            };
            (text, true)
        } else if name.ends_with(b".whl") {
            let text = ZipArchive::new(node.content.reader()).and_then(|mut archive| {
                let entries = archive.entries();
                let entry = entries
                    .iter()
                    .find(|entry| entry.name.ends_with(b".dist-info/WHEEL"));
                let entry = entry
                    .cloned()
                    .ok_or(ZipError::Damaged("it has no `WHEEL`"))?;
                archive.head(&entry, MAX_DOCUMENT)
            });
            match text {
                Ok(text) => (text, false),
                Err(error) => {
                    findings.push(
                        Finding::new(&JAR, format!("`{path}` is not a wheel: {error}")).at(path),
                    );
                    continue;
                }
            }
        } else {
            continue;
        };
        if is_in(lost, path) || has_told(path) {
            continue;
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let tags: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("Tag:"))
            .map(str::trim)
            .collect();
        let problems: Option<Vec<String>> = tags
            .iter()
            .take(200)
            .map(|tag| misfit(context, tag))
            .collect();
        // One tag that fits is enough.
        let Some(problem) = problems.and_then(|problems| problems.into_iter().next()) else {
            continue;
        };
        let package = path
            .parent()
            .and_then(|folder| folder.name().map(shown))
            .unwrap_or_default();
        let package = package.trim_end_matches(".dist-info").to_owned();
        let what = if is_installed {
            format!("the package `{package}`")
        } else {
            format!("`{path}`")
        };
        let found = Finding::new(&WHEEL, format!("{what} {problem}")).at(path);
        findings.push(match is_installed {
            true => found,
            // It is not on the search path.
            false => found.severity(Severity::Info),
        });
    }
}

/// What installed packages say of the Pythons that they are for: `Requires-Python` of their
/// `METADATA` (Core metadata specification). pip refuses to install others, and nobody asks when
/// they are imported.
fn requirements(
    context: &Context<'_>,
    is_told: &dyn Fn(&TreePath) -> bool,
    findings: &mut Vec<Finding>,
) {
    for (path, entry) in context.subject.tree().iter() {
        let folder = path.parent().unwrap_or_default();
        let Some(package) = folder
            .name()
            .and_then(|name| name.strip_suffix(b".dist-info"))
        else {
            continue;
        };
        let Some(file) = entry.file().filter(|_| path.name() == Some(b"METADATA")) else {
            continue;
        };
        let Ok(text) = file.content.read(MAX_DOCUMENT) else {
            continue;
        };
        let text = String::from_utf8_lossy(&text);
        // Behind the first empty line comes the description.
        let mut fields = text.lines().take_while(|line| !line.is_empty());
        let wanted = fields.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("Requires-Python")
                .then(|| value.trim())
        });
        let Some(wanted) = wanted else { continue };
        let excludes = |minor: &u32| python_specifier::allows(wanted, *minor) == Some(false);
        if is_told(path) || !context.pythons.iter().all(excludes) {
            continue;
        }
        let problem = format!(
            "the package `{}` is for Python `{}`, and the image has Python {}",
            shown(package),
            shown(wanted),
            context.python_versions()
        );
        let found = Finding::new(&WHEEL, problem).at(path);
        findings.push(found.severity(Severity::Warning));
    }
}

fn path(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(text) = context.subject.config.variable("PYTHONPATH") else {
        return;
    };
    for folder in text.split(':').filter(|folder| !folder.is_empty()) {
        if context.subject.follow(folder).is_none() {
            let problem = format!(
                "PYTHONPATH names `{}`, which is not in the image",
                shown(folder)
            );
            findings.push(Finding::new(&PYTHONPATH, problem));
        }
    }
}
