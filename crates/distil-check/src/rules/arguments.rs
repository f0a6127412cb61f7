//! What the arguments of a language's runtime name: the script, module, class or jar that it runs,
//! and what it loads before that.

use distil_inspect::command::{Extra, Invocation, Process, Runtime, Target, basename};
use distil_tree::program::{MAX_LINE, shebang};
use distil_tree::{Entry, TreePath};

use super::shims;
use super::tools::{in_place_of, npm_start};
use super::unexpanded;
use crate::class_path::{ClassPath, has_main_class};
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::instruction::instead;
use crate::node_modules;
use crate::python_path::{Module, PythonPath};
use crate::rule::{ARGUMENT_MISSING, REPEATED_PROGRAM, SHELL_FORM, WRONG_RUNTIME};
use crate::severity::Severity;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    repeated(context, findings);
    let is_told = findings.iter().any(|one| {
        one.rule == &REPEATED_PROGRAM || (one.rule == &SHELL_FORM && one.problem.starts_with("CMD"))
    });
    if is_told {
        return;
    }
    for process in context.processes.iter().filter(|one| one.found.is_ok()) {
        let Some(invocation) = process.invocation() else {
            continue;
        };
        let one = Arguments {
            context,
            process,
            invocation,
        };
        findings.extend(one.target());
        findings.extend(one.extras());
    }
    unexpanded::check(context, findings);
}

/// CMD that begins with the program that ENTRYPOINT, or a wrapper in it, starts already.
fn repeated(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let border = config.entrypoint.len();
    let inner = context.processes.iter().rev();
    let mut inner = inner.filter(|one| one.at.is_some_and(|at| at < border));
    let (Some(process), Some(first)) = (inner.next(), config.cmd.first()) else {
        return;
    };
    let Some(program) = process.words.first() else {
        return;
    };
    let find =
        |word: &str| distil_inspect::program::find(context.subject.tree(), config, word).ok();
    let same_file = || find(program).is_some_and(|one| find(first) == Some(one));
    let is_same = stem(first) == stem(program) && !stem(first).is_empty();
    // `java -jar` in front: the last word of ENTRYPOINT takes what follows.
    let is_name = basename(first) == *first;
    if !is_same && (!is_name || !same_file()) {
        return;
    }
    let problem = format!(
        "CMD begins with `{}`, and ENTRYPOINT is `{}` already",
        shown(first),
        shown(config.entrypoint.join(" "))
    );
    let rest = config.cmd.get(1..).unwrap_or_default();
    let remedy = format!("leave it out: {}", instead(config, border, rest));
    let found = Finding::new(&REPEATED_PROGRAM, problem).remedy(remedy);
    let runtime = Runtime::of(program);
    findings.push(
        match runtime.map(|runtime| message(context, runtime, first)) {
            Some(message) => found.says(message),
            None => found,
        },
    );
}

/// `python3.13` and `python` are `python`.
fn stem(word: &str) -> &str {
    basename(word).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// What a runtime says of a file that is not there.
pub(super) fn message(context: &Context<'_>, runtime: Runtime, argument: &str) -> String {
    let config = context.subject.config;
    let directory = config.directory();
    let full = match argument.starts_with('/') {
        true => argument.to_owned(),
        false => format!("{}/{argument}", directory.trim_end_matches('/')),
    };
    match runtime {
        Runtime::Python if argument.starts_with('/') => format!(
            "can't open file '{}': [Errno 2] No such file or directory",
            shown(argument)
        ),
        // Python joins the directory as getcwd(3) gives it: `//x` in the root.
        Runtime::Python => format!(
            "can't open file '{directory}/{}': [Errno 2] No such file or directory",
            shown(argument)
        ),
        Runtime::Node => format!("Error: Cannot find module '{}'", shown(full)),
        Runtime::Java => format!("Error: Unable to access jarfile {}", shown(argument)),
        Runtime::Ruby => format!(
            "No such file or directory -- {} (LoadError)",
            shown(argument)
        ),
        Runtime::Perl => format!(
            "Can't open perl script \"{}\": No such file or directory",
            shown(argument)
        ),
        Runtime::Php => format!("Could not open input file: {}", shown(argument)),
        Runtime::DotNet => format!("The application '{}' does not exist.", shown(argument)),
    }
}

/// The words of one runtime.
struct Arguments<'a> {
    context: &'a Context<'a>,
    process: &'a Process,
    invocation: Invocation<'a>,
}

impl Arguments<'_> {
    fn program(&self) -> String {
        shown(self.process.words.first().map_or("", String::as_str))
    }

    /// What to write for the words from one of the runtime's own on.
    fn instead(&self, from: usize, words: &[String]) -> Option<String> {
        let at = self.process.at? + from;
        Some(instead(self.context.subject.config, at, words))
    }

    fn target(&self) -> Option<Finding> {
        let context = self.context;
        match self.invocation.target? {
            Target::File(path) => match self.file(path) {
                Some((place, entry)) => self.wrong_runtime(path, &place, entry),
                None => Some(self.missing_file(path)),
            },
            Target::Jar(path) => match context.subject.follow(path) {
                None => Some(self.missing_file(path)),
                Some((place, entry)) if has_main_class(entry) == Some(false) => {
                    let problem =
                        format!("`java -jar` is to run `{place}`, which names no main class");
                    let found = Finding::new(&WRONG_RUNTIME, problem).at(&place);
                    let found =
                        found.says(format!("no main manifest attribute, in {}", shown(path)));
                    Some(found.remedy(
                        "name the class: `java -cp` with the jar, and then the class; or have the build write `Main-Class` into its manifest",
                    ))
                }
                Some(_) => None,
            },
            Target::Class(class) => self.class(class),
            Target::Module(module) => self.module(module),
            Target::Code(_) => None,
        }
    }

    /// The file that a path of a script leads to.
    fn file(&self, path: &str) -> Option<(TreePath, &Entry)> {
        let subject = self.context.subject;
        let found = subject.follow(path);
        let is_node = self.invocation.runtime == Runtime::Node;
        match found {
            Some((place, entry)) if entry.is_directory() => {
                let has = |name: &str| subject.tree().follow(&place.join(name)).is_some();
                let is_fine = match self.invocation.runtime {
                    Runtime::Node => has("index.js") || has("package.json"),
                    Runtime::Python => has("__main__.py") || has("__main__.pyc"),
                    _ => false,
                };
                is_fine.then_some((place, entry))
            }
            Some(found) => Some(found),
            None if is_node && node_modules::has_file(self.context, path) => {
                let endings = [".js", ".cjs", ".json", ".node"];
                endings
                    .iter()
                    .find_map(|ending| subject.follow(&format!("{path}{ending}")))
            }
            None => None,
        }
    }

    fn missing_file(&self, path: &str) -> Finding {
        let context = self.context;
        let runtime = self.invocation.runtime;
        let problem = format!(
            "`{}` is to run `{}`, which is not in the image",
            self.program(),
            shown(path)
        );
        let found = Finding::new(&ARGUMENT_MISSING, problem);
        let mut found = found.says(message(context, runtime, path));
        let at = self.invocation.at.unwrap_or(1);
        let rest = self.process.words.get(at + 1..).unwrap_or_default();
        // A command in place of a script can never be one.
        if !path.contains(['/', '.']) {
            let words = in_place_of(context, runtime, path, rest);
            let instead = words.and_then(|words| self.instead(at, &words));
            return match instead {
                Some(instead) => found.remedy(format!(
                    "`{}` is a command, and {} is started with a file or a module: {instead}",
                    shown(path),
                    runtime.name()
                )),
                None => match npm_start(context, path, rest) {
                    Some(script) => found.remedy(format!(
                        "write what `{}` stands for, `{}`, in the words of an exec form",
                        shown(path),
                        shown(script)
                    )),
                    None => found.remedy(format!(
                        "`{}` is a command, and {} is started with a file or a module: name that, and copy it into the image",
                        shown(path),
                        runtime.name()
                    )),
                },
            };
        }
        let config = context.subject.config;
        let place = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", config.directory().trim_end_matches('/')),
        };
        // What is to be mounted may come with the mount.
        let is_mounted = |volume: &String| {
            let (place, volume) = (TreePath::lexical(&place), TreePath::lexical(volume));
            place
                .zip(volume)
                .is_some_and(|(place, volume)| place.is_within(&volume))
        };
        if config.volumes.iter().any(is_mounted) {
            found = found.severity(Severity::Warning);
        }
        let elsewhere = self.elsewhere(basename(path));
        let instead = elsewhere.and_then(|elsewhere| {
            let mut words = vec![elsewhere.to_string()];
            words.extend(rest.iter().cloned());
            Some((elsewhere, self.instead(at, &words)?))
        });
        found.remedy(match instead {
            Some((elsewhere, instead)) => {
                format!(
                    "`{elsewhere}` has that name: {instead}; or copy the file to `{}`",
                    shown(place)
                )
            }
            None => format!("copy the file to `{}`, or correct the path", shown(place)),
        })
    }

    /// The one file of that name that is not a package's.
    fn elsewhere(&self, name: &str) -> Option<TreePath> {
        let context = self.context;
        let is_dependency = |part: &[u8]| part == b"node_modules" || part.ends_with(b"-packages");
        let mut found = context.subject.tree().iter().filter(|(path, entry)| {
            path.name() == Some(name.as_bytes())
                && !entry.is_directory()
                && !context.owned.contains(*path)
                && !path.parts().any(is_dependency)
        });
        let first = found.next()?;
        found.next().is_none().then(|| first.0.clone())
    }

    /// A file that is there, and that is a program or a script for something else.
    fn wrong_runtime(&self, path: &str, place: &TreePath, entry: &Entry) -> Option<Finding> {
        let runtime = self.invocation.runtime;
        if matches!(runtime, Runtime::Java | Runtime::DotNet) {
            return None;
        }
        let head = entry.file()?.content.head(MAX_LINE).ok()?;
        let is_program = distil_tree::elf::is_elf(&head);
        let line = shebang(&head).map(|(word, argument)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let words = argument.map(text).unwrap_or_default();
            let named = words
                .split_ascii_whitespace()
                .find(|word| !word.starts_with('-'));
            let word = text(word);
            match (basename(&word), named) {
                ("env", Some(named)) => named.to_owned(),
                _ => word,
            }
        });
        let is_shell = line.as_deref().is_some_and(super::interpreters::is_shell);
        // pip writes a line for a shell where that for Python would be too long.
        let is_polyglot =
            runtime == Runtime::Python && memchr::memmem::find(&head, b"'''exec'").is_some();
        let is_other = line
            .as_deref()
            .and_then(Runtime::of)
            .is_some_and(|one| one != runtime);
        let what = match (is_program, &line) {
            (true, _) => "a program of its own".to_owned(),
            (false, Some(word)) if (is_shell && !is_polyglot) || is_other => {
                format!("a script for `{}`", shown(word))
            }
            _ => return None,
        };
        let problem = format!(
            "`{}` is to run `{}`, which is {what}",
            self.program(),
            shown(path)
        );
        let found = Finding::new(&WRONG_RUNTIME, problem)
            .at(place)
            .says(match runtime {
                Runtime::Python | Runtime::Node => "SyntaxError",
                _ => "syntax error",
            });
        let at = self.invocation.at?;
        let rest = self.process.words.get(at + 1..).unwrap_or_default();
        if let Some(target) = shims::target(self.context, place) {
            let mut words = vec![target.to_string()];
            words.extend(rest.iter().cloned());
            let instead = self.instead(at, &words)?;
            return Some(
                found.remedy(format!("name the module that the script starts: {instead}")),
            );
        }
        let find = distil_inspect::program::find(
            self.context.subject.tree(),
            self.context.subject.config,
            &place.to_string(),
        );
        if find.is_ok() {
            let mut words = vec![place.to_string()];
            words.extend(rest.iter().cloned());
            let instead = self.instead(0, &words)?;
            return Some(found.remedy(format!("start it without {}: {instead}", runtime.name())));
        }
        Some(found.remedy(format!(
            "name a file for {}: what the script starts, in its place",
            runtime.name()
        )))
    }

    fn module(&self, name: &str) -> Option<Finding> {
        let context = self.context;
        let path = PythonPath::of(context, self.process, &self.invocation);
        if !path.is_certain {
            return None;
        }
        let program = self.program();
        let tree = context.subject.tree();
        let (problem, says) = match path.module(tree, name) {
            Module::Runnable => return None,
            Module::Package => (
                format!(
                    "`{program}` is to run the package `{}`, which has no `__main__`",
                    shown(name)
                ),
                format!(
                    "{program}: No module named {name}.__main__; '{name}' is a package and cannot be directly executed",
                    name = shown(name)
                ),
            ),
            Module::Missing(_) => (
                format!(
                    "`{program}` is to run the module `{}`, which it does not find",
                    shown(name)
                ),
                format!("{program}: No module named {}", shown(name)),
            ),
        };
        let found = Finding::new(&ARGUMENT_MISSING, problem).says(says);
        if path.module(tree, name) == Module::Package {
            return Some(found.remedy(format!(
                "give the package a `__main__.py`, or name a module of it: `-m {}.MODULE`",
                shown(name)
            )));
        }
        // The same name where this Python does not look.
        let first = name.split('.').next().unwrap_or(name);
        let file = format!("{first}.py");
        let wanted = [first.as_bytes(), file.as_bytes()];
        let elsewhere = tree.iter().find(|(path, entry)| {
            let is_named = path.name().is_some_and(|name| wanted.contains(&name));
            let is_module = !entry.is_directory() || tree.get(&path.join("__init__.py")).is_some();
            is_named
                && is_module
                && path.name() != Some(b"bin")
                && entry
                    .file()
                    .is_none_or(|_| path.name() == Some(file.as_bytes()))
        });
        let directory = elsewhere.and_then(|(path, _)| path.parent());
        Some(match directory {
            Some(directory) => found.remedy(format!(
                "`{directory}` has a module of that name, and is not searched: `ENV PYTHONPATH={directory}`, if it is for this Python"
            )),
            None => found.remedy(format!(
                "install the package that has `{}` for the image's Python, or correct the name",
                shown(name)
            )),
        })
    }

    fn class(&self, class: &str) -> Option<Finding> {
        let context = self.context;
        let variable = context.subject.config.variable("CLASSPATH");
        let text = self.invocation.class_path().or(variable).unwrap_or(".");
        // Classes of Java itself are in no path.
        if ["java.", "javax.", "jdk.", "sun.", "com.sun."]
            .iter()
            .any(|start| class.starts_with(start))
        {
            return None;
        }
        let options = ["JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"];
        let mut options = options
            .iter()
            .filter_map(|name| context.subject.config.variable(name));
        let sets_path = |value: &str| {
            let words = ["-cp ", "class-path", "classpath", "class.path"];
            words.iter().any(|word| value.contains(word))
        };
        if options.any(sets_path) {
            return None;
        }
        let path = ClassPath::of(context, text, class);
        if path.has_class || !path.is_certain {
            return None;
        }
        let mut problem = format!(
            "`{}` is to run the class `{}`, which is not in the class path `{}`",
            self.program(),
            shown(class),
            shown(text)
        );
        if !path.missing.is_empty() {
            let list: Vec<String> = path
                .missing
                .iter()
                .take(4)
                .map(|one| format!("`{}`", shown(one)))
                .collect();
            problem += &format!("; of that {} is not in the image", list.join(", "));
        }
        let found = Finding::new(&ARGUMENT_MISSING, problem);
        let found = found.says(format!(
            "Error: Could not find or load main class {}",
            shown(class)
        ));
        Some(found.remedy(match path.missing.first() {
            Some(first) => format!("copy the classes to `{}`, or correct the class path", shown(first.trim_end_matches(['*', '/']))),
            None => "correct the name of the class, which has that of its package in front, or the class path".to_owned(),
        }))
    }

    /// What is loaded before the target.
    fn extras(&self) -> Vec<Finding> {
        let extras = self.invocation.extras.iter();
        let missing = extras.filter(|(_, extra)| !is_there(self.context, *extra));
        let finding = |(option, extra): &(&str, Extra<'_>)| {
            let (name, says) = lacking(self.context, self.invocation.runtime, option, *extra)?;
            let option = option.split([':', '=']).next().unwrap_or(option);
            let problem = format!(
                "`{}` is told to load `{}` by `{option}`, which is not in the image",
                self.program(),
                shown(name)
            );
            let found = Finding::new(&ARGUMENT_MISSING, problem).says(says);
            Some(found.remedy(format!(
                "copy `{}` into the image, or leave `{option}` out",
                shown(name)
            )))
        };
        missing.filter_map(finding).collect()
    }
}

/// Whether what a runtime loads is in the image.
pub(super) fn is_there(context: &Context<'_>, extra: Extra<'_>) -> bool {
    match extra {
        Extra::NodeModule(name) => node_modules::has(context, name),
        Extra::File(path) => context.subject.follow(path).is_some(),
        // Java passes over what is not there; classes are looked for where one is named.
        Extra::ClassPath(_) => true,
    }
}

/// What is missing, and what is said of it.
pub(super) fn lacking<'a>(
    context: &Context<'_>,
    runtime: Runtime,
    option: &str,
    extra: Extra<'a>,
) -> Option<(&'a str, String)> {
    // Modules of ECMAScript are told by their full path.
    let is_import = option.starts_with("--import") || option.contains("loader");
    Some(match extra {
        Extra::NodeModule(name) if is_import && name.starts_with('.') => {
            let full = format!("{}/{name}", context.subject.config.directory());
            let full = TreePath::lexical(&full).map_or(full, |path| path.to_string());
            let full = shown(full);
            (
                name,
                format!("Error [ERR_MODULE_NOT_FOUND]: Cannot find module '{full}'"),
            )
        }
        Extra::NodeModule(name) if is_import && !name.starts_with('/') => {
            let name_shown = shown(name);
            (
                name,
                format!("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '{name_shown}'"),
            )
        }
        Extra::NodeModule(name) if name.starts_with('/') => (name, message(context, runtime, name)),
        Extra::NodeModule(name) => (name, format!("Error: Cannot find module '{}'", shown(name))),
        Extra::File(name) if runtime == Runtime::Java => (
            name,
            format!(
                "Error opening zip file or JAR manifest missing : {}",
                shown(name)
            ),
        ),
        Extra::File(name) => (name, format!("{}: not found", shown(name))),
        Extra::ClassPath(_) => return None,
    })
}
