//! One request to its end: through redirects and challenges, to an answer that has what was asked for.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};

use crate::body::Body;
use crate::error::NetError;
use crate::method::Method;
use crate::network::Network;
use crate::request::Request;
use crate::url::Url;

/// How many redirects are followed, as apt does.
const MAX_REDIRECTS: u32 = 10;

/// An answer that has what was asked for, and where it was in the end.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) url: Url,
}

/// Sends a request once, with these headers in addition, and follows where it leads.
///
/// # Errors
/// If it leads nowhere, or to a status that is neither a success nor the answer to a condition.
pub(crate) async fn exchange(
    network: &Network,
    request: &Request,
    more: HeaderMap,
) -> Result<Answer, NetError> {
    let mut headers = headers(request)?;
    headers.extend(more);
    let mut url = request.url.without_login();
    let (mut method, mut body) = (request.method, request.body.as_ref());
    let (mut redirects, mut had_credentials) = (0, false);
    loop {
        let (mut response, sent) = let_in(network, request, method, &url, &headers, body).await?;
        had_credentials |= sent;
        let status = response.status();
        if is_redirect(status) {
            redirects += 1;
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            check_redirect(request, &url, target.as_ref(), redirects, had_credentials)?;
            (method, body) = after_redirect(status, method, body);
            url = target.unwrap_or(url).without_login();
            continue;
        }
        let is_unchanged = status == StatusCode::NOT_MODIFIED
            && request.has_header(&["if-none-match", "if-modified-since"]);
        if status.is_success() || is_unchanged {
            return Ok(Answer { response, url });
        }
        return Err(network.status(&url, &mut response).await);
    }
}

/// Sends a request, again should the server say what it wants to see. Gives the answer, and whether it is
/// one to credentials.
async fn let_in(
    network: &Network,
    request: &Request,
    method: Method,
    url: &Url,
    headers: &HeaderMap,
    body: Option<&Body>,
) -> Result<(Response, bool), NetError> {
    let (mut authorization, withheld) = request.access.authorization(&request.url, url)?;
    let mut is_second = false;
    loop {
        let mut headers = headers.clone();
        if let Some(authorization) = &authorization {
            headers.insert(AUTHORIZATION, authorization.header.clone());
        }
        let mut response = network.send(method, url, headers, body).await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED && !is_second {
            let sent = authorization.as_ref();
            let access = &request.access;
            let better = access
                .answer(network, url, response.headers(), sent)
                .await?;
            if better.is_some() {
                (authorization, is_second) = (better, true);
                continue;
            }
        }
        let credentials = authorization.as_ref().and_then(|sent| sent.origin.clone());
        let is_refusal = status == StatusCode::UNAUTHORIZED
            || (status == StatusCode::FORBIDDEN && credentials.is_some());
        if is_refusal {
            return Err(NetError::Unauthorized {
                url: url.clone(),
                status,
                credentials,
                withheld,
                body: network.error_body(&mut response).await,
            });
        }
        return Ok((response, authorization.is_some()));
    }
}

fn headers(request: &Request) -> Result<HeaderMap, NetError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let invalid = || NetError::Header {
            url: request.url.clone(),
            name,
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        headers.append(key, value);
    }
    Ok(headers)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// What is sent to the target of a redirect (RFC 9110 §15.4; Fetch, "HTTP-redirect fetch").
fn after_redirect(
    status: StatusCode,
    method: Method,
    body: Option<&Body>,
) -> (Method, Option<&Body>) {
    match (status.as_u16(), method) {
        (303, Method::Head) => (Method::Head, None),
        (303, _) | (301 | 302, Method::Post) => (Method::Get, None),
        _ => (method, body),
    }
}

/// Whether a redirect may be followed.
fn check_redirect(
    request: &Request,
    url: &Url,
    target: Option<&Url>,
    redirects: u32,
    had_credentials: bool,
) -> Result<(), NetError> {
    let refused = |problem: String| {
        Err(NetError::Redirect {
            url: url.clone(),
            problem,
        })
    };
    let Some(target) = target else {
        return refused("to nowhere".to_owned());
    };
    if redirects > MAX_REDIRECTS {
        return refused(format!("more than {MAX_REDIRECTS} times"));
    }
    // Whoever is elsewhere must not have this machine ask its own services.
    if target.is_loopback() && !url.is_loopback() {
        return refused(format!("to `{target}`, which is on this machine"));
    }
    let is_local = target.is_loopback() && url.is_loopback();
    if request.is_private && !target.is_tls() && !is_local {
        return refused(format!("to `{target}`, an address without TLS"));
    }
    if had_credentials && url.is_tls() && !target.is_tls() {
        return refused(format!(
            "to `{target}`, an address without TLS, after credentials were sent"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &Request, target: &str, had_credentials: bool) -> Result<(), String> {
        let url = request.url.clone();
        let target: Url = target.parse().unwrap();
        check_redirect(request, &url, Some(&target), 1, had_credentials)
            .map_err(|error| error.to_string())
    }

    fn get(url: &str) -> Request {
        Request::get(url.parse().unwrap())
    }

    #[test]
    fn redirects_without_tls() {
        let tls = get("https://a.example/x");
        assert_eq!(check(&tls, "http://b.example/", false), Ok(()));
        insta::assert_snapshot!(check(&tls, "http://ann:secret@b.example/", true).unwrap_err(), @"`https://a.example/x` redirects to `http://b.example/`, an address without TLS, after credentials were sent");
        let private = tls.private();
        assert_eq!(check(&private, "https://b.example/", true), Ok(()));
        assert!(check(&private, "http://b.example/", false).is_err());
        let local = get("http://127.0.0.1/x").private();
        assert_eq!(check(&local, "http://localhost/", true), Ok(()));
        assert!(check(&local, "http://b.example/", true).is_err());
    }

    #[test]
    fn redirects_to_this_machine() {
        let error = check(&get("http://a.example/x"), "http://127.0.0.1:1/", false);
        assert!(error.unwrap_err().ends_with("on this machine"));
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        let body = Body::of_bytes(*b"x");
        let of = |status: u16, method| {
            let status = StatusCode::from_u16(status).unwrap();
            let (method, body) = after_redirect(status, method, Some(&body));
            (method, body.is_some())
        };
        assert_eq!(of(307, Method::Put), (Method::Put, true));
        assert_eq!(of(308, Method::Post), (Method::Post, true));
        assert_eq!(of(302, Method::Post), (Method::Get, false));
        assert_eq!(of(301, Method::Patch), (Method::Patch, true));
        assert_eq!(of(303, Method::Put), (Method::Get, false));
    }
}
