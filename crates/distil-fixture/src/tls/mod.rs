//! TLS in front of a [`Server`]: each request is decrypted, handed on, and its answer encrypted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::server::Server;

/// The authority of the server's certificate, in PEM.
pub const TLS_AUTHORITY: &str = include_str!("authority.pem");

/// The certificate of a client by the same authority, with its key, in PEM.
pub const TLS_CLIENT: &str = include_str!("client.pem");

/// The certificate of a client by another authority, with its key, in PEM.
pub const TLS_STRANGER: &str = include_str!("stranger.pem");

/// A port that speaks TLS, for `localhost` and 127.0.0.1, and hands each request to a server.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl TlsFront {
    /// In front of a server; `asks_client` if a client has to show a certificate by the authority.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(server: &Server, asks_client: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let behind = server.url().replace("http://", "");
        let config = Arc::new(config(asks_client));
        let acceptor = std::thread::spawn({
            let stopping = Arc::clone(&stopping);
            move || {
                for stream in listener.incoming() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let (Ok(stream), config, behind) = (stream, config.clone(), behind.clone())
                    else {
                        continue;
                    };
                    // A client that goes away ends its connection.
                    std::thread::spawn(move || relay(stream, config, &behind));
                }
            }
        });
        Ok(Self {
            address,
            stopping,
            acceptor: Some(acceptor),
        })
    }

    /// `https://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn config(asks_client: bool) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match asks_client {
        true => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(TLS_AUTHORITY)).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        false => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("server.key")).unwrap();
    let chain = vec![certificate(include_str!("server.pem"))];
    builder.with_single_cert(chain, key).unwrap()
}

/// Hands requests without a body on, and answers that say their length back.
fn relay(stream: TcpStream, config: Arc<ServerConfig>, behind: &str) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let mut server = BufReader::new(TcpStream::connect(behind)?);
    loop {
        let Some((request, _)) = head(&mut client)? else {
            return Ok(());
        };
        server.get_mut().write_all(request.as_bytes())?;
        let Some((answer, length)) = head(&mut server)? else {
            return Ok(());
        };
        let mut body = vec![0; length];
        server.read_exact(&mut body)?;
        client.get_mut().write_all(answer.as_bytes())?;
        client.get_mut().write_all(&body)?;
        client.get_mut().flush()?;
    }
}

/// The first line and headers of a message, and the length that they say; none at the end.
fn head(reader: &mut impl BufRead) -> io::Result<Option<(String, usize)>> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        let line = head[start..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            return Ok(Some((head, length)));
        }
    }
}
