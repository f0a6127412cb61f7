//! Libraries of a Java runtime that was copied into an image. Nothing is linked with most of them:
//! the class that needs one loads it, and a program without a screen loads none for screens.

use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::closure::MissingLibrary;
use distil_tree::TreePath;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::LIBRARY;
use crate::severity::Severity;

/// What the libraries of the X Window System and of Wayland begin with.
const SCREEN: [&[u8]; 4] = [b"libX", b"libxcb", b"libwayland", b"libxkb"];

/// What of a Java runtime lacks a library: by its directory, and whether it is for screens.
#[derive(Default)]
pub(super) struct JavaRuntimes<'a> {
    lacking: BTreeMap<(TreePath, bool), Vec<&'a MissingLibrary>>,
}

impl<'a> JavaRuntimes<'a> {
    /// Takes a library that is missing, if what needs it is a class library's of a runtime. Files of
    /// Debian's packages are told as others are.
    pub(super) fn take(&mut self, context: &Context<'_>, one: &'a MissingLibrary) -> bool {
        // A program that is linked with it needs it, `java` itself above all.
        let is_linked = one.program != one.path || one.is_started;
        if is_linked || context.owned.contains(&one.path) {
            return false;
        }
        let Some(directory) = directory(context, &one.path) else {
            return false;
        };
        // The virtual machine, which is loaded before any of them, and what lies beside it.
        let parts = ["", "server", "client", "minimal"];
        let is_own = parts.iter().any(|part| {
            let place = match *part {
                "" => directory.clone(),
                part => directory.join(part),
            };
            context
                .loader
                .files()
                .contains_key(&place.join(&one.library))
        });
        if is_own {
            return true;
        }
        let is_screen = SCREEN.iter().any(|start| one.library.starts_with(start));
        // As `java.awt.GraphicsEnvironment` finds out whether there is a screen.
        let has_screen = context.subject.config.variable("DISPLAY").is_some();
        let key = (directory, is_screen && !has_screen);
        self.lacking.entry(key).or_default().push(one);
        true
    }

    /// One finding a runtime and kind.
    pub(super) fn findings(self, context: &Context<'_>) -> Vec<Finding> {
        let finding = |((directory, is_screen), lacking): (
            (TreePath, bool),
            Vec<&MissingLibrary>,
        )| {
            let files: BTreeSet<&TreePath> = lacking.iter().map(|one| &one.path).collect();
            let names: BTreeSet<String> = lacking.iter().map(|one| shown(&one.library)).collect();
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let mut files = files.into_iter().cloned();
            let first = files.next()?;
            let what = match is_screen {
                true => "; they are for screens, and without one Java loads none of them",
                false => {
                    "; Java loads each with the classes that need it, such as those for sound and fonts"
                }
            };
            let problem = format!(
                "libraries of the Java runtime in `{directory}` need {}, which the loader will not find{what}",
                list.join(", ")
            );
            let packages: BTreeSet<String> = names
                .iter()
                .filter_map(|name| (context.options.package_of)(name))
                .collect();
            let flags: Vec<String> = packages
                .iter()
                .map(|name| format!("--add {name}"))
                .collect();
            let remedy = match flags.is_empty() {
                true => "nothing, if the program uses none of that; else add the packages that have them".to_owned(),
                false => format!("nothing, if the program uses none of that; else `distil build … {}`", flags.join(" ")),
            };
            let found = Finding::new(&LIBRARY, problem)
                .at(&first)
                .others(files.collect());
            let found = found.says(format!(
                "java.lang.UnsatisfiedLinkError: {first}: {}: cannot open shared object file: No such file or directory",
                names.first()?
            ));
            Some(found.remedy(remedy).severity(match is_screen {
                true => Severity::Info,
                false => Severity::Warning,
            }))
        };
        self.lacking.into_iter().filter_map(finding).collect()
    }
}

/// The directory of the Java runtime that a file is a library of: it has the virtual machine in it.
fn directory(context: &Context<'_>, path: &TreePath) -> Option<TreePath> {
    let directory = path.parent()?;
    let machines = ["server", "client", "minimal"];
    let mut machines = machines
        .iter()
        .map(|kind| directory.join(kind).join("libjvm.so"));
    machines
        .any(|machine| context.loader.files().contains_key(&machine))
        .then_some(directory)
}
