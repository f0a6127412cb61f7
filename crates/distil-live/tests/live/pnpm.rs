//! Node.js applications of pnpm: the files and links that pnpm makes of the same lock, and they run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use distil_fixture::sha256_hex;
use distil_live::context::workspace;
use distil_live::{Context, Outcome};

use crate::applications::{assert_same, works};

/// An application by its `package.json`, and a program that uses it.
struct Application {
    name: &'static str,
    manifest: &'static str,
    program: &'static str,
}

/// pnpm in the directory of the application.
fn pnpm(context: &Context, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(workspace().join("target/test-pnpm/node_modules/.bin/pnpm"));
    command
        .current_dir(context.path("app"))
        .args(arguments)
        .args(["--ignore-scripts", "--config.confirmModulesPurge=false"])
        .arg(format!("--store-dir={}", context.path("store").display()));
    Outcome::of(&command, Duration::from_secs(600))
}

/// What is below a directory: links with their targets, files with their digests. Without what pnpm keeps for
/// itself, and commands, which are scripts for a shell there.
fn entries(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let is_own = name.ends_with("/.bin")
                || matches!(name.as_str(), ".bin" | ".modules.yaml" | ".pnpm/lock.yaml")
                || name.starts_with(".pnpm-workspace-state");
            let metadata = path.symlink_metadata().unwrap();
            if is_own {
                continue;
            }
            if metadata.is_dir() {
                directories.push(path);
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, format!("-> {}", target.display()));
            } else {
                let mode = metadata.permissions().mode() & 0o111 != 0;
                found.insert(
                    name,
                    format!("{mode} {}", sha256_hex(&fs::read(&path).unwrap())),
                );
            }
        }
    }
    found
}

impl Application {
    #[track_caller]
    fn check(&self) {
        let context = Context::new();
        context.write("app/package.json", self.manifest);
        context.write("app/.npmrc", "");
        pnpm(&context, &["install", "--lockfile-only"]).success();
        context.write("app/index.js", self.program);
        context.write(
            "app/app.yaml",
            format!(
                "name: {}\nfrom: nodejs\npackages: [libstdc++6]\nnode: {{lock: pnpm-lock.yaml}}\n\
                 files: [{{path: /app/index.js, from: index.js}}]\n\
                 config: {{entrypoint: [/usr/bin/node, /app/index.js]}}\n",
                self.name
            ),
        );
        let registry = context.run("npm", ["config", "get", "registry"]).success();
        let mut build = context.command([
            "build",
            "app/app.yaml:nonroot",
            "--platform",
            "linux/amd64",
            "-o",
            "rootfs:root",
            "-o",
            "oci-archive:app.tar",
        ]);
        build.env("npm_config_registry", registry.stdout().trim());
        Outcome::of(&build, Duration::from_secs(600)).success();
        pnpm(&context, &["install", "--prod", "--frozen-lockfile"]).success();
        let ours = entries(&context.path("root/app/node_modules"));
        let theirs = entries(&context.path("app/node_modules"));
        assert_same(self.name, &ours, &theirs);
        works(&context);
    }
}

macro_rules! applications {
    ($($name:ident: $manifest:literal => $program:literal;)+) => {
        $(
            #[test]
            fn $name() {
                Application {
                    name: stringify!($name),
                    manifest: $manifest,
                    program: concat!($program, "\nconsole.log('it works')\n"),
                }
                .check();
            }
        )+
    };
}

applications! {
    express: r#"{"private": true, "dependencies": {"express": "4.21.2", "semver": "7.6.3"}, "devDependencies": {"mocha": "11.0.1"}}"#
        => "require('express')(); require('assert')(require('semver').gt('2.0.0', '1.0.0'))";
    react: r#"{"private": true, "dependencies": {"react": "18.3.1", "react-dom": "18.3.1", "renamed": "npm:lodash@4.17.21"}}"#
        => "const r = require('react'); require('assert')(require('react-dom/server').renderToString(r.createElement('b', null, 'x')) === '<b>x</b>'); require('renamed')";
    fastify: r#"{"private": true, "dependencies": {"fastify": "5.2.0", "@fastify/static": "8.0.3"}, "optionalDependencies": {"fsevents": "2.3.3"}}"#
        => "require('fastify')().register(require('@fastify/static'), {root: '/app'})";
    sharp: r#"{"private": true, "dependencies": {"sharp": "0.33.5", "esbuild": "0.24.0"}}"#
        => "require('sharp'); require('assert')(require('esbuild').transformSync('let a = 1').code)";
}
