//! The position that a message about a definition shows is that of the value that is wrong, also
//! where the same value stands elsewhere.

use crate::context::Context;

/// The excerpt that building this definition on `base` shows.
fn on_base(context: &Context, yaml: &str) -> String {
    shown(
        context,
        &format!("name: app\nfrom: base\n{yaml}\n"),
        "app.yaml",
    )
}

fn shown(context: &Context, yaml: &str, request: &str) -> String {
    context.define(yaml);
    let message = context.fails(&["build", request, "--platform", "linux/amd64"]);
    let start = message.find(" --> ").unwrap_or_else(|| panic!("{message}"));
    message[start + 1..].to_owned()
}

#[test]
fn of_two_entries_with_one_value_the_wrong_one_is_underlined() {
    let context = Context::new();
    let shown = |yaml| on_base(&context, yaml);
    insta::assert_snapshot!(
        shown("files: [{path: /etc/motd, text: nope}, {path: /app/x, from: nope}]"), @"
    --> app.yaml:3:61
      |
    3 | files: [{path: /etc/motd, text: nope}, {path: /app/x, from: nope}]
      |                                                             ^^^^
    ");
    // Found when the image is assembled.
    insta::assert_snapshot!(shown("files: [{path: /a, text: x}, {path: /a, text: x}]"), @"
    --> app.yaml:3:37
      |
    3 | files: [{path: /a, text: x}, {path: /a, text: x}]
      |                                     ^^
    ");
    insta::assert_snapshot!(
        shown("files: [{path: /a, text: nobody2}, {path: /b, text: x, owner: nobody2}]"), @"
    --> app.yaml:3:63
      |
    3 | files: [{path: /a, text: nobody2}, {path: /b, text: x, owner: nobody2}]
      |                                                               ^^^^^^^
    ");
    insta::assert_snapshot!(shown("keep: [/usr/gone]\ndrop: [/usr/gone, /usr/gone/x]"), @"
    --> app.yaml:4:8
      |
    4 | drop: [/usr/gone, /usr/gone/x]
      |        ^^^^^^^^^
    ");
    insta::assert_snapshot!(
        shown("accounts: {users: [{name: a, uid: 7001}, {name: b, uid: 7001}]}"), @"
    --> app.yaml:3:57
      |
    3 | accounts: {users: [{name: a, uid: 7001}, {name: b, uid: 7001}]}
      |                                                         ^^^^
    ");
    insta::assert_snapshot!(shown("config: {env: {A: /gone}, cmd: [/usr, /gone], workdir: x}"), @"
    --> app.yaml:3:56
      |
    3 | config: {env: {A: /gone}, cmd: [/usr, /gone], workdir: x}
      |                                                        ^
    ");
    insta::assert_snapshot!(shown("config: {env: {A: /gone}, entrypoint: [/gone, /gone]}"), @"
    --> app.yaml:3:40
      |
    3 | config: {env: {A: /gone}, entrypoint: [/gone, /gone]}
      |                                        ^^^^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
}

#[test]
fn the_overlay_that_applies_is_underlined() {
    let context = Context::new();
    let shown = |yaml| on_base(&context, yaml);
    insta::assert_snapshot!(shown(
        "files: [{path: /a, text: rw}]\n\
         when:\n\
         - {architecture: arm64, files: [{path: /b, text: x, mode: rw}]}\n\
         - {suite: trixie, files: [{path: /b, text: rw}, {path: /c, text: x, mode: rw}]}"), @"
    --> app.yaml:6:75
      |
    6 | - {suite: trixie, files: [{path: /b, text: rw}, {path: /c, text: x, mode: rw}]}
      |                                                                           ^^
    ");
    insta::assert_snapshot!(shown(
        "when:\n\
         - {architecture: arm64, excuse: {libgone.so: for arm64}}\n\
         - {architecture: [arm64, amd64], excuse: {libgone.so: for both}}"), @"
    --> app.yaml:5:43
      |
    5 | - {architecture: [arm64, amd64], excuse: {libgone.so: for both}}
      |                                           ^^^^^^^^^^
    ");
    insta::assert_snapshot!(shown("when: [{suite: trixie}, {suite: [trixie, trixi]}]"), @"
    --> app.yaml:3:42
      |
    3 | when: [{suite: trixie}, {suite: [trixie, trixi]}]
      |                                          ^^^^^
    ");
}

#[test]
fn what_dev_says_is_underlined_there() {
    let context = crate::dev::context(Vec::new());
    let yaml = "name: app\nfrom: base\n\
                files: [{path: /a, text: nobody2}]\n\
                dev: {env: {A: nobody2}, files: [{path: /b, text: x, owner: nobody2}]}\n";
    insta::assert_snapshot!(shown(&context, yaml, "app.yaml:dev"), @"
    --> app.yaml:4:61
      |
    4 | dev: {env: {A: nobody2}, files: [{path: /b, text: x, owner: nobody2}]}
      |                                                             ^^^^^^^
    ");
}

#[test]
fn the_definition_of_the_chain_that_says_it_is_shown() {
    let context = Context::new();
    let low = "name: low\nfrom: base\nconfig: {user: ghost}\nexcuse: {libgone.so: why}\n";
    std::fs::write(context.work().join("low.yaml"), low).unwrap();
    let shown = |yaml: &str| {
        let yaml = format!("name: app\nfrom: low.yaml\n{yaml}\n");
        shown(&context, &yaml, "app.yaml")
    };
    insta::assert_snapshot!(
        shown("excuse: {libgone.so: why}\nconfig: {env: {WHO: ghost}}"), @"
    --> low.yaml:4:10
      |
    4 | excuse: {libgone.so: why}
      |          ^^^^^^^^^^
    ");
    std::fs::write(
        context.work().join("low.yaml"),
        low.replace("excuse: {libgone.so: why}\n", ""),
    )
    .unwrap();
    insta::assert_snapshot!(shown("config: {env: {WHO: ghost}}"), @"
    --> low.yaml:3:16
      |
    3 | config: {user: ghost}
      |                ^^^^^
    ");
    insta::assert_snapshot!(shown("layers: single\nconfig: {user: ghost}"), @"
    --> app.yaml:4:16
      |
    4 | config: {user: ghost}
      |                ^^^^^
    ");
}

#[test]
fn values_with_variables_are_underlined_as_they_are_written() {
    let context = Context::new();
    let shown = |yaml| on_base(&context, yaml);
    insta::assert_snapshot!(shown(
        "allow: {'/usr/lib/${multiarch}/gone': why}\n\
         packages: [{name: netbase, only: ['/etc/services', '/usr/lib/${multiarch}/gone']}]"), @"
    --> app.yaml:4:52
      |
    4 | packages: [{name: netbase, only: ['/etc/services', '/usr/lib/${multiarch}/gone']}]
      |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(shown(
        "drop: ['/etc/${suite}/x']\nkeep: ['/etc/${suite}/y', '/etc/${suite}/y']"), @"
    --> app.yaml:3:8
      |
    3 | drop: ['/etc/${suite}/x']
      |        ^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(shown(
        "config: {labels: {a: '$${version:gone}', b: '${version:gone}'}}"), @"
    --> app.yaml:3:45
      |
    3 | config: {labels: {a: '$${version:gone}', b: '${version:gone}'}}
      |                                             ^^^^^^^^^^^^^^^^^
    ");
}
