//! The client: plain blocking calls over a runtime that waits for many connections at once.

use std::io;
use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::environment::Environment;
use crate::error::NetError;
use crate::exchange::exchange;
use crate::patience::{Options, Patience};
use crate::request::Request;
use crate::response::{Response, Stream};
use crate::runtime::Shared;
use crate::transfer::{Piece, Transfer};

/// A client for HTTP. Cheap to clone and to share between threads; connections are kept and used again.
///
/// Nothing is set up before the first request, and no call may be made from within an asynchronous
/// runtime: all of them block.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

/// What takes a download. It may begin more than once.
pub trait Sink {
    /// What was written before, if anything, is to be forgotten; from here on comes the whole.
    ///
    /// # Errors
    /// If nothing can be written. The download ends.
    fn begin(&mut self) -> io::Result<()>;

    /// The next bytes.
    ///
    /// # Errors
    /// If they cannot be written, or are more than there should be. The download ends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Client {
    /// A client that has not connected yet, with the proxies and authorities of this process's
    /// environment.
    pub fn new(options: Options) -> Self {
        Self::with_environment(options, Environment::of_process())
    }

    /// As [`Client::new`], in another environment.
    pub fn with_environment(options: Options, environment: Environment) -> Self {
        Self(Arc::new(Shared::new(options, environment, false)))
    }

    /// A client that asks nobody: each request fails and says what was wanted.
    pub fn offline() -> Self {
        let environment = Environment::of_process();
        Self(Arc::new(Shared::new(Options::default(), environment, true)))
    }

    /// As this one, but for servers whose certificates this machine does not trust.
    #[must_use]
    pub fn without_tls_verification(&self) -> Self {
        let options = Options {
            verify_tls: false,
            ..self.0.options.clone()
        };
        let environment = self.0.environment.clone();
        Self(Arc::new(Shared::new(
            options,
            environment,
            self.0.is_offline,
        )))
    }

    /// As this one, for requests to archives of Debian's format: they go through the proxies and with the
    /// certificates that apt's configuration says, where it says any, and else as all others.
    #[must_use]
    pub fn for_archives(&self) -> Self {
        let mut shared = Shared::new(
            self.0.options.clone(),
            self.0.environment.clone(),
            self.0.is_offline,
        );
        shared.are_archives = true;
        Self(Arc::new(shared))
    }

    /// Whether it asks nobody.
    pub fn is_offline(&self) -> bool {
        self.0.is_offline
    }

    /// How patient it is.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The environment that it has its proxies from.
    pub fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// Sends a request and waits for the whole answer, whose body has at most `limit` bytes.
    ///
    /// # Errors
    /// If there is no answer after all attempts, or one that is neither a success nor a 304 to a
    /// conditional request.
    pub fn send(&self, request: &Request, limit: u64) -> Result<Response, NetError> {
        let online = self.0.online(&request.url)?;
        let network = &online.network;
        let slots = self.0.slots(&request.url);
        online.runtime.block_on(async {
            let _slot = slots.acquire().await;
            let mut patience = self.patience(request);
            loop {
                let answered = async {
                    let mut answer = exchange(network, request, HeaderMap::new()).await?;
                    let response = &mut answer.response;
                    let body = network.collect(&request.url, response, limit).await?;
                    Ok(Response {
                        status: response.status(),
                        url: answer.url,
                        headers: std::mem::take(response.headers_mut()),
                        body,
                    })
                };
                let error = match answered.await {
                    Ok(response) => return Ok(response),
                    Err(error) => error,
                };
                match patience.after(&error) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error),
                }
            }
        })
    }

    /// Asks for what is to be read as it comes; `size` is how large it is, where that is known. What is
    /// read has to be verified: should the connection break off, it is taken up again.
    ///
    /// # Errors
    /// If there is no answer that has it. That it breaks off for good is an error of reading.
    pub fn open(&self, request: &Request, size: Option<u64>) -> Result<Stream, NetError> {
        let transfer = Transfer::new(request, size, true, self.patience(request));
        Stream::open(Arc::clone(&self.0), request.url.clone(), transfer)
    }

    /// Downloads to `sink`. A connection that breaks off is taken up again where it ended if the server
    /// can tell that it still has the same, and from the beginning otherwise.
    ///
    /// # Errors
    /// If there is no answer that has it, the connection breaks off for good, or the sink fails.
    pub fn download(&self, request: &Request, sink: &mut dyn Sink) -> Result<(), NetError> {
        let online = self.0.online(&request.url)?;
        let slots = self.0.slots(&request.url);
        let mut transfer = Transfer::new(request, None, false, self.patience(request));
        let written = |result: io::Result<()>| {
            result.map_err(|source| NetError::Write {
                url: request.url.clone(),
                source,
            })
        };
        online.runtime.block_on(async {
            let _slot = slots.acquire().await;
            loop {
                match transfer.next(&online.network).await? {
                    Piece::Beginning => written(sink.begin())?,
                    Piece::Bytes(bytes) => written(sink.write(&bytes))?,
                    Piece::End => return Ok(()),
                }
            }
        })
    }

    /// The attempts of a caller that repeats more than one request, such as an upload in parts. The
    /// requests themselves should have one attempt each ([`Request::attempts`]).
    pub fn attempts(&self) -> Patience {
        Patience::new(&self.0.options, None)
    }

    fn patience(&self, request: &Request) -> Patience {
        Patience::new(&self.0.options, request.attempts)
    }
}
