//! Packages that are taken in part, and links to what is left out.

use distil_fixture::{DebBuilder, ElfBuilder};
use distil_tree::tar::MemberKind;
use serde_json::Value;

use crate::context::Context;
use crate::own_definitions::{build, deb};

/// A library as Debian ships one, with the name of its file, its soname, and that for the linker.
fn libpq() -> DebBuilder {
    let library = ElfBuilder::shared("libpq.so.5").needed("libc.so.6").build();
    deb("libpq5")
        .file("usr/lib/x86_64-linux-gnu/libpq.so.5.17", library)
        .symlink("usr/lib/x86_64-linux-gnu/libpq.so.5", "libpq.so.5.17")
        .symlink("usr/lib/x86_64-linux-gnu/libpq.so", "libpq.so.5")
        .file("usr/share/libpq5/other", "")
}

#[test]
fn a_link_that_is_taken_brings_what_it_leads_to() {
    let context = Context::with_packages(vec![libpq()]);
    for pattern in ["libpq.so", "libpq.so.5", "libpq.so.5.17"] {
        let files = build(
            &context,
            &format!(
                "name: app\nfrom: base\npackages: [{{name: libpq5, only: [\"/usr/lib/*/{pattern}\"]}}]\n"
            ),
        );
        let has = |name: &str| files.contains_key(&format!("usr/lib/x86_64-linux-gnu/{name}"));
        assert!(has("libpq.so.5.17"), "{pattern}");
        assert_eq!(has("libpq.so.5"), pattern != "libpq.so.5.17", "{pattern}");
        assert_eq!(has("libpq.so"), pattern == "libpq.so", "{pattern}");
        assert!(!files.contains_key("usr/share/libpq5/other"), "{pattern}");
    }
}

/// What `drop` says holds; the link that leads there goes with it, and is counted.
#[test]
fn a_link_goes_with_what_it_leads_to() {
    let tool = deb("tool")
        .file("usr/share/tool/v2/data", "data")
        .file("usr/share/tool/v2-old", "old")
        .symlink("usr/share/tool/current", "v2")
        .symlink("usr/share/tool/data", "current/data")
        .symlink("usr/share/tool/elsewhere", "/data/not-shipped");
    let context = Context::with_packages(vec![tool]);
    let yaml = "name: app\nfrom: base\npackages: [tool]\ndrop: [/usr/share/tool/v2/**]\n";
    let files = build(&context, yaml);
    let links = files.iter().filter(|(path, file)| {
        path.starts_with("usr/share/tool/") && matches!(file.kind, MemberKind::Symlink(_))
    });
    let links: Vec<&str> = links.map(|(path, _)| path.as_str()).collect();
    // Where the package itself leads to nothing it is as it was made.
    assert_eq!(links, ["usr/share/tool/elsewhere"]);
    let shown = context.run(&["show", "--format", "json", "app.yaml"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let left_out = shown["left_out"].as_array().unwrap();
    let links = left_out
        .iter()
        .find(|one| one["reason"] == "links to what is left out");
    assert_eq!(links.unwrap()["files"], 2, "{left_out:?}");
    let mut why = context.command(&["why", "app.yaml", "/usr/share/tool/data"]);
    let why = why.output().unwrap().stdout;
    insta::assert_snapshot!(String::from_utf8(why).unwrap(), @r"
    `/usr/share/tool/data` is not in app:latest
      package `tool` ships it, and it is left out: links to what is left out
      to have it: it is a link to `/usr/share/tool/v2`, which is left out; with that, it is kept
    ");
    let kept = format!("{yaml}keep: [/usr/share/tool/current]\n");
    assert!(build(&context, &kept).contains_key("usr/share/tool/current"));
}
