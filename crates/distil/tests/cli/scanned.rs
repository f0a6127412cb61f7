//! What scanners would not see is not built.

use distil_fixture::{DebBuilder, md5_hex};
use distil_tree::tar::MemberKind;

use crate::context::Context;
use crate::own_definitions::{build, deb, text};

fn fails(context: &Context, yaml: &str) -> String {
    context.define(yaml);
    context.fails(&["build", "app.yaml", "--platform", "linux/amd64"])
}

#[test]
fn an_image_that_says_of_what_distribution_it_is() {
    let context = Context::new();
    let message = fails(
        &context,
        "name: app\nfrom: static\nlayers: single\ndrop: [/etc/debian_version]\n",
    );
    insta::assert_snapshot!(message, @r##"
    status 1
    error: scanners would not see the image as it is:
      `/etc/debian_version` is missing, by which Trivy knows Debian; package `base-files` has it
    "##);
}

#[test]
fn a_licence_that_is_dropped() {
    let context = Context::new();
    let yaml =
        "name: app\nfrom: base\npackages: [libffi8]\ndrop: [/usr/share/doc/libffi8/copyright]\n";
    insta::assert_snapshot!(fails(&context, yaml), @r##"
    status 1
    error: scanners would not see the image as it is:
      `/usr/share/doc/libffi8/copyright`, the licence of `libffi8`, is missing: `drop: /usr/share/doc/libffi8/copyright` of definition `app` leaves it out
    "##);
}

#[test]
fn a_part_of_a_package_comes_with_its_licence() {
    let context = Context::new();
    context.define(
        "name: app\nfrom: base\npackages: [{name: libffi8, only: ['/usr/lib/*/libffi.so*']}]\n",
    );
    let shown = context.run(&["show", "app.yaml", "--files", "--format", "json"]);
    assert!(
        shown.contains("\"/usr/share/doc/libffi8/copyright\""),
        "{shown}"
    );
}

/// Trivy follows no symbolic links, neither to directories nor to files.
#[test]
fn a_licence_that_is_a_link_becomes_a_file() {
    let linked = || {
        deb("linked")
            .depends("base-doc")
            .symlink("usr/share/doc/linked", "base-doc")
    };
    let context = Context::with_packages(vec![
        deb("base-doc")
            .file("usr/share/doc/base-doc/copyright", "free")
            .file("usr/share/doc/base-doc/README", "read"),
        linked(),
        deb("by-file")
            .depends("base-doc")
            .symlink("usr/share/doc/by-file/copyright", "../base-doc/copyright"),
    ]);
    let files = build(
        &context,
        "name: app\nfrom: base\npackages: [linked, by-file]\n",
    );
    for name in ["base-doc", "linked", "by-file"] {
        let copyright = format!("usr/share/doc/{name}/copyright");
        assert_eq!(text(&files, &copyright), "free");
        assert_eq!(files[&copyright].kind, MemberKind::File(4), "{copyright}");
        let sums = text(&files, &format!("var/lib/dpkg/status.d/{name}.md5sums"));
        assert_eq!(sums, format!("{}  {copyright}\n", md5_hex(b"free")));
    }
    assert!(!files.contains_key("usr/share/doc/linked/README"));

    // What else is kept of the documentation stays where it was.
    let files = build(
        &context,
        "name: app\nfrom: base\npackages: [linked]\nkeep: [/usr/share/doc/base-doc/**]\n",
    );
    assert_eq!(text(&files, "usr/share/doc/linked/copyright"), "free");
    let readme = MemberKind::Symlink(b"/usr/share/doc/base-doc/README".to_vec());
    assert_eq!(files["usr/share/doc/linked/README"].kind, readme);
}

#[test]
fn metadata_that_is_none_of_ours() {
    let stray = DebBuilder::new("stray", "1", "all")
        .file("usr/lib/dpkg/status.d/other", "Package: other\n");
    let context = Context::with_packages(vec![stray]);
    insta::assert_snapshot!(fails(&context, "name: app\nfrom: base\npackages: [stray]\n"), @r##"
    status 1
    error: scanners would not see the image as it is:
      `/usr/lib/dpkg/status.d/other` would be taken for a package's metadata, and is from package `stray`
    "##);
}

#[test]
fn files_of_no_package_are_shown_with_what_made_them() {
    let context = Context::new();
    context.define("name: app\nfrom: static\nfiles: [{path: /etc/motd, text: hello}]\n");
    let made = context.run(&["show", "app.yaml", "--platform", "linux/amd64"]);
    let rows = |text: &str| {
        let from = text.split("FILE OF NO PACKAGE").nth(1).unwrap();
        let rows = from.split("\n\n").next().unwrap().lines().skip(1);
        rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(rows(&made), @r##"
    /etc/group 64 B made: accounts
    /etc/motd 5 B definition app
    /etc/nsswitch.conf 202 B definition static
    /etc/passwd 149 B made: accounts
    /etc/ssl/certs/ca-certificates.crt 2.5 kB made: the bundle of certificates
    /var/lib/dpkg/status.d/* (12 files) 4.4 kB made: package metadata
    "##);
    // An image that is read has the same files, though it does not know who made them.
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
    let paths = |format: &[&str]| {
        let text = context.run(&[&["show"], format, &["--format", "json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let files = document["unowned_files"].as_array().unwrap().clone();
        files
            .iter()
            .map(|one| one["path"].clone())
            .collect::<Vec<_>>()
    };
    let of_image = paths(&["app.tar"]);
    assert_eq!(of_image, paths(&["app.yaml", "--platform", "linux/amd64"]));
    assert!(of_image.len() > 5, "{of_image:?}");
}
