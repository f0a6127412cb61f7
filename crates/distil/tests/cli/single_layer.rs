//! Definitions whose layers are one: `layers: single`.

use crate::context::Context;
use crate::own_definitions::{build, deb, layers, text};

#[test]
fn one_layer_for_all_may_drop_what_the_parent_ships() {
    let context = Context::new();
    let yaml = "name: app\nfrom: cc\nlayers: single\ndrop: [/etc/services]\npackages: [libffi8]\n";
    let files = build(&context, yaml);
    assert!(!files.contains_key("etc/services") && files.contains_key("etc/protocols"));
    assert!(files.values().all(|file| file.layer == 0));
    assert!(!text(&files, "var/lib/dpkg/status.d/netbase.md5sums").contains("etc/services"));
    assert_eq!(files["tmp"].mode, 0o1777);
    for variant in ["nonroot", "debug", "debug-nonroot"] {
        let count = layers(&context, &[&format!("app.yaml:{variant}")]).len();
        assert_eq!(count, if variant == "nonroot" { 1 } else { 2 }, "{variant}");
    }
}

#[test]
fn one_layer_for_all_may_keep_what_the_parent_drops() {
    let low = deb("low").file("usr/share/low/x", "x");
    let context = Context::with_packages(vec![low]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [low]\ndrop: [/usr/share/low/x]\n",
    )
    .unwrap();
    for (yaml, is_there) in [
        ("keep: [/usr/share/low/x]", true),
        ("keep: [/usr/share/low/x]\ndrop: [/usr/share/low/*]", false),
    ] {
        let yaml = format!("name: app\nfrom: low.yaml\nlayers: single\n{yaml}\n");
        let files = build(&context, &yaml);
        assert_eq!(files.contains_key("usr/share/low/x"), is_there, "{yaml}");
    }
}
