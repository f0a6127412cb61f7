//! Which libraries a program does without: those that nothing is linked with and that no runtime
//! imports as a module, and the odd module deep in a package of which the others are fine.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::closure::{Closure, is_program};
use distil_inspect::search;
use distil_tree::TreePath;

use crate::context::Context;

/// What makes a library a module that a runtime loads: Python's, Node.js's and Java's entry points.
const ENTRIES: [&[u8]; 5] = [
    b"PyInit_",
    b"napi_register_module_v",
    b"node_register_module_v",
    b"JNI_OnLoad",
    b"\0Java_",
];

/// How many steps from libraries to what is linked with them are gone in all.
const MAX_STEPS: usize = 200_000;

/// How many modules of a package may lack a library and count as odd ones.
const ODD: usize = 2;

/// What is known of the libraries that lack others.
pub(super) struct Plugins<'a> {
    context: &'a Context<'a>,
    /// What is linked with a library.
    users: BTreeMap<&'a TreePath, BTreeSet<&'a TreePath>>,
    lacking: BTreeSet<&'a TreePath>,
    /// Files of which it is known whether they are wanted.
    wanted: RefCell<BTreeMap<TreePath, bool>>,
    /// How many more steps from a library to what is linked with it are gone.
    left: Cell<usize>,
}

impl<'a> Plugins<'a> {
    pub(super) fn of(context: &'a Context<'a>, closure: &'a Closure) -> Self {
        let mut users: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for one in &closure.bound {
            users
                .entry(&one.library.place)
                .or_default()
                .insert(&one.path);
        }
        Self {
            context,
            users,
            lacking: closure.missing.iter().map(|one| &one.path).collect(),
            wanted: RefCell::default(),
            left: Cell::new(MAX_STEPS),
        }
    }

    /// Whether programs work without a library that lacks another: neither it nor anything that is
    /// linked with it is a program, or a module that is wanted.
    pub(super) fn is_optional(&self, path: &TreePath) -> bool {
        // What takes too long to be found out counts as wanted.
        let mut seen: BTreeSet<&TreePath> = BTreeSet::new();
        let mut next: Vec<&TreePath> = vec![path];
        while let Some(one) = next.pop() {
            let left = self.left.get().checked_sub(1);
            self.left.set(left.unwrap_or(0));
            if left.is_none() {
                return false;
            }
            let is_odd = one == path && self.is_odd(one);
            if self.is_wanted(one) && !is_odd {
                return false;
            }
            let users = self.users.get(one).into_iter().flatten().copied();
            next.extend(users.filter(|user| seen.insert(user)));
        }
        true
    }

    fn is_wanted(&self, path: &TreePath) -> bool {
        if let Some(known) = self.wanted.borrow().get(path) {
            return *known;
        }
        let is_wanted = self.is_program_or_module(path);
        self.wanted.borrow_mut().insert(path.clone(), is_wanted);
        is_wanted
    }

    /// Whether a file is a program, or a module that some runtime loads.
    fn is_program_or_module(&self, path: &TreePath) -> bool {
        let tree = self.context.subject.tree();
        let Some(facts) = self.context.loader.files().get(path) else {
            return true;
        };
        if is_program(tree, path, facts) {
            return true;
        }
        let name = path.name().unwrap_or_default();
        let file = tree.get(path).and_then(|entry| entry.file());
        let has = |word: &[u8]| memchr::memmem::find(name, word).is_some();
        name.ends_with(b".node")
            || has(b".cpython-")
            || has(b".abi3.")
            || file.is_none_or(|file| {
                let found = search::positions(&file.content, &ENTRIES);
                found.map_or(true, |found| found.iter().any(Option::is_some))
            })
    }

    /// Whether a module lies deep in a Python package, is one of very few that lack something, and
    /// has others beside it that do not: what is imported first would be wanted by all.
    fn is_odd(&self, path: &TreePath) -> bool {
        let Some(root) = self.context.package_root(path) else {
            return false;
        };
        let inside: Vec<&[u8]> = path.parts().skip(root.parts().count()).collect();
        let Some((package, [_, _, ..])) = inside.split_first() else {
            return false;
        };
        let package = root.join(package);
        let first = package.join("");
        let lacking = self.lacking.range::<TreePath, _>(&first..);
        let lacking = lacking.take_while(|one| one.is_within(&package));
        if lacking.take(ODD + 1).count() > ODD {
            return false;
        }
        let directory = path.parent().unwrap_or_default();
        let files = self.context.loader.files().range(directory.join("")..);
        let mut files = files
            .map(|(path, _)| path)
            .take_while(|one| one.is_within(&directory));
        files.any(|other| {
            memchr::memmem::find(other.as_bytes(), b".cpython-").is_some()
                && !self.lacking.contains(other)
        })
    }
}
