use super::*;
use crate::format::Definition;
use crate::parse::parse;

mod agreement;

/// What is said of a definition.
fn explained(text: &str) -> Option<String> {
    let schema = schemars::schema_for!(Definition);
    explain(text, "app.yaml", "the definition", schema.as_value())
}

/// What is said of a definition that serde refuses.
fn said(text: &str) -> String {
    serde_saphyr::from_str::<Definition>(text).unwrap_err();
    explained(text).unwrap_or_else(|| panic!("nothing is said of {text}"))
}

/// The same without what is allowed, for spans whose keys are many and will be more.
fn head(text: &str) -> String {
    let said = said(text);
    let lines = said.lines().filter(|line| !line.contains(" = "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_key_that_no_definition_has() {
    insta::assert_snapshot!(said("name: app\npackage: [libc6]\n"), @"
    the definition has no key `package`; did you mean `packages`?
     --> app.yaml:2:1
      |
    2 | package: [libc6]
      | ^^^^^^^
      = its keys are `accounts`, `allow`, `archives`, `backports`, `bytecode`, `certificates`, `components`, `config`, `copy`, `debug`, `description`, `dev`, `directories`, `downloads`, `drop`, `excuse`, `files`, `from`, `java`, `keep`, `layers`, `links`, `mirrors`, `name`, `node`, `packages`, `python`, `snapshot`, `snapshot_service`, `suites`, `when` and `without`
    ");
}

#[test]
fn a_key_of_config_beside_it() {
    let said = said("name: app\nentrypoint: [/usr/bin/app]\n");
    insta::assert_snapshot!(said.lines().last().unwrap().trim(), @"= `entrypoint` is a key of `config`");
    insta::assert_snapshot!(head("name: app\nentrypoint: [/usr/bin/app]\n"), @"
    the definition has no key `entrypoint`
     --> app.yaml:2:1
      |
    2 | entrypoint: [/usr/bin/app]
      | ^^^^^^^^^^
    ");
}

#[test]
fn something_else_than_a_definition() {
    insta::assert_snapshot!(head("- name: app\n- name: b\n"), @"
    the definition must be a mapping, but here is a list
     --> app.yaml:1:1
      |
    1 | - name: app
      | ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(head("a sentence\n"), @"
    the definition must be a mapping, but here is the text `a sentence`
     --> app.yaml:1:1
      |
    1 | a sentence
      | ^^^^^^^^^^
    ");
    insta::assert_snapshot!(head("null\n"), @"
    the definition must be a mapping, but here is nothing
     --> app.yaml:1:1
      |
    1 | null
      | ^^^^
    ");
}

#[test]
fn texts_of_a_definition() {
    insta::assert_snapshot!(said("name: [app]\n"), @"
    `name` must be a text, but here is a list
     --> app.yaml:1:7
      |
    1 | name: [app]
      |       ^^^^^
      = `name`: The image's name
      = a string that begins with `{` or `[` must be in quotes
    ");
    insta::assert_snapshot!(said("name: app\ndescription:\n"), @"
    `description` must be a text, but here is nothing
     --> app.yaml:2:1
      |
    2 | description:
      | ^^^^^^^^^^^
      = `description`: What it is for, in one line
    ");
    insta::assert_snapshot!(said("name: app\nfrom:\n  base: trixie\n"), @"
    `from` must be a text, but here is a mapping
     --> app.yaml:3:3
      |
    3 |   base: trixie
      |   ^^^^^^^^^^^^
      = `from`: What this image stands on: a name of the catalogue, or the path of another definition, relative to this one
    ");
    insta::assert_snapshot!(said("name: app\nlayers: shred\n"), @"
    `layers` must be `shared` or `single` or a mapping with the key `most`, but here is the text `shred`
     --> app.yaml:2:9
      |
    2 | layers: shred
      |         ^^^^^
      = `layers`: Whether the layers of what it stands on are shared, and how many layers there are
    ");
}

#[test]
fn lists_of_a_definition() {
    insta::assert_snapshot!(said("name: app\ndrop: /usr/share/doc   # all\n"), @"
    `drop` must be a list of texts, but here is the text `/usr/share/doc`
     --> app.yaml:2:7
      |
    2 | drop: /usr/share/doc   # all
      |       ^^^^^^^^^^^^^^
      = `drop`: Patterns of files that are left out, beside those that every image leaves out
    ");
    insta::assert_snapshot!(said("name: app\nkeep: {a: b}\n"), @"
    `keep` must be a list of texts, but here is a mapping
     --> app.yaml:2:7
      |
    2 | keep: {a: b}
      |       ^^^^^^
      = `keep`: Patterns of files that are kept although every image leaves them out
    ");
    insta::assert_snapshot!(said("name: app\ndrop: [a, [b]]\n"), @"
    an entry of `drop` must be a text, but here is a list
     --> app.yaml:2:11
      |
    2 | drop: [a, [b]]
      |           ^^^
      = `drop`: Patterns of files that are left out, beside those that every image leaves out
      = a string that begins with `{` or `[` must be in quotes
    ");
    insta::assert_snapshot!(said("name: app\ndrop:\n  - a\n  -\n"), @"
    an entry of `drop` must be a text, but here is nothing
     --> app.yaml:4:4
      |
    4 |   -
      |    ^
      = `drop`: Patterns of files that are left out, beside those that every image leaves out
    ");
    insta::assert_snapshot!(said("name: app\ndrop:\n"), @"
    `drop` must be a list of texts, but here is nothing
     --> app.yaml:2:1
      |
    2 | drop:
      | ^^^^
      = `drop`: Patterns of files that are left out, beside those that every image leaves out
    ");
}

#[test]
fn mappings_of_a_definition() {
    insta::assert_snapshot!(said("name: app\nwithout: [dpkg]\n"), @"
    `without` must be a mapping whose values are texts, but here is a list
     --> app.yaml:2:10
      |
    2 | without: [dpkg]
      |          ^^^^^^
      = `without`: Relations that are left out on purpose: the name that they ask for, and the reason
    ");
    insta::assert_snapshot!(said("name: app\nexcuse:\n  libx.so.1:\n"), @"
    `libx.so.1` of `excuse` must be a text, but here is nothing
     --> app.yaml:3:3
      |
    3 |   libx.so.1:
      |   ^^^^^^^^^
      = `excuse`: Libraries that some file asks for and that are left out on purpose: name and reason
    ");
    insta::assert_snapshot!(said("name: app\nlinks:\n  /a: b\n  /c: d\n  /a: e\n"), @"
    `links` has the key `/a` twice
     --> app.yaml:5:3
      |
    5 |   /a: e
      |   ^^
      = the first is in line 3
    ");
    insta::assert_snapshot!(said("name: app\nlinks: {[a]: b}\n"), @"
    a key of `links` must be a text, but here is a list
     --> app.yaml:2:9
      |
    2 | links: {[a]: b}
      |         ^^^
      = `links`: Symbolic links: path and target
    ");
    insta::assert_snapshot!(said("name: app\nlinks:\n  ~: b\n"), @"
    a key of `links` must be a text, but here is nothing
     --> app.yaml:3:3
      |
    3 |   ~: b
      |   ^
      = `links`: Symbolic links: path and target
    ");
}

#[test]
fn packages() {
    insta::assert_snapshot!(said("name: app\npackages: libc6\n"), @"
    `packages` must be a list of texts or mappings with the keys `move`, `name` and `only`, but here is the text `libc6`
     --> app.yaml:2:11
      |
    2 | packages: libc6
      |           ^^^^^
      = `packages`: Debian packages: names, relations with versions and alternatives, files of this machine, or some of a package's files
    ");
    insta::assert_snapshot!(said("name: app\npackages:\n  - libc6\n  - 8080\n"), @r#"
    an entry of `packages` must be a text or a mapping with the keys `move`, `name` and `only`, but here is the number `8080`
     --> app.yaml:4:5
      |
    4 |   - 8080
      |     ^^^^
      = `packages`: Debian packages: names, relations with versions and alternatives, files of this machine, or some of a package's files
      = with quotes it is a text: "8080"
    "#);
    insta::assert_snapshot!(said("name: app\npackages: [yes]\n"), @r#"
    an entry of `packages` must be a text or a mapping with the keys `move`, `name` and `only`, but here is the truth value `yes`
     --> app.yaml:2:12
      |
    2 | packages: [yes]
      |            ^^^
      = `packages`: Debian packages: names, relations with versions and alternatives, files of this machine, or some of a package's files
      = with quotes it is a text: "yes"
    "#);
    insta::assert_snapshot!(said("name: app\npackages: [{nmae: libc6}]\n"), @"
    an entry of `packages` has no key `nmae`; did you mean `name`?
     --> app.yaml:2:13
      |
    2 | packages: [{nmae: libc6}]
      |             ^^^^
      = its keys are `move`, `name` and `only`
    ");
    insta::assert_snapshot!(said("name: app\npackages:\n  - only: [/a]\n    move: {}\n"), @"
    an entry of `packages` lacks `name`
     --> app.yaml:3:5
      |
    3 |   - only: [/a]
      |     ^^^^^^^^^^
      = `name`: The relation: a name, or alternatives, with versions
    ");
    insta::assert_snapshot!(said("name: app\npackages: [{name: libc6, only: /a}]\n"), @"
    `only` must be a list of texts, but here is the text `/a`
     --> app.yaml:2:32
      |
    2 | packages: [{name: libc6, only: /a}]
      |                                ^^
      = `only`: Patterns of the files that are taken; all of them if there is none
    ");
    insta::assert_snapshot!(said("name: app\npackages: [{name: libc6, move: [/a, /b]}]\n"), @"
    `move` must be a mapping whose values are texts, but here is a list
     --> app.yaml:2:32
      |
    2 | packages: [{name: libc6, move: [/a, /b]}]
      |                                ^^^^^^^^
      = `move`: Files that go to another path: from and to
    ");
}

#[test]
fn overlays() {
    insta::assert_snapshot!(head("name: app\nwhen: {suite: trixie}\n"), @"
    `when` must be a list of mappings, but here is a mapping
     --> app.yaml:2:7
      |
    2 | when: {suite: trixie}
      |       ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(head("name: app\nwhen:\n  - suites: trixie\n"), @"
    an entry of `when` has no key `suites`; did you mean `suite`?
     --> app.yaml:3:5
      |
    3 |   - suites: trixie
      |     ^^^^^^
    ");
    insta::assert_snapshot!(said("name: app\nwhen:\n  - suite: {a: b}\n"), @"
    `suite` must be a text or a list of texts, but here is a mapping
     --> app.yaml:3:12
      |
    3 |   - suite: {a: b}
      |            ^^^^^^
      = `suite`: The suites; all of them if there is none
    ");
    insta::assert_snapshot!(said("name: app\nwhen: [{suite: [12]}, {suite: 12}]\n"), @r#"
    `suite` must be a text or a list of texts, but here is the number `12`
     --> app.yaml:2:31
      |
    2 | when: [{suite: [12]}, {suite: 12}]
      |                               ^^
      = `suite`: The suites; all of them if there is none
      = with quotes it is a text: "12"
    "#);
    insta::assert_snapshot!(said("name: app\nwhen:\n  - suite: trixie\n    drop: a\n"), @"
    `drop` must be a list of texts, but here is the text `a`
     --> app.yaml:4:11
      |
    4 |     drop: a
      |           ^
      = `drop`: Patterns of files that are left out, beside those that every image leaves out
    ");
    insta::assert_snapshot!(said("name: app\nwhen:\n  - config: {cmd: [{}]}\n"), @"
    an entry of `cmd` must be a text, but here is a mapping
     --> app.yaml:3:20
      |
    3 |   - config: {cmd: [{}]}
      |                    ^^
      = `cmd`: Arguments that are used when none are given
      = a string that begins with `{` or `[` must be in quotes
    ");
}

#[test]
fn folders_and_files() {
    insta::assert_snapshot!(said("name: app\ndirectories: [/data]\n"), @"
    an entry of `directories` must be a mapping with the keys `mode`, `owner` and `path`, but here is the text `/data`
     --> app.yaml:2:15
      |
    2 | directories: [/data]
      |               ^^^^^
      = `directories`: Directories that no package ships
    ");
    insta::assert_snapshot!(said("name: app\ndirectories:\n  - {path: /data, modes: \"0755\"}\n"), @r#"
    an entry of `directories` has no key `modes`; did you mean `mode`?
     --> app.yaml:3:19
      |
    3 |   - {path: /data, modes: "0755"}
      |                   ^^^^^
      = its keys are `mode`, `owner` and `path`
    "#);
    insta::assert_snapshot!(said("name: app\nfiles:\n  - mode: \"0644\"\n    text: a\n"), @r#"
    an entry of `files` lacks `path`
     --> app.yaml:3:5
      |
    3 |   - mode: "0644"
      |     ^^^^^^^^^^^^
      = `path`: Its path
    "#);
    insta::assert_snapshot!(said("name: app\nfiles:\n  - path: /a\n    text: [a]\n"), @"
    `text` must be a text, but here is a list
     --> app.yaml:4:11
      |
    4 |     text: [a]
      |           ^^^
      = `text`: Its text
    ");
    insta::assert_snapshot!(said("name: app\nfiles:\n  - path: /a\n    path: /b\n"), @"
    an entry of `files` has the key `path` twice
     --> app.yaml:4:5
      |
    4 |     path: /b
      |     ^^^^
      = the first is in line 3
    ");
}

#[test]
fn accounts() {
    insta::assert_snapshot!(said("name: app\naccounts: {user: []}\n"), @"
    `accounts` has no key `user`; did you mean `users`?
     --> app.yaml:2:12
      |
    2 | accounts: {user: []}
      |            ^^^^
      = its keys are `groups` and `users`
      = `user` is a key of `config`
    ");
    insta::assert_snapshot!(said("name: app\naccounts:\n  users: [app]\n"), @"
    an entry of `users` must be a mapping with the keys `comment`, `gid`, `home`, `name` and `uid`, but here is the text `app`
     --> app.yaml:3:11
      |
    3 |   users: [app]
      |           ^^^
      = `users`: Users, in the order of `/etc/passwd`
    ");
    insta::assert_snapshot!(said("name: app\naccounts:\n  users:\n    - {name: app, uid: -1}\n"), @"
    `uid` must be a whole number from 0 to 4294967295, but here is `-1`
     --> app.yaml:4:24
      |
    4 |     - {name: app, uid: -1}
      |                        ^^
      = `uid`: The number
    ");
    insta::assert_snapshot!(said("name: app\naccounts: {users: [{name: a, uid: 4294967296}]}\n"), @"
    `uid` must be a whole number from 0 to 4294967295, but here is `4294967296`
     --> app.yaml:2:35
      |
    2 | accounts: {users: [{name: a, uid: 4294967296}]}
      |                                   ^^^^^^^^^^
      = `uid`: The number
    ");
    insta::assert_snapshot!(said("name: app\naccounts: {users: [{name: a, uid: 1.5}]}\n"), @"
    `uid` must be a whole number, but here is the text `1.5`
     --> app.yaml:2:35
      |
    2 | accounts: {users: [{name: a, uid: 1.5}]}
      |                                   ^^^
      = `uid`: The number
    ");
    insta::assert_snapshot!(said("name: app\naccounts: {users: [{home: /}]}\n"), @"
    an entry of `users` lacks `name` and `uid`
     --> app.yaml:2:20
      |
    2 | accounts: {users: [{home: /}]}
      |                    ^^^^^^^^^
      = `name`: The name
      = `uid`: The number
    ");
    insta::assert_snapshot!(said("name: app\naccounts:\n  groups:\n    - name: app\n      gid:\n"), @"
    `gid` must be a whole number, but here is nothing
     --> app.yaml:5:7
      |
    5 |       gid:
      |       ^^^
      = `gid`: The number
    ");
    insta::assert_snapshot!(said("name: app\naccounts: {groups: [{name: a, gid: 1, members: a}]}\n"), @"
    `members` must be a list of texts, but here is the text `a`
     --> app.yaml:2:48
      |
    2 | accounts: {groups: [{name: a, gid: 1, members: a}]}
      |                                                ^
      = `members`: The names of its members
    ");
}

#[test]
fn certificates_config_and_debug() {
    insta::assert_snapshot!(said("name: app\ncertificates: [a.pem]\n"), @"
    `certificates` must be a mapping with the keys `extra` and `key_store`, but here is a list
     --> app.yaml:2:15
      |
    2 | certificates: [a.pem]
      |               ^^^^^^^
      = `certificates`: Certificates of authorities
    ");
    insta::assert_snapshot!(said("name: app\ncertificates: {extra: a.pem}\n"), @"
    `extra` must be a list of texts, but here is the text `a.pem`
     --> app.yaml:2:23
      |
    2 | certificates: {extra: a.pem}
      |                       ^^^^^
      = `extra`: PEM files, relative to the definition, that are trusted beside Debian's
    ");
    insta::assert_snapshot!(head("name: app\nconfig:\n  entrypont: [a]\n"), @"
    `config` has no key `entrypont`; did you mean `entrypoint`?
     --> app.yaml:3:3
      |
    3 |   entrypont: [a]
      |   ^^^^^^^^^
    ");
    insta::assert_snapshot!(head("name: app\nconfig:\n"), @"
    `config` must be a mapping, but here is nothing
     --> app.yaml:2:1
      |
    2 | config:
      | ^^^^^^
    ");
    insta::assert_snapshot!(said("name: app\nconfig:\n  env: [A=b]\n"), @"
    `env` must be a mapping whose values are texts, but here is a list
     --> app.yaml:3:8
      |
    3 |   env: [A=b]
      |        ^^^^^
      = `env`: Environment variables, beside those of the definition that this one stands on
    ");
    insta::assert_snapshot!(said("name: app\nconfig:\n  entrypoint: /usr/bin/app\n"), @"
    `entrypoint` must be a list of texts, but here is the text `/usr/bin/app`
     --> app.yaml:3:15
      |
    3 |   entrypoint: /usr/bin/app
      |               ^^^^^^^^^^^^
      = `entrypoint`: The program, and arguments that it always has
    ");
    insta::assert_snapshot!(said("name: app\nconfig: {labels: {a: [b]}}\n"), @"
    `a` of `labels` must be a text, but here is a list
     --> app.yaml:2:22
      |
    2 | config: {labels: {a: [b]}}
      |                      ^^^
      = `labels`: Labels, which are annotations, too
      = a string that begins with `{` or `[` must be in quotes
    ");
    insta::assert_snapshot!(said("name: app\ndebug: [strace]\n"), @"
    `debug` must be a mapping with the key `packages`, but here is a list
     --> app.yaml:2:8
      |
    2 | debug: [strace]
      |        ^^^^^^^^
      = `debug`: What the debug variant has beside busybox
    ");
    insta::assert_snapshot!(said("name: app\ndebug: {packages: [[strace]]}\n"), @"
    an entry of `packages` must be a text or a mapping with the keys `move`, `name` and `only`, but here is a list
     --> app.yaml:2:20
      |
    2 | debug: {packages: [[strace]]}
      |                    ^^^^^^^^
      = `packages`: Debian packages
    ");
}

#[test]
fn every_mapping_of_the_format_refuses_what_it_does_not_know() {
    let at_each = [
        "KEY",
        "when: [KEY]",
        "when: [{config: KEY}]",
        "when: [{debug: KEY}]",
        "packages: [KEY]",
        "when: [{packages: [KEY]}]",
        "directories: [KEY]",
        "files: [KEY]",
        "accounts: KEY",
        "accounts: {users: [KEY]}",
        "accounts: {groups: [KEY]}",
        "certificates: KEY",
        "config: KEY",
        "config: {healthcheck: KEY}",
        "debug: KEY",
        "debug: {packages: [KEY]}",
    ];
    for span in at_each {
        let text = span.replace("KEY", "{zzzz: 1}");
        let said = said(&text);
        assert!(said.contains(" has no key `zzzz`\n"), "{said}");
        assert!(
            said.contains(" = its keys are `") || said.contains(" = its key is `"),
            "{said}"
        );
        let column = text.find("zzzz").unwrap() + 1;
        assert!(said.contains(&format!("app.yaml:1:{column}\n")), "{said}");
    }
}

#[test]
fn what_a_document_says_is_cropped_and_harmless() {
    let long = "x".repeat(1000);
    for text in [
        format!("name: app\ndrop: \"\\e[2J\u{202e}{long}\"\n"),
        format!("name: app\n\"a\\eb\u{202e}{long}\": 1\n"),
        format!("name: app\nconfig: {{env: {{\"a\\eb\u{202e}{long}\": []}}}}\n"),
        format!("name: \"a\\eb\u{202e}{long}\"\n"),
    ] {
        let said = parse(&text, "app.yaml").unwrap_err().problem;
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
        let head: Vec<&str> = said.lines().take(5).collect();
        assert!(head.iter().all(|line| line.chars().count() < 130), "{said}");
    }
}

#[test]
fn a_bad_name_is_shown_where_it_stands() {
    let problem = |text: &str| parse(text, "app.yaml").unwrap_err().problem;
    insta::assert_snapshot!(problem("from: base\nname: My App\n"), @"
    its name is `My App`; names have lower-case letters, digits, `-`, `.` and `_`
     --> app.yaml:2:7
      |
    2 | name: My App
      |       ^^^^^^
    ");
    insta::assert_snapshot!(problem("from: base\nname: ''\n"), @"
    it has no `name`
     --> app.yaml:2:7
      |
    2 | name: ''
      |       ^^
    ");
    insta::assert_snapshot!(problem("from: base\n"), @"it has no `name`");
}
