//! Registries (OCI distribution specification 1.1).

mod client;
mod error;
mod pull;
mod push;
mod referrers;
mod registries;
mod source;
#[cfg(test)]
mod tests;
mod upload;

pub use self::error::RegistryError;
pub(crate) use self::pull::open;
pub(crate) use self::push::Push;
pub(crate) use self::referrers::{of as referrers_of, to as referrers_to};
pub use self::registries::Registries;
