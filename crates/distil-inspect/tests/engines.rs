//! What engines make of layers, and what we make of them.
//!
//! The table was made by experiment, not by reading: each case is a layer or two over the same base
//! layer, loaded by Docker 20.10 (overlay2 and vfs), Podman 4.3 (overlay and vfs) and containerd 1.6
//! (overlayfs), of each of which the merged file system was listed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use Engines::{All, Containerd, None, Overlay, Vfs};
use distil_fixture::{Entry, EntryKind, tar};
use distil_inspect::{Filesystem, Limits, merge, read};
use distil_tree::Kind;

/// The layer that is below those of all cases.
const BASE: [&str; 18] = [
    "usr/",
    "usr/bin/",
    "usr/bin/sh",
    "usr/lib/",
    "usr/lib/libc.so",
    "bin -> usr/bin",
    "lib -> usr/lib",
    "abs -> /usr/lib",
    "tmp/ 1777",
    "etc/",
    "etc/x",
    "etc/y",
    "d/",
    "d/a",
    "d/b",
    "d/s/",
    "d/s/t",
    "f",
];

/// Which engines have the file system that a case tells of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Engines {
    /// All of them.
    All,
    /// Those on overlay; those on vfs have another, or reject the layer.
    Overlay,
    /// containerd; Docker and Podman on overlay have another, or reject the layer.
    Containerd,
    /// None on overlay, which all reject the layer; vfs has something.
    Vfs,
    /// None: all reject the layer.
    None,
}

/// A name, the layers from the lowest to the highest, who has the result, and what it changes of the
/// base: files, links, and directories with their modes.
struct Case(
    &'static str,
    &'static [&'static [&'static str]],
    Engines,
    &'static str,
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case("file-under-link", &[&["lib/extra"]], Overlay, "+lib/ 755; +lib/extra; -lib -> usr/lib"),
    Case("tool-under-link", &[&["bin/tool"]], Overlay, "+bin/ 755; +bin/tool; -bin -> usr/bin"),
    Case("file-under-absolute-link", &[&["abs/extra"]], Overlay, "+abs/ 755; +abs/extra; -abs -> /usr/lib"),
    Case("directory-over-link", &[&["lib/", "lib/extra"]], All, "+lib/ 755; +lib/extra; -lib -> usr/lib"),
    Case("opaque-directory-over-link", &[&["lib/", "lib/.wh..wh..opq", "lib/extra"]], All, "+lib/ 755; +lib/extra; -lib -> usr/lib"),
    Case("opaque-under-link", &[&["lib/.wh..wh..opq", "lib/extra"]], Overlay, "+lib/ 755; +lib/extra; -lib -> usr/lib"),
    Case("opaque-only-under-link", &[&["lib/.wh..wh..opq"]], Overlay, "+lib/ 755; -lib -> usr/lib"),
    Case("whiteout-under-link", &[&["lib/.wh.libc.so"]], Overlay, "+lib/ 755; -lib -> usr/lib"),
    Case("whiteout-under-directory-over-link", &[&["lib/", "lib/.wh.libc.so"]], All, "+lib/ 755; -lib -> usr/lib"),
    Case("file-then-whiteout", &[&["etc/", "etc/x", "etc/.wh.x"]], Vfs, ""),
    Case("whiteout-then-file", &[&["etc/", "etc/.wh.x", "etc/x"]], All, ""),
    Case("whiteout-then-directory", &[&[".wh.d", "d/", "d/new"]], Overlay, "+d/new"),
    Case("directory-then-whiteout", &[&["d/", "d/new", ".wh.d"]], None, ""),
    Case("whiteout-then-file-in-it", &[&[".wh.d", "d/new"]], Vfs, ""),
    Case("file-in-it-then-whiteout", &[&["d/new", ".wh.d"]], Vfs, ""),
    Case("whiteout-then-deep", &[&["d/", "d/.wh.s", "d/s/new"]], Vfs, ""),
    Case("opaque-first", &[&["d/", "d/.wh..wh..opq", "d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("opaque-last", &[&["d/", "d/new", "d/.wh..wh..opq"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("opaque-no-entry", &[&["d/.wh..wh..opq", "d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("opaque-own-subdirectory", &[&["d/", "d/s/", "d/s/new", "d/.wh..wh..opq"]], All, "+d/s/new; -d/a; -d/b; -d/s/t"),
    Case("implicit-parent-mode", &[&["tmp/x"]], Containerd, "+tmp/x"),
    Case("file-over-directory", &[&["d"]], All, "+d; -d/ 755; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("directory-over-file", &[&["f/", "f/x"]], All, "+f/ 755; +f/x; -f"),
    Case("file-under-file", &[&["f/x"]], Overlay, "+f/ 755; +f/x; -f"),
    Case("link-over-directory", &[&["d -> etc"]], All, "+d -> etc; -d/ 755; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("link-over-directory-then-file", &[&["d -> etc", "d/new"]], Containerd, "+d -> etc; +etc/new; -d/ 755; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("hard-link-to-lower", &[&["h => etc/x"]], Vfs, ""),
    Case("hard-link-through-link", &[&["h => lib/libc.so"]], Vfs, ""),
    Case("hard-link-own", &[&["p", "h => p"]], All, "+h; +p"),
    Case("hard-link-absolute", &[&["p", "h => /p"]], All, "+h; +p"),
    Case("hard-link-forward", &[&["h => p", "p"]], None, ""),
    Case("hard-link-to-own-symlink", &[&["l -> etc/x", "h => l"]], All, "+h -> etc/x; +l -> etc/x"),
    Case("hard-link-through-own-link", &[&["q/", "q/p", "o -> q", "h => o/p"]], All, "+h; +o -> q; +q/ 755; +q/p"),
    Case("hard-link-then-replaced", &[&["p", "h => p", "p -> etc"]], Containerd, "+h; +p -> etc"),
    Case("own-link-to-lower-directory", &[&["o -> usr/lib", "o/x"]], Containerd, "+o -> usr/lib; +usr/lib/x"),
    Case("own-link-to-own-directory", &[&["usr/", "usr/lib/", "o -> usr/lib", "o/x"]], All, "+o -> usr/lib; +usr/lib/x"),
    Case("own-absolute-link", &[&["usr/", "usr/lib/", "o -> /usr/lib", "o/x"]], All, "+o -> /usr/lib; +usr/lib/x"),
    Case("own-link-forward", &[&["o -> w", "o/x", "w/"]], Containerd, "+o -> w; +w/ 755; +w/x"),
    Case("own-link-out", &[&["o -> ../../../etc", "o/new"]], Containerd, "+etc/new; +o -> ../../../etc"),
    Case("children-then-link", &[&["n/", "n/x", "n -> etc"]], None, ""),
    Case("link-then-directory", &[&["s -> etc", "s/", "s/new"]], Containerd, "+s/ 755; +s/new"),
    Case("file-then-file-in-it", &[&["g", "g/x"]], None, ""),
    Case("file-then-directory", &[&["g", "g/", "g/x"]], Containerd, "+g/ 755; +g/x"),
    Case("directory-then-file", &[&["g/", "g/x", "g"]], Containerd, "+g"),
    Case("file-twice", &[&["g 600", "g 644"]], Containerd, "+g"),
    Case("directory-twice", &[&["g/ 700", "g/x", "g/ 755"]], Containerd, "+g/ 755; +g/x"),
    Case("absolute-name", &[&["/etc/new"]], All, "+etc/new"),
    Case("dots", &[&["etc/../u"]], All, "+u"),
    Case("dots-out", &[&["../u"]], All, "+u"),
    Case("aufs", &[&[".wh..wh.plnk/", ".wh..wh.aufs"]], All, ""),
    Case("opaque-root", &[&[".wh..wh..opq", "new"]], Overlay, "+new"),
    Case("whiteout-of-link", &[&[".wh.lib"]], All, "-lib -> usr/lib"),
    Case("whiteout-of-link-then-directory", &[&[".wh.lib", "lib/", "lib/extra"]], All, "+lib/ 755; +lib/extra; -lib -> usr/lib"),
    Case("directory-mode", &[&["tmp/ 700"]], All, "+tmp/ 700; -tmp/ 1777"),
    Case("whiteout-of-nothing", &[&[".wh.nothing", "etc/", "etc/.wh.nothing"]], All, ""),
    Case("whiteout-under-missing", &[&["no/.wh.x"]], All, "+no/ 755"),
    Case("whiteout-under-file", &[&["f/.wh.x"]], Overlay, "+f/ 755; -f"),
    Case("whiteout-of-dots", &[&["etc/.wh..."]], None, ""),
    Case("whiteout-of-dot", &[&["etc/.wh.."]], Vfs, ""),
    Case("whiteout-empty", &[&["etc/.wh."]], Vfs, ""),
    Case("whiteout-directory", &[&["etc/", "etc/.wh.x/"]], All, "-etc/x"),
    Case("whiteout-link", &[&["etc/", "etc/.wh.x -> y"]], All, "-etc/x"),
    Case("opaque-directory-kind", &[&["d/", "d/.wh..wh..opq/", "d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("in-whiteout-directory", &[&["etc/", "etc/.wh.x/", "etc/.wh.x/z"]], All, "+etc/.wh.x/ 755; +etc/.wh.x/z; -etc/x"),
    Case("file-over-link", &[&["lib"]], All, "+lib; -lib -> usr/lib"),
    Case("link-over-link", &[&["lib -> usr/bin"]], All, "+lib -> usr/bin; -lib -> usr/lib"),
    Case("opaque-through-own-link", &[&["d/", "o -> d", "o/.wh..wh..opq", "d/new"]], Overlay, "+d/new; +o -> d; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("whiteout-through-own-link", &[&["d/", "o -> d", "o/.wh.a"]], All, "+o -> d; -d/a"),
    Case("middle-directory-top-whiteout", &[&["lib/", "lib/extra"], &[".wh.lib"]], All, "-lib -> usr/lib"),
    Case("middle-directory-top-file", &[&["lib/", "lib/extra"], &["lib/more"]], All, "+lib/ 755; +lib/extra; +lib/more; -lib -> usr/lib"),
    Case("middle-whiteout-top-directory", &[&[".wh.d"], &["d/", "d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("middle-file-top-directory", &[&["d"], &["d/", "d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("middle-opaque-top-file", &[&["d/", "d/.wh..wh..opq"], &["d/new"]], All, "+d/new; -d/a; -d/b; -d/s/ 755; -d/s/t"),
    Case("case-fifo", &[&["q|"], &["q"]], All, "+q"),
    Case("directory-over-fifo", &[&["q|"], &["q/", "q/x"]], All, "+q/ 755; +q/x"),
];

fn entry(text: &str) -> Entry {
    let text_of = |name: &str, kind| Entry::verbatim(name, kind);
    if let Some((name, target)) = text.split_once(" -> ") {
        return text_of(name, EntryKind::Symlink(target.into()));
    }
    if let Some((name, target)) = text.split_once(" => ") {
        return text_of(name, EntryKind::HardLink(target.into()));
    }
    if let Some(name) = text.strip_suffix('|') {
        return text_of(name, EntryKind::Fifo);
    }
    let (name, mode) = text.split_once(' ').unwrap_or((text, ""));
    let kind = match name.ends_with('/') {
        true => EntryKind::Directory,
        false => EntryKind::File(b"x".to_vec()),
    };
    let default = if name.ends_with('/') { "755" } else { "644" };
    let mode = if mode.is_empty() { default } else { mode };
    text_of(name, kind).mode(u32::from_str_radix(mode, 8).unwrap())
}

fn merged(layers: &[&[&str]]) -> Result<Filesystem, String> {
    let mut changesets = Vec::new();
    for layer in layers {
        let entries: Vec<Entry> = layer.iter().map(|text| entry(text)).collect();
        let read = read(tar(&entries, 0).as_slice(), Limits::default());
        changesets.push(read.map_err(|error| error.to_string())?);
    }
    merge(changesets).map_err(|error| error.to_string())
}

fn listing(filesystem: &Filesystem) -> BTreeSet<String> {
    let entries = filesystem.tree.iter();
    let entries = entries.map(|(path, entry)| {
        let path = path.as_str().unwrap();
        match &entry.kind {
            Kind::Directory => format!("{path}/ {:o}", entry.meta.mode),
            Kind::Symlink(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
            Kind::File(_) => path.to_owned(),
        }
    });
    entries.collect()
}

#[test]
fn layers_are_read_as_engines_read_them() {
    let base = listing(&merged(&[&BASE]).unwrap());
    let mut wrong = Vec::new();
    for Case(name, layers, engines, expected) in CASES {
        let result = merged(&[&[&BASE[..]], *layers].concat());
        let changes = result.as_ref().map(|filesystem| {
            let now = listing(filesystem);
            let added = now.difference(&base).map(|one| format!("+{one}"));
            let gone = base.difference(&now).map(|one| format!("-{one}"));
            added.chain(gone).collect::<Vec<_>>().join("; ")
        });
        let doubts = result.as_ref().map(|filesystem| &filesystem.ambiguities);
        let is_right = match (engines, &changes, &doubts) {
            // We refuse them, in layers as elsewhere: nobody has to write them.
            (All, Err(error), _) => name.starts_with("dots") && error.contains("`..`"),
            (All, Ok(changes), Ok(doubts)) => changes == expected && doubts.is_empty(),
            (Overlay | Containerd, Ok(changes), Ok(doubts)) => {
                changes == expected && !doubts.is_empty()
            }
            (Vfs | None, Ok(_), Ok(doubts)) => !doubts.is_empty(),
            (Vfs | None, Err(_), _) => true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!(
                "{name}: {changes:?} {doubts:?}, {engines:?} have {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
