//! The spelling of places: `TRANSPORT:PLACE`, as skopeo and podman write them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::archive;
use crate::nearest::nearest;
use crate::reference::{InvalidReference, Reference, RegistryReference};

/// A transport and a place.
///
/// Displays as it is spelled, which parses back as long as no path has a colon: as in skopeo, a
/// path ends at the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `oci:DIR[:TAG]`: a directory in OCI's image layout.
    Oci {
        /// The directory.
        path: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI layout in a tar file.
    OciArchive {
        /// The file.
        path: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:NAME[:TAG]]`: a file as `docker save` writes it.
    DockerArchive {
        /// The file.
        path: PathBuf,
        /// Which of its images.
        name: Option<Reference>,
    },
    /// `docker-daemon:NAME[:TAG]`: a Docker daemon's own store.
    DockerDaemon(Reference),
    /// `docker://REGISTRY/NAME[:TAG][@DIGEST]`: a registry.
    Registry(RegistryReference),
    /// `rootfs:DIR`: a plain root file system.
    RootFs(PathBuf),
}

/// The transports, in the order that messages list them.
const TRANSPORTS: [&str; 6] = [
    "oci",
    "oci-archive",
    "docker-archive",
    "docker-daemon",
    "docker",
    "rootfs",
];

impl Location {
    /// What a word on the command line means: a transport and a place if it begins with a
    /// transport, else an existing path, which is looked into. `None` where it is neither; it may
    /// then be the name of something else.
    ///
    /// # Errors
    /// When the place of a transport is misspelled, the transport seems to be, or the path is
    /// there but no image.
    pub fn find(text: &str) -> Result<Option<Self>, InvalidLocation> {
        let transport = text.split_once(':').map(|(transport, _)| transport);
        if transport.is_some_and(|transport| TRANSPORTS.contains(&transport)) {
            return text.parse().map(Some);
        }
        let path = Path::new(text);
        match path.metadata() {
            Ok(_) => Self::at(path).map(Some),
            Err(error) => match error.kind() {
                // The last two: too long, or otherwise impossible as a path.
                io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidFilename
                | io::ErrorKind::InvalidInput => match transport {
                    Some(transport) if is_misspelt(transport) => {
                        Err(InvalidLocation::unknown(transport))
                    }
                    _ => Ok(None),
                },
                _ => Err(InvalidLocation::Unreadable {
                    path: path.to_owned(),
                    source: error,
                }),
            },
        }
    }

    /// Whether a word begins with a transport.
    pub fn is_spelled(text: &str) -> bool {
        let transport = text.split_once(':').map(|(transport, _)| transport);
        transport.is_some_and(|transport| TRANSPORTS.contains(&transport))
    }

    /// What the file or directory at `path` is: an archive or a layout.
    ///
    /// # Errors
    /// When it is neither, or cannot be read.
    pub fn at(path: &Path) -> Result<Self, InvalidLocation> {
        let unreadable = |source| InvalidLocation::Unreadable {
            path: path.to_owned(),
            source,
        };
        let kind = path.metadata().map_err(unreadable)?;
        if kind.is_dir() {
            if path.join("oci-layout").is_file() {
                return Ok(Self::Oci {
                    path: path.to_owned(),
                    tag: None,
                });
            }
            return Err(InvalidLocation::NotAnImage(path.to_owned()));
        }
        let path = path.to_owned();
        match archive::kind(&path).map_err(unreadable)? {
            Some(archive::Kind::Oci) => Ok(Self::OciArchive { path, tag: None }),
            Some(archive::Kind::Docker) => Ok(Self::DockerArchive { path, name: None }),
            None => Err(InvalidLocation::NotAnImage(path)),
        }
    }

    /// The file or directory that a writer makes, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Oci { path, .. }
            | Self::OciArchive { path, .. }
            | Self::DockerArchive { path, .. }
            | Self::RootFs(path) => Some(path),
            Self::DockerDaemon(_) | Self::Registry(_) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, rest) = match self {
            Self::Oci { path, tag } => ("oci", path, tag.clone()),
            Self::OciArchive { path, tag } => ("oci-archive", path, tag.clone()),
            Self::DockerArchive { path, name } => (
                "docker-archive",
                path,
                name.as_ref().map(Reference::familiar),
            ),
            Self::RootFs(path) => ("rootfs", path, None),
            Self::DockerDaemon(name) => return write!(f, "docker-daemon:{name}"),
            Self::Registry(name) => return write!(f, "docker://{name}"),
        };
        write!(f, "{transport}:{}", path.display())?;
        match rest {
            Some(rest) => write!(f, ":{rest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        let Some((transport, place)) = text.split_once(':') else {
            return Err(InvalidLocation::NoTransport(shortened(text)));
        };
        let reference = |text: &str| {
            text.parse::<Reference>()
                .map_err(InvalidLocation::Reference)
        };
        match transport {
            "oci" => {
                let (path, tag) = path_and_tag("oci", place)?;
                Ok(Self::Oci { path, tag })
            }
            "oci-archive" => {
                let (path, tag) = path_and_tag("oci-archive", place)?;
                Ok(Self::OciArchive { path, tag })
            }
            "docker-archive" => {
                let (path, name) = path_and_rest("docker-archive", place)?;
                let name = name.map(reference).transpose()?;
                Ok(Self::DockerArchive { path, name })
            }
            "docker-daemon" => reference(place).map(Self::DockerDaemon),
            "docker" => match place.strip_prefix("//") {
                Some(name) => Ok(Self::Registry(
                    name.parse().map_err(InvalidLocation::Reference)?,
                )),
                None => Err(InvalidLocation::Slashes(shortened(place))),
            },
            "rootfs" if place.is_empty() => Err(InvalidLocation::NoPath("rootfs")),
            "rootfs" => Ok(Self::RootFs(place.into())),
            drive if drive.len() == 1 && place.starts_with(['\\', '/']) => {
                Err(InvalidLocation::Windows(shortened(text)))
            }
            unknown => Err(InvalidLocation::unknown(unknown)),
        }
    }
}

/// As skopeo splits them: at the first colon.
fn path_and_rest<'a>(
    transport: &'static str,
    place: &'a str,
) -> Result<(PathBuf, Option<&'a str>), InvalidLocation> {
    let (path, rest) = match place.split_once(':') {
        Some((path, rest)) => (path, Some(rest)),
        None => (place, None),
    };
    if path.is_empty() {
        return Err(InvalidLocation::NoPath(transport));
    }
    let drive = path.len() == 1 && path.bytes().all(|b| b.is_ascii_alphabetic());
    if drive && rest.is_some_and(|rest| rest.starts_with('\\')) {
        return Err(InvalidLocation::Windows(shortened(place)));
    }
    Ok((path.into(), rest))
}

fn path_and_tag(
    transport: &'static str,
    place: &str,
) -> Result<(PathBuf, Option<String>), InvalidLocation> {
    let (path, tag) = path_and_rest(transport, place)?;
    match tag {
        Some(tag) if !is_ref_name(tag) => Err(InvalidLocation::Tag(shortened(tag))),
        tag => Ok((path, tag.map(str::to_owned))),
    }
}

/// The grammar of `org.opencontainers.image.ref.name` (OCI image specification, "Annotations"):
/// letters and digits in groups, separated by one of `-._:@+/` or by `--`.
fn is_ref_name(tag: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    tag.starts_with(plain)
        && tag.ends_with(plain)
        && tag.split(plain).all(|separator| {
            matches!(
                separator,
                "" | "-" | "." | "_" | ":" | "@" | "+" | "/" | "--"
            )
        })
}

/// Whether a word before a colon was surely meant to be a transport: names of images have colons
/// too, and `dotnet:latest` is none too far from `docker:`.
fn is_misspelt(transport: &str) -> bool {
    TRANSPORTS.iter().any(|known| {
        let bound = if known.contains('-') { 2 } else { 1 };
        strsim::damerau_levenshtein(transport, known) <= bound
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The text names no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLocation {
    /// There is no transport before the place.
    #[error(
        "`{0}` names no transport; write `TRANSPORT:PLACE`, such as `oci-archive:{0}`, with one of {transports}",
        transports = all_transports()
    )]
    NoTransport(String),
    /// The transport is not known.
    #[error(
        "unknown transport `{transport}`{nearest}{}",
        if .nearest.is_empty() { format!("; there are {}", all_transports()) } else { String::new() }
    )]
    UnknownTransport {
        /// What was written.
        transport: String,
        /// The nearest that exist, as a phrase; may be empty.
        nearest: String,
    },
    /// There is nothing after the transport.
    #[error("`{0}:` needs a path")]
    NoPath(&'static str),
    /// The tag is not one.
    #[error(
        "`{0}` cannot be a tag in an OCI layout: letters and digits, with single `-`, `.`, `_`, `:`, `@`, `+` or `/` between them"
    )]
    Tag(String),
    /// The name of the image is not one.
    #[error(transparent)]
    Reference(InvalidReference),
    /// A registry without its slashes.
    #[error("an image in a registry is written `docker://{0}`, with two slashes")]
    Slashes(String),
    /// A path of Windows.
    #[error("`{0}` looks like a path of Windows, which cannot be used here")]
    Windows(String),
    /// The path exists, but has no image.
    #[error(
        "`{}` is neither an archive of an image nor an OCI image layout",
        .0.display()
    )]
    NotAnImage(PathBuf),
    /// The path exists, but cannot be looked into.
    #[error("failed to read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl InvalidLocation {
    fn unknown(transport: &str) -> Self {
        let transport = shortened(transport);
        Self::UnknownTransport {
            nearest: nearest(&transport, TRANSPORTS).to_string(),
            transport,
        }
    }
}

fn all_transports() -> String {
    TRANSPORTS.map(|name| format!("`{name}:`")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        text.parse::<Location>().unwrap_err().to_string()
    }

    #[test]
    fn every_transport_parses_and_displays() {
        for text in [
            "oci:dir",
            "oci:./a/b:debug",
            "oci:dir:docker.io/library/x:1.0",
            "oci-archive:/tmp/x.tar",
            "oci-archive:x.tar:latest",
            "docker-archive:x.tar",
            "docker-archive:x.tar:gcr.io/distroless/python3:debug",
            "docker-daemon:python3:latest",
            "docker-daemon:localhost:5000/x/y:tag",
            "docker://gcr.io/distroless/python3:debug",
            "docker://python3",
            "rootfs:/mnt/a:b",
        ] {
            let location: Location = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(location.to_string(), text);
        }
        let daemon: Location = "docker-daemon:python3".parse().unwrap();
        assert_eq!(daemon.to_string(), "docker-daemon:python3:latest");
    }

    #[test]
    fn what_is_wrong_is_said() {
        insta::assert_snapshot!(error("python3.tar"), @"`python3.tar` names no transport; write `TRANSPORT:PLACE`, such as `oci-archive:python3.tar`, with one of `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`, `docker:`, `rootfs:`");
        insta::assert_snapshot!(error("docker-archiv:x.tar"), @"unknown transport `docker-archiv`; did you mean `docker-archive`?");
        insta::assert_snapshot!(error("containers-storage:x"), @"unknown transport `containers-storage`; there are `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`, `docker:`, `rootfs:`");
        insta::assert_snapshot!(error("oci:"), @"`oci:` needs a path");
        insta::assert_snapshot!(error("oci-archive::tag"), @"`oci-archive:` needs a path");
        insta::assert_snapshot!(error("rootfs:"), @"`rootfs:` needs a path");
        insta::assert_snapshot!(error("oci:dir:"), @"`` cannot be a tag in an OCI layout: letters and digits, with single `-`, `.`, `_`, `:`, `@`, `+` or `/` between them");
        insta::assert_snapshot!(error("oci:dir:-x"), @"`-x` cannot be a tag in an OCI layout: letters and digits, with single `-`, `.`, `_`, `:`, `@`, `+` or `/` between them");
        insta::assert_snapshot!(error("docker:python3"), @"an image in a registry is written `docker://python3`, with two slashes");
        insta::assert_snapshot!(error("docker-daemon:"), @"`` is not the name of an image: the name is empty");
        insta::assert_snapshot!(error("docker-archive:x.tar:"), @"`` is not the name of an image: the name is empty");
        insta::assert_snapshot!(error(r"C:\images\x.tar"), @r"`C:\images\x.tar` looks like a path of Windows, which cannot be used here");
        insta::assert_snapshot!(error(r"oci-archive:C:\images\x.tar"), @r"`C:\images\x.tar` looks like a path of Windows, which cannot be used here");
    }

    #[test]
    fn a_bare_word_is_an_existing_path_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(Location::find("no-such-file-anywhere").unwrap(), None);
        for name in ["python3:debug", "dotnet:debug", "cc:debug", "python3"] {
            assert_eq!(Location::find(name).unwrap(), None);
        }
        assert_eq!(Location::find(&"x".repeat(10_000)).unwrap(), None);
        assert!(Location::find("docker-archiv:x.tar").is_err());
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "text").unwrap();
        for name in ["", "plain"] {
            let error = Location::find(&path(name)).unwrap_err();
            assert!(matches!(error, InvalidLocation::NotAnImage(_)), "{error}");
        }
        assert_eq!(Location::find(&path("plain/x")).unwrap(), None);
        std::fs::create_dir(folder.path().join("a:b")).unwrap();
        std::fs::write(folder.path().join("a:b/oci-layout"), "{}").unwrap();
        assert_eq!(
            Location::find(&path("a:b")).unwrap(),
            Some(Location::Oci {
                path: path("a:b").into(),
                tag: None
            })
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_displays_to_the_same(
            transport in prop::sample::select(&TRANSPORTS[..]),
            place in "(//)?[a-z./]{1,12}(:[a-zA-Z0-9._/-]{1,8}){0,2}",
        ) {
            if let Ok(location) = format!("{transport}:{place}").parse::<Location>() {
                prop_assert_eq!(location.to_string().parse::<Location>().unwrap(), location);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<Location>();
        }
    }
}
