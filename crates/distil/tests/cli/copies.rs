//! Directories of this machine, copied whole: `copy` and `--copy`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use crate::context::Context;
use crate::images::files;
use crate::own_definitions::{build, text};

fn put(context: &Context, path: &str, text: &str) {
    let path = context.work().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn example() -> Context {
    let context = Context::new();
    put(&context, "src/main.py", "print()");
    put(&context, "src/lib/a.py", "a");
    put(&context, "src/lib/a.pyc", "c");
    put(&context, "src/node_modules/x", "x");
    symlink("lib/a.py", context.work().join("src/link")).unwrap();
    let script = context.work().join("src/main.py");
    fs::set_permissions(script, fs::Permissions::from_mode(0o4700)).unwrap();
    context
}

const COPY: &str = "name: app\nfrom: base\ncopy: [{from: ./src, to: /app, exclude: [node_modules], owner: nonroot}]\n";

#[test]
fn a_directory_is_copied_without_what_is_left_out() {
    let context = example();
    put(&context, ".dockerignore", "**/*.pyc\nmain.py\n");
    let found = build(&context, COPY);
    let inside: Vec<&str> = found
        .keys()
        .filter(|path| path.starts_with("app"))
        .map(String::as_str)
        .collect();
    assert_eq!(
        inside,
        ["app", "app/lib", "app/lib/a.py", "app/link", "app/main.py"]
    );
    let main = &found["app/main.py"];
    assert_eq!((main.mode, main.uid), (0o755, 65532));
    assert_eq!(found["app/lib/a.py"].mode, 0o644);
    assert_eq!(found["app"].uid, 65532);
    let why = context.run(&["why", "app.yaml", "/app/main.py"]);
    assert!(why.contains("directory `./src` made it"), "{why}");
    let shown = context.run(&["show", "app.yaml"]);
    assert!(shown.contains("FROM ELSEWHERE"), "{shown}");
    // `.distilignore` goes before it.
    put(&context, ".distilignore", "src/lib\n");
    let found = build(&context, COPY);
    assert!(!found.contains_key("app/lib"));
}

#[test]
fn times_and_owners_of_this_machine_do_not_matter() {
    let make = |mode: u32, seconds: u64| {
        let context = example();
        let path = context.work().join("src/lib/a.py");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
        build(&context, COPY);
        fs::read(context.work().join("app.tar")).unwrap()
    };
    assert!(make(0o600, 1) == make(0o644, 1_700_000_000));
}

#[test]
fn a_change_of_a_file_is_seen_and_told_of() {
    let context = example();
    context.define(COPY);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    context.run(&["build", "app.yaml", "--locked"]);
    put(&context, "src/lib/a.py", "b");
    let found = {
        context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
        files(&context.work().join("app.tar"))
    };
    assert_eq!(text(&found, "app/lib/a.py"), "b");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml", "--locked"]));
    // What is left out changes nothing.
    put(&context, "src/lib/a.py", "a");
    put(&context, "src/node_modules/y", "y");
    context.run(&["build", "app.yaml", "--locked"]);
}

#[test]
fn by_a_flag() {
    let context = example();
    put(
        &context,
        "src/.dockerignore",
        "node_modules\n.dockerignore\n",
    );
    context.run(&[
        "build",
        "base",
        "--copy",
        "./src:/app",
        "-o",
        "oci-archive:app.tar",
    ]);
    let found = files(&context.work().join("app.tar"));
    assert_eq!(text(&found, "app/main.py"), "print()");
    assert!(!found.contains_key("app/node_modules"));
    assert!(!found.contains_key("app/.dockerignore"));
    insta::assert_snapshot!(context.fails(&["build", "base", "--copy", "src"]));
}

#[test]
fn directories_that_cannot_be_copied() {
    let context = example();
    let mut all = String::new();
    let mut fails = |context: &Context, copy: &str| {
        context.define(&format!("name: app\nfrom: base\ncopy:\n  - {copy}\n"));
        all.push_str(&context.fails(&["build", "app.yaml"]));
        all.push_str("\n---\n");
    };
    fails(&context, "{from: ./gone, to: /app}");
    fails(&context, "{from: ./src/main.py, to: /app}");
    fails(&context, "{from: .., to: /app}");
    fails(&context, "{from: ./src, to: app}");
    fails(&context, "{from: ./src, to: /app, exclude: ['a[b']}");
    fails(&context, "{from: ./src, to: /app, exclude: ['#']}");
    fails(&context, "{from: ./src, to: /app, owner: nobody-knows}");
    fails(&context, "{from: ./src, to: /app, mode: rwx}");
    fails(&context, "{from: ./src, to: /app, exclude: ['*']}");
    put(&context, "etc/passwd", "x");
    fails(&context, "{from: ./etc, to: /etc}");
    symlink("../../../etc", context.work().join("src/out")).unwrap();
    fails(&context, "{from: ./src, to: /app}");
    fs::remove_file(context.work().join("src/out")).unwrap();
    drop(UnixListener::bind(context.work().join("src/socket")).unwrap());
    fails(&context, "{from: ./src, to: /app}");
    fs::remove_file(context.work().join("src/socket")).unwrap();
    put(&context, "src/.wh.main.py", "x");
    fails(&context, "{from: ./src, to: /app}");
    fs::remove_file(context.work().join("src/.wh.main.py")).unwrap();
    put(&context, ".distilignore", "a[b\n");
    fails(&context, "{from: ./src, to: /app}");
    insta::assert_snapshot!(all);
}

#[test]
fn a_definition_elsewhere_copies_what_is_beside_it() {
    let context = example();
    put(
        &context,
        "team/app.yaml",
        "name: app\nfrom: base\ncopy: [{from: data, to: /data}]\n",
    );
    put(&context, "team/data/x", "x");
    context.run(&["build", "team/app.yaml", "-o", "oci-archive:app.tar"]);
    assert!(files(&context.work().join("app.tar")).contains_key("data/x"));
    // A link does not lead out of it.
    symlink("../src", context.work().join("team/src")).unwrap();
    put(
        &context,
        "team/app.yaml",
        "name: app\nfrom: base\ncopy: [{from: src, to: /data}]\n",
    );
    insta::assert_snapshot!(context.fails(&["build", "team/app.yaml"]));
}
