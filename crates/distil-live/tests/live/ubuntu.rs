//! Images of Ubuntu's real packages, from a mirror that `DISTIL_TEST_UBUNTU_MIRROR` names, or that is beside the
//! mirror of Debian that apt uses. Not every machine that reaches one reaches the other, not even in CI: without a mirror
//! these tests are skipped and say so.

use std::sync::LazyLock;

use distil_live::{Context, require};
use serde_json::Value;

use crate::archives::debian_mirror;
use crate::scanners::scanner;

/// The mirror, and whether one that nobody named answers.
static MIRROR: LazyLock<Option<String>> = LazyLock::new(|| {
    let named = std::env::var("DISTIL_TEST_UBUNTU_MIRROR").unwrap_or_default();
    if !named.is_empty() {
        return Some(named);
    }
    let mirror = debian_mirror();
    let beside = format!(
        "{}ubuntu",
        mirror.trim_end_matches('/').strip_suffix("debian")?
    );
    // Reached as apt reaches it, proxies included.
    let release = format!("{beside}/dists/noble/InRelease");
    let fetched = Context::new().run(
        "/usr/lib/apt/apt-helper",
        ["download-file", &release, "InRelease"],
    );
    (fetched.status() == 0).then_some(beside)
});

/// The releases of Ubuntu that the catalogue has.
pub(crate) const SUITES: [&str; 2] = ["noble", "resolute"];

/// The mirror of Ubuntu; none, and a line says so, if none answers.
pub(crate) fn mirror() -> Option<&'static str> {
    if MIRROR.is_none() {
        require::skipped("no mirror of Ubuntu answers; DISTIL_TEST_UBUNTU_MIRROR names one");
    }
    MIRROR.as_deref()
}

fn build(context: &Context, image: &str, suite: &str, mirror: &str) {
    let arguments = ["build", image, "--suite", suite, "--mirror", mirror];
    let to = ["--platform", "linux/amd64", "-o", "oci-archive:image.tar"];
    context.distil(arguments.into_iter().chain(to)).success();
}

#[test]
fn the_catalogue_is_made_of_ubuntus_packages() {
    let Some(mirror) = mirror() else { return };
    let context = Context::new();
    let few = ["static", "cc", "python3:debug"];
    let all = [
        "static",
        "base-nossl",
        "base",
        "cc",
        "python3",
        "java-base",
        "java17",
        "java21",
        "java25",
        "python3:debug",
        "python3:dev",
    ];
    let images: &[&str] = if require::long() { &all } else { &few };
    for suite in SUITES {
        for image in images {
            build(&context, image, suite, mirror);
        }
    }
}

#[test]
fn its_programs_run() {
    let Some(mirror) = mirror() else { return };
    let context = Context::new();
    for (suite, python) in [("noble", "3.12"), ("resolute", "3.14")] {
        build(&context, "python3", suite, mirror);
        let code = "import ctypes, locale, sqlite3, ssl, sys; locale.setlocale(locale.LC_ALL, 'C.UTF-8'); print('%d.%d' % sys.version_info[:2])";
        let ran = context.distil(["run", "oci-archive:image.tar", "--", "-c", code]);
        assert_eq!(ran.success().stdout().trim(), python);
        build(&context, "java21", suite, mirror);
        let java = [
            "run",
            "oci-archive:image.tar",
            "--entrypoint",
            "/usr/bin/java",
            "--",
            "-version",
        ];
        let said = context.distil(java).success();
        let said = format!("{}{}", said.stdout(), said.stderr());
        assert!(said.contains("openjdk version \"21."), "{said}");
    }
}

#[test]
fn scanners_see_ubuntu() {
    let Some(mirror) = mirror() else { return };
    let (Some(syft), Some(trivy)) = (scanner("DISTIL_TEST_SYFT"), scanner("DISTIL_TEST_TRIVY"))
    else {
        return;
    };
    let context = Context::new();
    build(&context, "base", "noble", mirror);
    let image = ["oci-archive:image.tar", "-o", "json", "-q"];
    let found: Value = context.run(syft.to_str().unwrap(), image).success().json();
    assert_eq!(found["distro"]["id"], "ubuntu");
    assert_eq!(found["distro"]["versionID"], "24.04");
    let mut packages = found["artifacts"].as_array().unwrap().iter();
    let is_own = |one: &Value| {
        let purl = one["purl"].as_str().unwrap();
        purl.starts_with("pkg:deb/ubuntu/") && purl.contains("distro=ubuntu-24.04")
    };
    assert!(packages.all(is_own), "{}", found["artifacts"]);
    let image = [
        "image",
        "--input",
        "image.tar",
        "--format",
        "cyclonedx",
        "--offline-scan",
        "-q",
    ];
    let found: Value = context.run(trivy.to_str().unwrap(), image).success().json();
    let mut components = found["components"].as_array().unwrap().iter();
    let system = components
        .find(|one| one["type"] == "operating-system")
        .unwrap();
    assert_eq!(
        (&system["name"], &system["version"]),
        (&"ubuntu".into(), &"24.04".into())
    );
}
