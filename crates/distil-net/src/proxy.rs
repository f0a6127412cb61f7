//! The proxies that the environment names.
//!
//! The variables and their meaning are curl's and those of most others: `http_proxy`, `https_proxy`,
//! `all_proxy` for both, `no_proxy` for the hosts that are asked directly; in lower case first.

use hyper_util::client::proxy::matcher::Matcher;

use crate::environment::Environment;
use crate::error::{InvalidProxy, UsedProxy};
use crate::url::{Url, masked};

/// A proxy and the variable that named it.
#[derive(Clone)]
struct Proxy {
    url: url::Url,
    variable: &'static str,
}

/// Which requests go through which proxy.
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// The hosts that are asked directly.
    none: String,
    matcher: Matcher,
}

impl Proxies {
    /// What the environment says.
    ///
    /// # Errors
    /// If it says what cannot be followed: a connection past a proxy that was to be used may be one
    /// that nobody wants to be made.
    pub(crate) fn of(environment: &Environment) -> Result<Self, InvalidProxy> {
        let find = |names: &[&'static str]| -> Result<Option<Proxy>, InvalidProxy> {
            let found = names
                .iter()
                .find_map(|name| Some((*name, environment.variable(name)?)));
            found
                .map(|(name, value)| parse(name, &value.to_string_lossy()))
                .transpose()
        };
        let all = find(&["all_proxy", "ALL_PROXY"])?;
        // In a CGI program, a client's header `Proxy` becomes that variable (CVE-2016-5385).
        let http = match environment.variable("REQUEST_METHOD") {
            Some(_) => find(&["http_proxy"])?,
            None => find(&["http_proxy", "HTTP_PROXY"])?,
        };
        let http = http.or_else(|| all.clone());
        let https = find(&["https_proxy", "HTTPS_PROXY"])?.or(all);
        let none = ["no_proxy", "NO_PROXY"]
            .iter()
            .find_map(|name| environment.variable(name));
        let none = none.unwrap_or_default().to_string_lossy().into_owned();
        let mut matcher = Matcher::builder().no(none.clone());
        if let Some(proxy) = &http {
            matcher = matcher.http(proxy.url.to_string());
        }
        if let Some(proxy) = &https {
            matcher = matcher.https(proxy.url.to_string());
        }
        Ok(Self {
            http,
            https,
            none,
            matcher: matcher.build(),
        })
    }

    /// Has these proxies used, and no others.
    pub(crate) fn configure(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> reqwest::Result<reqwest::ClientBuilder> {
        builder = builder.no_proxy();
        let none = || reqwest::NoProxy::from_string(&self.none);
        if let Some(proxy) = &self.http {
            builder = builder.proxy(reqwest::Proxy::http(proxy.url.clone())?.no_proxy(none()));
        }
        if let Some(proxy) = &self.https {
            builder = builder.proxy(reqwest::Proxy::https(proxy.url.clone())?.no_proxy(none()));
        }
        Ok(builder)
    }

    /// Whether the environment has a host be asked directly.
    pub(crate) fn excludes(&self, url: &Url) -> bool {
        let Ok(uri) = url.to_request().as_str().parse() else {
            return false;
        };
        // Only a matcher with a proxy says which hosts have none.
        let any = "http://proxy.invalid";
        let matcher = Matcher::builder().no(self.none.clone()).all(any).build();
        matcher.intercept(&uri).is_none()
    }

    /// The proxy that a request for `url` goes through.
    pub(crate) fn for_url(&self, url: &Url) -> Option<UsedProxy> {
        let uri = url.to_request().as_str().parse().ok()?;
        self.matcher.intercept(&uri)?;
        let proxy = match url.is_tls() {
            true => self.https.as_ref(),
            false => self.http.as_ref(),
        }?;
        Some(UsedProxy {
            named_by: format!("`{}`", proxy.variable),
            address: shown(&proxy.url),
            has_login: !proxy.url.username().is_empty() || proxy.url.password().is_some(),
        })
    }
}

/// The address of a proxy as it may be shown.
pub(crate) fn shown(proxy: &url::Url) -> String {
    let mut proxy = proxy.clone();
    // Fails only for URLs without a host, which none of these is.
    let _ = proxy.set_username("");
    let _ = proxy.set_password(None);
    proxy.as_str().trim_end_matches('/').to_owned()
}

fn parse(variable: &'static str, value: &str) -> Result<Proxy, InvalidProxy> {
    let invalid = |problem: &str| InvalidProxy {
        variable,
        shown: masked(value),
        problem: problem.to_owned(),
    };
    let with_scheme = match value.contains("://") {
        true => value.to_owned(),
        // What most programs understand `proxy.example:3128` as.
        false => format!("http://{value}"),
    };
    let url = url::Url::parse(&with_scheme).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(
        url.scheme(),
        "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
    ) {
        return Err(invalid(
            "it has another scheme than `http`, `https` or `socks5`",
        ));
    }
    match url.host_str() {
        None | Some("") => Err(invalid("it has no host")),
        Some(_) => Ok(Proxy { url, variable }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, InvalidProxy> {
        Proxies::of(&Environment::of(variables.iter().copied(), "/nonexistent"))
    }

    fn used(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = proxies(variables).unwrap();
        let used = proxies.for_url(&url.parse().unwrap())?;
        Some(format!(
            "{} {}",
            used.named_by.replace('`', ""),
            used.address
        ))
    }

    #[test]
    fn variables_have_their_usual_meaning() {
        let http = [("http_proxy", "http://ann:secret@proxy.example:3128/")];
        let shown = Some("http_proxy http://proxy.example:3128".to_owned());
        assert_eq!(used(&http, "http://mirror.example/x"), shown);
        assert_eq!(used(&http, "https://mirror.example/x"), None);
        let all = [
            ("ALL_PROXY", "proxy.example:3128"),
            ("http_proxy", "other.example"),
        ];
        let of = |url| used(&all, url).unwrap();
        assert_eq!(of("https://a/"), "ALL_PROXY http://proxy.example:3128");
        assert_eq!(of("http://a/"), "http_proxy http://other.example");
        let upper = [("HTTP_PROXY", "http://a"), ("http_proxy", "http://b")];
        assert_eq!(used(&upper, "http://x/").unwrap(), "http_proxy http://b");
        let cgi = [("HTTP_PROXY", "http://a"), ("REQUEST_METHOD", "GET")];
        assert_eq!(used(&cgi, "http://x/"), None);
        let socks = [("all_proxy", "socks5h://proxy.example")];
        assert_eq!(
            used(&socks, "http://x/").unwrap(),
            "all_proxy socks5h://proxy.example"
        );
        assert_eq!(used(&[("http_proxy", "")], "http://x/"), None);
    }

    #[test]
    fn some_hosts_are_asked_directly() {
        let of = |none: &str, url: &str| {
            used(
                &[("all_proxy", "http://proxy.example"), ("no_proxy", none)],
                url,
            )
            .is_none()
        };
        assert!(of(
            "mirror.example,10.0.0.0/8",
            "http://deb.mirror.example/"
        ));
        assert!(of("mirror.example,10.0.0.0/8", "https://10.1.2.3/"));
        assert!(of("*", "https://mirror.example/"));
        assert!(!of("mirror.example", "http://othermirror.example/"));
    }

    #[test]
    fn what_names_no_proxy_is_refused_and_its_password_kept() {
        let message = |value: &str| match proxies(&[("http_proxy", value)]) {
            Ok(_) => panic!("{value} is a proxy"),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(message("::::"), @"the environment variable `http_proxy` is `::::`, which is not the address of a proxy: empty host");
        for value in [
            "http://ann:secret@proxy.example:x",
            "ftp://ann:secret@a",
            "ann:secret@",
            "http://",
        ] {
            let message = message(value);
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(proxies(&[("https_proxy", "http://[")]).is_err());
        assert!(proxies(&[("ALL_PROXY", "file:///x")]).is_err());
    }
}
