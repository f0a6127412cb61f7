//! Several processes with one registry: each layer is made and uploaded once, and what comes of it is what one
//! process makes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use distil_live::context::workspace;
use distil_live::outcome::find_program;
use distil_live::registry::{self, PASSWORD, Registry};
use distil_live::{Context, Outcome, require};

use crate::IMAGES;

/// How many processes there are.
const PARTS: usize = 3;

/// Longer than they take together.
const LIMIT: Duration = Duration::from_secs(900);

/// A registry, and machines that know it: each has an empty store of its own.
struct Site {
    context: Context,
    registry: Registry,
    credentials: PathBuf,
}

impl Site {
    fn new() -> Option<Self> {
        if find_program(registry::PROGRAM).is_none() {
            require::missing("docker-registry is not installed");
            return None;
        }
        let context = Context::new();
        let registry = Registry::start(context.folder());
        Some(Self {
            credentials: registry.credentials(PASSWORD),
            context,
            registry,
        })
    }

    fn name(&self, rest: &str) -> String {
        format!("docker://{}/{rest}", self.registry.host())
    }

    /// What a machine does, by its store.
    fn on(&self, machine: &str, arguments: &[&str]) -> Outcome {
        let mut command: Command = self.context.command(arguments);
        command
            .env("DISTIL_STORE", self.context.path(machine))
            .arg("--authfile")
            .arg(&self.credentials);
        Outcome::of(&command, LIMIT).success()
    }

    /// The flags of a machine that uses the cache and fills it.
    fn cached(&self) -> Vec<String> {
        let key = |name: &str| {
            let keys = workspace().join("crates/distil-attest/tests/keys");
            keys.join(name).to_str().unwrap().to_owned()
        };
        let cache = self.name("team/cache");
        let flags = [
            "--cache",
            &cache,
            "--cache-key",
            &key("ecdsa.pub"),
            "--cache-to",
            &cache,
            "--cache-sign-key",
            &key("ecdsa.key"),
        ];
        flags.map(str::to_owned).into()
    }
}

/// The digest at the end of a line of `build`.
fn digest(built: &Outcome) -> String {
    let line = built.stdout();
    line.split_whitespace().last().unwrap().to_owned()
}

/// The digests of the layers that a process says it has made.
fn made(built: &Outcome) -> Vec<String> {
    let lines = built.stderr();
    let lines = lines.lines();
    let digests = lines.filter_map(|line| line.split_once("layer made digest="));
    digests
        .map(|(_, digest)| digest.trim().to_owned())
        .collect()
}

#[test]
fn parts_of_a_catalogue_make_each_layer_once() {
    let Some(site) = Site::new() else { return };
    let part = |number: usize| {
        let machine = format!("part-{number}");
        let shard = format!("{number}/{PARTS}");
        let mut results = Vec::new();
        for image in IMAGES {
            let to = site.name(&format!("team/{image}:1"));
            let mut arguments = vec!["build", image, "-v", "--suite", "trixie"];
            arguments.extend(["--platform", "linux/amd64", "-o", &to]);
            arguments.extend(["--shard", &shard, "--shard-wait", "600"]);
            let cached = site.cached();
            arguments.extend(cached.iter().map(String::as_str));
            let built = site.on(&machine, &arguments);
            if !built.stdout().is_empty() {
                results.push((image, digest(&built)));
            }
            results.extend(made(&built).into_iter().map(|layer| ("", layer)));
        }
        results
    };
    let results: Vec<Vec<(&str, String)>> = std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> = (1..=PARTS)
            .map(|number| scope.spawn(move || part(number)))
            .collect();
        parts.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (layers, images): (Vec<_>, Vec<_>) = results
        .into_iter()
        .flatten()
        .partition(|(image, _)| image.is_empty());
    let images: BTreeMap<&str, String> = images.into_iter().collect();
    let different: BTreeSet<&String> = layers.iter().map(|(_, layer)| layer).collect();
    assert!(different.len() >= IMAGES.len());
    assert_eq!(layers.len(), different.len(), "made twice: {layers:?}");
    let uploads = site.registry.uploads();
    for layer in different {
        let count = uploads.iter().filter(|one| *one == layer).count();
        assert_eq!(count, 1, "{layer} was uploaded {count} times");
    }
    // One process makes the same.
    for image in IMAGES {
        let alone = [
            "build",
            image,
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
            "-o",
            "oci:of-one",
        ];
        assert_eq!(digest(&site.on("alone", &alone)), images[image], "{image}");
    }
}

#[test]
fn platforms_of_two_processes_are_the_index_of_one() {
    let Some(site) = Site::new() else { return };
    let build = |machine: &str, platform: &str, to: &str| {
        let to = site.name(to);
        let mut arguments = vec!["build", "base", "--suite", "trixie"];
        arguments.extend(["--platform", platform, "-o", &to]);
        let cached = site.cached();
        if machine != "alone" {
            arguments.extend(cached.iter().map(String::as_str));
        }
        digest(&site.on(machine, &arguments))
    };
    std::thread::scope(|scope| {
        for arch in ["amd64", "arm64"] {
            let build = &build;
            scope
                .spawn(move || build(arch, &format!("linux/{arch}"), &format!("team/base:{arch}")));
        }
    });
    let joined = site.on(
        "other",
        &[
            "push",
            &site.name("team/base:amd64"),
            &site.name("team/base:1"),
            "--index",
            &site.name("team/base:arm64"),
        ],
    );
    let alone = build("alone", "linux/amd64,linux/arm64", "alone/base:1");
    assert_eq!(joined.stdout().trim(), alone);
    // A machine with an empty store takes both, and makes nothing.
    let cached = site.cached();
    let to = site.name("third/base:1");
    let mut arguments = vec!["build", "base", "-v", "--suite", "trixie"];
    arguments.extend(["--platform", "linux/amd64,linux/arm64", "-o", &to]);
    arguments.extend(cached.iter().map(String::as_str));
    let third = site.on("third", &arguments);
    assert_eq!((digest(&third), made(&third)), (alone, Vec::new()));
}
