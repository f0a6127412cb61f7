//! `distil list`: the catalogue, offline, on a day.

use crate::context::Context;

/// What is printed on 26 November 2026, with no archive in reach.
fn list(context: &Context, arguments: &[&str], epoch: &str) -> String {
    let mut command = context.bare(&["list"]);
    let output = command
        .args(arguments)
        .env("SOURCE_DATE_EPOCH", epoch)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_table_has_what_a_reader_chooses_by() {
    let context = Context::new();
    let table = list(&context, &[], "1795700000");
    // Of the images two, so that a new one changes no test.
    let words = [
        "IMAGE", "static", "python3", "SUITE", "bookworm", "trixie", "forky", "noble",
    ];
    let lines = table
        .lines()
        .filter(|line| words.contains(&line.split(' ').next().unwrap()));
    let lines: Vec<String> = lines
        .map(|line| {
            line.split("  ")
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    IMAGE| FROM|DESCRIPTION
    python3| cc|CPython and its standard library
    static|-| Certificates, time zones, accounts and the files that programs look for; no libc
    IMAGE|SUITE| RUNTIME|UPSTREAM SUPPORT
    python3|bookworm|3.11| until 2027-10-31
    python3|trixie|3.13| until 2029-10-31
    python3|forky| 3.14| until 2030-10-31
    python3|noble| 3.12| until 2028-10-31
    python3|resolute|3.14| until 2030-10-31
    SUITE| RELEASE| SUPPORT| LACKS
    bookworm|Debian 12| LTS team, until 2028-06-30; security team's ended 2026-07-11|linux/riscv64: Debian has made packages for it since trixie; linux/s390x: its security archive has none since long-term support began in July 2026
    trixie|Debian 13| security team, until 2028-08-09| -
    forky| Debian 14| not released yet; no security team|-
    noble| Ubuntu 24.04|security team, until 2029-05-31| -
    ");
}

#[test]
fn json_says_what_is_past() {
    let context = Context::new();
    let document = |epoch| -> serde_json::Value {
        serde_json::from_str(&list(&context, &["--format", "json"], epoch)).unwrap()
    };
    let python = |document: &serde_json::Value| {
        let images = document["images"].as_array().unwrap();
        let image = images.iter().find(|one| one["name"] == "python3").unwrap();
        let suites = image["by_suite"].as_array().unwrap();
        let bookworm = suites.iter().find(|one| one["suite"] == "bookworm");
        bookworm.unwrap().clone()
    };
    let now = document("1795700000");
    assert_eq!(now["schema_version"], 1);
    let bookworm = python(&now);
    assert_eq!(bookworm["runtime_version"], "3.11");
    assert_eq!(bookworm["upstream_support_until"], "2027-10-31");
    assert_eq!(bookworm["past_upstream_support"], false);
    let platforms = [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
        "linux/ppc64le",
    ];
    assert_eq!(bookworm["platforms"], serde_json::json!(platforms));
    assert_eq!(now["suites"][0]["support"], "long-term");
    assert_eq!(
        now["suites"][0]["missing_platforms"][0]["platform"],
        "linux/riscv64"
    );
    assert_eq!(now["suites"][2]["support"], "unreleased");

    // The first second of July 2028.
    let later = document("1846022400");
    assert_eq!(python(&later)["past_upstream_support"], true);
    assert_eq!(later["suites"][0]["support"], "ended");
}
