//! Why something could not be had from a server, or given to it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use crate::apt::AptError;
use crate::url::{InvalidUrl, Url};

/// A cause that was made elsewhere.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Why a request has no answer, or not the one that was wanted.
///
/// No message has a password in it, and none advises what to do: that is for whoever knows why the
/// request was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The server answered, but not with what was asked for.
    #[error("`{url}` answered {status}{}", asks_to_wait(*retry_after))]
    Status {
        /// What was asked for.
        url: Url,
        /// HTTP's status.
        status: StatusCode,
        /// How long the server asks to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
        /// The beginning of the answer's body.
        body: Vec<u8>,
    },
    /// The server wants to know who asks, or does not let them in.
    #[error("`{url}` {} ({status})", refusal(credentials.as_ref(), withheld.as_ref()))]
    Unauthorized {
        /// What was asked for, or the server of tokens.
        url: Url,
        /// HTTP's status.
        status: StatusCode,
        /// Where the credentials are from that were sent; none if none were.
        credentials: Option<Origin>,
        /// Why credentials that exist were not sent.
        withheld: Option<Withheld>,
        /// The beginning of the answer's body.
        body: Vec<u8>,
    },
    /// The connection failed, ended early or was silent for too long.
    #[error(
        "failed to fetch `{url}`{}{}",
        through(proxy.as_ref()),
        unseen(unread.as_deref())
    )]
    Connection {
        /// What was asked for.
        url: Url,
        /// The proxy that was to be used.
        proxy: Option<UsedProxy>,
        /// A file that may name another way, and that this user may not read.
        unread: Option<PathBuf>,
        /// An option of apt that turns off the verification of certificates, which is ignored.
        unverified: Option<String>,
        /// Why.
        source: Cause,
    },
    /// A proxy wants to know who asks, or does not let them through.
    #[error("`{url}` was not fetched: {}", barred(proxy))]
    ProxyUnauthorized {
        /// What was asked for.
        url: Url,
        /// The proxy.
        proxy: UsedProxy,
    },
    /// The server sends so little that waiting for the end is of no use.
    #[error(
        "`{url}` is too slow: it sent {received} bytes in {} s, and {least} bytes a second are the least",
        seconds.as_secs_f32().round()
    )]
    TooSlow {
        /// What was asked for.
        url: Url,
        /// How much it sent.
        received: u64,
        /// In what time.
        seconds: Duration,
        /// How many bytes a second it should send at least.
        least: u64,
    },
    /// The answer is larger than what was asked for can be.
    #[error("`{url}` is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: Url,
        /// How large it may be.
        limit: u64,
    },
    /// A download broke off, and what the server has now is something else.
    #[error("`{url}` changed while it was fetched")]
    Changed {
        /// What was asked for.
        url: Url,
    },
    /// The server refers to somewhere that must not be followed.
    #[error("`{url}` redirects {problem}")]
    Redirect {
        /// What was asked for.
        url: Url,
        /// Where to, and why not.
        problem: String,
    },
    /// The server names a server of tokens that must not be asked.
    #[error("`{url}` names `{realm}` as the server to get tokens from, {problem}")]
    Realm {
        /// What was asked for.
        url: Url,
        /// The server of tokens.
        realm: String,
        /// Why it is not asked.
        problem: &'static str,
    },
    /// A server of tokens gave something else.
    #[error("`{url}` did not send a token: {problem}")]
    Token {
        /// The server of tokens.
        url: Url,
        /// What is wrong with the answer.
        problem: String,
    },
    /// No connection is to be made.
    #[error("`{url}` was not fetched: the network is not to be used")]
    Offline {
        /// What was wanted.
        url: Url,
    },
    /// A header that HTTP cannot carry.
    #[error(
        "the header `{name}` of the request for `{url}` has characters that HTTP does not allow"
    )]
    Header {
        /// What was to be asked for.
        url: Url,
        /// Which header.
        name: &'static str,
    },
    /// What was to be sent cannot be read.
    #[error("failed to read what is to be sent to `{url}`")]
    Body {
        /// Where it should go.
        url: Url,
        /// Why.
        source: io::Error,
    },
    /// What came cannot be kept.
    #[error("failed to write what `{url}` sent")]
    Write {
        /// What was asked for.
        url: Url,
        /// Why.
        source: io::Error,
    },
    /// Not a URL.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] InvalidProxy),
    /// apt's configuration cannot be followed.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// A file or program with credentials cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// This machine's set-up allows no connection.
    #[error("failed to prepare for connections")]
    Setup(#[source] Arc<dyn Error + Send + Sync>),
}

impl NetError {
    /// Whether the server said that it does not have what was asked for.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: StatusCode::NOT_FOUND | StatusCode::GONE,
                ..
            }
        )
    }

    /// Whether the server showed a certificate that this machine does not trust.
    pub fn is_untrusted(&self) -> bool {
        self.tls_error(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
    }

    /// Whether one of the causes is such an error of TLS.
    fn tls_error(&self, is_it: impl Fn(&rustls::Error) -> bool) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if error.downcast_ref().is_some_and(&is_it) {
                return true;
            }
            // The source of an error of I/O is not what it was made of, but the source of that.
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            cause = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        false
    }

    /// Whether the server wants to see a certificate of this machine, or does not trust the one that it saw.
    pub fn wants_certificate(&self) -> bool {
        use rustls::AlertDescription as Alert;
        self.tls_error(|error| {
            matches!(
                error,
                rustls::Error::AlertReceived(
                    Alert::CertificateRequired
                        | Alert::BadCertificate
                        | Alert::UnsupportedCertificate
                        | Alert::CertificateRevoked
                        | Alert::CertificateExpired
                        | Alert::CertificateUnknown
                        | Alert::UnknownCA
                        | Alert::AccessDenied
                )
            )
        })
    }

    /// Whether asking elsewhere is of no use, since the fault is on this machine.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Body { .. }
                | Self::Write { .. }
                | Self::Proxy(_)
                | Self::Apt(_)
                | Self::Credentials(_)
                | Self::Setup(_)
        )
    }

    /// Whether the server held somebody up in vain, and others should be asked before it.
    pub fn is_delay(&self) -> bool {
        matches!(self, Self::TooSlow { .. }) || self.is_passing()
    }

    /// Whether the same request may well succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
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

    /// How long the server asks to be left alone (RFC 9110 §10.2.3).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Where credentials are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The URL itself.
    Url,
    /// A file.
    File(PathBuf),
    /// A credential helper of Docker's kind, by its program's name.
    Helper(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("its URL"),
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Helper(program) => write!(f, "`{program}`"),
        }
    }
}

/// Why credentials that there may be were not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// The file's entry is for encrypted connections only.
    Unencrypted(PathBuf),
    /// The file cannot be read by this user.
    Unreadable(PathBuf),
}

/// The proxy that a request went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedProxy {
    /// What names it: an environment variable, or an option of apt and its file; in backquotes.
    pub named_by: String,
    /// The proxy, as it may be shown.
    pub address: String,
    /// Whether it is sent a user and a password.
    pub has_login: bool,
}

/// An environment variable names a proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable `{variable}` is `{shown}`, which is not the address of a proxy: {problem}"
)]
pub struct InvalidProxy {
    /// The variable.
    pub variable: &'static str,
    /// Its value, without a user and a password.
    pub shown: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A file of credentials, or a program that gives them, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the credentials in `{}`: {problem}", path.display())]
pub struct CredentialsError {
    /// The file that has them, or that names the program.
    pub path: PathBuf,
    /// What is wrong, without anything of their content.
    pub problem: String,
}

fn asks_to_wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(time) => format!(", and asks to come back in {} s", time.as_secs()),
        None => String::new(),
    }
}

fn refusal(credentials: Option<&Origin>, withheld: Option<&Withheld>) -> String {
    match (credentials, withheld) {
        (Some(origin), _) => format!("refused the credentials from {origin}"),
        (None, Some(Withheld::Unencrypted(path))) => format!(
            "wants credentials; those in `{}` are for `https://` only, since the entry does not begin with `http://`",
            path.display()
        ),
        (None, Some(Withheld::Unreadable(path))) => format!(
            "wants credentials; `{}` cannot be read by this user",
            path.display()
        ),
        (None, None) => "wants credentials, and none are known".to_owned(),
    }
}

fn through(proxy: Option<&UsedProxy>) -> String {
    match proxy {
        Some(proxy) => format!(
            " through the proxy `{}` that {} names",
            proxy.address, proxy.named_by
        ),
        None => String::new(),
    }
}

fn unseen(unread: Option<&Path>) -> String {
    match unread {
        Some(file) => format!(
            "; `{}`, which may name a proxy, cannot be read by this user",
            file.display()
        ),
        None => String::new(),
    }
}

fn barred(proxy: &UsedProxy) -> String {
    let UsedProxy {
        named_by, address, ..
    } = proxy;
    match proxy.has_login {
        true => format!(
            "the proxy `{address}` that {named_by} names refused the user and password (407)"
        ),
        false => format!(
            "the proxy `{address}` that {named_by} names wants a user and a password, and has none (407)"
        ),
    }
}
