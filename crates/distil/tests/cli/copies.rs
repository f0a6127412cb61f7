//! Directories of this machine, copied whole: `copy` and `--copy`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use distil_tree::tar::MemberKind;

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

#[test]
fn a_file_that_changes_while_it_is_read() {
    let context = example();
    put(&context, "src/log", &"x".repeat(8 << 20));
    let mut log = fs::File::options()
        .append(true)
        .open(context.work().join("src/log"))
        .unwrap();
    let done = AtomicBool::new(false);
    context.define("name: app\nfrom: static\ncopy: [{from: ./src, to: /app}]\n");
    let message = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                log.write_all(b"y").unwrap();
            }
        });
        let message = context.fails(&["build", "app.yaml"]);
        done.store(true, Ordering::Relaxed);
        message
    });
    insta::assert_snapshot!(message, @"
    status 1
    error: failed to copy the directory `./src` of definition `app`
     --> app.yaml:3:26
      |
    3 | copy: [{from: ./src, to: /app}]
      |                          ^^^^
      cause: `log` in `./src` changed while the image was made; build it again
    ");
    assert!(!context.work().join("app.tar").exists());
}

#[test]
fn links_in_a_circle_are_copied_as_links() {
    let context = example();
    symlink("two", context.work().join("src/one")).unwrap();
    symlink("one", context.work().join("src/two")).unwrap();
    symlink(".", context.work().join("src/here")).unwrap();
    let found = build(&context, COPY);
    assert!(matches!(&found["app/one"].kind, MemberKind::Symlink(to) if to == b"two"));
    assert!(found.contains_key("app/here") && !found.contains_key("app/here/main.py"));
}

/// Takes long: with `./test --long` alone.
#[test]
fn a_million_files_and_more() {
    if std::env::var_os("DISTIL_TEST_LONG").is_none() {
        return;
    }
    let context = example();
    // With the directories, a million entries.
    for directory in 0..1000 {
        let path = context.work().join(format!("many/{directory:03}"));
        fs::create_dir_all(&path).unwrap();
        for number in 0..999 {
            fs::File::create(path.join(format!("{number:03}"))).unwrap();
        }
    }
    context.define("name: app\nfrom: static\ncopy: [{from: ./many, to: /app}]\n");
    context.run(&["build", "app.yaml"]);
    fs::File::create(context.work().join("many/more")).unwrap();
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: `./many` cannot be copied: `./many` has more than 1000000 entries; leave some out by `exclude`
     --> app.yaml:3:15
      |
    3 | copy: [{from: ./many, to: /app}]
      |               ^^^^^^
    ");
}
