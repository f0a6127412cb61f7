//! Whether virtual environments lead to a Python (PEP 405).

use distil_tree::{Kind, TreePath};

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::VENV;
use crate::severity::Severity;
use crate::venvs;
use distil_inspect::runtime;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let python = python(context);
    for (path, _) in tree.iter() {
        if path.name() != Some(venvs::CONFIGURATION) {
            continue;
        }
        let Some(root) = path.parent() else { continue };
        let value = |wanted: &str| venvs::value(tree, &root, wanted);
        let home = value("home").unwrap_or_default();
        let link = root.join("bin").join("python");
        let program = venvs::program(tree, &root);
        let leads_nowhere = program.as_ref().filter(|path| !venvs::is_alive(tree, path));
        if let Some(program) = leads_nowhere {
            let program = &venvs::way_out(tree, program);
            let target = match tree.get(program).map(|entry| &entry.kind) {
                Some(Kind::Symlink(target)) => shown(target),
                _ => home.clone(),
            };
            let problem = format!(
                "the virtual environment `{root}` leads to a Python that is not in the image: `{program}` is a link to `{target}`"
            );
            let found = Finding::new(&VENV, problem).at(path);
            let message = start_message(context, &root).unwrap_or_else(|| {
                format!("exec: \"{program}\": stat {program}: no such file or directory")
            });
            // With a Python of the same version the links are all that is wrong.
            let minor = value("version").or_else(|| value("version_info"));
            let minor = minor.and_then(|text| runtime::dotted(text.as_bytes()));
            let fitting = minor.and_then(|(_, minor)| {
                python
                    .as_ref()
                    .filter(|path| path.name() == Some(format!("python3.{minor}").as_bytes()))
            });
            let remedy = match fitting {
                Some(python) => {
                    let has_home = context.subject.follow(&home).is_some();
                    let bin = python.parent().unwrap_or_default();
                    // Python looks for its standard library from there.
                    let setting = match has_home {
                        true => String::new(),
                        false => format!(" and `sed -i 's|^home = .*|home = {bin}|' {path}`"),
                    };
                    format!(
                        "make it lead to the image's Python before it is copied: `ln -sf {python} {program}`{setting}; or make it with `{python} -m venv`"
                    )
                }
                None => remedy(python.as_ref(), &home),
            };
            findings.push(found.says(message).remedy(remedy));
            continue;
        }
        let version = value("version")
            .or_else(|| value("version_info"))
            .unwrap_or_default();
        let minor = runtime::dotted(version.as_bytes()).map(|(_, minor)| minor);
        let folder = tree
            .children(&root.join("lib"))
            .find_map(|(path, _)| runtime::minor(path.name()?.strip_prefix(b"python3.")?));
        let Some(made_for) = folder.or(minor) else {
            continue;
        };
        // What the link leads to, by its own name.
        let place = program.and_then(|program| tree.resolve(&program).ok());
        let actual = place
            .as_ref()
            .and_then(|place| runtime::minor(place.name()?.strip_prefix(b"python3.")?));
        let fits = match actual {
            Some(actual) => actual == made_for,
            None => context.pythons.is_empty() || context.pythons.contains(&made_for),
        };
        if !fits {
            let has =
                actual.map_or_else(|| context.python_versions(), |minor| format!("3.{minor}"));
            let problem = format!(
                "the virtual environment `{root}` was made for Python 3.{made_for}, and leads to Python {has}, which does not look into `lib/python3.{made_for}`"
            );
            let found = Finding::new(&VENV, problem).at(path);
            let module = tree
                .children(
                    &root
                        .join("lib")
                        .join(format!("python3.{made_for}"))
                        .join("site-packages"),
                )
                .find_map(|(path, entry)| {
                    let name = path.name().map(shown)?;
                    (entry.is_directory() && !name.contains(['-', '_', '.']) && name != "pip")
                        .then_some(name)
                });
            let found = found.remedy(remedy(python.as_ref(), &home));
            findings.push(match module {
                Some(module) => {
                    found.says(format!("ModuleNotFoundError: No module named '{module}'"))
                }
                None => found,
            });
            continue;
        }
        let home_path = TreePath::from_absolute(&home).ok();
        if tree.get(&link).is_some()
            && !home.is_empty()
            && home_path.is_some_and(|home| tree.follow(&home).is_none())
        {
            let problem = format!(
                "the virtual environment `{root}` was made with a Python in `{}`, which is not in the image",
                shown(&home)
            );
            let found = Finding::new(&VENV, problem)
                .at(path)
                .severity(Severity::Warning);
            findings.push(
                found.says("Could not find platform independent libraries <prefix>".to_owned()),
            );
        }
    }
}

/// What is said when a program of a virtual environment is started that is the container's.
fn start_message(context: &Context<'_>, root: &TreePath) -> Option<String> {
    let words = context.processes.iter().filter(|one| one.found.is_err());
    let mut words = words.filter_map(|one| one.words.first());
    let word = words.find(|word| {
        TreePath::lexical(word).is_some_and(|path| path.is_within(&root.join("bin")))
    })?;
    let path = TreePath::lexical(word)?;
    let word = shown(word);
    // A script is there, and its interpreter is not.
    let is_script = context.subject.tree().follow(&path).is_some();
    Some(match is_script {
        true => format!("exec {path}: no such file or directory"),
        false => format!("exec: \"{word}\": stat {word}: no such file or directory"),
    })
}

/// A Python of the image with its version in its name.
fn python(context: &Context<'_>) -> Option<TreePath> {
    let found = context.subject.tree().iter().find(|(path, entry)| {
        let name = path.name().unwrap_or_default();
        let version = name.strip_prefix(b"python3.");
        entry.is_executable() && version.is_some_and(|text| text.iter().all(u8::is_ascii_digit))
    });
    found.map(|(path, _)| path.clone())
}

fn remedy(python: Option<&TreePath>, home: &str) -> String {
    match python {
        Some(path) => format!(
            "make it in the build stage with the very Python that the image has, `{path} -m venv`, and not with the one in `{}`; or install with `pip install --target` and set `PYTHONPATH`",
            shown(home)
        ),
        None => "the image has no Python; stand on one that has".to_owned(),
    }
}
