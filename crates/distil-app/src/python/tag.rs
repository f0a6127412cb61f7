//! Which wheels fit a Python: names of wheels, and the tags that a Python accepts, the best first
//! (PEP 425, 427 and 600; PEP 656's `musllinux` never fits, since Debian has glibc).

use std::cmp::Reverse;
use std::str::FromStr;

use pep440_rs::Version;

use super::environment::Environment;
use super::name::Name;

/// The most tags of one file: a compressed tag set of a few dozen is the largest in the field.
const MAX_TAGS: usize = 4096;

/// What a wheel's file name says (PEP 427, "File name convention"):
/// `numpy-2.3.1-cp313-cp313-manylinux_2_28_x86_64.whl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The distribution.
    pub name: Name,
    /// Its version, as it is written.
    pub version: String,
    /// The number of the build, which decides between wheels that are alike.
    build: Option<(u64, String)>,
    pythons: Vec<String>,
    abis: Vec<String>,
    platforms: Vec<String>,
}

/// Why a file name is not one of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the name of a wheel (NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl)", .0.escape_debug())]
pub struct WheelNameError(String);

/// How well a wheel fits: the lesser is the better.
pub type Fit = (usize, Reverse<Option<(u64, String)>>);

impl WheelName {
    /// Reads a file name.
    ///
    /// # Errors
    /// If it is not one of a wheel.
    pub fn parse(file: &str) -> Result<Self, WheelNameError> {
        let wrong = || WheelNameError(file.chars().take(200).collect());
        let stem = file.strip_suffix(".whl").ok_or_else(wrong)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, a, b, c] => (name, version, None, [a, b, c]),
            [name, version, build, a, b, c] => {
                let digits = build
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(build.len());
                let (number, rest) = build.split_at(digits);
                let number = number.parse().map_err(|_| wrong())?;
                (name, version, Some((number, rest.to_owned())), [a, b, c])
            }
            _ => return Err(wrong()),
        };
        let is_tag = |one: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !one.is_empty() && one.chars().all(is_part)
        };
        let [pythons, abis, platforms] = tags
            .map(|tag| -> Vec<String> { tag.split('.').map(str::to_ascii_lowercase).collect() });
        let mut all = pythons.iter().chain(&abis).chain(&platforms);
        let count = pythons
            .len()
            .saturating_mul(abis.len())
            .saturating_mul(platforms.len());
        let is_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '!');
        if !all.all(|one| is_tag(one))
            || count > MAX_TAGS
            || version.is_empty()
            || !version.chars().all(is_version)
        {
            return Err(wrong());
        }
        Ok(Self {
            name: Name::parse(name).map_err(|_| wrong())?,
            version: (*version).to_owned(),
            build,
            pythons,
            abis,
            platforms,
        })
    }

    /// Whether it is of a version, however that is spelled: `1.0` and `1.0.0` are one (PEP 440).
    pub fn is_version(&self, version: &str) -> bool {
        // In file names `-` of a version is written as `_`.
        let own = self.version.replace('_', "-");
        match (Version::from_str(&own), Version::from_str(version)) {
            (Ok(one), Ok(other)) => one == other,
            _ => own == version.replace('_', "-"),
        }
    }

    /// The tags as the name has them: `cp313-cp313-manylinux_2_28_x86_64`.
    pub fn tags(&self) -> String {
        let parts = [&self.pythons, &self.abis, &self.platforms];
        parts.map(|part| part.join(".")).join("-")
    }

    /// How well it fits; none if it does not.
    pub fn fit(&self, tags: &Tags) -> Option<Fit> {
        let of = |tag: &(String, String, String)| {
            self.pythons.contains(&tag.0)
                && self.abis.contains(&tag.1)
                && self.platforms.contains(&tag.2)
        };
        let rank = tags.0.iter().position(of)?;
        Some((rank, Reverse(self.build.clone())))
    }

    /// Why it does not fit, in words, and how far off it is: another Python is less than another C
    /// library, and that less than another machine.
    pub fn misfit(&self, environment: &Environment) -> (u8, String) {
        let tags = Tags::of(environment);
        let mut known = tags.0.iter().map(|(_, _, platform)| platform);
        if !known.any(|one| self.platforms.contains(one)) {
            let machine = environment.machine.name();
            let needs = self
                .platforms
                .iter()
                .filter_map(|one| glibc_of(one, machine));
            if let Some((major, minor)) = needs.min() {
                let (own_major, own_minor) = environment.glibc;
                let text =
                    format!("needs glibc {major}.{minor}, the image has {own_major}.{own_minor}");
                return (1, text);
            }
            return (2, format!("is for {}", self.platforms.join(", ")));
        }
        (
            0,
            format!("is for {}-{}", self.pythons.join("."), self.abis.join(".")),
        )
    }
}

/// The version of glibc that a platform tag of this machine asks for.
fn glibc_of(tag: &str, machine: &str) -> Option<(u32, u32)> {
    let rest = tag.strip_suffix(machine)?.strip_suffix('_')?;
    match rest {
        "manylinux1" => return Some((2, 5)),
        "manylinux2010" => return Some((2, 12)),
        "manylinux2014" => return Some((2, 17)),
        _ => {}
    }
    let (major, minor) = rest.strip_prefix("manylinux_")?.split_once('_')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The tags that a Python accepts, the best first, as `packaging.tags.sys_tags` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(Vec<(String, String, String)>);

impl Tags {
    /// Those of a Python.
    pub fn of(environment: &Environment) -> Self {
        let minor = environment.minor;
        let platforms = platforms(environment);
        let mut tags = Vec::new();
        let interpreter = format!("cp3{minor}");
        let mut push = |python: &str, abi: &str, platforms: &[String]| {
            let of = |platform: &String| (python.to_owned(), abi.to_owned(), platform.clone());
            tags.extend(platforms.iter().map(of));
        };
        push(&interpreter, &interpreter, &platforms);
        push(&interpreter, "abi3", &platforms);
        push(&interpreter, "none", &platforms);
        for older in (2..minor).rev() {
            push(&format!("cp3{older}"), "abi3", &platforms);
        }
        let mut pythons = vec![format!("py3{minor}"), "py3".to_owned()];
        pythons.extend((0..minor).rev().map(|older| format!("py3{older}")));
        for python in &pythons {
            push(python, "none", &platforms);
        }
        let any = ["any".to_owned()];
        push(&interpreter, "none", &any);
        for python in &pythons {
            push(python, "none", &any);
        }
        Self(tags)
    }

    /// As text, `cp313-cp313-linux_x86_64`, in their order.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        let tags = self.0.iter();
        tags.map(|(python, abi, platform)| format!("{python}-{abi}-{platform}"))
    }
}

fn platforms(environment: &Environment) -> Vec<String> {
    let machine = environment.machine;
    let name = machine.name();
    let mut platforms = Vec::new();
    let (major, newest) = environment.glibc;
    // There is no glibc 3; what its tags would be, nobody knows.
    let newest = if major == 2 { newest } else { 0 };
    for minor in (machine.first_glibc()..=newest).rev() {
        platforms.push(format!("manylinux_2_{minor}_{name}"));
        let old = match minor {
            17 => "manylinux2014",
            12 => "manylinux2010",
            5 => "manylinux1",
            _ => continue,
        };
        platforms.push(format!("{old}_{name}"));
    }
    platforms.push(format!("linux_{name}"));
    platforms
}

#[cfg(test)]
mod tests {
    use super::super::environment::example;
    use super::*;

    fn rank(file: &str) -> Option<usize> {
        let name = WheelName::parse(file).unwrap();
        name.fit(&Tags::of(&example())).map(|(rank, _)| rank)
    }

    #[test]
    fn better_wheels_come_first() {
        let order = [
            "x-1-cp313-cp313-manylinux_2_41_x86_64.whl",
            "x-1-cp313-cp313-manylinux_2_28_x86_64.whl",
            "x-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "x-1-cp313-cp313-manylinux2014_x86_64.whl",
            "x-1-cp313-cp313-linux_x86_64.whl",
            "x-1-cp313-abi3-manylinux_2_28_x86_64.whl",
            "x-1-cp39-abi3-manylinux_2_28_x86_64.whl",
            "x-1-py3-none-manylinux1_x86_64.whl",
            "x-1-cp313-none-any.whl",
            "x-1-py3-none-any.whl",
            "x-1-py2.py3-none-any.whl",
        ];
        let ranks: Vec<usize> = order.iter().map(|file| rank(file).unwrap()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
    }

    #[test]
    fn what_does_not_fit_says_why() {
        let said = [
            "x-1-cp312-cp312-manylinux_2_28_x86_64.whl",
            "x-1-cp313-cp313t-manylinux_2_28_x86_64.whl",
            "x-1-cp313-cp313-manylinux_2_42_x86_64.whl",
            "x-1-cp313-cp313-manylinux_2_28_aarch64.whl",
            "x-1-cp313-cp313-musllinux_1_2_x86_64.whl",
            "x-1-cp313-cp313-win_amd64.whl",
            "x-1-py2-none-any.whl",
            "x-1-cp314-abi3-manylinux_2_28_x86_64.whl",
        ]
        .map(|file| {
            assert_eq!(rank(file), None, "{file}");
            format!(
                "{file} {}",
                WheelName::parse(file).unwrap().misfit(&example()).1
            )
        });
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn the_later_build_wins() {
        let tags = Tags::of(&example());
        let fit = |file| WheelName::parse(file).unwrap().fit(&tags).unwrap();
        assert!(fit("x-1-10-py3-none-any.whl") < fit("x-1-9-py3-none-any.whl"));
        assert!(fit("x-1-1-py3-none-any.whl") < fit("x-1-py3-none-any.whl"));
    }

    #[test]
    fn other_names_are_refused() {
        let many = vec!["cp3"; 100].join(".");
        let bomb = format!("x-1-{many}-{many}-{many}.whl");
        for file in [
            "x-1.tar.gz",
            "x-1.whl",
            "x-1-py3-none-any",
            "x-1-b-py3-none-any.whl",
            "../x-1-py3-none-any.whl",
            "x-1-py3-none-.whl",
            "x-1/2-py3-none-any.whl",
            "x--py3-none-any.whl",
            &bomb,
        ] {
            assert!(WheelName::parse(file).is_err(), "{file}");
        }
    }
}
