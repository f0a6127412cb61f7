//! Definitions of one's own that work: every key, and its effect in the image.

use std::collections::BTreeMap;
use std::path::Path;

use distil_fixture::{CORPORATE_CA, DebBuilder, ElfBuilder, Entry, Machine, md5_hex, sha256_hex};
use distil_oci::{Location, Registries, transport};
use distil_tree::tar::MemberKind;
use serde_json::{Value, json};

use crate::context::Context;
use crate::images::{File, files};

fn program() -> Vec<u8> {
    ElfBuilder::executable().needed("libc.so.6").build()
}

pub(crate) fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0-1", "amd64")
}

/// Builds `app.yaml` and gives its files.
pub(crate) fn build(context: &Context, yaml: &str) -> BTreeMap<String, File> {
    context.define(yaml);
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
    files(&context.work().join("app.tar"))
}

pub(crate) fn text<'a>(files: &'a BTreeMap<String, File>, path: &str) -> &'a str {
    let file = files.get(path).unwrap_or_else(|| panic!("no `{path}`"));
    std::str::from_utf8(&file.bytes).unwrap()
}

fn show(context: &Context, arguments: &[&str]) -> Value {
    let mut all = vec!["show", "--format", "json"];
    all.extend(arguments);
    serde_json::from_str(&context.run(&all)).unwrap()
}

pub(crate) fn layers(context: &Context, arguments: &[&str]) -> Vec<String> {
    let shown = show(context, arguments);
    let layers = shown["layers"].as_array().unwrap().iter();
    layers
        .map(|one| one["digest"].as_str().unwrap().to_owned())
        .collect()
}

/// The `config` object of the configuration of an archive's image, as it is written.
pub(crate) fn config(path: &Path) -> Value {
    let (path, tag) = (path.to_owned(), None);
    let content =
        transport::open(&Location::OciArchive { path, tag }, &Registries::offline()).unwrap();
    let config: Value =
        serde_json::from_slice(content.images().unwrap()[0].config_bytes()).unwrap();
    config["config"].clone()
}

#[test]
fn how_a_container_runs() {
    let context = Context::with_packages(vec![deb("app").executable("usr/bin/app", program())]);
    build(
        &context,
        "name: app\n\
         description: of the tests\n\
         from: base\n\
         packages: [app]\n\
         accounts:\n  users: [{name: web, uid: 1001, gid: 1002, home: /srv, comment: Web}]\n  groups: [{name: www, gid: 1002, members: [nonroot]}]\n\
         config:\n  entrypoint: [app, --serve]\n  cmd: [a b, '']\n  env: {A: '${architecture}', PATH: /usr/bin}\n  user: web:www\n  workdir: /srv\n  labels: {com.example.x: '${suite} ${version:app}', vendor: Example}\n  ports: ['8080', 53/udp]\n  volumes: [/data]\n  stop_signal: SIGINT\n  healthcheck: {test: [app, --check], interval: 30s, timeout: 1m 1s, start_period: 2s, start_interval: 500ms, retries: 3}\n",
    );
    let mut config = config(&context.work().join("app.tar"));
    let labels = config.as_object_mut().unwrap().remove("Labels").unwrap();
    assert_eq!(
        config,
        json!({
            "Entrypoint": ["app", "--serve"],
            "Cmd": ["a b", ""],
            "Env": ["A=amd64", "PATH=/usr/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "User": "1001:1002",
            "WorkingDir": "/srv",
            "ExposedPorts": {"8080": {}, "53/udp": {}},
            "Volumes": {"/data": {}},
            "StopSignal": "SIGINT",
            "Healthcheck": {
                "Test": ["CMD", "app", "--check"],
                "Interval": 30_000_000_000_u64,
                "Timeout": 61_000_000_000_u64,
                "StartPeriod": 2_000_000_000_u64,
                "StartInterval": 500_000_000_u64,
                "Retries": 3,
            },
        })
    );
    for (key, value) in [
        ("com.example.x", "trixie 1.0-1"),
        ("org.opencontainers.image.vendor", "Example"),
        ("org.opencontainers.image.description", "of the tests"),
    ] {
        assert_eq!(labels[key], value, "{key}");
    }
    // Where the image below would be found is not known.
    for key in ["base.name", "base.digest"] {
        assert_eq!(
            labels[format!("org.opencontainers.image.{key}")],
            json!(null)
        );
    }
}

#[test]
fn accounts_stand_behind_those_of_the_parent() {
    let context = Context::new();
    let files = build(
        &context,
        "name: app\nfrom: base\naccounts:\n  users: [{name: web, uid: 1001, gid: 1002, home: /srv, comment: Web}]\n  groups: [{name: www, gid: 1002, members: [nonroot, web]}]\n\
         directories: [{path: /srv/data, owner: 'web:www', mode: 0700}, {path: /home/nonroot, owner: 'web:1001'}]\n\
         files: [{path: /srv/data/x, text: '', owner: '7:shadow', mode: 600}]\n",
    );
    assert!(text(&files, "etc/passwd").ends_with("\nweb:x:1001:1002:Web:/srv:/sbin/nologin\n"));
    let group = text(&files, "etc/group");
    assert!(group.ends_with("\nwww:x:1002:nonroot,web\nshadow:x:42:\n"));
    let owner = |path: &str| (files[path].mode, files[path].uid, files[path].gid);
    assert_eq!(owner("srv/data"), (0o700, 1001, 1002));
    assert_eq!(owner("srv/data/x"), (0o600, 7, 42));
    // A directory that is there already gets the owner.
    assert_eq!(owner("home/nonroot"), (0o755, 1001, 1001));
}

#[test]
fn an_account_without_a_group_of_its_name() {
    let context = Context::new();
    let account = "accounts: {users: [{name: web, uid: 1001, gid: 7}]}";
    let folder = "directories: [{path: /data, owner: web}]";
    let user = "config: {user: web}";
    let files = build(
        &context,
        &format!("name: app\nfrom: base\n{account}\n{folder}\n{user}\n"),
    );
    assert_eq!((files["data"].uid, files["data"].gid), (1001, 7));
    let config = config(&context.work().join("app.tar"));
    assert_eq!(config["User"], "1001");
}

#[test]
fn a_folder_that_is_there_keeps_what_is_not_said() {
    let context = Context::new();
    let folders =
        "directories: [{path: /tmp, owner: nonroot}, {path: /home/nonroot, mode: '0700'}]";
    let files = build(&context, &format!("name: app\nfrom: base\n{folders}\n"));
    let owner = |path: &str| (files[path].mode, files[path].uid, files[path].gid);
    assert_eq!(owner("tmp"), (0o1777, 65532, 65532));
    assert_eq!(owner("home/nonroot"), (0o700, 65532, 65532));
}

#[test]
fn a_new_entrypoint_forgets_the_arguments_of_the_old() {
    let context = Context::with_packages(vec![deb("app").executable("usr/bin/app", program())]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [app]\n\
         config: {entrypoint: [/usr/bin/app], cmd: [old], env: {A: low, B: low}, user: nonroot, workdir: /tmp}\n",
    )
    .unwrap();
    build(
        &context,
        "name: app\nfrom: low.yaml\nconfig: {entrypoint: [/usr/bin/app, new], env: {A: high}}\n",
    );
    let path = context.work().join("app.tar");
    let changed = config(&path);
    assert_eq!(changed["Entrypoint"], json!(["/usr/bin/app", "new"]));
    assert_eq!(changed["Cmd"], Value::Null);
    assert_eq!(changed["Env"][0], "A=high");
    assert_eq!(changed["Env"][1], "B=low");
    assert_eq!(
        (&changed["User"], &changed["WorkingDir"]),
        (&json!("65532"), &json!("/tmp"))
    );
    build(
        &context,
        "name: app\nfrom: low.yaml\nconfig: {cmd: [new]}\n",
    );
    let changed = config(&path);
    assert_eq!(changed["Entrypoint"], json!(["/usr/bin/app"]));
    assert_eq!(changed["Cmd"], json!(["new"]));
    // A configuration alone makes no layer.
    assert_eq!(
        layers(&context, &["app.tar"]),
        layers(&context, &["low.yaml"])
    );
}

#[test]
fn overlays_apply_where_they_say() {
    let context = Context::new();
    context.define(
        "name: app\nfrom: base\nwhen:\n\
         - {suite: trixie, architecture: arm64, files: [{path: /arm, text: '${multiarch}'}]}\n\
         - {suite: [bookworm, forky], files: [{path: /old, text: x}]}\n\
         - {architecture: amd64, links: {/pc: '${architecture}'}, directories: [{path: /dir}], packages: [libffi8], drop: ['/usr/lib/${multiarch}/libffi.so.8.*'], excuse: {libgone.so.1: not there}, config: {env: {A: pc}}}\n\
         - {config: {env: {B: all}}}\n",
    );
    // The entry that excuses nothing is on one architecture alone.
    let message = context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]);
    assert!(message.contains("`excuse: libgone.so.1`"), "{message}");
    let definition = std::fs::read_to_string(context.work().join("app.yaml")).unwrap();
    context.define(&definition.replace("excuse: {libgone.so.1: not there}, ", ""));
    let made = |platform: &str| {
        let output = ["-o", "oci-archive:app.tar"];
        context.run(&[&["build", "app.yaml", "--platform", platform], &output[..]].concat());
        let path = context.work().join("app.tar");
        (files(&path), config(&path)["Env"].to_string())
    };
    let (pc, env) = made("linux/amd64");
    assert!(!pc.contains_key("arm") && !pc.contains_key("old") && pc.contains_key("dir"));
    assert_eq!(pc["pc"].kind, MemberKind::Symlink(b"amd64".to_vec()));
    assert!(pc.contains_key("usr/share/doc/libffi8/copyright"));
    assert!(!pc.contains_key("usr/lib/x86_64-linux-gnu/libffi.so.8.1.4"));
    assert!(
        env.contains("\"A=pc\"") && env.contains("\"B=all\""),
        "{env}"
    );
    let (arm, env) = made("linux/arm64");
    assert_eq!(text(&arm, "arm"), "aarch64-linux-gnu");
    assert!(!arm.contains_key("pc") && !arm.contains_key("dir"));
    assert!(!env.contains("A=pc") && env.contains("\"B=all\""), "{env}");
}

/// What a child keeps is in its own layer, and the sums of the package are there again.
#[test]
fn what_is_kept_goes_into_the_childs_own_layer() {
    let low = deb("low")
        .file("usr/share/man/man1/low.1.gz", "manual")
        .file("usr/share/low/dropped", "dropped")
        .file("usr/share/low/there", "there");
    let part = deb("part")
        .file("usr/share/part/a", "a")
        .file("usr/share/part/b", "b");
    let context = Context::with_packages(vec![low, part]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [low, {name: part, only: [/usr/share/part/a]}]\ndrop: [/usr/share/low/dropped]\n",
    )
    .unwrap();
    let files = build(
        &context,
        "name: app\nfrom: low.yaml\nkeep: [/usr/share/man/man1/low.1.gz, /usr/share/low/dropped, /usr/share/part/b]\n",
    );
    let top = files["usr/share/part/b"].layer;
    for (path, bytes, layer) in [
        ("usr/share/man/man1/low.1.gz", "manual", top),
        ("usr/share/low/dropped", "dropped", top),
        ("usr/share/part/b", "b", top),
        ("usr/share/part/a", "a", top - 1),
        ("usr/share/low/there", "there", top - 1),
    ] {
        assert_eq!(text(&files, path), bytes);
        assert_eq!(files[path].layer, layer, "{path}");
        let package = if path.contains("part") { "part" } else { "low" };
        let sums = format!("var/lib/dpkg/status.d/{package}.md5sums");
        assert_eq!(files[&sums].layer, top, "{sums}");
        let line = format!("{}  {path}\n", md5_hex(bytes.as_bytes()));
        assert!(text(&files, &sums).contains(&line), "{line}");
    }
    let below = layers(&context, &["low.yaml"]);
    assert_eq!(layers(&context, &["app.tar"])[..below.len()], below);
}

/// The directory of what is kept is as its package has it.
#[test]
fn the_folder_of_what_is_kept_has_its_own_mode() {
    let low = deb("low")
        .file("usr/share/low/x", "x")
        .entry(Entry::directory("etc/low").mode(0o750))
        .file("etc/low/secret", "secret");
    let context = Context::with_packages(vec![low]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [{name: low, only: [/usr/share/low/x]}]\n",
    )
    .unwrap();
    for yaml in ["keep: [/etc/low/secret]", "packages: [low]"] {
        let files = build(&context, &format!("name: app\nfrom: low.yaml\n{yaml}\n"));
        assert_eq!(files["etc/low"].mode, 0o750, "{yaml}");
    }
}

#[test]
fn one_keeps_what_ones_own_packages_ship() {
    let low = deb("low").file("usr/share/man/man1/low.1.gz", "manual");
    let context = Context::with_packages(vec![low]);
    let yaml = "name: app\nfrom: base\npackages: [low]\nkeep: [/usr/share/man/man1/**]\n";
    assert!(build(&context, yaml).contains_key("usr/share/man/man1/low.1.gz"));
}

/// `openssl` is in `base` in part.
#[test]
fn more_of_a_package_that_a_parent_has_in_part() {
    let context = Context::new();
    let files = build(&context, "name: app\nfrom: base\npackages: [openssl]\n");
    assert!(files.contains_key("usr/bin/openssl"));
    let part = "packages: [{name: openssl, only: [/usr/bin/openssl]}]";
    let files = build(&context, &format!("name: app\nfrom: base\n{part}\n"));
    assert!(files.contains_key("usr/bin/openssl"));
    assert!(text(&files, "var/lib/dpkg/status.d/openssl.md5sums").contains("  usr/bin/openssl\n"));
}

#[test]
fn two_parts_of_one_package() {
    let both = deb("both")
        .file("usr/share/both/a", "a")
        .file("usr/share/both/b", "b");
    let context = Context::with_packages(vec![both]);
    let files = build(
        &context,
        "name: app\nfrom: base\npackages:\n- {name: both, only: [/usr/share/both/a]}\n- {name: both, only: [/usr/share/both/b]}\n",
    );
    assert!(files.contains_key("usr/share/both/a") && files.contains_key("usr/share/both/b"));
}

#[test]
fn parents_are_beside_the_definition_and_not_where_one_works() {
    let context = Context::new();
    let folder = context.work().join("defs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(context.work().join("low.yaml"), "name: wrong\n").unwrap();
    std::fs::write(
        folder.join("low.yaml"),
        "name: low\nfrom: base\nfiles: [{path: /low, from: data}]\n",
    )
    .unwrap();
    std::fs::write(folder.join("data"), "beside").unwrap();
    std::fs::write(folder.join("app.yaml"), "name: app\nfrom: ./low.yaml\n").unwrap();
    context.run(&["build", "defs/app.yaml"]);
    assert_eq!(
        text(&files(&context.work().join("app.tar")), "low"),
        "beside"
    );
}

#[test]
fn a_definition_may_have_the_name_of_the_image_that_it_stands_on() {
    let context = Context::new();
    let base = context.work().join("base.yaml");
    std::fs::write(base, "name: base\nfrom: base\npackages: [libffi8]\n").unwrap();
    context.run(&["build", "base.yaml"]);
    let own = layers(&context, &["base.tar"]);
    let catalogue = layers(&context, &["base"]);
    let (count, same) = (own.len(), &own[..catalogue.len()]);
    assert_eq!((count, same), (catalogue.len() + 1, &catalogue[..]));
}

#[test]
fn all_four_variants() {
    let context = Context::with_packages(vec![deb("app").executable("usr/bin/app", program())]);
    context.define(
        "name: app\nfrom: base\npackages: [app]\nconfig: {entrypoint: [app], workdir: /tmp}\n",
    );
    let latest = layers(&context, &["app.yaml"]);
    for (variant, user, more) in [
        ("latest", "0", 0),
        ("nonroot", "65532", 0),
        ("debug", "0", 1),
        ("debug-nonroot", "65532", 1),
    ] {
        let shown = show(&context, &[&format!("app.yaml:{variant}")]);
        assert_eq!(shown["config"]["user"], user, "{variant}");
        assert_eq!(shown["config"]["entrypoint"], json!(["app"]), "{variant}");
        let layers = layers(&context, &[&format!("app.yaml:{variant}")]);
        assert_eq!(
            (layers.len(), &layers[..latest.len()]),
            (latest.len() + more, &latest[..]),
            "{variant}"
        );
    }
}

#[test]
fn what_a_debug_variant_has_beside_busybox() {
    let tool = deb("tool").executable("usr/bin/tool", program());
    let context = Context::with_packages(vec![tool]);
    context.define("name: app\nfrom: base\ndebug: {packages: [tool]}\n");
    let listed = |name: &str| {
        let shown = show(&context, &[name, "--files"]);
        shown["files"].to_string().contains("/usr/bin/tool")
    };
    assert!(listed("app.yaml:debug") && !listed("app.yaml"));
}

#[test]
fn the_mirrors_of_a_definition() {
    let context = Context::new();
    let keyring = context.archive().join("keyring.gpg");
    let keyring = keyring.to_str().unwrap();
    let url = |folder: &Path| format!("file://{}", folder.display());
    let (main, security) = (url(context.archive()), url(context.security()));
    context.define(&format!(
        "name: app\nfrom: static\nmirrors: ['{main}', 'security={security}']\n"
    ));
    let build = ["build", "app.yaml", "--keyring", keyring];
    let mut command = context.bare(&build);
    let output = command
        .env("DISTIL_MIRROR", "file:///nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    // The command line goes before it.
    std::fs::remove_dir_all(context.store()).unwrap();
    let mut arguments = build.to_vec();
    arguments.extend(["--mirror", "file:///nowhere"]);
    let output = context.bare(&arguments).output().unwrap();
    let message = context.stderr(&output);
    assert!(
        !output.status.success() && message.contains("nowhere"),
        "{message}"
    );
    // And it holds for whoever stands on it.
    std::fs::write(
        context.work().join("high.yaml"),
        "name: high\nfrom: app.yaml\n",
    )
    .unwrap();
    let output = context
        .bare(&["build", "high.yaml", "--keyring", keyring])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
}

#[test]
fn the_command_line_alone() {
    let context = Context::with_packages(vec![deb("app").executable("usr/bin/app", program())]);
    let script = context.work().join("run");
    std::fs::write(&script, program()).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::write(context.work().join("ca.pem"), CORPORATE_CA.0).unwrap();
    let digest = context.run(&[
        "build",
        "base",
        "--add",
        "app",
        "--add",
        "libffi8",
        "--entrypoint",
        "/usr/bin/app -v",
        "--cmd",
        r#"["a b"]"#,
        "--env",
        "A=b=c",
        "--env",
        "B=",
        "--user",
        "nonroot",
        "--label",
        "vendor=Me",
        "--file",
        "run:/opt/run",
        "--file",
        "ca.pem:/opt/ca:0600",
        "--ca",
        "ca.pem",
        "-t",
        "me/app:1",
        "-t",
        "me/app",
        "-o",
        "oci-archive:app.tar",
    ]);
    assert!(digest.contains(" sha256:"), "{digest}");
    let path = context.work().join("app.tar");
    let made = config(&path);
    assert_eq!(made["Entrypoint"], json!(["/usr/bin/app", "-v"]));
    assert_eq!(made["Cmd"], json!(["a b"]));
    assert_eq!(made["User"], "65532");
    assert!(
        made["Env"].to_string().starts_with(r#"["A=b=c","B=","#),
        "{made}"
    );
    assert_eq!(made["Labels"]["org.opencontainers.image.vendor"], "Me");
    let files = files(&path);
    assert_eq!(files["opt/run"].mode, 0o755);
    assert_eq!(files["opt/ca"].mode, 0o600);
    assert!(files.contains_key("usr/lib/x86_64-linux-gnu/libffi.so.8"));
    let below = layers(&context, &["base"]);
    assert_eq!(layers(&context, &["app.tar"])[..below.len()], below);
    let archive = std::fs::read(&path).unwrap();
    let archive = String::from_utf8_lossy(&archive);
    assert!(archive.contains(r#""RepoTags":["me/app:1","me/app:latest"]"#));
}

/// The image of a definition is the same whatever the name of a file on this machine was.
#[test]
fn files_are_told_with_their_digests() {
    let context = Context::new();
    std::fs::create_dir(context.work().join("conf")).unwrap();
    std::fs::write(context.work().join("conf/app.ini"), "[a]\n").unwrap();
    std::fs::write(context.work().join("ca.pem"), CORPORATE_CA.0).unwrap();
    context.define(
        "name: app\nfrom: base\nfiles: [{path: /etc/app.ini, from: conf/app.ini}, {path: /x, text: x}]\ncertificates: {extra: [ca.pem]}\n",
    );
    let shown = show(&context, &["app.yaml"]);
    let local = shown["local_files"]
        .as_array()
        .or(shown["making"]["local_files"].as_array())
        .unwrap();
    assert_eq!(local.len(), 2, "{local:?}");
    assert_eq!(
        local[0],
        json!({"definition": "app", "from": "conf/app.ini", "path": "/etc/app.ini",
               "digest": format!("sha256:{}", sha256_hex(b"[a]\n")), "size": 4})
    );
    assert_eq!(
        (&local[1]["from"], &local[1]["path"]),
        (&json!("ca.pem"), &Value::Null)
    );
}

/// `$$` is a dollar sign, and what stands behind it is no variable.
#[test]
fn dollar_signs() {
    let context = Context::new();
    let files = build(
        &context,
        "name: app\nfrom: base\nfiles: [{path: /a, text: '$${suite} $HOME $'}]\nconfig: {env: {A: '$${suite}', B: '$HOME'}, labels: {a: '$$$${suite}'}}\n",
    );
    assert_eq!(text(&files, "a"), "${suite} $HOME $");
    let config = config(&context.work().join("app.tar"));
    assert_eq!(config["Env"][0], "A=${suite}");
    assert_eq!(config["Env"][1], "B=$HOME");
    assert_eq!(config["Labels"]["a"], "$${suite}");
}

#[test]
fn nothing_at_all_below() {
    let context = Context::with_packages(vec![deb("data").file("usr/share/data/x", "x")]);
    let files = build(&context, "name: app\npackages: [data]\n");
    assert!(files.contains_key("usr/share/data/x"));
    let files = build(&context, "name: app\nfiles: [{path: /x, text: x}]\n");
    assert!(files.contains_key("x"));
}

#[test]
fn nonroot_leaves_what_a_definition_says() {
    let context = Context::new();
    let built = |yaml: &str| {
        context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
        context.run(&["build", "app.yaml:nonroot", "--platform", "linux/amd64"]);
        let config = config(&context.work().join("app-nonroot.tar"));
        [&config["User"], &config["WorkingDir"]].map(|one| one.as_str().unwrap().to_owned())
    };
    assert_eq!(built(""), ["65532", "/home/nonroot"]);
    assert_eq!(built("config: {workdir: /tmp}"), ["65532", "/tmp"]);
    assert_eq!(built("config: {user: '1001'}"), ["1001", "/home/nonroot"]);
    assert_eq!(
        built("when: [{suite: trixie, config: {user: nobody, workdir: /}}]"),
        ["65534", "/"]
    );
    context.define("name: app\nfrom: base\nconfig: {user: root}\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml:nonroot"]), @"
    status 1
    error: `config` of definition `app`: the user is root, whom the variants `nonroot` and `debug-nonroot` are not for; leave `user` out, or build `latest`
     --> app.yaml:3:16
      |
    3 | config: {user: root}
      |                ^^^^
    ");
}

#[test]
fn a_program_that_was_left_out_or_is_for_another_machine_is_told_as_that() {
    let script = deb("script").executable("usr/bin/script", "#!/bin/sh\nexec true\n");
    let manual = deb("manual").executable("usr/share/man/man1/run", program());
    let context = Context::with_packages(vec![script, manual]);
    let fails = |yaml: &str| {
        context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
        context.fails(&["build", "app.yaml", "--platform", "linux/amd64"])
    };
    let yaml = "packages: [script]\nconfig: {entrypoint: [/bin/script]}";
    insta::assert_snapshot!(fails(yaml), @"
    status 1
    error: the `entrypoint` of `app` runs `/bin/script`, which package `script` ships and which is left out: it is a script for `/bin/sh`, which is not in the image
     --> app.yaml:4:23
      |
    4 | config: {entrypoint: [/bin/script]}
      |                       ^^^^^^^^^^^
    ");
    let said = fails("packages: [script]\nconfig: {entrypoint: [script]}");
    assert!(said.contains("it is a script for `/bin/sh`"), "{said}");
    let said = fails("packages: [manual]\nconfig: {cmd: [/usr/share/man/man1/run]}");
    assert!(
        said.contains("package `manual` ships and which is left out: manuals"),
        "{said}"
    );

    let write = |name: &str, bytes: Vec<u8>| {
        std::fs::write(context.work().join(name), bytes).unwrap();
    };
    write(
        "static",
        ElfBuilder::executable().machine(Machine::Aarch64).build(),
    );
    let yaml = "files: [{path: /app, from: static, mode: '0755'}]\nconfig: {entrypoint: [/app]}";
    let said = fails(yaml);
    assert!(said.contains("arm64 (64 bits)"), "{said}");
    write(
        "dynamic",
        ElfBuilder::executable()
            .machine(Machine::Arm)
            .needed("libc.so.6")
            .build(),
    );
    let said = fails("files: [{path: /app, from: dynamic, mode: '0755'}]");
    insta::assert_snapshot!(said, @"
    status 1
    error: the image would lack libraries that its files need:
      `/app` is run by `/lib/ld-linux-armhf.so.3`, which is not there
      `/app` is for arm (32 bits), which the image is not for

    hint: take the files that are for the image's platform, or build the image for theirs: `--platform`; `drop` leaves files of packages out
    ");
}
