//! Parts of other images, copied as `COPY --from` does: `copy: [{from: "oci-archive:…:/path"}]`.

use std::fs;

use distil_tree::tar::MemberKind;

use crate::context::Context;
use crate::images::{File, files};
use crate::own_definitions::build;
use crate::registry::{Registry, Ways};

/// An image as a build stage leaves it, with what `text` is in it.
const STAGE: &str = "name: stage
from: base
directories: [{path: /out/data, owner: nonroot, mode: \"0750\"}]
files:
  - {path: /out/bin/tool, text: TEXT, mode: \"0755\"}
  - {path: /out/secret, text: s, owner: nonroot, mode: \"0600\"}
  - {path: /out/cache/x, text: x}
links: {/out/link: bin/tool, /out/far: ../../etc/passwd, /server: out/bin/tool}
";

fn stage(context: &Context, text: &str, output: &str) {
    fs::write(
        context.work().join("stage.yaml"),
        STAGE.replace("TEXT", text),
    )
    .unwrap();
    context.run(&[
        "build",
        "stage.yaml",
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        output,
    ]);
}

fn definition(from: &str, more: &str) -> String {
    format!("name: app\nfrom: base\ncopy: [{{from: \"{from}\"{more}}}]\n")
}

fn shown(image: &std::collections::BTreeMap<String, File>) -> String {
    let ours = image.iter().filter(|(path, _)| path.starts_with("app"));
    let lines = ours.map(|(path, file)| {
        let kind = match &file.kind {
            MemberKind::Symlink(target) => format!(" -> {}", String::from_utf8_lossy(target)),
            _ => String::new(),
        };
        format!("{:o} {}:{} {path}{kind}", file.mode, file.uid, file.gid)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_directory_of_an_image_keeps_owners_modes_and_links() {
    let context = Context::new();
    stage(&context, "one", "oci-archive:stage.tar");
    let from = "oci-archive:stage.tar:/out";
    let kept = shown(&build(
        &context,
        &definition(from, ", to: /app, exclude: [cache]"),
    ));
    let own = ", to: /app/, owner: \"65532\", mode: \"0640\"";
    let owned = shown(&build(&context, &definition(from, own)));
    // A file goes to the path, or into the directory; through links, as the path leads.
    let server = "docker-archive:stage.tar:/server";
    let file = shown(&build(&context, &definition(server, ", to: /app/run")));
    let inside = shown(&build(&context, &definition(server, ", to: /app/")));
    insta::assert_snapshot!([kept, owned, file, inside].join("\n\n"));
    let why = context.run(&["why", "app.yaml", "/app/server"]);
    assert!(why.contains(server), "{why}");
    // The same by a flag.
    let flag = "oci-archive:stage.tar:/out/bin:/app";
    context.run(&[
        "build",
        "base",
        "--copy",
        flag,
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:flag.tar",
    ]);
    assert_eq!(
        files(&context.work().join("flag.tar"))["app/tool"].bytes,
        b"one"
    );
    // Another image is another build.
    stage(&context, "two", "oci-archive:stage.tar");
    let image = build(&context, &definition(server, ", to: /app/run"));
    assert_eq!(image["app/run"].bytes, b"two");
}

#[test]
fn a_registry_s_image_is_locked_by_its_digest() {
    let (context, registry) = (Context::new(), Registry::start(Ways::default()));
    let name = format!("docker://{}/stage:latest", registry.host);
    stage(&context, "one", &name);
    let yaml = definition(&format!("{name}:/out/bin"), ", to: /app");
    context.define(&yaml);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    let digest = registry.tag("stage", "latest").unwrap();
    let digest = digest.trim_start_matches("sha256:");
    assert!(lock.contains(&name) && lock.contains(digest), "{lock}");
    let tool = |context: &Context| {
        context.run(&[
            "build",
            "app.yaml",
            "--platform",
            "linux/amd64",
            "-o",
            "oci-archive:app.tar",
        ]);
        let image = files(&context.work().join("app.tar"));
        String::from_utf8(image["app/tool"].bytes.clone()).unwrap()
    };
    assert_eq!(tool(&context), "one");
    // The tag moves, and the lock does not.
    stage(&context, "two", &name);
    fs::remove_dir_all(context.store()).unwrap();
    assert_eq!(tool(&context), "one");
    context.run(&["lock", "app.yaml", "--update", "--platform", "linux/amd64"]);
    assert_eq!(tool(&context), "two");
    // By its digest it needs no registry, once it was there.
    fs::remove_file(context.work().join("app.lock")).unwrap();
    let pinned = name.replace(":latest", &format!("@sha256:{digest}"));
    build(
        &context,
        &definition(&format!("{pinned}:/out/bin"), ", to: /app"),
    );
    drop(registry);
    let again = build(
        &context,
        &definition(&format!("{pinned}:/out/bin"), ", to: /app"),
    );
    assert_eq!(again["app/tool"].bytes, b"one");
}

#[test]
fn what_cannot_be_copied_is_told() {
    let context = Context::new();
    stage(&context, "one", "oci-archive:stage.tar");
    let fails = |from: &str| {
        context.define(&definition(from, ", to: /app"));
        context.fails(&["build", "app.yaml", "--platform", "linux/amd64"])
    };
    let said = [
        fails("oci-archive:stage.tar"),
        fails("oci-archive:stage.tar:/gone"),
        fails("oci-archive:none.tar:/out"),
        fails("oci-archive:../stage.tar:/out"),
        fails("oci-archive:stage.tar:/../out"),
        fails("rootfs:stage:/out"),
        fails("docker://UPPER:/out"),
    ];
    insta::assert_snapshot!(said.join("\n"));
    // An image for one platform is none for another.
    context.run(&[
        "build",
        "stage.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:stage.tar",
    ]);
    context.define(&definition("oci-archive:stage.tar:/out", ", to: /app"));
    let other = context.fails(&["build", "app.yaml", "--platform", "linux/arm64"]);
    assert!(other.contains("linux/arm64"), "{other}");
}
