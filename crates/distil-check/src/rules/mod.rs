//! The rules themselves, one file a subject.

mod arguments;
mod certificates;
mod ctypes;
mod dotnet;
mod editable;
mod environment;
mod exposure;
mod interpreters;
mod java;
mod java_runtime;
mod layers;
mod libraries;
mod node;
mod node_links;
mod plugins;
mod probe;
mod python;
mod scripts;
mod shims;
mod stack;
mod start;
mod tools;
mod unexpanded;
mod users;
mod variables;
mod venv;

use distil_inspect::{is_document, largest};
use distil_tree::TreePath;

use crate::context::{Context, Options};
use crate::finding::Finding;
use crate::rule::NOT_EXAMINED;
use crate::subject::Subject;

/// Looks at an image with all rules. Findings come in the order of the rules and of paths.
pub fn check(subject: Subject<'_>, options: Options<'_>) -> Vec<Finding> {
    let context = Context::new(subject, options);
    let mut findings = Vec::new();
    start::check(&context, &mut findings);
    arguments::check(&context, &mut findings);
    variables::check(&context, &mut findings);
    scripts::check(&context, &mut findings);
    libraries::check(&context, &mut findings);
    python::check(&context, &mut findings);
    editable::check(&context, &mut findings);
    ctypes::check(&context, &mut findings);
    node::check(&context, &mut findings);
    node_links::check(&context, &mut findings);
    dotnet::check(&context, &mut findings);
    java::check(&context, &mut findings);
    documents(&context, &mut findings);
    layers::check(&context, &mut findings);
    certificates::check(&context, &mut findings);
    environment::check(&context, &mut findings);
    users::check(&context, &mut findings);
    exposure::check(&context, &mut findings);
    findings
        .sort_by(|a, b| (a.rule.id, &a.path, &a.problem).cmp(&(b.rule.id, &b.path, &b.problem)));
    findings.dedup();
    findings
}

/// Whether a file is among the programs of npm's packages, which are documents only if they are
/// short scripts.
fn is_program(path: &TreePath) -> bool {
    let directory = path.parent();
    directory.is_some_and(|directory| directory.name() == Some(b".bin"))
}

/// Documents that rules would read, and that are too large to be kept.
fn documents(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (path, entry) in context.subject.tree().iter() {
        let Some(file) = entry
            .file()
            .filter(|_| is_document(path) && !is_program(path))
        else {
            continue;
        };
        let size = file.content.size();
        if size > largest(path) {
            let problem = format!("`{path}` has {size} bytes, more than is read of such a file");
            findings.push(Finding::new(&NOT_EXAMINED, problem).at(path));
        }
    }
}
