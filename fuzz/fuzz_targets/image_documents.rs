//! The documents in an archive of images, whose digests are put right.
//!
//! The input is blobs, `index.json` and `manifest.json`, in this order, with lines of `--` between
//! them. `@0`, `#0` and `%0` stand for the digest, the size and the path of the first blob, and so
//! on up to 9, in what comes after it.

#![no_main]

use distil_fuzz::image;
use distil_store::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut documents: Vec<&str> = text.split("\n--\n").collect();
    let manifest = documents.pop().filter(|text| !text.is_empty());
    let index = documents.pop().filter(|text| !text.is_empty());
    let mut blobs: Vec<(Digest, String)> = Vec::new();
    for document in documents.into_iter().take(10) {
        let blob = filled_in(document, &blobs);
        blobs.push((Digest::of(&blob), blob));
    }
    let layout = r#"{"imageLayoutVersion":"1.0.0"}"#.to_owned();
    let mut files = vec![("oci-layout".to_owned(), layout)];
    for (digest, blob) in &blobs {
        files.push((path(digest), blob.clone()));
    }
    for (name, text) in [("index.json", index), ("manifest.json", manifest)] {
        files.extend(text.map(|text| (name.to_owned(), filled_in(text, &blobs))));
    }
    image::open(&archive(&files));
});

fn filled_in(text: &str, blobs: &[(Digest, String)]) -> String {
    let mut filled = text.to_owned();
    for (number, (digest, blob)) in blobs.iter().enumerate() {
        filled = filled
            .replace(&format!("@{number}"), &digest.to_string())
            .replace(&format!("#{number}"), &blob.len().to_string())
            .replace(&format!("%{number}"), &path(digest));
    }
    filled
}

fn path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn archive(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        let appended = archive.append_data(&mut header, name, text.as_bytes());
        appended.expect("memory takes all");
    }
    archive.into_inner().expect("memory takes all")
}
