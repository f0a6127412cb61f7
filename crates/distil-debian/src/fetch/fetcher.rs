//! Files of an archive, compared with what a signed file announced.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use distil_net::{Access, Client, NetError, Request, Response, Sink, StatusCode, Url};
use distil_store::{Blob, BlobWriter, Digest, Follower, Store, StoreError};

use super::address::Address;
use super::error::FetchError;
use super::mirror::Mirror;

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
    /// For what is no archive of Debian's format.
    client: Client,
    archives: Client,
    access: Access,
    /// Directories that files are looked for in by their digests.
    copies: Vec<PathBuf>,
    /// The servers that held somebody up in vain.
    slow: Mutex<BTreeSet<String>>,
}

impl Fetcher {
    /// A fetcher with the passwords that this machine has for archives: apt's and the user's netrc. Archives
    /// are reached as apt's configuration says ([`Client::for_archives`]).
    pub fn new(client: Client) -> Self {
        let access = Access::machines(client.environment().clone());
        Self {
            archives: client.for_archives(),
            client,
            access,
            copies: Vec::new(),
            slow: Mutex::default(),
        }
    }

    /// The same fetcher, which looks for files of known digests in directories before it asks their
    /// addresses, at [`copy_path`].
    #[must_use]
    pub fn with_copies(self, copies: Vec<PathBuf>) -> Self {
        Self { copies, ..self }
    }

    /// The copy of a file in the directories, if one of them has it. It is not verified.
    pub fn copy_of(&self, algorithm: &str, digest: &[u8]) -> Option<Address> {
        let name = copy_path(algorithm, digest);
        let paths = self.copies.iter().map(|copies| copies.join(&name));
        let found = paths.into_iter().find(|path| path.exists());
        found.map(Address::File)
    }

    /// The mirrors in the order in which they are to be asked: their own, but those last that held
    /// somebody up before. An image has dozens of files, and each would wait as long as the first.
    pub fn in_order<'a>(&self, mirrors: &'a [Mirror]) -> Vec<&'a Mirror> {
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let is_slow =
            |mirror: &&Mirror| mirror.server().is_some_and(|server| slow.contains(&server));
        let (last, mut first): (Vec<_>, Vec<_>) = mirrors.iter().partition(is_slow);
        first.extend(last);
        first
    }

    /// Whether nobody is asked over a network.
    pub fn is_offline(&self) -> bool {
        self.client.is_offline()
    }

    /// How many requests one host gets at once.
    pub fn connections(&self) -> usize {
        self.client.options().connections
    }

    /// Fetches a small file whose digest is not known, such as `InRelease`.
    ///
    /// # Errors
    /// If it is larger than `limit` bytes, too.
    pub fn bytes(
        &self,
        address: &Address,
        limit: u64,
        validators: Option<&Validators>,
    ) -> Result<Reply, FetchError> {
        let mut request = match self.place(address) {
            Place::Remote(request) => request,
            Place::Local(path) => {
                let mut bytes = Vec::new();
                let file = open_local(address, path)?;
                file.take(limit.saturating_add(1))
                    .read_to_end(&mut bytes)
                    .map_err(|source| unreadable(address, source))?;
                if bytes.len() as u64 > limit {
                    return Err(too_large(address, limit));
                }
                return Ok(Reply::Bytes(bytes, Validators::default()));
            }
        };
        if let Some(validators) = validators {
            for (name, value) in [
                ("if-none-match", &validators.etag),
                ("if-modified-since", &validators.last_modified),
            ] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        match self.archives.send(&request, limit) {
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED => Ok(Reply::Unchanged),
            Ok(response) => {
                let validators = validators_of(&response);
                Ok(Reply::Bytes(response.into_body(), validators))
            }
            Err(NetError::TooLarge { .. }) => Err(too_large(address, limit)),
            Err(error) => Err(self.failed(address, error)),
        }
    }

    /// Fetches a small page that is of no archive of Debian's format.
    ///
    /// # Errors
    /// If it is larger than `limit` bytes, too.
    pub fn page(&self, url: &Url, limit: u64) -> Result<Vec<u8>, FetchError> {
        let address = Address::Remote(url.clone());
        let request = Request::get(url.clone()).access(self.access.clone());
        match self.client.send(&request, limit) {
            Ok(response) => Ok(response.into_body()),
            Err(NetError::TooLarge { .. }) => Err(too_large(&address, limit)),
            Err(error) => Err(self.failed(&address, error)),
        }
    }

    /// Fetches a file of known size and digest into the store. A connection that breaks off is
    /// taken up again where it ended, when the mirror can do that.
    ///
    /// # Errors
    /// If the address has nothing, or something else.
    pub fn blob(
        &self,
        address: &Address,
        size: u64,
        digest: &Digest,
        store: &Store,
    ) -> Result<Blob, FetchError> {
        self.blob_followed(address, size, digest, store, &|_| {})
    }

    /// As [`Fetcher::blob`], and gives `follow` a reader of what comes, while it comes and before it
    /// can be verified: each time when the download begins, at which the reader before fails.
    ///
    /// # Errors
    /// As [`Fetcher::blob`].
    pub fn blob_followed(
        &self,
        address: &Address,
        size: u64,
        digest: &Digest,
        store: &Store,
        follow: &dyn Fn(Follower),
    ) -> Result<Blob, FetchError> {
        let writer = self.receive(&self.archives, address, size, store, follow)?;
        finish(address, writer, size, digest)
    }

    /// Fetches a file of no archive, of known digest and unknown size, of which there may be `limit` bytes,
    /// into the store, from a copy where there is one; without a digest, whatever comes.
    ///
    /// # Errors
    /// If the address has nothing, something else, or more; a copy that is damaged is told, too.
    pub fn blob_of_digest(
        &self,
        address: &Address,
        limit: u64,
        digest: Option<&Digest>,
        store: &Store,
    ) -> Result<Blob, FetchError> {
        let copy = digest.and_then(|digest| self.copy_of("SHA256", digest.as_bytes()));
        let address = copy.as_ref().unwrap_or(address);
        let writer = self.receive(&self.client, address, limit, store, &|_| {})?;
        match digest.filter(|digest| **digest != writer.digest()) {
            Some(digest) => {
                let problem = format!("has {} instead of {digest}", writer.digest());
                Err(content(address, problem))
            }
            None => Ok(writer.commit()?),
        }
    }

    /// Receives a file of at most so many bytes, which nobody has verified.
    fn receive(
        &self,
        client: &Client,
        address: &Address,
        limit: u64,
        store: &Store,
        follow: &dyn Fn(Follower),
    ) -> Result<BlobWriter, FetchError> {
        let mut receiving = Receiving {
            address,
            size: limit,
            store,
            follow,
            writer: None,
            failure: None,
        };
        let done = match self.place(address) {
            Place::Local(path) => {
                let file = open_local(address, path)?;
                receiving.copy(file.take(limit.saturating_add(1)))
            }
            Place::Remote(request) => {
                let downloaded = client.download(&request, &mut receiving);
                downloaded.map_err(|error| self.failed(address, error))
            }
        };
        // What the sink failed at is told by it, not by the download that this ended.
        if let Some(failure) = receiving.failure.take() {
            return Err(failure);
        }
        done?;
        receiving.writer.ok_or_else(|| FetchError::Missing {
            address: address.to_string(),
        })
    }

    fn failed(&self, address: &Address, error: NetError) -> FetchError {
        if let Address::Remote(url) = address
            && error.is_delay()
        {
            let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
            slow.insert(url.origin());
        }
        FetchError::Net(error)
    }

    fn place<'a>(&self, address: &'a Address) -> Place<'a> {
        match address {
            Address::File(path) => Place::Local(path),
            Address::Remote(url) => {
                Place::Remote(Request::get(url.clone()).access(self.access.clone()))
            }
        }
    }
}

enum Place<'a> {
    Local(&'a Path),
    Remote(Request),
}

/// A download into the store.
struct Receiving<'a> {
    address: &'a Address,
    size: u64,
    store: &'a Store,
    follow: &'a dyn Fn(Follower),
    writer: Option<BlobWriter>,
    failure: Option<FetchError>,
}

impl Receiving<'_> {
    fn start(&mut self) -> Result<(), StoreError> {
        // The one before is given up first, so that who follows it sees its end.
        self.writer = None;
        let mut writer = self.store.create()?;
        (self.follow)(writer.follow()?);
        self.writer = Some(writer);
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        if writer.written() + bytes.len() as u64 > self.size {
            let problem = format!("is larger than the {} bytes that were announced", self.size);
            return Err(content(self.address, problem));
        }
        writer.write_all(bytes).map_err(FetchError::Write)
    }

    fn copy(&mut self, mut file: impl Read) -> Result<(), FetchError> {
        self.start()?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.add(buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(self.address, error)),
            }
        }
    }

    /// Keeps a failure for whoever asked, and ends the download.
    fn failed(&mut self, failure: FetchError) -> io::Error {
        self.failure = Some(failure);
        io::ErrorKind::Other.into()
    }
}

impl Sink for Receiving<'_> {
    fn begin(&mut self) -> io::Result<()> {
        self.start().map_err(|error| self.failed(error.into()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.add(bytes).map_err(|error| self.failed(error))
    }
}

/// Where a directory has the copy of a file with a digest, as archives of Debian's format have their
/// indexes (`Acquire-By-Hash`): `by-hash/SHA256/5891b5b5…`.
pub fn copy_path(algorithm: &str, digest: &[u8]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("by-hash/{algorithm}/{hex}")
}

fn open_local(address: &Address, path: &Path) -> Result<File, FetchError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchError::Missing {
            address: address.to_string(),
        },
        _ => unreadable(address, error),
    })
}

fn finish(
    address: &Address,
    writer: BlobWriter,
    size: u64,
    digest: &Digest,
) -> Result<Blob, FetchError> {
    if writer.written() != size {
        let problem = format!(
            "has {} bytes instead of the announced {size}",
            writer.written()
        );
        return Err(content(address, problem));
    }
    if writer.digest() != *digest {
        let problem = format!("has {} instead of the announced {digest}", writer.digest());
        return Err(content(address, problem));
    }
    Ok(writer.commit()?)
}

fn too_large(address: &Address, limit: u64) -> FetchError {
    content(
        address,
        format!("is larger than {limit} bytes, which no such file is"),
    )
}

fn content(address: &Address, problem: String) -> FetchError {
    FetchError::Content {
        address: address.to_string(),
        problem,
    }
}

fn unreadable(address: &Address, source: io::Error) -> FetchError {
    FetchError::Read {
        address: address.to_string(),
        source,
    }
}

fn validators_of(response: &Response) -> Validators {
    let text = |name| response.header(name).map(str::to_owned);
    Validators {
        etag: text("etag"),
        last_modified: text("last-modified"),
    }
}
