//! What a user can do about an error, in the words of this command's flags. The crates below know
//! what failed and why; which flag or key helps is told here.

use std::collections::BTreeSet;

use distil_build::{
    AttestError, BuildError, CompileError, LockError, PlatformError, ProgramBaseError,
    RequestError, SettingsError, SourcesError,
};
use distil_debian::archive::{ArchiveError, Attempt, Obstacle};
use distil_debian::solve::SolveError;
use distil_definition::recipe::{Position, RecipeError};
use distil_image::{
    AssembleError, BytecodeError, ClosureError, Found, GenerateError, ProgramError, SurfaceError,
};
use distil_lock::ResolveError;
use distil_lock::file::{InvalidLock, Misfit};
use distil_oci::DocumentError;
use distil_oci::transport::{DaemonError, Problem, RegistryError, TransportError};
use distil_run::{LimitsError, RunError};
use distil_tree::{Origin, ReadFileError, printable};

use crate::application_hints;

/// An error that the command can help with.
pub(crate) trait Hints {
    /// Names that are like one that was mistyped, the most similar first.
    fn nearest(&self) -> &[String] {
        &[]
    }

    /// What to do about it.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the command was used wrongly, rather than failed.
    fn is_usage(&self) -> bool {
        false
    }
}

const CATALOGUE: &str = "`distil list` shows the catalogue; a file must end in `.yaml`";

impl Hints for BuildError {
    fn nearest(&self) -> &[String] {
        match self {
            Self::Request(error) => error.nearest(),
            Self::Recipe(error) => error.nearest(),
            Self::Resolve(error) => error.nearest(),
            Self::Lock(error) => error.nearest(),
            _ => &[],
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Request(error) => error.hints(),
            Self::Settings(error) => error.hints(),
            Self::Recipe(error) => error.hints(),
            Self::Archive(error) => error.hints(),
            Self::Resolve(error) => error.hints(),
            Self::Lock(error) => error.hints(),
            Self::Assemble(error) => error.hints(),
            Self::Platform(error) => error.hints(),
            Self::Transport(error) | Self::Attest(AttestError::Transport(error)) => error.hints(),
            Self::Attest(AttestError::Vex(_)) => vec![
                "scan the image that this command builds, and name that report".to_owned(),
            ],
            Self::Attest(AttestError::Sources(SourcesError::Unlocked { image })) => {
                vec![format!("lock it first: `distil lock {image}`")]
            }
            Self::Attest(AttestError::Sources(SourcesError::Changed { .. })) => {
                vec!["write what the flags change into a definition, and lock that".to_owned()]
            }
            Self::Python(error) => application_hints::python(error),
            Self::Java(error) => application_hints::java(error),
            Self::Program(ProgramBaseError::NoPackage { .. }) => vec![
                "a library of your own goes with the program if its run path begins with `$ORIGIN` \
                 (`-Wl,-rpath,'$ORIGIN'`); `--suite` names another release of Debian; or link it \
                 statically"
                    .to_owned(),
            ],
            Self::Offline { .. } => vec![
                "leave `--offline` out once, or let `distil vendor` fill a directory where there is a \
                 network, and name it by `--mirror file:DIR`"
                    .to_owned(),
            ],
            Self::Proof(_) => vec![
                "`allow: {PATH: REASON}` in the definition, or `--allow PATH=REASON`, allows a file; \
                 `distil check --explain RULE` explains a rule"
                    .to_owned(),
            ],
            Self::Platforms {
                failures, others, ..
            } => {
                let mut hints: Vec<String> = Vec::new();
                for hint in failures.iter().flat_map(|one| all(&one.error)) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                if !others.is_empty() {
                    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
                    hints.push(format!(
                        "`--platform {}` builds the others",
                        others.join(",")
                    ));
                }
                hints
            }
            _ => Vec::new(),
        }
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::Attest(AttestError::Vex(_) | AttestError::Sources(_)) => true,
            Self::Request(error) => error.is_usage(),
            Self::Settings(error) => error.is_usage(),
            Self::Recipe(error) => error.is_usage(),
            Self::Platform(error) => error.is_usage(),
            Self::Lock(error) => error.is_usage(),
            Self::Platforms { failures, .. } => {
                failures.first().is_some_and(|one| one.error.is_usage())
            }
            _ => false,
        }
    }
}

/// All that helps, the names that may be meant first.
pub(crate) fn all(error: &impl Hints) -> Vec<String> {
    let names: Vec<String> = error.nearest().iter().map(|n| format!("`{n}`")).collect();
    let meant = (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")));
    meant.into_iter().chain(error.hints()).collect()
}

impl Hints for RunError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoProgram => {
                "name one: `--entrypoint PROGRAM`, or `-- PROGRAM ARGUMENT…` where the image has no \
                 ENTRYPOINT"
            }
            Self::Account(_) => "`--user UID:GID` takes numbers, which need no account",
            Self::UserNamespaces { .. } => {
                "an administrator can allow them: `sysctl -w kernel.unprivileged_userns_clone=1`, \
                 `user.max_user_namespaces=15000` or \
                 `kernel.apparmor_restrict_unprivileged_userns=0`, whichever exists; in a container \
                 of Docker's, `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"
            }
            Self::Overlay { .. } => {
                "Linux 5.11 and later allow it on most file systems; without one, mount volumes only \
                 where the image has a directory, and leave `--read-only` as it is"
            }
            Self::Volume { .. } => "a volume is a directory or a file that is there already",
            Self::Limits(LimitsError::NotDelegated { .. }) => {
                "where systemd is, `systemd-run --user --scope distil run …` starts it in a group that is \
                 this user's own; root may make groups everywhere"
            }
            Self::Program { source, .. } if is_format(source) => {
                "it may be for another architecture: `distil show IMAGE` tells, and an emulator \
                 registered with binfmt_misc (Debian's package qemu-user-static) runs it"
            }
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

/// What makes Python's compiled files possible, and that an image does without.
fn bytecode(error: &BytecodeError) -> Vec<String> {
    let mut hints = match error {
        BytecodeError::Compile(source) => match source.downcast_ref() {
            Some(CompileError::Sandbox(error)) => error.hints(),
            Some(CompileError::Host { source, .. }) => source.hints(),
            _ => Vec::new(),
        },
        BytecodeError::NoPython { .. } => return vec!["base it on `python3`".to_owned()],
        _ => Vec::new(),
    };
    let without =
        "`bytecode: false` leaves the compiled files out: containers then compile what they import";
    hints.push(without.to_owned());
    hints
}

/// Whether the kernel does not know how to start a file.
fn is_format(error: &std::io::Error) -> bool {
    // ENOEXEC.
    error.raw_os_error() == Some(8)
}

impl Hints for RequestError {
    fn nearest(&self) -> &[String] {
        match self {
            Self::Variant { nearest, .. } | Self::Suite { nearest, .. } => nearest,
            Self::MovingSuite { .. } | Self::Foreign { .. } | Self::NoDefinition { .. } => &[],
            Self::Recipe(error) => error.nearest(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Recipe(error) => error.hints(),
            Self::MovingSuite { suite, .. } => {
                let (name, number) = (suite.codename, suite.version);
                vec![format!(
                    "use `--suite {name}`, or its number, `--suite {number}`"
                )]
            }
            Self::Foreign { word, meant } => {
                let own = format!("distil's own image of that name is `{meant}`");
                let registry = format!("the image in the registry is `docker://{word}`");
                match word.contains('/') {
                    true => vec![own, registry],
                    false => vec![own],
                }
            }
            Self::Variant { .. } | Self::Suite { .. } | Self::NoDefinition { .. } => Vec::new(),
        }
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::MovingSuite { .. } | Self::Foreign { .. } => true,
            Self::Variant { .. } | Self::Suite { .. } => true,
            Self::NoDefinition { .. } => false,
            Self::Recipe(error) => error.is_usage(),
        }
    }
}

impl Hints for SettingsError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoHome => vec!["name one with `--store DIR` or `DISTIL_STORE`".to_owned()],
            Self::Store(_) => {
                vec!["name another directory with `--store DIR` or `DISTIL_STORE`".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::Size(_)
            | Self::File { .. }
            | Self::Mirror(_)
            | Self::Snapshots(_)
            | Self::Index { .. }
            | Self::Epoch { .. } => true,
            Self::ReadKeyring { source, .. } => matches!(source, ReadFileError::Missing),
            Self::NoHome | Self::Store(_) | Self::Keyring(_) => false,
        }
    }
}

impl Hints for LockError {
    fn nearest(&self) -> &[String] {
        match self {
            Self::Unknown { nearest, .. } => nearest,
            _ => &[],
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Invalid(InvalidLock::Newer { .. }) => {
                "a newer distil wrote it; build with that, or lock again with this one".to_owned()
            }
            Self::Invalid(InvalidLock::Conflict { .. }) => {
                "take one side of it, and run `distil lock` again".to_owned()
            }
            Self::Invalid(InvalidLock::Invalid { .. } | InvalidLock::Cut { .. }) => {
                "take it as it was from version control, or remove it and run `distil lock`"
                    .to_owned()
            }
            Self::Concurrent { .. } | Self::Moving { .. } => "run the command again".to_owned(),
            Self::Missing { definition, .. } => format!("`distil lock {definition}` makes it"),
            Self::NoPath { image } => format!(
                "`distil lock {image} -o FILE` makes a lock, and `--lock FILE` builds from it"
            ),
            Self::Misfit {
                definition, misfit, ..
            } => match misfit {
                Misfit::Suite { locked, .. } => format!(
                    "`--suite {locked}` builds from it; `distil lock {definition} --suite …` locks \
                     another"
                ),
                Misfit::Platform { .. } => {
                    format!("`distil lock {definition} --platform …` locks other platforms")
                }
                Misfit::Variant { .. } => {
                    format!("`distil lock {definition} --update` says why, or has them now")
                }
                Misfit::Changed(_) => format!(
                    "`distil lock {definition}` locks it anew and keeps the pins that still fit; \
                     `--no-lock` builds without"
                ),
            },
            Self::Changed { definition, .. } => {
                format!("`distil lock {definition}` locks it anew, with the same packages")
            }
            Self::Compression { .. } => {
                "leave `--compression` out, or lock again with it".to_owned()
            }
            Self::Format { .. } => "build with the distil that made it, or lock again".to_owned(),
            Self::Package { source, .. } => {
                let name = source.package.split(' ').next().unwrap_or_default();
                format!(
                    "`--mirror ADDRESS` and `--snapshot-service ADDRESS` name other places; `distil lock \
                     --update {name}` takes the version that there is now"
                )
            }
            Self::Older { .. } => {
                "`--mirror ADDRESS` names another mirror; `--allow-older` accepts it all the same, \
                 and its packages may lack fixes"
                    .to_owned()
            }
            Self::Read { .. }
            | Self::NotUtf8 { .. }
            | Self::Write { .. }
            | Self::Unknown { .. } => return Vec::new(),
        };
        vec![hint]
    }

    fn is_usage(&self) -> bool {
        matches!(self, Self::NoPath { .. } | Self::Unknown { .. })
    }
}

impl Hints for PlatformError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Host(_) | Self::Several | Self::SeveralRoots => "name one with `--platform`",
            Self::Disagree { .. } => {
                "the archive is still building it for one of them; build that platform alone, or \
                 try again later"
            }
            Self::Invalid(_) | Self::Unsupported(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::Host(_) | Self::Disagree { .. } => false,
            Self::Invalid(_) | Self::Unsupported(_) | Self::Several | Self::SeveralRoots => true,
        }
    }
}

impl Hints for RecipeError {
    fn nearest(&self) -> &[String] {
        match self {
            Self::Unknown(unknown) => &unknown.nearest,
            Self::UnknownFrom { unknown, .. } => &unknown.nearest,
            _ => &[],
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Suite(unsuitable) => {
                let suites = unsuitable.suites.iter();
                let flags: Vec<String> = suites.map(|suite| format!("`--suite {suite}`")).collect();
                vec![format!("it can be built with {}", flags.join(" or "))]
            }
            Self::Unknown(_) | Self::UnknownFrom { .. } => vec![CATALOGUE.to_owned()],
            _ => Vec::new(),
        }
    }

    fn is_usage(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            // Named on the command line, rather than in a definition.
            Self::File { path, position, .. } => *position == Position::default() && !path.exists(),
            _ => false,
        }
    }
}

impl Hints for ArchiveError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoMirror { .. } => {
                "name a mirror with `--mirror ADDRESS`, or `--mirror security=ADDRESS`"
            }
            Self::Release { attempts, .. } => match obstacle(attempts) {
                Some(obstacle) => remedy(obstacle),
                None => "`--mirror ADDRESS` names another mirror",
            },
            Self::IndexMissing { attempts, .. } => match obstacle(attempts) {
                Some(obstacle) => remedy(obstacle),
                None => {
                    "the mirror may be changing just now; try again, or another with `--mirror`"
                }
            },
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

/// What is in the way to a mirror: an expired Release of one before all else, since nothing else is wrong
/// with it.
fn obstacle(attempts: &[Attempt]) -> Option<Obstacle> {
    attempts.iter().filter_map(|attempt| attempt.obstacle).min()
}

fn remedy(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Expired => "`--allow-expired` accepts it; its packages may lack security fixes",
        Obstacle::Password => {
            "passwords of mirrors are looked for in `/etc/apt/auth.conf`, `/etc/apt/auth.conf.d` and \
             `~/.netrc`, or are in the address: `https://USER:PASSWORD@HOST/…`"
        }
        Obstacle::ProxyPassword => {
            "a password of a proxy is in its address, `http://USER:PASSWORD@PROXY:PORT`, or for a proxy \
             that apt's configuration names in `/etc/apt/auth.conf.d`"
        }
        Obstacle::Authority => {
            "`SSL_CERT_FILE` names a file with the authority of its certificate, as does apt's option \
             `Acquire::https::CAInfo::HOST`"
        }
        Obstacle::Unverified => {
            "apt's options `Verify-Peer` and `Verify-Host` have no effect here, since a password may be sent; \
             name the authority of the certificate by `Acquire::https::CAInfo::HOST`"
        }
        Obstacle::ClientCertificate => {
            "apt's options `Acquire::https::SSLCert::HOST` and `Acquire::https::SSLKey::HOST` name the \
             certificate that is shown to a server"
        }
    }
}

impl Hints for TransportError {
    fn hints(&self) -> Vec<String> {
        let hint = match self.problem() {
            Problem::Registry(RegistryError::Denied { host, .. }) => {
                return vec![format!(
                    "`docker login {host}` or `podman login {host}` stores credentials for it"
                )];
            }
            Problem::Registry(RegistryError::Rejected {
                status: 404, host, ..
            }) => {
                return vec![format!(
                    "not every registry makes a repository when something is pushed to it; create it \
                     at `{host}` first"
                )];
            }
            Problem::Registry(RegistryError::Conversation { source, .. })
                if source.is_untrusted() =>
            {
                "`SSL_CERT_FILE` names a file with the authority of its certificate; \
                 `--tls-verify=false` takes any certificate, and then anyone on the way can read \
                 the credentials"
            }
            Problem::Registry(RegistryError::Rejected { status: 413, .. }) => {
                "the registry, or a proxy before it, limits the size of a request even in parts of 1 \
                 MiB; raise that limit"
            }
            Problem::Daemon(DaemonError::NotFound { .. }) => {
                "start it, or set `DOCKER_HOST` to the address of another daemon"
            }
            Problem::Daemon(DaemonError::Permission { .. }) => {
                "this user has to be in the group that owns the socket, usually `docker`"
            }
            Problem::Daemon(DaemonError::Zstd { .. }) => "try `--compression gzip`",
            Problem::Document(DocumentError::NoPlatform { .. }) => "name one with `--platform`",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    fn is_usage(&self) -> bool {
        // As for the name of an image that there is not.
        match self {
            Self::Read { location, .. } => location.path().is_some_and(|path| !path.exists()),
            Self::Write { .. } => false,
        }
    }
}

impl Hints for ResolveError {
    fn nearest(&self) -> &[String] {
        match self {
            Self::Unsolvable { source, .. } | Self::UnsolvableDev { source, .. } => match source {
                // One that is elsewhere is not mistyped.
                SolveError::Unknown {
                    nearest, elsewhere, ..
                } if elsewhere.is_empty() => nearest,
                _ => &[],
            },
            _ => &[],
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoTool { .. } => {
                "the image's other variants need no tools; `--platform` names another platform \
                 for its `:dev`"
            }
            Self::UnsolvableDev {
                source: SolveError::PinConflict(_) | SolveError::Unsatisfiable(_),
                ..
            } => {
                "in `:dev` the packages of the image are as they are there, and beside them are a \
                 shell, apt and a compiler; leave out of `packages` or `dev: {packages: [...]}` \
                 what does not go with them"
            }
            Self::Unsolvable {
                source: SolveError::PinConflict(_),
                ..
            } => {
                "the packages of what it stands on are as they are there; `layers: single` in a \
                 definition solves all together, and shares no layers"
            }
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

impl Hints for AssembleError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Bytecode(error) => return bytecode(error),
            Self::Generate(GenerateError::NoJava { .. }) => {
                "leave the package out, since distil makes the key store for any Java machine of \
                 the image; `certificates: {key_store: always}` in a definition makes it for one \
                 that is copied in later"
                    .to_owned()
            }
            Self::Taken {
                key: "files",
                owner: Origin::Package(_),
                ..
            } => "`replace: true` beside the `path` replaces the existing file".to_owned(),
            Self::Program(ProgramError::Unusable { key, .. }) => {
                let key = key.to_uppercase();
                format!(
                    "a program that is copied in later is named by the {key} of that Dockerfile"
                )
            }
            // What such files need is not what the image lacks.
            Self::Closure(ClosureError::Missing { missing, foreign })
                if missing.iter().all(|one| foreign.contains_key(&one.path)) =>
            {
                "take the files that are for the image's platform, or build the image for theirs: \
                 `--platform`; `drop` leaves files of packages out"
                    .to_owned()
            }
            Self::Closure(ClosureError::Missing { missing, .. }) => {
                let name = missing.first().map(|one| printable(&one.library));
                let name = name.unwrap_or_default();
                format!(
                    "`packages`, or `--add`, adds the package that has it, often one that is only \
                     recommended; `drop` leaves out the file that needs it; `excuse: {{{name}: \
                     REASON}}`, or `--excuse {name}=REASON`, says that it may be missing"
                )
            }
            Self::Surface(SurfaceError::Found { found, without }) => {
                return way_out(found, without);
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// How not to have what an image should not have, and how to have it all the same.
fn way_out(found: &[Found], without: &BTreeSet<String>) -> Vec<String> {
    let flags = |flag: &str, names: &BTreeSet<String>| {
        let flags: Vec<String> = names
            .iter()
            .map(|name| format!("--{flag} {name}=REASON"))
            .collect();
        let entries: Vec<String> = names.iter().map(|name| format!("{name}: REASON")).collect();
        let (flags, entries) = (flags.join(" "), entries.join(", "));
        format!("`{flags}`, or `{flag}: {{{entries}}}` in the definition")
    };
    let names = found.iter().map(|one| match &one.package {
        Some(package) => package.clone(),
        None => one.path.to_string(),
    });
    let mut hints = Vec::new();
    if !without.is_empty() {
        let flags = flags("without", without);
        hints.push(format!(
            "{flags}, leaves out what brings it, where nothing needs that"
        ));
    }
    hints.push(format!("{}, lets it in", flags("allow", &names.collect())));
    hints
}
