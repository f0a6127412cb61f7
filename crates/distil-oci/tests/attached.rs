//! What is attached to images in registries, by several at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod registry;

use std::collections::BTreeMap;

use distil_net::{Client, Environment, Options};
use distil_oci::reference::RegistryReference;
use distil_oci::spec::{Descriptor, MediaType};
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{Artifact, DescribedBlob, Location, Manifest, Registries};
use distil_store::Digest;

use registry::{Registry, Ways};

/// Registries of this machine, with nothing of its set-up.
fn registries() -> Registries {
    let nothing: [(&str, &str); 0] = [];
    let environment = Environment::of(nothing, "/nonexistent");
    Registries::new(Client::with_environment(Options::default(), environment))
}

fn artifact(number: usize, subject: &Descriptor) -> Artifact {
    let kind = MediaType::from("application/vnd.example");
    let blob = DescribedBlob::of_bytes(kind.clone(), number.to_string().into_bytes());
    Artifact::new(kind, vec![blob], Some(subject.clone()), BTreeMap::new()).unwrap()
}

#[test]
fn nothing_is_lost_that_several_attach_at_once() {
    for referrers in [false, true] {
        let registry = Registry::start(Ways {
            referrers,
            ..Ways::default()
        });
        let name = format!("docker://{}/a", registry.host);
        let location: Location = name.parse().unwrap();
        let Location::Registry(reference) = &location else {
            panic!("{location}");
        };
        let repository = reference.repository();
        let subject = DescribedBlob::of_bytes(MediaType::ImageManifest, b"{}".as_slice());
        let digest = subject.digest();
        let write = |number| {
            let registries = registries();
            let artifact = artifact(number, subject.descriptor());
            let place = RegistryReference::of_digest(repository.clone(), artifact.digest());
            let manifest = Manifest::Artifact(artifact);
            let options = WriteOptions::new(&registries);
            transport::write(&manifest, &Location::Registry(place), &options).unwrap();
        };
        std::thread::scope(|scope| {
            for number in 0..6 {
                scope.spawn(move || write(number));
            }
        });
        let registries = registries();
        let place = RegistryReference::of_digest(repository.clone(), digest);
        let location = Location::Registry(place);
        let found = transport::attached(&location, digest, &registries).unwrap();
        let mut found: Vec<Digest> = found
            .into_iter()
            .map(|(_, manifest)| manifest.unwrap().digest())
            .collect();
        found.sort();
        let mut expected: Vec<Digest> = (0..6)
            .map(|number| artifact(number, subject.descriptor()).digest())
            .collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}
