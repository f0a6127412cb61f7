//! Getting a suite's Release that can be trusted, from the store while it is fresh.

use std::time::{Duration, SystemTime};

use distil_store::{Digest, Key, KeyBuilder, Store};
use serde::{Deserialize, Serialize};

use super::error::{ArchiveError, Attempt, Obstacle};
use super::options::ArchiveOptions;
use super::pocket::{PocketOptions, PocketPlace};
use crate::date;
use crate::fetch::{Address, FetchError, Fetcher, Mirror, Reply, Validators};
use crate::openpgp::{verify_detached, verify_inline};
use crate::release::{Expired, Release};

/// The largest Release that is read; Debian's have some 150 kB.
const MAX_RELEASE: u64 = 16 << 20;

/// A Release whose signature is good, which is of the suite asked for, and current.
pub(super) struct VerifiedRelease {
    pub(super) release: Release,
    /// The digest of the signed text.
    pub(super) digest: Digest,
    /// The fingerprints of the keys that signed it, sorted.
    pub(super) keys: Vec<String>,
    /// The text and its signature, as the mirror has them.
    pub(super) signed: SignedRelease,
}

/// What was fetched, as the store keeps it.
#[derive(Serialize, Deserialize)]
struct Fetched {
    /// When, in seconds since 1970.
    at: u64,
    validators: Validators,
    message: SignedRelease,
}

/// A Release as a mirror has it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum SignedRelease {
    /// `InRelease`: text and signature in one.
    Inline(String),
    /// `Release` with `Release.gpg` beside it.
    Detached { text: String, signature: Vec<u8> },
}

impl SignedRelease {
    /// Its files, by their names in the suite's directory.
    pub(super) fn files(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            Self::Inline(message) => vec![("InRelease", message.as_bytes())],
            Self::Detached { text, signature } => {
                vec![("Release", text.as_bytes()), ("Release.gpg", signature)]
            }
        }
    }
}

/// Gets the Release of `pocket` from the first mirror that has one that can be trusted.
pub(super) fn get(
    pocket: &PocketOptions,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<VerifiedRelease, ArchiveError> {
    let mut attempts = Vec::new();
    let name = &pocket.name;
    for mirror in fetcher.in_order(&pocket.mirrors) {
        let address = pocket.address(mirror, "InRelease");
        let message = match fetch(&address, mirror, pocket, options, store, fetcher) {
            Ok(message) => message,
            Err(error) if error.is_local() => {
                return Err(ArchiveError::Local {
                    what: address.into(),
                    source: error,
                });
            }
            Err(error) => {
                tracing::info!(suite = name, %address, %error, "mirror has no Release");
                attempts.push(Attempt::new(address, &error));
                continue;
            }
        };
        let key = verified_key(&message, pocket);
        if let Some(verified) = verified_before(&key, &message, pocket, options, store) {
            let date = date::format(verified.release.date);
            tracing::info!(suite = name, %address, %date, "Release, verified a while ago");
            return Ok(verified);
        }
        match verify(&message, pocket, options) {
            Ok(verified) => {
                let date = date::format(verified.release.date);
                tracing::info!(suite = name, %address, %date, "Release, verified now");
                let bytes = serde_json::to_vec(&VerifiedBefore {
                    at: seconds(options.now),
                    release: verified.release.indexes_only(),
                    digest: verified.digest,
                    keys: verified.keys.clone(),
                });
                if let Ok(bytes) = bytes {
                    store.record(&key, &store.put(&bytes)?)?;
                }
                return Ok(verified);
            }
            Err(error) => {
                tracing::info!(suite = name, %address, %error, "Release is rejected");
                let obstacle = error.is::<Expired>().then_some(Obstacle::Expired);
                attempts.push(Attempt {
                    obstacle,
                    ..Attempt::new(address, error.as_ref())
                });
            }
        }
    }
    Err(ArchiveError::Release {
        pocket: name.clone(),
        attempts,
    })
}

/// A Release that was verified a while ago.
#[derive(Serialize, Deserialize)]
struct VerifiedBefore {
    /// When, in seconds since 1970.
    at: u64,
    release: Release,
    digest: Digest,
    keys: Vec<String>,
}

/// The largest [`VerifiedBefore`] that is read back: some 150 bytes an index.
const MAX_VERIFIED: u64 = 1 << 20;

/// Names the result of verifying: the bytes, the keys, and what they were asked to be. What it
/// also depends on is the time, since keys expire.
fn verified_key(message: &SignedRelease, pocket: &PocketOptions) -> Key {
    let mut key = KeyBuilder::new("verified");
    key.input(b"3");
    match message {
        SignedRelease::Inline(message) => key.input(b"inline").input(message),
        SignedRelease::Detached { text, signature } => {
            key.input(b"detached").input(text).input(signature)
        }
    };
    key.input(pocket.keys.identity().as_bytes());
    match &pocket.place {
        PocketPlace::Suite(suite) => key.input(suite),
        PocketPlace::Flat(_) => key.input(b"").input(b"flat"),
    };
    key.finish()
}

/// What verifying the same bytes gave a moment ago: no longer than a Release is taken as it is
/// without asking, for keys expire and clocks are set.
fn verified_before(
    key: &Key,
    message: &SignedRelease,
    pocket: &PocketOptions,
    options: &ArchiveOptions,
    store: &Store,
) -> Option<VerifiedRelease> {
    if options.freshness.is_zero() {
        return None;
    }
    let known: VerifiedBefore = serde_json::from_slice(&store.value(key, MAX_VERIFIED)?).ok()?;
    let is_current = is_fresh(known.at, options)
        && (may_be_expired(pocket, options)
            || known.release.check_fresh(options.moment(pocket)).is_ok());
    is_current.then_some(VerifiedRelease {
        release: known.release,
        digest: known.digest,
        keys: known.keys,
        signed: message.clone(),
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Whether something of that time is to be taken as it is. A clock that went back makes nothing
/// fresh.
fn is_fresh(at: u64, options: &ArchiveOptions) -> bool {
    let age = seconds(options.now).checked_sub(at);
    age.is_some_and(|age| Duration::from_secs(age) < options.freshness)
}

/// Whether a Release is taken though its `Valid-Until` has passed.
fn may_be_expired(pocket: &PocketOptions, options: &ArchiveOptions) -> bool {
    options.allow_expired || !pocket.check_valid_until
}

/// Whether it is a state that the archive had.
fn is_past(pocket: &PocketOptions, options: &ArchiveOptions) -> bool {
    options.snapshot.is_some() && pocket.is_own
}

fn verify(
    message: &SignedRelease,
    pocket: &PocketOptions,
    options: &ArchiveOptions,
) -> Result<VerifiedRelease, Box<dyn std::error::Error>> {
    let verified = match message {
        SignedRelease::Inline(message) => verify_inline(
            message.as_bytes(),
            pocket.keys.keyring(),
            options.moment(pocket),
        )?,
        SignedRelease::Detached { text, signature } => verify_detached(
            text.as_bytes(),
            signature,
            pocket.keys.keyring(),
            options.moment(pocket),
        )?,
    };
    let release = Release::parse(&verified.text)?;
    if let PocketPlace::Suite(suite) = &pocket.place {
        release.check_identity(suite)?;
    }
    if !may_be_expired(pocket, options) {
        release.check_fresh(options.moment(pocket))?;
    }
    Ok(VerifiedRelease {
        release,
        digest: Digest::of(&verified.text),
        keys: verified.signers.iter().map(ToString::to_string).collect(),
        signed: message.clone(),
    })
}

/// Fetches a Release, or takes the one of the store while it is fresh or unchanged.
fn fetch(
    address: &Address,
    mirror: &Mirror,
    pocket: &PocketOptions,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<SignedRelease, FetchError> {
    let pair = [
        pocket.address(mirror, "Release"),
        pocket.address(mirror, "Release.gpg"),
    ];
    let ask = |validators: Option<&Validators>| ask(address, &pair, validators, fetcher);
    // A directory costs nothing to ask, and may change between two builds of one script.
    let is_local = mirror.folder().is_some();
    // A password in the address is not part of what is shown of it, so neither of the key.
    let key = Key::new("release", &[b"1", address.to_string().as_bytes()]);
    let known = if is_local { None } else { load(&key, store) };
    let now = seconds(options.now);
    let fetched = match known {
        // What a snapshot has does not change.
        Some(known) if is_fresh(known.at, options) || is_past(pocket, options) => {
            return Ok(known.message);
        }
        Some(known) => match ask(Some(&known.validators))? {
            Some((message, validators)) => Fetched {
                at: now,
                validators,
                message,
            },
            None => Fetched { at: now, ..known },
        },
        None => match ask(None)? {
            Some((message, validators)) => Fetched {
                at: now,
                validators,
                message,
            },
            None => {
                return Err(FetchError::Missing {
                    address: address.to_string(),
                });
            }
        },
    };
    if !is_local {
        let bytes = serde_json::to_vec(&fetched).map_err(|e| FetchError::Write(e.into()))?;
        store.record(&key, &store.put(&bytes)?)?;
    }
    Ok(fetched.message)
}

fn load(key: &Key, store: &Store) -> Option<Fetched> {
    let file = store.lookup(key)?.verify().ok()??;
    serde_json::from_reader(std::io::BufReader::new(file)).ok()
}

/// Asks a mirror; the answer is none if nothing changed.
fn ask(
    address: &Address,
    pair: &[Address; 2],
    validators: Option<&Validators>,
    fetcher: &Fetcher,
) -> Result<Option<(SignedRelease, Validators)>, FetchError> {
    let not_text = |address: &Address| FetchError::Content {
        address: address.to_string(),
        problem: "is not text".to_owned(),
    };
    match fetcher.bytes(address, MAX_RELEASE, validators) {
        Ok(Reply::Unchanged) => Ok(None),
        Ok(Reply::Bytes(bytes, validators)) => {
            let text = String::from_utf8(bytes).map_err(|_| not_text(address))?;
            Ok(Some((SignedRelease::Inline(text), validators)))
        }
        // Archives made by simple tools have the older pair of files only.
        Err(error) if error.is_missing() => {
            let [release, signature] = pair;
            let Ok(Reply::Bytes(text, _)) = fetcher.bytes(release, MAX_RELEASE, None) else {
                return Err(error);
            };
            let text = String::from_utf8(text).map_err(|_| not_text(release))?;
            match fetcher.bytes(signature, MAX_RELEASE, None)? {
                Reply::Bytes(signature, _) => {
                    let message = SignedRelease::Detached { text, signature };
                    Ok(Some((message, Validators::default())))
                }
                Reply::Unchanged => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}
