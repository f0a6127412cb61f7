//! A Docker daemon's own store, through its API.
//!
//! The daemon is sent the same archive that is written to files, and sends the one of `docker
//! save`. The API is spoken asynchronously, on a thread of its own that lives as long as the
//! transfer, so that whoever calls may be synchronous or not.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::models::SystemVersion;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker, body_try_stream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::compression::Format;
use crate::document_error::DocumentError;
use crate::index::Manifest;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::transport::archive::{self, Wanted};
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::combined;
use crate::transport::daemon_error::DaemonError;
use crate::transport::daemon_host::DaemonHost;
use crate::transport::file_error::FileError;
use crate::transport::names::Names;

/// How long the daemon may take to begin its answer. Older ones begin when they are done.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How much is sent at a time, and how many of these may wait.
const CHUNK: usize = 256 << 10;
const WAITING: usize = 4;
/// The first version of Docker that reads layers by Zstandard.
const ZSTD_SINCE: u32 = 23;

/// Gives `content` to the daemon under `name`: of an index the image for the daemon's platform
/// alone, since Docker before version 29 has no place for more by default.
pub(crate) fn write(
    manifest: &Manifest,
    name: &Reference,
    modified: u64,
) -> Result<(), DaemonError> {
    write_to(&DaemonHost::find()?, manifest, name, modified)
}

fn write_to(
    host: &DaemonHost,
    manifest: &Manifest,
    name: &Reference,
    modified: u64,
) -> Result<(), DaemonError> {
    let daemon = in_a_runtime(async { Ok(connect(host).await?.1) })?;
    let image = match manifest.image_for(&platform(&daemon)) {
        Err(DocumentError::NoPlatform { .. }) => manifest.image_for_host()?,
        found => found?,
    };
    let is_zstd = image.layers().iter().any(is_zstd);
    let image = Manifest::Image(image);
    let names = std::slice::from_ref(name);
    let (sender, receiver) = mpsc::channel(WAITING);
    let (made, sent) = thread::scope(|scope| {
        let make = || {
            let place = Path::new("the Docker daemon");
            let end = sender.clone();
            let mut out = BufWriter::with_capacity(CHUNK, Sender(sender));
            let made = combined::to(&mut out, place, &image, &Names::of(names), modified)
                .and_then(|()| Ok(out.flush().map_err(FileError::of("write", place))?));
            if made.is_err() {
                // So that the daemon does not take the archive for whole.
                let _ = end.blocking_send(Err(io::Error::other("the archive cannot be made")));
            }
            made
        };
        let maker = thread::Builder::new().spawn_scoped(scope, make);
        let sent = in_a_runtime(async {
            let (docker, _) = connect(host).await?;
            load(&docker, receiver).await
        });
        let made = match maker.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(made)) => made.map_err(DaemonError::Archive),
            Ok(Err(_)) => Err(died()),
            Err(error) => Err(DaemonError::Conversation(error.into())),
        };
        (made, sent)
    });
    let sent = sent.map_err(|error| explained(error, &daemon, is_zstd));
    match (made, sent) {
        // When the daemon hangs up, it says why, and we only see that it did.
        (Err(DaemonError::Archive(ImageArchiveError::File(_))), Err(refused)) => Err(refused),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// Reads the image `name` out of the daemon, by way of a temporary file.
pub(crate) fn open(name: &Reference) -> Result<Manifest, DaemonError> {
    open_from(&DaemonHost::find()?, name)
}

fn open_from(host: &DaemonHost, name: &Reference) -> Result<Manifest, DaemonError> {
    let file = in_a_runtime(async {
        let (docker, _) = connect(host).await?;
        save(&docker, name).await
    })?;
    let place = Path::new("the Docker daemon's archive");
    Ok(archive::from_file(file, place, Wanted::Docker(Some(name)))?)
}

/// Runs `work` on a thread of its own: on one that is inside a runtime, it could not block.
fn in_a_runtime<T: Send>(
    work: impl Future<Output = Result<T, DaemonError>> + Send,
) -> Result<T, DaemonError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .map_err(|error| DaemonError::Conversation(error.into()))?
            .block_on(work)
    };
    thread::scope(
        |scope| match thread::Builder::new().spawn_scoped(scope, run) {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err(died())),
            Err(error) => Err(DaemonError::Conversation(error.into())),
        },
    )
}

fn died() -> DaemonError {
    DaemonError::Conversation("the thread that talks to it died".into())
}

/// The daemon, spoken to in a version of the API that it knows, and what it says of itself.
///
/// The requests of this version of `bollard` name no version, which means the daemon's own; the
/// negotiation makes sure of it should that change.
async fn connect(host: &DaemonHost) -> Result<(Docker, SystemVersion), DaemonError> {
    let nobody = |source: Box<dyn std::error::Error + Send + Sync>| DaemonError::NotFound {
        host: host.to_string(),
        source,
    };
    let seconds = PATIENCE.as_secs();
    let docker = match host {
        DaemonHost::Unix(path) => {
            // Only the plain error says clearly what is wrong.
            UnixStream::connect(path).map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => DaemonError::Permission {
                    host: host.to_string(),
                    source: error,
                },
                _ => nobody(error.into()),
            })?;
            let address = format!("unix://{}", path.display());
            Docker::connect_with_unix(&address, seconds, API_DEFAULT_VERSION)
        }
        DaemonHost::Tcp(address) => {
            let address = format!("tcp://{address}");
            Docker::connect_with_http(&address, seconds, API_DEFAULT_VERSION)
        }
    };
    let docker = docker
        .map_err(|error| nobody(error.into()))?
        .negotiate_version()
        .await
        .map_err(|error| nobody(root(error)))?;
    let version = docker.version().await.map_err(problem)?;
    Ok((docker, version))
}

fn platform(daemon: &SystemVersion) -> Platform {
    Platform::linux(daemon.arch.as_deref().unwrap_or_default(), None)
}

/// What a refusal means. Some builds of Docker before 23 read Zstandard, others take it for a
/// damaged tar archive and say nothing of it.
fn explained(error: DaemonError, daemon: &SystemVersion, is_zstd: bool) -> DaemonError {
    match (error, docker_version(daemon)) {
        (DaemonError::Refused(said), Some((major, minor))) if is_zstd && major < ZSTD_SINCE => {
            DaemonError::Zstd {
                version: format!("{major}.{minor:02}"),
                since: ZSTD_SINCE,
                said,
            }
        }
        (error, _) => error,
    }
}

/// Major and minor version; `None` if it is not Docker, such as Podman, which has the same API and
/// other versions, or a Docker that somebody built without giving it a version.
fn docker_version(daemon: &SystemVersion) -> Option<(u32, u32)> {
    let version = match &daemon.components {
        // Older ones do not list their parts.
        None => daemon.version.as_ref()?,
        Some(components) => {
            let engine = components.iter().find(|part| part.name == "Engine");
            &engine?.version
        }
    };
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next()?, numbers.next()?) {
        (Ok(major), Ok(minor)) if major > 0 => Some((major, minor)),
        _ => None,
    }
}

/// Whether a layer is by Zstandard. The engine asks its first bytes and not the media type. What
/// cannot be read is told of when the layer is sent.
fn is_zstd(layer: &Layer) -> bool {
    let mut head = Vec::new();
    layer
        .open()
        .and_then(|layer| {
            layer
                .take(Format::MAGIC_LENGTH as u64)
                .read_to_end(&mut head)
        })
        .is_ok_and(|_| Format::sniff(&head) == Format::Zstd)
}

/// Sends an archive, and reads what the daemon says of it.
async fn load(
    docker: &Docker,
    archive: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<(), DaemonError> {
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let body = body_try_stream(received(archive));
    let mut answers = std::pin::pin!(docker.import_image(options, body, None));
    // Errors come as messages within an answer that began as a success.
    while let Some(answer) = answers.next().await {
        answer.map_err(problem)?;
    }
    Ok(())
}

/// Puts the archive of an image into a temporary file.
async fn save(docker: &Docker, name: &Reference) -> Result<File, DaemonError> {
    let failed = |error| FileError::of("write", std::env::temp_dir())(error);
    let mut file = tempfile::tempfile().map_err(failed)?;
    let familiar = name.familiar();
    let mut pieces = std::pin::pin!(docker.export_image(&familiar));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| match error {
            ApiError::DockerResponseServerError {
                status_code: 404, ..
            } => DaemonError::NoImage(name.familiar()),
            error => problem(error),
        })?;
        file.write_all(&piece).map_err(failed)?;
    }
    file.rewind().map_err(failed)?;
    Ok(file)
}

fn problem(error: ApiError) -> DaemonError {
    match error {
        ApiError::DockerResponseServerError { message, .. } => {
            DaemonError::Refused(one_line(&message))
        }
        ApiError::DockerStreamError { error } => DaemonError::Refused(one_line(&error)),
        error => DaemonError::Conversation(root(error)),
    }
}

fn one_line(message: &str) -> String {
    message
        .trim()
        .replace('\n', " ")
        .chars()
        .take(1000)
        .collect()
}

/// The innermost cause: the wrappings of the HTTP client say only that something failed.
fn root(error: ApiError) -> Box<dyn std::error::Error + Send + Sync> {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match error.source() {
        Some(_) => cause.to_string().into(),
        None => error.into(),
    }
}

fn received(
    archive: mpsc::Receiver<io::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(archive, async |mut archive| {
        let piece = archive.recv().await?;
        Some((piece, archive))
    })
}

/// Writes into a channel; waits while it is full.
struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(bytes));
        match self.0.blocking_send(piece) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "daemon_tests.rs"]
mod tests;
