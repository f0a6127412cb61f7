//! Names that stand for deleted files in a layer (OCI image specification, "Layer Filesystem
//! Changeset", Whiteouts): a file of that name would hide another one instead of being there.

use distil_tree::TreePath;

/// What these names begin with.
const PREFIX: &[u8] = b".wh.";

/// Whether a path has such a name in it.
pub(crate) fn is_whiteout(path: &TreePath) -> bool {
    path.parts().any(|part| part.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts_are_told_by_any_part() {
        for path in ["etc/.wh.passwd", ".wh..wh..opq", "a/.wh.b/c"] {
            assert!(is_whiteout(&TreePath::of(path)), "{path}");
        }
        for path in ["etc/wh.passwd", "etc/.wh", "etc/x.wh.y", ""] {
            assert!(!is_whiteout(&TreePath::of(path)), "{path}");
        }
    }
}
