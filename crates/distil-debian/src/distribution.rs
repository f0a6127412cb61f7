//! What a distribution of Debian's format is: where its archive is, whose keys sign it, what its parts are called,
//! and what its images say of themselves.

use distil_store::Digest;

use crate::openpgp::Keyring;

/// A distribution whose releases images are made from.
#[derive(Debug)]
pub struct Distribution {
    /// `ID` of os-release(5), and the namespace of its package URLs.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// The components that images are made from (Debian Policy §2.2.1).
    pub components: &'static [&'static str],
    /// The components that a definition may ask for beside them.
    pub more_components: &'static [&'static str],
    /// Endings of the suites that a release has beside its own, and where each is kept.
    pub pockets: &'static [(&'static str, Area)],
    /// Public mirrors of its main archive and of its security archive, for machines that name none.
    pub mirrors: PublicMirrors,
    /// Public mirrors of the architectures that these do not have.
    pub ports: Option<Ports>,
    /// Its public archive of all states that there ever were, with `{archive}` and `{time}` in it. It is the
    /// last to be asked, for what no mirror has any more.
    pub snapshots: &'static str,
    /// What a snapshot service calls the main archive and the security archive.
    pub archives: [&'static str; 2],
    /// Names of suites by which apt's sources show that they are of this distribution, of releases that no
    /// image is made from as well.
    pub known_suites: &'static [&'static str],
    /// The beginning of the names of its keyrings in `/usr/share/keyrings`.
    pub keyrings: &'static str,
    /// The keyring by which its images' apt verifies it.
    pub apt_keyring: &'static str,
    /// The lines of os-release(5) with `{version}`, `{codename}` and `{title}`, for
    /// [`Suite`](crate::suite::Suite).
    pub os_release: &'static str,
    /// The file by which Trivy knows it: a plain one, since Trivy follows no link.
    pub marker: &'static str,
    keyring: fn() -> &'static Keyring,
    identity: fn() -> Digest,
}

/// Where a pocket is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The main archive.
    Main,
    /// The archive of the security team.
    Security,
}

/// Addresses of mirrors that anybody may use.
#[derive(Debug, Clone, Copy)]
pub struct PublicMirrors {
    /// Of the main archive.
    pub main: &'static [&'static str],
    /// Of the security archive.
    pub security: &'static [&'static str],
}

/// A second archive, of the architectures that the first does not have.
#[derive(Debug)]
pub struct Ports {
    /// The architectures of the first, by Debian's names.
    pub others: &'static [&'static str],
    /// Its mirrors.
    pub mirrors: PublicMirrors,
    /// How the addresses of its mirrors end.
    pub ending: &'static str,
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Distribution {}

/// Debian. Public mirrors are Debian's own names for "the nearest".
pub static DEBIAN: Distribution = Distribution {
    id: "debian",
    name: "Debian",
    components: &["main"],
    more_components: &["contrib", "non-free", "non-free-firmware"],
    pockets: &[("-updates", Area::Main), ("-security", Area::Security)],
    mirrors: PublicMirrors {
        main: &[
            "http://ftp.debian.org/debian",
            "http://ftp.us.debian.org/debian",
        ],
        security: &[
            "http://ftp.debian.org/debian-security",
            "http://ftp.us.debian.org/debian-security",
        ],
    },
    ports: None,
    snapshots: "https://snapshot-cloudflare.debian.org/archive/{archive}/{time}",
    archives: ["debian", "debian-security"],
    known_suites: &[
        "buster",
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "duke",
        "sid",
        "stable",
        "oldstable",
        "oldoldstable",
        "testing",
        "unstable",
        "experimental",
        "rc-buggy",
        "proposed-updates",
    ],
    keyrings: "debian-archive-",
    apt_keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
    os_release: "NAME=\"Debian GNU/Linux\"\n\
                 ID=\"debian\"\n\
                 VERSION_ID=\"{version}\"\n\
                 VERSION=\"Debian GNU/Linux {version} ({codename})\"\n\
                 VERSION_CODENAME=\"{codename}\"\n",
    marker: "etc/debian_version",
    keyring: Keyring::debian,
    identity: Keyring::debian_identity,
};

/// Ubuntu. Its main archive has the security pocket as well; the archive of the security team gets it first.
pub static UBUNTU: Distribution = Distribution {
    id: "ubuntu",
    name: "Ubuntu",
    components: &["main", "universe"],
    more_components: &["restricted", "multiverse"],
    pockets: &[("-updates", Area::Main), ("-security", Area::Security)],
    mirrors: PublicMirrors {
        main: &[
            "http://us.archive.ubuntu.com/ubuntu",
            "http://de.archive.ubuntu.com/ubuntu",
        ],
        security: &[
            "http://us.archive.ubuntu.com/ubuntu",
            "http://de.archive.ubuntu.com/ubuntu",
        ],
    },
    ports: Some(Ports {
        others: &["amd64", "i386"],
        mirrors: PublicMirrors {
            main: &["http://ports.ubuntu.com/ubuntu-ports"],
            security: &["http://ports.ubuntu.com/ubuntu-ports"],
        },
        ending: "-ports",
    }),
    snapshots: "https://snapshot.ubuntu.com/{archive}/{time}",
    archives: ["ubuntu", "ubuntu"],
    known_suites: &[
        "bionic", "focal", "jammy", "noble", "questing", "resolute", "devel",
    ],
    keyrings: "ubuntu-archive-",
    apt_keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    os_release: "NAME=\"Ubuntu\"\n\
                 ID=\"ubuntu\"\n\
                 ID_LIKE=\"debian\"\n\
                 VERSION_ID=\"{version}\"\n\
                 VERSION=\"{version} LTS ({title})\"\n\
                 VERSION_CODENAME=\"{codename}\"\n\
                 UBUNTU_CODENAME=\"{codename}\"\n",
    marker: "etc/lsb-release",
    keyring: Keyring::ubuntu,
    identity: Keyring::ubuntu_identity,
};

impl Distribution {
    /// All of them.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [&DEBIAN, &UBUNTU].into_iter()
    }

    /// The one with this `ID`.
    pub fn named(id: &str) -> Option<&'static Self> {
        Self::all().find(|one| one.id == id)
    }

    /// The keys that sign its archive, parsed when they are asked for first.
    pub fn keyring(&self) -> &'static Keyring {
        (self.keyring)()
    }

    /// The digest of what these are read from, which is known without reading it.
    pub fn keyring_identity(&self) -> Digest {
        (self.identity)()
    }

    /// The second archive, if an architecture is there.
    pub fn ports_of(&self, architecture: &str) -> Option<&Ports> {
        let ports = self.ports.as_ref()?;
        (!ports.others.contains(&architecture)).then_some(ports)
    }

    /// Which of its archives has a suite of this name, if it is one of its own.
    pub fn area_of(&self, suite: &str) -> Option<Area> {
        let is_own = |name: &str| self.known_suites.contains(&name);
        if is_own(suite) {
            return Some(Area::Main);
        }
        // `buster/updates` was the security suite's name until bullseye.
        for ending in ["-security", "/updates"] {
            if let Some(base) = suite.strip_suffix(ending) {
                return is_own(base).then_some(Area::Security);
            }
        }
        let pockets = [
            "-proposed-updates",
            "-proposed",
            "-updates",
            "-backports-sloppy",
            "-backports",
        ];
        let base = pockets.iter().find_map(|pocket| suite.strip_suffix(pocket));
        is_own(base?).then_some(Area::Main)
    }

    /// Whether it has a component.
    pub fn has_component(&self, name: &str) -> bool {
        self.all_components().any(|component| component == name)
    }

    /// All its components.
    pub fn all_components(&self) -> impl Iterator<Item = &'static str> {
        let all = self.components.iter().chain(self.more_components);
        all.copied()
    }
}
