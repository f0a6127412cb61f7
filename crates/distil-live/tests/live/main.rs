//! Live tests: the real command, Debian's real archive, real engines. `./test` runs them.
//!
//! One file a topic, all in one program, because every test program links anew. An image is built
//! once a run however many tests look at it (`distil_live::Request`).
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod additions;
mod applications;
mod archives;
mod attached;
mod bytecode;
mod catalogue;
mod certificates;
mod check;
mod debug;
mod dev;
mod dockerfiles;
mod health;
mod java;
mod java_applications;
mod keyless;
mod layers;
mod loader_cache;
mod manual;
mod metadata;
mod mistakes;
mod node;
mod outputs;
mod packaging;
mod parts;
mod platforms;
mod pnpm;
mod push;
mod python;
mod report;
mod reproducible;
mod run;
mod sarif;
mod sbom;
mod scale;
mod scanners;
mod schema;
mod sign;
mod surface;
mod system_files;
mod ubuntu;
mod variants;

use distil_live::{Request, Rootfs};

/// The suites that the catalogue promises.
const SUITES: [&str; 2] = ["trixie", "bookworm"];

/// The architectures that the catalogue promises.
const ARCHES: [&str; 2] = ["amd64", "arm64"];

/// The images of the catalogue, from the smallest; each is the ground of the next.
const IMAGES: [&str; 5] = ["static", "base-nossl", "base", "cc", "python3"];

/// The image that most tests look at: Python on trixie, for amd64.
fn python() -> Request {
    Request::catalogue("python3", "trixie", "amd64")
}

/// A variant of it.
fn python_variant(variant: &str) -> Request {
    Request::catalogue(&format!("python3:{variant}"), "trixie", "amd64")
}

/// Lets `check` look at the files of every image for every suite and architecture: its first
/// arguments say which.
fn each_image(check: impl Fn(Subject<'_>, &Rootfs)) {
    for name in IMAGES {
        for suite in SUITES {
            for arch in ARCHES {
                let image = Request::catalogue(name, suite, arch).build();
                check(Subject { name, suite, arch }, &image.rootfs());
            }
        }
    }
}

/// Which image a check looks at.
#[derive(Clone, Copy)]
struct Subject<'a> {
    name: &'a str,
    suite: &'a str,
    arch: &'a str,
}

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} of {} for {}",
            self.name, self.suite, self.arch
        )
    }
}
