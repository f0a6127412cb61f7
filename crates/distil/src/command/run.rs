//! `distil run`: run an image's program, without an engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use distil_build::{architecture, is_definition, open_store, store_limit, suite, threads};
use distil_inspect::{ContainerConfig, Filesystem, Inspection, Options};
use distil_oci::{Image, Location, Platform};
use distil_run::{Container, Limits, Network, Root, Roots, RunError, Settings, Volume};
use distil_tree::program;

use super::check::read_image;
use super::{registries, request, say_lock, session};
use crate::changes::command;
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::signals;

/// How many unpacked images are kept.
const KEPT: usize = 20;

/// The status of everything that keeps the program from being run, as engines have it: lower ones
/// are the program's.
const NOT_RUN: u8 = 125;

pub(crate) fn run(arguments: &cli::Run) -> Result<ExitCode, CommandError> {
    as_engines_report(try_run(arguments))
}

/// The status of a program, or of what kept it from being run.
pub(crate) fn as_engines_report(
    result: Result<u8, CommandError>,
) -> Result<ExitCode, CommandError> {
    let status = result.map_err(|error| match error.status() {
        status @ (126 | 127) => error.with_status(status),
        _ => error.with_status(NOT_RUN),
    })?;
    Ok(ExitCode::from(status))
}

fn try_run(arguments: &cli::Run) -> Result<u8, CommandError> {
    let settings = settings(arguments)?;
    let subject = Subject::find(arguments)?;
    warn_of_platform(&subject, arguments.quiet);
    let container = Container::new(subject.root, &subject.config, settings)?;
    let (program, path) = (container.program().to_owned(), container.path().to_owned());
    let workdir = container.workdir().to_owned();
    signals::pass_on();
    container
        .run()
        .map_err(|error| match (&error, &subject.image) {
            (RunError::Program { .. }, Some(image)) => {
                explained(error, image, &path, &workdir, &program)
            }
            _ => error.into(),
        })
}

/// What is run.
struct Subject {
    root: Root,
    config: ContainerConfig,
    /// None for a plain root file system.
    image: Option<Image>,
}

impl Subject {
    fn find(arguments: &cli::Run) -> Result<Self, CommandError> {
        let word = arguments.image.as_str();
        let location = match is_definition(word) {
            true => None,
            false => Location::find(word)
                .map_err(|error| CommandError::reading(Path::new(word), error))?,
        };
        match location {
            Some(location) => Self::read(&location, arguments),
            None => Self::make(word, arguments),
        }
    }

    fn read(location: &Location, arguments: &cli::Run) -> Result<Self, CommandError> {
        let store = open_store(arguments.archive.store.as_deref())?;
        let roots = Roots::open(&store).map_err(CommandError::failure)?;
        if let Location::RootFs(path) = location {
            let root = Root::of_directory(path, &roots);
            return Ok(Self {
                root: root.map_err(|error| CommandError::reading(path, error))?,
                config: ContainerConfig::default(),
                image: None,
            });
        }
        let registries = registries(&arguments.archive, &arguments.registry);
        let image = read_image(
            location,
            arguments.platform.as_deref(),
            &registries,
            &arguments.signers,
        )?;
        let root = roots.unpack(&image, None, threads());
        let root = root.map_err(CommandError::failure)?;
        prune(&roots)?;
        Ok(Self::of(root, image))
    }

    fn make(word: &str, arguments: &cli::Run) -> Result<Self, CommandError> {
        let definition = cli::Definition {
            suite: arguments.suite.clone(),
            packages: arguments.packages.clone(),
            ..cli::Definition::default()
        };
        let request = request(word, &definition, &arguments.lock)?;
        let suite = suite(&arguments.suite)?;
        let architecture = architecture(arguments.platform.as_deref(), suite)?;
        let printer = Arc::new(Printer::new(arguments.quiet));
        let session = session(&arguments.archive, &printer)?;
        say_lock(&request, &printer);
        let target = request.target(suite, architecture, session.now());
        let made = session.make(&request, target, false);
        printer.finish();
        let made = made?;
        let tree = made.built.as_ref().map(|built| &built.assembly.tree);
        let image = made.finished.image;
        let roots = Roots::open(session.store()).map_err(CommandError::failure)?;
        let root = roots.unpack(&image, tree, threads());
        let root = root.map_err(CommandError::failure)?;
        session.finish();
        prune(&roots)?;
        Ok(Self::of(root, image))
    }

    fn of(root: Root, image: Image) -> Self {
        Self {
            root,
            config: ContainerConfig::of(&image),
            image: Some(image),
        }
    }
}

/// Keeps what is unpacked below the store's own limit.
fn prune(roots: &Roots) -> Result<(), CommandError> {
    // Whose settings cannot be read may run images all the same.
    let limit = store_limit(None).unwrap_or(u64::MAX);
    let pruned = roots.prune(KEPT, limit);
    pruned.map(drop).map_err(CommandError::failure)
}

/// What the flags say beside the image's configuration.
fn settings(arguments: &cli::Run) -> Result<Settings, CommandError> {
    check_ports(&arguments.ports, arguments.network)?;
    if let Some(name) = &arguments.hostname
        && (name.is_empty() || name.len() > 64 || name.contains(['\0', '\n', ' ']))
    {
        return Err(CommandError::usage(format!("`{name}` is not a host name")));
    }
    Ok(Settings {
        entrypoint: command("--entrypoint", arguments.entrypoint.as_deref())?,
        arguments: arguments.arguments.clone(),
        user: arguments.user.clone(),
        env: variables(&arguments.env)?,
        workdir: arguments.workdir.clone(),
        volumes: volumes(&arguments.volumes)?,
        network: match arguments.network {
            cli::Network::Host => Network::Host,
            cli::Network::None => Network::None,
        },
        hostname: arguments.hostname.clone(),
        writable: !arguments.read_only,
        terminal: arguments.tty,
        limits: Limits {
            memory: arguments.memory.as_deref().map(memory).transpose()?,
            pids: arguments.pids.filter(|number| *number > 0),
        },
        ..Settings::default()
    })
}

/// An amount of memory, as Docker reads it: a number, and `b`, `k`, `m` or `g` for what it counts.
fn memory(text: &str) -> Result<u64, CommandError> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches('b');
    let (digits, unit) = match digits.chars().last() {
        Some('k') => (digits.trim_end_matches('k'), 1 << 10),
        Some('m') => (digits.trim_end_matches('m'), 1 << 20),
        Some('g') => (digits.trim_end_matches('g'), 1 << 30),
        _ => (digits, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    let bytes = number.and_then(|number| number.checked_mul(unit));
    // With less no program even starts; it is Docker's minimum, too.
    bytes.filter(|bytes| *bytes >= 6 << 20).ok_or_else(|| {
        CommandError::usage(format!(
            "`--memory {text}` is not an amount of memory of at least 6m"
        ))
        .hint("write `--memory 512m` or `--memory 2g`")
    })
}

/// Volumes as they are written.
pub(crate) fn volumes(list: &[String]) -> Result<Vec<Volume>, CommandError> {
    let volumes = list.iter().map(|text| {
        text.parse::<Volume>().map_err(|error| {
            CommandError::usage(error)
                .hint("a volume is written `-v HOST:PATH` or `-v HOST:PATH:ro`: `-v ./data:/data`")
        })
    });
    volumes.collect()
}

fn variables(list: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut variables = BTreeMap::new();
    for text in list {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text.as_str(), std::env::var(text).ok()),
        };
        if name.is_empty() || text.contains('\0') {
            return Err(CommandError::usage(format!(
                "`--env {text}` does not name a variable"
            )));
        }
        // As with engines, one that is not set here is not set there.
        if let Some(value) = value {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

/// A container that has the machine's network publishes every port; one that has none, no port.
fn check_ports(ports: &[String], network: cli::Network) -> Result<(), CommandError> {
    for text in ports {
        let wrong = || CommandError::usage(format!("`-p {text}` is not `PORT` or `PORT:PORT`"));
        let mut numbers = text.split(':').map(str::parse::<u16>);
        let host = numbers.next().and_then(Result::ok).ok_or_else(wrong)?;
        let inner = numbers.next().unwrap_or(Ok(host)).map_err(|_| wrong())?;
        if numbers.next().is_some() {
            return Err(wrong());
        }
        if network == cli::Network::None {
            let message = format!("`-p {text}` publishes nothing with `--network none`");
            return Err(CommandError::usage(message)
                .hint("with `--network host`, the program's ports are those of this machine"));
        }
        if host != inner {
            let message = format!(
                "port {inner} of the program cannot be published as {host}: the program has the \
                 network of this machine"
            );
            return Err(CommandError::usage(message)
                .hint("have the program listen on the port that you want; engines can change it"));
        }
    }
    Ok(())
}

/// Says that programs are for another machine; whether they run is up to the kernel's settings.
fn warn_of_platform(subject: &Subject, quiet: bool) {
    let Some(image) = &subject.image else { return };
    let (platform, host) = (image.platform(), Platform::host());
    if platform.architecture() != host.architecture() {
        Printer::new(quiet).say(format_args!(
            "warning: the image is for {platform}, this machine is {host}; its programs run only \
             where an emulator is registered (binfmt_misc)"
        ));
    }
}

/// Why a program could not be started, in the words in which `check` foretells it.
fn explained(
    error: RunError,
    image: &Image,
    path: &str,
    workdir: &str,
    word: &str,
) -> CommandError {
    let status = error.status();
    let options = Options {
        threads: threads(),
        ..Options::default()
    };
    let inspection = Inspection::of_image(image, options);
    let Ok(Filesystem { tree, .. }) = inspection.map(|inspection| inspection.filesystem) else {
        return error.into();
    };
    match program::find(&tree, path, workdir, word) {
        Err(unusable) => {
            let message = format!("failed to start `{word}`, which {unusable}");
            CommandError::failure(message).with_status(status)
        }
        Ok(_) => error.into(),
    }
}
