//! Finished images taken from a registry that another machine filled, and parts of a catalogue.

use std::fs;
use std::path::Path;

use crate::context::Context;
use crate::registry::{Fault, Registry, Step, Ways, status};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../distil-attest/tests/keys");

fn key(name: &str) -> String {
    format!("{KEYS}/{name}")
}

/// Two machines with one archive and one registry: the second one has an empty store.
struct Machines {
    context: Context,
    registry: Registry,
}

impl Machines {
    /// The first one has built an image, whose digest is given, and filled the cache.
    fn new() -> (Self, String) {
        let machines = Self {
            context: Context::new(),
            registry: Registry::start(Ways::default()),
        };
        let (digest, said) = machines.fill("ecdsa.key");
        assert!(!said.contains("cache"), "{said}");
        machines.forget();
        (machines, digest)
    }

    fn cache(&self) -> String {
        format!("docker://{}/team/cache", self.registry.host)
    }

    fn forget(&self) {
        fs::remove_dir_all(self.context.store()).unwrap();
        let _ = fs::remove_file(self.context.work().join("base.tar"));
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        let output = self.context.command(arguments).output().unwrap();
        let said = self.context.stderr(&output);
        let said = said.replace(&self.registry.host, "[HOST]");
        assert!(output.status.success(), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    fn fill(&self, signer: &str) -> (String, String) {
        let (cache, signer) = (self.cache(), key(signer));
        self.run(&[
            "build",
            "base",
            "--cache-to",
            &cache,
            "--cache-sign-key",
            &signer,
        ])
    }

    fn use_cache(&self, trusted: &str) -> (String, String) {
        let (cache, trusted) = (self.cache(), key(trusted));
        self.run(&["build", "base", "--cache", &cache, "--cache-key", &trusted])
    }

    fn is_used(&self) -> bool {
        // An image that is taken needs no package.
        let packages = fs::read_dir(self.context.store().join("keys")).unwrap();
        let names: Vec<_> = packages.map(|one| one.unwrap().file_name()).collect();
        !names
            .iter()
            .any(|name| name == "package" || name == "layer")
    }
}

#[test]
fn an_empty_store_takes_what_another_machine_made() {
    let (machines, digest) = Machines::new();
    fs::remove_dir_all(machines.context.archive().join("pool")).unwrap();
    let (again, said) = machines.use_cache("ecdsa.pub");
    assert_eq!(again, digest, "{said}");
    assert!(machines.is_used() && !said.contains("cache"), "{said}");
    machines.context.run(&["check", "base.tar"]);
    // From now on it is as if it had been made here.
    let asked = machines.registry.count(Step::GetBlob);
    assert_eq!(machines.run(&["build", "base"]).0, digest);
    assert_eq!(machines.registry.count(Step::GetBlob), asked);
}

#[test]
fn an_entry_is_written_once() {
    let (machines, digest) = Machines::new();
    let uploads = machines.registry.count(Step::Finish);
    assert!(uploads > 0);
    let (again, said) = machines.fill("ecdsa.key");
    assert_eq!(
        (again.as_str(), machines.registry.count(Step::Finish)),
        (digest.as_str(), uploads),
        "{said}"
    );
}

#[test]
fn what_nobody_trusted_has_signed_is_not_used() {
    let (machines, digest) = Machines::new();
    let (again, said) = machines.use_cache("other.pub");
    assert_eq!(again, digest);
    assert!(!machines.is_used());
    insta::assert_snapshot!(warnings(&said), @"note: the cache `[HOST]/team/cache` is not used: its entry `image-[DIGEST]` is not signed by a trusted key");
}

/// The lines about the cache.
fn warnings(said: &str) -> String {
    let lines = said.lines().filter(|line| line.contains("cache"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The record or the layers of the entry become something else, under the same digest.
fn change(registry: &Registry, change: impl Fn(&mut Vec<u8>)) {
    for bytes in registry.state().blobs.values_mut() {
        change(bytes);
    }
}

#[test]
fn a_cache_that_lies_or_lacks_something_is_told_of_and_not_used() {
    type Break = fn(&Machines);
    let cases: [(&str, Break); 9] = [
        ("bytes changed", |machines| {
            change(&machines.registry, |bytes| {
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 1;
                }
            });
        }),
        ("cut", |machines| {
            change(&machines.registry, |bytes| bytes.truncate(bytes.len() / 2))
        }),
        ("no blobs", |machines| {
            machines.registry.state().blobs.clear()
        }),
        ("layers lost", |machines| {
            machines
                .registry
                .state()
                .blobs
                .retain(|_, bytes| bytes.starts_with(b"{"));
        }),
        ("not an entry", |machines| {
            let to = format!("{}:x", machines.cache());
            machines
                .context
                .run(&["build", "static", "--quiet", "-o", &to]);
            let mut state = machines.registry.state();
            let image = state.tags[&("team/cache".to_owned(), "x".to_owned())].clone();
            for tag in state.tags.values_mut() {
                tag.clone_from(&image);
            }
            drop(state);
            machines.forget();
        }),
        ("a page", |machines| {
            machines.registry.fail(Step::Tag, 1000, Fault::Page)
        }),
        ("refused", |machines| {
            for step in [Step::Tag, Step::GetBlob] {
                machines.registry.fail(step, 1000, status(403));
            }
        }),
        ("reset", |machines| {
            machines.registry.fail(Step::GetBlob, 1000, Fault::Reset(0))
        }),
        ("another key's entry", |machines| {
            let mut state = machines.registry.state();
            let other = state.manifests.values().next().unwrap().1.clone();
            let text = String::from_utf8(other).unwrap().replace("MEU", "MEQ");
            for (_, bytes) in state.manifests.values_mut() {
                *bytes = text.clone().into_bytes();
            }
        }),
    ];
    let mut told = String::new();
    for (name, break_it) in cases {
        let (machines, digest) = Machines::new();
        break_it(&machines);
        let (again, said) = machines.use_cache("ecdsa.pub");
        assert_eq!(again, digest, "{name}: {said}");
        assert!(!machines.is_used(), "{name}: {said}");
        told.push_str(&format!("{name}: {}\n", warnings(&said)));
    }
    insta::assert_snapshot!(told, @"
    bytes changed: note: the cache `[HOST]/team/cache` is not used: its entry `image-[DIGEST]` cannot be read: the content of `sha256:[DIGEST]` has the digest `sha256:[DIGEST]`
    cut: note: the cache `[HOST]/team/cache` is not used: its entry `image-[DIGEST]` cannot be read: the content of `sha256:[DIGEST]` is 2184 bytes long instead of 4368
    no blobs: note: the cache `[HOST]/team/cache` is not used: its entry `image-[DIGEST]` cannot be read: the registry at `[HOST]` answered 404 when asked for `blobs/sha256:[DIGEST]`: blob_unknown
    layers lost: note: the cache `[HOST]/team/cache` is not used: the layer `sha256:[DIGEST]` cannot be cut into its pieces: the registry at `[HOST]` answered 404 when asked for `blobs/sha256:[DIGEST]`: blob_unknown
    not an entry: note: the cache `[HOST]/team/cache` is not used: what is tagged `image-[DIGEST]` is not an entry of a cache of this version of distil
    a page: note: the cache `[HOST]/team/cache` is not used: failed to read an image from `docker://[HOST]/team/cache:image-[DIGEST]`: `text/html` is not the media type of an image
    refused: note: the cache `[HOST]/team/cache` is not used: failed to read an image from `docker://[HOST]/team/cache:image-[DIGEST]`: the registry at `[HOST]` does not let everybody read `team/cache`: fault
    reset: note: the cache `[HOST]/team/cache` is not used: its entry `image-[DIGEST]` cannot be read: the conversation with the registry at `[HOST]` failed: failed to fetch `http://[HOST]/v2/team/cache/blobs/sha256:[DIGEST]`: error sending request: client error (SendRequest): connection closed before message completed
    another key's entry: note: the cache `[HOST]/team/cache` is not used: failed to read an image from `docker://[HOST]/team/cache:image-[DIGEST]`: the registry at `[HOST]` sent a manifest with the digest `sha256:[DIGEST]` and said that it is `sha256:[DIGEST]`
    ");
}

#[test]
fn an_entry_of_other_inputs_does_not_pass_for_one_of_these() {
    let (machines, digest) = Machines::new();
    // As somebody does who may write to the registry, and has a signed entry of an older state.
    let (cache, signer) = (machines.cache(), key("ecdsa.key"));
    machines.run(&[
        "build",
        "static",
        "-o",
        "oci:x",
        "--cache-to",
        &cache,
        "--cache-sign-key",
        &signer,
    ]);
    {
        let mut state = machines.registry.state();
        let images = state.tags.iter_mut();
        let images = images.filter(|((_, tag), _)| tag.starts_with("image-"));
        let mut digests: Vec<&mut String> = images.map(|(_, digest)| digest).collect();
        let [first, second] = digests.as_mut_slice() else {
            panic!("{digests:?}");
        };
        std::mem::swap(*first, *second);
    }
    machines.forget();
    let (again, said) = machines.use_cache("ecdsa.pub");
    assert_eq!(again, digest);
    assert!(said.contains("is not signed by a trusted key"), "{said}");
}

#[test]
fn a_cache_that_takes_nothing_fails_no_build() {
    let context = Context::new();
    for (step, fault) in [
        (Step::Begin, status(403)),
        (Step::Finish, status(413)),
        (Step::Finish, status(507)),
        (Step::Tag, status(429)),
    ] {
        let registry = Registry::start(Ways::default());
        registry.fail(step, 1000, fault);
        let machines = Machines {
            context: Context::new(),
            registry,
        };
        let (_, said) = machines.fill("ecdsa.key");
        assert!(said.contains("is not used: failed to write"), "{said}");
        assert!(Path::new(&machines.context.work().join("base.tar")).exists());
        // Nothing is half there.
        assert!(machines.registry.state().tags.is_empty());
    }
    drop(context);
}

#[test]
fn flags_of_a_cache_that_cannot_work_are_refused() {
    let context = Context::new();
    let said = |arguments: &[&str]| {
        let all = [&["build", "base"], arguments].concat();
        context.fails(&all).replace(KEYS, "[KEYS]")
    };
    let (public, private) = (key("ecdsa.pub"), key("ecdsa.key"));
    let cache = "docker://localhost:1/cache";
    insta::assert_snapshot!(said(&["--cache", cache]), @"
    status 2
    error: `--cache` names no key, and an entry of a cache counts only if a trusted key has signed it

    hint: name the public key of the machine that fills it: `--cache-key cache.pub`
    ");
    insta::assert_snapshot!(said(&["--cache-key", &public]), @"
    status 2
    error: `--cache-key` is about a cache, and there is no `--cache`

    hint: name its repository: `--cache docker://REGISTRY/cache`
    ");
    insta::assert_snapshot!(said(&["--cache-to", cache]), @"
    status 2
    error: `--cache-to` names no key, and nobody uses what is not signed

    hint: name the private key that signs entries: `--cache-sign-key cache.key`
    ");
    insta::assert_snapshot!(said(&["--cache-sign-key", &private]), @"
    status 2
    error: `--cache-sign-key` signs what `--cache-to` writes, which is not there

    hint: name the repository: `--cache-to docker://REGISTRY/cache`
    ");
    insta::assert_snapshot!(said(&["--cache", "oci:x", "--cache-key", &public]), @"
    status 2
    error: `--cache oci:x` is not in a registry

    hint: a repository is written `docker://REGISTRY/NAME`; the tags in it are distil's
    ");
    insta::assert_snapshot!(said(&["--cache", "docker://localhost:1/cache:x", "--cache-key", &public]), @"
    status 2
    error: `--cache docker://localhost:1/cache:x` names a tag or a digest

    hint: a repository is written `docker://REGISTRY/NAME`; the tags in it are distil's
    ");
    insta::assert_snapshot!(said(&["--cache", cache, "--cache-key", &private]), @"
    status 2
    error: `[KEYS]/ecdsa.key` cannot be used as a key: it is a private key, and verifying takes the public key

    hint: `openssl pkey -in KEY -pubout` prints the public key of one
    ");
    insta::assert_snapshot!(said(&["--shard", "17/16"]), @"
    status 2
    error: `17/16` is out of range: parts are counted from 1 to 16
    ");
    insta::assert_snapshot!(said(&["--shard", "0/16"]), @"
    status 2
    error: `0/16` is out of range: parts are counted from 1 to 16
    ");
    insta::assert_snapshot!(said(&["--shard", "3"]), @"
    status 2
    error: `3` is not a part of several, such as `3/16`
    ");
}

#[test]
fn parts_together_make_each_image_once() {
    let names = ["static", "base-nossl", "base", "cc"];
    let mut made = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let context = Context::new();
        let arguments = [&["build", "--shard", part], &names[..]].concat();
        context.run(&arguments);
        made.extend(context.files());
    }
    made.sort();
    assert_eq!(made, ["base-nossl.tar", "base.tar", "cc.tar", "static.tar"]);
}

#[test]
fn platforms_that_different_machines_pushed_are_joined_to_what_one_would_have_pushed() {
    let registry = Registry::start(Ways {
        mounts: true,
        ..Ways::default()
    });
    let place = |rest: &str| format!("docker://{}/{rest}", registry.host);
    let one = Context::new();
    let whole = one.run(&[
        "build",
        "base",
        "--platform",
        "linux/amd64,linux/arm64",
        "--quiet",
        "-o",
        &place("whole:1"),
    ]);
    for platform in ["amd64", "arm64"] {
        let machine = Context::new();
        let to = place(&format!("parts:{platform}"));
        machine.run(&[
            "build",
            "base",
            "--platform",
            &format!("linux/{platform}"),
            "--quiet",
            "-o",
            &to,
        ]);
    }
    let joined = one.run_bare(&[
        "push",
        &place("parts:amd64"),
        &place("parts:1"),
        "--index",
        &place("parts:arm64"),
    ]);
    assert_eq!(joined, whole);
    assert_eq!(registry.tag("parts", "1"), registry.tag("whole", "1"));
    let failed = one.bare(&[
        "push",
        &place("parts:amd64"),
        &place("parts:2"),
        "--index",
        &place("parts:amd64"),
    ]);
    let said = one.failure(&mut { failed });
    assert!(said.contains("linux/amd64"), "{said}");
    assert_eq!(registry.tag("parts", "2"), None);
}

#[test]
fn layers_of_other_images_are_taken() {
    let (machines, _) = Machines::new();
    let (cache, trusted) = (machines.cache(), key("ecdsa.pub"));
    let arguments = ["build", "cc", "--quiet", "-o", "oci:x"];
    let with = [
        &arguments[..],
        &["--cache", &cache, "--cache-key", &trusted],
    ]
    .concat();
    let (digest, said) = machines.run(&with);
    assert!(said.is_empty(), "{said}");
    assert_eq!(digest, Context::new().run(&arguments));
    let asked = machines
        .registry
        .state()
        .log
        .iter()
        .filter(|(step, _)| *step == Step::GetBlob)
        .count();
    // The record of each layer of base, and the layer.
    assert!(asked >= 4, "{asked}");
}
