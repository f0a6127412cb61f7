//! Passwords of registries: Docker's and Podman's files, and the programs that they name
//! (containers-auth.json(5); Docker's `docker login`, "Credential stores").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;

use super::credential::{Credential, Credentials};
use super::helper;
use crate::environment::{Environment, read_small};
use crate::error::{CredentialsError, Origin};
use crate::secret::Secret;
use crate::url::Login;

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
fn files(environment: &Environment) -> Vec<PathBuf> {
    if let Some(named) = environment.path("REGISTRY_AUTH_FILE") {
        return vec![named];
    }
    let home = environment.home();
    let below_home = |name: &str| home.as_ref().map(|home| home.join(name));
    let config = environment.path("XDG_CONFIG_HOME");
    let docker = environment.path("DOCKER_CONFIG");
    let files = [
        environment
            .path("XDG_RUNTIME_DIR")
            .map(|directory| directory.join("containers/auth.json")),
        config
            .or_else(|| below_home(".config"))
            .map(|directory| directory.join("containers/auth.json")),
        docker
            .or_else(|| below_home(".docker"))
            .map(|directory| directory.join("config.json")),
    ];
    files.into_iter().flatten().collect()
}

/// The credentials for a repository, by the registry's name as users write it (`docker.io` for Docker's)
/// and the path in it; none if there are none.
///
/// # Errors
/// If a file, or a program that it names, cannot be used.
pub fn for_registry(
    environment: &Environment,
    host: &str,
    path: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    for file in files(environment) {
        if let Some(found) = read(&file, host, path)?.flatten() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// As [`for_registry`], of this file alone, which has to be there.
///
/// # Errors
/// If the file is not there, or it or a program that it names cannot be used.
pub fn in_file(
    file: &Path,
    host: &str,
    path: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    read(file, host, path)?.ok_or_else(|| CredentialsError {
        path: file.to_owned(),
        problem: "there is no such file".to_owned(),
    })
}

/// What a file has for a repository; none of both where there is no such file.
fn read(
    file: &Path,
    host: &str,
    path: &str,
) -> Result<Option<Option<Credentials>>, CredentialsError> {
    let bad = |problem: String| CredentialsError {
        path: file.to_owned(),
        problem,
    };
    let Some(bytes) = read_small(file).map_err(|error| bad(error.to_string()))? else {
        return Ok(None);
    };
    let parsed: File =
        serde_json::from_slice(&bytes).map_err(|error| bad(helper::not_json(&error)))?;
    let ask = |helper: &str, server: &str| helper::ask(helper, server, helper::DEADLINE);
    let found = of_file(&parsed, host, path, &ask).map_err(bad)?;
    Ok(Some(found.map(|(credential, helper)| {
        let origin = helper.map_or_else(|| Origin::File(file.to_owned()), Origin::Helper);
        Credentials { credential, origin }
    })))
}

type Ask<'a> = &'a dyn Fn(&str, &str) -> Result<Option<Credential>, String>;

/// What a file has, and the name of the program that it is from.
type Found = Option<(Credential, Option<String>)>;

fn of_file(file: &File, host: &str, path: &str, ask: Ask<'_>) -> Result<Found, String> {
    let ask = |helper: &str, server: &str| {
        let found = ask(helper, server)?;
        Ok(found.map(|credential| (credential, Some(helper::program(helper)))))
    };
    // The most particular first: Podman has keys for directories and single repositories, too.
    let full = format!("{host}/{path}");
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
            return Ok(Some((found, None)));
        }
    }
    if !file.store.is_empty() {
        let server = match host {
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

fn of_auth(auth: &Auth) -> Result<Option<Credential>, String> {
    if !auth.identitytoken.is_empty() {
        return Ok(Some(Credential::Identity(Secret::new(&auth.identitytoken))));
    }
    let password = |user: &str, password: &str| {
        Credential::Password(Login {
            user: user.to_owned(),
            password: Secret::new(password),
        })
    };
    if auth.auth.is_empty() {
        let is_there = !auth.username.is_empty();
        return Ok(is_there.then(|| password(&auth.username, &auth.password)));
    }
    let bytes = STANDARD_NO_PAD
        .decode(auth.auth.trim().trim_end_matches('='))
        .ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or("an `auth` is not Base64")?;
    let (user, secret) = text.split_once(':').ok_or("an `auth` has no colon in it")?;
    Ok(Some(password(user, secret.trim_end_matches('\0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, host: &str, path: &str) -> Option<(String, String)> {
        let ask = |helper: &str, server: &str| {
            Ok(Some(Credential::Password(Login {
                user: helper.to_owned(),
                password: Secret::new(server),
            })))
        };
        let file: File = serde_json::from_str(json).unwrap();
        Some(match of_file(&file, host, path, &ask).unwrap()?.0 {
            Credential::Password(login) => (login.user, login.password.expose().to_owned()),
            Credential::Identity(token) => ("<token>".to_owned(), token.expose().to_owned()),
        })
    }

    #[test]
    fn keys_of_both_kinds_are_understood() {
        let auth = STANDARD_NO_PAD.encode("u:p:q");
        let found = Some(("u".to_owned(), "p:q".to_owned()));
        for (key, host, path) in [
            ("https://index.docker.io/v1/", "docker.io", "library/python"),
            ("docker.io", "docker.io", "library/python"),
            ("example.org:5000", "example.org:5000", "a/b"),
            ("https://example.org", "example.org", "a"),
            ("example.org/a/b", "example.org", "a/b"),
        ] {
            let json = format!(r#"{{"auths":{{"{key}":{{"auth":"{auth}"}}}}}}"#);
            assert_eq!(of(&json, host, path), found, "{key}");
        }
        let other = format!(r#"{{"auths":{{"example.org/a":{{"auth":"{auth}"}}}}}}"#);
        assert_eq!(of(&other, "example.org", "ab/c"), None);
        assert_eq!(of(&other, "example.com", "a"), None);
    }

    #[test]
    fn helpers_are_asked_and_tokens_are_told_apart() {
        let helper = r#"{"credHelpers":{"gcr.io":"gcloud"},"credsStore":"pass"}"#;
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of(helper, "gcr.io", "x/y"), pair("gcloud", "gcr.io"));
        assert_eq!(
            of(helper, "docker.io", "library/python"),
            pair("pass", "https://index.docker.io/v1/")
        );
        let token = r#"{"auths":{"a.io":{"identitytoken":"t"}}}"#;
        assert_eq!(of(token, "a.io", "x"), pair("<token>", "t"));
        assert_eq!(of("{}", "a.io", "x"), None);
    }

    #[test]
    fn nothing_of_a_file_is_in_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.json");
        let environment = Environment::of([("REGISTRY_AUTH_FILE", &file)], "/nonexistent");
        for content in [
            r#"{"auths":{"a.io":"secret"}}"#,
            r#"{"auths":{"a.io":{"auth":"secret!"}}}"#,
            r#"{"auths":{"a.io":{"auth":"c2VjcmV0"}}}"#,
            r#"["secret"]"#,
            "secret",
        ] {
            std::fs::write(&file, content).unwrap();
            let error = for_registry(&environment, "a.io", "x")
                .unwrap_err()
                .to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        std::fs::remove_file(&file).unwrap();
        assert_eq!(for_registry(&environment, "a.io", "x"), Ok(None));
        let error = in_file(&file, "a.io", "x").unwrap_err();
        assert_eq!(error.problem, "there is no such file");
        std::fs::create_dir(&file).unwrap();
        let error = for_registry(&environment, "a.io", "x").unwrap_err();
        assert_eq!(error.problem, "it is not a plain file");
    }
}
