//! Private keys as cosign encrypts them: a JSON document with the parameters of scrypt (RFC 7914)
//! and what NaCl's `secretbox` made of the key (secure-systems-lab/go-securesystemslib, package
//! `encrypted`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::KeyError;

/// The most memory that deriving a key may take, in MiB: cosign's parameters take 64.
const MAX_MEMORY: u32 = 256;

/// The most times that it may be done over.
const MAX_PARALLEL: u32 = 4;

/// The bytes of a key, of a nonce and of a tag.
const KEY: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;

#[derive(Deserialize)]
struct Envelope {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "N")]
    cost: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Decrypts a key.
pub(super) fn decrypt(document: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let damaged = |problem| KeyError::Damaged { problem };
    let envelope: Envelope = serde_json::from_slice(document)
        .map_err(|_| damaged("it is no JSON document as cosign writes it"))?;
    for (name, known) in [
        (&envelope.kdf.name, "scrypt"),
        (&envelope.cipher.name, "nacl/secretbox"),
    ] {
        if name != known {
            let what = name.chars().take(40).collect();
            return Err(KeyError::Encryption { what });
        }
    }
    let bytes = |text: &str| BASE64_STANDARD.decode(text).ok();
    let salt = bytes(&envelope.kdf.salt).ok_or(damaged("its salt is no base64"))?;
    let nonce = bytes(&envelope.cipher.nonce).ok_or(damaged("its nonce is no base64"))?;
    let nonce: [u8; NONCE] = nonce
        .try_into()
        .map_err(|_| damaged("its nonce has not 24 bytes"))?;
    let sealed = bytes(&envelope.ciphertext).ok_or(damaged("its ciphertext is no base64"))?;
    let key = derive(password, &salt, &envelope.kdf.params)?;
    open(&key, &nonce, &sealed).ok_or(KeyError::WrongPassword)
}

fn derive(
    password: &[u8],
    salt: &[u8],
    parameters: &Parameters,
) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
    let damaged = KeyError::Damaged {
        problem: "its parameters of scrypt are impossible",
    };
    let Parameters { cost, r, p } = *parameters;
    if !cost.is_power_of_two() || cost < 2 || r == 0 || p == 0 {
        return Err(damaged);
    }
    // RFC 7914, 2: 128 * N * r bytes.
    let memory = u128::from(cost) * u128::from(r) * 128;
    if memory > u128::from(MAX_MEMORY) << 20 || p > MAX_PARALLEL {
        return Err(KeyError::TooCostly { limit: MAX_MEMORY });
    }
    let log_cost = u8::try_from(cost.trailing_zeros()).map_err(|_| damaged.clone())?;
    let parameters = scrypt::Params::new(log_cost, r, p).map_err(|_| damaged.clone())?;
    let mut key = Zeroizing::new([0; KEY]);
    scrypt::scrypt(password, salt, &parameters, key.as_mut()).map_err(|_| damaged)?;
    Ok(key)
}

/// Opens a `secretbox` (NaCl, `crypto_secretbox_xsalsa20poly1305`): a tag of Poly1305, and what the
/// stream of XSalsa20 hides. The first 32 bytes of that stream are the key of the tag.
fn open(key: &[u8; KEY], nonce: &[u8; NONCE], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, hidden) = sealed.split_at_checked(TAG)?;
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut tag_key = Zeroizing::new([0; KEY]);
    stream.apply_keystream(tag_key.as_mut());
    let tag_key: &[u8; KEY] = &tag_key;
    let expected = Poly1305::new(tag_key.into()).compute_unpadded(hidden);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return None;
    }
    let mut plain = Zeroizing::new(hidden.to_vec());
    stream.apply_keystream(&mut plain);
    Some(plain)
}
