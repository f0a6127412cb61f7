//! Where images are written to.

use std::fs;

use crate::context::Context;

#[test]
fn the_default_output_replaces_an_older_one_whole() {
    let context = Context::new();
    fs::write(context.work().join("static.tar"), vec![b'x'; 10 << 20]).unwrap();
    let digest = context.run(&["build", "static", "-q"]);
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
fn what_differs_does_not_overwrite_the_default() {
    let context = Context::new();
    context.run(&["build", "base"]);
    context.run(&["build", "base", "--add", "libffi8"]);
    context.run(&["build", "base:debug", "--user", "1000"]);
    context.run(&["build", "base", "--platform", "linux/amd64,linux/arm64"]);
    let files = [
        "base+libffi8.tar",
        "base+local-debug.tar",
        "base-amd64-arm64.tar",
        "base.tar",
    ];
    assert_eq!(context.files(), files);
    let archive = fs::read(context.work().join("base+libffi8.tar")).unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains(r#""RepoTags":["base:libffi8"]"#), "{text}");
}

#[test]
fn what_is_replaced_is_said() {
    let context = Context::new();
    let said = |arguments: &[&str]| {
        let output = context.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", context.stderr(&output));
        context.stderr(&output)
    };
    let first = said(&["build", "static", "--user", "1"]);
    let second = said(&["build", "static", "--user", "2"]);
    insta::assert_snapshot!(first + &second, @"
    wrote static:local to oci-archive:static+local.tar (8.9 kB)
    wrote static:local to oci-archive:static+local.tar (8.9 kB), replacing an older file
    ");
}

#[test]
fn two_images_of_one_run_are_not_written_to_one_file() {
    let context = Context::new();
    for name in ["one.yaml", "two.yaml"] {
        fs::write(context.work().join(name), "{name: app, from: static}").unwrap();
    }
    insta::assert_snapshot!(context.fails(&["build", "one.yaml", "two.yaml"]), @"
    status 2
    error: `one.yaml` and `two.yaml` would both be written to `oci-archive:app.tar`

    hint: build them one after another, with an `--output` each
    ");
}

#[test]
fn labels_of_the_catalogue_are_on_its_own_images_alone() {
    let context = Context::new();
    context.define("{name: app, description: Mine, from: static}");
    let labels = |image: &str, flags: &[&str]| {
        let json = context.run(&[&["show", image, "--format", "json"], flags].concat());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let labels = json["config"]["labels"].as_object().unwrap().clone();
        let labels = labels.iter().filter(|(name, _)| !name.ends_with("created"));
        let labels = labels.map(|(name, value)| {
            format!("{}={value}", name.replace("org.opencontainers.image.", ""))
        });
        labels.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(labels("static", &[]), @r#"
    description="Certificates, time zones, accounts and the files that programs look for; no libc"
    source="https://github.com/distil-images/distil"
    title="static"
    version="13.8"
    "#);
    insta::assert_snapshot!(labels("static", &["--env", "A=b"]), @"");
    insta::assert_snapshot!(labels("app.yaml", &[]), @r#"
    description="Mine"
    title="app"
    "#);
    insta::assert_snapshot!(labels("app.yaml", &["--label", "title=Other"]), @r#"
    description="Mine"
    title="Other"
    "#);
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
    assert!(folder.contains("is a directory"), "{folder}");
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
    let digest = context.run(&["build", "static", "-q", "-o", "oci-archive:x.tar"]);
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
