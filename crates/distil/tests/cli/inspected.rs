//! Images of others, as `show`, `diff` and `check` read them: all three the same, and each layer once.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use distil_fixture::{Entry, EntryKind, Server, tar};
use distil_oci::layer::BytesBlob;
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{Compression, Image, Layer, LayerWriter, Registries, spec};
use serde_json::Value;

use crate::context::Context;

/// The image of these layers, written as an OCI layout.
fn write(context: &Context, name: &str, layers: &[&[Entry]]) -> Image {
    let packed = |entries: &&[Entry]| {
        let compression = Compression::Gzip { level: 1 };
        let mut writer = LayerWriter::new(Vec::new(), compression, NonZeroUsize::MIN);
        writer.write_all(&tar(entries, 0)).unwrap();
        let (bytes, facts) = writer.finish().unwrap();
        Layer::new(compression, &facts, Arc::new(BytesBlob(bytes.into())))
    };
    let layers: Vec<Layer> = layers.iter().map(packed).collect();
    let mut rootfs = spec::RootFs::default();
    rootfs.set_typ("layers".to_owned());
    rootfs.set_diff_ids(layers.iter().map(|one| one.diff_id().to_string()).collect());
    let mut config = spec::ImageConfiguration::default();
    config
        .set_os("linux".into())
        .set_architecture("amd64".into())
        .set_rootfs(rootfs);
    let image = Image::new(config, layers, [].into()).unwrap();
    let location = format!("oci:{}", context.work().join(name).display());
    let location = location.parse().unwrap();
    let content = image.clone().into();
    transport::write(
        &content,
        &location,
        &WriteOptions::new(&Registries::offline()),
    )
    .unwrap();
    image
}

fn json(context: &Context, arguments: &[&str]) -> Value {
    let all = [arguments, &["--format", "json"]].concat();
    let output = context.bare(&all).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", context.stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn shown(context: &Context, image: &str) -> Vec<String> {
    let view = json(context, &["show", image, "--files"]);
    let files = view["files"].as_array().unwrap().iter();
    let paths = files.map(|file| file["path"].as_str().unwrap().to_owned());
    paths.collect()
}

/// The paths of findings of a rule.
fn found(context: &Context, image: &str, rule: &str) -> Vec<String> {
    let report = json(context, &["check", image]);
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|one| one["rule"] == rule);
    let paths = findings.map(|one| one["path"].as_str().unwrap().to_owned());
    paths.collect()
}

/// An executable that `check` finds wherever it is.
fn setuid(path: &str) -> Entry {
    Entry::verbatim(path, EntryKind::File(b"x".to_vec())).mode(0o4755)
}

#[test]
fn show_and_check_read_the_same_image() {
    let context = Context::new();
    let base = [
        Entry::directory("usr"),
        Entry::directory("usr/bin"),
        Entry::directory("etc"),
        Entry::symlink("bin", "usr/bin"),
        setuid("etc/below"),
    ];
    let linked = [setuid("bin/tool")];
    let hidden = [setuid("etc/x"), Entry::file("etc/.wh.x", "")];
    let absolute = [setuid("/etc/absolute")];
    let opaque = [
        Entry::directory("etc"),
        setuid("etc/own"),
        Entry::file("etc/.wh..wh..opq", ""),
    ];
    for (layer, path) in [
        // A directory over a link, as engines on overlay have it, and a finding.
        (&linked[..], "/bin/tool"),
        // A whiteout is for the layers below.
        (&hidden, "/etc/x"),
        (&absolute, "/etc/absolute"),
        (&opaque, "/etc/own"),
    ] {
        write(&context, "image", &[&base, layer]);
        let files = shown(&context, "oci:image");
        assert!(files.contains(&path.to_owned()), "{path}: {files:?}");
        let setuid = found(&context, "oci:image", "setuid");
        let setuid: Vec<&String> = setuid.iter().filter(|one| *one != "/etc/below").collect();
        assert_eq!(setuid, [path]);
        let is_below = |paths: &[String]| paths.contains(&"/etc/below".to_owned());
        let is_hidden = path == "/etc/own";
        assert_eq!(is_below(&files), !is_hidden, "{path}");
        let doubts = found(&context, "oci:image", "ambiguous-layer");
        assert_eq!(doubts.is_empty(), path.starts_with("/etc/abs") || is_hidden);
        std::fs::remove_dir_all(context.work().join("image")).unwrap();
    }
}

/// What takes longer than this is not linear: the same tests took minutes, or 14 s where they were
/// compiled with all optimisations.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn ordinary_large_images_take_no_time() {
    let context = Context::new();
    let files = |mode| -> Vec<Entry> {
        let path = |number| format!("usr/share/d{}/f{number}", number % 100);
        let file = |number: usize| Entry::file(&path(number), "x").mode(mode);
        let mut entries = vec![Entry::directory("usr"), Entry::directory("usr/share")];
        entries.extend((0..100).map(|number| Entry::directory(&format!("usr/share/d{number}"))));
        entries.extend((0..30_000).map(file));
        entries
    };
    let hidden = |number: usize| {
        let path = format!("usr/share/d{}/.wh.f{number}", number % 100);
        Entry::file(&path, "")
    };
    let whiteouts: Vec<Entry> = (0..20_000).map(hidden).collect();
    write(&context, "one", &[&files(0o644)]);
    // As `chown -R` does.
    write(&context, "two", &[&files(0o644), &files(0o600)]);
    write(&context, "three", &[&files(0o644), &whiteouts]);
    let start = Instant::now();
    let view = json(&context, &["show", "oci:three", "--files"]);
    let count = |view: &Value| view["files"].as_array().unwrap().len();
    assert_eq!(count(&view), 30_000 - 20_000 + 102);
    let diff = json(&context, &["diff", "oci:one", "oci:two"]);
    assert_eq!(count(&diff), 30_000);
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
}

/// Whatever differs is told, however little it means.
#[test]
fn documents_that_differ_where_nothing_else_does() {
    let context = Context::new();
    let image = write(&context, "one", &[&[Entry::file("x", "x")]]);
    let write_as = |name: &str, config: spec::ImageConfiguration, notes: &[(&str, &str)]| {
        let notes = notes
            .iter()
            .map(|(key, note)| ((*key).into(), (*note).into()));
        let other = Image::new(config, image.layers().to_vec(), notes.collect()).unwrap();
        let location = format!("oci:{}", context.work().join(name).display());
        let registries = Registries::offline();
        let options = WriteOptions::new(&registries);
        transport::write(&other.into(), &location.parse().unwrap(), &options).unwrap();
    };
    let told = |other: &str| {
        let mut diff = context.bare(&["diff", "oci:one", other]);
        let output = diff.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", context.stderr(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, documents) = text.split_once("DOCUMENT").unwrap();
        let lines: Vec<&str> = documents.lines().map(str::trim).collect();
        lines.join("\n")
    };
    let mut history = spec::History::default();
    history.set_comment(Some("a comment".to_owned()));
    let mut config = image.config().clone();
    config.set_history(Some(vec![history]));
    write_as("two", config.clone(), &[]);
    insta::assert_snapshot!(told("oci:two"), @r#"
    OLD  NEW
    /config/history  -    [{"comment":"a comment"}]
    "#);
    write_as("three", image.config().clone(), &[("a/b~c", "d")]);
    insta::assert_snapshot!(told("oci:three"), @r#"
    OLD  NEW
    /manifest/annotations  -    {"a/b~c":"d"}
    "#);
    let diff = json(&context, &["diff", "oci:one", "oci:three"]);
    insta::assert_snapshot!(diff["documents"].to_string(), @r#"[{"key":"/manifest/annotations","new":"{\"a/b~c\":\"d\"}","old":null}]"#);
    let diff = json(&context, &["diff", "oci:one", "oci:one"]);
    assert_eq!(
        (&diff["same"], &diff["documents"]),
        (&true.into(), &Value::Array(vec![]))
    );
}

/// A registry of files: what the specification has at an address is there.
fn serve(root: &Path, image: &Image, context: &Context) -> Server {
    let blobs = context.work().join("image/blobs/sha256");
    let of = |kind: &str| root.join("v2/app").join(kind);
    for kind in ["manifests", "blobs"] {
        std::fs::create_dir_all(of(kind)).unwrap();
    }
    for blob in std::fs::read_dir(&blobs).unwrap() {
        let name = blob.unwrap().file_name().into_string().unwrap();
        let digest = format!("sha256:{name}");
        let kind = match digest == image.digest().to_string() {
            true => "manifests",
            false => "blobs",
        };
        std::fs::copy(blobs.join(&name), of(kind).join(&digest)).unwrap();
        if kind == "manifests" {
            std::fs::copy(blobs.join(&name), of(kind).join("1")).unwrap();
        }
    }
    Server::start(root).unwrap()
}

#[test]
fn each_layer_of_a_registry_is_fetched_once() {
    let context = Context::new();
    let lower = [Entry::directory("etc"), Entry::file("etc/x", "x")];
    let image = write(&context, "image", &[&lower, &[Entry::file("etc/y", "y")]]);
    let root = tempfile::tempdir().unwrap();
    let server = serve(root.path(), &image, &context);
    let name = format!(
        "docker://{}/app:1",
        server.url().trim_start_matches("http://")
    );
    for command in ["show", "check"] {
        server.forget();
        json(&context, &[command, &name]);
        for layer in image.layers() {
            let path = format!("/v2/app/blobs/{}", layer.digest());
            assert_eq!(server.count(&path), 1, "{command}: {path}");
        }
    }
}
