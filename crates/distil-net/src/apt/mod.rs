//! apt's configuration, as far as it says how archives are reached: proxies, authorities and client
//! certificates (apt.conf(5), apt-transport-http(1), apt-transport-https(1)).

mod acquire;
mod configuration;
mod error;
mod syntax;

pub use acquire::{Acquire, ProxyChoice, Setting, TlsFiles};
pub use configuration::Configuration;
pub use error::AptError;
