//! The same inputs give the same bytes, whoever builds, when and where.

use std::process::Command;
use std::time::Duration;

use distil_live::context::{DISTIL, store};
use distil_live::{Archive, Context, Outcome};

use crate::python;

const BUILD: [&str; 8] = [
    "build",
    "python3",
    "--suite",
    "trixie",
    "--platform",
    "linux/amd64",
    "-t",
    "distil-test/same:1",
];

fn archive_bytes(context: &Context) -> Vec<u8> {
    std::fs::read(context.path("python3.tar")).unwrap()
}

#[test]
fn folder_umask_zone_locale_store_and_cores_change_nothing() {
    let here = Context::new();
    here.distil(BUILD).success();

    // Elsewhere, from an empty store, in another shell's surroundings, on one core.
    let there = Context::new();
    let script = "umask 077; exec taskset -c 0 \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(DISTIL.as_path())
        .args(BUILD)
        .current_dir(there.folder())
        .env("DISTIL_STORE", there.path("another-store"))
        .env("TZ", "Asia/Kathmandu")
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("HOME", there.path("nobody"));
    Outcome::of(&command, Duration::from_secs(600)).success();

    assert!(
        archive_bytes(&here) == archive_bytes(&there),
        "the archives differ"
    );
}

#[test]
fn source_date_epoch_changes_created_and_no_content() {
    let context = Context::new();
    let mut command = context.command(BUILD);
    // 2023-11-14T22:13:20Z.
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    Outcome::of(&command, Duration::from_secs(600)).success();
    let then = Archive::open(&context.path("python3.tar")).image("amd64");
    let now = python().build();
    assert_eq!(then.config["created"], "2023-11-14T22:13:20Z");
    assert_ne!(now.image().config["created"], "2023-11-14T22:13:20Z");
    assert_eq!(
        then.rootfs().difference(&now.rootfs()),
        Vec::<String>::new()
    );
}

#[test]
fn a_build_from_a_full_store_leaves_the_same_archive() {
    let context = Context::new();
    context.distil(BUILD).success();
    let first = archive_bytes(&context);
    let mut again = context.command(BUILD);
    again.env("DISTIL_STORE", store());
    Outcome::of(&again, Duration::from_secs(600)).success();
    assert!(first == archive_bytes(&context), "the archives differ");
}

/// What a lock names is copied into a directory, and built from there: without network, as another user,
/// on another file system, in another year.
#[test]
fn a_vendored_directory_is_enough_for_anybody_anywhere() {
    let context = Context::new();
    let yaml = "name: app\nfrom: python3\npackages: [libpq5]\n";
    context.write("app.yaml", yaml);
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    context
        .distil(["lock", "app.yaml", platforms[0], platforms[1]])
        .success();
    let output = ["-o", "oci-archive:app.tar", "--quiet", "--locked"];
    let build = [&["build", "app.yaml"], &platforms[..], &output].concat();
    let here = context.distil(&build).success();
    context
        .distil(["vendor", "app.yaml", "--to", "vendor"])
        .success();
    let again = context
        .distil(["vendor", "app.yaml", "--to", "vendor"])
        .success();
    assert!(
        again.stderr().contains("; 0 of them are new"),
        "{}",
        again.stderr()
    );
    context.distil(["vendor", "--check", "vendor"]).success();

    // In memory, where nothing of this user is.
    let memory = tempfile::Builder::new()
        .prefix("distil-live.")
        .tempdir_in("/dev/shm")
        .unwrap();
    std::fs::copy(DISTIL.as_path(), context.path("distil")).unwrap();
    let script = "umask 077; exec taskset -c 0 faketime '2031-05-06 07:08:09' \"$@\"";
    let mirror = format!("file:{}", context.path("vendor").display());
    let open = "chmod -R a+rX \"$1\" && chmod 777 \"$2\"";
    let paths = [context.folder(), memory.path()];
    let chmod = Command::new("sh")
        .args(["-c", open, "sh"])
        .args(paths)
        .status()
        .unwrap();
    assert!(chmod.success());
    let mut there = Command::new("unshare");
    there
        .args([
            "--net",
            "setpriv",
            "--reuid",
            "4321",
            "--regid",
            "4321",
            "--clear-groups",
        ])
        .args(["sh", "-c", script, "sh"])
        .arg(context.path("distil"))
        .arg("build")
        .arg(context.path("app.yaml"))
        .args(platforms)
        .args(output)
        .args(["--offline", "--mirror", &mirror])
        .current_dir(memory.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", memory.path())
        .env("TMPDIR", memory.path())
        .env("TZ", "Asia/Kathmandu")
        .env("LC_ALL", "tr_TR.UTF-8");
    let there = Outcome::of(&there, Duration::from_secs(600)).success();
    assert_eq!(here.stdout(), there.stdout());
    let archive = std::fs::read(memory.path().join("app.tar")).unwrap();
    assert!(
        std::fs::read(context.path("app.tar")).unwrap() == archive,
        "the archives differ"
    );
    // And it can be made again from what was published.
    context
        .distil(["rebuild", "app.tar", "app.yaml", "--locked"])
        .success();
}
