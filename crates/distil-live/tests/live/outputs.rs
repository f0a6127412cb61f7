//! Where an image can be written to, and who can read it there.

use distil_live::outcome::find_program;
use distil_live::{Archive, Context, Engine, Outcome, require};
use serde_json::Value;

use crate::python;

/// Builds the image that every test here looks at, to where `arguments` say.
fn build<'a>(context: &Context, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
    let common = [
        "build",
        "python3",
        "--suite",
        "trixie",
        "--platform",
        "linux/amd64",
    ];
    context
        .distil(common.into_iter().chain(arguments))
        .success()
}

/// `skopeo`, which needs no policy to read what we just built.
fn skopeo<'a>(context: &Context, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
    context.run("skopeo", ["--insecure-policy"].into_iter().chain(arguments))
}

pub(crate) fn skopeo_is_missing() -> bool {
    let missing = find_program("skopeo").is_none();
    if missing {
        require::missing("skopeo is not installed");
    }
    missing
}

#[test]
fn an_archive_in_this_folder_is_the_default() {
    let context = Context::new();
    let older = context.write("python3.tar", "an older file");
    let built = build(&context, []);
    assert!(
        built.stderr().contains("python3.tar"),
        "it is said\n{}",
        built.report()
    );
    let archive = Archive::open(&older);
    let digest = archive.top()["digest"].as_str().unwrap().to_owned();
    assert_eq!(
        built.stdout().trim(),
        format!("python3:latest linux/amd64 trixie {digest}"),
        "a line for the image is on standard output"
    );
    let files: Vec<_> = std::fs::read_dir(context.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(
        files,
        ["python3.tar"],
        "nothing else is left in the directory"
    );
    // The file is nobody else's than any other file that this user makes.
    context.write("other", "");
    let mode = |name| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(context.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("python3.tar"), mode("other"));
}

#[test]
fn the_default_name_names_the_variant() {
    let context = Context::new();
    context
        .distil([
            "build",
            "python3:debug",
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
        ])
        .success();
    let archive = Archive::open(&context.path("python3-debug.tar"));
    let manifest = archive.json("manifest.json");
    assert_eq!(
        manifest[0]["RepoTags"],
        serde_json::json!(["python3:debug"])
    );
}

#[test]
fn all_spellings_of_the_archive_are_one() {
    let context = Context::new();
    build(
        &context,
        ["-o", "oci-archive:a.tar", "-o", "docker-archive:b.tar"],
    );
    build(&context, []);
    let bytes = |name| std::fs::read(context.path(name)).unwrap();
    assert!(
        bytes("a.tar") == bytes("b.tar"),
        "oci-archive and docker-archive differ"
    );
    assert!(
        bytes("a.tar") == bytes("python3.tar"),
        "the default differs"
    );
}

#[test]
fn an_archive_has_one_descriptor_and_one_manifest() {
    let archive = python().build().archive();
    assert_eq!(archive.json("oci-layout")["imageLayoutVersion"], "1.0.0");
    archive.top();
    let manifest = archive.json("manifest.json");
    assert_eq!(manifest.as_array().unwrap().len(), 1, "{manifest}");
    for name in manifest[0]["Layers"].as_array().unwrap() {
        assert!(
            archive.names().any(|file| Some(file) == name.as_str()),
            "{name} is not in the archive"
        );
    }
}

#[test]
fn skopeo_reads_every_kind() {
    if skopeo_is_missing() {
        return;
    }
    let context = Context::new();
    build(
        &context,
        [
            "-o",
            "oci-archive:python3.tar",
            "-o",
            "oci:layout",
            "-t",
            "python3:1",
        ],
    );
    let expected = Archive::open(&context.path("python3.tar"))
        .image("amd64")
        .diff_ids();
    for (number, from) in [
        "oci-archive:python3.tar",
        "docker-archive:python3.tar",
        "oci:layout",
    ]
    .iter()
    .enumerate()
    {
        let folder = format!("copy-{number}");
        skopeo(
            &context,
            ["copy", "--quiet", from, &format!("oci:{folder}:it")],
        )
        .success();
        let copied = Archive::open_layout(&context.path(&folder)).image("amd64");
        assert_eq!(copied.diff_ids(), expected, "{from}");
        let inspected = skopeo(&context, ["inspect", from]).success().json();
        assert_eq!(inspected["Architecture"], "amd64", "{from}");
        let labels = inspected["Labels"]
            .as_object()
            .unwrap_or_else(|| panic!("{from}: no labels"));
        for label in ["title", "description", "source", "version", "created"] {
            let name = format!("org.opencontainers.image.{label}");
            assert!(
                labels.contains_key(&name),
                "{from}: no {name} in {labels:?}"
            );
        }
    }
}

#[test]
fn manifests_carry_the_annotations() {
    let image = python().build().image();
    let annotations = image.manifest["annotations"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for name in ["source", "version", "created"] {
        let name = format!("org.opencontainers.image.{name}");
        assert!(
            annotations.contains_key(&name),
            "no {name} in {annotations:?}"
        );
    }
    let created = annotations["org.opencontainers.image.created"]
        .as_str()
        .unwrap();
    assert_eq!(image.config["created"], Value::from(created));
    assert!(
        !created.starts_with("1970"),
        "`created` is the newest time in the tree: {created}"
    );
}

#[test]
fn a_folder_gets_an_oci_layout_with_the_same_image() {
    let context = Context::new();
    build(
        &context,
        ["-o", "oci:layout:1.0", "-o", "oci-archive:python3.tar"],
    );
    let layout = Archive::open_layout(&context.path("layout"));
    let top = layout.top();
    assert_eq!(
        top["digest"],
        Archive::open(&context.path("python3.tar")).top()["digest"]
    );
    assert_eq!(
        top["annotations"]["org.opencontainers.image.ref.name"],
        "1.0"
    );
    layout.image("amd64");
}

#[test]
fn a_docker_daemon_gets_the_image_directly() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let name = "distil-test/straight-to-docker:1";
    build(&context, ["-o", &format!("docker-daemon:{name}")]);
    docker
        .container(name)
        .args(["-c", "print('straight')"])
        .output()
        .success()
        .mentions("straight");
    let files = std::fs::read_dir(context.folder()).unwrap().count();
    assert_eq!(files, 0, "no archive was asked for");
}

#[test]
fn several_names_go_into_docker() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    build(
        &context,
        [
            "-t",
            "distil-test/one:1",
            "-t",
            "distil-test/two",
            "-o",
            "docker-archive:a.tar",
        ],
    );
    let archive = context.path("a.tar");
    docker
        .run_raw(["load", "-i", archive.to_str().unwrap()])
        .success();
    for name in ["distil-test/one:1", "distil-test/two:latest"] {
        docker.container(name).args(["-V"]).output().success();
    }
}

#[test]
fn an_archive_that_was_written_can_be_shown() {
    let context = Context::new();
    build(&context, ["-o", "oci:layout", "-o", "oci-archive:a.tar"]);
    let of = |place: &str| {
        context
            .distil(["show", place, "--format", "json"])
            .success()
            .json()
    };
    let (layout, archive) = (of("oci:layout"), of("a.tar"));
    assert_eq!(layout["packages"], archive["packages"]);
    assert_eq!(layout["layers"], archive["layers"]);
    assert_eq!(
        archive["layers"].as_array().unwrap().len(),
        python().build().image().layers.len()
    );
}
