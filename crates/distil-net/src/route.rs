//! Which way a request goes: through which proxy, and with which certificates.
//!
//! The environment says it of all requests, and apt's configuration of those to archives besides. Requests that
//! go the same way share connections.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Identity};

use crate::apt::{Acquire, AptError, Configuration, ProxyChoice, TlsFiles};
use crate::credentials::{Known, Machines};
use crate::environment::{Environment, read_small};
use crate::error::{Cause, NetError, UsedProxy};
use crate::patience::Options;
use crate::proxy::{Proxies, shown};
use crate::url::Url;

/// What connections are made with, by where they go.
pub(crate) struct Routes {
    options: Options,
    proxies: Proxies,
    apt: Option<Apt>,
    usual: reqwest::Client,
    others: Mutex<BTreeMap<Route, reqwest::Client>>,
    /// The servers of which it was told that they are reached through a proxy.
    told: Mutex<BTreeSet<String>>,
}

/// What apt knows.
struct Apt {
    acquire: Acquire,
    machines: Machines,
}

/// What requests have in common that can share connections.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    proxy: Way,
    files: TlsFiles,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// As the environment says.
    Usual,
    Direct,
    Through(url::Url),
}

impl Routes {
    /// The ways of this environment; `are_archives` if the requests are to archives of Debian's format.
    pub(crate) fn new(
        options: &Options,
        environment: &Environment,
        are_archives: bool,
    ) -> Result<Self, NetError> {
        let proxies = Proxies::of(environment)?;
        let provider = rustls::crypto::ring::default_provider();
        // Only fails when a provider is installed already, which is as good.
        let _ = provider.install_default();
        let apt = match are_archives {
            true => Some(Apt {
                acquire: Acquire::of(Configuration::read(environment)?),
                machines: Machines::read(environment)?,
            }),
            false => None,
        };
        let usual = proxies
            .configure(builder(options))
            .and_then(ClientBuilder::build);
        Ok(Self {
            options: options.clone(),
            proxies,
            apt,
            usual: usual.map_err(setup)?,
            others: Mutex::default(),
            told: Mutex::default(),
        })
    }

    /// What to send a request with.
    pub(crate) fn client(&self, url: &Url) -> Result<reqwest::Client, NetError> {
        let (route, _) = self.of(url)?;
        if route.proxy == Way::Usual && route.files == TlsFiles::default() {
            return Ok(self.usual.clone());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = others.get(&route) {
            return Ok(client.clone());
        }
        let client = self.build(url, &route)?;
        others.insert(route, client.clone());
        Ok(client)
    }

    /// The proxy that a request goes through.
    pub(crate) fn proxy(&self, url: &Url) -> Option<UsedProxy> {
        self.of(url).ok()?.1
    }

    /// Tells once of a server that it is reached through a proxy.
    pub(crate) fn tell(&self, url: &Url) {
        let Some(proxy) = self.proxy(url) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(url.origin()) {
            let (server, address, named_by) = (url.origin(), proxy.address, proxy.named_by);
            tracing::info!(server, proxy = address, named_by, "reached through a proxy");
        }
    }

    /// A file that may say which way requests go, and that this user may not read.
    pub(crate) fn unread(&self) -> Option<PathBuf> {
        let apt = self.apt.as_ref()?;
        apt.acquire.unreadable().first().cloned()
    }

    /// The option of apt that turns off the verification of certificates, which has no effect here.
    pub(crate) fn unverified(&self, url: &Url) -> Option<String> {
        let setting = self.apt.as_ref()?.acquire.unverified(url)?;
        Some(setting.to_string())
    }

    fn of(&self, url: &Url) -> Result<(Route, Option<UsedProxy>), AptError> {
        let usual = || (Way::Usual, self.proxies.for_url(url));
        let Some(apt) = &self.apt else {
            let (proxy, used) = usual();
            let files = TlsFiles::default();
            return Ok((Route { proxy, files }, used));
        };
        let files = apt.acquire.tls(url)?;
        let (proxy, used) = match apt.acquire.proxy(url)? {
            ProxyChoice::Unsaid => usual(),
            ProxyChoice::Direct => (Way::Direct, None),
            // `no_proxy` goes before the configuration, with apt as well.
            ProxyChoice::Proxy { .. } if self.proxies.excludes(url) => (Way::Direct, None),
            ProxyChoice::Proxy { address, setting } => {
                let address = apt.with_login(address);
                let used = UsedProxy {
                    named_by: setting.to_string(),
                    address: shown(&address),
                    has_login: has_login(&address),
                };
                (Way::Through(address), Some(used))
            }
        };
        Ok((Route { proxy, files }, used))
    }

    fn build(&self, url: &Url, route: &Route) -> Result<reqwest::Client, NetError> {
        let mut builder = builder(&self.options);
        builder = match &route.proxy {
            Way::Usual => self.proxies.configure(builder).map_err(setup)?,
            Way::Direct => builder.no_proxy(),
            Way::Through(address) => {
                let proxy = reqwest::Proxy::all(address.clone()).map_err(setup)?;
                builder.no_proxy().proxy(proxy)
            }
        };
        let files = &route.files;
        if let Some(file) = &files.authorities {
            let found = self.pem(url, "CaInfo", file)?;
            let found = Certificate::from_pem_bundle(&found)
                .ok()
                .filter(|found| !found.is_empty());
            let found = found
                .ok_or_else(|| self.unusable(url, "CaInfo", file, "has no certificates in PEM"))?;
            builder = builder.tls_certs_only(found);
        }
        if let Some(file) = &files.certificate {
            let mut pem = self.pem(url, "SslCert", file)?;
            if let Some(key) = &files.key {
                pem.push(b'\n');
                pem.extend(self.pem(url, "SslKey", key)?);
            }
            let identity = Identity::from_pem(&pem).map_err(|_| {
                let problem = "is no certificate in PEM with its private key, which must not be \
                               encrypted";
                self.unusable(url, "SslCert", file, problem)
            })?;
            builder = builder.identity(identity);
        }
        // What can be wrong now is a key that is not the certificate's.
        builder.build().map_err(|error| match &files.certificate {
            Some(file) => {
                let problem = "is a certificate that cannot be used with its private key";
                self.unusable(url, "SslCert", file, problem)
            }
            None => setup(error),
        })
    }

    fn pem(&self, url: &Url, option: &str, file: &Path) -> Result<Vec<u8>, NetError> {
        match read_small(file) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(self.unusable(url, option, file, "does not exist")),
            Err(error) => {
                Err(self.unusable(url, option, file, &format!("cannot be read: {error}")))
            }
        }
    }

    fn unusable(&self, url: &Url, option: &str, file: &Path, problem: &str) -> NetError {
        let setting = self
            .apt
            .as_ref()
            .and_then(|apt| apt.acquire.setting(url, option));
        let (option, by) = match setting {
            Some(setting) => (setting.option, setting.file),
            None => (option.to_owned(), PathBuf::new()),
        };
        NetError::Apt(AptError::Option {
            option,
            file: by,
            problem: format!("names `{}`, which {problem}", file.display()),
        })
    }
}

impl Apt {
    /// The address of a proxy with the user and password that `auth.conf` has for it, where it has none
    /// itself (apt-transport-http(1)).
    fn with_login(&self, address: url::Url) -> url::Url {
        if has_login(&address) {
            return address;
        }
        let Ok(server) = address.as_str().parse::<Url>() else {
            return address;
        };
        let Known::Login(login, _) = self.machines.find_of_apt(&server) else {
            return address;
        };
        let mut with_login = address;
        // Fails only for URLs without a host, which none of these is.
        let _ = with_login.set_username(&login.user);
        let _ = with_login.set_password(Some(login.password.expose()));
        with_login
    }
}

fn has_login(address: &url::Url) -> bool {
    !address.username().is_empty() || address.password().is_some()
}

/// What is the same for all connections.
fn builder(options: &Options) -> ClientBuilder {
    // Redirects are followed in `exchange`, where it is known what they may be given.
    reqwest::Client::builder()
        .user_agent(concat!("distil/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .tls_danger_accept_invalid_certs(!options.verify_tls)
        .connect_timeout(options.timeout)
}

fn setup(error: reqwest::Error) -> NetError {
    NetError::Setup(Cause::from(error).into())
}
