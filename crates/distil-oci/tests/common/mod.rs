//! Tiny images for the tests of transports.
#![allow(dead_code, unreachable_pub)] // Each test file uses some of it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use distil_net::{Client, Environment, Options};
use distil_oci::layer::BytesBlob;
use distil_oci::{
    BlobSource, Compression, Image, ImageIndex, Layer, LayerWriter, Location, Manifest, Reference,
    Registries, WriteOptions, spec, transport,
};

/// A tar stream of one file.
pub fn tar(name: &str, content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder
        .append_data(&mut header, name, content.as_bytes())
        .unwrap();
    builder.into_inner().unwrap()
}

/// A layer of one file, without compression so that no library's version matters.
pub fn layer(name: &str, content: &str) -> Layer {
    layer_of(name, content, Compression::None)
}

pub fn layer_of(name: &str, content: &str, compression: Compression) -> Layer {
    let mut writer = LayerWriter::new(Vec::new(), compression, NonZeroUsize::MIN);
    writer.write_all(&tar(name, content)).unwrap();
    let (bytes, facts) = writer.finish().unwrap();
    Layer::new(compression, &facts, Arc::new(BytesBlob(bytes.into())))
}

/// A configuration for these layers.
pub fn config(architecture: &str, layers: &[Layer]) -> spec::ImageConfiguration {
    let mut rootfs = spec::RootFs::default();
    rootfs.set_typ("layers".to_owned());
    rootfs.set_diff_ids(layers.iter().map(|l| l.diff_id().to_string()).collect());
    let mut execution = spec::Config::default();
    execution.set_entrypoint(Some(vec!["/hello".to_owned()]));
    let labels = [("b", "2"), ("a", "1"), ("c", "3")];
    execution.set_labels(Some(
        labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    ));
    let mut config = spec::ImageConfiguration::default();
    config
        .set_os("linux".into())
        .set_architecture(architecture.into())
        .set_config(Some(execution))
        .set_rootfs(rootfs);
    config
}

pub fn image_of(architecture: &str, layers: Vec<Layer>) -> Image {
    let annotations = [("org.example.b", "2"), ("org.example.a", "1")];
    let annotations = annotations.map(|(k, v)| (k.to_owned(), v.to_owned()));
    Image::new(config(architecture, &layers), layers, annotations.into()).unwrap()
}

/// An image of two layers, the lower of which every architecture shares.
pub fn image(architecture: &str) -> Image {
    image_of(
        architecture,
        vec![layer("shared", "all"), layer("own", architecture)],
    )
}

pub fn index(architectures: &[&str]) -> Manifest {
    let images = architectures.iter().map(|a| image(a)).collect();
    ImageIndex::new(images, BTreeMap::new()).unwrap().into()
}

/// An image with a layer whose source breaks off in the middle.
pub fn broken_image() -> Image {
    struct Broken;
    impl BlobSource for Broken {
        fn open(&self) -> io::Result<Box<dyn Read + Send>> {
            let end = io::ErrorKind::ConnectionReset;
            Ok(Box::new(io::Cursor::new([b'x'; 700]).chain(Fails(end))))
        }
    }
    struct Fails(io::ErrorKind);
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
    }
    let good = layer("a", &"x".repeat(10_000));
    let bad = Layer::from_parts(
        good.media_type().clone(),
        good.digest(),
        good.size(),
        good.diff_id(),
        Arc::new(Broken),
    );
    image_of("amd64", vec![bad])
}

pub fn names(names: &[&str]) -> Vec<Reference> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Writes under the name `python3:debug`.
pub fn write(content: &Manifest, location: &Location) -> Result<(), String> {
    write_named(content, location, &["python3:debug"])
}

pub fn write_named(content: &Manifest, location: &Location, tags: &[&str]) -> Result<(), String> {
    let names = names(tags);
    let registries = registries();
    let options = WriteOptions {
        names: &names,
        ..WriteOptions::new(&registries)
    };
    transport::write(content, location, &options).map_err(|error| chain(&error))
}

/// Those on this machine, without credentials.
pub fn registries() -> Registries {
    let nothing: [(&str, &str); 0] = [];
    let environment = Environment::of(nothing, "/nonexistent");
    Registries::new(Client::with_environment(Options::default(), environment))
}

/// Opens it, and reads its images.
pub fn open(location: &Location) -> Result<Manifest, String> {
    let opened = transport::open(location, &registries()).map_err(|error| chain(&error))?;
    opened.images().map_err(|error| chain(&error))?;
    Ok(opened.manifest().clone())
}

/// An error with all its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

/// The message without the directory of the test.
pub fn without(folder: &Path, text: &str) -> String {
    text.replace(folder.to_str().unwrap(), "DIR")
}

/// All that an image has, read to the last byte: to compare images by.
pub fn dump(content: &Manifest) -> Vec<(String, Vec<u8>)> {
    let mut parts = vec![("content".to_owned(), content.digest().to_string().into())];
    for image in content.images().unwrap() {
        let platform = image.platform();
        parts.push((
            format!("{platform} manifest"),
            image.manifest_bytes().to_vec(),
        ));
        parts.push((format!("{platform} config"), image.config_bytes().to_vec()));
        for layer in image.layers() {
            parts.push((format!("{platform} {}", layer.digest()), unpacked(layer)));
        }
    }
    parts
}

pub fn unpacked(layer: &Layer) -> Vec<u8> {
    let mut tar = Vec::new();
    layer.tar(1 << 30).unwrap().read_to_end(&mut tar).unwrap();
    tar
}

/// The names in a directory, sorted.
pub fn list(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// An archive of these files, in this order.
pub fn archive<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The files of an archive.
pub fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    tar::Archive::new(archive)
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .filter(|(name, _)| !name.ends_with('/'))
        .collect()
}
