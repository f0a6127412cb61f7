//! A miniature Debian: the packages that distil's catalogue needs, with the names, versions,
//! relations, paths, modes and ELF needs of the real ones, and next to nothing inside.
//!
//! The facts stand in tables of control stanzas (`trixie/*.deb822`, `bookworm/*.deb822`, `noble/*.deb822`), read
//! by [`table`]; what a file says comes from [`content`].

mod content;
mod table;

use crate::archive::{ArchiveBuilder, DEFAULT_DATE, Pocket};
use crate::deb::DebBuilder;

/// The certificates of the archive's `ca-certificates`: the file's name under
/// `/usr/share/ca-certificates/mozilla`, its text, and the subject hash that OpenSSL looks it up
/// by (`openssl x509 -subject_hash`). They are valid from 2020 to 2099, and nobody has the keys.
pub const CA_CERTIFICATES: [(&str, &str, &str); 3] = [
    (
        "Fixture_Root_CA_E1.crt",
        include_str!("certificates/Fixture_Root_CA_E1.crt"),
        "00f3e9ed",
    ),
    (
        "Fixture_Root_CA_E2.crt",
        include_str!("certificates/Fixture_Root_CA_E2.crt"),
        "9c70bd3f",
    ),
    // Letters beyond ASCII and runs of blanks, which the hash folds.
    (
        "Fixture_Root_CA_R3.crt",
        include_str!("certificates/Fixture_Root_CA_R3.crt"),
        "11c2d323",
    ),
];

/// A certificate authority that no package ships, as a company has one, and its subject hash. It
/// is valid from 2020 to 2099, and nobody has the key.
pub const CORPORATE_CA: (&str, &str) = (
    include_str!("certificates/Fixture_Corporate_CA.crt"),
    "f3f0b28d",
);

/// A certificate authority that was valid from 2010 to 2020.
pub const EXPIRED_CA: &str = include_str!("certificates/Fixture_Expired_CA.crt");

/// A server's certificate, which [`CORPORATE_CA`] signed: no authority, and valid to 2099.
pub const SERVER_CERTIFICATE: &str = include_str!("certificates/server.example.crt");

/// The applets of the archive's `busybox-static`, in the order in which its binary lists them.
///
/// # Panics
/// When `suite` is neither `trixie` nor `bookworm`.
#[must_use]
pub fn busybox_applets(suite: &str) -> Vec<&'static str> {
    content::applets(Suite::named(suite))
}

/// An archive like Debian's: the pockets `SUITE`, with every package for amd64 and arm64, and
/// `SUITE-updates`, which is empty. The suites are `trixie` and `bookworm`. Nothing has a
/// `Valid-Until`, since everything is dated 1 October 2025.
///
/// # Panics
/// When `suite` is another.
#[must_use]
pub fn debian_like(suite: &str) -> ArchiveBuilder {
    let facts = Suite::named(suite);
    let main = Pocket::new(suite)
        .field("Suite", facts.alias)
        .field("Version", facts.version)
        .field("Description", &format!("Debian {} Fixture", facts.version))
        .packages(packages(facts));
    let updates = Pocket::new(&format!("{suite}-updates"))
        .field("Suite", &format!("{}-updates", facts.alias))
        .field("Version", &format!("{}-updates", facts.number))
        .field("Description", &format!("Debian {} - Updates", facts.number));
    ArchiveBuilder::new().pocket(main).pocket(updates)
}

/// The security archive beside [`debian_like`], a root of its own: the pocket `SUITE-security`
/// with components under `updates/`, indexes in xz only, and OpenSSL's packages in a newer
/// version than `SUITE` has.
///
/// # Panics
/// When `suite` is neither `trixie` nor `bookworm`.
#[must_use]
pub fn debian_security_like(suite: &str) -> ArchiveBuilder {
    let facts = Suite::named(suite);
    let newer = packages(facts)
        .into_iter()
        .filter(|deb| deb.name() == "openssl" || deb.source_name() == "openssl")
        .map(|deb| deb.renumber(facts.openssl.0, facts.openssl.1));
    let pocket = Pocket::new(&format!("{suite}-security"))
        .field("Label", "Debian-Security")
        .field("Suite", &format!("{}-security", facts.alias))
        .field("Version", facts.number)
        .field(
            "Description",
            &format!("Debian {} - Security Updates", facts.number),
        )
        .date(DEFAULT_DATE + 86_400)
        .component_prefix("updates/")
        .compressions(&[crate::Compression::Xz])
        .packages(newer);
    ArchiveBuilder::new().pocket(pocket)
}

/// An archive like Ubuntu's: the pockets `SUITE`, `SUITE-updates` and `SUITE-security` in one root, with the
/// components `main` and `universe`, packages in zstd, and OpenSSL's in a newer version in `SUITE-security`. The
/// suite is `noble`.
///
/// # Panics
/// When `suite` is another.
#[must_use]
pub fn ubuntu_like(suite: &str) -> ArchiveBuilder {
    let facts = Suite::named(suite);
    let zstd = |deb: DebBuilder| deb.compression(crate::Compression::Zstd);
    let packages: Vec<DebBuilder> = packages(facts).into_iter().map(zstd).collect();
    let newer = packages.iter().filter(|deb| {
        let is_openssl = |name: &str| name == "openssl";
        is_openssl(deb.name()) || is_openssl(deb.source_name())
    });
    let (old, new) = facts.openssl;
    let newer: Vec<DebBuilder> = newer.map(|deb| deb.clone().renumber(old, new)).collect();
    let pocket = |name: &str| {
        Pocket::new(name)
            .field("Origin", facts.origin)
            .field("Label", facts.origin)
            .field("Suite", name)
            .field("Codename", facts.name)
            .field("Version", facts.version)
            .field("Description", &format!("Ubuntu {}", facts.version))
    };
    let addition = DebBuilder::new("universal", "1-0ubuntu1", "all");
    let addition = addition.file("usr/share/universal/data", "of universe\n");
    let main = pocket(suite)
        .packages(packages)
        .package_in("universe", zstd(addition));
    ArchiveBuilder::new()
        .pocket(main)
        .pocket(pocket(&format!("{suite}-updates")))
        .pocket(pocket(&format!("{suite}-security")).packages(newer))
}

/// The packages of [`debian_like`] for one architecture, those for `all` among them. Any
/// architecture that [`Machine`](crate::Machine) has will do.
///
/// # Panics
/// When the suite or the architecture is unknown.
#[must_use]
pub fn debian_like_packages(suite: &str, architecture: &str) -> Vec<DebBuilder> {
    table::packages(Suite::named(suite), architecture)
}

/// The packages for both architectures, those for `all` once.
fn packages(suite: &Suite) -> Vec<DebBuilder> {
    let mut packages = table::packages(suite, "amd64");
    packages.extend(
        table::packages(suite, "arm64")
            .into_iter()
            .filter(|deb| deb.architecture() != "all"),
    );
    packages
}

/// What distinguishes one suite's fixture from another's, beside its table.
struct Suite {
    name: &'static str,
    /// Whose it is, as the Release file says.
    origin: &'static str,
    /// What the Release file calls it.
    alias: &'static str,
    number: &'static str,
    version: &'static str,
    tables: [&'static str; 3],
    /// The newest version that its libc defines.
    glibc: &'static str,
    /// OpenSSL's version, and the one in the security archive.
    openssl: (&'static str, &'static str),
}

const SUITES: [Suite; 3] = [
    Suite {
        name: "trixie",
        origin: "Debian",
        alias: "stable",
        number: "13",
        version: "13.8",
        tables: [
            include_str!("trixie/system.deb822"),
            include_str!("trixie/libraries.deb822"),
            include_str!("trixie/python.deb822"),
        ],
        glibc: "GLIBC_2.41",
        openssl: ("3.5.9-1~deb13u1", "3.5.9-1~deb13u2"),
    },
    Suite {
        name: "bookworm",
        origin: "Debian",
        alias: "oldstable",
        number: "12",
        version: "12.15",
        tables: [
            include_str!("bookworm/system.deb822"),
            include_str!("bookworm/libraries.deb822"),
            include_str!("bookworm/python.deb822"),
        ],
        glibc: "GLIBC_2.36",
        openssl: ("3.0.20-1~deb12u2", "3.0.20-1~deb12u3"),
    },
    Suite {
        name: "noble",
        origin: "Ubuntu",
        alias: "noble",
        number: "24.04",
        version: "24.04",
        tables: [
            include_str!("noble/system.deb822"),
            include_str!("noble/libraries.deb822"),
            include_str!("noble/python.deb822"),
        ],
        glibc: "GLIBC_2.39",
        openssl: ("3.0.13-0ubuntu3", "3.0.13-0ubuntu3.9"),
    },
];

impl Suite {
    fn named(name: &str) -> &'static Self {
        SUITES
            .iter()
            .find(|suite| suite.name == name)
            .unwrap_or_else(|| panic!("there is no fixture of the suite `{name}`"))
    }
}

#[cfg(test)]
mod tests;
