//! Where packages come from on this machine: mirrors, keyrings, store.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions, Keys, Mirrors};
use distil_debian::fetch::{Fetcher, Mirror, Options};
use distil_debian::index::PackageIndex;
use distil_debian::openpgp::Keyring;
use distil_debian::solve::SolveError;
use distil_debian::sources::{Sources, debian_mirrors};
use distil_debian::suite::Suite;
use distil_image::recipe::{Recipe, RecipeError};
use distil_image::{
    AssembleError, BuildError, ClosureError, Found, GenerateError, ProgramError, ResolveError,
    SurfaceError,
};
use distil_store::Store;
use serde::Deserialize;

use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::size::Size;

/// How long a Release is taken as it is.
const FRESHNESS: Duration = Duration::from_secs(3600);

/// The size that the store is kept to where nobody says another.
const STORE_LIMIT: Size = Size(10_000_000_000);

/// The digest of everything that this program was compiled from.
pub(crate) const IDENTITY: &str = env!("DISTIL_IDENTITY");

/// What all commands need that read packages.
pub(crate) struct Session {
    pub(crate) store: Store,
    pub(crate) fetcher: Fetcher,
    /// Those that the command line names.
    mirrors: Vec<String>,
    keys: Keys,
    limit: u64,
    allow_expired: bool,
    freshness: Duration,
}

impl Session {
    pub(crate) fn open(arguments: &cli::Archive) -> Result<Self, CommandError> {
        let limit = store_limit(arguments.store_limit.as_deref())?;
        let store = open_store(arguments.store.as_deref())?;
        let timeout = Duration::from_secs(arguments.timeout);
        let fetcher = Fetcher::new(Options {
            timeout,
            ..Options::default()
        });
        Ok(Self {
            store,
            fetcher,
            mirrors: arguments.mirrors.clone(),
            keys: keys(&arguments.keyrings)?,
            limit,
            allow_expired: arguments.allow_expired,
            freshness: if arguments.refresh {
                Duration::ZERO
            } else {
                FRESHNESS
            },
        })
    }

    /// The archive that a recipe's packages are from.
    pub(crate) fn archive(&self, recipe: &Recipe) -> Result<ArchiveOptions, CommandError> {
        Ok(ArchiveOptions {
            suite: recipe.suite,
            architecture: recipe.architecture.debian().to_owned(),
            mirrors: mirrors(&self.mirrors, &recipe.mirrors)?,
            keys: self.keys.clone(),
            allow_expired: self.allow_expired,
            freshness: self.freshness,
            now: SystemTime::now(),
        })
    }

    /// Says what is to be said of the store, and keeps it to its size, after all is done.
    pub(crate) fn finish(&self, printer: &Printer) {
        if self.store.is_read_only() {
            let root = self.store.root().display();
            printer.say(format_args!(
                "note: the store `{root}` cannot be written, so nothing that was made is kept"
            ));
        }
        match self.store.damaged() {
            0 => {}
            1 => printer.say("note: a file of the store was damaged, and was made again"),
            count => printer.say(format_args!(
                "note: {count} files of the store were damaged, and were made again"
            )),
        }
        // What was only read made nothing larger.
        if self.store.written() == 0 || self.store.is_read_only() {
            return;
        }
        if let Err(error) = self.store.prune(self.limit) {
            printer.say(format_args!(
                "note: the store could not be made smaller: {error}"
            ));
        }
    }
}

/// The packages of an archive as far as the store has them, however old; nobody is asked, and
/// nothing is made.
pub(crate) fn stored(
    arguments: &cli::Archive,
    suite: Suite,
    architecture: &str,
) -> Option<PackageIndex> {
    let folder = store_folder(arguments.store.as_deref())?;
    if !folder.is_dir() {
        return None;
    }
    let options = ArchiveOptions {
        suite,
        architecture: architecture.to_owned(),
        mirrors: mirrors(&arguments.mirrors, &[]).ok()?,
        keys: keys(&arguments.keyrings).ok()?,
        allow_expired: true,
        freshness: Duration::from_secs(u64::MAX),
        now: SystemTime::now(),
    };
    let (store, fetcher) = (Store::open(folder).ok()?, Fetcher::offline());
    let archive = Archive::open(&options, &store, &fetcher).ok()?;
    archive.index(&store, &fetcher).ok()
}

/// The size that the store is kept to: from the command line or the environment, the user's
/// settings, or the built-in one.
pub(crate) fn store_limit(named: Option<&str>) -> Result<u64, CommandError> {
    let text = match named {
        Some(text) => Some(text.to_owned()),
        None => settings()?.store_limit,
    };
    let Some(text) = text else {
        return Ok(STORE_LIMIT.0);
    };
    let size: Size = text.parse().map_err(CommandError::usage)?;
    Ok(size.0)
}

fn store_folder(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute());
        let cache = cache.map(PathBuf::from);
        cache
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
            .map(|c| c.join("distil"))
    })
}

pub(crate) fn open_store(named: Option<&Path>) -> Result<Store, CommandError> {
    let folder = store_folder(named).ok_or_else(|| {
        let message = "there is no folder for the store, since this user has no home";
        CommandError::failure(message).hint("name one with `--store DIR` or `DISTIL_STORE`")
    })?;
    Store::open(folder).map_err(|error| {
        CommandError::failure(error)
            .hint("name another folder with `--store DIR` or `DISTIL_STORE`")
    })
}

/// The user's own settings, `distil/config.yaml` in the folder for them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// As `--mirror`.
    mirrors: Vec<String>,
    /// As `--store-limit`.
    #[serde(rename = "store-limit")]
    store_limit: Option<String>,
}

fn settings() -> Result<Settings, CommandError> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    let Some(path) = folder.map(|folder| folder.join("distil/config.yaml")) else {
        return Ok(Settings::default());
    };
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(Settings::default());
    };
    serde_saphyr::from_str(&text).map_err(|error| {
        CommandError::usage(format!("`{}` cannot be read\n{error}", path.display()))
    })
}

/// The mirrors: from the command line, the definition, the environment, the user's settings,
/// this machine's own package sources, or the built-in list; the first of these that names any.
fn mirrors(named: &[String], defined: &[String]) -> Result<Mirrors, CommandError> {
    for list in [named, defined] {
        if !list.is_empty() {
            return parse_mirrors(list);
        }
    }
    if let Ok(list) = std::env::var("DISTIL_MIRROR") {
        let list: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
        if !list.is_empty() {
            return parse_mirrors(&list);
        }
    }
    let settings = settings()?;
    if !settings.mirrors.is_empty() {
        return parse_mirrors(&settings.mirrors);
    }
    let found = debian_mirrors(&Sources::read(Path::new("/etc/apt")).sources);
    let parse = |list: &[String]| -> Vec<Mirror> {
        list.iter()
            .filter_map(|address| address.parse().ok())
            .collect()
    };
    let (main, security) = (parse(&found.main), parse(&found.security));
    Ok(match (main.is_empty(), security.is_empty()) {
        (true, _) => Mirrors::public(),
        (false, true) => Mirrors::unnamed(main),
        (false, false) => Mirrors { main, security },
    })
}

fn parse_mirrors(named: &[String]) -> Result<Mirrors, CommandError> {
    let (mut main, mut security) = (Vec::new(), Vec::new());
    for text in named.iter().filter(|text| !text.is_empty()) {
        let (list, address) = match text.strip_prefix("security=") {
            Some(address) => (&mut security, address),
            None => (&mut main, text.as_str()),
        };
        list.push(address.parse::<Mirror>().map_err(CommandError::usage)?);
    }
    let mut mirrors = Mirrors::unnamed(main);
    if !security.is_empty() {
        mirrors.security = security;
    }
    Ok(mirrors)
}

fn keys(files: &[PathBuf]) -> Result<Keys, CommandError> {
    let mut keyring: Option<Keyring> = None;
    let mut texts = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| {
            CommandError::failure(format!("failed to read the keyring `{name}`: {error}"))
        })?;
        let parsed = Keyring::parse(&bytes, &name).map_err(CommandError::failure)?;
        match &mut keyring {
            Some(keyring) => keyring.extend(&parsed),
            None => keyring = Some(parsed),
        }
        texts.push(bytes);
    }
    Ok(match keyring {
        Some(keyring) => Keys::named(keyring, texts.iter().map(Vec::as_slice)),
        None => Keys::Debian,
    })
}

/// On how many threads to compute.
pub(crate) fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org's specification), if it is set.
pub(crate) fn epoch() -> Result<Option<i64>, CommandError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => match text.parse() {
            // What tar's header and RFC 3339 can both write.
            Ok(seconds @ 0..=253_402_300_799) => Ok(Some(seconds)),
            _ => Err(CommandError::usage(format!(
                "SOURCE_DATE_EPOCH is `{text}`, and must be a number of seconds since 1970"
            ))),
        },
        Err(_) => Ok(None),
    }
}

/// How not to have what an image should not have, and how to have it all the same.
fn way_out(found: &[Found]) -> Vec<String> {
    let flags = |flag: &str, names: BTreeSet<String>| {
        let flags: Vec<String> = names
            .iter()
            .map(|name| format!("--{flag} {name}=REASON"))
            .collect();
        let entries: Vec<String> = names.iter().map(|name| format!("{name}: REASON")).collect();
        let (flags, entries) = (flags.join(" "), entries.join(", "));
        format!("`{flags}`, or `{flag}: {{{entries}}}` in the definition")
    };
    let ways_in: BTreeSet<String> = found.iter().filter_map(|one| one.way_in.clone()).collect();
    let names = found.iter().map(|one| match &one.package {
        Some(package) => package.clone(),
        None => one.path.to_string(),
    });
    let mut hints = Vec::new();
    if !ways_in.is_empty() {
        let flags = flags("without", ways_in);
        hints.push(format!(
            "{flags}, leaves out what brings it, where nothing needs that"
        ));
    }
    hints.push(format!("{}, lets it in", flags("allow", names.collect())));
    hints
}

/// An error of building with what to do about it.
pub(crate) fn explain(error: BuildError) -> CommandError {
    let hint = match &error {
        BuildError::Archive(ArchiveError::NoMirror { .. }) => {
            Some("name a mirror with `--mirror ADDRESS`, or `--mirror security=ADDRESS`".to_owned())
        }
        BuildError::Archive(ArchiveError::Release { attempts, .. }) => {
            Some(match attempts.iter().any(|attempt| attempt.is_expired) {
                true => "`--allow-expired` takes it all the same; its packages may lack fixes"
                    .to_owned(),
                false => "`--mirror ADDRESS` names another mirror".to_owned(),
            })
        }
        BuildError::Archive(ArchiveError::IndexMissing { .. }) => Some(
            "the mirror may be changing just now; try again, or another with `--mirror`".to_owned(),
        ),
        BuildError::Assemble(AssembleError::Generate(GenerateError::NoJava { .. })) => Some(
            "leave the package out, since distil makes the key store for any Java machine of the \
             image; `certificates: {key_store: always}` in a definition makes it for one that is \
             copied in later"
                .to_owned(),
        ),
        BuildError::Recipe(RecipeError::Suite(unsuitable)) => {
            let suites = unsuitable.suites.iter();
            let flags = suites.map(|suite| format!("`--suite {suite}`"));
            let flags: Vec<String> = flags.collect();
            Some(format!("it can be made with {}", flags.join(" or ")))
        }
        BuildError::Assemble(AssembleError::Program(ProgramError::Unusable { key, .. })) => {
            let key = key.to_uppercase();
            Some(format!(
                "a program that is copied in later is named by the {key} of that Dockerfile"
            ))
        }
        BuildError::Resolve(ResolveError::NoTool { .. }) => Some(
            "the image's other variants need no tools; `--platform` names another platform for \
             its `:dev`"
                .to_owned(),
        ),
        BuildError::Resolve(ResolveError::UnsolvableDev {
            source: SolveError::PinConflict(_) | SolveError::Unsatisfiable(_),
            ..
        }) => Some(
            "in `:dev` the packages of the image are as they are there, and beside them are a \
             shell, apt and a compiler; leave out of `packages` or `dev: {packages: [...]}` what \
             does not go with them"
                .to_owned(),
        ),
        BuildError::Resolve(ResolveError::Unsolvable {
            source: SolveError::PinConflict(_),
            ..
        }) => Some(
            "the packages of what it stands on are as they are there; `layers: single` in a \
             definition solves all together, and shares no layers"
                .to_owned(),
        ),
        BuildError::Assemble(AssembleError::Closure(ClosureError::Missing { unmet })) => {
            let name = unmet.first().map_or("", |one| one.needed.as_str());
            Some(format!(
                "`packages`, or `--add`, adds the package that has it, often one that is only \
                 recommended; `drop` leaves out the file that needs it; `excuse: {{{name}: \
                 REASON}}`, or `--excuse {name}=REASON`, says that it may be missing"
            ))
        }
        _ => None,
    };
    let nearest = match &error {
        BuildError::Resolve(
            ResolveError::Unsolvable {
                source: SolveError::Unknown { nearest, .. },
                ..
            }
            | ResolveError::UnsolvableDev {
                source: SolveError::Unknown { nearest, .. },
                ..
            },
        ) => nearest.clone(),
        BuildError::Recipe(RecipeError::Unknown(unknown)) => {
            let nearest = unknown.nearest.clone();
            let error = CommandError::usage(error).nearest(&nearest);
            return error.hint("`distil list` shows the catalogue; a file must end in `.yaml`");
        }
        BuildError::Recipe(RecipeError::UnknownFrom { source, .. }) => {
            let nearest = source.nearest.clone();
            let message = error.to_string();
            let error = CommandError::failure(message).nearest(&nearest);
            return error.hint("`distil list` shows the catalogue; a file must end in `.yaml`");
        }
        BuildError::Assemble(AssembleError::Surface(SurfaceError::Found { found })) => {
            let hints = way_out(found);
            let error = CommandError::failure(error);
            return hints.into_iter().fold(error, CommandError::hint);
        }
        _ => Vec::new(),
    };
    let error = CommandError::failure(error).nearest(&nearest);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
