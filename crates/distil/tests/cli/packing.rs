//! Layers packed so that an update is small, and what an update changes.

use std::collections::BTreeSet;

use distil_fixture::{ArchiveBuilder, DEFAULT_DATE, DebBuilder, debian_like, debian_security_like};

use crate::context::Context;
use crate::own_definitions::layers;

/// Packages of sources that Debian mends often, seldom and never, by the table that layers are packed by.
const SOURCES: [&str; 4] = ["expat", "openjdk-21", "ncurses", "graphite2"];

fn deb(source: &str, version: &str, content: &[u8], seconds: u64) -> DebBuilder {
    DebBuilder::new(&format!("tool-{source}"), version, "amd64")
        .source(&format!("{source} ({version})"))
        .file(&format!("/usr/share/tools/{source}/data"), content)
        .mtime(seconds)
}

fn archive(debs: Vec<DebBuilder>) -> ArchiveBuilder {
    debian_like("trixie").with("trixie", |pocket| pocket.packages(debs))
}

fn first() -> Vec<DebBuilder> {
    let time = DEFAULT_DATE - 1000;
    SOURCES
        .map(|source| deb(source, "1.0-1", b"one", time))
        .into()
}

const YAML: &str = "name: app\nfrom: static\n\
    packages: [tool-expat, tool-openjdk-21, tool-ncurses, tool-graphite2]\n";

/// The layers of the app, over an archive with these packages.
fn built(debs: Vec<DebBuilder>, yaml: &str) -> Vec<String> {
    let context = Context::with(archive(debs), debian_security_like("trixie"));
    context.define(yaml);
    layers(&context, &["app.yaml"])
}

/// How many layers there are, and which of the second are not in the first.
fn changed(before: &[String], after: &[String]) -> Vec<usize> {
    let known: BTreeSet<&String> = before.iter().collect();
    let new = after.iter().enumerate();
    new.filter(|(_, layer)| !known.contains(layer))
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn an_update_changes_the_layer_of_its_source_alone() {
    let before = built(first(), YAML);
    for (number, source) in SOURCES.iter().enumerate() {
        let mut debs = first();
        // However much larger it is, the others stay where they are.
        let large: Vec<u8> = (0..1 << 20)
            .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
            .collect();
        debs[number] = deb(source, "1.0-1+deb13u1", &large, DEFAULT_DATE);
        let after = built(debs, YAML);
        assert_eq!(after.len(), before.len(), "{source}");
        assert_eq!(
            changed(&before, &after).len(),
            1,
            "{source}: {before:?} {after:?}"
        );
    }
}

#[test]
fn an_update_below_changes_nothing_above() {
    let context = |version: &str, seconds: u64| {
        let low = deb("expat", version, version.as_bytes(), seconds);
        let context = Context::with(
            archive(vec![low, deb("openjdk-21", "1.0-1", b"one", 1_700_000_000)]),
            debian_security_like("trixie"),
        );
        std::fs::write(
            context.work().join("low.yaml"),
            "name: low\nfrom: base\npackages: [tool-expat]\n",
        )
        .unwrap();
        context.define(
            "name: app\nfrom: low.yaml\npackages: [tool-openjdk-21]\n\
             files: [{path: /etc/app, text: app}]\ndirectories: [{path: /usr/share/tools/more}]\n",
        );
        context
    };
    let count = layers(&context("1.0-1", 1_700_000_001), &["low.yaml"]).len();
    let before = layers(&context("1.0-1", 1_700_000_001), &["app.yaml"]);
    let after = layers(&context("1.0-2", DEFAULT_DATE), &["app.yaml"]);
    let changed = changed(&before, &after);
    assert_eq!(changed.len(), 1, "{before:?} {after:?}");
    assert!(changed[0] < count);
}

#[test]
fn images_share_the_layers_of_their_base_whatever_they_have() {
    let context = Context::new();
    let base = layers(&context, &["cc"]);
    assert!(base.len() <= 6);
    for image in ["python3", "python3:nonroot", "python3:debug"] {
        assert_eq!(layers(&context, &[image])[..base.len()], base, "{image}");
    }
    let python = layers(&context, &["python3"]);
    let debug = layers(&context, &["python3:debug"]);
    assert_eq!(debug[..debug.len() - 1], python);
}

#[test]
fn a_definition_says_how_many_layers_there_are() {
    let count = |most: &str| built(first(), &format!("{YAML}layers: {most}\n")).len();
    let below = built(first(), "name: app\nfrom: static\n").len();
    assert_eq!(count("single"), 1);
    assert_eq!(count("{most: 1}"), below + 1);
    assert_eq!(count(&format!("{{most: {}}}", below + 2)), below + 2);
    assert!(count("shared") > below + 2);
    assert_eq!(count("{most: 100}"), count("shared"));
}

#[test]
fn a_number_of_layers_out_of_range_is_refused() {
    let context = Context::new();
    let said = |layers: &str| {
        context.define(&format!("name: app\nfrom: base\nlayers: {layers}\n"));
        context.fails(&["build", "app.yaml"])
    };
    insta::assert_snapshot!(said("{most: 0}"), @"
    status 1
    error: `layers` of definition `app`: must be from 1 to 100, but is 0
     --> app.yaml:3:16
      |
    3 | layers: {most: 0}
      |                ^
    ");
    insta::assert_snapshot!(said("{most: 101}"), @"
    status 1
    error: `layers` of definition `app`: must be from 1 to 100, but is 101
     --> app.yaml:3:16
      |
    3 | layers: {most: 101}
      |                ^^^
    ");
    insta::assert_snapshot!(said("{most: -1}"), @"
    status 1
    error: `app.yaml` is not a definition
    `most` must be a whole number from 0 to 4294967295, but here is `-1`
     --> app.yaml:3:16
      |
    3 | layers: {most: -1}
      |                ^^
      = `most`: How many layers the image has at most, those of what it stands on among them
    ");
    insta::assert_snapshot!(said("{most: few}"), @"
    status 1
    error: `app.yaml` is not a definition
    `most` must be a whole number, but here is the text `few`
     --> app.yaml:3:16
      |
    3 | layers: {most: few}
      |                ^^^
      = `most`: How many layers the image has at most, those of what it stands on among them
    ");
    insta::assert_snapshot!(said("{least: 3}"), @"
    status 1
    error: `app.yaml` is not a definition
    `layers` has no key `least`
     --> app.yaml:3:10
      |
    3 | layers: {least: 3}
      |          ^^^^^
      = its key is `most`
    ");
    insta::assert_snapshot!(said("packed"), @"
    status 1
    error: `app.yaml` is not a definition
    `layers` must be `shared` or `single` or a mapping with the key `most`, but here is the text `packed`
     --> app.yaml:3:9
      |
    3 | layers: packed
      |         ^^^^^^
      = `layers`: Whether the layers of what it stands on are shared, and how many layers there are
    ");
}

#[test]
fn own_code_does_not_lie_with_packages() {
    let build = |program: &str| {
        let context = Context::with(archive(first()), debian_security_like("trixie"));
        std::fs::write(context.work().join("run"), program).unwrap();
        context.define(&format!(
            "{YAML}layers: {{most: 4}}\nfiles: [{{path: /app/run, from: ./run, mode: \"0755\"}}]\n"
        ));
        layers(&context, &["app.yaml"])
    };
    let (before, after) = (build("one"), build("two"));
    assert_eq!(changed(&before, &after).len(), 1);
}
