//! One HTTP client for archives and registries.
//!
//! A [`Client`] sends a [`Request`] as often as it takes, within limits: it waits for servers that are
//! busy and not for those that are lost, follows redirects and challenges, and takes up downloads that
//! break off. It knows nothing of what it fetches: whoever asks compares what comes with a digest.
//!
//! [`Url`] and [`Secret`] never show a password, and nothing else here has one that is shown.

mod access;
pub mod apt;
mod body;
mod client;
pub mod credentials;
mod environment;
mod error;
mod exchange;
mod method;
mod network;
mod patience;
mod printable;
mod proxy;
mod rate;
mod request;
mod response;
mod route;
mod runtime;
mod secret;
mod transfer;
mod url;

pub use access::Access;
pub use body::Body;
pub use client::{Client, Sink};
pub use environment::Environment;
pub use error::{CredentialsError, InvalidProxy, NetError, Origin, UsedProxy, Withheld};
pub use method::Method;
pub use patience::{Options, Patience};
pub use request::Request;
pub use reqwest::StatusCode;
pub use response::{Response, Stream};
pub use secret::Secret;
pub use url::{InvalidUrl, Login, Url, masked};
