//! Tokens of registries: the distribution project's token specification ("Token Authentication
//! Specification") and its variant of OAuth 2.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::authorization::Authorization;
use crate::body::Body;
use crate::credentials::{Credential, Credentials};
use crate::error::NetError;
use crate::method::Method;
use crate::network::Network;
use crate::secret::Secret;
use crate::url::{Url, masked};

/// The largest answer of a server of tokens.
const MAX_ANSWER: u64 = 256 << 10;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The server of tokens that a registry names, if it may be asked.
///
/// It is given the password, and what it answers is given to the registry. So it has to be reached by
/// TLS; and a registry elsewhere must not have this machine ask services that are in its own network.
pub(super) fn server(url: &Url, registry: &Url, realm: &str) -> Result<Url, NetError> {
    let refused = |problem| NetError::Realm {
        url: url.clone(),
        realm: masked(realm),
        problem,
    };
    let Ok(server) = realm.parse::<Url>() else {
        return Err(refused("which is not an `http://` or `https://` URL"));
    };
    if server.is_loopback() && !registry.is_loopback() {
        return Err(refused("which is on this machine, as the registry is not"));
    }
    if server.is_internal() && !registry.is_internal() {
        return Err(refused(
            "which is an address of a private network, as the registry's is not",
        ));
    }
    if !server.is_tls() && !server.is_loopback() {
        return Err(refused("which is not asked without TLS"));
    }
    Ok(server.without_login())
}

/// Asks for a token.
pub(super) async fn fetch(
    network: &Network,
    server: &Url,
    service: Option<&str>,
    scope: &str,
    credentials: Option<&Credentials>,
) -> Result<Authorization, NetError> {
    let service = service.map(|service| ("service", service));
    let credential = credentials.map(|credentials| &credentials.credential);
    let origin = credentials.map(|credentials| credentials.origin.clone());
    let mut response = match (credential, &origin) {
        // A token for tokens.
        (Some(Credential::Identity(identity)), _) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token");
            form.extend_pairs(service);
            form.append_pair("client_id", "distil");
            form.append_pair("scope", scope);
            form.append_pair("refresh_token", identity.expose());
            let body = Body::of_bytes(form.finish().into_bytes());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
            network
                .send(Method::Post, server, headers, Some(&body))
                .await?
        }
        (credential, origin) => {
            let mut headers = HeaderMap::new();
            if let (Some(Credential::Password(login)), Some(origin)) = (credential, origin)
                && let Some(basic) = Authorization::basic(login, origin.clone())
            {
                headers.insert(AUTHORIZATION, basic.header);
            }
            let pairs = service.into_iter().chain([("scope", scope)]);
            let asked = server.with_query(pairs);
            network.send(Method::Get, &asked, headers, None).await?
        }
    };
    if !response.status().is_success() {
        return Err(refusal(network, server, &mut response, origin).await);
    }
    let token = |problem: &str| NetError::Token {
        url: server.clone(),
        problem: problem.to_owned(),
    };
    let bytes = network.collect(server, &mut response, MAX_ANSWER).await?;
    // What serde_json says may have a part of the token in it.
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|_| token("it sent another document"))?;
    let value = answer.token.filter(|token| !token.is_empty());
    let value = value.or(answer.access_token).map(Secret::new);
    let value = value.ok_or_else(|| token("there is none in its answer"))?;
    Authorization::bearer(&value, origin)
        .ok_or_else(|| token("it has characters that HTTP does not allow"))
}

async fn refusal(
    network: &Network,
    server: &Url,
    response: &mut Response,
    origin: Option<crate::error::Origin>,
) -> NetError {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NetError::Unauthorized {
            url: server.clone(),
            status,
            credentials: origin,
            withheld: None,
            body: network.error_body(response).await,
        },
        _ => network.status(server, response).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(registry: &str, realm: &str) -> Result<String, String> {
        let registry: Url = registry.parse().unwrap();
        let url = registry.below("v2/a/manifests/1");
        server(&url, &registry, realm)
            .map(|url| url.to_request().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn servers_of_tokens_that_are_asked() {
        for (registry, realm) in [
            ("https://registry.example", "https://auth.example/token?x=1"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
            ("http://localhost:5000", "http://[::1]:5001/token"),
            ("http://localhost:5000", "https://auth.example/token"),
            ("https://10.0.0.1", "https://10.0.0.2/token"),
        ] {
            assert_eq!(of(registry, realm).as_deref(), Ok(realm));
        }
    }

    #[test]
    fn services_of_this_machine_and_network_are_not() {
        let registry = "https://registry.example";
        for realm in [
            "http://127.0.0.1:8080/x",
            "https://localhost/x",
            "https://[::1]/",
            "http://0.0.0.0/",
        ] {
            let error = of(registry, realm).unwrap_err();
            assert!(error.contains("on this machine"), "{error}");
        }
        for realm in [
            "http://169.254.169.254/latest",
            "https://10.0.0.2/x",
            "https://[fd00::1]/",
        ] {
            let error = of(registry, realm).unwrap_err();
            assert!(error.contains("private network"), "{error}");
        }
        assert!(of("https://10.0.0.1", "https://127.0.0.1/").is_err());
        insta::assert_snapshot!(of(registry, "http://127.0.0.1:8080/x").unwrap_err(), @"`https://registry.example/v2/a/manifests/1` names `http://127.0.0.1:8080/x` as the server to get tokens from, which is on this machine, as the registry is not");
    }

    #[test]
    fn nor_is_one_without_tls() {
        let error = of("https://registry.example", "http://auth.example/x").unwrap_err();
        assert!(error.contains("without TLS"), "{error}");
        let error = of("http://127.0.0.1", "http://ann:secret@auth.example/x").unwrap_err();
        assert!(
            error.contains("without TLS") && !error.contains("secret"),
            "{error}"
        );
        assert!(of("https://registry.example", "auth.example").is_err());
        assert!(of("https://registry.example", "ftp://auth.example").is_err());
    }
}
