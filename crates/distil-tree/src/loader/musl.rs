//! What musl's loader does otherwise (`ldso/dynlink.c`).

use crate::path::TreePath;
use crate::tree::Tree;

/// Names that musl's loader answers for itself (`dynlink.c`, "reserved" libraries).
pub(super) fn is_itself(name: &[u8]) -> bool {
    if name.starts_with(b"libc.musl-") || name.starts_with(b"ld-musl-") {
        return true;
    }
    let Some(rest) = name.strip_prefix(b"lib") else {
        return false;
    };
    let end = rest
        .iter()
        .position(|&byte| byte == b'.')
        .unwrap_or(rest.len());
    let reserved: [&[u8]; 7] = [b"c", b"pthread", b"rt", b"m", b"dl", b"util", b"xnet"];
    reserved.contains(&&rest[..end])
}

/// The directories of `/etc/ld-musl-ARCH.path`, or musl's own; none without a musl.
pub(super) fn path(tree: &Tree) -> Option<Vec<Vec<u8>>> {
    let lib = tree.resolve(&TreePath::of("lib")).ok()?;
    let is_loader = |path: &TreePath| {
        path.name()
            .is_some_and(|name| name.starts_with(b"ld-musl-"))
    };
    tree.children(&lib).find(|(path, _)| is_loader(path))?;
    let etc = TreePath::of("etc");
    let file = tree.children(&etc).find(|(path, _)| {
        is_loader(path) && path.name().is_some_and(|name| name.ends_with(b".path"))
    });
    let text = file.and_then(|(_, entry)| entry.file()?.content.read(1 << 16).ok());
    Some(match text {
        Some(text) => {
            let folders = text.split(|byte| matches!(byte, b':' | b'\n'));
            let folders = folders.map(|folder| folder.trim_ascii().to_vec());
            folders.filter(|folder| !folder.is_empty()).collect()
        }
        None => [&b"/lib"[..], b"/usr/local/lib", b"/usr/lib"]
            .map(<[u8]>::to_vec)
            .into(),
    })
}
