//! Keys and passwords from files, variables and the output of commands. No message has any of them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use distil_attest::key::{KeyError, PrivateKey, PublicKey};

use crate::cli;
use crate::error::CommandError;
use crate::terminal;

/// The most bytes of a key or a password that are read.
const MAX_SECRET: u64 = 64 << 10;

/// The variable that cosign takes the password of a key from.
const COSIGN_PASSWORD: &str = "COSIGN_PASSWORD";

/// Where a secret is.
enum Source {
    File(PathBuf),
    Variable(String),
    Command(String),
}

impl Source {
    fn parse(word: &str) -> Self {
        if let Some(name) = word.strip_prefix("env:") {
            // Cosign writes it as an address.
            return Self::Variable(name.trim_start_matches("//").to_owned());
        }
        match word.strip_prefix("command:") {
            Some(command) => Self::Command(command.to_owned()),
            None => Self::File(PathBuf::from(word)),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Variable(name) => format!("the variable `{name}`"),
            // What it is may be a secret itself.
            Self::Command(_) => "the output of the command".to_owned(),
        }
    }

    fn read(&self, what: &str) -> Result<Vec<u8>, CommandError> {
        let failed = |problem: String| {
            CommandError::usage(format!(
                "failed to read {what} from {}: {problem}",
                self.shown()
            ))
        };
        match self {
            Self::File(path) => {
                read_file(path, MAX_SECRET).map_err(|error| failed(error.to_string()))
            }
            Self::Variable(name) => match std::env::var_os(name) {
                Some(value) => Ok(value.into_encoded_bytes()),
                None => Err(failed("it is not set".to_owned())),
            },
            Self::Command(command) => {
                let output = Command::new("/bin/sh")
                    .args(["-c", command])
                    .stdin(Stdio::inherit())
                    .stderr(Stdio::inherit())
                    .output()
                    .map_err(|error| failed(error.to_string()))?;
                match output.status.success() {
                    true if output.stdout.len() as u64 <= MAX_SECRET => Ok(output.stdout),
                    true => Err(failed(format!("it has more than {MAX_SECRET} bytes"))),
                    false => Err(failed(format!("it ended with {}", output.status))),
                }
            }
        }
    }
}

/// Reads a file that has at most so many bytes.
pub(crate) fn read_file(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(limit + 1);
    file.read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(std::io::Error::other(format!(
            "it has more than {limit} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// The private key that a word of the command line names.
pub(crate) fn private(word: &str, signing: &cli::Signing) -> Result<PrivateKey, CommandError> {
    private_with(word, signing.key_password.as_deref())
}

/// The same, whose password a word names.
pub(crate) fn private_with(
    word: &str,
    source_of_password: Option<&str>,
) -> Result<PrivateKey, CommandError> {
    let source = Source::parse(word);
    let text = source.read("the private key")?;
    let failed = |error: KeyError| refused(&source.shown(), &error);
    if let Source::File(path) = &source {
        warn_of_readers(path);
    }
    let password = match PrivateKey::is_encrypted(&text).map_err(failed)? {
        true => Some(password(source_of_password)?),
        false => None,
    };
    PrivateKey::from_pem(&text, password.as_deref()).map_err(failed)
}

fn password(source: Option<&str>) -> Result<Vec<u8>, CommandError> {
    let mut bytes = match source {
        Some(word) => Source::parse(word).read("the password of the key")?,
        None => match std::env::var_os(COSIGN_PASSWORD) {
            Some(value) => return Ok(value.into_encoded_bytes()),
            None => {
                let message = "the private key is encrypted, and there is no password";
                return Err(CommandError::usage(message).hint(format!(
                    "set {COSIGN_PASSWORD}, or name a source: `--key-password FILE`, \
                     `--key-password 'command:pass show distil'`"
                )));
            }
        },
    };
    // Files and commands end their last line.
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    if bytes.ends_with(b"\r") {
        bytes.pop();
    }
    Ok(bytes)
}

/// Warns of a key that others on this machine can read.
fn warn_of_readers(path: &Path) {
    let Ok(metadata) = path.metadata() else {
        return;
    };
    let mode = metadata.mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        terminal::say(format!(
            "warning: other users can read the private key `{}` (mode {mode:04o})\n\n\
             hint: `chmod 600 {0}`\n",
            path.display()
        ));
    }
}

/// The public keys in these files.
pub(crate) fn public(paths: &[PathBuf]) -> Result<Vec<PublicKey>, CommandError> {
    let key = |path: &PathBuf| {
        let source = Source::File(path.clone());
        let text = source.read("the public key")?;
        PublicKey::from_pem(&text).map_err(|error| refused(&source.shown(), &error))
    };
    paths.iter().map(key).collect()
}

/// A key that cannot be used, and what helps.
fn refused(shown: &str, error: &KeyError) -> CommandError {
    let message = format!("{shown} cannot be used as a key: {error}");
    let hint = match error {
        KeyError::IsPrivate => Some("`openssl pkey -in KEY -pubout` prints the public key of one"),
        KeyError::IsPublic => Some("the private key is the file beside it, such as `cosign.key`"),
        KeyError::IsCertificate => {
            Some("`openssl x509 -in CERTIFICATE -noout -pubkey` prints the public key of one")
        }
        KeyError::NotPkcs8 { .. } | KeyError::EncryptedPkcs8 | KeyError::Damaged { .. } => {
            Some("`openssl pkcs8 -topk8 -nocrypt -in KEY` prints the key in the needed format")
        }
        KeyError::NotPem | KeyError::Label { .. } | KeyError::Algorithm { .. } => Some(
            "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY` makes a key, \
             `cosign generate-key-pair` an encrypted one",
        ),
        _ => None,
    };
    let error = CommandError::usage(message);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
