//! What is the same for all images of a run.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use distil_debian::archive::{Archive, ArchiveOptions, Keys, Mirrors, Moment, Snapshots};
use distil_debian::contents::LibraryIndex;
use distil_debian::distribution::Distribution;
use distil_debian::fetch::{Fetcher, Mirror};
use distil_debian::index::PackageIndex;
use distil_debian::suite::Suite;
use distil_definition::recipe::Recipe;
use distil_image::LayerOptions;
use distil_net::Client;
use distil_oci::{Compression, Registries};
use distil_store::Store;

use crate::cache::{CacheSettings, Caches};
use crate::event::{Event, Events, Silent, Warning};
use crate::mirrors::{mirrors, snapshots};
use crate::settings::{
    ArchiveSettings, RegistrySettings, SettingsError, epoch, keys, now, open_store,
    store_directory, store_limit, threads,
};

/// How long a Release is taken as it is.
const FRESHNESS: Duration = Duration::from_secs(3600);

/// The digest of everything that this program was compiled from. Results are not shared between
/// program versions: it is part of the key of everything that is kept.
pub const IDENTITY: &str = env!("DISTIL_IDENTITY");

/// How a session is set up.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Where packages come from, and what is kept of them.
    pub archive: ArchiveSettings,
    /// How registries are reached.
    pub registries: RegistrySettings,
    /// Where results of other machines are.
    pub cache: CacheSettings,
    /// How layers are compressed; as a lock says or else by gzip where it is not said.
    pub compression: Option<Compression>,
    /// The time, in seconds since 1970, that generated files and images get
    /// (`SOURCE_DATE_EPOCH`).
    pub epoch: Option<i64>,
    /// When certificates and allowances have to be valid.
    pub now: SystemTime,
    /// On how many threads to compute.
    pub threads: NonZeroUsize,
}

impl SessionOptions {
    /// The defaults, with what the environment says of the time.
    ///
    /// # Errors
    /// If `SOURCE_DATE_EPOCH` is not a time.
    pub fn from_environment(archive: ArchiveSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            archive,
            registries: RegistrySettings::default(),
            cache: CacheSettings::default(),
            compression: None,
            epoch: epoch()?,
            now: now()?,
            threads: threads(),
        })
    }
}

/// What is the same for all images of a run: the store, the archive's mirrors and keys, how layers
/// are compressed, and who is told of the progress.
pub struct Session {
    pub(crate) store: Store,
    pub(crate) fetcher: Fetcher,
    pub(crate) registries: Registries,
    pub(crate) caches: Caches,
    pub(crate) layers: LayerOptions,
    /// Whether that is how the session was told to compress them, whatever a lock says.
    pub(crate) compression_is_given: bool,
    pub(crate) now: SystemTime,
    events: Arc<dyn Events>,
    /// Those that the request names.
    mirrors: Vec<String>,
    snapshot: Option<Moment>,
    snapshot_service: Option<String>,
    keys: Option<Keys>,
    /// A store of another session, for packages alone.
    packages: Option<Store>,
    limit: u64,
    allow_expired: bool,
    freshness: Duration,
}

impl Session {
    /// Opens the store and reads the keys.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn open(options: SessionOptions) -> Result<Self, SettingsError> {
        let archive = options.archive;
        let limit = store_limit(archive.store_limit.as_deref())?;
        let store = open_store(archive.store.as_deref())?;
        let client = archive.client();
        Ok(Self {
            store,
            fetcher: Fetcher::new(client.clone()).with_copies(directories(&archive.mirrors)),
            registries: options.registries.by(client),
            caches: Caches::new(options.cache),
            layers: LayerOptions {
                compression: options.compression.unwrap_or_default(),
                epoch: options.epoch,
                threads: options.threads,
            },
            compression_is_given: options.compression.is_some(),
            now: options.now,
            events: Arc::new(Silent),
            mirrors: archive.mirrors,
            snapshot: archive.snapshot,
            snapshot_service: archive.snapshot_service,
            keys: keys(&archive.keyrings)?,
            packages: None,
            limit,
            allow_expired: archive.allow_expired,
            freshness: match (archive.refresh, archive.offline) {
                (true, _) => Duration::ZERO,
                // Nobody can be asked for a newer one.
                (false, true) => Duration::MAX,
                (false, false) => FRESHNESS,
            },
        })
    }

    /// The same session, whose events somebody is told of.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn Events>) -> Self {
        Self { events, ..self }
    }

    /// The same session, which takes packages from another store where it has them, and nothing that
    /// was made of them.
    #[must_use]
    pub fn with_packages_of(self, store: Store) -> Self {
        Self {
            packages: Some(store),
            ..self
        }
    }

    /// A store that has packages for this session, beside its own.
    pub(crate) fn packages(&self) -> Option<&Store> {
        self.packages.as_ref()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// When certificates and allowances have to be valid.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// How registries are reached.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Who is told of what happens.
    pub(crate) fn events(&self) -> &dyn Events {
        self.events.as_ref()
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        log(&event);
        self.events.event(event);
    }

    /// The archive that a recipe's packages are from.
    pub(crate) fn archive(&self, recipe: &Recipe) -> Result<ArchiveOptions, SettingsError> {
        let architecture = recipe.architecture.debian();
        let options = self.archive_of(recipe.suite, architecture, &recipe.mirrors)?;
        let (origins, distribution) = (&recipe.origins, recipe.suite.distribution);
        let others = origins.archives.iter();
        let snapshot = self.snapshot.or(recipe.snapshot);
        let mirrors = match snapshot {
            None => options.mirrors,
            Some(moment) => {
                let snapshots = self.snapshots(recipe.snapshot_service.as_deref(), distribution)?;
                Mirrors::of_snapshot(distribution, &snapshots, moment)
            }
        };
        Ok(ArchiveOptions {
            mirrors,
            snapshot,
            components: origins.components.clone(),
            backports: !origins.backports.is_empty(),
            others: others.map(|archive| archive.pocket.clone()).collect(),
            ..options
        })
    }

    /// The archive of a suite, at the mirrors of the session or else those of a definition.
    pub(crate) fn archive_of(
        &self,
        suite: Suite,
        architecture: &str,
        defined: &[String],
    ) -> Result<ArchiveOptions, SettingsError> {
        Ok(ArchiveOptions {
            suite,
            architecture: architecture.to_owned(),
            mirrors: mirrors(&self.mirrors, defined, suite.distribution, architecture)?,
            keys: self.keys_of(suite.distribution),
            components: Vec::new(),
            backports: false,
            snapshot: None,
            others: Vec::new(),
            allow_expired: self.allow_expired,
            freshness: self.freshness,
            now: SystemTime::now(),
        })
    }

    /// The snapshot service: that of the session or else of a definition.
    pub(crate) fn snapshots(
        &self,
        defined: Option<&str>,
        distribution: &Distribution,
    ) -> Result<Snapshots, SettingsError> {
        snapshots(self.snapshot_service.as_deref(), defined, distribution)
    }

    /// Whose signatures count: those that the session names, or else the distribution's own.
    fn keys_of(&self, distribution: &'static Distribution) -> Keys {
        self.keys.clone().unwrap_or(Keys::Own(distribution))
    }

    /// Tells what is to be told of the store, and keeps it to its size, after all is done.
    pub fn finish(&self) {
        let warn = |warning| self.tell(Event::Warning(warning));
        if self.store.is_read_only() {
            let root = self.store.root();
            warn(Warning::StoreReadOnly { root });
        }
        let files = self.store.damaged();
        if files > 0 {
            warn(Warning::StoreDamaged { files });
        }
        // What was only read made nothing larger.
        if self.store.written() == 0 || self.store.is_read_only() {
            return;
        }
        if let Err(error) = self.store.prune(self.limit) {
            warn(Warning::StoreNotPruned { error: &error });
        }
    }
}

/// Notes an event for whoever looks for a fault.
fn log(event: &Event<'_>) {
    match event {
        Event::ReadingArchive => tracing::info!("reading the archive"),
        Event::Snapshot { moment } => tracing::info!(%moment, "of a snapshot"),
        Event::ReadingContents => tracing::info!("reading the indexes of contents"),
        Event::Solving => tracing::info!("solving"),
        Event::Fetching { packages, bytes } => tracing::info!(packages, bytes, "fetching"),
        Event::Fetched { package, bytes } => tracing::debug!(package, bytes, "fetched"),
        Event::Downloading { url } => tracing::info!(url, "downloading"),
        Event::Assembling => tracing::info!("assembling"),
        Event::Compressing => tracing::info!("compressing"),
        Event::Awaiting { definition } => tracing::info!(definition, "waiting for another part"),
        Event::Unchanged { location, .. } => tracing::info!(%location, "unchanged"),
        Event::Wrote { location, .. } | Event::WroteRoot { location, .. } => {
            tracing::info!(%location, "written");
        }
        Event::Pushing { blobs, bytes } => tracing::info!(blobs, bytes, "pushing"),
        Event::BlobPushed { bytes } => tracing::debug!(bytes, "blob is there"),
        Event::Pushed { location, pushed } => tracing::info!(
            %location,
            uploaded = pushed.uploaded,
            bytes = pushed.bytes,
            mounted = pushed.mounted,
            "pushed"
        ),
        Event::Attached {
            predicate_type,
            place,
            ..
        } => tracing::info!(predicate_type, %place, "attached"),
        Event::Signed { place, .. } => tracing::info!(%place, "signed"),
        Event::Idle | Event::Warning(_) => {}
    }
}

/// The packages of an archive as far as the store has them, however old, and its libraries, if
/// the store has those too; nobody is asked, and nothing is made.
pub(crate) fn stored(
    settings: &ArchiveSettings,
    suite: Suite,
    architecture: &str,
) -> Option<(PackageIndex, Option<LibraryIndex>)> {
    let directory = store_directory(settings.store.as_deref())?;
    if !directory.is_dir() {
        return None;
    }
    let options = ArchiveOptions {
        suite,
        architecture: architecture.to_owned(),
        mirrors: mirrors(&settings.mirrors, &[], suite.distribution, architecture).ok()?,
        keys: keys(&settings.keyrings)
            .ok()?
            .unwrap_or(Keys::Own(suite.distribution)),
        components: Vec::new(),
        backports: false,
        snapshot: None,
        others: Vec::new(),
        allow_expired: true,
        freshness: Duration::from_secs(u64::MAX),
        now: SystemTime::now(),
    };
    let (store, fetcher) = (
        Store::open(directory).ok()?,
        Fetcher::new(Client::offline()),
    );
    let archive = Archive::open(&options, &store, &fetcher).ok()?;
    let libraries = archive.stored_libraries(&store);
    Some((archive.index(&store, &fetcher).ok()?, libraries))
}

/// The mirrors that are directories on this machine, which may have copies of other files, too. What
/// is wrong with a mirror is told when it is used.
fn directories(named: &[String]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for distribution in Distribution::all() {
        let Ok(Mirrors { main, security }) = mirrors(named, &[], distribution, "") else {
            continue;
        };
        let all = main.iter().chain(&security);
        for directory in all.filter_map(Mirror::folder) {
            if !found.contains(&directory) {
                found.push(directory);
            }
        }
    }
    found
}
