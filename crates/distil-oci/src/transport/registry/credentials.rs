//! Who to be for a registry: Docker's and Podman's files, and the programs that they name
//! (containers-auth.json(5); Docker's `docker login`, "Credential stores").

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::reference::Repository;
use crate::transport::error::Problem;

/// The largest file of credentials.
const MAX_FILE: u64 = 4 << 20;

/// What proves who somebody is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// A name and a password.
    Password { user: String, password: String },
    /// A token that tokens are given for.
    Identity(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// The files, in the order in which they count: Podman's, then Docker's.
fn files() -> Vec<PathBuf> {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(named) = variable("REGISTRY_AUTH_FILE") {
        return vec![named];
    }
    let home = env::home_dir();
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let files = [
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        config.map(|folder| folder.join("containers/auth.json")),
        docker.map(|folder| folder.join("config.json")),
    ];
    files.into_iter().flatten().collect()
}

/// The credentials for a repository; none if there are none.
pub(super) fn find(repository: &Repository) -> Result<Option<Credentials>, Problem> {
    for path in files() {
        let bad = |problem: String| Problem::Credentials {
            path: path.clone(),
            problem,
        };
        let bytes = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_FILE => {
                return Err(bad("it is too large".to_owned()));
            }
            Ok(_) => std::fs::read(&path).map_err(|error| bad(error.to_string()))?,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Err(error) => return Err(bad(error.to_string())),
        };
        let file: File = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        if let Some(found) = of_file(&file, repository, &ask).map_err(bad)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

type Ask<'a> = &'a dyn Fn(&str, &str) -> Result<Option<Credentials>, String>;

fn of_file(
    file: &File,
    repository: &Repository,
    ask: Ask<'_>,
) -> Result<Option<Credentials>, String> {
    // The most particular first: Podman has keys for folders and single repositories, too.
    let full = format!("{}/{}", repository.host(), repository.path());
    let mut keys: Vec<&str> = vec![&full];
    while let Some((shorter, _)) = keys.last().and_then(|key| key.rsplit_once('/')) {
        keys.push(shorter);
    }
    for key in &keys {
        if let Some(helper) = file.helpers.get(*key) {
            return ask(helper, key);
        }
        let auth = file.auths.iter().find(|(name, _)| normal(name) == *key);
        if let Some(found) = auth.map(|(_, auth)| of_auth(auth)).transpose()?.flatten() {
            return Ok(Some(found));
        }
    }
    if !file.store.is_empty() {
        let server = match repository.host() {
            "docker.io" => "https://index.docker.io/v1/",
            host => host,
        };
        return ask(&file.store, server);
    }
    Ok(None)
}

/// A key as Podman writes it: Docker's may be addresses.
fn normal(key: &str) -> String {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let bare = match bare {
        // Of an address only the host counts.
        Some(address) => address.split('/').next().unwrap_or(address),
        None => key.trim_end_matches('/'),
    };
    match bare {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        bare => bare.to_owned(),
    }
}

fn of_auth(auth: &Auth) -> Result<Option<Credentials>, String> {
    if !auth.identitytoken.is_empty() {
        return Ok(Some(Credentials::Identity(auth.identitytoken.clone())));
    }
    if auth.auth.is_empty() {
        let is_there = !auth.username.is_empty();
        let (user, password) = (auth.username.clone(), auth.password.clone());
        return Ok(is_there.then_some(Credentials::Password { user, password }));
    }
    let text = decode(&auth.auth).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or("an `auth` is not Base64")?;
    let (user, password) = text.split_once(':').ok_or("an `auth` has no colon in it")?;
    let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
    Ok(Some(Credentials::Password { user, password }))
}

/// Asks a credential helper, `docker-credential-NAME`.
fn ask(helper: &str, server: &str) -> Result<Option<Credentials>, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Username")]
        user: String,
        #[serde(rename = "Secret")]
        secret: String,
    }
    if helper.is_empty() || helper.contains(['/', '\0']) {
        return Err(format!("`{helper}` is no credential helper"));
    }
    let program = format!("docker-credential-{helper}");
    let failed = |error: io::Error| format!("`{program}` cannot be run: {error}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read has its answer ready.
        let _ = input.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        // That is how helpers say that they know nothing.
        return Ok(None);
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`{program}` answers what is not JSON: {error}"))?;
    Ok(Some(match answer.user.as_str() {
        "<token>" => Credentials::Identity(answer.secret),
        _ => Credentials::Password {
            user: answer.user,
            password: answer.secret,
        },
    }))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 (RFC 4648, 4).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            encoded.push(if place <= chunk.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
    encoded
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim().trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&known| known == byte)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::RegistryReference;

    fn of(json: &str, name: &str) -> Option<(String, String)> {
        let reference: RegistryReference = name.parse().unwrap();
        let ask = |helper: &str, server: &str| {
            Ok(Some(Credentials::Password {
                user: helper.to_owned(),
                password: server.to_owned(),
            }))
        };
        let file: File = serde_json::from_str(json).unwrap();
        match of_file(&file, reference.repository(), &ask).unwrap()? {
            Credentials::Password { user, password } => Some((user, password)),
            Credentials::Identity(token) => Some(("<token>".to_owned(), token)),
        }
    }

    #[test]
    fn base64_goes_both_ways() {
        for text in ["", "a", "ab", "abc", "user:pass word", "ü:€"] {
            assert_eq!(decode(&encode(text)).unwrap(), text.as_bytes());
        }
        assert_eq!(encode("user:secret"), "dXNlcjpzZWNyZXQ=");
        assert_eq!(decode("no base64!"), None);
    }

    #[test]
    fn keys_of_both_kinds_are_understood() {
        let auth = encode("u:p:q");
        let found = Some(("u".to_owned(), "p:q".to_owned()));
        for (key, name) in [
            ("https://index.docker.io/v1/", "python"),
            ("docker.io", "library/python"),
            ("example.org:5000", "example.org:5000/a/b"),
            ("https://example.org", "example.org/a"),
            ("example.org/a/b", "example.org/a/b"),
        ] {
            assert_eq!(
                of(
                    &format!(r#"{{"auths":{{"{key}":{{"auth":"{auth}"}}}}}}"#),
                    name
                ),
                found,
                "{key}"
            );
        }
        let other = format!(r#"{{"auths":{{"example.org/a":{{"auth":"{auth}"}}}}}}"#);
        assert_eq!(of(&other, "example.org/ab/c"), None);
        assert_eq!(of(&other, "example.com/a"), None);
    }

    #[test]
    fn helpers_are_asked_and_tokens_are_told_apart() {
        let helper = r#"{"credHelpers":{"gcr.io":"gcloud"},"credsStore":"pass"}"#;
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of(helper, "gcr.io/x/y"), pair("gcloud", "gcr.io"));
        assert_eq!(
            of(helper, "python"),
            pair("pass", "https://index.docker.io/v1/")
        );
        let token = r#"{"auths":{"a.io":{"identitytoken":"t"}}}"#;
        assert_eq!(of(token, "a.io/x"), pair("<token>", "t"));
        assert_eq!(of("{}", "a.io/x"), None);
    }
}
