//! Addresses on the web that can be shown: a user and a password in one are never.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Host;

use crate::printable::printable;
use crate::secret::Secret;

/// An `http` or `https` URL (RFC 3986, RFC 9110 §4.2).
///
/// `Display` and `Debug` leave out the user and password that it may have, which [`Url::login`] has, and
/// the query, which may be a password as well.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url(url::Url);

/// A string is not an `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not an `http://` or `https://` URL: {problem}")]
pub struct InvalidUrl {
    shown: String,
    problem: String,
}

impl InvalidUrl {
    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// A user and a password, as a URL has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password; may be empty.
    pub password: Secret,
}

impl Url {
    /// The scheme, `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// Whether it is spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, IPv6 addresses in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, that of the scheme where the URL names none.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// The path, percent-encoded.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Scheme, host and port: what credentials belong to (RFC 6454 §4).
    pub fn origin(&self) -> String {
        format!("{}://{}:{}", self.scheme(), self.host(), self.port())
    }

    /// The user and password in the URL, decoded.
    pub fn login(&self) -> Option<Login> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (self.0.username(), self.0.password());
        (!user.is_empty() || password.is_some()).then(|| Login {
            user: decoded(user),
            password: Secret::new(decoded(password.unwrap_or_default())),
        })
    }

    /// The same without a user and a password.
    #[must_use]
    pub fn without_login(&self) -> Self {
        let mut url = self.0.clone();
        // Fails only for URLs without a host, which none of these is.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Self(url)
    }

    /// The URL of something below this one, which need not end in a slash.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        self.with_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')))
    }

    /// The same with another path.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        Self(url)
    }

    /// What a reference in it means (RFC 3986 §5), such as a `Location`.
    ///
    /// # Errors
    /// If that is not an `http` or `https` URL.
    pub fn join(&self, reference: &str) -> Result<Self, InvalidUrl> {
        let url = self.0.join(reference);
        Self::checked(url, reference)
    }

    /// The same path and query at the scheme, host and port of another one.
    #[must_use]
    pub fn at_origin_of(&self, other: &Self) -> Self {
        let mut url = other.0.clone();
        url.set_path(self.0.path());
        url.set_query(self.0.query());
        Self(url)
    }

    /// The same with parameters added to its query.
    #[must_use]
    pub fn with_query<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        Self(url)
    }

    /// Whether its host is, by its name, this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Ipv6(address)) => match address.to_ipv4_mapped() {
                Some(address) => address.is_loopback() || address.is_unspecified(),
                None => address.is_loopback() || address.is_unspecified(),
            },
            None => false,
        }
    }

    /// Whether its host is an address that means something in one's own network only: private
    /// (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291), or this machine.
    pub fn is_internal(&self) -> bool {
        let of_four = |address: std::net::Ipv4Addr| address.is_private() || address.is_link_local();
        let is_internal = match self.0.host() {
            Some(Host::Ipv4(address)) => of_four(address),
            Some(Host::Ipv6(address)) => match address.to_ipv4_mapped() {
                Some(address) => of_four(address),
                None => address.is_unique_local() || address.is_unicast_link_local(),
            },
            _ => false,
        };
        is_internal || self.is_loopback()
    }

    /// For sending: user and password are not part of what is sent.
    pub(crate) fn to_request(&self) -> reqwest::Url {
        self.without_login().0
    }

    fn checked(url: Result<url::Url, url::ParseError>, text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |problem: &str| InvalidUrl {
            shown: masked(text),
            problem: problem.to_owned(),
        };
        let url = url.map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("it has another scheme"));
        }
        match url.host_str() {
            None | Some("") => Err(invalid("it has no host")),
            Some(_) => Ok(Self(url)),
        }
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::checked(url::Url::parse(text), text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.without_login().0;
        // The addresses that registries redirect to are signed in their query: whoever has one is in.
        if url.query().is_some() {
            url.set_query(Some("..."));
        }
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A string that should be a URL and may not be one, as it may be shown: whatever stands where a user
/// and a password do is left out.
pub fn masked(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (before, rest) = text.split_at(start);
    match rest.rfind('@') {
        Some(at) => printable(&format!("{before}***{}", &rest[at..])),
        None => printable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = url("http://ann:s%40cret@mirror.example:8080/debian");
        let login = url.login().unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.expose()),
            ("ann", "s@cret")
        );
        for shown in [
            url.to_string(),
            url.below("x").to_string(),
            format!("{url:?} {login:?}"),
            url.join("/y").unwrap().to_string(),
        ] {
            assert!(!shown.contains("cret"), "{shown}");
        }
        assert_eq!(url.to_string(), "http://mirror.example:8080/debian");
    }

    #[test]
    fn nor_is_a_signature() {
        let url = url("https://storage.example/blob?X-Signature=secret&x=1");
        assert_eq!(url.to_string(), "https://storage.example/blob?...");
        assert!(
            url.to_request()
                .as_str()
                .ends_with("?X-Signature=secret&x=1")
        );
    }

    #[test]
    fn an_address_at_another_origin_keeps_its_path_and_query() {
        let at = url("http://registry.example/v2/x?a=b%20c");
        let moved = at.at_origin_of(&url("https://ann:secret@registry.example:5000/v2/"));
        assert_eq!(
            moved.to_request().as_str(),
            "https://registry.example:5000/v2/x?a=b%20c"
        );
    }

    #[test]
    fn nor_is_that_of_a_string_that_is_no_url() {
        for text in [
            "ftp://ann:secret@mirror.example",
            "http://ann:secret@",
            "http://ann:secret@mirror.example:port/",
            "http://ann:se/secret@mirror.example",
            "ann:secret@mirror.example",
            "http://a:secret@b@c:x",
        ] {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        insta::assert_snapshot!("ftp://ann:secret@a/b".parse::<Url>().unwrap_err(), @"`ftp://***@a/b` is not an `http://` or `https://` URL: it has another scheme");
    }

    #[test]
    fn paths_are_kept_as_they_are() {
        let root = url("http://mirror.example/debian");
        let below = root.below("pool/g/g++_1%3a2~3+b1_all.deb");
        assert_eq!(
            below.to_string(),
            "http://mirror.example/debian/pool/g/g++_1%3a2~3+b1_all.deb"
        );
        assert_eq!(root.below("a?b#c").path(), "/debian/a%3Fb%23c");
    }

    #[test]
    fn hosts_of_this_machine_and_network() {
        for text in [
            "localhost",
            "a.localhost.",
            "127.8.0.1",
            "[::1]",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "2130706433",
        ] {
            let url = url(&format!("http://{text}/"));
            assert!(url.is_loopback() && url.is_internal(), "{text}");
        }
        for text in [
            "10.1.2.3",
            "169.254.169.254",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
        ] {
            let url = url(&format!("http://{text}/"));
            assert!(!url.is_loopback() && url.is_internal(), "{text}");
        }
        for text in [
            "mirror.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "localhost.example",
        ] {
            assert!(!url(&format!("http://{text}/")).is_internal(), "{text}");
        }
    }
}
