//! Images into registries: what is sent, in which order, and what becomes of faults at each step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod common;
mod registry;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use common::*;
use distil_net::{Client, Environment, Options};
use distil_oci::transport::{self, Progress, Way};
use distil_oci::{Artifact, DescribedBlob, Location, Manifest, Registries, WriteOptions, spec};
use proptest::prelude::*;
use registry::*;

/// Those on this machine, asked again at once.
fn quick() -> Registries {
    let nothing: [(&str, &str); 0] = [];
    let options = Options {
        backoff: Duration::from_millis(1),
        timeout: Duration::from_secs(5),
        ..Options::default()
    };
    let environment = Environment::of(nothing, "/nonexistent");
    Registries::new(Client::with_environment(options, environment))
}

impl Registry {
    fn location(&self, name: &str) -> Location {
        format!("docker://{}/{name}", self.host).parse().unwrap()
    }

    /// Pushes, and gives a message without the registry's port.
    fn push(&self, manifest: &Manifest, name: &str) -> Result<(), String> {
        let registries = quick();
        let options = WriteOptions::new(&registries);
        let written = transport::write(manifest, &self.location(name), &options);
        written.map_err(|error| chain(&error).replace(&self.host, "HOST"))
    }

    /// What is there, every byte of it.
    fn pulled(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        dump(&open(&self.location(name)).unwrap())
    }
}

/// How blobs got there.
#[derive(Default)]
struct Ledger(Mutex<Vec<Way>>);

impl Progress for Ledger {
    fn planned(&self, _: usize, _: u64) {}

    fn sent(&self, _: u64, way: Way) {
        self.0.lock().unwrap().push(way);
    }

    fn tagged(&self, _: &str, _: bool) {}
}

#[test]
fn what_was_pushed_is_what_is_pulled() {
    for ways in [
        Ways::default(),
        Ways {
            absolute: true,
            ..Ways::default()
        },
    ] {
        let registry = Registry::start(ways);
        let manifest = index(&["amd64", "arm64", "s390x"]);
        registry.push(&manifest, "team/app:1").unwrap();
        assert_eq!(registry.pulled("team/app:1"), dump(&manifest));
        // Three own layers, three configurations, and the layer that all share.
        assert_eq!(registry.count(Step::Finish), 7);
        let puts =
            |(step, line): &&(Step, String)| *step == Step::Manifest && line.starts_with("PUT");
        assert_eq!(registry.state().log.iter().filter(puts).count(), 4);
    }
}

#[test]
fn the_tag_moves_when_all_the_rest_is_there() {
    let registry = Registry::start(Ways::default());
    let manifest = index(&["amd64", "arm64"]);
    registry.push(&manifest, "app:1").unwrap();
    let state = registry.state();
    let last = |step| state.log.iter().rposition(|(one, _)| *one == step);
    let tag = state
        .log
        .iter()
        .position(|(step, line)| *step == Step::Tag && line.starts_with("PUT"));
    assert!(last(Step::Manifest) < tag && last(Step::Finish) < tag);
    let mut puts = state.log.iter().filter(|(step, _)| *step == Step::Manifest);
    let last_put = puts.next_back().unwrap();
    assert!(
        last_put.1.ends_with(&manifest.digest().to_string()),
        "the index after its images"
    );
}

#[test]
fn what_is_there_is_not_sent_again() {
    let registry = Registry::start(Ways::default());
    let manifest = index(&["amd64"]);
    registry.push(&manifest, "app:1").unwrap();
    let (sent, puts) = (registry.count(Step::Finish), registry.count(Step::Tag));
    registry.push(&manifest, "app:1").unwrap();
    assert_eq!(registry.count(Step::Finish), sent);
    assert_eq!(registry.count(Step::Tag), puts, "nor is the tag moved");
    // Of an image with one other layer, that layer and the configuration are sent.
    let before = registry.state().received;
    let other = image_of("amd64", vec![layer("shared", "all"), layer("own", "new")]);
    let size = other.layers()[1].size() + other.config_bytes().len() as u64;
    registry.push(&other.into(), "app:1").unwrap();
    assert_eq!(registry.state().received - before, size);
}

#[test]
fn several_tags_and_digests() {
    let registry = Registry::start(Ways::default());
    let manifest = Manifest::from(image("amd64"));
    let (registries, names) = (quick(), names(&["x:3.13", "x:latest", "y:3.13"]));
    let options = WriteOptions {
        names: &names,
        ..WriteOptions::new(&registries)
    };
    transport::write(&manifest, &registry.location("app"), &options).unwrap();
    let digest = Some(manifest.digest().to_string());
    assert_eq!(registry.tag("app", "3.13"), digest);
    assert_eq!(registry.tag("app", "latest"), digest);
    assert_eq!(registry.state().tags.len(), 2);
    registry
        .push(&manifest, &format!("other@{}", manifest.digest()))
        .unwrap();
    assert_eq!(registry.state().tags.len(), 2, "a digest needs no tag");
    let other = distil_store::Digest::of("other");
    let error = registry
        .push(&manifest, &format!("other@{other}"))
        .unwrap_err();
    assert!(error.contains("is to be written as"), "{error}");
}

#[test]
fn blobs_are_taken_from_another_repository_where_the_registry_does_that() {
    for (mounts, expected) in [(true, Way::Mounted), (false, Way::Uploaded)] {
        let registry = Registry::start(Ways {
            mounts,
            ..Ways::default()
        });
        let manifest = Manifest::from(image("amd64"));
        registry.push(&manifest, "a/app:1").unwrap();
        let (registries, ledger) = (quick(), Ledger::default());
        let from = "docker://r/a/app:1".replace("r/", &format!("{}/", registry.host));
        let Location::Registry(from) = from.parse().unwrap() else {
            panic!()
        };
        let options = WriteOptions {
            mounts: &[from.repository().clone()],
            progress: &ledger,
            ..WriteOptions::new(&registries)
        };
        transport::write(&manifest, &registry.location("b/app:1"), &options).unwrap();
        assert_eq!(*ledger.0.lock().unwrap(), vec![expected; 3]);
        assert_eq!(registry.pulled("b/app:1"), dump(&manifest));
        // A refusal to mount is none to upload.
        for fault in [status(404), status(403), status(405), status(400)] {
            registry.fail(Step::Mount, usize::MAX, fault);
            transport::write(&manifest, &registry.location("c/app:1"), &options).unwrap();
            registry
                .state()
                .blobs
                .retain(|(repository, _), _| repository != "c/app");
        }
    }
}

/// An image whose own layer has so many bytes.
fn large(size: usize) -> Manifest {
    let content: String = ('a'..='z').cycle().take(size).collect();
    image_of("amd64", vec![layer("own", &content)]).into()
}

#[test]
fn chunks_go_where_the_registry_asks_for_them() {
    let manifest = large((33 << 20) + 5);
    for (created, partial) in [(false, None), (true, None), (false, Some(10 << 20))] {
        let registry = Registry::start(Ways {
            chunk: Some(1),
            created,
            partial,
            ..Ways::default()
        });
        registry.push(&manifest, "app:1").unwrap();
        assert_eq!(registry.pulled("app:1"), dump(&manifest));
        let least = if partial.is_some() { 4 } else { 3 };
        assert_eq!(registry.count(Step::Chunk), least);
        let received = registry.state().received;
        let config = manifest.images().unwrap()[0].config_bytes().len() as u64;
        let size = manifest.images().unwrap()[0].layers()[0].size();
        assert_eq!(received, size + config, "nothing twice");
    }
}

#[test]
fn what_is_too_large_for_one_request_goes_in_small_chunks() {
    let registry = Registry::start(Ways {
        limit: Some(1 << 20),
        ..Ways::default()
    });
    let manifest = large((3 << 20) + 5);
    registry.push(&manifest, "app:1").unwrap();
    assert_eq!(registry.pulled("app:1"), dump(&manifest));
    assert_eq!(registry.count(Step::Chunk), 4);
}

#[test]
fn a_broken_upload_goes_on_where_it_was() {
    for step in [Step::Finish, Step::Chunk] {
        let registry = Registry::start(Ways {
            chunk: (step == Step::Chunk).then_some(1),
            ..Ways::default()
        });
        let manifest = large(20 << 20);
        registry.fail(step, 1, Fault::Reset(5 << 20));
        registry.push(&manifest, "app:1").unwrap();
        assert_eq!(registry.pulled("app:1"), dump(&manifest));
        assert_eq!(registry.count(Step::Status), 1);
        let layer = manifest.images().unwrap()[0].layers()[0].size();
        assert!(
            registry.state().received < layer,
            "{step:?}: the first 5 MiB came before"
        );
    }
}

#[test]
fn passing_faults_pass() {
    use Step::{Begin, Chunk, Finish, HeadBlob, HeadTag, Tag};
    let manifest = index(&["amd64", "arm64"]);
    let later = vec![("retry-after", "0".to_owned())];
    for step in [HeadBlob, Begin, Finish, Step::Manifest, HeadTag, Tag] {
        for fault in [
            status(500),
            status(503),
            Fault::Status(429, later.clone()),
            status(408),
            Fault::Reset(0),
            Fault::Reset(100),
            Fault::Unanswered,
        ] {
            let registry = Registry::start(Ways::default());
            registry.fail(step, 2, fault.clone());
            registry
                .push(&manifest, "app:1")
                .unwrap_or_else(|error| panic!("{step:?} {fault:?}: {error}"));
            assert_eq!(
                registry.pulled("app:1"),
                dump(&manifest),
                "{step:?} {fault:?}"
            );
        }
    }
    // An upload that the registry forgets, and one whose offset it does not remember.
    for (step, code) in [(Finish, 404), (Finish, 416), (Chunk, 416), (Chunk, 404)] {
        let registry = Registry::start(Ways {
            chunk: (step == Chunk).then_some(1),
            ..Ways::default()
        });
        let manifest = large(17 << 20);
        registry.fail(step, 1, status(code));
        registry.push(&manifest, "app:1").unwrap();
        assert_eq!(registry.pulled("app:1"), dump(&manifest), "{step:?} {code}");
    }
}

#[test]
fn lasting_faults_leave_the_tag_where_it_was() {
    use Step::{Begin, Finish, HeadBlob, Tag};
    let old = Manifest::from(image("riscv64"));
    let new = index(&["amd64", "arm64"]);
    let mut messages = BTreeMap::new();
    for step in [HeadBlob, Begin, Finish, Step::Manifest, Tag] {
        for fault in [
            status(401),
            status(403),
            status(404),
            status(413),
            status(429),
            status(500),
            Fault::Status(503, vec![("retry-after", "100000".to_owned())]),
            Fault::Reset(0),
            Fault::Page,
            Fault::OtherDigest,
        ] {
            let registry = Registry::start(Ways::default());
            registry.push(&old, "app:1").unwrap();
            let before = registry.state().log.len();
            registry.fail(step, usize::MAX, fault.clone());
            let result = registry.push(&new, "app:1");
            let asked = registry.state().log.len() - before;
            assert!(asked < 120, "{step:?} {fault:?}: {asked} requests");
            let tag = registry.tag("app", "1").unwrap();
            let is_harmless = match (step, &fault) {
                // A blob that is not there is sent; a page is no blob.
                (HeadBlob, Fault::Status(404, _) | Fault::Page) => true,
                // An answer that is about something else comes too late to matter here.
                (Begin, Fault::OtherDigest) => true,
                _ => false,
            };
            if is_harmless {
                assert_eq!(result, Ok(()), "{step:?} {fault:?}");
                continue;
            }
            let error = result.expect_err(&format!("{step:?} {fault:?}"));
            // The answer to a tag that moved may be a lie.
            if !matches!((step, &fault), (Tag, Fault::OtherDigest)) {
                assert_eq!(tag, old.digest().to_string(), "{step:?} {fault:?}");
            }
            // How a connection ends is the system's affair.
            let error = error.split(": error sending").next().unwrap_or_default();
            let error = without_digests(error);
            messages.insert(format!("{step:?} {fault:?}"), error);
        }
    }
    let text: Vec<String> = messages.iter().map(|(k, v)| format!("{k}: {v}")).collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// Digests differ from blob to blob, and which comes first is chance.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        result += &format!("DIGEST{rest}");
    }
    let mut parts = result.split("uploads/upload");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text += &format!("uploads/N{rest}");
    }
    text
}

#[test]
fn what_cannot_be_read_is_not_pushed() {
    let registry = Registry::start(Ways::default());
    let error = registry.push(&broken_image().into(), "app:1").unwrap_err();
    assert!(error.contains("blob"), "{error}");
    assert!(registry.state().manifests.is_empty() && registry.state().tags.is_empty());
}

#[test]
fn an_upload_elsewhere_gets_no_credentials() {
    let storage = Registry::start(Ways::default());
    let registry = Registry::start(Ways {
        password: Some("Basic YW5uOnNlY3JldA=="),
        storage: Some(storage.host.clone()),
        ..Ways::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let auth = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOnNlY3JldA=="}}}}}}"#,
        registry.host
    );
    std::fs::write(&file, auth).unwrap();
    let registries = quick().with_auth_file(&file);
    let options = WriteOptions::new(&registries);
    let manifest = Manifest::from(image("amd64"));
    // The other one knows nothing of the upload, so that it fails in the end.
    let written = transport::write(&manifest, &registry.location("app:1"), &options);
    assert!(written.is_err());
    assert!(storage.count(Step::Finish) > 0);
    let headers = &storage.state().headers;
    assert!(headers.iter().all(|one| !one.contains_key("authorization")));
    assert!(registry.tag("app", "1").is_none());
    let message = registry.push(&manifest, "app:1").unwrap_err();
    assert!(
        message.contains("does not let everybody write `app`"),
        "{message}"
    );
}

#[test]
fn a_client_that_is_offline_says_so() {
    let registry = Registry::start(Ways::default());
    let registries = Registries::offline();
    let options = WriteOptions::new(&registries);
    let location = registry.location("app:1");
    let manifest = Manifest::from(image("amd64"));
    let errors = [
        chain(&transport::write(&manifest, &location, &options).unwrap_err()),
        chain(&transport::open(&location, &registries).unwrap_err()),
    ];
    for error in errors {
        assert!(error.ends_with("the network is not to be used"), "{error}");
    }
    assert!(registry.state().log.is_empty());
}

fn signature(of: &Manifest, text: &str) -> Manifest {
    let blob = DescribedBlob::of_bytes(spec::MediaType::from("text/plain"), text.as_bytes());
    let kind = spec::MediaType::from("application/vnd.example.signature");
    let subject = Some(of.descriptor());
    Artifact::new(kind, vec![blob], subject, BTreeMap::new())
        .unwrap()
        .into()
}

#[test]
fn what_is_attached_is_listed_by_the_registry_or_under_a_tag() {
    for referrers in [true, false] {
        let registry = Registry::start(Ways {
            referrers,
            ..Ways::default()
        });
        let image = Manifest::from(image("amd64"));
        let (one, two) = (signature(&image, "one"), signature(&image, "two"));
        let above = signature(&one, "above");
        registry.push(&image, "app:1").unwrap();
        for (attached, name) in [(&one, "s1"), (&two, "s2"), (&above, "s3"), (&one, "s1")] {
            registry.push(attached, &format!("app:{name}")).unwrap();
        }
        let list = registry.tag("app", &image.digest().to_string().replace(':', "-"));
        assert_eq!(list.is_none(), referrers);
        // All of it goes to another registry.
        let other = Registry::start(Ways::default());
        let registries = quick();
        let opened = transport::open(&registry.location("app:1"), &registries).unwrap();
        let found = transport::referrers(&opened, &registries).unwrap();
        let mut digests: Vec<_> = found.iter().map(Manifest::digest).collect();
        digests.sort();
        let mut expected = [one.digest(), two.digest(), above.digest()];
        expected.sort();
        assert_eq!(digests, expected);
        let options = WriteOptions {
            referrers: &found,
            ..WriteOptions::new(&registries)
        };
        transport::write(opened.manifest(), &other.location("copy:1"), &options).unwrap();
        let copied = transport::open(&other.location("copy:1"), &registries).unwrap();
        assert_eq!(copied.manifest().digest(), image.digest());
        let there = transport::referrers(&copied, &registries).unwrap();
        assert_eq!(there.len(), 3, "referrers: {referrers}");
    }
}

#[test]
fn two_pushes_of_one_tag_leave_one_of_both() {
    let registry = Registry::start(Ways::default());
    let both = [index(&["amd64", "arm64"]), index(&["s390x", "riscv64"])];
    std::thread::scope(|scope| {
        for manifest in &both {
            scope.spawn(|| registry.push(manifest, "app:1").unwrap());
        }
    });
    let tag = registry.tag("app", "1").unwrap();
    let winner = both
        .iter()
        .find(|one| one.digest().to_string() == tag)
        .unwrap();
    assert_eq!(registry.pulled("app:1"), dump(winner));
}

#[test]
fn an_image_is_copied_from_registry_to_registry() {
    let (from, to) = (
        Registry::start(Ways::default()),
        Registry::start(Ways::default()),
    );
    let manifest = index(&["amd64", "arm64"]);
    from.push(&manifest, "app:1").unwrap();
    let registries = quick();
    let opened = transport::open(&from.location("app:1"), &registries).unwrap();
    let options = WriteOptions::new(&registries);
    transport::write(opened.manifest(), &to.location("copy:1"), &options).unwrap();
    assert_eq!(to.pulled("copy:1"), dump(&manifest));
    // A blob that is not what its digest says does not get there.
    {
        let mut state = from.state();
        let layer = manifest.images().unwrap()[0].layers()[1]
            .digest()
            .to_string();
        let blob = state.blobs.get_mut(&("app".to_owned(), layer)).unwrap();
        blob[700] ^= 1;
    }
    let opened = transport::open(&from.location("app:1"), &registries).unwrap();
    let error = transport::write(opened.manifest(), &to.location("other:1"), &options);
    let error = chain(&error.unwrap_err());
    assert!(error.contains("has the digest"), "{error}");
    assert!(to.tag("other", "1").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_pushed_is_pulled_the_same(
        sizes in prop::collection::vec(0..3000_usize, 1..5),
        chunk in prop::option::of(1..2000_u64),
        flags in any::<[bool; 4]>(),
        faults in prop::collection::vec((0..6_usize, 0..4_usize), 0..3),
    ) {
        let [absolute, created, mounts, referrers] = flags;
        let registry = Registry::start(Ways { absolute, created, mounts, referrers, chunk,
            ..Ways::default() });
        let steps = [Step::HeadBlob, Step::Begin, Step::Finish, Step::Manifest, Step::Tag, Step::HeadTag];
        for (step, fault) in faults {
            let fault = [status(500), Fault::Reset(0), Fault::Reset(64), Fault::Unanswered][fault].clone();
            registry.fail(steps[step], 1, fault);
        }
        let layers = sizes.iter().enumerate().map(|(at, size)| layer(&format!("f{at}"), &"x".repeat(*size)));
        let manifest = Manifest::from(image_of("amd64", layers.collect()));
        registry.push(&manifest, "a/b:c").unwrap();
        let tag = registry.tag("a/b", "c");
        prop_assert_eq!(tag, Some(manifest.digest().to_string()));
        prop_assert_eq!(registry.pulled("a/b:c"), dump(&manifest));
    }
}

#[test]
fn a_token_that_expires_in_the_middle_of_a_push_is_replaced() {
    let manifest = index(&["amd64", "arm64"]);
    for (lasts, chunk) in [(1, None), (2, None), (3, Some(1)), (7, None), (40, None)] {
        let registry = Registry::start(Ways {
            token_lasts: Some(lasts),
            chunk,
            ..Ways::default()
        });
        registry
            .push(&manifest, "team/app:1")
            .unwrap_or_else(|error| panic!("{lasts}: {error}"));
        let state = registry.state();
        assert!(state.tokens > 1 || lasts == 40, "{lasts}: {}", state.tokens);
        let tag = state.tags.get(&("team/app".to_owned(), "1".to_owned()));
        assert_eq!(tag, Some(&manifest.digest().to_string()), "{lasts}");
    }
}

#[test]
fn tokens_that_let_nobody_in_end_a_push() {
    let registry = Registry::start(Ways {
        token_lasts: Some(0),
        ..Ways::default()
    });
    let error = registry.push(&index(&["amd64"]), "team/app:1").unwrap_err();
    insta::assert_snapshot!(error, @"failed to write the image to `docker://HOST/team/app:1`: the registry at `HOST` does not let everybody write `team/app`");
    assert!(registry.state().tokens < 20, "{}", registry.state().tokens);
    assert!(registry.state().tags.is_empty());
}
