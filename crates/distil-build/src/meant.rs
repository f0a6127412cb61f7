//! Names of images as others have them: `java21-debian13`, `gcr.io/distroless/python3-debian12:debug`,
//! `node20`. distil does not take them for its own, but knows what is meant.

use std::fmt;

use distil_debian::suite::Suite;
use distil_definition::recipe::Variant;
use distil_definition::{Architecture, Catalogue, Support, is_file_name};

/// The image of the catalogue that a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    name: &'static str,
    variant: Variant,
    suite: Option<Suite>,
    platform: Option<Architecture>,
}

impl Meant {
    /// What a word means that is no name of the catalogue's; none if it is one, or is not known.
    pub fn by(word: &str) -> Option<Self> {
        let file = word.rsplit_once(':').map_or(word, |(name, _)| name);
        if is_file_name(word) || is_file_name(file) || word.len() > 200 {
            return None;
        }
        // What is behind the last slash, in Google's repository and in copies of it.
        let (repository, rest) = word.rsplit_once('/').unwrap_or(("", word));
        if !repository.is_empty() && !repository.ends_with("distroless") {
            return None;
        }
        let rest = rest.split_once('@').map_or(rest, |(name, _)| name);
        let (name, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
        let (tag, platform) = without_platform(tag);
        let variant = Variant::named(tag).ok()?;
        let (name, mut suite) = without_suite(name);
        let (found, runtime) = image(name)?;
        suite = suite.or(runtime);
        let is_changed = !repository.is_empty() || rest.len() < word.len() || found != name;
        (is_changed || suite.is_some() || platform.is_some()).then_some(Self {
            name: found,
            variant,
            suite,
            platform,
        })
    }
}

impl fmt::Display for Meant {
    /// As it is written behind `distil build`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.variant != Variant::Latest {
            write!(f, ":{}", self.variant.name())?;
        }
        if let Some(suite) = self.suite.filter(|suite| *suite != Suite::stable()) {
            write!(f, " --suite {}", suite.codename)?;
        }
        match self.platform {
            Some(platform) => write!(f, " --platform {}", platform.platform()),
            None => Ok(()),
        }
    }
}

/// A tag without the architecture behind it, as Google's tags have one: `debug-arm64`.
fn without_platform(tag: &str) -> (&str, Option<Architecture>) {
    for one in Architecture::all() {
        for name in [one.platform().architecture(), one.debian()] {
            if let Some(tag) = tag.strip_suffix(name).and_then(|tag| tag.strip_suffix('-')) {
                return (tag, Some(one));
            }
        }
    }
    (tag, None)
}

/// A name without the release behind it: `java21-debian13`, `base-bookworm`.
fn without_suite(name: &str) -> (&str, Option<Suite>) {
    let Some((before, suite)) = name.rsplit_once('-') else {
        return (name, None);
    };
    match Suite::numbered(suite).or_else(|| Suite::named(suite).ok()) {
        Some(suite) => (before, Some(suite)),
        None => (name, None),
    }
}

/// The image with this name, or with one that others give it, and the suite that has the version of
/// the runtime in it.
fn image(name: &str) -> Option<(&'static str, Option<Suite>)> {
    let known = |name: &str| Catalogue.names().find(|known| *known == name);
    if let Some(known) = known(name) {
        return Some((known, None));
    }
    let end = name
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(name.len());
    let (language, version) = name.split_at(end);
    let found = match language.trim_end_matches('-') {
        "node" | "nodejs" => known("nodejs"),
        "python" => known("python3"),
        _ => None,
    }?;
    if version.is_empty() || found.ends_with(version) {
        return Some((found, None));
    }
    let support = Support::known().images.get(found)?;
    let has = |suite: &Suite| {
        let of = support.of(suite.codename);
        of.is_some_and(|(runtime, _)| {
            runtime == version || runtime.split('.').next() == Some(version)
        })
    };
    // A version that no suite has is meant by nothing here.
    Suite::all().find(has).map(|suite| (found, Some(suite)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_others_are_known() {
        let words = [
            "java21-debian13",
            "java21-debian12:nonroot",
            "gcr.io/distroless/python3-debian12:debug",
            "gcr.io/distroless/static-debian12:debug-nonroot-arm64",
            "gcr.io/distroless/base-nossl-debian12",
            "gcr.io/distroless/cc",
            "gcr.io/distroless/static@sha256:00",
            "gcr.io/distroless/nodejs20-debian12",
            "mirror.example/distroless/nodejs22-debian12:latest",
            "base-bookworm",
            "base:latest-arm64",
            "node20",
            "python3.11",
            "python",
            // Names of the catalogue, and what nobody knows.
            "python3",
            "python3:debug",
            "base-nossl",
            "gcr.io/other/base",
            "base:gone",
            "node17",
            "base.yaml",
            "base-debian12.yaml",
        ];
        let meant = words.map(|word| match Meant::by(word) {
            Some(meant) => format!("{word}: {meant}"),
            None => format!("{word}: -"),
        });
        insta::assert_snapshot!(meant.join("\n"), @"
        java21-debian13: java21
        java21-debian12:nonroot: java21:nonroot --suite bookworm
        gcr.io/distroless/python3-debian12:debug: python3:debug --suite bookworm
        gcr.io/distroless/static-debian12:debug-nonroot-arm64: static:debug-nonroot --suite bookworm --platform linux/arm64
        gcr.io/distroless/base-nossl-debian12: base-nossl --suite bookworm
        gcr.io/distroless/cc: cc
        gcr.io/distroless/static@sha256:00: static
        gcr.io/distroless/nodejs20-debian12: nodejs --suite bookworm
        mirror.example/distroless/nodejs22-debian12:latest: -
        base-bookworm: base --suite bookworm
        base:latest-arm64: base --platform linux/arm64
        node20: nodejs
        python3.11: python3 --suite bookworm
        python: python3
        python3: -
        python3:debug: -
        base-nossl: -
        gcr.io/other/base: -
        base:gone: -
        node17: -
        base.yaml: -
        base-debian12.yaml: -
        ");
    }

    proptest! {
        #[test]
        fn any_word_means_something_or_nothing(word in "[a-z0-9./:@-]{0,40}|\\PC{0,20}") {
            let _ = Meant::by(&word);
        }
    }
}
