//! What is to be told of an image, whether it is made from a definition or read from a place:
//! one model for `show` and `diff`.

mod documents;
mod image;
mod made;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use distil_build::is_definition;
use distil_image::Built;
use distil_inspect::ContainerConfig;
use distil_oci::{Image, Location};
use distil_store::Digest;
use distil_tree::{Content, SortedMap, Tree, TreePath, elf};
use serde::Serialize;

use crate::cli;
use crate::command::make_to_look_at;
use crate::error::CommandError;

pub(crate) use documents::{DocumentChange, document_changes};

/// An image. The fields are those of `--format json`; docs/json.md tells what they mean.
#[derive(Default, Serialize)]
pub(crate) struct View {
    pub(crate) schema_version: u32,
    pub(crate) name: Option<String>,
    /// None of a plain root file system.
    pub(crate) digest: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) created: Option<String>,
    /// Bytes of the layers as they are stored.
    pub(crate) size: u64,
    /// Bytes of the files.
    pub(crate) unpacked_size: u64,
    pub(crate) packages: Vec<Package>,
    /// Files that no package has.
    pub(crate) unowned_files: Vec<Unowned>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) config: Config,
    /// What the first stage of a build has to fit.
    pub(crate) build_stage: BuildStage,
    /// Only where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<Files>,
    /// The ELF files that may be libraries, with their bytes; only where the files are asked for.
    #[serde(skip)]
    pub(crate) libraries: BTreeMap<TreePath, Content>,
    #[serde(flatten)]
    pub(crate) making: Option<Making>,
    /// The image itself; none of a plain root file system.
    #[serde(skip)]
    pub(crate) image: Option<Image>,
}

/// Versions that a build's first stage must have, too, or must not be newer than.
#[derive(Default, Serialize)]
pub(crate) struct BuildStage {
    pub(crate) suite: Option<String>,
    pub(crate) libc: Option<&'static str>,
    pub(crate) glibc: Option<String>,
    pub(crate) libstdcxx: Option<String>,
    pub(crate) python: Vec<String>,
    pub(crate) node: Option<u32>,
    pub(crate) node_modules: Option<u32>,
    pub(crate) java: Option<u32>,
}

impl BuildStage {
    pub(crate) fn of(tree: &Tree, config: &ContainerConfig) -> Self {
        let stage = distil_inspect::BuildStage::of(tree, config);
        Self {
            suite: stage.release,
            libc: match (stage.glibc, stage.has_musl) {
                (Some(_), _) => Some("glibc"),
                (None, true) => Some("musl"),
                (None, false) => None,
            },
            glibc: stage.glibc.map(|(major, minor)| format!("{major}.{minor}")),
            libstdcxx: stage
                .libstdcxx
                .map(|number| format!("GLIBCXX_3.4.{number}")),
            python: stage
                .pythons
                .iter()
                .map(|minor| format!("3.{minor}"))
                .collect(),
            node: stage.node,
            node_modules: stage.node_modules,
            java: stage.java,
        }
    }

    /// What must fit, and how, as tables show it.
    pub(crate) fn rows(&self) -> Vec<[String; 2]> {
        let row = |what: &str, must: String| [what.to_owned(), must];
        let mut rows = Vec::new();
        rows.extend(self.suite.as_ref().map(|suite| row("suite", suite.clone())));
        rows.push(match (&self.glibc, self.libc) {
            (Some(version), _) => row("glibc", format!("{version} or older")),
            (None, Some(libc)) => row("C library", libc.to_owned()),
            (None, None) => row(
                "C library",
                "none: programs are linked statically".to_owned(),
            ),
        });
        let libstdcxx = self.libstdcxx.as_ref();
        rows.extend(libstdcxx.map(|version| row("libstdc++", format!("{version} or older"))));
        rows.extend(
            self.python
                .iter()
                .map(|version| row("Python", version.clone())),
        );
        if self.node.is_some() || self.node_modules.is_some() {
            let modules = |number| format!("NODE_MODULE_VERSION {number}");
            let parts = [
                self.node.map(|major| major.to_string()),
                self.node_modules.map(modules),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            rows.push(row("Node.js", parts.join(", ")));
        }
        rows.extend(
            self.java
                .map(|feature| row("Java", format!("{feature} or older"))),
        );
        rows
    }
}

/// What only the making of an image tells.
#[derive(Default, Serialize)]
pub(crate) struct Making {
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) omitted_dependencies: Vec<Omitted>,
    pub(crate) scripts_not_run: Vec<Script>,
    pub(crate) local_files: Vec<LocalFile>,
    /// Downloads and directories.
    pub(crate) bundles: Vec<Bundle>,
}

#[derive(Serialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) source: String,
    pub(crate) source_version: String,
    /// The names of its licences, as its copyright file has them.
    #[serde(serialize_with = "shared")]
    pub(crate) licences: Arc<[String]>,
    /// Bytes of its files in the image.
    pub(crate) size: u64,
    /// The packages of the image that it depends on.
    pub(crate) depends: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<String>,
    /// The suite that it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suite: Option<String>,
    /// Whose archive that is, where it is not Debian's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
}

fn shared<S: serde::Serializer>(list: &Arc<[String]>, serializer: S) -> Result<S::Ok, S::Error> {
    list.as_ref().serialize(serializer)
}

/// Files of no package that came as one thing.
#[derive(Serialize)]
pub(crate) struct Bundle {
    pub(crate) definition: String,
    /// `download` or `directory`.
    pub(crate) kind: &'static str,
    pub(crate) from: String,
    /// Where its files are in the image.
    pub(crate) to: String,
    pub(crate) digest: String,
    pub(crate) files: u64,
    pub(crate) size: u64,
    pub(crate) component: Option<Component>,
}

/// What such files are to scanners.
#[derive(Serialize)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) purl: Option<String>,
}

/// A file that is in no list of a package's sums.
#[derive(Debug, Serialize)]
pub(crate) struct Unowned {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// What made it, where that is known.
    pub(crate) from: Option<Box<str>>,
}

#[derive(Serialize)]
pub(crate) struct Layer {
    pub(crate) digest: String,
    pub(crate) diff_id: String,
    pub(crate) media_type: String,
    pub(crate) size: u64,
    pub(crate) created_by: Option<String>,
}

#[derive(Default, Serialize)]
pub(crate) struct Config {
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) user: String,
    pub(crate) workdir: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) ports: Vec<String>,
    pub(crate) volumes: Vec<String>,
    pub(crate) stop_signal: Option<String>,
    pub(crate) healthcheck: Option<Healthcheck>,
}

/// Times are in seconds; what is not said is the engine's choice.
#[derive(Serialize)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
    pub(crate) interval: Option<f64>,
    pub(crate) timeout: Option<f64>,
    pub(crate) start_period: Option<f64>,
    pub(crate) start_interval: Option<f64>,
    pub(crate) retries: Option<u32>,
}

/// The files of an image by their paths.
#[derive(Default)]
pub(crate) struct Files(pub(crate) SortedMap<TreePath, File>);

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) kind: FileKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The package, or what made it, where that is known.
    pub(crate) from: Option<Arc<str>>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum FileKind {
    Directory,
    File { size: u64, digest: Option<Digest> },
    Symlink(String),
    Special(&'static str),
}

#[derive(Serialize)]
pub(crate) struct LeftOut {
    pub(crate) reason: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

#[derive(Serialize)]
pub(crate) struct Omitted {
    pub(crate) package: String,
    pub(crate) relation: String,
    pub(crate) without: String,
}

#[derive(Serialize)]
pub(crate) struct Script {
    pub(crate) package: String,
    pub(crate) scripts: Vec<String>,
    /// Why nothing is missing, where that is known.
    pub(crate) covered: Option<String>,
    /// What they would have done, and nobody did.
    pub(crate) missing: Vec<Undone>,
}

#[derive(Serialize)]
pub(crate) struct Undone {
    pub(crate) script: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

#[derive(Serialize)]
pub(crate) struct LocalFile {
    pub(crate) definition: String,
    pub(crate) from: String,
    pub(crate) path: Option<String>,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// Serialised as a list, so that a path that is not UTF-8 is a value and not a key.
impl Serialize for Files {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Default, Serialize)]
        struct Row<'a> {
            path: String,
            kind: &'static str,
            mode: String,
            uid: u32,
            gid: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            size: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            digest: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            target: Option<&'a str>,
            from: Option<&'a str>,
        }
        serializer.collect_seq(self.0.iter().map(|(path, file)| {
            let row = Row {
                path: path.to_string(),
                kind: file.kind.word(),
                mode: format!("{:04o}", file.mode),
                uid: file.uid,
                gid: file.gid,
                from: file.from.as_deref(),
                ..Row::default()
            };
            match &file.kind {
                FileKind::File { size, digest } => Row {
                    size: Some(*size),
                    digest: digest.map(|digest| digest.to_string()),
                    ..row
                },
                FileKind::Symlink(target) => Row {
                    target: Some(target),
                    ..row
                },
                FileKind::Directory | FileKind::Special(_) => row,
            }
        }))
    }
}

impl FileKind {
    /// What it is, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink(_) => "symlink",
            Self::Special(word) => word,
        }
    }

    /// Its bytes; none of what has none.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            _ => 0,
        }
    }
}

impl View {
    /// The image that a word means: a place if it is spelled like one or exists, else a
    /// definition. `with_files` asks for the files, whose bytes then are all read.
    pub(crate) fn find(
        word: &str,
        made: &cli::Made,
        with_files: bool,
    ) -> Result<Self, CommandError> {
        // A definition's file exists, too.
        let location = match is_definition(word) {
            true => None,
            false => Location::find(word)
                .map_err(|error| CommandError::reading(Path::new(word), error))?,
        };
        match location {
            Some(location) => image::view(&location, made, with_files),
            None => Self::make(word, made, with_files),
        }
    }

    /// An image that was opened.
    pub(crate) fn of_image(image: &Image, with_files: bool) -> Result<Self, CommandError> {
        image::view_of(image, with_files)
    }

    /// An image that was just made.
    pub(crate) fn of_built(built: &Built, with_files: bool) -> Result<Self, CommandError> {
        made::view(built, with_files)
    }

    fn make(word: &str, flags: &cli::Made, with_files: bool) -> Result<Self, CommandError> {
        let platform = flags.platform.as_deref();
        let built = make_to_look_at(
            word,
            &flags.definition,
            &flags.lock,
            platform,
            &flags.archive,
        )?;
        made::view(&built, with_files)
    }

    /// The ELF files of a tree.
    fn libraries_of(tree: &Tree) -> BTreeMap<TreePath, Content> {
        let files = tree.iter().filter_map(|(path, entry)| {
            let content = &entry.file()?.content;
            let is_elf = elf::is_elf(&content.head(4).ok()?);
            is_elf.then(|| (path.clone(), content.clone()))
        });
        files.collect()
    }

    /// What the documents of an image tell.
    fn of_documents(image: &Image) -> Self {
        let config = image.config();
        let history = config.history().clone().unwrap_or_default();
        let mut made_by = history
            .iter()
            .filter(|one| one.empty_layer() != Some(true))
            .map(|one| one.created_by());
        let layers = image.layers().iter().map(|layer| Layer {
            digest: layer.digest().to_string(),
            diff_id: layer.diff_id().to_string(),
            media_type: layer.media_type().to_string(),
            size: layer.size(),
            created_by: made_by.next().and_then(|by| by.clone()),
        });
        let layers: Vec<Layer> = layers.collect();
        Self {
            schema_version: 1,
            digest: Some(image.digest().to_string()),
            platform: Some(image.platform().to_string()),
            created: config.created().clone(),
            size: layers.iter().map(|layer| layer.size).sum(),
            layers,
            config: Config::of(image),
            image: Some(image.clone()),
            ..Self::default()
        }
    }
}

impl Config {
    fn of(image: &Image) -> Self {
        let healthcheck = image.healthcheck().map(|check| Healthcheck {
            test: check.test,
            interval: check.interval.map(|time| time.as_secs_f64()),
            timeout: check.timeout.map(|time| time.as_secs_f64()),
            start_period: check.start_period.map(|time| time.as_secs_f64()),
            start_interval: check.start_interval.map(|time| time.as_secs_f64()),
            retries: check.retries,
        });
        let Some(run) = image.config().config() else {
            return Self {
                healthcheck,
                ..Self::default()
            };
        };
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let sorted = |list: &Option<Vec<String>>| {
            let mut list = list.clone().unwrap_or_default();
            list.sort();
            list
        };
        Self {
            entrypoint: list(run.entrypoint()),
            cmd: list(run.cmd()),
            env: list(run.env()),
            user: run.user().clone().unwrap_or_default(),
            workdir: run.working_dir().clone().unwrap_or_default(),
            labels: run
                .labels()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            ports: sorted(run.exposed_ports()),
            volumes: sorted(run.volumes()),
            stop_signal: run.stop_signal().clone(),
            healthcheck,
        }
    }
}

impl Config {
    /// The values by their keys, as tables show them.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let list = |list: &[String]| serde_json::to_string(list).unwrap_or_default();
        let mut rows = vec![
            ("entrypoint", list(&self.entrypoint)),
            ("cmd", list(&self.cmd)),
            ("user", self.user.clone()),
            ("workdir", self.workdir.clone()),
        ];
        rows.extend(self.env.iter().map(|one| ("env", one.clone())));
        rows.extend(self.ports.iter().map(|one| ("port", one.clone())));
        rows.extend(self.volumes.iter().map(|one| ("volume", one.clone())));
        rows.extend(
            self.stop_signal
                .iter()
                .map(|one| ("stop signal", one.clone())),
        );
        rows.extend(
            self.healthcheck
                .iter()
                .map(|one| ("healthcheck", one.text())),
        );
        let label = |(name, value): (&String, &String)| ("label", format!("{name}={value}"));
        rows.extend(self.labels.iter().map(label));
        rows
    }
}

impl Healthcheck {
    fn text(&self) -> String {
        let mut text = serde_json::to_string(&self.test).unwrap_or_default();
        let times = [
            ("every", self.interval),
            ("within", self.timeout),
            ("after", self.start_period),
            ("at first every", self.start_interval),
        ];
        for (word, time) in times {
            if let Some(seconds) = time {
                text += &format!(" {word} {seconds} s");
            }
        }
        if let Some(retries) = self.retries {
            text += &format!(" {retries} times");
        }
        text
    }
}
