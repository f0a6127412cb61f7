//! Python's wheels (PEP 427), and zip archives of any kind.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest as _, Sha256};

/// Makes a wheel.
#[derive(Debug, Clone)]
pub struct WheelBuilder {
    name: String,
    version: String,
    tags: String,
    files: Vec<(String, Vec<u8>, u32)>,
    record: Option<String>,
    dist_info: String,
    wheel_version: String,
    metadata: String,
}

impl WheelBuilder {
    /// A wheel for every Python, with its metadata and nothing else.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tags: "py3-none-any".to_owned(),
            files: Vec::new(),
            record: None,
            dist_info: format!("{name}-{version}.dist-info"),
            wheel_version: "1.0".to_owned(),
            metadata: format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n"),
        }
    }

    /// Its tags: `cp313-cp313-manylinux_2_28_x86_64`.
    #[must_use]
    pub fn tags(mut self, tags: &str) -> Self {
        self.tags = tags.to_owned();
        self
    }

    /// A file.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files
            .push((path.to_owned(), bytes.as_ref().to_vec(), 0o100_644));
        self
    }

    /// A file that may be executed.
    #[must_use]
    pub fn executable(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files
            .push((path.to_owned(), bytes.as_ref().to_vec(), 0o100_755));
        self
    }

    /// `entry_points.txt`.
    #[must_use]
    pub fn entry_points(self, text: &str) -> Self {
        let path = format!("{}/entry_points.txt", self.dist_info);
        self.file(&path, text)
    }

    /// Another `RECORD` than the true one.
    #[must_use]
    pub fn record(mut self, text: &str) -> Self {
        self.record = Some(text.to_owned());
        self
    }

    /// Another `METADATA`.
    #[must_use]
    pub fn metadata(mut self, text: &str) -> Self {
        self.metadata = text.to_owned();
        self
    }

    /// Another version of the wheel format.
    #[must_use]
    pub fn wheel_version(mut self, version: &str) -> Self {
        self.wheel_version = version.to_owned();
        self
    }

    /// Another name of the directory with its metadata.
    #[must_use]
    pub fn dist_info(mut self, directory: &str) -> Self {
        self.dist_info = directory.to_owned();
        self
    }

    /// Its file name.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tags)
    }

    /// Its bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut files = self.files.clone();
        let wheel = format!(
            "Wheel-Version: {}\nGenerator: test\nRoot-Is-Purelib: true\nTag: {}\n",
            self.wheel_version, self.tags
        );
        for (name, text) in [("METADATA", &self.metadata), ("WHEEL", &wheel)] {
            let path = format!("{}/{name}", self.dist_info);
            files.push((path, text.clone().into_bytes(), 0o100_644));
        }
        let mut record = String::new();
        for (path, bytes, _) in &files {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
            record += &format!("{path},sha256={digest},{}\n", bytes.len());
        }
        let path = format!("{}/RECORD", self.dist_info);
        record += &format!("{path},,\n");
        let record = self.record.clone().unwrap_or(record);
        files.push((path, record.into_bytes(), 0o100_644));
        let entries: Vec<(&str, &[u8], u32)> = files
            .iter()
            .map(|(path, bytes, mode)| (path.as_str(), bytes.as_slice(), *mode))
            .collect();
        zip(&entries)
    }
}

/// A zip archive of entries with their names, bytes and modes, compressed by deflate (APPNOTE).
pub fn zip(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    let length = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let short = |value: usize| u16::try_from(value).unwrap().to_le_bytes();
    for (name, content, mode) in entries {
        let offset = length(bytes.len());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut crc = Crc::new();
        crc.update(content);
        // Version, flags, method, and the time: 1 January 2020, 0:00.
        let middle = [
            &[20, 0, 0, 8, 8, 0, 0, 0, 0x21, 0x50][..],
            &crc.sum().to_le_bytes(),
            &length(packed.len()),
            &length(content.len()),
            &short(name.len()),
            &[0, 0],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04", &middle[..], name.as_bytes(), &packed].concat());
        let attributes = (*mode << 16).to_le_bytes();
        let rest = [&[0; 6][..], &attributes, &offset].concat();
        // Made by version 2.0 on Unix.
        list.extend([b"PK\x01\x02\x14\x03", &middle[..], &rest, name.as_bytes()].concat());
    }
    let count = short(entries.len());
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &count[..],
        &count,
        &length(list.len()),
        &length(bytes.len()),
        &[0, 0],
    ]
    .concat();
    [bytes, list, end].concat()
}
