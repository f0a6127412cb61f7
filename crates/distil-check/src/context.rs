//! What all rules look at.

use std::collections::BTreeSet;
use std::time::SystemTime;

use distil_inspect::{owned, runtime};
use distil_tree::TreePath;
use distil_tree::loader::Loader;

use crate::subject::Subject;

/// What rules know beside the image.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The time that certificates are compared with.
    pub now: SystemTime,
    /// The Debian package that has a library, as far as somebody knows.
    pub package_of: &'a dyn Fn(&str) -> Option<String>,
    /// Folders that somebody says are written to, beside volumes and what variables name.
    pub writable: &'a [String],
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What all rules look at.
pub(crate) struct Context<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) options: Options<'a>,
    pub(crate) loader: Loader<'a>,
    /// The files of packages, by what Debian's package metadata say.
    pub(crate) owned: BTreeSet<TreePath>,
    /// What the container starts: the program, its interpreter and so on.
    pub(crate) chain: Vec<TreePath>,
    /// The minor versions of its Pythons, and those of which it has none with the global lock.
    pub(crate) pythons: BTreeSet<u32>,
    pub(crate) free_threaded: BTreeSet<u32>,
    /// The version of its C library, if that is glibc.
    pub(crate) glibc: Option<(u32, u32)>,
    /// The version of its musl, if it has one, and that is known.
    pub(crate) musl: Option<(u32, u32)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(subject: Subject<'a>, options: Options<'a>) -> Self {
        let library_path = subject.config.variable("LD_LIBRARY_PATH");
        let loader = Loader::new(subject.tree(), library_path);
        Self {
            subject,
            options,
            glibc: runtime::glibc(&loader),
            musl: loader
                .has_musl()
                .then(|| runtime::musl(subject.tree()))
                .flatten(),
            loader,
            owned: owned(subject.tree()),
            chain: runtime::chain(subject.tree(), subject.config),
            pythons: runtime::pythons(subject.tree()),
            free_threaded: runtime::free_threaded(subject.tree()),
        }
    }

    /// Its Pythons, as a list to be read.
    pub(crate) fn python_versions(&self) -> String {
        let list = self.pythons.iter().map(|minor| format!("3.{minor}"));
        list.collect::<Vec<_>>().join(" and ")
    }
}

/// Text that was found in an image, harmless for terminals and not too long.
pub(crate) fn shown(text: impl AsRef<[u8]>) -> String {
    let text = distil_tree::printable(text.as_ref());
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
