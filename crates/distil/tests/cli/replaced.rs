//! Files of a definition that take the place of what lies below.

use distil_fixture::md5_hex;

use crate::context::Context;
use crate::own_definitions::{build, deb, layers, text};

fn fails(context: &Context, yaml: &str) -> String {
    context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
    context.fails(&["build", "app.yaml"])
}

#[test]
fn a_packages_file_is_replaced_in_the_own_layer() {
    let context = Context::new();
    let below = layers(&context, &["base"]);
    let yaml = "name: app\nfrom: base\n\
                files: [{path: /etc/services, text: own, replace: true}]\n";
    let files = build(&context, yaml);
    assert_eq!(text(&files, "etc/services"), "own");
    assert_eq!(files["etc/services"].mode, 0o644);
    let sums = "var/lib/dpkg/status.d/netbase.md5sums";
    let line = format!("{}  etc/services\n", md5_hex(b"own"));
    assert!(text(&files, sums).contains(&line), "{}", text(&files, sums));
    assert_eq!(files[sums].layer, files["etc/services"].layer);
    // What lies below is shared as ever.
    let all = layers(&context, &["app.yaml"]);
    assert_eq!(all[..below.len()], below);
    assert_eq!(all.len(), below.len() + 1);
    context.run(&["check", "app.tar"]);
}

#[test]
fn a_file_of_a_definition_below_and_of_the_own_package_is_replaced() {
    let own = deb("own").file("etc/own.conf", "shipped");
    let context = Context::with_packages(vec![own]);
    let low = "name: low\nfrom: base\n\
               files: [{path: /etc/low.conf, text: low, mode: '0600', owner: nonroot}]\n";
    std::fs::write(context.work().join("low.yaml"), low).unwrap();
    for layering in ["shared", "single"] {
        let files = build(
            &context,
            &format!(
                "name: app\nfrom: low.yaml\nlayers: {layering}\npackages: [own]\nfiles:\n\
                 - {{path: /etc/low.conf, text: high, replace: true}}\n\
                 - {{path: /etc/own.conf, text: mine, replace: true, mode: '0640'}}\n"
            ),
        );
        assert_eq!(text(&files, "etc/low.conf"), "high");
        assert_eq!(text(&files, "etc/own.conf"), "mine");
        // Owner and mode stay where none is named.
        assert_eq!(
            (files["etc/low.conf"].mode, files["etc/low.conf"].uid),
            (0o600, 65532)
        );
        assert_eq!(files["etc/own.conf"].mode, 0o640);
    }
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let context = Context::with_packages(vec![deb("own").symlink("etc/link", "services")]);
    insta::assert_snapshot!(fails(&context, "files: [{path: /etc/gone, text: x, replace: true}]"), @"
    status 1
    error: `files` of definition `app` cannot replace `/etc/gone`: nothing is there; leave `replace` out
     --> app.yaml:3:16
      |
    3 | files: [{path: /etc/gone, text: x, replace: true}]
      |                ^^^^^^^^^
    ");
    let said = fails(
        &context,
        "packages: [own]\nfiles: [{path: /etc/link, text: x, replace: true}]",
    );
    assert!(said.contains("what is there is a symbolic link"), "{said}");
    let said = fails(
        &context,
        "files: [{path: /etc/ssl, text: x, replace: true}]",
    );
    assert!(said.contains("what is there is a directory"), "{said}");
    let said = fails(
        &context,
        "files: [{path: /etc/passwd, text: x, replace: true}]",
    );
    assert!(said.contains("is made from the packages"), "{said}");
}
