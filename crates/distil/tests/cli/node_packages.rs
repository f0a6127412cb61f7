//! Node.js applications: from `package-lock.json` to `node_modules` in an image.

use std::fs;
use std::io::Write;

use distil_fixture::{Entry, Server, tar};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::context::Context;
use crate::lock::offline::is_made_of_a_directory_alone;
use crate::own_definitions::build;

/// A registry's files.
struct Site {
    server: Server,
    folder: tempfile::TempDir,
}

pub(crate) fn tarball(entries: &[Entry]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar(entries, 0)).unwrap();
    encoder.finish().unwrap()
}

/// `sha512-…` of bytes, by openssl's own words.
fn integrity(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha512::digest(bytes);
    format!(
        "sha512-{}",
        base64::engine::general_purpose::STANDARD.encode(digest)
    )
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).unwrap();
        let site = Self { server, folder };
        let plain = |name: &str| vec![Entry::file(&format!("package/{name}.js"), name)];
        let mut tool = plain("tool");
        tool.push(Entry::file("package/cli.js", "#!/usr/bin/env node\n"));
        tool.push(Entry::file(
            "package/node_modules/inner/run.js",
            "#!/usr/bin/env node\n",
        ));
        site.put("tool", &tool);
        for name in ["express", "accepts", "jest", "x64", "arm64"] {
            site.put(name, &plain(name));
        }
        site
    }

    fn put(&self, name: &str, entries: &[Entry]) {
        fs::write(
            self.folder.path().join(format!("{name}.tgz")),
            tarball(entries),
        )
        .unwrap();
    }

    fn entry(&self, name: &str, more: Value) -> Value {
        let bytes = fs::read(self.folder.path().join(format!("{name}.tgz"))).unwrap();
        let mut entry = json!({
            "version": "1.0.0",
            "resolved": format!("{}/{name}.tgz", self.server.url()),
            "integrity": integrity(&bytes),
        });
        for (key, value) in more.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    }

    fn lock(&self) -> Value {
        json!({
            "name": "shop",
            "lockfileVersion": 3,
            "packages": {
                "": {"dependencies": {"express": "^1", "tool": "^1"}, "devDependencies": {"jest": "1"}},
                "node_modules/express": self.entry("express", json!({})),
                "node_modules/express/node_modules/accepts": self.entry("accepts", json!({})),
                "node_modules/@scope/x64": self.entry("x64", json!({"optional": true, "cpu": ["x64"]})),
                "node_modules/@scope/arm64": self.entry("arm64", json!({"optional": true, "cpu": ["arm64"]})),
                "node_modules/tool": self.entry("tool", json!({"bin": {"tool": "cli.js"}})),
                "node_modules/tool/node_modules/inner":
                    {"version": "2.0.0", "inBundle": true, "bin": {"inner": "run.js"}},
                "node_modules/jest": self.entry("jest", json!({"dev": true})),
            },
        })
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.server.url(), "http://site")
    }
}

fn write(context: &Context, path: &str, text: &str) {
    fs::write(context.work().join(path), text).unwrap();
}

const DEFINITION: &str = "name: app\nfrom: base\nnode: {lock: package-lock.json}\n";

#[test]
fn packages_are_placed_as_the_lock_says() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "package-lock.json", &site.lock().to_string());
    write(&context, "index.js", "require('express')\n");
    write(
        &context,
        "package.json",
        r#"{"dependencies": {"express": "^1", "tool": "^1"}, "devDependencies": {"jest": "1"}}"#,
    );
    let yaml = format!("{DEFINITION}files: [{{path: /app/index.js, from: index.js}}]\n");
    let image = build(&context, &yaml);
    let ours: Vec<String> = image
        .iter()
        .filter(|(path, _)| path.starts_with("app"))
        .map(|(path, file)| format!("{:o} {} {path} {:?}", file.mode, file.layer, file.kind))
        .collect();
    insta::assert_snapshot!(ours.join("\n"));
}

#[test]
fn a_directory_has_them_for_machines_without_network() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "package-lock.json", &site.lock().to_string());
    context.define(DEFINITION);
    is_made_of_a_directory_alone(&context, || drop(site));
}

#[test]
fn what_cannot_be_installed_is_told() {
    let (context, site) = (Context::new(), Site::new());
    context.define(DEFINITION);
    let fails = |lock: &Value| {
        write(&context, "package-lock.json", &lock.to_string());
        site.plain(&context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]))
    };
    let changed = |path: &str, key: &str, value: Value| {
        let mut lock = site.lock();
        lock["packages"][path][key] = value;
        lock
    };
    let express = "node_modules/express";
    let mut said = vec![
        fails(&json!({"lockfileVersion": 1})),
        fails(&changed(express, "integrity", Value::Null)),
        fails(&changed(express, "integrity", json!(integrity(b"")))),
        fails(&changed(
            express,
            "resolved",
            json!(format!("{}/gone.tgz", site.server.url())),
        )),
        fails(&changed(
            express,
            "resolved",
            json!("git+ssh://git:secret@e.org/x.git"),
        )),
        fails(&changed(express, "os", json!(["darwin"]))),
    ];
    site.put(
        "express",
        &[Entry::file("package/../../etc/passwd", "root")],
    );
    said.push(fails(&site.lock()));
    write(
        &context,
        "package.json",
        r#"{"dependencies": {"express": "^2"}}"#,
    );
    said.push(fails(&site.lock()));
    insta::assert_snapshot!(said.join("\n"));
    assert!(!said.join("").contains("secret"));
}

#[test]
fn install_scripts_are_named_where_nothing_prebuilt_comes() {
    let (context, site) = (Context::new(), Site::new());
    let mut lock = site.lock();
    // One compiles; the other has an optional package with what it would compile.
    for name in ["express", "tool"] {
        lock["packages"][format!("node_modules/{name}")]["hasInstallScript"] = json!(true);
    }
    lock["packages"]["node_modules/tool"]["optionalDependencies"] =
        json!({"@scope/x64": "1", "@scope/arm64": "1"});
    write(&context, "package-lock.json", &lock.to_string());
    context.define(DEFINITION);
    let arguments = ["build", "app.yaml", "--platform", "linux/amd64"];
    let output = context.command(&arguments).output().unwrap();
    let said = context.stderr(&output);
    assert!(
        said.contains("warning: install scripts of 1 package (`express@1.0.0`) were not run"),
        "{said}"
    );
}
