//! What the programs in `node_modules/.bin` stand for: links as npm makes them, and the scripts for
//! a shell that pnpm writes in their place.

use distil_inspect::MAX_DOCUMENT;
use distil_tree::TreePath;

use crate::context::Context;

/// How pnpm's scripts name what they start (`@zkochan/cmd-shim`): relative to their own directory.
const BASE: &str = "\"$basedir/";

/// The module that such a script has Node.js run, if it is one and the module is there.
pub(super) fn target(context: &Context<'_>, script: &TreePath) -> Option<TreePath> {
    let tree = context.subject.tree();
    let directory = script.parent()?;
    if directory.name() != Some(b".bin") {
        return None;
    }
    let bytes = tree.get(script)?.file()?.content.read(MAX_DOCUMENT).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let named = text.split(BASE).skip(1);
    let named = named.filter_map(|rest| rest.split('"').next());
    let mut named = named.filter(|path| !matches!(*path, "node" | "node.exe"));
    let path = TreePath::lexical(&format!("{directory}/{}", named.next()?))?;
    tree.follow(&path).map(|_| path)
}
