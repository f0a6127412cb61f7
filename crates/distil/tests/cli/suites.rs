//! Definitions that are for some releases of Debian alone, and what images of runtimes need besides:
//! variables about releases, Java's key store.

use distil_fixture::{DebBuilder, ElfBuilder, debian_like, debian_security_like};
use serde_json::Value;

use crate::context::Context;

#[test]
fn a_suite_that_a_definition_is_not_for() {
    let context = Context::new();
    context.define("name: app\nfrom: base\nsuites: [bookworm, forky]\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: `app` cannot be made from trixie
     --> app.yaml:3:10
      |
    3 | suites: [bookworm, forky]
      |          ^^^^^^^^

    hint: it can be built with `--suite bookworm` or `--suite forky`
    ");
    let top = |lines: &str| {
        std::fs::write(
            context.work().join("top.yaml"),
            format!("name: top\nfrom: app.yaml\n{lines}\n"),
        )
        .unwrap();
        context.fails(&["show", "top.yaml"])
    };
    insta::assert_snapshot!(top(""), @"
    status 1
    error: `top` cannot be made from trixie, because `app`, which it stands on, cannot
     --> app.yaml:3:10
      |
    3 | suites: [bookworm, forky]
      |          ^^^^^^^^

    hint: it can be built with `--suite bookworm` or `--suite forky`
    ");
    insta::assert_snapshot!(top("suites: forky"), @"
    status 1
    error: `top` cannot be made from trixie
     --> top.yaml:3:9
      |
    3 | suites: forky
      |         ^^^^^

    hint: it can be built with `--suite forky`
    ");
    insta::assert_snapshot!(top("suites: trixie"), @"
    status 1
    error: `suites` of definition `top`: what it stands on can be made from none of these suites
     --> top.yaml:3:9
      |
    3 | suites: trixie
      |         ^^^^^^
    ");
    insta::assert_snapshot!(top("suites: [trixi]"), @"
    status 1
    error: `suites` of definition `top`: there is no suite `trixi`; the suites are `bookworm`, `trixie`, `forky`, `noble`, `resolute`
     --> top.yaml:3:10
      |
    3 | suites: [trixi]
      |          ^^^^^
    ");
    insta::assert_snapshot!(top("suites: {}"), @"
    status 1
    error: `top.yaml` is not a definition
    `suites` must be a text or a list of texts, but here is a mapping
     --> top.yaml:3:9
      |
    3 | suites: {}
      |         ^^
      = `suites`: The releases of Debian that it can be made from; all of them if there is none
    ");
}

#[test]
fn a_suite_that_a_definition_is_for() {
    let context = Context::with(debian_like("bookworm"), debian_security_like("bookworm"));
    context.define("name: app\nfrom: base\nsuites: bookworm\n");
    context.run(&["build", "app.yaml", "--suite", "bookworm"]);
    assert!(context.files().contains(&"app-bookworm.tar".to_owned()));
}

#[test]
fn the_list_names_the_suites_of_each() {
    let context = Context::new();
    let run = context
        .bare(&["list", "--format", "json"])
        .output()
        .unwrap();
    let list: Value = serde_json::from_slice(&run.stdout).unwrap();
    let images = list["images"].as_array().unwrap();
    let suites = |name: &str| {
        let image = images.iter().find(|image| image["name"] == name).unwrap();
        image["suites"].to_string()
    };
    assert_eq!(
        suites("python3"),
        r#"["bookworm","trixie","forky","noble","resolute"]"#
    );
    assert_eq!(suites("nodejs"), r#"["bookworm","trixie","forky"]"#);
    assert_eq!(suites("java17"), r#"["bookworm","noble","resolute"]"#);
    assert_eq!(suites("java21"), r#"["trixie","forky","noble","resolute"]"#);
}

#[test]
fn the_release_of_a_package() {
    let context = Context::new();
    context.define(
        "name: app\nfrom: base\nconfig: {labels: {a: '${release:libc6}', b: '${release:zlib1g}', c: '${version:libc6}'}}\n",
    );
    let shown = context.run(&["show", "app.yaml", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let labels = &shown["config"]["labels"];
    assert_eq!(
        (&labels["a"], &labels["b"]),
        (&"2.41".into(), &"1.3.dfsg".into())
    );
    assert_eq!(labels["c"], "2.41-12+deb13u5");
    context.define("name: app\nfrom: base\nconfig: {env: {A: '${release:libffi8}'}}\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: the configuration of `app`: `${release:libffi8}` is about the version of `libffi8`, which is not in the image
     --> app.yaml:3:19
      |
    3 | config: {env: {A: '${release:libffi8}'}}
      |                   ^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_key_store_without_java() {
    let package = DebBuilder::new("ca-certificates-java", "20240118", "all");
    let context = Context::with_packages(vec![package]);
    context.define("name: app\nfrom: base\npackages: [ca-certificates-java]\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: `ca-certificates-java` is for Java's key store, and the image has no Java machine to read it

    hint: leave the package out, since distil makes the key store for any Java machine of the image; `certificates: {key_store: always}` in a definition makes it for one that is copied in later
    ");
    let always = "certificates: {key_store: always}";
    context.define(&format!(
        "name: app\nfrom: base\npackages: [ca-certificates-java]\n{always}\n"
    ));
    let shown = context.run(&["show", "app.yaml", "--files"]);
    assert!(shown.contains("/etc/ssl/certs/java/cacerts"), "{shown}");
    // What is asked for and cannot be made is an error.
    context.define(&format!("name: app\n{always}\n"));
    let message = context.fails(&["build", "app.yaml"]);
    assert!(message.contains("has no certificates"), "{message}");
}

/// Node.js in miniature, with node-acorn's files at these paths.
fn node(acorn: &[&str]) -> Vec<DebBuilder> {
    let package = |name: &str, files: &[&str]| {
        let copyright = format!("usr/share/doc/{name}/copyright");
        let paths = files.iter().copied().chain([copyright.as_str()]);
        paths.fold(DebBuilder::new(name, "1", "all"), |deb, path| {
            deb.file(path, "x")
        })
    };
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let node = DebBuilder::new("nodejs", "20.19.2+dfsg-1", "amd64");
    let lexer = ["lexer.js", "dist/lexer.js"];
    let lexer = lexer.map(|file| format!("usr/share/nodejs/cjs-module-lexer/{file}"));
    vec![
        node.executable("usr/bin/node", program),
        package("node-acorn", acorn),
        package("node-undici", &["usr/share/nodejs/undici/undici-fetch.js"]),
        package(
            "node-cjs-module-lexer",
            &lexer.each_ref().map(String::as_str),
        ),
        package(
            "node-minimatch",
            &["usr/share/nodejs/minimatch/dist/cjs/index.bundle.js"],
        ),
    ]
}

#[test]
fn a_file_that_node_needs_and_a_package_no_longer_has() {
    let acorn = "usr/share/nodejs/acorn/dist/acorn.js";
    let walk = "usr/share/nodejs/acorn-walk/dist/walk.js";
    let whole = Context::with_packages(node(&[acorn, walk]));
    whole.run(&["build", "nodejs", "--platform", "linux/amd64"]);
    let moved = Context::with_packages(node(&[acorn, "usr/share/nodejs/acorn-walk/walk.js"]));
    let message = moved.fails(&["build", "nodejs", "--platform", "linux/amd64"]);
    assert!(
        message.contains(&format!(
            "the pattern `/{walk}` in `only` of definition `nodejs`"
        )),
        "{message}"
    );
}
