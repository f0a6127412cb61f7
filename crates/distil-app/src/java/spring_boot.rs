//! A Spring Boot application taken apart, as its own `-Djarmode=tools extract` does: its libraries as
//! files, and a jar of its classes whose manifest names them. Virtual machines start that faster than jars
//! in a jar, and can keep what they have loaded of it (Spring Boot's documentation, "Efficient
//! Deployments").

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, Write};

use distil_tree::TreePath;
use distil_tree::zip_writer::ZipWriter;

use super::class_path;
use super::error::JarError;
use super::index::{class_path_index, layers_index};
use super::jar::{Jar, MANIFEST};

/// The directory of the libraries, beside the application's jar.
const LIBRARIES: &str = "lib";

/// The most layers of an application: an image has at most 127 in all.
const MAX_LAYERS: usize = 40;

/// The most bytes that libraries unpack to.
const MAX_LIBRARIES: u64 = 4 << 30;

/// Attributes that mean something to Spring Boot's launcher alone, which is not there any more.
const OF_LAUNCHER: [&str; 5] = [
    "Start-Class",
    "Spring-Boot-Classes",
    "Spring-Boot-Lib",
    "Spring-Boot-Classpath-Index",
    "Spring-Boot-Layers-Index",
];

/// What a jar of Spring Boot's consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpringBoot {
    /// The class to run.
    pub start_class: String,
    /// Its layers that have something, the lowest first. The application itself is in the last.
    pub layers: Vec<SpringBootLayer>,
    /// The directory of the application's classes in the jar, with a slash.
    pub classes: String,
    /// The libraries in the order of the class path.
    class_path: Vec<Library>,
}

/// A layer of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpringBootLayer {
    /// Its name.
    pub name: String,
    /// The libraries in it.
    pub libraries: Vec<Library>,
}

/// A jar in the application's jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The name of its entry.
    pub entry: String,
    /// Its path beside the application's jar: `lib/NAME.jar`.
    pub path: TreePath,
}

impl SpringBoot {
    /// The parts of a jar; none if it is not Spring Boot's, or one that is not taken apart: a web
    /// application, whose root is the jar itself, or one that looks for libraries elsewhere when it starts
    /// (`PropertiesLauncher`).
    ///
    /// # Errors
    /// If its lists are not valid, or name what it does not have.
    pub fn of<R: Read + Seek>(jar: &mut Jar<R>) -> Result<Option<Self>, JarError> {
        let manifest = jar.manifest()?.clone();
        let (Some(start_class), Some(directory)) =
            (manifest.get("Start-Class"), manifest.get("Spring-Boot-Lib"))
        else {
            return Ok(None);
        };
        let main = manifest.get("Main-Class").unwrap_or_default();
        let directory = with_slash(directory);
        if directory.starts_with("WEB-INF/") || main.ends_with(".PropertiesLauncher") {
            return Ok(None);
        }
        let classes = with_slash(
            manifest
                .get("Spring-Boot-Classes")
                .unwrap_or("BOOT-INF/classes"),
        );
        let jars = jars(jar, &directory)?;
        let index = manifest.get("Spring-Boot-Classpath-Index");
        let class_path = match index.and_then(|name| Some((name, jar.entry(name)?))) {
            Some((file, entry)) => {
                let text = jar.text(&entry)?;
                let wrong = |what| JarError::Index {
                    file: shown(file),
                    what,
                };
                let mut listed = Vec::new();
                for name in class_path_index(&text).map_err(wrong)? {
                    // Before Spring Boot 2.4, without the directory.
                    let name = match name.starts_with(&directory) {
                        true => name,
                        false => format!("{directory}{name}"),
                    };
                    let found = jars.iter().find(|library| library.entry == name);
                    let found = found.ok_or_else(|| {
                        wrong(format!(
                            "it names `{}`, which is not in the jar",
                            shown(&name)
                        ))
                    })?;
                    if listed.contains(found) {
                        return Err(wrong(format!("it names `{}` twice", shown(&name))));
                    }
                    listed.push(found.clone());
                }
                listed
            }
            None => jars,
        };
        let index = manifest.get("Spring-Boot-Layers-Index");
        let layers = match index.and_then(|name| Some((name, jar.entry(name)?))) {
            Some((file, entry)) => {
                let text = jar.text(&entry)?;
                layers(&class_path, &text, file).map_err(|what| JarError::Index {
                    file: shown(file),
                    what,
                })?
            }
            None => default_layers(&class_path),
        };
        Ok(Some(Self {
            start_class: start_class.to_owned(),
            layers,
            classes,
            class_path,
        }))
    }

    /// Whether the jar has the class to run.
    pub fn has_start_class<R: Read + Seek>(&self, jar: &Jar<R>) -> bool {
        let file = self.start_class.replace('.', "/");
        jar.has(&format!("{}{file}.class", self.classes))
    }

    /// Writes the application's own jar: its classes, what is in `META-INF`, and a manifest with the class
    /// to run and the libraries beside it.
    ///
    /// # Errors
    /// If an entry is damaged or there twice, or the output cannot be written.
    pub fn write_application<R: Read + Seek, W: Write>(
        &self,
        jar: &mut Jar<R>,
        output: W,
    ) -> Result<W, JarError> {
        let mut manifest = jar.manifest()?.clone();
        for name in OF_LAUNCHER {
            manifest.remove(name);
        }
        manifest.set("Main-Class", self.start_class.clone());
        let paths = self.class_path.iter().filter_map(|one| one.path.as_str());
        manifest.set("Class-Path", class_path::attribute(paths));
        let mut writer = ZipWriter::new(output);
        writer.file(MANIFEST, &manifest.to_bytes())?;
        let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
        let entries = jar.archive.entries();
        let classes = entries.iter().filter_map(|entry| {
            let name = entry.name.strip_prefix(self.classes.as_bytes())?;
            (!name.is_empty()).then_some((name, entry))
        });
        for (name, entry) in classes {
            if !seen.insert(name.to_vec()) {
                return Err(JarError::Twice(entry.name.clone()));
            }
            if !name.eq_ignore_ascii_case(MANIFEST.as_bytes()) {
                writer.copy(utf8(name)?, &mut jar.archive, entry)?;
            }
        }
        for entry in entries.iter().filter(|entry| is_of_the_whole(&entry.name)) {
            // The classes have it already, or the jar has it twice; the same for Java.
            if seen.insert(entry.name.clone()) {
                writer.copy(utf8(&entry.name)?, &mut jar.archive, entry)?;
            }
        }
        Ok(writer.finish()?)
    }
}

impl Library {
    /// Writes its bytes.
    ///
    /// # Errors
    /// If it is damaged, or cannot be written.
    pub fn write<R: Read + Seek>(
        &self,
        jar: &mut Jar<R>,
        output: &mut impl Write,
    ) -> Result<(), JarError> {
        let missing = || JarError::Index {
            file: "class path".to_owned(),
            what: format!("`{}` is not there", shown(&self.entry)),
        };
        let entry = jar.entry(&self.entry).ok_or_else(missing)?;
        let mut content = jar.archive.content(&entry)?;
        io::copy(&mut content, output)?;
        Ok(())
    }
}

/// The jars in a directory of a jar, in its order.
fn jars<R: Read + Seek>(jar: &Jar<R>, directory: &str) -> Result<Vec<Library>, JarError> {
    let mut found = Vec::new();
    let mut names: BTreeSet<TreePath> = BTreeSet::new();
    let mut left = MAX_LIBRARIES;
    for entry in jar.archive.entries().iter() {
        let rest = entry.name.strip_prefix(directory.as_bytes());
        let Some(rest) = rest.filter(|rest| rest.ends_with(b".jar")) else {
            continue;
        };
        let name = utf8(&entry.name)?.to_owned();
        let wrong = |problem| JarError::Path {
            name: entry.name.clone(),
            problem,
        };
        let rest = TreePath::from_archive(rest).map_err(wrong)?;
        let base = TreePath::of(LIBRARIES);
        let path = rest.parts().fold(base, |path, part| path.join(part));
        if !names.insert(path.clone()) {
            return Err(JarError::Twice(entry.name.clone()));
        }
        left = left.checked_sub(entry.size).ok_or_else(|| {
            JarError::TooLarge(format!(
                "its libraries have more than {MAX_LIBRARIES} bytes"
            ))
        })?;
        found.push(Library { entry: name, path });
    }
    Ok(found)
}

/// What is about the application as a whole, but for what is written anew, and signatures, which would be of
/// another jar.
fn is_of_the_whole(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"META-INF/") else {
        return false;
    };
    let rest = rest.to_ascii_uppercase();
    let is_signature = [&b".SF"[..], b".RSA", b".DSA", b".EC"]
        .iter()
        .any(|end| rest.ends_with(end));
    !is_signature && !matches!(rest.as_slice(), b"MANIFEST.MF" | b"INDEX.LIST")
}

fn layers(libraries: &[Library], text: &str, file: &str) -> Result<Vec<SpringBootLayer>, String> {
    let index = layers_index(text)?;
    if index.len() > MAX_LAYERS {
        return Err(format!("it has more than {MAX_LAYERS} layers"));
    }
    let layer_of = |name: &str| {
        let has = |entry: &String| {
            entry == name || (entry.ends_with('/') && name.starts_with(entry.as_str()))
        };
        let found = index
            .iter()
            .position(|(_, entries)| entries.iter().any(has));
        found.ok_or_else(|| format!("no layer has `{}`", shown(name)))
    };
    let mut layers: Vec<SpringBootLayer> = index
        .iter()
        .map(|(name, _)| SpringBootLayer {
            name: name.clone(),
            libraries: Vec::new(),
        })
        .collect();
    // The list itself is a part of the application.
    let own = layer_of(file)?;
    for library in libraries {
        if let Some(layer) = layers.get_mut(layer_of(&library.entry)?) {
            layer.libraries.push(library.clone());
        }
    }
    let own = layers.remove(own);
    layers.retain(|layer| !layer.libraries.is_empty());
    layers.push(own);
    Ok(layers)
}

/// The layers of Spring Boot where an application does not say others: what was released changes less than
/// what was not.
fn default_layers(libraries: &[Library]) -> Vec<SpringBootLayer> {
    let is_snapshot = |library: &&Library| library.entry.contains("SNAPSHOT");
    let layer = |name: &str, libraries: Vec<Library>| SpringBootLayer {
        name: name.to_owned(),
        libraries,
    };
    let (snapshots, released): (Vec<&Library>, Vec<&Library>) =
        libraries.iter().partition(is_snapshot);
    let mut layers = vec![
        layer("dependencies", released.into_iter().cloned().collect()),
        layer(
            "snapshot-dependencies",
            snapshots.into_iter().cloned().collect(),
        ),
    ];
    layers.retain(|layer| !layer.libraries.is_empty());
    layers.push(layer("application", Vec::new()));
    layers
}

fn with_slash(directory: &str) -> String {
    format!("{}/", directory.trim_end_matches('/'))
}

fn shown(name: &str) -> String {
    let start: String = name.chars().take(200).collect();
    start.escape_debug().to_string()
}

fn utf8(name: &[u8]) -> Result<&str, JarError> {
    std::str::from_utf8(name).map_err(|_| JarError::Unreadable {
        name: name.to_vec(),
        what: "has a name that is not UTF-8",
    })
}
