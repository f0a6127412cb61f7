//! OpenPGP signatures on the Release files of an archive, checked against a keyring.
//!
//! [`verify_inline`] takes an `InRelease` file, [`verify_detached`] a `Release` with its
//! `Release.gpg`; both give the text that was signed and nothing else. The cryptography is
//! *ring*'s, which HTTPS needs anyway; the packets (`packets`, `signature`, `key`) are read here, as
//! far as who only verifies needs them. The `pgp` crate, which makes the signatures of the tests,
//! would bring a hundred crates for ciphers, old curves and private keys. Which signature may be
//! trusted is decided as RFC 9580 asks and as apt's two verifiers, `gpgv` and `sqv`, do:
//!
//! - One good signature by a key of the keyring suffices, as with apt: Debian's files carry two or
//!   three, by the keys of two releases. Others beside it, unknown or bad, take nothing from it
//!   (`sqv` holds it so; apt with `gpgv` refuses a file that has a bad one, too).
//! - **The message.** A clearsigned message (RFC 9580, section 7) is the whole file: nothing may
//!   stand before or after it. A detached signature covers the whole text.
//! - **The hash.** SHA-256, SHA-384 or SHA-512 only, for signatures on data and for the self-signatures that
//!   make up a certificate, whatever their date: apt's policy for `sqv` accepts SHA-1 and SHA-224
//!   in neither since February 2026. A *revocation* counts with any hash, unverified if that is
//!   none of the three: forging one only closes a door.
//! - **The key.** RSA of 2048 to 8192 bits, Ed25519, and ECDSA with P-256 and SHA-256 or P-384 and
//!   SHA-384. That is apt's `APT::Key::Assert-Pubkey-Algo` without the curves (P-521, Brainpool,
//!   Ed448) that archives do not use.
//! - **The certificate.** The primary key needs a valid self-signature, on a user ID or on itself
//!   (RFC 9580, section 10.1); a subkey needs a binding signature. Either must give the key that
//!   signs the "may sign" flag, as `sqv` demands; and a subkey's binding must have in it the back
//!   signature by which the subkey claims the primary key (section 5.2.1.8), or somebody could
//!   adopt another's subkey. Signatures by others on a certificate mean nothing here. The newest
//!   valid self-signature speaks, as in GnuPG: a later one can move the expiry.
//! - **Time.** A key that is expired *now* cannot vouch for anything, even for what it signed
//!   before (`gpgv` says `EXPKEYSIG`, and apt refuses). A signature must not be expired, nor older
//!   than its key, nor from the future by more than half an hour.
//! - **Revocation** has no time: a revoked key or subkey is refused whatever the reason, and
//!   whatever the date of the revocation, so that no clock can bring it back. Designated revokers
//!   (section 5.2.3.23) are believed without having their certificate: the keyring is trusted
//!   input, and its maintainer put the revocation there.
//! - A **critical** subpacket or notation that is not understood spoils its signature
//!   (section 5.2.3.7).

mod algorithm;
mod armour;
mod certificate;
mod cleartext;
mod error;
mod fingerprint;
mod key;
mod keyring;
mod octets;
mod packets;
mod policy;
mod signature;
mod subpackets;
mod verify;

#[cfg(test)]
mod forge;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use error::{KeyringError, Reason, Refusal, SignatureError, Signer};
pub use fingerprint::Fingerprint;
pub use keyring::Keyring;
pub use packets::MAX_BYTES;
pub use verify::{GoodSignature, Verified, verify_detached, verify_inline};
