//! One file from one or several addresses, with patience but not without end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use distil_store::{Blob, BlobWriter, Digest, Follower, Store, StoreError};
use reqwest::header::{
    CONTENT_RANGE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::url::local_path;

/// How patient a [`Fetcher`] is.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a mirror may say nothing, while connecting and between two pieces of a body.
    pub timeout: Duration,
    /// How often one address is asked in all before it is given up.
    pub attempts: u32,
    /// How long to wait before the second attempt; each further one waits twice as long.
    pub backoff: Duration,
    /// The longest wait that a mirror may ask for with `Retry-After`.
    pub longest_wait: Duration,
    /// How many requests one host gets at once.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            connections: 4,
        }
    }
}

/// Why a file could not be had from an address.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The mirror answered, but not with the file.
    #[error("`{address}` answered {status}")]
    Status {
        /// What was asked for.
        address: String,
        /// HTTP's status.
        status: StatusCode,
        /// How long the mirror asks to be left alone (`Retry-After`, in seconds).
        retry_after: Option<Duration>,
    },
    /// Nothing is at this path of a `file:` mirror.
    #[error("`{address}` does not exist")]
    Missing {
        /// What was asked for.
        address: String,
    },
    /// The connection failed, ended early or said nothing for too long.
    #[error("failed to fetch `{address}`")]
    Connection {
        /// What was asked for.
        address: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What came is not what a signed file announced.
    #[error("`{address}` {problem}")]
    Content {
        /// What was asked for.
        address: String,
        /// How it differs.
        problem: String,
    },
    /// What came could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What came could not be written.
    #[error("failed to write a download to the store")]
    Write(#[source] io::Error),
    /// This machine's own set-up forbids any connection.
    #[error("failed to prepare for connections")]
    Setup {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FetchError {
    /// Whether the mirror said that it does not have the file.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing { .. } => true,
            Self::Status { status, .. } => {
                matches!(*status, StatusCode::NOT_FOUND | StatusCode::GONE)
            }
            _ => false,
        }
    }

    /// Whether trying elsewhere is of no use, since the fault is on this machine.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Write(_) | Self::Setup { .. })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn is_passing(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
            _ => false,
        }
    }
}

/// What a mirror said about the state of a file, to ask later whether it changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// The answer to a conditional request.
#[derive(Debug)]
pub enum Reply {
    /// It did not change since the validators were given.
    Unchanged,
    /// Its bytes now.
    Bytes(Vec<u8>, Validators),
}

/// Fetches files. Cheap to share between threads; connections are kept and used again.
pub struct Fetcher {
    options: Options,
    network: OnceLock<Result<Network, Arc<dyn std::error::Error + Send + Sync>>>,
    hosts: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

struct Network {
    runtime: Runtime,
    client: Client,
}

impl Fetcher {
    /// A fetcher that has not connected yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            network: OnceLock::new(),
            hosts: Mutex::default(),
        }
    }

    /// A fetcher that connects to nobody: what is not on this machine cannot be had.
    pub fn offline() -> Self {
        let refused: Arc<dyn std::error::Error + Send + Sync> =
            Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
                "the network is not to be used",
            ));
        Self {
            network: OnceLock::from(Err(refused)),
            ..Self::new(Options::default())
        }
    }

    /// How many requests one host gets at once.
    pub fn connections(&self) -> usize {
        self.options.connections
    }

    /// Fetches a small file whose digest is not known, such as `InRelease`.
    ///
    /// # Errors
    /// If it is larger than `limit` bytes, too.
    pub fn bytes(
        &self,
        address: &str,
        limit: u64,
        validators: Option<&Validators>,
    ) -> Result<Reply, FetchError> {
        if let Some(path) = local_path(address) {
            let mut bytes = Vec::new();
            let mut file = open_local(address, &path)?.take(limit + 1);
            file.read_to_end(&mut bytes)
                .map_err(|error| connection(address, error))?;
            check_limit(address, bytes.len() as u64, limit)?;
            return Ok(Reply::Bytes(bytes, Validators::default()));
        }
        self.patiently(address, async |network| {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                (IF_NONE_MATCH, validators.and_then(|v| v.etag.as_deref())),
                (
                    IF_MODIFIED_SINCE,
                    validators.and_then(|v| v.last_modified.as_deref()),
                ),
            ] {
                if let Some(value) = value.and_then(|value| value.parse().ok()) {
                    headers.insert(name, value);
                }
            }
            let mut response = network.get(address, headers).await?;
            if response.status() == StatusCode::NOT_MODIFIED && validators.is_some() {
                return Ok(Reply::Unchanged);
            }
            if response.status() != StatusCode::OK {
                return Err(status(address, &response));
            }
            let validators = validators_of(&response);
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|e| connection(address, e))? {
                check_limit(address, bytes.len() as u64 + chunk.len() as u64, limit)?;
                bytes.extend_from_slice(&chunk);
            }
            Ok(Reply::Bytes(bytes, validators))
        })
    }

    /// Fetches a file of known size and digest into the store. A connection that breaks off is
    /// taken up again where it ended, when the mirror can do that.
    pub fn blob(
        &self,
        address: &str,
        size: u64,
        digest: &Digest,
        store: &Store,
    ) -> Result<Blob, FetchError> {
        self.blob_followed(address, size, digest, store, &|_| {})
    }

    /// As [`Fetcher::blob`], and gives `follow` a reader of what comes, while it comes and before it
    /// can be verified: each time when the download begins, at which the reader before fails.
    pub fn blob_followed(
        &self,
        address: &str,
        size: u64,
        digest: &Digest,
        store: &Store,
        follow: &dyn Fn(Follower),
    ) -> Result<Blob, FetchError> {
        let create = || {
            let mut writer = store.create()?;
            follow(writer.follow()?);
            Ok::<_, StoreError>(writer)
        };
        if let Some(path) = local_path(address) {
            let mut file = open_local(address, &path)?.take(size.saturating_add(1));
            let mut writer = create()?;
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = file
                    .read(&mut buffer)
                    .map_err(|error| connection(address, error))?;
                if count == 0 {
                    return finish(address, writer, size, digest);
                }
                writer
                    .write_all(&buffer[..count])
                    .map_err(FetchError::Write)?;
            }
        }
        let mut partial: Option<Partial> = None;
        self.patiently(address, async |network| {
            let mut response = match &partial {
                Some(partial) => network.get(address, partial.rest()).await?,
                None => network.get(address, HeaderMap::new()).await?,
            };
            let resumed = match (&partial, response.status()) {
                (Some(partial), StatusCode::PARTIAL_CONTENT) => partial.is_continued_by(&response),
                _ => false,
            };
            if !resumed {
                partial = None;
                if response.status() != StatusCode::OK {
                    return Err(status(address, &response));
                }
                let validators = validators_of(&response);
                partial = Some(Partial {
                    writer: create()?,
                    validators,
                });
            }
            let Some(receiving) = &mut partial else {
                return Err(status(address, &response));
            };
            while let Some(chunk) = response.chunk().await.map_err(|e| connection(address, e))? {
                let written = receiving.writer.written() + chunk.len() as u64;
                if written > size {
                    let problem = format!("is larger than the {size} bytes that were announced");
                    return Err(FetchError::Content {
                        address: address.to_owned(),
                        problem,
                    });
                }
                receiving
                    .writer
                    .write_all(&chunk)
                    .map_err(FetchError::Write)?;
            }
            match partial.take() {
                Some(partial) => finish(address, partial.writer, size, digest),
                None => Err(status(address, &response)),
            }
        })
    }

    /// Asks until there is an answer that stands, or attempts are used up.
    fn patiently<T>(
        &self,
        address: &str,
        mut attempt: impl AsyncFnMut(&Network) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let network = self.network()?;
        let places = self.places(address);
        network.runtime.block_on(async {
            let _place = places.acquire().await;
            let mut wait = self.options.backoff;
            let mut number = 1;
            loop {
                let error = match attempt(network).await {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                if !error.is_passing() || number >= self.options.attempts {
                    return Err(error);
                }
                let asked = error.retry_after().unwrap_or_default();
                tokio::time::sleep(wait.max(asked.min(self.options.longest_wait))).await;
                wait *= 2;
                number += 1;
            }
        })
    }

    fn network(&self) -> Result<&Network, FetchError> {
        let network = self
            .network
            .get_or_init(|| Network::new(&self.options).map_err(Arc::from));
        network.as_ref().map_err(|source| FetchError::Setup {
            source: source.clone().into(),
        })
    }

    fn places(&self, address: &str) -> Arc<Semaphore> {
        let host = address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let places = || Arc::new(Semaphore::new(self.options.connections.max(1)));
        hosts.entry(host).or_insert_with(places).clone()
    }
}

/// A download that is not complete yet.
struct Partial {
    writer: BlobWriter,
    validators: Validators,
}

impl Partial {
    /// The headers that ask for what is missing, if the file is still the same (RFC 9110, 14.2).
    fn rest(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let validator = self
            .validators
            .etag
            .as_ref()
            .or(self.validators.last_modified.as_ref());
        let range = format!("bytes={}-", self.writer.written());
        // Without a validator, bytes of another file could be joined; the digest would tell,
        // but only after the whole download.
        if let Some(validator) = validator.and_then(|validator| validator.parse().ok())
            && let Ok(range) = range.parse()
        {
            headers.insert(IF_RANGE, validator);
            headers.insert(RANGE, range);
        }
        headers
    }

    /// Whether the answer begins where this ends.
    fn is_continued_by(&self, response: &Response) -> bool {
        let start = format!("bytes {}-", self.writer.written());
        let range = response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok());
        range.is_some_and(|range| range.starts_with(&start))
    }
}

impl Network {
    fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build()?;
        let provider = rustls::crypto::ring::default_provider();
        // Only fails when a provider is installed already, which is as good.
        let _ = provider.install_default();
        let client = Client::builder()
            .user_agent(concat!("distil/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.timeout)
            .read_timeout(options.timeout)
            .build()?;
        Ok(Self { runtime, client })
    }

    async fn get(&self, address: &str, headers: HeaderMap) -> Result<Response, FetchError> {
        let request = self.client.get(address).headers(headers);
        request
            .send()
            .await
            .map_err(|error| connection(address, error.without_url()))
    }
}

fn open_local(address: &str, path: &std::path::Path) -> Result<File, FetchError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchError::Missing {
            address: address.to_owned(),
        },
        _ => connection(address, error),
    })
}

fn finish(
    address: &str,
    writer: BlobWriter,
    size: u64,
    digest: &Digest,
) -> Result<Blob, FetchError> {
    let content = |problem| FetchError::Content {
        address: address.to_owned(),
        problem,
    };
    if writer.written() != size {
        let problem = format!(
            "has {} bytes instead of the announced {size}",
            writer.written()
        );
        return Err(content(problem));
    }
    if writer.digest() != *digest {
        let problem = format!("has {} instead of the announced {digest}", writer.digest());
        return Err(content(problem));
    }
    Ok(writer.commit()?)
}

fn check_limit(address: &str, size: u64, limit: u64) -> Result<(), FetchError> {
    match size > limit {
        false => Ok(()),
        true => {
            let problem = format!("is larger than {limit} bytes, which no such file is");
            Err(FetchError::Content {
                address: address.to_owned(),
                problem,
            })
        }
    }
}

fn connection(
    address: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> FetchError {
    FetchError::Connection {
        address: address.to_owned(),
        source: source.into(),
    }
}

fn status(address: &str, response: &Response) -> FetchError {
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    FetchError::Status {
        address: address.to_owned(),
        status: response.status(),
        retry_after: retry_after
            .and_then(|s| s.parse().ok())
            .map(Duration::from_secs),
    }
}

fn validators_of(response: &Response) -> Validators {
    let text = |name| {
        response
            .headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned)
    };
    Validators {
        etag: text(ETAG),
        last_modified: text(LAST_MODIFIED),
    }
}
