//! The combined archive that `distil build` writes, read independently of distil's own code: an OCI
//! layout (OCI Image Layout Specification) with a `manifest.json` for `docker load` beside it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Rootfs;

/// An archive's files, by their names in the tar.
#[derive(Debug)]
pub struct Archive {
    files: BTreeMap<String, Vec<u8>>,
}

/// One image of an archive: its manifest, its config, and its layers.
#[derive(Debug)]
pub struct Image {
    /// The manifest, as OCI defines it.
    pub manifest: Value,
    /// The config, as OCI defines it.
    pub config: Value,
    /// The layers as they lie in the archive, compressed.
    pub layers: Vec<Vec<u8>>,
}

impl Archive {
    /// Reads an archive.
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(file).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(name, content);
        }
        Self { files }
    }

    /// Reads an OCI layout that lies in a directory.
    #[track_caller]
    pub fn open_layout(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for name in ["oci-layout", "index.json"] {
            files.insert(name.to_owned(), std::fs::read(folder.join(name)).unwrap());
        }
        for blob in std::fs::read_dir(folder.join("blobs/sha256")).unwrap() {
            let blob = blob.unwrap();
            let name = format!("blobs/sha256/{}", blob.file_name().to_str().unwrap());
            files.insert(name, std::fs::read(blob.path()).unwrap());
        }
        Self { files }
    }

    /// A JSON file of the archive.
    #[track_caller]
    pub fn json(&self, name: &str) -> Value {
        let bytes = self
            .files
            .get(name)
            .unwrap_or_else(|| panic!("the archive has no {name}"));
        serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The blob that a descriptor names; its digest and size are checked.
    #[track_caller]
    pub fn blob(&self, descriptor: &Value) -> &[u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let name = format!("blobs/{}", digest.replace(':', "/"));
        let bytes = self
            .files
            .get(&name)
            .unwrap_or_else(|| panic!("the archive has no {name}"));
        assert_eq!(digest, sha256(bytes), "the blob is not what its name says");
        assert_eq!(
            descriptor["size"].as_u64(),
            Some(bytes.len() as u64),
            "size of {digest}"
        );
        bytes
    }

    /// The one descriptor of `index.json`.
    #[track_caller]
    pub fn top(&self) -> Value {
        let index = self.json("index.json");
        let manifests = index["manifests"].as_array().unwrap();
        assert_eq!(
            manifests.len(),
            1,
            "index.json must have exactly one descriptor: {index}"
        );
        manifests[0].clone()
    }

    /// The image for `linux/ARCH`, whether the archive has one platform or several.
    #[track_caller]
    pub fn image(&self, arch: &str) -> Image {
        let top = self.top();
        let document: Value = serde_json::from_slice(self.blob(&top)).unwrap();
        let manifest = match document["manifests"].as_array() {
            None => document,
            Some(manifests) => {
                let found = manifests
                    .iter()
                    .find(|descriptor| descriptor["platform"]["architecture"] == arch)
                    .unwrap_or_else(|| panic!("the index has nothing for {arch}: {document}"));
                serde_json::from_slice(self.blob(found)).unwrap()
            }
        };
        let config: Value = serde_json::from_slice(self.blob(&manifest["config"])).unwrap();
        assert_eq!(config["architecture"], arch);
        let layers = manifest["layers"].as_array().unwrap();
        let layers = layers
            .iter()
            .map(|layer| self.blob(layer).to_vec())
            .collect();
        Image {
            manifest,
            config,
            layers,
        }
    }

    /// Names of all files of the archive.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

impl Image {
    /// The digests of the layers as they are compressed.
    pub fn layer_digests(&self) -> Vec<String> {
        self.layers.iter().map(|layer| sha256(layer)).collect()
    }

    /// The digests of the layers' tars, as the config has them.
    pub fn diff_ids(&self) -> Vec<String> {
        let ids = self.config["rootfs"]["diff_ids"].as_array().unwrap();
        ids.iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect()
    }

    /// The layers' tars.
    #[track_caller]
    pub fn tars(&self) -> Vec<Vec<u8>> {
        let unpack = |layer: &Vec<u8>| {
            let mut tar = Vec::new();
            // A layer may be several gzip members in a row.
            flate2::read::MultiGzDecoder::new(layer.as_slice())
                .read_to_end(&mut tar)
                .unwrap();
            tar
        };
        self.layers.iter().map(unpack).collect()
    }

    /// The files of all layers together.
    #[track_caller]
    pub fn rootfs(&self) -> Rootfs {
        let mut rootfs = Rootfs::default();
        for tar in self.tars() {
            rootfs.lay_over(&tar);
        }
        rootfs
    }

    /// Bytes of all layers as they are compressed: what a registry would carry.
    pub fn compressed_size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.len() as u64).sum()
    }
}

/// `sha256:…` of some bytes, as OCI spells a digest.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
