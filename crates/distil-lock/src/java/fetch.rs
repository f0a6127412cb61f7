//! Jars of this machine, read and taken apart into the store.

use std::io::BufReader;
use std::num::NonZeroUsize;

use distil_app::java::{Coordinates, Jar, JarError, MAX_JAR};
use distil_bundle::{BundleFile, Component, Provenance};
use distil_debian::fetch::Address;
use distil_definition::recipe::{JarContent, NewJar, NewJava, Placement, Recipe};
use distil_store::{Blob, Key, parallel};

use super::error::JavaError;
use crate::bundles::Bundle;
use crate::elsewhere::Elsewhere;
use crate::lock::Lock;

/// Names what is made of a jar; to be raised when that changes.
const JAR_FORMAT: &[u8] = b"1";

/// Reads the jars of all Java applications of a recipe, and takes those apart that have others in them,
/// several at a time.
///
/// # Errors
/// If one of them cannot be read, or is for a later Java than the packages of the lock have.
pub fn fetch_jars(
    recipe: &Recipe,
    lock: &Lock,
    elsewhere: &Elsewhere<'_>,
    threads: NonZeroUsize,
) -> Result<Vec<Bundle>, JavaError> {
    let mut jars = Vec::new();
    for (number, layer) in recipe.layers.iter().enumerate() {
        let java = java(lock, number);
        for application in &layer.javas {
            jars.extend(application.jars.iter().map(|jar| Reading {
                number,
                application,
                jar,
                java,
                elsewhere,
            }));
        }
    }
    parallel::try_map(&jars, threads, Reading::bundle)
}

/// The Java that an image has up to a layer, by its packages; none if it has that from elsewhere.
fn java(lock: &Lock, layer: usize) -> Option<u32> {
    let layers = lock.layers.iter().take(layer + 1);
    let mut packages = layers.flat_map(|layer| &layer.packages);
    packages.find_map(|package| {
        let version = package.name.strip_prefix("openjdk-")?;
        version.strip_suffix("-jre-headless")?.parse().ok()
    })
}

/// What is needed to read one jar.
struct Reading<'a> {
    number: usize,
    application: &'a NewJava,
    jar: &'a NewJar,
    java: Option<u32>,
    elsewhere: &'a Elsewhere<'a>,
}

impl Reading<'_> {
    fn bundle(&self) -> Result<Bundle, JavaError> {
        let blob = self.blob()?;
        let mut jar = self.open(&blob)?;
        self.check_classes(&mut jar)?;
        let coordinates = jar.coordinates().map_err(|error| self.wrong(error))?;
        let size = blob.size();
        Ok(Bundle {
            layer: self.number,
            provenance: Provenance {
                kind: "jar",
                from: self.shown().into(),
                digest: blob.digest(),
                component: coordinates.map(component),
            },
            placement: Placement {
                position: self.application.position.clone(),
                ..Placement::whole("java", self.jar.to.clone())
            },
            files: BundleFile::of_file(blob, size),
        })
    }

    /// The jar as messages name it; one in another as Java's addresses do.
    fn shown(&self) -> String {
        match &self.jar.content {
            JarContent::Library(library) => format!("{}!/{}", self.jar.from, library.entry),
            _ => self.jar.from.clone(),
        }
    }

    /// The jar that the image gets, from the store or else made.
    fn blob(&self) -> Result<Blob, JavaError> {
        let digest = self.jar.sha256;
        let part: &[u8] = match &self.jar.content {
            JarContent::Dependency | JarContent::Application => return self.whole(),
            JarContent::Library(library) => library.entry.as_bytes(),
            JarContent::Classes(_) => b"",
        };
        let key = Key::new("jar", &[JAR_FORMAT, digest.as_bytes(), part]);
        let store = self.elsewhere.store;
        if let Some(blob) = store.lookup(&key)
            && blob.verify()?.is_some()
        {
            return Ok(blob);
        }
        let mut jar = self.open(&self.whole()?)?;
        let mut writer = store.create()?;
        match &self.jar.content {
            JarContent::Library(library) => {
                let written = library.write(&mut jar, &mut writer);
                written.map_err(|error| self.wrong_whole(error))?;
            }
            JarContent::Classes(boot) => {
                let written = boot.write_application(&mut jar, writer);
                writer = written.map_err(|error| self.wrong_whole(error))?;
            }
            JarContent::Dependency | JarContent::Application => {}
        }
        let blob = writer.commit()?;
        store.record(&key, &blob)?;
        Ok(blob)
    }

    /// The file of this machine, which is what it was when the definition was read.
    fn whole(&self) -> Result<Blob, JavaError> {
        let jar = self.jar;
        if let Some(blob) = self.elsewhere.stored(&jar.sha256)? {
            return Ok(blob);
        }
        let places = [Address::File(jar.path.clone())];
        let fetched = self
            .elsewhere
            .fetched(&places, MAX_JAR, Some(&jar.sha256), &jar.from);
        fetched.map_err(|source| JavaError::Fetch {
            definition: self.application.definition.clone(),
            jar: jar.from.clone(),
            position: self.application.position.clone(),
            source,
        })
    }

    fn open(&self, blob: &Blob) -> Result<Jar<BufReader<std::fs::File>>, JavaError> {
        Jar::open(BufReader::new(blob.open()?)).map_err(|error| self.wrong(error))
    }

    /// Refuses a jar that is for a later Java as a whole; of a few classes that are, Java says so when one
    /// is loaded, and libraries have such for those that can.
    fn check_classes(&self, jar: &mut Jar<BufReader<std::fs::File>>) -> Result<(), JavaError> {
        let Some(java) = self.java else {
            return Ok(());
        };
        let classes = jar.classes(java, "").map_err(|error| self.wrong(error))?;
        let (Some((needed, class)), true) = (classes.latest, classes.newer * 2 > classes.all)
        else {
            return Ok(());
        };
        Err(JavaError::Newer {
            definition: self.application.definition.clone(),
            jar: self.shown(),
            needed,
            java,
            newer: classes.newer,
            all: classes.all,
            class: class.replace('/', ".").escape_debug().to_string(),
            position: self.application.position.clone(),
        })
    }

    fn wrong(&self, problem: JarError) -> JavaError {
        self.error(self.shown(), problem)
    }

    fn wrong_whole(&self, problem: JarError) -> JavaError {
        self.error(self.jar.from.clone(), problem)
    }

    fn error(&self, jar: String, problem: JarError) -> JavaError {
        JavaError::Jar {
            definition: self.application.definition.clone(),
            jar,
            position: self.application.position.clone(),
            problem,
        }
    }
}

/// What a jar is to scanners (purl-spec, "maven").
fn component(coordinates: Coordinates) -> Component {
    let Coordinates {
        group,
        artifact,
        version,
    } = coordinates;
    Component {
        purl: Some(format!(
            "pkg:maven/{group}/{artifact}@{}",
            version.replace('+', "%2B")
        )),
        name: format!("{group}:{artifact}"),
        version: Some(version),
        license: None,
    }
}
