//! Node.js applications: from `pnpm-lock.yaml` to `node_modules` in an image.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distil_fixture::{Entry, Server};
use distil_tree::tar::MemberKind;
use sha2::{Digest as _, Sha512};

use crate::context::Context;
use crate::lock::offline::is_made_of_a_directory_alone;
use crate::node_packages::tarball;
use crate::own_definitions::build;

/// A registry's files.
struct Site {
    server: Server,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).unwrap();
        let site = Self { server, folder };
        for name in [
            "express",
            "accepts",
            "react",
            "jest",
            "@scope/x64",
            "@scope/arm64",
        ] {
            site.put(name, "1.0.0", "{}");
        }
        site.put("accepts", "2.0.0", "{}");
        site.put(
            "tool",
            "1.0.0",
            r#"{"name": "tool", "bin": {"tool": "index.js"}, "scripts": {"install": "x"}}"#,
        );
        site.put("addon", "1.0.0", r#"{"scripts": {"postinstall": "x"}}"#);
        site
    }

    fn path(&self, name: &str, version: &str) -> std::path::PathBuf {
        let base = name.rsplit('/').next().unwrap();
        self.folder
            .path()
            .join(format!("{name}/-/{base}-{version}.tgz"))
    }

    fn put(&self, name: &str, version: &str, manifest: &str) {
        let path = self.path(name, version);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let entries = [
            Entry::file("package/package.json", manifest),
            Entry::file("package/index.js", format!("{name} {version}")),
        ];
        fs::write(path, tarball(&entries)).unwrap();
    }

    fn package(&self, name: &str, version: &str, more: &str) -> String {
        let bytes = fs::read(self.path(name, version)).unwrap();
        let digest = STANDARD.encode(Sha512::digest(bytes));
        format!("  '{name}@{version}':\n    resolution: {{integrity: sha512-{digest}}}\n{more}\n")
    }

    fn lock(&self) -> String {
        let packages = [
            self.package("express", "1.0.0", ""),
            self.package("accepts", "1.0.0", ""),
            self.package("accepts", "2.0.0", ""),
            self.package(
                "react",
                "1.0.0",
                "    peerDependencies:\n      express: '1'\n",
            ),
            self.package("jest", "1.0.0", ""),
            self.package("@scope/x64", "1.0.0", "    cpu: [x64]\n    os: [linux]\n"),
            self.package(
                "@scope/arm64",
                "1.0.0",
                "    cpu: [arm64]\n    os: [linux]\n",
            ),
            self.package("tool", "1.0.0", "    hasBin: true\n"),
            self.package("addon", "1.0.0", ""),
        ];
        LOCK.replace("PACKAGES\n", &packages.concat())
    }

    fn definition(&self) -> String {
        format!(
            "name: app\nfrom: base\nnode: {{lock: pnpm-lock.yaml, registry: \"{}\"}}\n",
            self.server.url()
        )
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.server.url(), "http://site")
    }
}

const LOCK: &str = "lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      express:
        specifier: ^1
        version: 1.0.0
      react:
        specifier: ^1
        version: 1.0.0(express@1.0.0)
      renamed:
        specifier: npm:accepts@2
        version: accepts@2.0.0
      tool:
        specifier: ^1
        version: 1.0.0
    devDependencies:
      jest:
        specifier: ^1
        version: 1.0.0
    optionalDependencies:
      addon:
        specifier: ^1
        version: 1.0.0

  packages/one:
    dependencies:
      express:
        specifier: ^1
        version: 1.0.0
      two:
        specifier: workspace:*
        version: link:../two

  packages/two: {}

packages:

PACKAGES
snapshots:

  '@scope/arm64@1.0.0':
    optional: true

  '@scope/x64@1.0.0':
    optional: true

  accepts@1.0.0: {}

  accepts@2.0.0: {}

  addon@1.0.0:
    optional: true

  express@1.0.0:
    dependencies:
      accepts: 1.0.0

  jest@1.0.0: {}

  react@1.0.0(express@1.0.0):
    dependencies:
      express: 1.0.0

  tool@1.0.0:
    optionalDependencies:
      '@scope/arm64': 1.0.0
      '@scope/x64': 1.0.0
";

const MANIFEST: &str = r#"{"dependencies": {"express": "^1", "react": "^1", "renamed": "npm:accepts@2", "tool": "^1"}, "devDependencies": {"jest": "^1"}, "optionalDependencies": {"addon": "^1"}}"#;

fn write(context: &Context, path: &str, text: &str) {
    fs::write(context.work().join(path), text).unwrap();
}

#[test]
fn packages_lie_once_and_are_linked() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "pnpm-lock.yaml", &site.lock());
    write(&context, "package.json", MANIFEST);
    let image = build(&context, &site.definition());
    let ours: Vec<String> = image
        .iter()
        .filter(|(path, _)| path.starts_with("app"))
        .map(|(path, file)| match &file.kind {
            MemberKind::Symlink(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
            _ => format!("{path} {:o}", file.mode),
        })
        .filter(|line| !line.ends_with(" 755") || line.contains("index.js"))
        .collect();
    let output = context
        .command(&[
            "build",
            "app.yaml",
            "--platform",
            "linux/amd64",
            "--output",
            "oci-archive:b.tar",
        ])
        .output()
        .unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(ours.join("\n"));
}

#[test]
fn install_scripts_are_named_where_nothing_prebuilt_comes() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "pnpm-lock.yaml", &site.lock());
    context.define(&site.definition());
    let output = context
        .command(&["build", "app.yaml", "--platform", "linux/amd64"])
        .output()
        .unwrap();
    let said = context.stderr(&output);
    let warning = said.lines().find(|line| line.contains("install scripts"));
    insta::assert_snapshot!(warning.unwrap_or(&said));
}

#[test]
fn a_directory_has_them_for_machines_without_network() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "pnpm-lock.yaml", &site.lock());
    context.define(&site.definition());
    is_made_of_a_directory_alone(&context, || drop(site));
}

#[test]
fn what_cannot_be_installed_is_told() {
    let (context, site) = (Context::new(), Site::new());
    context.define(&site.definition());
    let fails = |lock: &str| {
        write(&context, "pnpm-lock.yaml", lock);
        site.plain(&context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]))
    };
    let changed = |from: &str, to: &str| {
        let lock = site.lock();
        assert!(lock.contains(from), "{from}");
        lock.replace(from, to)
    };
    let mut said = vec![
        fails("no: lock"),
        fails("lockfileVersion: '6.0'\n"),
        fails("lockfileVersion: '9.0'\nimporters: 3\n"),
        fails(&changed("  accepts@1.0.0: {}\n", "")),
        fails(&changed(
            "version: link:../two",
            "version: link:../../../two",
        )),
        fails(&changed(
            "'@scope/arm64@1.0.0':\n    optional: true\n",
            "'@scope/arm64@1.0.0': {}\n",
        )),
        fails(&changed("express@1.0.0)", "express@1.0.0)(patch_hash=abc)")),
        fails(&changed("packages/one:", "../one:")),
        fails(&changed(
            "  express@1.0.0:\n    dependencies:\n      accepts: 1.0.0",
            "  express@1.0.0:\n    dependencies:\n      ../../x: accepts@1.0.0",
        )),
    ];
    let digest = site.lock();
    let start = digest.find("sha512-").unwrap();
    let other = format!("sha512-{}", STANDARD.encode([7; 64]));
    said.push(fails(&digest.replace(&digest[start..start + 95], &other)));
    said.push(fails(&digest.replace(
        &format!("integrity: {}", &digest[start..start + 95]),
        "tarball: \"file:x.tgz\"",
    )));
    write(&context, "package.json", &MANIFEST.replace("^1", "^2"));
    said.push(fails(&site.lock()));
    fs::remove_file(context.work().join("package.json")).unwrap();
    context.define("name: app\nfrom: base\nnode: {lock: pnpm-lock.yaml}\n");
    said.push(fails(&site.lock()));
    context.define("name: app\nfrom: base\nnode: {lock: yarn.lock}\n");
    write(&context, "yarn.lock", "# yarn lockfile v1\n");
    said.push(context.fails(&["build", "app.yaml"]));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_registry_is_named_beside_the_lock_or_by_the_environment() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "pnpm-lock.yaml", &site.lock());
    context.define("name: app\nfrom: base\nnode: {lock: pnpm-lock.yaml}\n");
    let arguments = ["build", "app.yaml", "--platform", "linux/amd64"];
    let mut command = context.command(&arguments);
    command.env("npm_config_registry", site.server.url());
    assert!(command.output().unwrap().status.success());
    fs::remove_dir_all(context.store()).unwrap();
    write(
        &context,
        ".npmrc",
        &format!("registry={}\n", site.server.url()),
    );
    context.run(&arguments);
}
