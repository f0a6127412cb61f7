//! A Java application of a definition, made plain: its jar with those that it needs, as layers.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::PathBuf;
use std::sync::Arc;

use distil_app::java::{ClassPathEntry, Jar, JarError, Library, MAX_JAR, SpringBoot};
use distil_bundle::PathRules;
use distil_store::Digest;
use distil_tree::TreePath;

use super::bundle::{BundleSource, NewBundle, Placement};
use super::causes::with_causes;
use super::error::RecipeError;
use super::part::Part;
use super::position::Position;
use super::values::Lowering;
use super::written::ConfigPositions;
use crate::format::Config;

/// The key of definitions.
const KEY: &str = "java";

/// The most jars of an application.
const MAX_JARS: usize = 10_000;

/// A layer of a Java application, before it is known which Java runs it.
#[derive(Debug, Clone)]
pub struct NewJava {
    /// The definition's name.
    pub definition: String,
    /// The application's jar as the definition names it.
    pub from: String,
    /// What the layer is called: `dependencies`, or as the application calls it.
    pub layer: String,
    /// The jars in it.
    pub jars: Vec<NewJar>,
    /// The position of the jar's name.
    pub position: Position,
}

/// A jar that an image gets.
#[derive(Debug, Clone)]
pub struct NewJar {
    /// The file of this machine that it is made of, as the definition would name it.
    pub from: String,
    /// Where that is.
    pub path: PathBuf,
    /// The digest of that.
    pub sha256: Digest,
    /// The bytes of that.
    pub size: u64,
    /// What is taken of it.
    pub content: JarContent,
    /// Its path in the image.
    pub to: TreePath,
}

/// What of a file of this machine is a jar of an image.
#[derive(Debug, Clone)]
pub enum JarContent {
    /// The file, which the application needs.
    Dependency,
    /// The file, which is the application.
    Application,
    /// A jar in it.
    Library(Library),
    /// A jar of its own classes.
    Classes(Arc<SpringBoot>),
}

/// A Java application of a definition.
pub(super) struct JavaApplication {
    /// Its layers, the lowest first; its own code is in the last.
    pub(super) layers: Vec<NewJava>,
    /// The directories of its class path.
    pub(super) directories: Vec<NewBundle>,
    /// Where its jar is in the image.
    pub(super) jar: TreePath,
    /// The position of the jar's name.
    pub(super) position: Position,
}

/// A file of this machine that has been listed.
struct Opened {
    jar: Jar<BufReader<File>>,
    path: PathBuf,
    sha256: Digest,
    size: u64,
}

impl Lowering<'_> {
    /// The Java application of the definition, if it has one.
    pub(super) fn java(&self) -> Result<Option<JavaApplication>, RecipeError> {
        let Some(item) = &self.definition.java else {
            return Ok(None);
        };
        let part = Part::of(KEY);
        let (jar_part, to_part) = (part.key("jar"), part.key("to"));
        self.check_harmless(&jar_part, &item.jar)?;
        let to = self.path(&to_part, &item.to)?;
        let mut opened = self.open_jar(&jar_part, &item.jar)?;
        let name = opened.path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| !name.chars().any(char::is_control));
        let name = name.ok_or_else(|| self.jar_error(&item.jar, "has a name that is not UTF-8"))?;
        let directory = match item.jar.rsplit_once('/') {
            Some((before, _)) => format!("{before}/"),
            None => String::new(),
        };
        let from = format!("{directory}{name}");
        let jar = to.join(name);
        let wrong = |error: &JarError| self.jar_error(&from, &with_causes(error));
        opened.jar.check().map_err(|error| wrong(&error))?;
        let has_entrypoint = self.configs().any(|config| config.entrypoint.is_some());
        let boot = match (SpringBoot::of(&mut opened.jar), has_entrypoint) {
            // Without a manifest it is a jar like others, of which the definition says what to run.
            (Err(JarError::NoManifest), true) => Ok(None),
            (boot, _) => boot,
        };
        let boot = boot.map_err(|error| wrong(&error))?;
        let position = self.position(&jar_part);
        let own = |content| NewJar {
            from: from.clone(),
            path: opened.path.clone(),
            sha256: opened.sha256,
            size: opened.size,
            content,
            to: jar.clone(),
        };
        let layer = |layer: &str, jars| NewJava {
            definition: self.definition.name.clone(),
            from: from.clone(),
            layer: layer.to_owned(),
            jars,
            position: position.clone(),
        };
        if let Some(boot) = boot {
            if !boot.has_start_class(&opened.jar) && !has_entrypoint {
                let missing = JarError::MissingMainClass(boot.start_class.clone());
                return Err(wrong(&missing));
            }
            let boot = Arc::new(boot);
            let library = |library: &Library| NewJar {
                to: library
                    .path
                    .parts()
                    .fold(to.clone(), |to, part| to.join(part)),
                ..own(JarContent::Library(library.clone()))
            };
            let mut layers: Vec<NewJava> = boot
                .layers
                .iter()
                .map(|one| layer(&one.name, one.libraries.iter().map(library).collect()))
                .collect();
            if let Some(last) = layers.last_mut() {
                last.jars.push(own(JarContent::Classes(Arc::clone(&boot))));
            }
            return Ok(Some(JavaApplication {
                layers,
                directories: Vec::new(),
                jar,
                position,
            }));
        }
        let main = match has_entrypoint {
            true => None,
            false => {
                let manifest = opened.jar.manifest().map_err(|error| wrong(&error))?;
                let main = manifest.get("Main-Class");
                Some(
                    main.ok_or_else(|| wrong(&JarError::NoMainClass))?
                        .to_owned(),
                )
            }
        };
        let looking = Looking {
            from: &from,
            directory: &directory,
            to: &to,
            main: main.as_deref(),
        };
        let beside = self.class_path(&looking, &opened.jar)?;
        if let Some(main) = main {
            // Directories of the class path may have it, too.
            let is_there =
                opened.jar.has_class(&main) || beside.has_main || !beside.directories.is_empty();
            if !is_there {
                return Err(wrong(&JarError::MissingMainClass(main)));
            }
        }
        let mut layers = vec![layer("application", vec![own(JarContent::Application)])];
        if !beside.jars.is_empty() {
            layers.insert(0, layer("dependencies", beside.jars));
        }
        Ok(Some(JavaApplication {
            layers,
            directories: beside.directories,
            jar,
            position,
        }))
    }

    /// The jars and directories that the class path of a jar names, and those that these name in turn. Java
    /// passes over what is not there; so does this, but for jars that the application itself names.
    fn class_path(
        &self,
        looking: &Looking<'_>,
        jar: &Jar<BufReader<File>>,
    ) -> Result<Beside, RecipeError> {
        let Looking {
            from, directory, ..
        } = looking;
        let part = Part::of(KEY).key("jar");
        let wrong = |error: &JarError| self.jar_error(from, &with_causes(error));
        let own = jar
            .class_path(&TreePath::ROOT)
            .map_err(|error| wrong(&error))?;
        let mut queue: VecDeque<(ClassPathEntry, bool)> =
            own.into_iter().map(|entry| (entry, true)).collect();
        let mut found: BTreeSet<TreePath> = BTreeSet::new();
        let mut beside = Beside::default();
        while let Some((entry, is_own)) = queue.pop_front() {
            let path = entry.path.as_str().unwrap_or_default();
            // The directory of the application is what it is in the image; the jar itself is there.
            let is_itself = format!("{directory}{path}") == *from;
            if entry.path.is_root() || is_itself || !found.insert(entry.path.clone()) {
                continue;
            }
            if found.len() > MAX_JARS {
                return Err(wrong(&JarError::TooMany(MAX_JARS)));
            }
            let name = format!("{directory}{path}");
            let place = self.find(&part, &name);
            let is_directory = place.as_ref().map(|place| place.is_dir());
            let to = entry.path.parts();
            let to = to.fold(looking.to.clone(), |to, part| to.join(part));
            match is_directory {
                Ok(true) => beside
                    .directories
                    .extend(self.class_directory(&part, name, to)?),
                Ok(_) if entry.is_directory => {}
                Ok(_) => {
                    let opened = self.open_jar(&part, &name)?;
                    let base = entry.path.parent().unwrap_or_default();
                    let more = opened.jar.lenient_class_path(&base);
                    let more = more.map_err(|error| self.jar_error(&name, &with_causes(&error)))?;
                    queue.extend(more.into_iter().map(|entry| (entry, false)));
                    let main = looking.main;
                    beside.has_main |= main.is_some_and(|main| opened.jar.has_class(main));
                    beside.jars.push(NewJar {
                        from: name,
                        path: opened.path,
                        sha256: opened.sha256,
                        size: opened.size,
                        content: JarContent::Dependency,
                        to,
                    });
                }
                Err(_) if !is_own || entry.is_directory => {}
                Err(_) => {
                    let problem = match jar.has(path) {
                        true => format!(
                            "has `{}` in the `Class-Path` of its manifest, which is a jar in the jar, where \
                             Java does not look; it has to be beside it, as `{name}`",
                            entry.written
                        ),
                        false => format!(
                            "has `{}` in the `Class-Path` of its manifest, and there is no `{name}`",
                            entry.written
                        ),
                    };
                    return Err(self.jar_error(from, &problem));
                }
            }
        }
        Ok(beside)
    }

    fn class_directory(
        &self,
        part: &Part,
        from: String,
        to: TreePath,
    ) -> Result<Option<NewBundle>, RecipeError> {
        let listing = self.list(part, &from, PathRules::none())?;
        if listing.entries().next().is_none() {
            return Ok(None);
        }
        Ok(Some(NewBundle {
            source: BundleSource::Directory {
                from,
                listing: Arc::new(listing),
            },
            placement: Placement {
                position: self.position(part),
                ..Placement::whole(KEY, to)
            },
            component: None,
        }))
    }

    fn open_jar(&self, part: &Part, name: &str) -> Result<Opened, RecipeError> {
        let path = self.find(part, name)?;
        let unreadable =
            |error: std::io::Error| self.jar_error(name, &format!("cannot be read: {error}"));
        // Opening what is no file may wait for ever.
        let metadata = path.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(self.jar_error(name, "is not a regular file"));
        }
        if metadata.len() > MAX_JAR {
            let problem = format!("has more than {MAX_JAR} bytes");
            return Err(self.jar_error(name, &problem));
        }
        let mut file = File::open(&path).map_err(unreadable)?;
        let (sha256, size) = Digest::of_reader(&mut file).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let jar = Jar::open(BufReader::new(file));
        let jar = jar.map_err(|error| self.jar_error(name, &with_causes(&error)))?;
        Ok(Opened {
            jar,
            path,
            sha256,
            size,
        })
    }

    fn jar_error(&self, name: &str, problem: &str) -> RecipeError {
        self.error(&Part::of(KEY).key("jar"), format!("`{name}` {problem}"))
    }
}

/// Where what a class path names is, and goes.
struct Looking<'a> {
    /// The jar, as the definition would name it.
    from: &'a str,
    /// Its directory, with a slash, or nothing.
    directory: &'a str,
    /// The directory of the image.
    to: &'a TreePath,
    /// The class to run.
    main: Option<&'a str>,
}

/// What a class path names.
#[derive(Default)]
struct Beside {
    jars: Vec<NewJar>,
    /// Whether one of the jars has the class to run.
    has_main: bool,
    directories: Vec<NewBundle>,
}

impl JavaApplication {
    /// Has a container run it: as a definition below says, if that ends where the jar is to be named.
    pub(super) fn run(&self, config: &mut Config, positions: &mut ConfigPositions) {
        let given = config.entrypoint.take();
        let given = given.filter(|words| words.last().is_some_and(|word| word == "-jar"));
        let mut words =
            given.unwrap_or_else(|| vec!["/usr/bin/java".to_owned(), "-jar".to_owned()]);
        words.push(self.jar.to_string());
        config.entrypoint = Some(words);
        // As in a Dockerfile: arguments belong to the program that they were written for.
        config.cmd = None;
        positions.entrypoint = self.position.clone();
    }
}
