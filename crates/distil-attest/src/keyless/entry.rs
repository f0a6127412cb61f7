//! Entries of a transparency log: that the log has them, since when, and what they are about
//! (sigstore/rekor, `pkg/types`; RFC 6962, 2.1; `C2SP/tlog-checkpoint`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::json;

use super::algorithm::verifies;
use super::body::{About, base64, damaged, matches};
use super::error::KeylessError;
use super::trust_root::{Log, LogId, TrustRoot};

/// An entry, as a bundle brings it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    log_index: Number,
    log_id: LogId,
    #[serde(default)]
    integrated_time: Number,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<Proof>,
    canonicalized_body: String,
}

/// A number of 64 bits, which JSON of protocol buffers has in a string.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Number {
    #[default]
    None,
    Plain(u64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Plain(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    #[serde(default)]
    log_index: Number,
    root_hash: String,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<String>,
    checkpoint: Checkpoint,
}

#[derive(Deserialize)]
struct Checkpoint {
    envelope: String,
}

impl Entry {
    /// Verifies the entry. The time at which the log has taken it, in seconds since 1970, if the log has
    /// signed one; logs without a clock (Rekor 2) need times that others have signed, and a proof.
    /// `proof`: whether all logs do.
    pub(super) fn verify(
        &self,
        root: &TrustRoot,
        about: &About<'_>,
        proof: bool,
        times: &[u64],
    ) -> Result<Option<u64>, KeylessError> {
        let id = base64(&self.log_id.key_id)?;
        let body = base64(&self.canonicalized_body)?;
        let promise = self.inclusion_promise.as_ref();
        // What nobody has signed is no time.
        let time = match promise {
            Some(_) => Some(self.integrated_time.value().ok_or_else(damaged)?),
            None => None,
        };
        let own = time.map(|time| [time]);
        let times = own.as_ref().map_or(times, |own| own.as_slice());
        if times.is_empty() || time == Some(0) {
            return Err(KeylessError::NoTime);
        }
        let mut logs = root.transparency_logs.iter();
        let log = logs
            .find(|log| log.id == id && times.iter().all(|time| log.valid.contains(*time)))
            .ok_or(KeylessError::UnknownLog)?;
        if let Some((promise, time)) = promise.zip(time) {
            self.promised(log, promise, &id, time)?;
        }
        match &self.inclusion_proof {
            Some(proof) => proof.verify(log, &body)?,
            None if proof || promise.is_none() => return Err(KeylessError::Proof),
            None => {}
        }
        matches(&body, about)?;
        Ok(time)
    }

    /// Verifies that the log has signed the entry's time and position: over canonical JSON (RFC 8785).
    fn promised(
        &self,
        log: &Log,
        promise: &Promise,
        id: &[u8],
        time: u64,
    ) -> Result<(), KeylessError> {
        let index = self.log_index.value().ok_or_else(damaged)?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let message = json!({
            "body": self.canonicalized_body,
            "integratedTime": time,
            "logID": id,
            "logIndex": index,
        });
        let signature = base64(&promise.signed_entry_timestamp)?;
        match verifies(&log.key, message.to_string().as_bytes(), &signature) {
            true => Ok(()),
            false => Err(KeylessError::Promise),
        }
    }
}

impl Proof {
    fn verify(&self, log: &Log, body: &[u8]) -> Result<(), KeylessError> {
        let numbers = self.log_index.value().zip(self.tree_size.value());
        let (index, size) = numbers.ok_or_else(damaged)?;
        let hashes = self.hashes.iter().map(|hash| base64(hash));
        let hashes: Vec<Vec<u8>> = hashes.collect::<Result<_, _>>()?;
        let root = included(index, size, &hashes, leaf(body)).ok_or(KeylessError::Proof)?;
        let claimed = base64(&self.root_hash)?;
        let signed = checkpoint(&self.checkpoint.envelope, log)?;
        match root == claimed.as_slice() && signed == (size, claimed) {
            true => Ok(()),
            false => Err(KeylessError::Proof),
        }
    }
}

type Hash = [u8; 32];

fn hash(prefix: u8, parts: [&[u8]; 2]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[prefix]);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.iter_mut()
        .zip(context.finish().as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

/// The hash of a leaf (RFC 6962, 2.1).
fn leaf(body: &[u8]) -> Hash {
    hash(0, [body, &[]])
}

/// The hash of the root to which a proof leads (RFC 9162, 2.1.3.2); `None` if it is no proof for the
/// position in a tree of the size.
fn included(index: u64, size: u64, hashes: &[Vec<u8>], leaf: Hash) -> Option<Hash> {
    let (mut node, mut last) = (index, size.checked_sub(1)?);
    if node > last {
        return None;
    }
    let mut root = leaf;
    for other in hashes {
        if last == 0 || other.len() != 32 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = hash(1, [other, &root]);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = hash(1, [&root, other]);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// The size and the root of the tree that the log has signed.
fn checkpoint(note: &str, log: &Log) -> Result<(u64, Vec<u8>), KeylessError> {
    let bad = KeylessError::Checkpoint;
    let Some((text, signatures)) = note.split_once("\n\n") else {
        return Err(bad);
    };
    let text = format!("{text}\n");
    // "— NAME BASE64", with four bytes that name the key before the signature.
    let is_by_log = |line: &str| {
        let word = line.strip_prefix("\u{2014} ")?.split(' ').nth(1)?;
        let bytes = BASE64_STANDARD.decode(word).ok()?;
        let signature = bytes.get(4..)?;
        verifies(&log.key, text.as_bytes(), signature).then_some(())
    };
    // Witnesses sign, too.
    if !signatures
        .lines()
        .take(32)
        .any(|line| is_by_log(line).is_some())
    {
        return Err(bad);
    }
    let mut lines = text.lines().skip(1);
    let size = lines.next().and_then(|line| line.parse().ok());
    let root = lines
        .next()
        .and_then(|line| BASE64_STANDARD.decode(line).ok());
    size.zip(root).ok_or(bad)
}
