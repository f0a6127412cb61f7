//! What a certificate's own signatures say about its keys.
//!
//! The cryptography is done once; what it means at a given time is worked out from the result.
//! Signatures by anybody else are passed over, with one exception: a revocation by a designated
//! revoker.

use super::super::error::Reason;
use super::super::key::PublicKey;
use super::super::policy::{self, CLOCK_SKEW};
use super::super::signature::{Kind, Signature};
use super::parts::{KeyIndex, Parts, Subkey};

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

        let revoked = parts.unreadable_revocation
            || all_signatures(parts)
                .filter(|signature| signature.kind == Kind::KEY_REVOCATION)
                .any(|revocation| {
                    is_by_designated_revoker(parts, revocation)
                        || revokes(primary, revocation, |one| one.is_on_key(primary))
                });
        let direct = statements(
            primary,
            &parts.signatures,
            &mut weak_hash,
            |kind| kind == Kind::DIRECT_KEY,
            |signature| signature.is_on_key(primary),
        );
        let users = parts
            .users
            .iter()
            .map(|(id, signatures)| {
                let verifies = |signature: &Signature| signature.is_on_user(primary, id);
                let revoked_at = signatures
                    .iter()
                    .filter(|signature| signature.kind == Kind::CERTIFICATION_REVOCATION)
                    .filter(|revocation| revokes(primary, revocation, verifies))
                    .map(Signature::created)
                    .max();
                let mut certifications = statements(
                    primary,
                    signatures,
                    &mut weak_hash,
                    Kind::is_certification,
                    verifies,
                );
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
        let primary_made = i64::from(parts.primary.created);
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
        let made = i64::from(subkey.key.created);
        KeyState {
            made,
            // Of a weak key, no self-signature is verified.
            verdict: self
                .check_revocation()
                .and_then(|()| policy::check_key(&parts.primary))
                .and_then(|()| self.check_primary(primary_made, now))
                .and_then(|()| bindings.check_at(made, now)),
        }
    }

    fn check_revocation(&self) -> Result<(), Reason> {
        match self.revoked {
            true => Err(Reason::Revoked),
            false => Ok(()),
        }
    }

    fn check_primary(&self, made: i64, now: i64) -> Result<(), Reason> {
        self.check_revocation()?;
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
        let verifies = |signature: &Signature| signature.is_on_subkey(primary, &subkey.key);
        let is_revocation = |signature: &&Signature| signature.kind == Kind::SUBKEY_REVOCATION;
        let revoked = subkey.unreadable_revocation
            || all_signatures(parts)
                .filter(is_revocation)
                .any(|revocation| is_by(primary, revocation) && verifies(revocation))
            || subkey
                .signatures
                .iter()
                .filter(is_revocation)
                .any(|revocation| {
                    is_by_designated_revoker(parts, revocation)
                        || revokes(primary, revocation, verifies)
                });
        let mut bindings = Vec::new();
        for signature in &subkey.signatures {
            let bound = statements(
                primary,
                [signature],
                &mut weak_hash,
                |kind| kind == Kind::SUBKEY_BINDING,
                verifies,
            );
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

/// What those of the signatures say that `primary` made, that are strong and of the right kind, and
/// that `verifies` finds to be good.
fn statements<'a>(
    primary: &PublicKey,
    signatures: impl IntoIterator<Item = &'a Signature>,
    weak_hash: &mut bool,
    is_of_kind: impl Fn(Kind) -> bool,
    verifies: impl Fn(&Signature) -> bool,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    for signature in signatures {
        if !is_of_kind(signature.kind)
            || !is_by(primary, signature)
            || policy::check_form(signature).is_err()
        {
            continue;
        }
        if policy::check_hash(signature).is_err() {
            *weak_hash = true;
            continue;
        }
        if !verifies(signature) {
            continue;
        }
        statements.push(Statement {
            created: signature.created(),
            expires: signature.expires(),
            key_lifetime: signature.hashed.key_lifetime.map(i64::from),
            may_sign: signature.hashed.may_sign,
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
    let (hashed, unhashed) = (&binding.hashed.embedded, &binding.unhashed.embedded);
    hashed
        .iter()
        .chain(unhashed)
        .find(|back| {
            back.algorithm == subkey.key.algorithm
                && policy::check_form(back).is_ok()
                && policy::check_hash(back).is_ok()
                && back.is_back_signature(primary, &subkey.key)
        })
        .map(|back| BackSignature {
            created: back.created(),
            expires: back.expires(),
        })
}

/// Whether the signature may be the primary key's own. One that names nobody may be.
fn is_by(primary: &PublicKey, signature: &Signature) -> bool {
    let unnamed = signature.issuers().next().is_none();
    signature.algorithm == primary.algorithm && (unnamed || signature.names(primary))
}

/// Whether the holder of the primary key took something back. A revocation whose hash is not
/// computed here is believed, as one is that cannot be read: forging one only closes a door.
fn revokes(
    primary: &PublicKey,
    revocation: &Signature,
    verifies: impl Fn(&Signature) -> bool,
) -> bool {
    is_by(primary, revocation) && (revocation.hash.digest().is_none() || verifies(revocation))
}

/// Whether the certificate names the maker of the revocation as a revoker (section 5.2.3.23). The
/// revoker's own certificate is not at hand, so the revocation is believed; so is the naming.
fn is_by_designated_revoker(parts: &Parts, revocation: &Signature) -> bool {
    let direct = parts.signatures.iter();
    let direct = direct.filter(|signature| signature.kind == Kind::DIRECT_KEY);
    let mut named = direct.flat_map(|signature| &signature.hashed.revokers);
    // The key ID of version 4 is the end of the fingerprint.
    named.any(|revoker| revocation.issuers().any(|issuer| revoker.ends_with(issuer)))
}

/// All signatures of a certificate: a revocation counts wherever it was put.
fn all_signatures(parts: &Parts) -> impl Iterator<Item = &Signature> {
    let users = parts.users.iter().flat_map(|(_, signatures)| signatures);
    let subkeys = parts.subkeys.iter().flat_map(|subkey| &subkey.signatures);
    parts.signatures.iter().chain(users).chain(subkeys)
}
