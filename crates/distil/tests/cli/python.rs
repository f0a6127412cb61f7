//! Python applications: from a lock file to files of an image.

use std::fs;

use distil_fixture::{Server, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use crate::context::Context;
use crate::images::files;
use crate::lock::offline::is_made_of_a_directory_alone;
use crate::own_definitions::{build, layers, text};

/// An index with a few distributions, and a project that uses them.
struct Site {
    server: Server,
    folder: tempfile::TempDir,
}

fn flask() -> WheelBuilder {
    WheelBuilder::new("flask", "3.1.0")
        .file("flask/__init__.py", "x = 1\n")
        .file("shared/__init__.py", "")
        .entry_points("[console_scripts]\nflask = flask.cli:main\n")
}

fn markupsafe(tags: &str) -> WheelBuilder {
    WheelBuilder::new("markupsafe", "3.0.2")
        .tags(tags)
        .file("markupsafe/__init__.py", tags)
        .file("shared/__init__.py", "")
}

const AMD64: &str = "cp313-cp313-manylinux_2_17_x86_64";
const ARM64: &str = "cp313-cp313-manylinux_2_17_aarch64";

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).unwrap();
        let site = Self { server, folder };
        for wheel in [flask(), markupsafe(AMD64), markupsafe(ARM64)] {
            site.put(&wheel);
        }
        site
    }

    /// Serves a wheel, and lists it on the page of its distribution.
    fn put(&self, wheel: &WheelBuilder) {
        let name = wheel.file_name();
        let bytes = wheel.build();
        fs::write(self.folder.path().join(&name), &bytes).unwrap();
        let directory = self
            .folder
            .path()
            .join("simple")
            .join(name.split('-').next().unwrap());
        fs::create_dir_all(&directory).unwrap();
        let page = directory.join("index.html");
        let before = fs::read_to_string(&page).unwrap_or_default();
        let link = format!(
            "<a href=\"../../{name}#sha256={}\">{name}</a>\n",
            sha256_hex(&bytes)
        );
        fs::write(page, before + &link).unwrap();
    }

    fn wheel(&self, wheel: &WheelBuilder) -> String {
        let (url, name) = (self.server.url(), wheel.file_name());
        let bytes = fs::read(self.folder.path().join(&name)).unwrap();
        format!(
            "{{ url = \"{url}/{name}\", hash = \"sha256:{}\" }}",
            sha256_hex(&bytes)
        )
    }

    /// A `uv.lock` of a project that asks for Flask.
    fn uv(&self, more: &str) -> String {
        let (flask, amd64, arm64) = (
            self.wheel(&flask()),
            self.wheel(&markupsafe(AMD64)),
            self.wheel(&markupsafe(ARM64)),
        );
        format!(
            "version = 1\nrequires-python = \">=3.11\"\n\
             [[package]]\nname = \"shop\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n\
             dependencies = [{{ name = \"flask\" }}]\n\
             [package.metadata]\nrequires-dist = [{{ name = \"flask\", specifier = \">=3\" }}]\n\
             [[package]]\nname = \"flask\"\nversion = \"3.1.0\"\nsource = {{ registry = \"x\" }}\n\
             dependencies = [{{ name = \"markupsafe\" }}]\nwheels = [{flask}]\n\
             [[package]]\nname = \"markupsafe\"\nversion = \"3.0.2\"\nsource = {{ registry = \"x\" }}\n\
             wheels = [{amd64}, {arm64}]\n{more}"
        )
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.server.url(), "http://site")
    }
}

fn write(context: &Context, path: &str, content: impl AsRef<[u8]>) {
    let path = context.work().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn definition(python: &str) -> String {
    format!("name: app\nfrom: python3\npython: {{{python}}}\n")
}

#[test]
fn a_directory_has_them_for_machines_without_network() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "uv.lock", site.uv(""));
    context.define(&definition("lock: uv.lock, to: /app"));
    is_made_of_a_directory_alone(&context, || drop(site));
}

#[test]
fn a_lock_becomes_files_of_the_image() {
    let (context, site) = (Context::new(), Site::new());
    write(&context, "uv.lock", site.uv(""));
    write(
        &context,
        "pyproject.toml",
        "[project]\nname = \"shop\"\ndependencies = [\"flask >= 3\"]\n",
    );
    write(&context, "app.py", "import flask\n");
    let yaml = definition("lock: uv.lock")
        + "files: [{path: /app/app.py, from: app.py}]\nconfig: {entrypoint: [/usr/bin/python3, /app/app.py]}\n";
    let image = build(&context, &yaml);
    let ours: Vec<String> = image
        .iter()
        .filter(|(path, _)| path.starts_with("app"))
        .map(|(path, file)| format!("{:o} {} {path}", file.mode, file.layer))
        .collect();
    insta::assert_snapshot!(ours.join("\n"));
    assert_eq!(text(&image, "app/deps/markupsafe/__init__.py"), AMD64);
    assert!(text(&image, "app/deps/bin/flask").starts_with("#!/usr/bin/python3\n"));
    let shown: Value =
        serde_json::from_str(&context.run(&["show", "app.yaml", "--format", "json"])).unwrap();
    let env = shown["config"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("PYTHONPATH=/app/deps")), "{env:?}");

    // An edit of the own code leaves the layer of the dependencies as it is.
    let before = layers(&context, &["app.yaml"]);
    write(&context, "app.py", "import flask # edited\n");
    let after = layers(&context, &["app.yaml"]);
    let (last, rest) = after.split_last().unwrap();
    assert_eq!(rest, &before[..before.len() - 1]);
    assert_ne!(Some(last), before.last());

    // Each machine has its wheel.
    context.run(&[
        "build",
        "app.yaml",
        "--platform",
        "linux/arm64",
        "-o",
        "oci-archive:arm.tar",
    ]);
    let arm = files(&context.work().join("arm.tar"));
    assert_eq!(text(&arm, "app/deps/markupsafe/__init__.py"), ARM64);
}

#[test]
fn requirements_are_found_in_an_index_and_locked_by_address() {
    let (context, site) = (Context::new(), Site::new());
    let digest = |wheel: &WheelBuilder| sha256_hex(&wheel.build());
    let requirements = format!(
        "--index-url {}/simple\nflask==3.1.0 \\\n  --hash=sha256:{}\n\
         markupsafe==3.0.2 --hash=sha256:{} --hash=sha256:{}\n",
        site.server.url(),
        digest(&flask()),
        digest(&markupsafe(AMD64)),
        digest(&markupsafe(ARM64)),
    );
    write(&context, "requirements.txt", requirements);
    let yaml = definition("lock: requirements.txt, to: /srv/lib");
    let image = build(&context, &yaml);
    assert_eq!(text(&image, "srv/lib/markupsafe/__init__.py"), AMD64);
    assert!(image.contains_key("srv/lib/flask-3.1.0.dist-info/REQUESTED"));
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    let lock = site.plain(&lock);
    assert!(
        lock.contains("http://site/flask-3.1.0-py3-none-any.whl"),
        "{lock}"
    );
    assert!(lock.contains(&format!("http://site/markupsafe-3.0.2-{AMD64}.whl")));
    assert!(!lock.contains(ARM64));
    // With the lock, no index is asked.
    fs::remove_dir_all(site.folder.path().join("simple")).unwrap();
    fs::remove_dir_all(context.store()).unwrap();
    assert_eq!(build(&context, &yaml), image);
}

#[test]
fn wheels_of_directories_are_taken_where_the_lock_has_none() {
    let (context, site) = (Context::new(), Site::new());
    let more = "[[package]]\nname = \"own\"\nversion = \"0.1\"\nsource = { registry = \"x\" }\n\
                sdist = { url = \"https://e.org/own-0.1.tar.gz\", hash = \"sha256:00\" }\n";
    let lock = site.uv(more).replace(
        "{ name = \"flask\" }]\n[package.metadata]",
        "{ name = \"own\" }]\n[package.metadata]",
    );
    write(&context, "uv.lock", lock);
    context.define(&definition("lock: uv.lock"));
    let said = context.fails(&["build", "app.yaml"]);
    let own = WheelBuilder::new("own", "0.1.0").file("own.py", "");
    write(
        &context,
        &format!("wheels/{}", own.file_name()),
        own.build(),
    );
    let image = build(&context, &definition("lock: uv.lock, find-links: [wheels]"));
    assert!(image.contains_key("app/deps/own.py"));
    insta::assert_snapshot!(said);
}

#[test]
fn what_cannot_be_installed_is_told() {
    let (context, site) = (Context::new(), Site::new());
    let fails = |python: &str| {
        context.define(&definition(python));
        site.plain(&context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]))
    };
    write(&context, "uv.lock", site.uv(""));
    let mut said = vec![
        fails("lock: none.lock"),
        fails("lock: uv.lock, groups: [dev]"),
        fails("lock: uv.lock, extras: [a b]"),
        fails("lock: uv.lock, to: /"),
        fails("lock: uv.lock, find-links: [none]"),
        fails("lock: uv.lock, index: ['https://u:secret@e.org/simple']"),
        fails("lock: uv.lock, wheel: x"),
    ];
    context.define("name: app\nfrom: base\npython: {lock: uv.lock}\n");
    said.push(context.fails(&["build", "app.yaml"]));
    // Of another Python, out of date, damaged, gone.
    write(&context, "uv.lock", site.uv("").replace(">=3.11", ">=3.99"));
    said.push(fails("lock: uv.lock"));
    write(
        &context,
        "uv.lock",
        site.uv("").replace(AMD64, "cp313-cp313-win_amd64"),
    );
    said.push(fails("lock: uv.lock"));
    write(&context, "uv.lock", site.uv(""));
    write(
        &context,
        "pyproject.toml",
        "[project]\nname = \"shop\"\ndependencies = [\"flask>=4\"]\n",
    );
    said.push(fails("lock: uv.lock"));
    fs::remove_file(context.work().join("pyproject.toml")).unwrap();
    write(
        &context,
        "requirements.txt",
        format!("x==1 --hash=sha256:{}\n", sha256_hex(b"")),
    );
    let index = format!("index: ['{}/simple']", site.server.url());
    said.push(fails(&format!("lock: requirements.txt, {index}")));
    let flask = site.folder.path().join(flask().file_name());
    let good = fs::read(&flask).unwrap();
    fs::write(&flask, b"else").unwrap();
    said.push(fails("lock: uv.lock"));
    fs::remove_file(&flask).unwrap();
    said.push(fails("lock: uv.lock"));
    fs::write(&flask, good).unwrap();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn wheels_that_may_not_be_installed() {
    let cases = [
        flask().file("../../etc/passwd", "root"),
        flask().file("markupsafe/__init__.py", "other"),
        flask()
            .file("a", "1")
            .record("a,sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,1\n"),
    ];
    let mut said = Vec::new();
    for wheel in cases {
        let (context, site) = (Context::new(), Site::new());
        fs::write(site.folder.path().join(wheel.file_name()), wheel.build()).unwrap();
        write(&context, "uv.lock", site.uv(""));
        context.define(&definition("lock: uv.lock"));
        said.push(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
    }
    insta::assert_snapshot!(said.join("\n"));
}
