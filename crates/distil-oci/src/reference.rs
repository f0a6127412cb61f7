//! Names of images, `[HOST[:PORT]/]PATH[:TAG]`, by the grammar of the distribution project's
//! `reference` package and with Docker's defaults: host `docker.io`, directory `library`, tag `latest`.

use std::fmt;
use std::str::FromStr;

use distil_store::Digest;

/// A repository: a registry's host, and a path there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

/// A name with a tag, such as `gcr.io/distroless/python3:debug`.
///
/// Displays in the short spelling that people write and Docker shows: [`Reference::familiar`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    tag: String,
}

/// What to take from a registry: a repository with a tag, a digest, or both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryReference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
}

const DEFAULT_HOST: &str = "docker.io";
const DEFAULT_FOLDER: &str = "library/";
const DEFAULT_TAG: &str = "latest";

/// The longest name without tag and digest, by the grammar.
const MAX_NAME: usize = 255;
/// The longest tag, by the grammar.
const MAX_TAG: usize = 128;

impl Repository {
    /// The host, with its port if it names one; `docker.io` by default.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path on the host, such as `library/python3`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Without the defaults: `python3` for `docker.io/library/python3`.
    ///
    /// Where that would be read as something else, it is the full name: Docker's `FamiliarName`
    /// makes `localhost/x` of `docker.io/localhost/x`.
    pub fn familiar(&self) -> String {
        if self.host != DEFAULT_HOST {
            return self.to_string();
        }
        let path = self.path.strip_prefix(DEFAULT_FOLDER);
        let path = path
            .filter(|path| !path.contains('/'))
            .unwrap_or(&self.path);
        match Self::parse(path, path) {
            Ok(read) if read == *self => path.to_owned(),
            _ => self.to_string(),
        }
    }

    fn parse(name: &str, whole: &str) -> Result<Self, InvalidReference> {
        let invalid = |problem| InvalidReference::new(whole, problem);
        // As it is for Docker, which takes the digits for an ID only where nothing else is written.
        if name == whole && is_image_id(name) {
            return Err(invalid(Problem::ImageId));
        }
        // Docker's rule for telling a host from the first part of a path: `splitDockerDomain` in
        // the `reference` package.
        let (host, path) = match name.split_once('/') {
            Some((first, rest))
                if first.contains(['.', ':'])
                    || first == "localhost"
                    || first.chars().any(|c| c.is_ascii_uppercase()) =>
            {
                (first, rest)
            }
            _ => (DEFAULT_HOST, name),
        };
        let host = if host == "index.docker.io" {
            DEFAULT_HOST
        } else {
            host
        };
        if !is_host(host) {
            return Err(invalid(Problem::Host(shortened(host))));
        }
        if path.is_empty() {
            return Err(invalid(Problem::Empty));
        }
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(invalid(Problem::UpperCase));
        }
        if let Some(part) = path.split('/').find(|part| !is_path_component(part)) {
            return Err(invalid(Problem::Component(shortened(part))));
        }
        let path = if host == DEFAULT_HOST && !path.contains('/') {
            format!("{DEFAULT_FOLDER}{path}")
        } else {
            path.to_owned()
        };
        if host.len() + 1 + path.len() > MAX_NAME {
            return Err(invalid(Problem::Long));
        }
        Ok(Self {
            host: host.to_owned(),
            path,
        })
    }
}

impl fmt::Display for Repository {
    /// In full: `docker.io/library/python3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag; `latest` by default.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// As people write it and Docker shows it: `python3:latest`.
    pub fn familiar(&self) -> String {
        format!("{}:{}", self.repository.familiar(), self.tag)
    }

    /// In full: `docker.io/library/python3:latest`.
    pub fn full(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let reference: RegistryReference = text.parse()?;
        if reference.digest.is_some() {
            return Err(InvalidReference::new(text, Problem::Digest));
        }
        Ok(Self {
            repository: reference.repository,
            tag: reference.tag.unwrap_or_else(|| DEFAULT_TAG.to_owned()),
        })
    }
}

impl RegistryReference {
    /// What a tag of a repository leads to.
    pub fn of_tag(repository: Repository, tag: impl Into<String>) -> Self {
        Self {
            repository,
            tag: Some(tag.into()),
            digest: None,
        }
    }

    /// What has a digest in a repository.
    pub fn of_digest(repository: Repository, digest: Digest) -> Self {
        Self {
            repository,
            tag: None,
            digest: Some(digest),
        }
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository.familiar())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for RegistryReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |problem| InvalidReference::new(text, problem);
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => match digest.parse::<Digest>() {
                Ok(digest) => (rest, Some(digest)),
                Err(_) => return Err(invalid(Problem::InvalidDigest)),
            },
        };
        // A colon in the last part ends the name; one before it belongs to a port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].split_once(':') {
            Some((part, tag)) => (&rest[..last + part.len()], Some(tag)),
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(invalid(Problem::Empty));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(invalid(Problem::Tag(shortened(tag))));
        }
        Ok(Self {
            repository: Repository::parse(name, text)?,
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}`
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// Lower-case letters and digits, in groups separated by one `.`, one or two `_`, or any number of
/// `-`.
fn is_path_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part
            .split(plain)
            .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

/// What `docker run` would take for an image's ID.
fn is_image_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A domain name, an IPv4 address or an IPv6 one in brackets, and maybe a port. IPv6 addresses that
/// end like IPv4 ones are none by the grammar.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.contains('.') || address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                match port.strip_prefix(':') {
                    None if port.is_empty() => return true,
                    None => return false,
                    port => ("v6", port),
                }
            }
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // A number may have a sign for Rust, but not here.
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    name.split('.').all(label) && port.is_none_or(is_port)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The text is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the name of an image: {problem}")]
pub struct InvalidReference {
    text: String,
    problem: Problem,
}

impl InvalidReference {
    fn new(text: &str, problem: Problem) -> Self {
        Self {
            text: shortened(text),
            problem,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("the name is empty")]
    Empty,
    #[error("it has to be in lower case")]
    UpperCase,
    #[error(
        "`{0}` has to be lower-case letters and digits, with single `.`, `_`, `__` or `-` between them"
    )]
    Component(String),
    #[error("`{0}` is not a host, with or without a port")]
    Host(String),
    #[error(
        "the tag `{0}` has to be 1 to 128 letters, digits, `_`, `.` and `-`, and begin with none of the last two"
    )]
    Tag(String),
    #[error("64 hexadecimal digits would be taken for an image's ID")]
    ImageId,
    #[error("it is longer than 255 bytes")]
    Long,
    #[error("a digest cannot be chosen, only a tag")]
    Digest,
    #[error("after `@` comes a digest, `sha256:` and 64 hexadecimal digits")]
    InvalidDigest,
}

#[cfg(test)]
mod tests;
