//! Debian's package versions and their order.
//!
//! The format and the order are those of Debian Policy §5.6.12 and deb-version(7), with dpkg as
//! the judge where these leave something open: a version need not start with a digit, two
//! spellings of the same number are equal (`1.0` and `1.00`), and a missing revision is the
//! revision `0`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A version of a Debian package: `[epoch:]upstream[-revision]`.
///
/// Displays as the text that it was parsed from. Equality and hash follow Debian's order, not
/// the text: `1.0-0`, `0:1.0` and `1.00` are one version.
#[derive(Clone)]
pub struct Version {
    text: Box<str>,
    epoch: u32,
    /// Where the upstream version starts in `text`, after the epoch's colon.
    upstream: usize,
    /// Where the upstream version ends in `text`: at the revision's hyphen or at the end.
    upstream_end: usize,
}

impl Version {
    /// The epoch, `0` where the text has none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The upstream version: what stands between the epoch and the revision.
    pub fn upstream(&self) -> &str {
        self.text
            .get(self.upstream..self.upstream_end)
            .unwrap_or("")
    }

    /// The Debian revision, that is what follows the last hyphen, where there is one.
    pub fn revision(&self) -> Option<&str> {
        self.text.get(self.upstream_end + 1..)
    }

    /// The text that this version was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Debian version: {problem}")]
pub struct InvalidVersion {
    text: String,
    problem: VersionProblem,
}

impl InvalidVersion {
    /// What is wrong with the text.
    pub fn problem(&self) -> VersionProblem {
        self.problem
    }
}

/// What can be wrong with a version's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionProblem {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// What stands before the first colon is not a number, or too large a one.
    #[error("its epoch (before the `:`) is not a number up to 2147483647")]
    Epoch,
    /// Nothing stands between epoch and revision.
    #[error("it has no upstream version")]
    NoUpstream,
    /// Nothing follows the last hyphen.
    #[error("its revision (after the last `-`) is empty")]
    EmptyRevision,
    /// A character that Debian Policy §5.6.12 does not allow in an upstream version.
    #[error("`{0}` may not stand in an upstream version")]
    UpstreamCharacter(char),
    /// A character that Debian Policy §5.6.12 does not allow in a revision.
    #[error("`{0}` may not stand in a revision")]
    RevisionCharacter(char),
}

/// Splits and checks a version: its epoch, and where its upstream version starts and ends.
pub(crate) fn check(text: &str) -> Result<(u32, usize, usize), VersionProblem> {
    if text.is_empty() {
        return Err(VersionProblem::Empty);
    }
    let (epoch, upstream) = match memchr::memchr(b':', text.as_bytes()) {
        None => (0, 0),
        Some(colon) => (parse_epoch(&text[..colon])?, colon + 1),
    };
    let upstream_end = memchr::memrchr(b'-', &text.as_bytes()[upstream..])
        .map_or(text.len(), |hyphen| upstream + hyphen);
    if upstream == upstream_end {
        return Err(VersionProblem::NoUpstream);
    }
    let punctuated = |allowed: &'static [u8]| {
        move |byte: &u8| !byte.is_ascii_alphanumeric() && !allowed.contains(byte)
    };
    let character_at = |at: usize| text[at..].chars().next().unwrap_or_default();
    // A multi-byte character is found at its first byte, which is not allowed either.
    if let Some(at) = text.as_bytes()[upstream..upstream_end]
        .iter()
        .position(punctuated(b".+-~:"))
    {
        return Err(VersionProblem::UpstreamCharacter(character_at(
            upstream + at,
        )));
    }
    if upstream_end < text.len() {
        let revision = upstream_end + 1;
        if revision == text.len() {
            return Err(VersionProblem::EmptyRevision);
        }
        if let Some(at) = text.as_bytes()[revision..]
            .iter()
            .position(punctuated(b".+~"))
        {
            return Err(VersionProblem::RevisionCharacter(character_at(
                revision + at,
            )));
        }
    }
    Ok((epoch, upstream, upstream_end))
}

/// An epoch is an unsigned number; dpkg keeps it in a C `int`.
fn parse_epoch(digits: &str) -> Result<u32, VersionProblem> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VersionProblem::Epoch);
    }
    digits
        .parse()
        .ok()
        .filter(|epoch| i32::try_from(*epoch).is_ok())
        .ok_or(VersionProblem::Epoch)
}

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Parses a version without surrounding white space.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        match check(text) {
            Ok((epoch, upstream, upstream_end)) => Ok(Self {
                text: text.into(),
                epoch,
                upstream,
                upstream_end,
            }),
            Err(problem) => Err(InvalidVersion {
                text: text.chars().take(200).collect(),
                problem,
            }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream(), other.upstream()))
            .then_with(|| {
                compare_part(
                    self.revision().unwrap_or(""),
                    other.revision().unwrap_or(""),
                )
            })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl Hash for Version {
    /// Hashes what the order looks at, so that equal versions have equal hashes.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.epoch.hash(state);
        hash_part(self.upstream(), state);
        hash_part(self.revision().unwrap_or(""), state);
    }
}

/// Compares two upstream versions or two revisions: pieces without digits and numbers in turn.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let order = compare_text(take_text(&mut left), take_text(&mut right))
            .then_with(|| compare_number(take_number(&mut left), take_number(&mut right)));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes what stands before the first digit.
fn take_text<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    take_while(rest, |byte| !byte.is_ascii_digit())
}

/// Takes the digits at the start, and gives them without leading zeros; no digits are zero.
fn take_number<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    take_while(rest, |byte| byte == b'0');
    take_while(rest, |byte| byte.is_ascii_digit())
}

fn take_while<'a>(rest: &mut &'a [u8], wanted: impl Fn(u8) -> bool) -> &'a [u8] {
    let end = rest
        .iter()
        .position(|&byte| !wanted(byte))
        .unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

/// `~` sorts before the end, the end before letters, letters before all else.
fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| weight(left.get(at)).cmp(&weight(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares numbers of any length, both without leading zeros.
fn compare_number(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn hash_part<H: Hasher>(part: &str, state: &mut H) {
    let mut rest = part.as_bytes();
    loop {
        let (text, number) = (take_text(&mut rest), take_number(&mut rest));
        // `1`, `1.` and `1.0` differ in the text; `` and `0` do not, and end here alike.
        if rest.is_empty() && text.is_empty() && number.is_empty() {
            break;
        }
        text.hash(state);
        number.hash(state);
        if rest.is_empty() {
            break;
        }
    }
    state.write_u8(0xff);
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
