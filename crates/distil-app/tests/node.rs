//! What a `package-lock.json` places in an image, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use distil_app::node::{NodePackage, NodePackageSource, NodeTarget, PackageLock};
use proptest::prelude::*;
use serde_json::{Value, json};

const SHA: &str = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

fn lock(packages: Value) -> String {
    json!({"name": "shop", "lockfileVersion": 3, "requires": true, "packages": packages})
        .to_string()
}

fn from(url: &str, rest: Value) -> Value {
    let mut entry = json!({
        "version": "1.0.0",
        "resolved": format!("https://registry.example.org/{url}.tgz"),
        "integrity": SHA,
    });
    for (key, value) in rest.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn select(text: &str, architecture: &str) -> Result<Vec<NodePackage>, String> {
    let lock = PackageLock::parse(text).map_err(|error| chain(&error))?;
    let target = NodeTarget::of_debian(architecture).unwrap();
    let selection = lock.select(&target).map_err(|error| chain(&error))?;
    Ok(selection.packages)
}

fn paths(found: &[NodePackage]) -> Vec<String> {
    found
        .iter()
        .map(|one| one.path.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_production_needs_is_placed() {
    let text = lock(json!({
        "": {"dependencies": {"express": "^5", "tool": "1"}, "devDependencies": {"jest": "1"}},
        "node_modules/express": from("express", json!({"dependencies": {"accepts": "1"}})),
        "node_modules/accepts": from("accepts", json!({})),
        "node_modules/express/node_modules/accepts": from("accepts-2", json!({})),
        "node_modules/jest": from("jest", json!({"dev": true, "bin": {"jest": "bin/jest.js"}})),
        "node_modules/both": from("both", json!({"devOptional": true})),
        "node_modules/tool": from("tool", json!({"bin": {"tool": "./cli.js", "../x/other": "bin/o.js"}, "hasInstallScript": true})),
        "node_modules/@scope/a": from("a", json!({"bin": {"a": "/a.js"}})),
        "node_modules/@scope/a/node_modules/b": {"version": "2.0.0", "inBundle": true, "bin": {"b": "b.js"}},
        "node_modules/own": {"resolved": "packages/own", "link": true},
        "packages/own": {"name": "own", "version": "0.1.0"},
        "packages/own/node_modules/c": from("c", json!({})),
    }));
    let found = select(&text, "amd64").unwrap();
    let listed: Vec<String> = found
        .iter()
        .map(|one| {
            let source = match &one.source {
                NodePackageSource::Archive { url, .. } => url.clone(),
                NodePackageSource::Registry { .. } => "registry".to_owned(),
                NodePackageSource::Bundled => "bundled".to_owned(),
                NodePackageSource::Link(place) => format!("link to {place}"),
            };
            let bins: Vec<String> = one
                .bins
                .iter()
                .map(|bin| format!("{} -> {} ({})", bin.path, bin.target, bin.file))
                .collect();
            format!(
                "{} {} {} {source} {bins:?} {}",
                one.path,
                one.name,
                one.version,
                one.has_install_script == Some(true)
            )
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"));
}

#[test]
fn optional_packages_for_other_machines_go_with_what_only_they_need() {
    let text = lock(json!({
        "": {"dependencies": {"sharp": "1"}},
        "node_modules/sharp": from("sharp", json!({
            "dependencies": {"shared": "1"},
            "optionalDependencies": {"@img/x64": "1", "@img/arm64": "1", "@img/musl": "1", "fsevents": "1", "notwin": "1"},
        })),
        "node_modules/@img/x64": from("x64", json!({"optional": true, "os": ["linux"], "cpu": ["x64"], "libc": ["glibc"]})),
        "node_modules/@img/arm64": from("arm64", json!({"optional": true, "os": ["linux"], "cpu": ["arm64"], "libc": "glibc"})),
        "node_modules/@img/musl": from("musl", json!({"optional": true, "os": ["linux"], "cpu": ["x64"], "libc": ["musl"]})),
        "node_modules/fsevents": from("fsevents", json!({"optional": true, "os": ["darwin"], "dependencies": {"nan": "1", "shared": "1"}})),
        "node_modules/nan": from("nan", json!({"optional": true, "dependencies": {"deep": "1"}})),
        "node_modules/deep": from("deep", json!({"optional": true})),
        "node_modules/shared": from("shared", json!({})),
        "node_modules/notwin": from("notwin", json!({"optional": true, "os": ["!win32"]})),
    }));
    let amd64 = paths(&select(&text, "amd64").unwrap());
    assert_eq!(
        amd64,
        [
            "node_modules/@img/x64",
            "node_modules/notwin",
            "node_modules/shared",
            "node_modules/sharp"
        ]
    );
    let arm64 = paths(&select(&text, "arm64").unwrap());
    assert!(arm64.contains(&"node_modules/@img/arm64".to_owned()));
    assert!(!arm64.contains(&"node_modules/@img/x64".to_owned()));
    assert_eq!(select(&text, "s390x").unwrap().len(), 3);
}

#[test]
fn locks_that_cannot_be_used_say_why() {
    let said = |packages: Value| select(&lock(packages), "amd64").unwrap_err();
    let one = |path: &str, entry: Value| said(json!({ path: entry }));
    let all = [
        select("{", "amd64").unwrap_err(),
        select(r#"{"lockfileVersion": 1, "dependencies": {}}"#, "amd64").unwrap_err(),
        select(r#"{"lockfileVersion": 4}"#, "amd64").unwrap_err(),
        select("{}", "amd64").unwrap_err(),
        one("node_modules/../../etc", from("x", json!({}))),
        one("/node_modules/x", from("x", json!({}))),
        one("node_modules/a/b", from("x", json!({}))),
        one("node_modules/.bin", from("x", json!({}))),
        one("../node_modules/x", from("x", json!({}))),
        one(
            "node_modules/x",
            json!({"resolved": "git+ssh://git:secret@e.org/x.git#abc"}),
        ),
        one(
            "node_modules/x",
            json!({"resolved": "file:../x.tgz", "integrity": SHA}),
        ),
        one("node_modules/x", json!({"resolved": "../x", "link": true})),
        one("node_modules/x", json!({"version": "1"})),
        one("node_modules/x", json!({"resolved": "https://e.org/x.tgz"})),
        one(
            "node_modules/x",
            json!({"resolved": "https://e.org/x.tgz", "integrity": "md5-AAAA"}),
        ),
        one(
            "node_modules/x",
            from("x", json!({"os": ["darwin"], "cpu": ["arm64"]})),
        ),
    ];
    insta::assert_snapshot!(all.join("\n"));
    assert!(!all.join("").contains("secret"));
}

#[test]
fn a_lock_that_is_out_of_date_is_told() {
    let text =
        lock(json!({"": {"dependencies": {"a": "^1", "b": "^1"}, "devDependencies": {"c": "1"}}}));
    let lock = PackageLock::parse(&text).unwrap();
    let same = json!({"dependencies": {"a": "^1", "b": "^1"}, "devDependencies": {"c": "1"}});
    assert!(lock.outdated(&same.to_string()).unwrap().is_empty());
    let other = json!({"dependencies": {"a": "^2", "d": "1"}, "devDependencies": {"c": "1"}});
    insta::assert_snapshot!(lock.outdated(&other.to_string()).unwrap().join("\n"), @r"
    `package.json` asks for `a@^2`, and the lock knows `a@^1`
    `package.json` asks for `d@1`, and the lock does not know it
    the lock knows `b`, and `package.json` does not ask for it
    ");
    assert!(lock.outdated("[").is_err());
}

proptest! {
    #[test]
    fn paths_lead_nowhere_else(path in "(node_modules|\\.\\.|@a|b|/|\\.){1,8}") {
        if let Ok(found) = select(&lock(json!({ path: from("x", json!({"bin": {"../../x": "../../y"}})) })), "amd64") {
            for one in found {
                for path in one.bins.iter().flat_map(|bin| [&bin.path, &bin.file]).chain([&one.path]) {
                    prop_assert!(path.parts().all(|part| part != b"..") && path.as_str().unwrap().contains("node_modules/"));
                }
            }
        }
    }
}
