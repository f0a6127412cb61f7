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
