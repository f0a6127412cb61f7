//! This machine's apt sources: from where its packages come, and so from where ours may.
//!
//! Both formats of sources.list(5) are read: the one-line one of `*.list` and the deb822 one of
//! `*.sources`. Only what tells of mirrors is kept. What cannot be understood gives a [`Warning`]:
//! these files are not ours, and a fault in one is no reason to fail.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

mod deb822;
mod mirrors;
mod one_line;

#[cfg(test)]
mod tests;

pub use mirrors::{AptMirrors, own_mirrors};

/// An entry of the sources: one line, or one paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Binary packages, source packages, or both.
    pub types: Vec<SourceType>,
    /// The archives, by their URIs as written, but for those with a transport that is not read.
    pub uris: Vec<String>,
    /// The suites. One that ends in `/` is the path of a flat repository, which has no suites.
    pub suites: Vec<String>,
    /// The components; none for a flat repository.
    pub components: Vec<String>,
    /// The architectures to which the entry is restricted; none if it is not.
    pub architectures: Vec<String>,
    /// By whom the archive must be signed; none if any key that apt has will do.
    pub signed_by: Vec<SignedBy>,
    /// False if a Release of it may be expired (`Check-Valid-Until: no`).
    pub check_valid_until: bool,
    /// False if the entry is switched off (`Enabled: no`).
    pub enabled: bool,
    /// Whether the archive is trusted without a signature, or never; `None` for apt's default.
    pub trusted: Option<bool>,
    /// The file with the entry.
    pub file: PathBuf,
    /// The line where the entry begins, from 1.
    pub line: u64,
}

/// What kind of packages an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// Binary packages: `deb`.
    Binary,
    /// Source packages: `deb-src`.
    Source,
}

/// A value of the option `Signed-By`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// The path of a keyring.
    File(PathBuf),
    /// A fingerprint, in capital letters; a `!` at the end means that key and no subkey.
    Fingerprint(String),
    /// A keyring in ASCII armour.
    Keyring(String),
}

/// Something in the sources that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` if it is the file as a whole.
    pub line: Option<u64>,
    /// What is the matter.
    pub why: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The entries in apt's order: `sources.list`, then the files of `sources.list.d` by name.
    pub sources: Vec<Source>,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

/// Where apt's configuration is, unless it was moved.
pub const APT_CONFIGURATION: &str = "/etc/apt";

/// The largest file that is read.
const MAX_FILE_SIZE: u64 = 1 << 20;

impl Sources {
    /// Reads the sources of an apt configuration directory, such as [`APT_CONFIGURATION`]. Where
    /// there is no apt, there are none.
    pub fn read(configuration: &Path) -> Self {
        let mut sources = Self::default();
        sources.read_file(&configuration.join("sources.list"), Format::OneLine);
        let parts = configuration.join("sources.list.d");
        let mut names: Vec<_> = match fs::read_dir(&parts) {
            Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect(),
            Err(error) => {
                sources.warn_of_io(&parts, &error);
                return sources;
            }
        };
        names.sort();
        for name in names {
            if let Some(format) = name.to_str().and_then(Format::of) {
                sources.read_file(&parts.join(name), format);
            }
        }
        sources
    }

    /// Reads paragraphs in the deb822 format that are in no file of apt's.
    pub fn of_text(text: &str) -> Self {
        let mut sources = Self::default();
        sources.parse(&text.replace("\r\n", "\n"), Path::new(""), Format::Deb822);
        sources
    }

    fn read_file(&mut self, file: &Path, format: Format) {
        match read_bounded(file).map(String::from_utf8) {
            Ok(Ok(text)) => self.parse(&text.replace("\r\n", "\n"), file, format),
            Ok(Err(_)) => self.warn(file, None, "the file is not UTF-8"),
            Err(error) => self.warn_of_io(file, &error),
        }
    }

    fn parse(&mut self, text: &str, file: &Path, format: Format) {
        match format {
            Format::OneLine => one_line::parse(text, file, self),
            Format::Deb822 => deb822::parse(text, file, self),
        }
    }

    fn warn_of_io(&mut self, file: &Path, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.warn(file, None, error.to_string());
        }
    }

    fn warn(&mut self, file: &Path, line: Option<u64>, why: impl Into<String>) {
        self.warnings.push(Warning {
            file: file.to_owned(),
            line,
            why: why.into(),
        });
    }

    /// Adds an entry, without the URIs that nothing here can read.
    fn add(&mut self, mut source: Source) {
        let uris = std::mem::take(&mut source.uris);
        for uri in uris {
            match Transport::of(&uri) {
                Transport::Readable => source.uris.push(uri),
                // Left by the installer on many machines; nobody expects us to ask for a disc.
                Transport::Disc => {}
                Transport::Other => {
                    let why = format!("the transport of `{}` is not supported", shown(&uri));
                    self.warn(&source.file, Some(source.line), why);
                }
                Transport::None => {
                    let why = format!("`{}` is not a URI", shown(&uri));
                    self.warn(&source.file, Some(source.line), why);
                }
            }
        }
        if !source.uris.is_empty() {
            self.sources.push(source);
        }
    }
}

fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file)?;
    opened.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(io::Error::other("the file is larger than 1 MiB"));
    }
    Ok(bytes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    OneLine,
    Deb822,
}

impl Format {
    /// The format of a file in `sources.list.d`. apt passes over names with other characters,
    /// such as those of an editor's backups.
    fn of(name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if name.starts_with('.') || !name.bytes().all(plain) {
            return None;
        }
        match name.rsplit_once('.')?.1 {
            "list" => Some(Self::OneLine),
            "sources" => Some(Self::Deb822),
            _ => None,
        }
    }
}

/// How a URI wants to be read.
enum Transport {
    Readable,
    Disc,
    /// `mirror:` and `mirror+file:` name lists of mirrors; `ftp:`, `ssh:`, `tor+http:` and others
    /// are rare.
    Other,
    None,
}

impl Transport {
    fn of(uri: &str) -> Self {
        match uri.split_once(':') {
            Some((scheme, rest)) if !rest.is_empty() => {
                match scheme.to_ascii_lowercase().as_str() {
                    "http" | "https" | "file" => Self::Readable,
                    "cdrom" => Self::Disc,
                    "" => Self::None,
                    _ => Self::Other,
                }
            }
            _ => Self::None,
        }
    }
}

/// A flat repository has no components, any other has some.
fn check_components(source: &Source) -> Result<(), String> {
    for suite in &source.suites {
        let flat = suite.ends_with('/');
        if flat && !source.components.is_empty() {
            let suite = shown(suite);
            return Err(format!(
                "`{suite}` is a flat repository, which has no components"
            ));
        }
        if !flat && source.components.is_empty() {
            return Err(format!("no component of `{}` is named", shown(suite)));
        }
    }
    Ok(())
}

/// apt's ways to say yes and no (apt-pkg's `StringToBool`).
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" | "1" => Some(true),
        "no" | "false" | "without" | "off" | "disable" | "0" => Some(false),
        _ => None,
    }
}

/// A value of `Signed-By` that is not an embedded keyring: paths and fingerprints, parted by
/// commas or white space.
fn signed_by(value: &str) -> Result<Vec<SignedBy>, String> {
    value
        .split([',', ' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let hex = word.strip_suffix('!').unwrap_or(word);
            let is_file_name = [".gpg", ".asc", ".pgp"]
                .iter()
                .any(|ending| word.ends_with(ending));
            if word.starts_with('/') || is_file_name {
                Ok(SignedBy::File(word.into()))
            } else if hex.len() >= 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                Ok(SignedBy::Fingerprint(word.to_ascii_uppercase()))
            } else {
                Err(format!(
                    "`{}` is neither a path nor a fingerprint",
                    shown(word)
                ))
            }
        })
        .collect()
}

/// A piece of somebody's file for a message, on one line and not too long. Passwords stay out.
fn shown(text: &str) -> String {
    let text = match text.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((user, host)) if !user.contains('/') => format!("{scheme}://…@{host}"),
            _ => text.to_owned(),
        },
        None => text.to_owned(),
    };
    text.chars()
        .take(100)
        .flat_map(char::escape_debug)
        .collect()
}
