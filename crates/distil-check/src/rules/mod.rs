//! The rules themselves, one file a subject.

mod certificates;
mod environment;
mod java;
mod libraries;
mod node;
mod python;
mod scripts;
mod start;
mod surface;
mod users;
mod venv;

use std::collections::BTreeSet;
use std::time::SystemTime;

use distil_tree::TreePath;
use distil_tree::loader::Loader;

use crate::finding::Finding;
use crate::read::{MAX_DOCUMENT, is_document};
use crate::rule::NOT_EXAMINED;
use crate::runtime;
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

/// Looks at an image with all rules. Findings come in the order of the rules and of paths.
pub fn check(subject: Subject<'_>, options: Options<'_>) -> Vec<Finding> {
    let library_path = subject.config.variable("LD_LIBRARY_PATH");
    let loader = Loader::new(subject.tree(), library_path);
    let context = Context {
        subject,
        options,
        glibc: runtime::glibc(&loader),
        musl: loader
            .has_musl()
            .then(|| runtime::musl(subject.tree()))
            .flatten(),
        loader,
        owned: owned(&subject),
        chain: runtime::chain(&subject),
        pythons: runtime::pythons(subject.tree()),
        free_threaded: runtime::free_threaded(subject.tree()),
    };
    let mut findings = Vec::new();
    start::check(&context, &mut findings);
    scripts::check(&context, &mut findings);
    libraries::check(&context, &mut findings);
    python::check(&context, &mut findings);
    node::check(&context, &mut findings);
    java::check(&context, &mut findings);
    documents(&context, &mut findings);
    certificates::check(&context, &mut findings);
    environment::check(&context, &mut findings);
    users::check(&context, &mut findings);
    surface::check(&context, &mut findings);
    findings
        .sort_by(|a, b| (a.rule.id, &a.path, &a.problem).cmp(&(b.rule.id, &b.path, &b.problem)));
    findings.dedup();
    findings
}

/// Documents that rules would read, and that are too large to be kept.
fn documents(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (path, entry) in context.subject.tree().iter() {
        let Some(file) = entry.file().filter(|_| is_document(path)) else {
            continue;
        };
        let size = file.content.size();
        if size > MAX_DOCUMENT {
            let problem = format!("`{path}` has {size} bytes, more than is read of such a file");
            findings.push(Finding::new(&NOT_EXAMINED, problem).at(path));
        }
    }
}

/// The files that Debian's packages own: of `status.d`, as distroless images have it, and of dpkg's
/// own database.
fn owned(subject: &Subject<'_>) -> BTreeSet<TreePath> {
    let tree = subject.tree();
    let mut owned = BTreeSet::new();
    let mut add = |path: &[u8]| {
        let path = TreePath::from_archive(path.strip_prefix(b"/").unwrap_or(path));
        owned.extend(path.ok().and_then(|path| tree.resolve(&path).ok()));
    };
    for folder in ["var/lib/dpkg/status.d", "var/lib/dpkg/info"].map(TreePath::of) {
        for (path, entry) in tree.children(&folder) {
            let name = path.name().unwrap_or_default();
            let (is_sums, is_list) = (name.ends_with(b".md5sums"), name.ends_with(b".list"));
            if !is_sums && !is_list {
                continue;
            }
            let text = entry
                .file()
                .and_then(|file| file.content.read(16 << 20).ok());
            for line in text.unwrap_or_default().split(|&byte| byte == b'\n') {
                match is_sums {
                    true => add(line.get(34..).unwrap_or_default()),
                    false => add(line),
                }
            }
        }
    }
    owned
}

/// Text that was found in an image, harmless for terminals and not too long.
pub(crate) fn shown(text: impl AsRef<[u8]>) -> String {
    let text = distil_tree::printable(text.as_ref());
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
