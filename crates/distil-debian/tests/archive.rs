//! An archive as a whole: what its Releases and its indexes of contents tell.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::time::{Duration, SystemTime};

use distil_debian::archive::{Archive, ArchiveOptions, Keys, Mirrors, ReleaseWarning};
use distil_debian::fetch::Fetcher;
use distil_debian::openpgp::Keyring;
use distil_debian::solve::{Request, SolveError, solve};
use distil_debian::suite::Suite;
use distil_fixture::{
    ArchiveBuilder, DEFAULT_DATE, DebBuilder, Pocket, debian_like, debian_security_like,
};
use distil_net::{Client, Options};
use distil_store::Store;

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    fetcher: Fetcher,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(folder.path().join("store")).unwrap(),
            fetcher: Fetcher::new(Client::new(Options::default())),
            folder,
        }
    }

    /// Writes the suite as `change` makes it, and how it is opened.
    fn options(&self, change: impl Fn(Pocket) -> Pocket) -> ArchiveOptions {
        let main: ArchiveBuilder = debian_like("trixie").with("trixie", change);
        let main = main.write(&self.folder.path().join("debian")).unwrap();
        let security = debian_security_like("trixie");
        let security = security
            .write(&self.folder.path().join("security"))
            .unwrap();
        let keyring = std::fs::read(&main.keyring_path).unwrap();
        let parsed = Keyring::parse(&keyring, "keyring").unwrap();
        ArchiveOptions {
            suite: Suite::named("trixie").unwrap(),
            architecture: "amd64".to_owned(),
            mirrors: Mirrors {
                main: vec![main.url().parse().unwrap()],
                security: vec![security.url().parse().unwrap()],
            },
            keys: Keys::named(parsed, std::iter::once(keyring.as_slice())),
            components: Vec::new(),
            backports: false,
            snapshot: None,
            others: Vec::new(),
            allow_expired: false,
            freshness: Duration::ZERO,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(DEFAULT_DATE + 10 * DAY),
        }
    }

    fn open(&self, options: &ArchiveOptions) -> Archive {
        Archive::open(options, &self.store, &self.fetcher).unwrap()
    }

    fn warnings(&self, options: &ArchiveOptions) -> Vec<String> {
        let archive = self.open(options);
        let warnings = archive.warnings().iter();
        warnings.map(ReleaseWarning::to_string).collect()
    }
}

const DAY: u64 = 24 * 3600;

#[test]
fn a_release_that_is_older_than_one_before_is_told() {
    let place = Place::new();
    let at = |seconds| place.options(move |pocket| pocket.date(seconds));
    assert!(place.warnings(&at(DEFAULT_DATE)).is_empty());
    let old = at(DEFAULT_DATE - 450 * DAY);
    insta::assert_snapshot!(place.warnings(&old).join("\n"), @"the Release of `trixie` is dated 2024-07-08 00:00:00 UTC, and one of 2025-10-01 00:00:00 UTC was used before: the mirror is out of date, or something keeps newer files away");
    // Each time, until a newer one comes.
    assert_eq!(place.warnings(&old).len(), 1);
    let allowed = ArchiveOptions {
        allow_expired: true,
        ..old
    };
    assert!(place.warnings(&allowed).is_empty());
    assert!(place.warnings(&at(DEFAULT_DATE)).is_empty());
    assert!(place.warnings(&at(DEFAULT_DATE + DAY)).is_empty());
    assert_eq!(place.warnings(&at(DEFAULT_DATE)).len(), 1);
}

#[test]
fn a_release_from_the_future_is_told_and_makes_no_other_one_old() {
    let place = Place::new();
    let at = |seconds| place.options(move |pocket| pocket.date(seconds).signed_at(DEFAULT_DATE));
    let future = at(DEFAULT_DATE + 74 * 365 * DAY);
    insta::assert_snapshot!(place.warnings(&future).join("\n"), @"the Release of `trixie` is dated 2099-09-13 00:00:00 UTC, and now is 2025-10-11 00:00:00 UTC: the clock of this machine or that of the archive is wrong");
    assert!(place.warnings(&at(DEFAULT_DATE)).is_empty());
    // Clocks differ.
    assert!(
        place
            .warnings(&at(DEFAULT_DATE + 10 * DAY + 7200))
            .is_empty()
    );
}

#[test]
fn libraries_are_known_from_the_store_also_of_an_earlier_state() {
    let place = Place::new();
    let options = place.options(|pocket| pocket.contents(true));
    let archive = place.open(&options);
    assert_eq!(archive.stored_libraries(&place.store), None);
    let libraries = archive.libraries(&place.store, &place.fetcher).unwrap();
    assert_eq!(libraries.package_of("libcrypto.so.3"), Some("libssl3t64"));
    assert_eq!(libraries.package_of("libz.so.1"), Some("zlib1g"));
    assert_eq!(libraries.package_of("libnobody.so.1"), None);
    let kept = archive.stored_libraries(&place.store).unwrap();
    assert_eq!(kept, libraries);

    let newer = place.options(|pocket| {
        let more = DebBuilder::new("libmore1", "1", "amd64").file("/usr/lib/libmore.so.1", "");
        pocket.contents(true).date(DEFAULT_DATE + DAY).package(more)
    });
    let archive = place.open(&newer);
    assert_eq!(archive.stored_libraries(&place.store), Some(kept));
    let libraries = archive.libraries(&place.store, &place.fetcher).unwrap();
    assert_eq!(libraries.package_of("libmore.so.1"), Some("libmore1"));
}

#[test]
fn a_suite_without_an_index_of_contents_has_no_libraries() {
    let place = Place::new();
    let archive = place.open(&place.options(|pocket| pocket));
    let libraries = archive.libraries(&place.store, &place.fetcher).unwrap();
    assert!(libraries.is_empty());
}

#[test]
fn what_is_in_a_component_that_is_not_looked_at_is_found_there() {
    let place = Place::new();
    let options = place
        .options(|pocket| pocket.package_in("non-free", DebBuilder::new("nvidia", "1", "amd64")));
    let archive = place.open(&options);
    let index = archive.index(&place.store, &place.fetcher).unwrap();
    let request = Request {
        install: vec!["nvidia".parse().unwrap()],
        ..Request::default()
    };
    let Err(SolveError::Unknown {
        name,
        nearest,
        pockets,
        ..
    }) = solve(&index, &request)
    else {
        panic!("it is there")
    };
    let elsewhere = archive.elsewhere(&name, &place.store, &place.fetcher);
    let error = SolveError::Unknown {
        name,
        nearest,
        pockets,
        elsewhere,
    };
    insta::assert_snapshot!(error, @"there is no package `nvidia` in trixie, trixie-updates or trixie-security: it is in `non-free` of trixie, and images are made of `main` alone, which is what Debian itself is");
    assert!(
        archive
            .elsewhere("nobody", &place.store, &place.fetcher)
            .is_empty()
    );
}
