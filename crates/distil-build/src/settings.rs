//! What a run finds set on this machine: mirrors, keyrings, the store and its size, the time.
//!
//! Each is taken from the first of these that says it: the request, the definition, the
//! environment, the user's `distil/config.yaml`, this machine's apt, or what is built in.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use distil_app::node::Npmrc;
use distil_debian::archive::{InvalidSnapshots, Keys, Moment};
use distil_debian::distribution::Distribution;
use distil_debian::fetch::InvalidMirror;
use distil_debian::openpgp::{Keyring, KeyringError};
use distil_definition::read_yaml;
use distil_net::{Client, InvalidUrl, Options, Url};
use distil_oci::Registries;
use distil_store::{Store, StoreError};
use distil_tree::{ReadFileError, read_file};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::size::{InvalidSize, Size};

/// The size that the store is kept to where nobody says another.
const STORE_LIMIT: Size = Size(10_000_000_000);

/// The largest `.npmrc` that is read.
const MAX_NPMRC: u64 = 1 << 20;

/// The largest file of settings, in bytes.
const MAX_SETTINGS: u64 = 1 << 20;

/// The largest keyring, in bytes: all of Debian's keys have 120 kB.
const MAX_KEYRING: u64 = 16 << 20;

/// How long a mirror may be silent where nobody says another time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where packages come from and what is kept of them, as far as a request says it.
#[derive(Debug, Clone)]
pub struct ArchiveSettings {
    /// Addresses of mirrors; those of the security archive begin with `security=`.
    pub mirrors: Vec<String>,
    /// The moment whose state of Debian's archive is used.
    pub snapshot: Option<Moment>,
    /// A snapshot service, by an address with `{archive}` and `{time}` in it.
    pub snapshot_service: Option<String>,
    /// Files of keyrings whose keys sign the archive; Debian's own if there is none.
    pub keyrings: Vec<PathBuf>,
    /// Whether a Release is taken though its `Valid-Until` has passed.
    pub allow_expired: bool,
    /// Whether mirrors are asked for a newer Release, however fresh the one in the store is.
    pub refresh: bool,
    /// Whether nobody is asked over a network: the store and directories of this machine have to do.
    pub offline: bool,
    /// How long a mirror may be silent.
    pub timeout: Duration,
    /// The directory of the store.
    pub store: Option<PathBuf>,
    /// The size that the store is kept to, such as `500MB`.
    pub store_limit: Option<String>,
}

impl ArchiveSettings {
    /// What everything is asked by, mirrors and registries.
    pub(crate) fn client(&self) -> Client {
        match self.offline {
            true => Client::offline(),
            false => Client::new(Options::with_timeout(self.timeout)),
        }
    }
}

/// How registries are reached, as far as a request says it.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// The file with their credentials, instead of Podman's and Docker's.
    pub auth_file: Option<PathBuf>,
    /// Whether any certificate does, and none.
    pub skip_tls_verification: bool,
}

impl RegistrySettings {
    /// How registries are reached by a session's client.
    pub(crate) fn by(&self, client: Client) -> Registries {
        let mut registries = Registries::new(client);
        if let Some(file) = &self.auth_file {
            registries = registries.with_auth_file(file);
        }
        match self.skip_tls_verification {
            true => registries.without_tls_verification(),
            false => registries,
        }
    }

    /// How registries are reached where there is no session, by the settings of one.
    pub fn registries(&self, archive: &ArchiveSettings) -> Registries {
        self.by(archive.client())
    }
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            snapshot: None,
            snapshot_service: None,
            keyrings: Vec::new(),
            allow_expired: false,
            refresh: false,
            offline: false,
            timeout: TIMEOUT,
            store: None,
            store_limit: None,
        }
    }
}

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no directory for the store.
    #[error("there is no directory for the store, since this user has no home directory")]
    NoHome,
    /// The store cannot be opened.
    #[error(transparent)]
    Store(StoreError),
    /// The size of the store is none.
    #[error(transparent)]
    Size(#[from] InvalidSize),
    /// The user's settings cannot be read.
    #[error("`{}` cannot be read\n{problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the position in it.
        problem: String,
    },
    /// The address of a mirror is none.
    #[error(transparent)]
    Mirror(#[from] InvalidMirror),
    /// The address of a snapshot service is none.
    #[error(transparent)]
    Snapshots(#[from] InvalidSnapshots),
    /// A keyring cannot be read.
    #[error("the keyring `{name}` {source}")]
    ReadKeyring {
        /// The file.
        name: String,
        /// Why.
        source: ReadFileError,
    },
    /// A keyring has no keys that can be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The address of a package index of Python is none.
    #[error("{variable} names an index of packages that cannot be asked: {problem}")]
    Index {
        /// The variable of the environment.
        variable: &'static str,
        /// Why.
        problem: InvalidUrl,
    },
    /// `SOURCE_DATE_EPOCH` is not a time.
    #[error("SOURCE_DATE_EPOCH is `{text}`, and must be a number of seconds since 1970")]
    Epoch {
        /// Its value.
        text: String,
    },
}

/// On how many threads to compute.
pub fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org's specification), if it is set.
///
/// # Errors
/// If it is not a time that tar's header and RFC 3339 can both write.
pub fn epoch() -> Result<Option<i64>, SettingsError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => match text.parse() {
            Ok(seconds @ 0..=253_402_300_799) => Ok(Some(seconds)),
            _ => Err(SettingsError::Epoch { text }),
        },
        Err(_) => Ok(None),
    }
}

/// The time now, or `SOURCE_DATE_EPOCH` in its place.
///
/// # Errors
/// As [`epoch`].
pub fn now() -> Result<SystemTime, SettingsError> {
    let epoch = epoch()?.and_then(|seconds| u64::try_from(seconds).ok());
    let epoch = epoch.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    Ok(epoch.unwrap_or_else(SystemTime::now))
}

/// The size that the store is kept to, in bytes.
///
/// # Errors
/// If a size is named that is none, or the user's settings cannot be read.
pub fn store_limit(named: Option<&str>) -> Result<u64, SettingsError> {
    let text = match named
        .map(str::to_owned)
        .or_else(|| variable("DISTIL_STORE_LIMIT"))
    {
        Some(text) => Some(text),
        None => user_settings()?.store_limit,
    };
    let Some(text) = text else {
        return Ok(STORE_LIMIT.0);
    };
    let size: Size = text.parse()?;
    Ok(size.0)
}

/// The value of an environment variable, if it is set and has one.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(|value| value.to_string_lossy().into_owned())
}

/// The directory of the store: the one that is named, `DISTIL_STORE`, or `distil` in the user's
/// cache (XDG Base Directory Specification).
pub(crate) fn store_directory(named: Option<&Path>) -> Option<PathBuf> {
    let set = || std::env::var_os("DISTIL_STORE").filter(|path| !path.is_empty());
    let named = named.map(Path::to_owned);
    named.or_else(|| set().map(PathBuf::from)).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute());
        let cache = cache.map(PathBuf::from);
        cache
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
            .map(|c| c.join("distil"))
    })
}

/// Opens the store, in the directory that is named or else the user's.
///
/// # Errors
/// If there is no such directory and none can be made.
pub fn open_store(named: Option<&Path>) -> Result<Store, SettingsError> {
    let directory = store_directory(named).ok_or(SettingsError::NoHome)?;
    Store::open(directory).map_err(SettingsError::Store)
}

/// The user's own settings, `distil/config.yaml` in the directory for them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UserSettings {
    /// As `--archive`, for builds with `--add`.
    archives: Vec<String>,
    /// As `--mirror`.
    pub(crate) mirrors: Vec<String>,
    /// As `--snapshot-service`.
    #[serde(rename = "snapshot-service")]
    pub(crate) snapshot_service: Option<String>,
    /// As `--store-limit`.
    #[serde(rename = "store-limit")]
    store_limit: Option<String>,
}

/// Where the user's settings are, if this user can have any.
fn user_file() -> Option<PathBuf> {
    let directory = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let directory = directory.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    directory.map(|directory| directory.join("distil/config.yaml"))
}

/// The files with other archives that the user's settings name. They are for packages that a user adds by hand;
/// what a definition makes is the same whoever builds it.
///
/// # Errors
/// If the settings cannot be read, or have something unexpected.
pub fn user_archives() -> Result<Vec<String>, SettingsError> {
    let Some(file) = user_file() else {
        return Ok(Vec::new());
    };
    let directory = file.parent().unwrap_or(Path::new(""));
    let archives = user_settings()?.archives.into_iter();
    let paths = archives.map(|path| directory.join(path).display().to_string());
    Ok(paths.collect())
}

/// What the user's settings say; nothing if there are none.
///
/// # Errors
/// If they cannot be read, or have something unexpected.
pub(crate) fn user_settings() -> Result<UserSettings, SettingsError> {
    let Some(path) = user_file() else {
        return Ok(UserSettings::default());
    };
    let failed = |problem: String| SettingsError::File {
        path: path.clone(),
        problem,
    };
    let bytes = match read_file(&path, MAX_SETTINGS) {
        Ok(bytes) => bytes,
        Err(ReadFileError::Missing) => return Ok(UserSettings::default()),
        Err(error) => return Err(failed(format!("it {error}"))),
    };
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    read_yaml(&text, &path.display().to_string(), "the file").map_err(failed)
}

/// The keys of all of these files; the `ID` of a distribution is not a file, but its own keys. None without any.
pub(crate) fn keys(files: &[PathBuf]) -> Result<Option<Keys>, SettingsError> {
    let mut keyring: Option<Keyring> = None;
    let mut texts = Vec::new();
    let mut add = |added: &Keyring| match &mut keyring {
        Some(keyring) => keyring.extend(added),
        None => keyring = Some(added.clone()),
    };
    for path in files {
        let name = path.display().to_string();
        if let Some(distribution) = Distribution::named(&name) {
            add(distribution.keyring());
            texts.push(distribution.keyring_identity().as_bytes().to_vec());
            continue;
        }
        let bytes = read_file(path, MAX_KEYRING).map_err(|source| SettingsError::ReadKeyring {
            name: name.clone(),
            source,
        })?;
        add(&Keyring::parse(&bytes, &name)?);
        texts.push(bytes);
    }
    Ok(keyring.map(|keyring| Keys::named(keyring, texts.iter().map(Vec::as_slice))))
}

/// The registry of npm that the user's environment names, and those of the user's `.npmrc`.
pub(crate) fn npmrc() -> Npmrc {
    let names = ["npm_config_registry", "NPM_CONFIG_REGISTRY"];
    let own = Npmrc {
        registry: names.into_iter().find_map(variable),
        ..Npmrc::default()
    };
    let file = variable("HOME").map(|home| Path::new(&home).join(".npmrc"));
    let text = file.and_then(|file| read_file(&file, MAX_NPMRC).ok());
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    own.or(Npmrc::parse(&text.unwrap_or_default()))
}

/// The package indexes of Python that the user's environment names, in the order in which pip and uv
/// ask them.
pub(crate) fn python_indexes() -> Result<Vec<Url>, SettingsError> {
    let defaults = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];
    let more = ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"];
    let set = |name: &'static str| variable(name).map(|value| (name, value));
    let default = defaults.into_iter().find_map(set);
    let mut indexes = Vec::new();
    for (variable, list) in default.into_iter().chain(more.into_iter().filter_map(set)) {
        for one in list.split_whitespace() {
            // uv's indexes may have names: `internal=https://…`.
            let url = match one.split_once('=') {
                Some((name, url)) if !name.contains(':') => url,
                _ => one,
            };
            let url = url
                .parse()
                .map_err(|problem| SettingsError::Index { variable, problem })?;
            indexes.push(url);
        }
    }
    Ok(indexes)
}
