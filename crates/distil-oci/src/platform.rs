//! Platforms: operating system, architecture and variant, as Go and OCI name them.
//!
//! The names are those of OCI's image index ("Image Index Property Descriptions", `platform`);
//! other spellings that people use are normalised as containerd's `platforms` package does.

use std::fmt;
use std::str::FromStr;

use crate::nearest::{Nearest, nearest};
use crate::spec;

/// A platform that an image runs on, such as `linux/amd64` or `linux/arm/v7`.
///
/// Displays as `os/architecture[/variant]`. Parsing accepts only the platforms that an image can
/// be built for ([`Platform::known`]); one that was read from an image may be any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// The platforms that images can be built for, without `linux/`, in the order that they are shown.
const KNOWN: [&str; 7] = [
    "amd64", "arm64", "arm/v7", "riscv64", "s390x", "ppc64le", "386",
];

impl Platform {
    /// The platform of these names, normalised; nothing is refused.
    ///
    /// `arm` without a variant is version 7, and the variants `v8` of arm64 and `v1` of amd64 are
    /// what these names mean without one.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty());
        let (architecture, implied) = match architecture {
            "x86_64" | "x86-64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "armhf" | "armv7" | "armv7l" | "arm" => ("arm", Some("v7")),
            "i386" | "i486" | "i586" | "i686" | "x86" => ("386", None),
            "ppc64el" | "powerpc64le" => ("ppc64le", None),
            "riscv64gc" => ("riscv64", None),
            other => (other, None),
        };
        let variant = match (architecture, variant) {
            ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) => None,
            ("arm", Some("7")) => Some("v7"),
            ("arm", Some("6")) => Some("v6"),
            ("arm", Some("5")) => Some("v5"),
            (_, Some(given)) => Some(given),
            (_, None) => implied,
        };
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// Linux on `architecture`.
    pub fn linux(architecture: &str, variant: Option<&str>) -> Self {
        Self::new("linux", architecture, variant)
    }

    /// What this machine runs. Always Linux: elsewhere containers run in a Linux machine of the
    /// same architecture.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            other => other,
        };
        Self::linux(architecture, None)
    }

    /// Every platform that an image can be built for.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|name| match name.split_once('/') {
            Some((architecture, variant)) => Self::linux(architecture, Some(variant)),
            None => Self::linux(name, None),
        })
    }

    /// The operating system, `linux`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture as Go names it, such as `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The variant of the architecture, such as `v7` of `arm`.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// The same in the types of the specification, as descriptors in an index carry it.
    pub fn to_spec(&self) -> spec::Platform {
        let mut platform = spec::Platform::default();
        platform.set_os(self.os.as_str().into());
        platform.set_architecture(self.architecture.as_str().into());
        platform.set_variant(self.variant.clone());
        platform
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl From<&spec::Platform> for Platform {
    fn from(platform: &spec::Platform) -> Self {
        Self::new(
            &platform.os().to_string(),
            &platform.architecture().to_string(),
            platform.variant().as_deref(),
        )
    }
}

impl From<&spec::ImageConfiguration> for Platform {
    fn from(config: &spec::ImageConfiguration) -> Self {
        Self::new(
            &config.os().to_string(),
            &config.architecture().to_string(),
            config.variant().as_deref(),
        )
    }
}

impl FromStr for Platform {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, UnknownPlatform> {
        let lower = text.trim().to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let platform = match parts[..] {
            ["linux", architecture] => Self::linux(architecture, None),
            ["linux", architecture, variant] if !variant.is_empty() => {
                Self::linux(architecture, Some(variant))
            }
            [architecture, variant] if !variant.is_empty() => {
                Self::linux(architecture, Some(variant))
            }
            [architecture] => Self::linux(architecture, None),
            _ => return Err(UnknownPlatform::new(text)),
        };
        if Self::known().any(|known| known == platform) {
            Ok(platform)
        } else {
            Err(UnknownPlatform::new(text))
        }
    }
}

/// The text names no platform that an image can be built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown platform `{text}`{nearest}")]
pub struct UnknownPlatform {
    text: String,
    nearest: Nearest,
}

impl UnknownPlatform {
    fn new(text: &str) -> Self {
        let text: String = text.chars().take(80).collect();
        let (prefix, architecture) = match text.strip_prefix("linux/") {
            Some(rest) => ("linux/", rest),
            None => ("", text.as_str()),
        };
        let spelled = KNOWN.map(|name| format!("{prefix}{name}"));
        let near = nearest(
            &format!("{prefix}{architecture}"),
            spelled.iter().map(String::as_str),
        );
        Self {
            text,
            nearest: near,
        }
    }

    /// The known names nearest to the text, best first; may be none.
    pub fn nearest(&self) -> &[String] {
        self.nearest.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match text.parse::<Platform>() {
            Ok(platform) => platform.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_usual_spelling_is_one_platform() {
        for (text, platform) in [
            ("linux/amd64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("x86_64", "linux/amd64"),
            ("Linux/AMD64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("arm64/v8", "linux/arm64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("arm/v7", "linux/arm/v7"),
            ("arm", "linux/arm/v7"),
            ("armhf", "linux/arm/v7"),
            ("i386", "linux/386"),
            ("ppc64el", "linux/ppc64le"),
            ("riscv64", "linux/riscv64"),
            ("s390x", "linux/s390x"),
        ] {
            assert_eq!(parsed(text), platform, "{text}");
        }
    }

    #[test]
    fn others_are_refused_and_the_nearest_offered() {
        insta::assert_snapshot!(parsed("linux/amd46"), @"unknown platform `linux/amd46`; did you mean `linux/amd64` or `linux/arm64`?");
        insta::assert_snapshot!(parsed("risc64"), @"unknown platform `risc64`; did you mean `riscv64`?");
        insta::assert_snapshot!(parsed("windows/amd64"), @"unknown platform `windows/amd64`");
        for text in [
            "",
            "/",
            "linux",
            "linux/",
            "linux/amd64/",
            "linux/arm/v6",
            "linux/arm64/v9",
            "linux/amd64/v1/x",
            "all",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn known_platforms_display_and_parse_back() {
        for platform in Platform::known() {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        assert_eq!(Platform::known().count(), 7);
    }

    #[test]
    fn a_platform_of_an_image_may_be_any() {
        let platform = Platform::new("windows", "amd64", None);
        assert_eq!(platform.to_string(), "windows/amd64");
        assert_eq!(Platform::from(&platform.to_spec()), platform);
    }
}
