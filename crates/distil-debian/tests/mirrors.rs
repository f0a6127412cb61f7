//! An archive of mirrors that want a password, or are not well.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::{Duration, SystemTime};

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions, Keys, Mirrors, Snapshots};
use distil_debian::distribution::{Area, DEBIAN};
use distil_debian::fetch::{Fetcher, Mirror};
use distil_debian::openpgp::Keyring;
use distil_debian::suite::Suite;
use distil_fixture::{Fault, Server, Times, debian_like};
use distil_net::{Client, Environment, Options};
use distil_store::Store;

struct Site {
    archive: distil_fixture::Archive,
    server: Server,
    store: tempfile::TempDir,
}

fn site() -> Site {
    let archive = debian_like("trixie").write_temp().unwrap();
    let server = Server::start(&archive.dir).unwrap();
    let store = tempfile::tempdir().unwrap();
    Site {
        archive,
        server,
        store,
    }
}

impl Site {
    /// Opens the main archive from these mirrors, with a netrc of this content.
    fn open(&self, mirrors: &[&str], netrc: &str) -> Result<Archive, ArchiveError> {
        let file = self.store.path().join("netrc");
        std::fs::write(&file, netrc).unwrap();
        let key = std::fs::read(&self.archive.keyring_path).unwrap();
        let keyring = Keyring::parse(&key, "key").unwrap();
        let mirrors: Vec<_> = mirrors.iter().map(|text| text.parse().unwrap()).collect();
        let options = ArchiveOptions {
            suite: Suite::named("trixie").unwrap(),
            architecture: "amd64".to_owned(),
            mirrors: Mirrors {
                security: mirrors.clone(),
                main: mirrors,
            },
            keys: Keys::named(keyring, [key.as_slice()].into_iter()),
            components: Vec::new(),
            backports: false,
            snapshot: None,
            others: Vec::new(),
            allow_expired: true,
            freshness: Duration::ZERO,
            now: SystemTime::now(),
        };
        let patience = Options {
            backoff: Duration::from_millis(1),
            rate_window: Duration::from_millis(300),
            ..Options::default()
        };
        let environment = Environment::of([("NETRC", file)], Path::new("/nonexistent"));
        let fetcher = Fetcher::new(Client::with_environment(patience, environment));
        let store = Store::open(self.store.path().join("store")).unwrap();
        Archive::open(&options, &store, &fetcher)
    }
}

fn guard() -> Fault {
    Fault::Guarded(
        "Basic realm=\"x\"".to_owned(),
        "Basic YW5uOnNlY3JldA==".to_owned(),
    )
}

fn messages(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause} {cause:?}");
        source = cause.source();
    }
    text
}

#[test]
fn a_password_that_is_refused_is_not_shown() {
    let site = site();
    site.server.fault("*", Times::Always, Fault::status(401));
    let mirror = site.server.url().replace("http://", "http://ann:secret@");
    let Err(error) = site.open(&[&mirror], "") else {
        panic!("nothing lets in");
    };
    let message = messages(&error);
    assert!(
        message.contains("refused the credentials from its URL"),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
    assert_eq!(site.server.count("/dists/trixie/InRelease"), 1);
}

#[test]
fn a_password_of_the_netrc_lets_in() {
    let site = site();
    site.server.fault("*", Times::Always, guard());
    let url = site.server.url();
    // The fixture has no security archive; the main one is enough to see who is let in.
    let message = |netrc: &str| match site.open(&[&url], netrc) {
        Ok(_) => String::new(),
        Err(error) => messages(&error),
    };
    assert!(message("").contains("wants credentials, and none are known"));
    let found = message("machine 127.0.0.1 login ann password secret");
    assert!(
        !found.contains("wants credentials") && !found.contains("secret"),
        "{found}"
    );
    let requests = site.server.requests();
    let release = requests
        .iter()
        .rev()
        .find(|one| one.path == "/dists/trixie/InRelease");
    assert_eq!(release.unwrap().status, 200);
}

#[test]
fn a_mirror_that_held_up_is_asked_last_from_then_on() {
    let (slow, good) = (site(), site());
    slow.server.fault(
        "*",
        Times::Always,
        Fault::Trickle(1, Duration::from_millis(20)),
    );
    let mirrors = [slow.server.url(), good.server.url()].map(|url| url.parse::<Mirror>().unwrap());
    let patience = Options {
        rate_window: Duration::from_millis(200),
        ..Options::default()
    };
    let nothing: [(&str, &str); 0] = [];
    let environment = Environment::of(nothing, "/nonexistent");
    let fetcher = Fetcher::new(Client::with_environment(patience, environment));
    let order = || {
        let order = fetcher.in_order(&mirrors).into_iter();
        order.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(order(), [slow.server.url(), good.server.url()]);
    let address = mirrors[0].join("dists/trixie/InRelease");
    assert!(fetcher.bytes(&address, 1 << 20, None).is_err());
    assert_eq!(order(), [good.server.url(), slow.server.url()]);
    // That it does not have something is no reason.
    assert!(
        fetcher
            .bytes(&mirrors[1].join("none"), 1 << 20, None)
            .is_err()
    );
    assert_eq!(order(), [good.server.url(), slow.server.url()]);
}

#[test]
fn snapshots_have_their_time_in_the_address() {
    let snapshots: Snapshots = "http://snapshot.example/{archive}/{time}/".parse().unwrap();
    let at = |area| {
        snapshots
            .at(&DEBIAN, area, 1_763_108_530)
            .unwrap()
            .to_string()
    };
    let main = "http://snapshot.example/debian/20251114T082210Z";
    assert_eq!(at(Area::Main), main);
    let security = "http://snapshot.example/debian-security/20251114T082210Z";
    assert_eq!(at(Area::Security), security);
    assert_eq!(snapshots.at(&DEBIAN, Area::Main, -1), None);
    assert!(
        Snapshots::public(&DEBIAN)
            .at(&DEBIAN, Area::Main, 0)
            .is_some()
    );
}

#[test]
fn a_password_in_an_address_that_is_none_is_not_shown() {
    for text in [
        "",
        "http://ann:secret@snapshot.example/{archive}",
        "http://ann:secret@snapshot.example/{time}",
        "ftp://ann:secret@snapshot.example/{archive}/{time}",
    ] {
        let error = text.parse::<Snapshots>().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
