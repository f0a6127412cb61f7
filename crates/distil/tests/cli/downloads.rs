//! Files and archives of no package, by their digests: `downloads`.

use std::fs;
use std::path::PathBuf;

use distil_fixture::{ElfBuilder, Entry, Fault, Server, Times, sha256_hex, tar};
use serde_json::Value;

use crate::context::Context;
use crate::images::files;
use crate::lock::offline::is_made_of_a_directory_alone;
use crate::own_definitions::{build, deb, text};

/// A server with an archive of a program, and a file.
struct Site {
    server: Server,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).unwrap();
        let site = Self { server, folder };
        site.put("tool-1.2.tar", &archive());
        site.put("notes.txt", b"text");
        site
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn sha256(&self, name: &str) -> String {
        sha256_hex(&fs::read(self.folder.path().join(name)).unwrap())
    }

    /// An entry of `downloads` of a file, without its last brace.
    fn entry(&self, name: &str) -> String {
        let (url, sha256) = (self.server.url(), self.sha256(name));
        // A line each, since messages show whole lines.
        format!("{{url: '{url}/{name}',\n    sha256: {sha256}")
    }

    /// What a definition is that downloads this, from a message that names the server.
    fn plain(&self, text: &str) -> String {
        text.replace(&self.server.url(), "http://site")
    }
}

fn program() -> Vec<u8> {
    ElfBuilder::executable().needed("libc.so.6").build()
}

fn archive() -> Vec<u8> {
    let entries = [
        Entry::directory("tool-1.2"),
        Entry::file("tool-1.2/bin/tool", program())
            .mode(0o4775)
            .owner(1000, 1000),
        Entry::symlink("tool-1.2/bin/alias", "tool"),
        Entry::file("tool-1.2/LICENSE", "licence"),
        Entry::file("tool-1.2/share/doc/manual.txt", "manual"),
    ];
    tar(&entries, 77)
}

fn definition(downloads: &str) -> String {
    format!("name: app\nfrom: base\ndownloads:\n  - {downloads}\n")
}

fn fails(context: &Context, site: &Site, downloads: &str) -> String {
    context.define(&definition(downloads));
    site.plain(&context.fails(&["build", "app.yaml"]))
}

#[test]
fn a_directory_has_them_for_machines_without_network() {
    let (context, site) = (Context::new(), Site::new());
    let (one, other) = (site.entry("notes.txt"), site.entry("tool-1.2.tar"));
    context.define(&definition(&format!(
        "{one}, to: /notes}}\n  - {other}, to: /opt/tool, strip: 1}}"
    )));
    is_made_of_a_directory_alone(&context, || drop(site));
}

#[test]
fn an_archive_is_unpacked_and_a_file_is_put() {
    let (context, site) = (Context::new(), Site::new());
    let yaml = format!(
        "{}  - {},\n    to: /etc/app/, mode: '0640', owner: nonroot}}\n",
        definition(&format!(
            "{},\n    strip: 1, only: [bin, LICENSE], to: /opt/tool, component: {{name: tool, version: '1.2', license: MIT, purl: 'pkg:generic/tool@1.2'}}}}",
            site.entry("tool-1.2.tar")
        )),
        site.entry("notes.txt"),
    );
    let found = build(&context, &yaml);
    let tool = &found["opt/tool/bin/tool"];
    // Neither the owner nor the setuid bit of the archive is taken over.
    assert_eq!((tool.mode, tool.uid, tool.gid), (0o755, 0, 0));
    assert_eq!(tool.bytes, program());
    assert!(found.contains_key("opt/tool/bin/alias"));
    assert_eq!(found["opt/tool/LICENSE"].mode, 0o644);
    assert!(!found.contains_key("opt/tool/share"));
    let notes = &found["etc/app/notes.txt"];
    assert_eq!((notes.mode, notes.uid), (0o640, 65532));
    assert_eq!(text(&found, "etc/app/notes.txt"), "text");

    let shown: Value =
        serde_json::from_str(&context.run(&["show", "app.yaml", "--format", "json"])).unwrap();
    let bundle = &shown["bundles"][0];
    assert_eq!(bundle["kind"], "download");
    assert_eq!(bundle["component"]["purl"], "pkg:generic/tool@1.2");
    assert_eq!(bundle["to"], "/opt/tool");
    assert_eq!(
        bundle["digest"],
        format!("sha256:{}", site.sha256("tool-1.2.tar"))
    );
    let why = site.plain(&context.run(&["why", "app.yaml", "/opt/tool/bin/tool"]));
    assert!(
        why.contains("download `http://site/tool-1.2.tar` made it"),
        "{why}"
    );

    // What scanners read, and nothing that they take for a package of Debian's.
    let sbom: Value = serde_json::from_str(text(&found, "var/lib/db/sbom/app.cdx.json")).unwrap();
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    let component = &sbom["components"][0];
    assert_eq!(component["name"], "tool");
    assert_eq!(component["purl"], "pkg:generic/tool@1.2");
    assert_eq!(component["licenses"][0]["expression"], "MIT");
    assert_eq!(sbom["components"].as_array().unwrap().len(), 1);
    assert!(!found.contains_key("var/lib/dpkg/status.d/tool"));
}

#[test]
fn what_the_store_has_is_not_downloaded_again() {
    let (context, site) = (Context::new(), Site::new());
    let yaml = definition(&format!(
        "{},\n    strip: 1, to: /opt/tool}}",
        site.entry("tool-1.2.tar")
    ));
    let first = build(&context, &yaml);
    assert_eq!(site.server.count("/tool-1.2.tar"), 1);
    // Something else is changed, so that the image is made anew.
    let again = build(&context, &format!("{yaml}links: {{/x: y}}\n"));
    assert_eq!(site.server.count("/tool-1.2.tar"), 1);
    let path = "opt/tool/bin/tool";
    assert_eq!(first[path].bytes, again[path].bytes);
}

#[test]
fn two_stores_make_the_same_bytes() {
    let site = Site::new();
    let yaml = definition(&format!("{},\n    to: /opt}}", site.entry("tool-1.2.tar")));
    let make = || {
        let context = Context::new();
        build(&context, &yaml);
        fs::read(context.work().join("app.tar")).unwrap()
    };
    assert!(make() == make());
}

#[test]
fn a_lock_has_the_digests_and_builds_from_the_store() {
    let (context, site) = (Context::new(), Site::new());
    let yaml = definition(&format!(
        "{},\n    strip: 1, to: /opt/tool}}",
        site.entry("tool-1.2.tar")
    ));
    context.define(&yaml);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    // Nothing has to be downloaded to know what it is.
    assert_eq!(site.server.count("/tool-1.2.tar"), 0);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    let expected = format!(
        "downloads:\n  - definition: app\n    url: {}/tool-1.2.tar\n    digest: sha256:{}\n",
        site.server.url(),
        site.sha256("tool-1.2.tar")
    );
    assert!(lock.contains(&expected), "{lock}");
    context.run(&["build", "app.yaml", "--locked"]);
    let other = yaml.replace(&site.sha256("tool-1.2.tar"), &site.sha256("notes.txt"));
    fs::remove_file(site.folder.path().join("tool-1.2.tar")).unwrap();
    context.run(&[
        "build",
        "app.yaml",
        "--locked",
        "-o",
        "oci-archive:again.tar",
    ]);
    let read = |name: &str| files(&context.work().join(name));
    assert_eq!(read("app.tar"), read("again.tar"));
    // Another digest is another image.
    context.define(&other);
    let message = context.fails(&["build", "app.yaml", "--locked"]);
    assert!(message.contains("`downloads`"), "{message}");
}

#[test]
fn an_entry_without_a_digest_prints_the_one_that_it_saw() {
    let (context, site) = (Context::new(), Site::new());
    let url = site.server.url();
    context.define(&definition(&format!(
        "{{url: '{url}/notes.txt', to: /notes.txt}}"
    )));
    for arguments in [&["build", "app.yaml"][..], &["lock", "app.yaml"]] {
        let output = context.command(arguments).output().unwrap();
        assert!(!output.status.success());
        let message = String::from_utf8(output.stderr).unwrap();
        let digest = format!("sha256:{}", site.sha256("notes.txt"));
        assert!(message.contains(&digest), "{message}");
    }
    insta::assert_snapshot!(site.plain(&context.fails(&["build", "app.yaml"])));
}

#[test]
fn other_bytes_than_announced_are_not_taken() {
    let (context, site) = (Context::new(), Site::new());
    let entry = site.entry("notes.txt");
    site.put("notes.txt", b"else");
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    to: /notes.txt}}")
    ));
}

#[test]
fn what_an_address_does_not_have() {
    let (context, site) = (Context::new(), Site::new());
    let entry = site.entry("notes.txt").replace("notes.txt", "gone.txt");
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    to: /notes.txt}}")
    ));
    site.server
        .fault("/notes.txt", Times::Always, Fault::status(401));
    let entry = site.entry("notes.txt");
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    to: /notes.txt}}")
    ));
}

#[test]
fn an_archive_that_is_not_what_its_name_says() {
    let (context, site) = (Context::new(), Site::new());
    site.put("page.tar.gz", b"<html>Moved</html>");
    let entry = site.entry("page.tar.gz");
    insta::assert_snapshot!(fails(&context, &site, &format!("{entry},\n    to: /opt}}")));
    site.put(
        "bad.tar",
        &tar(
            &[Entry::symlink("a", "/etc"), Entry::file("a/passwd", "")],
            0,
        ),
    );
    let entry = site.entry("bad.tar");
    insta::assert_snapshot!(fails(&context, &site, &format!("{entry},\n    to: /opt}}")));
}

#[test]
fn what_is_there_already_is_not_replaced() {
    let (context, site) = (Context::new(), Site::new());
    let entry = site.entry("notes.txt");
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    to: /etc/passwd}}")
    ));
    let context = Context::with_packages(vec![deb("other").file("opt/LICENSE", "x")]);
    let entry = site.entry("tool-1.2.tar");
    let yaml = definition(&format!("{entry},\n    strip: 1, to: /opt}}")) + "packages: [other]\n";
    context.define(&yaml);
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]));
}

#[test]
fn patterns_that_match_nothing_are_mistakes() {
    let (context, site) = (Context::new(), Site::new());
    let entry = site.entry("tool-1.2.tar");
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    strip: 1, only: [bin, libexec/x], to: /opt}}")
    ));
    insta::assert_snapshot!(fails(
        &context,
        &site,
        &format!("{entry},\n    strip: 9, to: /opt}}")
    ));
}

#[test]
fn a_program_of_a_download_needs_its_libraries() {
    let (context, site) = (Context::new(), Site::new());
    let entries = [Entry::file(
        "x",
        ElfBuilder::executable().needed("libmissing.so.1").build(),
    )
    .mode(0o755)];
    site.put("x.tar", &tar(&entries, 0));
    let message = fails(
        &context,
        &site,
        &format!("{},\n    to: /opt}}", site.entry("x.tar")),
    );
    assert!(message.contains("libmissing.so.1"), "{message}");
    assert!(message.contains("/opt/x"), "{message}");
}

#[test]
fn variants_are_for_platforms() {
    let (context, site) = (Context::new(), Site::new());
    let (url, sha256) = (site.server.url(), site.sha256("notes.txt"));
    let variants = format!(
        "{{to: /notes.txt, variants: [\n    {{platform: linux/amd64,\n    url: '{url}/notes.txt', sha256: {sha256}}}]}}"
    );
    context.define(&definition(&variants));
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
    let message = context.fails(&["build", "app.yaml", "--platform", "linux/arm64"]);
    insta::assert_snapshot!(site.plain(&message));
}

#[test]
fn entries_that_say_nothing_or_too_much() {
    let (context, site) = (Context::new(), Site::new());
    let sha256 = site.sha256("notes.txt");
    let mut all = String::new();
    for entry in [
        "{to: /x}".to_owned(),
        format!("{{url: 'ftp://example.org/x', sha256: {sha256}, to: /x}}"),
        format!("{{url: 'https://ann:secret@example.org/x', sha256: {sha256}, to: /x}}"),
        "{url: 'https://example.org/x', sha256: abc, to: /x}".to_owned(),
        format!("{{url: 'https://example.org/x', sha256: {sha256}, to: x}}"),
        format!("{{url: 'https://example.org/x', sha256: {sha256}, strip: 1, to: /x}}"),
        format!("{{url: 'https://example.org/x.tar', sha256: {sha256}, only: ['a[b'], to: /x}}"),
        format!(
            "{{url: 'https://example.org/x', sha256: {sha256}, to: /x, component: {{name: x, purl: 'pkg:deb/debian/x@1'}}}}"
        ),
        format!(
            "{{url: 'https://example.org/x', sha256: {sha256}, to: /x, component: {{name: x, purl: x}}}}"
        ),
    ] {
        let message = fails(&context, &site, &entry);
        assert!(!message.contains("secret@"), "{message}");
        all.push_str(&message);
        all.push_str("\n---\n");
    }
    insta::assert_snapshot!(all.replace(":secret@", ":[SECRET]@"));
}

#[test]
fn files_of_this_machine_are_not_downloaded() {
    let (context, site) = (Context::new(), Site::new());
    let path: PathBuf = site.folder.path().join("notes.txt");
    let entry = format!(
        "{{url: 'file://{}', sha256: {}, to: /x}}",
        path.display(),
        site.sha256("notes.txt")
    );
    let message = fails(&context, &site, &entry);
    assert!(message.contains("`http://` or `https://`"), "{message}");
}
