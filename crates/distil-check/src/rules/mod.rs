//! The rules themselves, one file a subject.

mod environment;
mod java;
mod libraries;
mod node;
mod python;
mod scripts;
mod start;
mod surface;
mod users;

use std::collections::BTreeSet;
use std::time::SystemTime;

use distil_tree::TreePath;

use crate::finding::Finding;
use crate::linker::Linker;
use crate::runtime;
use crate::subject::Subject;

/// What rules know beside the image.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The time that certificates are compared with.
    pub now: SystemTime,
    /// The Debian package that has a library, as far as somebody knows.
    pub package_of: &'a dyn Fn(&str) -> Option<String>,
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
    pub(crate) linker: Linker<'a>,
    /// The files of packages, by what Debian's package metadata say.
    pub(crate) owned: BTreeSet<TreePath>,
    /// What the container starts: the program, its interpreter and so on.
    pub(crate) chain: Vec<TreePath>,
    pub(crate) pythons: BTreeSet<u32>,
}

/// Looks at an image with all rules. Findings come in the order of the rules and of paths.
pub fn check(subject: Subject<'_>, options: Options<'_>) -> Vec<Finding> {
    let linker = Linker::new(subject);
    let context = Context {
        subject,
        options,
        linker,
        owned: owned(&subject),
        chain: runtime::chain(&subject),
        pythons: runtime::pythons(subject.tree()),
    };
    let mut findings = Vec::new();
    start::check(&context, &mut findings);
    scripts::check(&context, &mut findings);
    libraries::check(&context, &mut findings);
    python::check(&context, &mut findings);
    node::check(&context, &mut findings);
    java::check(&context, &mut findings);
    environment::check(&context, &mut findings);
    users::check(&context, &mut findings);
    surface::check(&context, &mut findings);
    findings
        .sort_by(|a, b| (a.rule.id, &a.path, &a.problem).cmp(&(b.rule.id, &b.path, &b.problem)));
    findings.dedup();
    findings
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
