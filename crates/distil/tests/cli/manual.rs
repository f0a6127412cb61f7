//! What is made from the command's own help.

use crate::context::Context;

#[test]
fn shells_get_completions() {
    let context = Context::new();
    for (shell, expected) in [
        ("bash", "complete -F _distil"),
        ("zsh", "#compdef distil"),
        ("fish", "complete -c distil"),
    ] {
        let run = context.bare(&["completions", shell]).output().unwrap();
        let script = String::from_utf8(run.stdout).unwrap();
        assert!(script.contains(expected), "{shell}: {script}");
        assert!(script.contains("compression-level"), "{shell}");
    }
}

/// The subcommands that the help of a command lists, as words behind `distil`.
fn subcommands(context: &Context, below: &[&str]) -> Vec<Vec<String>> {
    let help = context.run_bare(&[below, &["--help"]].concat());
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let list = list.lines().take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.split_whitespace().next());
    let mut found = Vec::new();
    for name in names.filter(|name| *name != "help") {
        let words = [below, &[name]].concat();
        found.push(words.iter().map(ToString::to_string).collect());
        found.extend(subcommands(context, &words));
    }
    found
}

#[test]
fn every_help_ends_with_two_examples_that_parse() {
    let context = Context::new();
    let mut commands = subcommands(&context, &[]);
    assert!(commands.len() > 10, "{commands:?}");
    commands.push(Vec::new());
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = context.run_bare(&[&words[..], &["--help"]].concat());
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{help}"));
        let lines = examples.lines().filter(|line| line.starts_with("      "));
        let lines: Vec<&str> = lines.map(str::trim).collect();
        assert_eq!(lines.len(), 2, "{help}");
        for line in lines {
            let own = line
                .split(['|', '>', '&'])
                .find(|part| part.contains("distil "));
            let own = own.unwrap().split("distil ").nth(1).unwrap();
            let mut words: Vec<&str> = own.trim_end_matches(')').split_whitespace().collect();
            // `--help` is answered only if all that is before it is right.
            words.push("--help");
            let output = context.bare(&words).output().unwrap();
            assert!(
                output.status.success(),
                "{line}: {}",
                context.stderr(&output)
            );
        }
    }
}

#[test]
fn help_of_build() {
    let context = Context::new();
    insta::assert_snapshot!(context.run_bare(&["build", "-h"]), @"
    Build images

    Usage: distil build [OPTIONS] [IMAGE]...

    Arguments:
      [IMAGE]...  What to build: NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml

    Options:
          --program <FILE>             Program to make an image for, on IMAGE or else on the smallest of
                                       `static`, `base-nossl`, `base` and `cc` that has what it needs
      -t, --tag <NAME[:TAG]>           Name of the image in `docker load`; may be repeated [default:
                                       NAME:VARIANT, with the suite, platform and packages if they are
                                       not the default]
      -o, --output <PLACE>             Where to write the image, as TRANSPORT:PLACE; may be repeated
                                       [default: an archive in the current directory]
          --platform <PLATFORM>        Platforms, such as `linux/amd64,linux/arm64`, or `all` [default:
                                       this machine's]
          --check                      Make the image a second time, with an empty store and another
                                       number of threads, and fail if the bytes are others
          --compression <COMPRESSION>  Compression of layers; before version 23, not every Docker loads
                                       zstd [default: as the lock says, else gzip] [possible values:
                                       gzip, zstd, none]
          --compression-level <LEVEL>  Compression level: 1 to 12 for gzip [default: 6], 1 to 22 for
                                       zstd [default: 3]
          --suite <SUITE>              Release of Debian to build from, by name or number [default:
                                       trixie]
          --format <FORMAT>            Output format: a line for each image, JSON, or a report of
                                       failures and warnings [default: table] [possible values: table,
                                       json, sarif, junit, github]
      -q, --quiet                      Print errors only, and on stdout the digest alone
      -h, --help                       Print help (see more with '--help')
      -V, --version                    Print version

    Lock:
          --lock <FILE>  Lock that the packages are from [default: `app.lock` of `app.yaml`, if it is
                         there]
          --locked       Fail if there is no lock, or it does not fit the definition exactly
          --no-lock      Choose packages anew though there is a lock

    Changes:
          --add <PACKAGE>             One more package, with or without a version; may be repeated
          --archive <FILE>            File of another archive in apt's deb822 format, such as
                                      `company.sources`; may be repeated
          --without <PACKAGE=REASON>  Dependency to leave out, and why; may be repeated
          --allow <WHAT=REASON>       Package or path to allow although `check` rejects it, and why; may
                                      be repeated
          --excuse <LIBRARY=REASON>   Library that may be missing, and why; may be repeated
          --file <HOST:IMAGE[:MODE]>  Local file to copy into the image [default mode: 0755 for
                                      executables, else 0644]; may be repeated
          --copy <HOST:IMAGE>         Local directory to copy into the image, without what its
                                      `.distilignore` or `.dockerignore` names, or an image with a path
                                      in it (`oci-archive:build.tar:/out`); may be repeated
          --ca <FILE>                 PEM file of a certificate authority to trust; may be repeated
          --entrypoint <COMMAND>      Program of the image: words separated by spaces, or a JSON array
                                      of strings
          --cmd <ARGUMENTS>           Default arguments: words separated by spaces, or a JSON array of
                                      strings
          --env <NAME=VALUE>          Environment variable; may be repeated
          --user <USER[:GROUP]>       User of the program: a number or the name of an account
          --label <NAME=VALUE>        Label, also set as an annotation; may be repeated

    Archive:
          --mirror <ADDRESS>            Mirror of Debian's archive; may be repeated [default: the
                                        sources of apt on this machine]
          --snapshot-service <ADDRESS>  Snapshot service, for `--snapshot`, and for what a lock names
                                        and no mirror has any more [default: Debian's]
          --snapshot <TIME>             Build from the state that Debian's archive had at a moment, such
                                        as `20261101T000000Z`
          --keyring <FILE>              Keyring that verifies the archive of all mirrors, instead of
                                        Debian's keys (`debian`); may be repeated
          --allow-expired               Accept a Release whose `Valid-Until` has passed
          --refresh                     Ask mirrors for a newer Release even if the one in the store is
                                        fresh
          --offline                     Ask nobody over the network: what is not in the store or in a
                                        local mirror is listed
          --timeout <SECONDS>           Seconds to wait for a silent mirror [default: 30]
          --store <DIR>                 Directory of the store [env: DISTIL_STORE] [default:
                                        $XDG_CACHE_HOME/distil]
          --store-limit <SIZE>          Size limit of the store, such as `500MB` or `20GB` [env:
                                        DISTIL_STORE_LIMIT] [default: 10GB]

    Registry:
          --authfile <FILE>      File with the credentials of registries [default: those of `podman
                                 login`, `docker login`]
          --tls-verify[=<BOOL>]  With `false`, take whatever certificate a registry shows, and plain
                                 HTTP where it has none [default: true] [possible values: true, false]

    Cache:
          --cache <REPOSITORY>     Repository that finished images are taken from, as
                                   `docker://REGISTRY/NAME`; may be repeated
          --cache-key <FILE>       Public key whose entries of caches are trusted; may be repeated
          --cache-to <REPOSITORY>  Repository that finished images are put into for other machines, as
                                   `docker://REGISTRY/NAME`
          --cache-sign-key <KEY>   Private key that signs them: FILE, `env:NAME` or `command:COMMAND`
          --shard <PART/N>         Make only one of N parts of the images, counted from 1: `3/16`;
                                   others are skipped
          --shard-wait <SECONDS>   Longest wait for the layers of a base image that another part makes
                                   [default: 0]

    Attestations:
          --sbom <FILE>        File for the bill of materials: CycloneDX if it is called `*.cdx.json`,
                               else SPDX; may be repeated
          --attach <DOCUMENT>  Document to attach to the image where it is written, signed if there is a
                               key; may be repeated [possible values: spdx, cyclonedx, provenance,
                               openvex, sources]
          --attach-as <FORM>   Where documents are attached; may be repeated [default: all] [possible
                               values: referrer, index, tag]
          --embed              Attach the definition and its lock, of which `distil rebuild` makes the
                               image again: short for `--attach sources`
          --vex-from <FILE>    Report of Trivy or Grype on the image, in JSON: what `--vex` and
                               `--attach openvex` are about
          --vex <FILE>         File for the matches of that report whose code is not in the image, as
                               OpenVEX 0.2.0

    Signatures:
          --sign-key <KEY>         Private key that signs the image and what is attached: FILE,
                                   `env:VARIABLE` or `command:COMMAND`
          --key-password <SOURCE>  Password of an encrypted key: FILE, `env:VARIABLE` or
                                   `command:COMMAND` [default: env:COSIGN_PASSWORD]
          --signature-tags         Also write signatures under tags (`sha256-….sig`), for cosign up to
                                   version 2, skopeo and Podman

    Messages:
      -v, --verbose...    Print what happens on the way on stderr: mirrors, Releases, steps; twice, each
                          request
          --color <WHEN>  When to print colours; `auto` honours NO_COLOR and CLICOLOR_FORCE [default:
                          auto] [possible values: auto, always, never]

    Examples:
      Build an image for two platforms, and write base-amd64-arm64.tar:
          distil build base --platform linux/amd64,linux/arm64
      Build a definition for the user nonroot into a running Docker:
          distil build app.yaml:nonroot -o docker-daemon:app:dev
    ");
}

#[test]
fn the_environment_changes_no_usage() {
    let context = Context::new();
    let usage = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        context.stderr(&output)
    };
    let without = usage(context.bare(&["build"]).env_remove("DISTIL_STORE"));
    assert_eq!(usage(&mut context.bare(&["build"])), without);
    insta::assert_snapshot!(without, @"
    error: the following required arguments were not provided:
      <IMAGE>...

    Usage: distil build <IMAGE>...

    For more information, try '--help'.
    ");
}

#[test]
fn the_schema_is_that_of_the_repository() {
    let context = Context::new();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/definition.schema.json"
    );
    assert_eq!(
        context.run_bare(&["schema"]),
        std::fs::read_to_string(path).unwrap()
    );
}

/// What bash offers for the last of some words.
fn completed(context: &Context, words: &[&str]) -> Option<Vec<String>> {
    let script = context.run_bare(&["completions", "bash"]);
    std::fs::write(context.work().join("completions"), script).unwrap();
    let (last, before) = words.split_last()?;
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let run = format!(
        "source ./completions && COMP_WORDS=({}) COMP_CWORD={} && \
         _distil distil '{last}' '{}' && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1,
        before.last()?,
    );
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", &run])
        .current_dir(context.work());
    // Not every machine has it.
    let output = bash.output().ok()?;
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let offered = String::from_utf8(output.stdout).unwrap();
    Some(offered.lines().map(str::to_owned).collect())
}

#[test]
fn completions_know_names_suites_rules_and_variants() {
    let context = Context::new();
    for (words, expected) in [
        (&["distil", "build", "pyth"][..], &["python3"][..]),
        (
            &["distil", "show", "static:"],
            &["static:debug", "static:nonroot"],
        ),
        (&["distil", "build", "base", "--suite", "t"], &["trixie"]),
        (
            &["distil", "check", "--explain", "shel"],
            &["shell", "shell-form"],
        ),
        (
            &["distil", "build", "base", "--platform", "linux/r"],
            &["linux/riscv64"],
        ),
        (&["distil", "sch"], &["schema"]),
    ] {
        let Some(offered) = completed(&context, words) else {
            return;
        };
        for one in expected {
            assert!(
                offered.contains(&(*one).to_owned()),
                "{words:?}: {offered:?}"
            );
        }
    }
}

#[test]
fn every_subcommand_has_a_page() {
    let context = Context::new();
    let run = context.bare(&["man", "pages"]).output().unwrap();
    assert!(run.status.success(), "{}", context.stderr(&run));
    let folder = context.work().join("pages");
    for name in ["distil", "distil-build", "distil-why", "distil-diff"] {
        let page = std::fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".TH "), "{name}");
    }
    let page = std::fs::read_to_string(folder.join("distil-build.1")).unwrap();
    assert!(page.contains("\\-\\-entrypoint"), "{page}");
    for name in ["distil", "distil-build", "distil-cache-prune"] {
        let page = std::fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        for section in ["EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
            assert!(
                page.contains(&format!(".SH \"{section}\"")),
                "{name}: {section}"
            );
        }
    }
}
