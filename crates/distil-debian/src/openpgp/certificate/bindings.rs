//! What a certificate's own signatures say about its keys.
//!
//! The cryptography is done once; what it means at a given time is worked out from the result.
//! Signatures by anybody else are passed over, with one exception: a revocation by a designated
//! revoker.

use pgp::packet::{PublicKey, Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag};

use super::super::error::Reason;
use super::super::policy::{self, CLOCK_SKEW};
use super::parts::{KeyIndex, Parts, Subkey, names};

/// Whether a key may sign, and since when there is such a key.
#[derive(Debug)]
pub(in super::super) struct KeyState {
    /// When the key was made, in Unix seconds.
    pub(in super::super) made: i64,
    /// Why it may not sign.
    pub(in super::super) verdict: Result<(), Reason>,
}

/// The self-signatures that are good, and what they say.
#[derive(Debug)]
pub(super) struct Bindings {
    revoked: bool,
    /// Signatures directly on the primary key.
    direct: Vec<Statement>,
    /// For each user ID, the certifications of it that are not revoked.
    users: Vec<Vec<Statement>>,
    subkeys: Vec<SubkeyBindings>,
    /// A self-signature was left out because of its hash.
    weak_hash: bool,
}

#[derive(Debug)]
struct SubkeyBindings {
    revoked: bool,
    bindings: Vec<Statement>,
    weak_hash: bool,
}

/// What a self-signature says about the key that it is on.
#[derive(Debug)]
struct Statement {
    created: i64,
    /// When the statement itself ends.
    expires: Option<i64>,
    /// How many seconds after it was made the key expires.
    key_lifetime: Option<i64>,
    /// Whether the key may sign data; `None` without key flags.
    may_sign: Option<bool>,
    /// On a signing subkey: the end of the back signature, if there is a good one.
    back: Option<BackSignature>,
}

#[derive(Debug)]
struct BackSignature {
    created: i64,
    expires: Option<i64>,
}

impl Bindings {
    /// Checks all self-signatures of a certificate.
    pub(super) fn check(parts: &Parts) -> Self {
        let primary = &parts.primary;
        let mut weak_hash = false;

        let of_kind = |signature: &&Signature, kind| signature.typ() == Some(kind);
        let revoked = parts.unreadable_revocation
            || all_signatures(parts)
                .filter(|signature| of_kind(signature, SignatureType::KeyRevocation))
                .any(|revocation| {
                    is_by_designated_revoker(parts, revocation)
                        || (is_by(primary, revocation) && revocation.verify_key(primary).is_ok())
                });
        let direct = statements(primary, &parts.signatures, &mut weak_hash, |signature| {
            signature.typ() == Some(SignatureType::Key) && signature.verify_key(primary).is_ok()
        });
        let users = parts
            .users
            .iter()
            .map(|(id, signatures)| {
                let verifies = |signature: &Signature| {
                    let verified = signature.verify_certification(primary, Tag::UserId, id);
                    verified.is_ok()
                };
                let revoked_at = signatures
                    .iter()
                    .filter(|signature| of_kind(signature, SignatureType::CertRevocation))
                    .filter(|signature| is_by(primary, signature) && verifies(signature))
                    .map(created)
                    .max();
                let mut certifications =
                    statements(primary, signatures, &mut weak_hash, |signature| {
                        signature.is_certification()
                            && signature.typ() != Some(SignatureType::CertRevocation)
                            && verifies(signature)
                    });
                // Only a later certification brings a user ID back (section 5.2.1.16).
                certifications.retain(|certification| Some(certification.created) > revoked_at);
                certifications
            })
            .collect();
        let subkeys = parts
            .subkeys
            .iter()
            .map(|subkey| SubkeyBindings::check(parts, subkey))
            .collect();
        Self {
            revoked,
            direct,
            users,
            subkeys,
            weak_hash,
        }
    }

    /// Whether the key may sign at the time `now`.
    pub(super) fn key_state(&self, parts: &Parts, key: KeyIndex, now: i64) -> KeyState {
        let primary_made = i64::from(parts.primary.created_at().as_secs());
        let subkey = match key {
            KeyIndex::Primary => {
                return KeyState {
                    made: primary_made,
                    verdict: self
                        .check_primary(primary_made, now)
                        .and_then(|()| self.check_primary_may_sign(now)),
                };
            }
            KeyIndex::Subkey(i) => parts.subkeys.get(i).zip(self.subkeys.get(i)),
        };
        let Some((subkey, bindings)) = subkey else {
            return KeyState {
                made: primary_made,
                verdict: unbound("there is no such subkey"),
            };
        };
        let made = i64::from(subkey.key.created_at().as_secs());
        KeyState {
            made,
            verdict: self
                .check_primary(primary_made, now)
                .and_then(|()| policy::check_key(&parts.primary))
                .and_then(|()| bindings.check_at(made, now)),
        }
    }

    fn check_primary(&self, made: i64, now: i64) -> Result<(), Reason> {
        if self.revoked {
            return Err(Reason::Revoked);
        }
        if self.speaking(now).next().is_none() {
            return unbound(if self.weak_hash {
                "its self-signatures use a hash that is too weak"
            } else {
                "it has no valid self-signature"
            });
        }
        let lifetime = self.speaking(now).find_map(|says| says.key_lifetime);
        check_lifetime(made, lifetime, now)
    }

    fn check_primary_may_sign(&self, now: i64) -> Result<(), Reason> {
        match self.speaking(now).find_map(|says| says.may_sign) {
            Some(true) => Ok(()),
            // Without key flags GnuPG would let it, `sqv` would not.
            Some(false) | None => Err(Reason::NotForSigning),
        }
    }

    /// The statements on the primary key that count at the time `now`, in the order in which they
    /// are asked, as GnuPG does: the newest direct one, then those of the user IDs, newest first,
    /// one for each.
    fn speaking(&self, now: i64) -> impl Iterator<Item = &Statement> {
        let mut of_users: Vec<_> = self
            .users
            .iter()
            .filter_map(|statements| newest(statements, now))
            .collect();
        of_users.sort_by_key(|says| std::cmp::Reverse(says.created));
        newest(&self.direct, now).into_iter().chain(of_users)
    }
}

impl SubkeyBindings {
    fn check(parts: &Parts, subkey: &Subkey) -> Self {
        let primary = &parts.primary;
        let mut weak_hash = false;
        let verifies = |signature: &Signature| {
            let verified = signature.verify_subkey_binding(primary, &subkey.key);
            verified.is_ok()
        };
        let is_revocation =
            |signature: &&Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
        let revoked = subkey.unreadable_revocation
            || all_signatures(parts)
                .filter(is_revocation)
                .any(|revocation| is_by(primary, revocation) && verifies(revocation))
            || subkey
                .signatures
                .iter()
                .filter(is_revocation)
                .any(|revocation| is_by_designated_revoker(parts, revocation));
        let mut bindings = Vec::new();
        for signature in &subkey.signatures {
            let bound = statements(primary, [signature], &mut weak_hash, |signature| {
                signature.typ() == Some(SignatureType::SubkeyBinding) && verifies(signature)
            });
            bindings.extend(bound.into_iter().map(|mut statement| {
                statement.back = back_signature(primary, subkey, signature);
                statement
            }));
        }
        Self {
            revoked,
            bindings,
            weak_hash,
        }
    }

    fn check_at(&self, made: i64, now: i64) -> Result<(), Reason> {
        if self.revoked {
            return Err(Reason::Revoked);
        }
        let Some(binding) = newest(&self.bindings, now) else {
            return unbound(if self.weak_hash {
                "the subkey's binding signature uses a hash that is too weak"
            } else {
                "the subkey has no valid binding signature"
            });
        };
        check_lifetime(made, binding.key_lifetime, now)?;
        if binding.may_sign != Some(true) {
            return Err(Reason::NotForSigning);
        }
        match &binding.back {
            Some(back) if is_alive(back.created, back.expires, now) => Ok(()),
            _ => unbound("the subkey's binding has no valid back signature"),
        }
    }
}

fn unbound(why: &'static str) -> Result<(), Reason> {
    Err(Reason::Unbound { why })
}

fn check_lifetime(made: i64, lifetime: Option<i64>, now: i64) -> Result<(), Reason> {
    match lifetime {
        // A lifetime of 0 means none (section 5.2.3.13).
        Some(seconds) if seconds > 0 && made + seconds <= now => {
            let at = made + seconds;
            Err(Reason::KeyExpired { at })
        }
        _ => Ok(()),
    }
}

/// The newest statement that is neither expired nor from the future.
fn newest(statements: &[Statement], now: i64) -> Option<&Statement> {
    statements
        .iter()
        .filter(|says| is_alive(says.created, says.expires, now))
        .max_by_key(|says| says.created)
}

fn is_alive(created: i64, expires: Option<i64>, now: i64) -> bool {
    created <= now + CLOCK_SKEW && expires.is_none_or(|expires| now < expires)
}

/// What those of the signatures say that `primary` made, that are strong, and that `verifies`
/// finds to be good and of the right kind.
fn statements<'a>(
    primary: &PublicKey,
    signatures: impl IntoIterator<Item = &'a Signature>,
    weak_hash: &mut bool,
    verifies: impl Fn(&Signature) -> bool,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    for signature in signatures {
        if !is_by(primary, signature) || policy::check_form(signature).is_err() {
            continue;
        }
        if !verifies(signature) {
            continue;
        }
        if policy::check_hash(signature).is_err() {
            *weak_hash = true;
            continue;
        }
        statements.push(Statement {
            created: created(signature),
            expires: expires(signature),
            key_lifetime: signature
                .key_expiration_time()
                .map(|lifetime| i64::from(lifetime.as_secs())),
            may_sign: has_key_flags(signature).then(|| signature.key_flags().sign()),
            back: None,
        });
    }
    statements
}

/// The signature by which a subkey claims its primary key. It may stand among the parts that are
/// not signed: it protects itself.
fn back_signature(
    primary: &PublicKey,
    subkey: &Subkey,
    binding: &Signature,
) -> Option<BackSignature> {
    let config = binding.config()?;
    config
        .hashed_subpackets()
        .chain(config.unhashed_subpackets())
        .filter_map(|part| match &part.data {
            SubpacketData::EmbeddedSignature(back) => Some(back.as_ref()),
            _ => None,
        })
        .filter(|back| {
            let algorithm = back.config().map(|config| config.pub_alg);
            algorithm == Some(subkey.key.algorithm())
                && policy::check_form(back).is_ok()
                && policy::check_hash(back).is_ok()
                && back
                    .verify_primary_key_binding(&subkey.key, primary)
                    .is_ok()
        })
        .map(|back| BackSignature {
            created: created(back),
            expires: expires(back),
        })
        .next()
}

/// Whether the signature may be the primary key's own. One that names nobody may be.
fn is_by(primary: &PublicKey, signature: &Signature) -> bool {
    let unnamed = signature.issuer_key_id().is_empty() && signature.issuer_fingerprint().is_empty();
    let algorithm = signature.config().map(|config| config.pub_alg);
    algorithm == Some(primary.algorithm()) && (unnamed || names(signature, primary))
}

/// Whether the certificate names the maker of the revocation as a revoker (section 5.2.3.23). The
/// revoker's own certificate is not at hand, so the revocation is believed; so is the naming.
fn is_by_designated_revoker(parts: &Parts, revocation: &Signature) -> bool {
    let named = parts
        .signatures
        .iter()
        .filter(|signature| signature.typ() == Some(SignatureType::Key))
        .filter_map(Signature::config)
        .flat_map(|config| config.hashed_subpackets())
        .filter_map(|part| match &part.data {
            SubpacketData::RevocationKey(revoker) => Some(&revoker.fingerprint),
            _ => None,
        });
    let by_fingerprint = revocation.issuer_fingerprint();
    let by_id = revocation.issuer_key_id();
    named.into_iter().any(|revoker| {
        by_fingerprint.iter().any(|f| f.as_bytes() == &revoker[..])
            // A version 4 key ID is the end of the fingerprint.
            || by_id.iter().any(|id| revoker.ends_with(id.as_ref()))
    })
}

/// All signatures of a certificate: a revocation counts wherever it was put.
fn all_signatures(parts: &Parts) -> impl Iterator<Item = &Signature> {
    let users = parts.users.iter().flat_map(|(_, signatures)| signatures);
    let subkeys = parts.subkeys.iter().flat_map(|subkey| &subkey.signatures);
    parts.signatures.iter().chain(users).chain(subkeys)
}

fn has_key_flags(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config
            .hashed_subpackets()
            .any(|part| matches!(part.data, SubpacketData::KeyFlags(_)))
    })
}

fn created(signature: &Signature) -> i64 {
    signature
        .created()
        .map_or(0, |time| i64::from(time.as_secs()))
}

/// When a signature expires; `None` for never.
pub(in super::super) fn expires(signature: &Signature) -> Option<i64> {
    let lifetime = signature.signature_expiration_time()?.as_secs();
    (lifetime > 0).then(|| created(signature) + i64::from(lifetime))
}
