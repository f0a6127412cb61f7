//! How apt reaches a server: `Acquire::http` and `Acquire::https`.

use std::fmt;
use std::path::PathBuf;

use crate::url::Url;

use super::configuration::{Configuration, Value};
use super::error::AptError;

/// The options of apt that say how archives are reached.
#[derive(Debug, Clone, Default)]
pub struct Acquire(Configuration);

/// An option as it may be named in messages: where it is, and not what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as it is written.
    pub option: String,
    /// The file that sets it.
    pub file: PathBuf,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in `{}`", self.option, self.file.display())
    }
}

/// What apt is told of proxies for a server.
#[derive(Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    /// Nothing: the environment decides.
    Unsaid,
    /// No proxy (`DIRECT`), whatever the environment says.
    Direct,
    /// This one.
    Proxy {
        /// Its address, perhaps with a user and a password.
        address: url::Url,
        /// What names it.
        setting: Setting,
    },
}

/// The files that TLS is spoken with to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsFiles {
    /// The authorities that are trusted, instead of the machine's (`CAInfo`).
    pub authorities: Option<PathBuf>,
    /// The certificate that this machine shows (`SSLCert`).
    pub certificate: Option<PathBuf>,
    /// Its private key (`SSLKey`); in the file of the certificate where there is none.
    pub key: Option<PathBuf>,
}

impl Acquire {
    /// The options of a configuration.
    pub fn of(configuration: Configuration) -> Self {
        Self(configuration)
    }

    /// The files of the configuration that this user may not read.
    pub fn unreadable(&self) -> &[PathBuf] {
        self.0.unreadable()
    }

    /// The proxy for a server.
    ///
    /// # Errors
    /// If an option names none that can be used: a connection past a proxy that was to be used may be one
    /// that nobody wants to be made.
    pub fn proxy(&self, url: &Url) -> Result<ProxyChoice, AptError> {
        let Some(value) = self.find(url, "Proxy") else {
            return Ok(ProxyChoice::Unsaid);
        };
        // apt's own documents have `DIRECT`; it also goes past a proxy for what has no address in it.
        let is_direct = ["direct", "false"]
            .iter()
            .any(|word| value.text.eq_ignore_ascii_case(word));
        if is_direct {
            return Ok(ProxyChoice::Direct);
        }
        let invalid =
            |problem: &str| failed(value, format!("is not the address of a proxy: {problem}"));
        let address = match url::Url::parse(&value.text) {
            Ok(address) => address,
            Err(error) => return Err(invalid(&error.to_string())),
        };
        if !matches!(address.scheme(), "http" | "https" | "socks5h") {
            return Err(invalid(
                "it begins with another scheme than `http`, `https` or `socks5h`",
            ));
        }
        match address.host_str() {
            None | Some("") => Err(invalid("it has no host")),
            Some(_) => Ok(ProxyChoice::Proxy {
                address,
                setting: setting(value),
            }),
        }
    }

    /// The files for a server that is spoken to by TLS.
    ///
    /// # Errors
    /// If an option demands what cannot be done.
    pub fn tls(&self, url: &Url) -> Result<TlsFiles, AptError> {
        if !url.is_tls() {
            return Ok(TlsFiles::default());
        }
        // Without it, certificates would be accepted that apt does not accept.
        if let Some(value) = self.find(url, "CrlFile") {
            let problem =
                "names revoked certificates, and these are not read; remove it for this server";
            return Err(failed(value, problem.to_owned()));
        }
        let file = |option: &str| {
            self.find(url, option)
                .map(|value| PathBuf::from(&value.text))
        };
        Ok(TlsFiles {
            authorities: file("CaInfo"),
            certificate: file("SslCert"),
            key: file("SslKey"),
        })
    }

    /// The option that turns off the verification of a server's certificate, which is ignored here: the
    /// server may be sent a password.
    pub fn unverified(&self, url: &Url) -> Option<Setting> {
        let options = ["Verify-Peer", "Verify-Host"];
        let mut found = options.iter().filter_map(|option| self.find(url, option));
        let is_off = |text: &str| {
            ["no", "false", "without", "off", "disable", "0"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word))
        };
        found.find(|value| is_off(&value.text)).map(setting)
    }

    /// The option that names one of the files, for messages.
    pub(crate) fn setting(&self, url: &Url, option: &str) -> Option<Setting> {
        self.find(url, option).map(setting)
    }

    /// The value of an option for a server: that of its host goes before the one for all, and
    /// `Acquire::https` before `Acquire::http`, whose values are its defaults (apt-transport-https(1)).
    ///
    /// apt reads `Acquire::https::HOST::OPTION` of all options, and `Acquire::https::OPTION::HOST`, which is
    /// what its pages have, of `Proxy` alone. Both are read of all here.
    fn find(&self, url: &Url, option: &str) -> Option<&Value> {
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let methods: &[&str] = match url.is_tls() {
            true => &["https", "http"],
            false => &["http"],
        };
        let forms = [
            format!("{option}::{host}"),
            format!("{host}::{option}"),
            option.to_owned(),
        ];
        let names = forms.iter().flat_map(|form| {
            methods
                .iter()
                .map(move |method| format!("Acquire::{method}::{form}"))
        });
        names.into_iter().find_map(|name| self.0.get(&name))
    }
}

fn setting(value: &Value) -> Setting {
    Setting {
        option: value.name.clone(),
        file: value.file.clone(),
    }
}

fn failed(value: &Value, problem: String) -> AptError {
    AptError::Option {
        option: value.name.clone(),
        file: value.file.clone(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn acquire(text: &str) -> Acquire {
        Acquire::of(Configuration::of_text(text, Path::new("/etc/apt/apt.conf")).unwrap())
    }

    fn proxy(text: &str, url: &str) -> String {
        match acquire(text).proxy(&url.parse().unwrap()) {
            Ok(ProxyChoice::Unsaid) => "unsaid".to_owned(),
            Ok(ProxyChoice::Direct) => "direct".to_owned(),
            Ok(ProxyChoice::Proxy { address, setting }) => format!("{address} {}", setting.option),
            Err(error) => error.to_string(),
        }
    }

    /// What apt 2.6 does with the same options, tried with its `apt-helper`.
    #[test]
    fn proxies_are_chosen_as_apt_chooses_them() {
        let (http, https) = (
            "http://mirror.example/debian",
            "https://mirror.example/debian",
        );
        assert_eq!(proxy("", http), "unsaid");
        let general = "Acquire::http::Proxy \"http://a:1\";";
        assert_eq!(proxy(general, http), "http://a:1/ Acquire::http::Proxy");
        assert_eq!(proxy(general, https), "http://a:1/ Acquire::http::Proxy");
        let both = format!("{general} Acquire::https::Proxy \"http://b:2\";");
        assert_eq!(proxy(&both, http), "http://a:1/ Acquire::http::Proxy");
        assert_eq!(proxy(&both, https), "http://b:2/ Acquire::https::Proxy");
        let host = format!("{both} acquire::HTTP::proxy::Mirror.Example \"DIRECT\";");
        assert_eq!(proxy(&host, http), "direct");
        assert_eq!(proxy(&host, https), "direct");
        assert_eq!(
            proxy(&host, "http://other.example/"),
            "http://a:1/ Acquire::http::Proxy"
        );
        let other_form = format!("{both} Acquire::http::mirror.example::Proxy \"http://c:3\";");
        assert_eq!(
            proxy(&other_form, "http://mirror.example:8080/"),
            "http://c:3/ Acquire::http::mirror.example::Proxy"
        );
        for word in ["false", "direct"] {
            assert_eq!(
                proxy(&format!("Acquire::http::Proxy {word};"), http),
                "direct"
            );
        }
        assert_eq!(proxy("Acquire::http::Proxy \"\";", http), "unsaid");
        let host =
            "Acquire::http::Proxy::mirror.example \"\"; Acquire::http::Proxy \"http://a:1\";";
        assert_eq!(proxy(host, http), "http://a:1/ Acquire::http::Proxy");
    }

    #[test]
    fn what_names_no_proxy_is_rejected_without_its_password() {
        let of = |value: &str| proxy(&format!("Acquire::http::Proxy \"{value}\";"), "http://a/");
        insta::assert_snapshot!(of("ftp://ann:secret@a"), @"apt's option `Acquire::http::Proxy` in `/etc/apt/apt.conf` is not the address of a proxy: it begins with another scheme than `http`, `https` or `socks5h`");
        for value in ["http://ann:secret@a:x", "ann:secret@a", "http://", "secret"] {
            let message = of(value);
            assert!(
                message.contains("not the address") && !message.contains("secret"),
                "{message}"
            );
        }
    }

    #[test]
    fn certificates_are_those_of_a_host() {
        let text = "Acquire::https {
            CAInfo \"/all.pem\";
            CAInfo::a.example \"/a.pem\";
            SSLCert::a.example \"/a.crt\"; SSLKey::a.example \"/a.key\";
            b.example { SslCert \"/b.both\"; };
            Verify-Peer::b.example \"false\";
            CRLFile::c.example \"/c.crl\";
        };";
        let of = |url: &str| acquire(text).tls(&url.parse().unwrap());
        let files = |authorities: &str, certificate: Option<&str>, key: Option<&str>| TlsFiles {
            authorities: Some(authorities.into()),
            certificate: certificate.map(PathBuf::from),
            key: key.map(PathBuf::from),
        };
        assert_eq!(
            of("https://a.example/"),
            Ok(files("/a.pem", Some("/a.crt"), Some("/a.key")))
        );
        assert_eq!(
            of("https://b.example/"),
            Ok(files("/all.pem", Some("/b.both"), None))
        );
        assert_eq!(of("https://d.example/"), Ok(files("/all.pem", None, None)));
        assert_eq!(of("http://a.example/"), Ok(TlsFiles::default()));
        insta::assert_snapshot!(of("https://c.example/").unwrap_err(), @"apt's option `Acquire::https::CRLFile::c.example` in `/etc/apt/apt.conf` names revoked certificates, and these are not read; remove it for this server");
        let unverified = |url: &str| acquire(text).unverified(&url.parse().unwrap());
        assert_eq!(unverified("https://a.example/"), None);
        assert_eq!(
            unverified("https://b.example/").unwrap().option,
            "Acquire::https::Verify-Peer::b.example"
        );
    }
}
