//! A transparency log: its tree, its checkpoints, its promises (RFC 6962, 2.1; `C2SP/tlog-checkpoint`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::certificate::Key;

/// How many entries the log has, and which of them is the one that counts.
const ENTRIES: usize = 7;
const POSITION: usize = 4;

/// The position among all logs of a service, which is another one.
const INDEX: u64 = 1004;

/// A proof that the log has an entry, with a checkpoint that somebody signs.
pub(super) fn proof(
    origin: &str,
    body: &[u8],
    hint: &[u8],
    sign: impl Fn(&[u8]) -> Vec<u8>,
) -> Value {
    let leaves: Vec<Vec<u8>> = (0..ENTRIES)
        .map(|number| match number {
            POSITION => body.to_vec(),
            number => format!("entry {number}").into_bytes(),
        })
        .collect();
    let (root, hashes) = (root(&leaves), path(POSITION, &leaves));
    let root = BASE64_STANDARD.encode(root);
    let text = format!("{origin}\n{ENTRIES}\n{root}\n");
    let signature = [&hint[..4], &sign(text.as_bytes())].concat();
    let signature = BASE64_STANDARD.encode(signature);
    // Who signs has a name without spaces.
    let name = origin.split(' ').next().unwrap();
    let hashes: Vec<String> = hashes
        .iter()
        .map(|one| BASE64_STANDARD.encode(one))
        .collect();
    json!({
        "logIndex": POSITION.to_string(),
        "rootHash": root,
        "treeSize": ENTRIES.to_string(),
        "hashes": hashes,
        "checkpoint": {"envelope": format!("{text}\n\u{2014} {name} {signature}\n")},
    })
}

/// The position that entries say, and a promise of it by a key.
pub(super) fn promise(body: &[u8], time: u64, log: &Key, by: &Key) -> (u64, Vec<u8>) {
    let id: String = log
        .log_id()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let body = BASE64_STANDARD.encode(body);
    // Canonical JSON (RFC 8785): sorted, without spaces.
    let message =
        format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":{INDEX}}}"#);
    (INDEX, by.sign(message.as_bytes()))
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

/// How many of the leaves are left of the root.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [leaf] => hash(&[&[0], leaf]),
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash(&[&[1], &root(left), &root(right)])
        }
    }
}

fn path(at: usize, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut found, other) = match at < middle {
        true => (path(at, left), root(right)),
        false => (path(at - middle, right), root(left)),
    };
    found.push(other);
    found
}
