//! `distil debug`: tools beside a container or an image, and nothing in it.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use distil_build::{BuildError, Session, architecture, is_definition, suite, threads};
use distil_image::{AssembleError, SurfaceError};
use distil_inspect::{ContainerConfig, Filesystem, Options, merge, read_tar};
use distil_oci::{Image, Location};
use distil_run::{
    Beside, BesideError, Container, Engine, EngineError, Found, Root, Roots, Settings, Volume,
};
use distil_tree::OsRelease;

use super::check::read_image;
use super::run::{as_engines_report, volumes};
use super::{registries, request, session};
use crate::cli;
use crate::command::ephemeral;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::signals;

/// The image that the tools are in: libraries for them, and busybox.
const TOOLBOX: &str = "base:debug";

/// Its shell.
const SHELL: &str = "/busybox/sh";

pub(crate) fn run(arguments: &cli::Debug) -> Result<ExitCode, CommandError> {
    if arguments.print {
        return ephemeral::describe(arguments).map(|()| ExitCode::SUCCESS);
    }
    as_engines_report(try_run(arguments))
}

fn try_run(arguments: &cli::Debug) -> Result<u8, CommandError> {
    let printer = Arc::new(Printer::new(arguments.quiet));
    let session = session(&arguments.archive, &printer)?;
    let roots = Roots::open(session.store()).map_err(CommandError::failure)?;
    let target = Target::find(arguments, &session, &roots)?;
    let (tools, config) = toolbox(arguments, &target, &session, &roots)?;
    printer.finish();
    session.finish();
    let mut settings = Settings {
        entrypoint: Some(vec![SHELL.to_owned()]),
        arguments: match &arguments.command {
            Some(command) => vec!["-c".to_owned(), command.clone()],
            None => Vec::new(),
        },
        volumes: volumes(&arguments.volumes)?,
        terminal: arguments
            .tty
            .unwrap_or_else(|| arguments.command.is_none() && std::io::stdin().is_terminal()),
        ..Settings::default()
    };
    settings.env.insert("HOME".to_owned(), "/tmp".to_owned());
    signals::pass_on();
    match target {
        Target::Running(process) => {
            Ok(Container::beside(tools, &config, settings, process)?.run()?)
        }
        Target::Files { root, user, .. } => {
            let account = root.account(&user)?;
            settings.user = Some(format!("{}:{}", account.uid, account.gid));
            settings.volumes.push(Volume {
                host: root.path().to_owned(),
                path: "/target".to_owned(),
                read_only: true,
            });
            Ok(Container::new(tools, &config, settings)?.run()?)
        }
    }
}

/// What the tools are beside.
enum Target {
    Running(Beside),
    /// An image, or a container that does not run.
    Files {
        root: Root,
        user: String,
        os_release: Option<String>,
    },
}

impl Target {
    fn find(
        arguments: &cli::Debug,
        session: &Session,
        roots: &Roots,
    ) -> Result<Self, CommandError> {
        let word = arguments.target.as_str();
        if word.starts_with("pod/") {
            let message = format!("`{word}` is in a cluster, which distil does not talk to");
            return Err(CommandError::usage(message)
                .hint("`--print --image REFERENCE` prints what `kubectl` has to be told"));
        }
        if let Some(number) = word.strip_prefix("pid:") {
            let number = number.parse().map_err(|_| {
                CommandError::usage(format!("`{number}` is not the number of a process"))
            })?;
            return Self::process(number);
        }
        for engine in Engine::ALL {
            let prefix = format!("{}:", engine.prefix());
            if let Some(name) = word.strip_prefix(&prefix) {
                let found = engine.find(name).map_err(CommandError::failure)?;
                let found = found.ok_or_else(|| {
                    CommandError::failure(format!("{engine} has no container `{name}`"))
                })?;
                return Self::container(&found, roots);
            }
        }
        let is_place = Location::find(word).is_ok_and(|found| found.is_some());
        if !is_place && !is_definition(word) && !word.contains('/') {
            match containers(word)?.as_slice() {
                [] => {}
                [found] => return Self::container(found, roots),
                several => {
                    let names = several
                        .iter()
                        .map(|one| format!("`{}:{word}`", one.engine.prefix()));
                    let names: Vec<String> = names.collect();
                    let message = format!("several engines have a container `{word}`");
                    return Err(CommandError::usage(message)
                        .hint(format!("say which is meant: {}", names.join(" or "))));
                }
            }
        }
        Self::image(word, arguments, session, roots)
    }

    fn process(pid: u32) -> Result<Self, CommandError> {
        let process = Beside::of(pid).map_err(|error| {
            let owner = match &error {
                BesideError::Unmapped { owner, .. } => Some(*owner),
                _ => None,
            };
            let error = CommandError::failure(error);
            match (owner, distil_run::is_root()) {
                (Some(owner), _) => {
                    error.hint(format!("be that user: `sudo -u '#{owner}' distil debug …`"))
                }
                (None, true) => error,
                (None, false) => {
                    error.hint("the containers of root's engines need root: `sudo distil debug …`")
                }
            }
        })?;
        Ok(Self::Running(process))
    }

    fn container(found: &Found, roots: &Roots) -> Result<Self, CommandError> {
        if let Some(pid) = found.pid {
            return Self::process(pid);
        }
        let mut child = found
            .engine
            .export(&found.id)
            .map_err(CommandError::failure)?;
        let options = Options {
            threads: threads(),
            whole: true,
            ..Options::default()
        };
        let output = child.stdout.take();
        let read = output.map(|output| read_tar(output, options));
        let status = child.wait();
        let is_done = status.is_ok_and(|status| status.success());
        let failed = || {
            format!(
                "failed to get the files of `{}` from {}",
                found.id, found.engine
            )
        };
        let changeset = match read {
            Some(Ok(changeset)) if is_done => changeset,
            Some(Err(error)) if is_done => return Err(CommandError::failure(error)),
            _ => return Err(CommandError::failure(failed())),
        };
        let Filesystem { tree, .. } = merge(vec![changeset]).map_err(CommandError::failure)?;
        let root = Root::of_tree(&tree, roots).map_err(CommandError::failure)?;
        Ok(Self::files(root, String::new()))
    }

    fn image(
        word: &str,
        arguments: &cli::Debug,
        session: &Session,
        roots: &Roots,
    ) -> Result<Self, CommandError> {
        let location = match is_definition(word) {
            true => None,
            false => Location::find(word)
                .map_err(|error| CommandError::reading(Path::new(word), error))?,
        };
        if let Some(Location::RootFs(path)) = &location {
            let root = Root::of_directory(path, roots);
            let root = root.map_err(|error| CommandError::reading(path, error))?;
            return Ok(Self::files(root, String::new()));
        }
        let image = match location {
            Some(location) => {
                let registries = registries(&arguments.archive, &arguments.registry);
                read_image(&location, None, &registries, &arguments.signers)?
            }
            None => make(word, &[], arguments.suite.as_deref(), session).map_err(|error| {
                match is_definition(word) || word.contains(':') {
                    true => error,
                    false => error.hint(format!("no engine has a container `{word}` either")),
                }
            })?,
        };
        let root = roots.unpack(&image, None, threads());
        let root = root.map_err(CommandError::failure)?;
        Ok(Self::files(root, ContainerConfig::of(&image).user))
    }

    fn files(root: Root, user: String) -> Self {
        let os_release = root.file("/etc/os-release");
        Self::Files {
            root,
            user,
            os_release,
        }
    }

    /// The release of Debian that it is of, if it is one of ours.
    fn suite(&self) -> Option<String> {
        let text = match self {
            Self::Running(process) => process.file("/etc/os-release"),
            Self::Files { os_release, .. } => os_release.clone(),
        };
        let os_release = OsRelease::parse(text?.as_bytes());
        let name = os_release.codename()?;
        suite(name).is_ok().then(|| name.to_owned())
    }
}

/// The containers of this name that the engines of this machine have.
fn containers(name: &str) -> Result<Vec<Found>, CommandError> {
    let mut found = Vec::new();
    for engine in Engine::ALL {
        match engine.find(name) {
            Ok(one) => found.extend(one),
            // One that is not there, or whose daemon is not, has no containers.
            Err(EngineError::Missing(_) | EngineError::Answer { .. }) => {}
            Err(error) => return Err(CommandError::failure(error)),
        }
    }
    Ok(found)
}

/// The image with the tools, unpacked.
fn toolbox(
    arguments: &cli::Debug,
    target: &Target,
    session: &Session,
    roots: &Roots,
) -> Result<(Root, ContainerConfig), CommandError> {
    let suite = arguments.suite.clone().or_else(|| target.suite());
    let image = make(TOOLBOX, &arguments.tools, suite.as_deref(), session)?;
    let root = roots.unpack_with(&image, None, threads(), &["target"]);
    let root = root.map_err(CommandError::failure)?;
    Ok((root, ContainerConfig::of(&image)))
}

/// An image that is made for this machine. Tools may be what no other image may have.
fn make(
    word: &str,
    packages: &[String],
    of_suite: Option<&str>,
    session: &Session,
) -> Result<Image, CommandError> {
    match make_allowing(word, packages, of_suite, Vec::new(), session)? {
        Ok(image) => Ok(image),
        Err(exposed) => {
            let allowed = exposed
                .iter()
                .map(|what| format!("{what}=a tool to debug with"));
            let allowed = allowed.collect();
            let made = make_allowing(word, packages, of_suite, allowed, session)?;
            made.map_err(|_| CommandError::failure("the tools need what no image may have"))
        }
    }
}

/// As [`make`]; what has to be allowed for it is given back, if there are tools to allow it for.
fn make_allowing(
    word: &str,
    packages: &[String],
    of_suite: Option<&str>,
    allow: Vec<String>,
    session: &Session,
) -> Result<Result<Image, BTreeSet<String>>, CommandError> {
    let name = of_suite.unwrap_or("trixie");
    let definition = cli::Definition {
        suite: name.to_owned(),
        packages: packages.to_vec(),
        allow,
        ..cli::Definition::default()
    };
    let request = request(word, &definition, &cli::UseLock::default())?;
    let suite = suite(name)?;
    let target = request.target(suite, architecture(None, suite)?, session.now());
    match session.make(&request, target, false) {
        Ok(made) => Ok(Ok(made.finished.image)),
        Err(BuildError::Proof(_)) => Ok(Ok(session.look_at(&request, target)?.image)),
        Err(BuildError::Assemble(AssembleError::Surface(SurfaceError::Found {
            found, ..
        }))) if !packages.is_empty() => {
            let names = found
                .into_iter()
                .map(|one| one.package.unwrap_or_else(|| one.path.to_string()));
            Ok(Err(names.collect()))
        }
        Err(error) => Err(error.into()),
    }
}
