//! Libraries that ask for a stack that can be executed, which glibc 2.41 and later refuse to load at
//! run time (its NEWS; `dlopen`(3)). Of what a program is linked with they take it.

use std::collections::BTreeSet;

use distil_inspect::closure::{Closure, is_program};
use distil_tree::TreePath;

use super::libraries::said;
use crate::context::Context;
use crate::finding::Finding;
use crate::rule::EXECUTABLE_STACK;
use crate::severity::Severity;

/// The first glibc that refuses.
const FIRST: (u32, u32) = (2, 41);

pub(super) fn check(
    context: &Context<'_>,
    closure: &Closure,
    others: &BTreeSet<TreePath>,
    findings: &mut Vec<Finding>,
) {
    if context.glibc.is_none_or(|version| version < FIRST) {
        return;
    }
    let files = context.loader.files();
    let tree = context.subject.tree();
    let programs = |path: &TreePath| {
        files
            .get(path)
            .is_some_and(|facts| is_program(tree, path, facts))
    };
    // What a program is linked with, by which others may get it, too.
    let linked: BTreeSet<&TreePath> = closure
        .bound
        .iter()
        .filter(|one| programs(&one.program))
        .map(|one| &one.library.place)
        .collect();
    for (path, facts) in files {
        let is_loaded = facts.is_dynamic && !is_program(tree, path, facts);
        if !facts.has_executable_stack
            || !is_loaded
            || others.contains(path)
            || linked.contains(path)
        {
            continue;
        }
        let words = format!(
            "{path}: cannot enable executable stack as shared object requires: Invalid argument"
        );
        let problem = format!(
            "`{path}` asks for an executable stack, which the image's glibc does not allow what is loaded at run time"
        );
        let found = Finding::new(&EXECUTABLE_STACK, problem).at(path);
        let found = found.says(said(context, path, false, &words)).remedy(format!(
            "`patchelf --clear-execstack {path}` in the build stage, which is right for nearly all; or link it with `-z noexecstack`"
        ));
        findings.push(match context.owned.contains(path) {
            true => found.severity(Severity::Warning),
            false => found,
        });
    }
}
