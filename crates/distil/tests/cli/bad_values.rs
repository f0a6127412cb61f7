//! Values of definitions that make no sense, each with its message.

use crate::context::Context;

/// What building this definition on `base` says.
fn on_base(context: &Context, yaml: &str) -> String {
    definition(context, &format!("name: app\nfrom: base\n{yaml}\n"))
}

fn definition(context: &Context, yaml: &str) -> String {
    context.define(yaml);
    context.fails(&["build", "app.yaml"])
}

#[test]
fn values_of_the_wrong_type() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("config: {entrypoint: /usr/bin/x}"), @"
    status 1
    error: `app.yaml` is not a definition
    `entrypoint` must be a list of texts, but here is the text `/usr/bin/x`
     --> app.yaml:3:22
      |
    3 | config: {entrypoint: /usr/bin/x}
      |                      ^^^^^^^^^^
      = `entrypoint`: The program, and arguments that it always has
    ");
    insta::assert_snapshot!(fails("config: {env: [A=b]}"), @"
    status 1
    error: `app.yaml` is not a definition
    `env` must be a mapping whose values are texts, but here is a list
     --> app.yaml:3:15
      |
    3 | config: {env: [A=b]}
      |               ^^^^^
      = `env`: Environment variables, beside those of the definition that this one stands on
    ");
    insta::assert_snapshot!(fails("without: [dpkg]"), @"
    status 1
    error: `app.yaml` is not a definition
    `without` must be a mapping whose values are texts, but here is a list
     --> app.yaml:3:10
      |
    3 | without: [dpkg]
      |          ^^^^^^
      = `without`: Relations that are left out on purpose: the name that they ask for, and the reason
    ");
    insta::assert_snapshot!(fails("accounts: {users: [{name: app, uid: -1}]}"), @"
    status 1
    error: `app.yaml` is not a definition
    `uid` must be a whole number from 0 to 4294967295, but here is `-1`
     --> app.yaml:3:37
      |
    3 | accounts: {users: [{name: app, uid: -1}]}
      |                                     ^^
      = `uid`: The number
    ");
    insta::assert_snapshot!(fails("certificates: [corp.pem]"), @"
    status 1
    error: `app.yaml` is not a definition
    `certificates` must be a mapping with the keys `extra` and `key_store`, but here is a list
     --> app.yaml:3:15
      |
    3 | certificates: [corp.pem]
      |               ^^^^^^^^^^
      = `certificates`: Certificates of authorities
    ");
    insta::assert_snapshot!(fails("when: {suite: trixie}"), @"
    status 1
    error: `app.yaml` is not a definition
    `when` must be a list of mappings, but here is a mapping
     --> app.yaml:3:7
      |
    3 | when: {suite: trixie}
      |       ^^^^^^^^^^^^^^^
      = `when`: What else is so on some suites or architectures
    ");
    insta::assert_snapshot!(fails("layers: one"), @"
    status 1
    error: `app.yaml` is not a definition
    `layers` must be `shared` or `single` or a mapping with the key `most`, but here is the text `one`
     --> app.yaml:3:9
      |
    3 | layers: one
      |         ^^^
      = `layers`: Whether the layers of what it stands on are shared, and how many layers there are
    ");
    insta::assert_snapshot!(fails("config: {healthcheck: [/usr/bin/x]}"), @"
    status 1
    error: `app.yaml` is not a definition
    `healthcheck` must be a mapping, but here is a list
     --> app.yaml:3:23
      |
    3 | config: {healthcheck: [/usr/bin/x]}
      |                       ^^^^^^^^^^^^
      = `healthcheck`: How an engine finds out whether the program works
      = its keys are `exec`, `expect`, `http`, `interval`, `retries`, `start_interval`, `start_period`, `tcp`, `test` and `timeout`
    ");
    insta::assert_snapshot!(fails("packages: [libffi8]\npackages: [zlib1g]"), @"
    status 1
    error: `app.yaml` is not a definition
    the definition has the key `packages` twice
     --> app.yaml:4:1
      |
    4 | packages: [zlib1g]
      | ^^^^^^^^
      = the first is in line 3
    ");
    insta::assert_snapshot!(definition(&context, "- name: app\n"), @"
    status 1
    error: `app.yaml` is not a definition
    the definition must be a mapping, but here is a list
     --> app.yaml:1:1
      |
    1 | - name: app
      | ^^^^^^^^^^^
      = its keys are `accounts`, `allow`, `archives`, `backports`, `bytecode`, `certificates`, `components`, `config`, `copy`, `debug`, `description`, `dev`, `directories`, `downloads`, `drop`, `excuse`, `files`, `from`, `java`, `keep`, `layers`, `links`, `mirrors`, `name`, `node`, `packages`, `python`, `snapshot`, `snapshot_service`, `suites`, `when` and `without`
    ");
    insta::assert_snapshot!(definition(&context, ""), @"
    status 1
    error: `app.yaml` is not a definition
    it has no `name`
    ");
}

#[test]
fn ancestors_that_there_are_not() {
    let context = Context::new();
    let fails = |yaml: &str| definition(&context, yaml);
    insta::assert_snapshot!(fails("name: app\nfrom: bsae\n"), @"
    status 1
    error: there is no image `bsae` in the catalogue
     --> app.yaml:2:7
      |
    2 | from: bsae
      |       ^^^^

    hint: did you mean `base`?

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
    insta::assert_snapshot!(fails("name: app\nfrom: gone.yaml\n"), @"
    status 1
    error: `gone.yaml` does not exist
     --> app.yaml:2:7
      |
    2 | from: gone.yaml
      |       ^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("name: app\nfrom: ''\n"), @"
    status 1
    error: there is no image `` in the catalogue
     --> app.yaml:2:7
      |
    2 | from: ''
      |       ^^

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
    std::fs::write(
        context.work().join("one.yaml"),
        "name: one\nfrom: two.yaml\n",
    )
    .unwrap();
    std::fs::write(
        context.work().join("two.yaml"),
        "name: two\nfrom: ./one.yaml\n",
    )
    .unwrap();
    insta::assert_snapshot!(context.fails(&["build", "one.yaml"]), @"
    status 1
    error: the `from` of `one` never ends: one → two → one
    ");
    insta::assert_snapshot!(fails("name: app\nfrom: two.yaml:nonroot\n"), @"
    status 1
    error: `from` of definition `app`: `two.yaml:nonroot` names a variant; an image stands on a definition, and has all variants itself
     --> app.yaml:2:7
      |
    2 | from: two.yaml:nonroot
      |       ^^^^^^^^^^^^^^^^
    ");
    std::fs::write(context.work().join("two.yaml"), "name: two\nform: base\n").unwrap();
    insta::assert_snapshot!(fails("name: app\nfrom: two.yaml\n"), @"
    status 1
    error: `two.yaml` is not a definition
    the definition has no key `form`; did you mean `from`?
     --> two.yaml:2:1
      |
    2 | form: base
      | ^^^^
      = its keys are `accounts`, `allow`, `archives`, `backports`, `bytecode`, `certificates`, `components`, `config`, `copy`, `debug`, `description`, `dev`, `directories`, `downloads`, `drop`, `excuse`, `files`, `from`, `java`, `keep`, `layers`, `links`, `mirrors`, `name`, `node`, `packages`, `python`, `snapshot`, `snapshot_service`, `suites`, `when` and `without`
    ");
}

#[test]
fn reasons_and_overlays() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("without: {dpkg: ' '}"), @"
    status 1
    error: `without` of definition `app`: `dpkg` has no reason; say why, in a few words
     --> app.yaml:3:11
      |
    3 | without: {dpkg: ' '}
      |           ^^^^
    ");
    insta::assert_snapshot!(fails("allow: {dash: ''}"), @"
    status 1
    error: `allow` of definition `app`: `dash` has no reason; say why, in a few words
     --> app.yaml:3:9
      |
    3 | allow: {dash: ''}
      |         ^^^^
    ");
    insta::assert_snapshot!(fails("when: [{suite: trixi, packages: [libffi8]}]"), @"
    status 1
    error: `when` of definition `app`: there is no suite `trixi`; the suites are `bookworm`, `trixie`, `forky`, `noble`, `resolute`
     --> app.yaml:3:16
      |
    3 | when: [{suite: trixi, packages: [libffi8]}]
      |                ^^^^^
    ");
    insta::assert_snapshot!(fails("when: [{architecture: [amd64, x86_64]}]"), @"
    status 1
    error: `when` of definition `app`: there is no architecture `x86_64`; Debian's names are used: `amd64`, `arm64`, `armhf`, `ppc64el`, `riscv64`, `s390x`
     --> app.yaml:3:31
      |
    3 | when: [{architecture: [amd64, x86_64]}]
      |                               ^^^^^^
    ");
    insta::assert_snapshot!(fails("when: [{suite: trixie, drop: [/usr/lib/nothing]}]"), @"
    status 1
    error: the pattern `/usr/lib/nothing` in `drop` of definition `app` matches no file
     --> app.yaml:3:31
      |
    3 | when: [{suite: trixie, drop: [/usr/lib/nothing]}]
      |                               ^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn entries_that_match_nothing() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("keep: [/usr/share/man/man9/**]"), @"
    status 1
    error: the pattern `/usr/share/man/man9/**` in `keep` of definition `app` matches no file
     --> app.yaml:3:8
      |
    3 | keep: [/usr/share/man/man9/**]
      |        ^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("drop: ['/usr/lib/${multiarch}/nothing']"), @"
    status 1
    error: the pattern `/usr/lib/x86_64-linux-gnu/nothing` in `drop` of definition `app` matches no file
     --> app.yaml:3:8
      |
    3 | drop: ['/usr/lib/${multiarch}/nothing']
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("packages: [{name: libffi8, only: ['/usr/lib/*/libfii*']}]"), @"
    status 1
    error: the pattern `/usr/lib/*/libfii*` in `only` of definition `app` matches no file
     --> app.yaml:3:35
      |
    3 | packages: [{name: libffi8, only: ['/usr/lib/*/libfii*']}]
      |                                   ^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("packages: [{name: libffi8, move: {/usr/lib/libfii: /opt/x}}]"), @"
    status 1
    error: the pattern `/usr/lib/libfii` in `move` of definition `app` matches no file of the package
     --> app.yaml:3:35
      |
    3 | packages: [{name: libffi8, move: {/usr/lib/libfii: /opt/x}}]
      |                                   ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("allow: {/usr/bin/dash: the entry point is a script}"), @"
    status 1
    error: `allow: /usr/bin/dash` of definition `app` allows nothing: the image has no such thing that would need it
     --> app.yaml:3:9
      |
    3 | allow: {/usr/bin/dash: the entry point is a script}
      |         ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("drop: [usr/share/x]"), @"
    status 1
    error: `drop` of definition `app`: the pattern `usr/share/x` must begin with a slash: patterns begin at the root
     --> app.yaml:3:8
      |
    3 | drop: [usr/share/x]
      |        ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("keep: ['/usr/[']"), @"
    status 1
    error: `keep` of definition `app`: the pattern `/usr/[` cannot be read: unclosed character class; missing ']'
     --> app.yaml:3:8
      |
    3 | keep: ['/usr/[']
      |        ^^^^^^^^
    ");
}

#[test]
fn a_child_drops_what_its_parent_shipped() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("drop: [/etc/services]"), @"
    status 1
    error: the pattern `/etc/services` in `drop` of definition `app` matches no file of its own packages; what a definition below ships cannot be dropped
     --> app.yaml:3:8
      |
    3 | drop: [/etc/services]
      |        ^^^^^^^^^^^^^
    ");
}

/// Whatever else the definition says, what its parent shipped stays.
#[test]
fn a_child_drops_what_its_parent_shipped_and_does_more() {
    let context = Context::new();
    for more in [
        "keep: [/usr/share/doc/netbase/changelog.Debian.gz]",
        "packages: [netbase]",
    ] {
        let message = on_base(&context, &format!("drop: [/etc/services]\n{more}"));
        assert!(message.contains("cannot be dropped"), "{more}: {message}");
    }
}

#[test]
fn names_and_numbers_of_accounts() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("accounts: {users: [{name: 'a:b', uid: 1}]}"), @"
    status 1
    error: `accounts` of definition `app`: `a:b` is not a name of a user or group: letters, digits, `_`, `-` and `.`, at most 32
     --> app.yaml:3:27
      |
    3 | accounts: {users: [{name: 'a:b', uid: 1}]}
      |                           ^^^^^
    ");
    insta::assert_snapshot!(fails("accounts: {users: [{name: app, uid: 65532}]}"), @"
    status 1
    error: `accounts` of definition `app`: `app` or the number 65532 is there already
     --> app.yaml:3:37
      |
    3 | accounts: {users: [{name: app, uid: 65532}]}
      |                                     ^^^^^
    ");
    insta::assert_snapshot!(fails("accounts: {users: [{name: app, uid: 4294967295}]}"), @"
    status 1
    error: `accounts` of definition `app`: 4294967295 stands for no number at all
     --> app.yaml:3:37
      |
    3 | accounts: {users: [{name: app, uid: 4294967295}]}
      |                                     ^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("accounts: {users: [{name: app, uid: 1, home: \"/a\\nroot\"}]}"), @r#"
    status 1
    error: `accounts` of definition `app`: `/a\nroot` has a colon or a line feed in it
     --> app.yaml:3:46
      |
    3 | accounts: {users: [{name: app, uid: 1, home: "/a\nroot"}]}
      |                                              ^^^^^^^^^^
    "#);
    insta::assert_snapshot!(fails("accounts: {groups: [{name: tty, gid: 7}]}"), @"
    status 1
    error: `accounts` of definition `app`: `tty` or the number 7 is there already
     --> app.yaml:3:28
      |
    3 | accounts: {groups: [{name: tty, gid: 7}]}
      |                            ^^^
    ");
    insta::assert_snapshot!(fails("config: {user: nobdy}"), @"
    status 1
    error: the `user` of `app`: there is no user `nobdy`; add it to `accounts`, or write its number
     --> app.yaml:3:16
      |
    3 | config: {user: nobdy}
      |                ^^^^^
    ");
    insta::assert_snapshot!(fails("config: {user: 'nonroot:grp'}"), @"
    status 1
    error: the `user` of `app`: there is no group `grp`; add it to `accounts`, or write its number
     --> app.yaml:3:16
      |
    3 | config: {user: 'nonroot:grp'}
      |                ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("config: {user: ''}"), @"
    status 1
    error: the `user` of `app`: there is no user ``; add it to `accounts`, or write its number
     --> app.yaml:3:16
      |
    3 | config: {user: ''}
      |                ^^
    ");
}

#[test]
fn nothing_that_a_definition_says_is_obeyed_by_a_terminal() {
    let context = Context::new();
    for yaml in [
        "drop: [\"/x\\e[2J\"]",
        "keep: [\"/x\\u202e\"]",
        "allow: {\"/x\\e[2J\": why}",
        "excuse: {\"lib\\u009b\": why}",
        "without: {\"lib\\a\": why}",
        "packages: [\"a\\e[2J\"]",
        "packages: [\"a (>= 1\\e[2J)\"]",
        "packages: [{name: netbase, only: [\"/x\\e[2J\"]}]",
        "config: {user: \"a\\e[2J\"}",
        "config: {entrypoint: [\"a\\e[2J\"]}",
        "config: {workdir: \"/a\\e[2J/\\0\"}",
        "config: {labels: {a: \"${x\\e[2J}\"}}",
        "config: {stop_signal: \"\\e[2J\"}",
        "files: [{path: /x, from: \"a\\e[2J\"}]",
        "files: [{path: \"x\\e[2J\", text: x}]",
        "files: [{path: /x, text: x, owner: \"a\\e[2J\"}]",
        "files: [{path: /x, text: x, mode: \"a\\e[2J\"}]",
        "links: {\"/x\\e[2J\": \"\"}",
        "certificates: {extra: [\"a\\e[2J\"]}",
        "suites: [\"a\\e[2J\"]",
        "when: [{suite: \"a\\e[2J\"}]",
        "when: [{architecture: \"a\\e[2J\"}]",
    ] {
        let said = on_base(&context, yaml);
        let is_bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.contains(is_bad), "{yaml}: {said:?}");
    }
    for from in ["a\\e[2J", "a\\e[2J.yaml", "a\\e[2J:x"] {
        let said = definition(&context, &format!("name: app\nfrom: \"{from}\"\n"));
        assert!(!said.contains('\u{1b}'), "{from}: {said:?}");
    }
}
