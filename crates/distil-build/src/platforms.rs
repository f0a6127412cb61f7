//! Which platforms an image is made for, and that all of them are made from the same sources.

use std::collections::BTreeMap;

use distil_debian::suite::Suite;
use distil_definition::{Architecture, UnsupportedPlatform};
use distil_oci::Platform;
use distil_oci::platform::UnknownPlatform;

/// The platforms of a request are wrong, or do not agree.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// A platform is not spelled like one.
    #[error(transparent)]
    Invalid(#[from] UnknownPlatform),
    /// Debian has no such platform.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedPlatform),
    /// This machine is of a platform that Debian does not have.
    #[error(transparent)]
    Host(UnsupportedPlatform),
    /// One image is looked at, and several platforms are named.
    #[error("`all` names several platforms, but this command reads one image")]
    Several,
    /// A root file system is of one platform, and several are named.
    #[error("a root file system has one platform, but several are named")]
    SeveralRoots,
    /// Two platforms of an image are made from different sources.
    #[error(
        "the platforms of `{image}` do not agree on `{package}`: {first} has source \
         {first_source}, {second} has {second_source}"
    )]
    Disagree {
        /// The image as it was asked for.
        image: String,
        /// The package.
        package: String,
        /// A platform.
        first: Platform,
        /// The source of the package there, with its version.
        first_source: String,
        /// Another platform.
        second: Platform,
        /// The source of the package there, with its version.
        second_source: String,
    },
}

/// A platform that a suite has no packages for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// The platform.
    pub platform: Platform,
    /// Why.
    pub why: &'static str,
}

/// The architectures of platforms as they are written; this machine's if none is. `all` means
/// those that the suite has packages for.
///
/// # Errors
/// If a platform is not spelled like one, or Debian does not have it.
pub fn architectures(
    platforms: &[String],
    suite: Suite,
) -> Result<Vec<Architecture>, PlatformError> {
    if platforms.is_empty() {
        let host = Platform::host();
        return Ok(vec![Architecture::of(&host).map_err(PlatformError::Host)?]);
    }
    let mut found = Vec::new();
    for platform in platforms {
        if platform == "all" {
            return Ok(Architecture::of_suite(suite).collect());
        }
        let platform: Platform = platform.parse()?;
        let architecture = Architecture::of(&platform)?;
        if !found.contains(&architecture) {
            found.push(architecture);
        }
    }
    Ok(found)
}

/// The architecture of one platform; this machine's if none is named.
///
/// # Errors
/// As [`architectures`], and if `all` is named.
pub fn architecture(platform: Option<&str>, suite: Suite) -> Result<Architecture, PlatformError> {
    let platforms: Vec<String> = platform.map(str::to_owned).into_iter().collect();
    match *architectures(&platforms, suite)?.as_slice() {
        [one] => Ok(one),
        _ => Err(PlatformError::Several),
    }
}

/// The platforms that `all` leaves out in a suite; none if it is not asked for.
pub fn absent(platforms: &[String], suite: Suite) -> Vec<Absent> {
    if !platforms.iter().any(|platform| platform == "all") {
        return Vec::new();
    }
    let absent = Architecture::all().filter_map(|one| {
        let why = suite.lacks(one.debian())?;
        let platform = one.platform();
        Some(Absent { platform, why })
    });
    absent.collect()
}

/// Compares the source of each package, with its version, by the package's name. The platforms of
/// one image must be made from the same sources: their binary versions may differ by a rebuild,
/// but not by what was fixed.
pub(crate) fn agree(
    image: &str,
    platforms: &[(Architecture, BTreeMap<String, String>)],
) -> Result<(), PlatformError> {
    let Some(((first, sources), others)) = platforms.split_first() else {
        return Ok(());
    };
    for (package, source) in sources {
        for (other, theirs) in others {
            if let Some(their) = theirs.get(package).filter(|their| *their != source) {
                return Err(PlatformError::Disagree {
                    image: image.to_owned(),
                    package: package.clone(),
                    first: first.platform(),
                    first_source: source.clone(),
                    second: other.platform(),
                    second_source: their.clone(),
                });
            }
        }
    }
    Ok(())
}
