//! Configurations of containers that make no sense, each with its message.

use distil_fixture::{DebBuilder, ElfBuilder};

use crate::context::Context;

/// What building this definition on `base` says.
fn on_base(context: &Context, yaml: &str) -> String {
    context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
    context.fails(&["build", "app.yaml"])
}

#[test]
fn how_a_container_runs() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, &format!("config: {{{yaml}}}"));
    insta::assert_snapshot!(fails("ports: [http]"), @"
    status 1
    error: `config` of definition `app`: `http` is no port, such as `8080`, `53/udp` or `8000-8010/tcp`
     --> app.yaml:3:18
      |
    3 | config: {ports: [http]}
      |                  ^^^^
    ");
    insta::assert_snapshot!(fails("ports: ['80/icmp']"), @"
    status 1
    error: `config` of definition `app`: `80/icmp` is no port, such as `8080`, `53/udp` or `8000-8010/tcp`
     --> app.yaml:3:18
      |
    3 | config: {ports: ['80/icmp']}
      |                  ^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("ports: ['90-80']"), @"
    status 1
    error: `config` of definition `app`: `90-80` is no port, such as `8080`, `53/udp` or `8000-8010/tcp`
     --> app.yaml:3:18
      |
    3 | config: {ports: ['90-80']}
      |                  ^^^^^^^
    ");
    insta::assert_snapshot!(fails("volumes: [data]"), @"
    status 1
    error: `config` of definition `app`: `data` in `volumes` is not the path of a directory
     --> app.yaml:3:20
      |
    3 | config: {volumes: [data]}
      |                    ^^^^
    ");
    insta::assert_snapshot!(fails("volumes: ['/data:/x']"), @"
    status 1
    error: `config` of definition `app`: `/data:/x` in `volumes` is not the path of a directory
     --> app.yaml:3:20
      |
    3 | config: {volumes: ['/data:/x']}
      |                    ^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("workdir: app"), @"
    status 1
    error: `config` of definition `app`: `app` in `workdir` is not the path of a directory
     --> app.yaml:3:19
      |
    3 | config: {workdir: app}
      |                   ^^^
    ");
    insta::assert_snapshot!(fails("stop_signal: SIGFOO"), @"
    status 1
    error: `config` of definition `app`: `SIGFOO` is no signal, such as `SIGINT` or `2`
     --> app.yaml:3:23
      |
    3 | config: {stop_signal: SIGFOO}
      |                       ^^^^^^
    ");
    insta::assert_snapshot!(fails("stop_signal: '65'"), @"
    status 1
    error: `config` of definition `app`: `65` is no signal, such as `SIGINT` or `2`
     --> app.yaml:3:23
      |
    3 | config: {stop_signal: '65'}
      |                       ^^^^
    ");
    insta::assert_snapshot!(fails("env: {'A=B': c}"), @"
    status 1
    error: `config` of definition `app`: `A=B` cannot be a variable of the environment
     --> app.yaml:3:16
      |
    3 | config: {env: {'A=B': c}}
      |                ^^^^^
    ");
    insta::assert_snapshot!(fails("env: {'': c}"), @"
    status 1
    error: `config` of definition `app`: `` cannot be a variable of the environment
     --> app.yaml:3:16
      |
    3 | config: {env: {'': c}}
      |                ^^
    ");
    insta::assert_snapshot!(fails("env: {A: '${HOME}'}"), @"
    status 1
    error: `config` of definition `app`: `${HOME}` uses `${HOME}`, and there is no such variable; there are `multiarch`, `architecture`, `suite` and, in the labels and the environment, `version:PACKAGE` and `release:PACKAGE`; `$$` is a dollar sign
     --> app.yaml:3:19
      |
    3 | config: {env: {A: '${HOME}'}}
      |                   ^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("labels: {v: '${version:libffi8}'}"), @"
    status 1
    error: the configuration of `app`: `${version:libffi8}` is about the version of `libffi8`, which is not in the image
     --> app.yaml:3:22
      |
    3 | config: {labels: {v: '${version:libffi8}'}}
      |                      ^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("labels: {'': x}"), @"
    status 1
    error: `config` of definition `app`: a label has no name
     --> app.yaml:3:19
      |
    3 | config: {labels: {'': x}}
      |                   ^^
    ");
}

/// Images that are made and that no engine starts.
#[test]
fn what_engines_refuse() {
    let context = Context::new();
    for yaml in [
        "config: {volumes: [/]}",
        "config: {workdir: /etc/services}",
        // The kernel takes it for "do not change", and Docker stops at half of it.
        "config: {user: '4294967295'}",
        "files: [{path: /a, text: x, owner: '4294967295'}]",
        "packages: ['']",
    ] {
        assert!(on_base(&context, yaml).starts_with("status 1"), "{yaml}");
    }
}

#[test]
fn programs_that_would_not_run() {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let app = DebBuilder::new("app", "1", "amd64").executable("usr/bin/app", program);
    let context = Context::with_packages(vec![app]);
    let fails = |yaml: &str| on_base(&context, &format!("packages: [app]\nconfig: {{{yaml}}}"));
    insta::assert_snapshot!(fails("entrypoint: [/usr/bin/ap]"), @"
    status 1
    error: the `entrypoint` of `app` runs `/usr/bin/ap`, which is not in the image
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [/usr/bin/ap]}
      |                       ^^^^^^^^^^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails("entrypoint: [/usr/bin]"), @"
    status 1
    error: the `entrypoint` of `app` runs `/usr/bin`, which is a directory
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [/usr/bin]}
      |                       ^^^^^^^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails("entrypoint: [/etc/services]"), @"
    status 1
    error: the `entrypoint` of `app` runs `/etc/services`, which nobody may execute: the mode of `/etc/services` is 0644
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [/etc/services]}
      |                       ^^^^^^^^^^^^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails("entrypoint: [ap]"), @"
    status 1
    error: the `entrypoint` of `app` runs `ap`, which is in no directory of `PATH`, which is `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [ap]}
      |                       ^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails("entrypoint: [./app]"), @"
    status 1
    error: the `entrypoint` of `app` runs `./app`, which is not in the image
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [./app]}
      |                       ^^^^^

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails("entrypoint: []"), @"
    status 1
    error: `config` of definition `app`: `entrypoint` names no program
     --> app.yaml:4:10
      |
    4 | config: {entrypoint: []}
      |          ^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("entrypoint: ['']"), @"
    status 1
    error: `config` of definition `app`: `entrypoint` names no program
     --> app.yaml:4:10
      |
    4 | config: {entrypoint: ['']}
      |          ^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("cmd: [ap]"), @"
    status 1
    error: the `cmd` of `app` runs `ap`, which is in no directory of `PATH`, which is `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
     --> app.yaml:4:16
      |
    4 | config: {cmd: [ap]}
      |                ^^

    hint: a program that is copied in later is named by the CMD of that Dockerfile
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [/usr/bin/check]}"), @"
    status 1
    error: the `healthcheck` of `app` runs `/usr/bin/check`, which is not in the image
     --> app.yaml:4:31
      |
    4 | config: {healthcheck: {test: [/usr/bin/check]}}
      |                               ^^^^^^^^^^^^^^

    hint: a program that is copied in later is named by the HEALTHCHECK of that Dockerfile
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [CMD-SHELL, curl localhost]}"), @"
    status 1
    error: `config` of definition `app`: `test` is the program and its arguments, without Docker's keyword before them; there is no shell to run it
     --> app.yaml:4:31
      |
    4 | config: {healthcheck: {test: [CMD-SHELL, curl localhost]}}
      |                               ^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: []}"), @"
    status 1
    error: `config` of definition `app`: `healthcheck` names no program
     --> app.yaml:4:10
      |
    4 | config: {healthcheck: {test: []}}
      |          ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [app], interval: 30}"), @"
    status 1
    error: `config` of definition `app`: `30` is not a time, such as `30s` or `1m 30s`
     --> app.yaml:4:47
      |
    4 | config: {healthcheck: {test: [app], interval: 30}}
      |                                               ^^
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [app], interval: soon}"), @"
    status 1
    error: `config` of definition `app`: `soon` is not a time, such as `30s` or `1m 30s`
     --> app.yaml:4:47
      |
    4 | config: {healthcheck: {test: [app], interval: soon}}
      |                                               ^^^^
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [app], interval: 1000y}"), @"
    status 1
    error: the image `app` cannot be put together
      cause: the `Interval` of the health check is 31557600000s; it has to be at least 1ms, or 0 for the engine's default, and at most 292 years
    ");
    insta::assert_snapshot!(fails("healthcheck: {test: [app], timeout: 0s}"), @"
    status 1
    error: `config` of definition `app`: `0s` is not a time, such as `30s` or `1m 30s`
     --> app.yaml:4:46
      |
    4 | config: {healthcheck: {test: [app], timeout: 0s}}
      |                                              ^^
    ");
}
