//! What machines share: a cache in a registry, and parts of a catalogue.

use std::sync::Arc;

use distil_build::{CacheSettings, ImageRequest, Shard};
use distil_oci::Location;
use distil_oci::reference::Repository;

use crate::cli;
use crate::error::CommandError;
use crate::keys;

/// The caches that the flags name, with their keys.
pub(crate) fn cache(
    flags: &cli::SharedCache,
    signing: &cli::Signing,
) -> Result<CacheSettings, CommandError> {
    if !flags.caches.is_empty() && flags.cache_keys.is_empty() {
        let message = "`--cache` names no key, and an entry of a cache counts only if a trusted key has signed it";
        return Err(CommandError::usage(message)
            .hint("name the public key of the machine that fills it: `--cache-key cache.pub`"));
    }
    if flags.caches.is_empty() && !flags.cache_keys.is_empty() {
        let message = "`--cache-key` is about a cache, and there is no `--cache`";
        return Err(CommandError::usage(message)
            .hint("name its repository: `--cache docker://REGISTRY/cache`"));
    }
    let to = match (&flags.cache_to, &flags.cache_sign_key) {
        (None, None) => None,
        (Some(to), Some(key)) => {
            let key = keys::private(key, signing)?;
            Some((repository("--cache-to", to)?, Arc::new(key)))
        }
        (Some(_), None) => {
            let message = "`--cache-to` names no key, and nobody uses what is not signed";
            return Err(CommandError::usage(message)
                .hint("name the private key that signs entries: `--cache-sign-key cache.key`"));
        }
        (None, Some(_)) => {
            let message = "`--cache-sign-key` signs what `--cache-to` writes, which is not there";
            return Err(CommandError::usage(message)
                .hint("name the repository: `--cache-to docker://REGISTRY/cache`"));
        }
    };
    let from = flags.caches.iter().map(|word| repository("--cache", word));
    Ok(CacheSettings {
        from: from.collect::<Result<_, _>>()?,
        trusted: keys::public(&flags.cache_keys)?,
        to,
        shard: None,
    })
}

fn repository(flag: &str, word: &str) -> Result<Repository, CommandError> {
    let hint = "a repository is written `docker://REGISTRY/NAME`; the tags in it are distil's";
    match word.parse().map_err(CommandError::usage)? {
        Location::Registry(reference)
            if reference.tag().is_none() && reference.digest().is_none() =>
        {
            Ok(reference.repository().clone())
        }
        Location::Registry(_) => {
            let message = format!("`{flag} {word}` names a tag or a digest");
            Err(CommandError::usage(message).hint(hint))
        }
        _ => {
            let message = format!("`{flag} {word}` is not in a registry");
            Err(CommandError::usage(message).hint(hint))
        }
    }
}

/// The part that the flag names.
pub(crate) fn shard(flags: &cli::Share) -> Result<Option<Shard>, CommandError> {
    let shard = flags.shard.as_deref().map(str::parse).transpose();
    shard.map_err(CommandError::usage)
}

/// The requests that are in the part, and the names of the others.
pub(crate) fn divided(
    requests: Vec<ImageRequest>,
    shard: Option<Shard>,
) -> (Vec<ImageRequest>, Vec<String>) {
    let Some(shard) = shard else {
        return (requests, Vec::new());
    };
    let (own, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(|one| shard.has(one));
    let others = others.into_iter().map(|one| one.request.word);
    (own, others.collect())
}
