//! Names of images with variables in them: `python3:${version:python3}-${date}`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use distil_debian::version::Version;
use distil_definition::recipe::{UnknownVariable, expand};
use distil_inspect::{InspectError, Inspection, Options, PackagesError, release};
use distil_oci::reference::InvalidReference;
use distil_oci::{Image, Reference};

use crate::settings::threads;

/// A name of an image, `NAME[:TAG]`, with variables that are known once there is the image.
///
/// | variable | value |
/// |---|---|
/// | `${version:PACKAGE}` | the upstream release of a package of the image, `3.13.5`; of PACKAGE`-minimal` where it has that alone |
/// | `${version:PACKAGE:minor}` | its first two numbers, `3.13` |
/// | `${version:PACKAGE:major}` | its first number, `3` |
/// | `${suite}` | the release of Debian, `trixie` |
/// | `${date}` | the day, in UTC, of `SOURCE_DATE_EPOCH` or else today: `20261128` |
///
/// Debian's whole version of a package is none of them: `+`, `~` and `:` cannot be in a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

/// A string is not a name, or no pattern of one.
#[derive(Debug, thiserror::Error)]
pub enum InvalidName {
    /// A variable is not known.
    #[error(
        "{0}; there are `version:PACKAGE`, `version:PACKAGE:minor`, `version:PACKAGE:major`, `suite` \
         and `date`"
    )]
    Variable(UnknownVariable),
    /// It is not a name, whatever the variables are.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
}

/// The name of an image cannot be made of its pattern.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// A package is not in the image.
    #[error(
        "the name `{pattern}` is about the version of `{package}`, which is not a package of the image"
    )]
    Package {
        /// The pattern.
        pattern: String,
        /// The package.
        package: String,
    },
    /// The image does not say which release of Debian it is of.
    #[error("the name `{pattern}` is about the suite, which the image does not tell")]
    Suite {
        /// The pattern.
        pattern: String,
    },
    /// With the values it is not a name.
    #[error("the name `{pattern}` becomes none")]
    Reference {
        /// The pattern.
        pattern: String,
        /// Why.
        source: InvalidReference,
    },
    /// The image cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The packages of the image cannot be read.
    #[error(transparent)]
    Packages(#[from] PackagesError),
}

impl NamePattern {
    /// Whether the name depends on the image.
    fn is_of_image(&self) -> bool {
        self.0.contains("${version:") || self.0.contains("${suite}")
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Reference> for NamePattern {
    fn from(name: &Reference) -> Self {
        Self(name.full())
    }
}

impl FromStr for NamePattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        // Any value does to see whether the rest is a name.
        let value = |name: &str| Variable::parse(name).map(|_| "0".to_owned());
        let example = expand(text, &value).map_err(InvalidName::Variable)?;
        example.parse::<Reference>()?;
        Ok(Self(text.to_owned()))
    }
}

/// A variable of a name.
#[derive(Debug, PartialEq)]
enum Variable<'a> {
    /// The first numbers of a package's release, or all of them.
    Version(&'a str, Option<usize>),
    Suite,
    Date,
}

impl<'a> Variable<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        match name.split_once(':') {
            Some(("version", package)) => match package.split_once(':') {
                None if !package.is_empty() => Some(Self::Version(package, None)),
                Some((package, "major")) => Some(Self::Version(package, Some(1))),
                Some((package, "minor")) => Some(Self::Version(package, Some(2))),
                _ => None,
            },
            None if name == "suite" => Some(Self::Suite),
            None if name == "date" => Some(Self::Date),
            _ => None,
        }
    }
}

/// What names can be about.
struct Facts {
    /// Versions by packages.
    versions: BTreeMap<String, String>,
    suite: Option<String>,
    date: String,
}

impl Facts {
    fn of(image: &Image, now: SystemTime) -> Result<Self, NameError> {
        let options = Options {
            threads: threads(),
            ..Options::default()
        };
        let inspection = Inspection::of_image(image, options)?;
        let packages = inspection.packages()?.into_iter();
        Ok(Self {
            versions: packages.map(|one| (one.name, one.version)).collect(),
            suite: release(&inspection.filesystem.tree),
            date: date(now),
        })
    }

    fn value(&self, variable: &Variable<'_>) -> Option<String> {
        match variable {
            Variable::Suite => self.suite.clone(),
            Variable::Date => Some(self.date.clone()),
            Variable::Version(package, numbers) => {
                // Debian's runtimes come in a smaller package, too, which minimal images have.
                let version = self.versions.get(*package);
                let version = version.or_else(|| self.versions.get(&format!("{package}-minimal")));
                let version: Version = version?.parse().ok()?;
                // As `${release:PACKAGE}` of a definition.
                let release = version.upstream().split(['+', '~', '-']).next()?;
                let numbers = numbers.unwrap_or(usize::MAX);
                let parts: Vec<&str> = release.split('.').take(numbers).collect();
                Some(parts.join("."))
            }
        }
    }

    fn name(&self, pattern: &NamePattern) -> Result<Reference, NameError> {
        let value = |name: &str| self.value(&Variable::parse(name)?);
        let pattern = || pattern.0.clone();
        let text =
            expand(&pattern(), &value).map_err(|error| match Variable::parse(&error.name) {
                Some(Variable::Version(package, _)) => NameError::Package {
                    pattern: pattern(),
                    package: package.to_owned(),
                },
                _ => NameError::Suite { pattern: pattern() },
            })?;
        text.parse().map_err(|source| NameError::Reference {
            pattern: pattern(),
            source,
        })
    }
}

/// The names that patterns mean for an image, which is read if one asks for something that only its
/// files tell.
pub(crate) fn names<E: From<NameError>>(
    patterns: &[NamePattern],
    now: SystemTime,
    image: impl FnOnce() -> Result<Image, E>,
) -> Result<Vec<Reference>, E> {
    let facts = match patterns.iter().any(NamePattern::is_of_image) {
        true => Facts::of(&image()?, now)?,
        false => Facts {
            versions: BTreeMap::new(),
            suite: None,
            date: date(now),
        },
    };
    let names = patterns.iter().map(|pattern| facts.name(pattern));
    Ok(names.collect::<Result<_, _>>()?)
}

/// A day as tags have it.
fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.chars()
        .take_while(|c| *c != 'T')
        .filter(|c| *c != '-')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn facts() -> Facts {
        let versions = [
            ("python3-minimal", "3.13.5-1"),
            ("openjdk-21-jre-headless", "21.0.11+10-1~deb13u2"),
            ("libc6", "2.41-12+deb13u5"),
            ("odd", "1:5"),
        ];
        Facts {
            versions: versions
                .map(|(name, version)| (name.to_owned(), version.to_owned()))
                .into(),
            suite: Some("trixie".to_owned()),
            date: date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_878_000)),
        }
    }

    fn name(pattern: &str) -> Result<String, String> {
        let pattern: NamePattern = pattern.parse().map_err(|e: InvalidName| e.to_string())?;
        let name = facts().name(&pattern).map_err(|error| error.to_string())?;
        Ok(name.familiar())
    }

    #[test]
    fn variables_are_filled_in() {
        let of = |tag: &str| name(&format!("r.example/p:{tag}")).unwrap();
        assert_eq!(of("${version:python3}"), "r.example/p:3.13.5");
        assert_eq!(of("${version:python3:minor}"), "r.example/p:3.13");
        assert_eq!(
            of("${version:openjdk-21-jre-headless:major}-${suite}"),
            "r.example/p:21-trixie"
        );
        assert_eq!(
            of("${version:openjdk-21-jre-headless}"),
            "r.example/p:21.0.11"
        );
        assert_eq!(of("${version:odd:minor}"), "r.example/p:5");
        assert_eq!(
            of("${version:python3}-${date}"),
            "r.example/p:3.13.5-20261128"
        );
        assert_eq!(name("python3"), Ok("python3:latest".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said_at_once_or_when_it_is_known() {
        insta::assert_snapshot!(name("p:${versoin:python3}").unwrap_err(), @"`p:${versoin:python3}` uses `${versoin:python3}`, and there is no such variable; there are `version:PACKAGE`, `version:PACKAGE:minor`, `version:PACKAGE:major`, `suite` and `date`");
        insta::assert_snapshot!(name("p:${version:python3:patch}").unwrap_err(), @"`p:${version:python3:patch}` uses `${version:python3:patch}`, and there is no such variable; there are `version:PACKAGE`, `version:PACKAGE:minor`, `version:PACKAGE:major`, `suite` and `date`");
        insta::assert_snapshot!(name("p:${version:}").unwrap_err(), @"`p:${version:}` uses `${version:}`, and there is no such variable; there are `version:PACKAGE`, `version:PACKAGE:minor`, `version:PACKAGE:major`, `suite` and `date`");
        insta::assert_snapshot!(name("p:-${suite}").unwrap_err(), @"`p:-0` is not the name of an image: the tag `-0` has to be 1 to 128 letters, digits, `_`, `.` and `-`, and begin with none of the last two");
        insta::assert_snapshot!(name("p:${version:perl}").unwrap_err(), @"the name `p:${version:perl}` is about the version of `perl`, which is not a package of the image");
        let nothing = Facts {
            suite: None,
            ..facts()
        };
        let pattern = "p:${suite}".parse().unwrap();
        insta::assert_snapshot!(nothing.name(&pattern).unwrap_err(), @"the name `p:${suite}` is about the suite, which the image does not tell");
    }
}
