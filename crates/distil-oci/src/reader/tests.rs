//! Tests of following descriptors: documents are read and kept once.

use super::*;
use std::io;
use std::sync::Mutex;

use crate::blob::BytesBlob;
use crate::descriptor::{ANNOTATION_REFERENCE_TYPE, DOCKER_MANIFEST};
use serde_json::{Value, json};

/// Blobs in memory, which remember how often each was opened.
#[derive(Default)]
struct Memory {
    blobs: Mutex<BTreeMap<Digest, Arc<[u8]>>>,
    opened: Arc<Mutex<BTreeMap<Digest, usize>>>,
}

struct Counted {
    digest: Digest,
    bytes: BytesBlob,
    opened: Arc<Mutex<BTreeMap<Digest, usize>>>,
}

impl BlobSource for Counted {
    fn open(&self) -> io::Result<Box<dyn io::Read + Send>> {
        *self.opened.lock().unwrap().entry(self.digest).or_default() += 1;
        self.bytes.open()
    }
}

impl Blobs for Memory {
    fn find(&self, digest: Digest, _: &Descriptor) -> io::Result<Option<FoundBlob>> {
        let bytes = self.blobs.lock().unwrap().get(&digest).cloned();
        Ok(bytes.map(|bytes| FoundBlob {
            size: bytes.len() as u64,
            source: Arc::new(Counted {
                digest,
                bytes: BytesBlob(bytes),
                opened: Arc::clone(&self.opened),
            }),
        }))
    }
}

impl Memory {
    /// Adds a document, and gives a descriptor of it.
    fn add(&self, media_type: &MediaType, document: &Value) -> Value {
        let bytes = document.to_string().into_bytes();
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        self.blobs.lock().unwrap().insert(digest, bytes.into());
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
    }

    fn config(&self, number: usize) -> Value {
        let rootfs = json!({"type": "layers", "diff_ids": []});
        let document = json!({
            "architecture": "amd64", "os": "linux", "rootfs": rootfs, "author": number.to_string(),
        });
        self.add(&MediaType::ImageConfig, &document)
    }

    /// A manifest without layers; the number makes it another one.
    fn manifest(&self, config: &Value, number: usize) -> Value {
        let document = json!({
            "schemaVersion": 2, "config": config, "layers": [],
            "annotations": {"number": number.to_string()},
        });
        self.add(&MediaType::ImageManifest, &document)
    }

    fn index(&self, manifests: &[Value]) -> Value {
        let document = json!({"schemaVersion": 2, "manifests": manifests});
        self.add(&MediaType::ImageIndex, &document)
    }

    /// How often each blob was opened that was opened at all.
    fn counts(&self) -> Vec<usize> {
        self.opened.lock().unwrap().values().copied().collect()
    }
}

fn descriptor(value: &Value) -> Descriptor {
    serde_json::from_value(value.clone()).unwrap()
}

fn top(manifests: &[Value]) -> spec::ImageIndex {
    let document = json!({"schemaVersion": 2, "manifests": manifests});
    serde_json::from_value(document).unwrap()
}

fn place(memory: &Arc<Memory>) -> Arc<dyn Blobs> {
    Arc::<Memory>::clone(memory)
}

/// Opens it, and reads its images.
fn read(memory: &Arc<Memory>, descriptor: &Descriptor) -> Result<Manifest, DocumentError> {
    let opened = open(place(memory), descriptor)?;
    opened.images()?;
    Ok(opened)
}

fn digest_of(value: &Value) -> Digest {
    value["digest"].as_str().unwrap().parse().unwrap()
}

#[test]
fn an_image_that_is_named_often_is_kept_once() {
    let memory = Arc::new(Memory::default());
    let manifest = memory.manifest(&memory.config(1), 1);
    let index = memory.index(&vec![manifest; 300]);
    let content = read(&memory, &descriptor(&index)).unwrap();
    assert_eq!(content.images().unwrap().len(), 300);
    let first = &content.images().unwrap()[0];
    for image in content.images().unwrap() {
        assert!(std::ptr::eq(image.manifest_bytes(), first.manifest_bytes()));
        assert!(std::ptr::eq(image.config_bytes(), first.config_bytes()));
        assert!(std::ptr::eq(image.config(), first.config()));
        assert!(std::ptr::eq(image.layers(), first.layers()));
    }
    assert_eq!(memory.counts(), [1, 1, 1]);
}

#[test]
fn a_configuration_of_several_manifests_is_kept_once() {
    let memory = Arc::new(Memory::default());
    let config = memory.config(1);
    let manifests: Vec<Value> = (0..9).map(|n| memory.manifest(&config, n)).collect();
    let index = memory.index(&manifests);
    let content = read(&memory, &descriptor(&index)).unwrap();
    let first = &content.images().unwrap()[0];
    for image in &content.images().unwrap()[1..] {
        assert_ne!(image.digest(), first.digest());
        assert!(std::ptr::eq(image.config_bytes(), first.config_bytes()));
        assert!(std::ptr::eq(image.config(), first.config()));
    }
    assert_eq!(memory.counts(), [1; 11]);
}

#[test]
fn a_document_that_is_kept_is_of_the_size_that_every_descriptor_says() {
    let memory = Arc::new(Memory::default());
    let good = memory.manifest(&memory.config(1), 1);
    let mut bad = good.clone();
    bad["size"] = json!(1);
    let index = memory.index(&[good, bad]);
    let error = read(&memory, &descriptor(&index)).unwrap_err();
    assert!(matches!(error, DocumentError::BlobSize { .. }), "{error}");
}

#[test]
fn a_manifest_keeps_the_media_type_under_which_it_is_named() {
    let memory = Arc::new(Memory::default());
    let oci = memory.manifest(&memory.config(1), 1);
    let mut docker = oci.clone();
    docker["mediaType"] = json!(DOCKER_MANIFEST);
    let index = memory.index(&[oci, docker]);
    let content = read(&memory, &descriptor(&index)).unwrap();
    let images = content.images().unwrap();
    let types: Vec<&str> = images
        .iter()
        .map(|image| image.manifest_media_type().as_ref())
        .collect();
    assert_eq!(types, [MediaType::ImageManifest.as_ref(), DOCKER_MANIFEST]);
}

#[test]
fn an_index_has_so_many_entries_and_no_more() {
    let memory = Arc::new(Memory::default());
    let manifest = memory.manifest(&memory.config(1), 1);
    let attestation = {
        let mut entry = manifest.clone();
        entry["annotations"] = json!({ANNOTATION_REFERENCE_TYPE: "attestation-manifest"});
        entry
    };
    let open = |attestations| {
        let mut entries = vec![attestation.clone(); attestations];
        entries.push(manifest.clone());
        let index = memory.index(&entries);
        read(&memory, &descriptor(&index))
    };
    assert_eq!(open(MAX_ENTRIES - 1).unwrap().images().unwrap().len(), 1);
    insta::assert_snapshot!(open(MAX_ENTRIES).unwrap_err(), @"the index `sha256:3cebc5c10c9faa2606157a12539f49e31e9095b6629bb1b023733854e899627f` has more than 1024 entries, the most that are supported");
    let index = json!({"schemaVersion": 2, "manifests": vec![manifest; MAX_ENTRIES + 1]});
    let bytes = index.to_string().into_bytes();
    insta::assert_snapshot!(parse_index("`index.json`", &bytes).unwrap_err(), @"`index.json` has more than 1024 entries, the most that are supported");
}

#[test]
fn documents_are_bounded_together() {
    let memory = Arc::new(Memory::default());
    let manifests: Vec<Value> = (0..3)
        .map(|n| memory.manifest(&memory.config(n), n))
        .collect();
    let index = descriptor(&memory.index(&manifests));
    let all: usize = memory.blobs.lock().unwrap().values().map(|b| b.len()).sum();
    let open = |left: usize| {
        let reader = Reader::new(place(&memory));
        reader.kept().left = left as u64;
        reader.read(&index)?.images()
    };
    assert_eq!(open(all).unwrap().len(), 3);
    insta::assert_snapshot!(open(all - 1).unwrap_err(), @"the sum of the image's documents is larger than 16777216 bytes");
    assert_eq!(Reader::new(place(&memory)).kept().left, MAX_DOCUMENTS);
}

#[test]
fn the_image_of_a_configuration_is_found_with_each_manifest_read_once() {
    let memory = Arc::new(Memory::default());
    let (wanted, other) = (memory.config(1), memory.config(2));
    let others: Vec<Value> = (0..3).map(|n| memory.manifest(&other, n)).collect();
    let image = memory.manifest(&wanted, 7);
    let inner = memory.index(&others);
    let last = memory.index(&[others[0].clone(), image.clone()]);
    let top_of = |last: &Value| {
        let mut entries = vec![others[1].clone(); 400];
        entries.extend(vec![inner.clone(); 400]);
        entries.push(last.clone());
        top(&entries)
    };
    for (last, documents) in [(&image, 6), (&last, 7)] {
        memory.opened.lock().unwrap().clear();
        let found = with_config(&place(&memory), &top_of(last), digest_of(&wanted)).unwrap();
        assert_eq!(found.unwrap().digest(), digest_of(&image));
        // The wanted image's configuration, and no other one.
        assert_eq!(memory.counts(), vec![1; documents]);
        assert!(
            !memory
                .opened
                .lock()
                .unwrap()
                .contains_key(&digest_of(&other))
        );
    }
    let nothing = Digest::of("nothing");
    assert_eq!(
        with_config(&place(&memory), &top_of(&last), nothing).unwrap(),
        None
    );
}

#[test]
fn an_image_that_is_not_whole_is_not_found() {
    let memory = Arc::new(Memory::default());
    let config = memory.config(1);
    let missing = json!({
        "mediaType": MediaType::ImageIndex, "digest": Digest::of("x").to_string(), "size": 1,
    });
    let mut manifest = memory.manifest(&config, 1);
    let find = |entries: &[Value]| {
        with_config(&place(&memory), &top(entries), digest_of(&config)).unwrap()
    };
    assert!(find(&[missing.clone(), manifest.clone()]).is_some());
    memory.blobs.lock().unwrap().remove(&digest_of(&config));
    assert_eq!(find(&[manifest.clone()]), None);
    manifest["digest"] = missing["digest"].clone();
    assert_eq!(find(&[manifest]), None);
}
