//! Where images are written to.

use std::fs;

use crate::context::Context;

#[test]
fn the_default_output_replaces_an_older_one_whole() {
    let context = Context::new();
    fs::write(context.work().join("static.tar"), vec![b'x'; 10 << 20]).unwrap();
    let digest = context.run(&["build", "static"]);
    assert!(digest.starts_with("sha256:"), "{digest}");
    assert!(
        fs::metadata(context.work().join("static.tar"))
            .unwrap()
            .len()
            < 1 << 20
    );
    assert_eq!(context.files(), ["static.tar"]);
}

#[test]
fn several_outputs_at_once() {
    let context = Context::new();
    context.run(&[
        "build",
        "static",
        "-o",
        "oci:layout:v1",
        "-o",
        "docker-archive:a.tar",
    ]);
    assert_eq!(context.files(), ["a.tar", "layout"]);
    let digest = |image: &str| {
        let json = context.run(&["show", image, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest("oci:layout:v1"), digest("a.tar"));
}

#[test]
fn names_are_carried_into_docker_load() {
    let context = Context::new();
    context.run(&[
        "build",
        "static",
        "-t",
        "gcr.io/distroless/static",
        "-t",
        "x:1",
    ]);
    let archive = fs::read(context.work().join("static.tar")).unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains(r#""RepoTags":["gcr.io/distroless/static:latest","x:1"]"#));
}

#[test]
fn outputs_that_cannot_be_written() {
    let context = Context::new();
    let missing = context.fails(&["build", "static", "-o", "oci-archive:no/such/x.tar"]);
    assert!(missing.contains("`oci-archive:no/such/x.tar`"), "{missing}");
    fs::create_dir(context.work().join("folder")).unwrap();
    let folder = context.fails(&["build", "static", "-o", "oci-archive:folder"]);
    assert!(folder.contains("folder"), "{folder}");
    fs::write(context.work().join("folder/mine.txt"), "precious").unwrap();
    let layout = context.fails(&["build", "static", "-o", "oci:folder"]);
    assert!(layout.contains("folder"), "{layout}");
    assert_eq!(
        fs::read(context.work().join("folder/mine.txt")).unwrap(),
        b"precious"
    );
}

#[test]
fn a_full_disk_leaves_nothing() {
    let context = Context::new();
    context.run(&["build", "static", "-q"]);
    fs::remove_file(context.work().join("static.tar")).unwrap();
    // A limit on the size of files stands for a full disk: writing fails half-way.
    let command = context.command(&["build", "static", "-q"]);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let script = format!("trap '' XFSZ; ulimit -f 20; exec {}", words.join(" "));
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(script).current_dir(context.work());
    shell.env("DISTIL_STORE", context.store());
    let message = context.failure(&mut shell);
    assert!(message.contains("File too large"), "{message}");
    let tmp = fs::read_dir(context.store().join("tmp")).unwrap().count();
    assert_eq!(tmp, 0, "unfinished files in the store");
    context.run(&["build", "static"]);
}

#[test]
fn an_archive_on_standard_output_is_alone_there() {
    let context = Context::new();
    let digest = context.run(&["build", "static", "-o", "oci-archive:x.tar"]);
    let archive = fs::read(context.work().join("x.tar")).unwrap();
    for place in ["/dev/stdout", "/dev/fd/1"] {
        let output = format!("oci-archive:{place}");
        let output = context.command(&["build", "static", "-o", &output]);
        let output = { output }.output().unwrap();
        assert!(output.status.success(), "{}", context.stderr(&output));
        assert!(output.stdout == archive, "{place} has other bytes");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(digest.trim()), "{said}");
    }
}
