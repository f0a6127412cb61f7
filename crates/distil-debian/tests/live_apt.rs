//! On the real archive, the solver and apt choose the same packages, but where we want it to be
//! otherwise, and nothing in our set lacks anything.
//!
//! Needs apt and a network. The mirror is the one that this machine's apt uses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use distil_debian::index::{Condensed, PackageIndex, Pocket, Text, condense};
use distil_debian::package::BinaryPackage;
use distil_debian::relation::{Alternatives, Relation, Relations};
use distil_debian::solve::{Request, solve};
use distil_debian::version::Version;

/// What is asked for, and what apt takes besides that our solution does without.
const REQUESTS: &[(&str, &[&str])] = &[
    ("python3", &[]),
    ("openjdk-21-jre-headless", &[]),
    ("nginx", &[]),
    ("postgresql", &[]),
    ("nodejs", &[]),
    ("php", &[]),
    ("ruby", &[]),
    ("git", &[]),
    ("curl", &[]),
    ("imagemagick", &[]),
    ("nginx postgresql php", &[]),
    ("build-essential", &[]),
    ("apache2", &[]),
    ("mariadb-server", &[]),
    ("redis", &[]),
    ("systemd", &[]),
    ("ffmpeg", &[]),
    ("default-jre", &[]),
    ("texlive", &[]),
    ("emacs", &[]),
    ("kde-standard", &[]),
    ("libfop-java", &[]),
    // `gawk | mawk`, and of base-files `awk`, which both provide.
    ("backupninja", &[]),
    // Some of all kinds.
    ("acpi-support", &[]),
    ("adms", &[]),
    ("amanda-server", &[]),
    ("filter", &[]),
    ("flye", &[]),
    ("libconfig-model-tester-perl", &[]),
    ("libgphobos-13-dev-mips64el-cross", &[]),
    ("libwala-java", &[]),
    ("multimedia-supercollider", &[]),
    ("pd-deken", &[]),
    ("python3-cmor", &[]),
    ("r-cran-fmultivar", &[]),
];

/// The same of bookworm, for arm64.
const REQUESTS_OF_BOOKWORM: &[(&str, &[&str])] = &[
    ("python3", &[]),
    ("openjdk-17-jre-headless", &[]),
    ("nginx", &[]),
    ("postgresql", &[]),
    ("nodejs", &[]),
    ("git", &[]),
    ("php", &[]),
];

/// An apt that knows nothing of this machine but its mirror.
struct Apt {
    folder: tempfile::TempDir,
    architecture: &'static str,
}

impl Apt {
    fn new(suite: &str, architecture: &'static str) -> Self {
        let apt = Self {
            folder: tempfile::tempdir().unwrap(),
            architecture,
        };
        let root = apt.folder.path();
        for folder in ["etc/empty", "state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("status"), "").unwrap();
        let (archive, security) = mirrors();
        let sources = format!(
            "deb {archive} {suite} main\n\
             deb {archive} {suite}-updates main\n\
             deb {security} {suite}-security main\n"
        );
        fs::write(root.join("etc/sources.list"), sources).unwrap();
        let at = |path: &str| root.join(path).display().to_string();
        let settings = [
            ("Dir::Etc", at("etc")),
            ("Dir::Etc::sourcelist", at("etc/sources.list")),
            ("Dir::Etc::sourceparts", at("etc/empty")),
            ("Dir::Etc::parts", at("etc/empty")),
            ("Dir::Etc::preferencesparts", at("etc/empty")),
            // The keys alone are the machine's.
            (
                "Dir::Etc::trustedparts",
                "/etc/apt/trusted.gpg.d".to_owned(),
            ),
            ("Dir::State", at("state")),
            ("Dir::State::status", at("status")),
            ("Dir::Cache", at("cache")),
            ("APT::Architecture", architecture.to_owned()),
            ("APT::Architectures", architecture.to_owned()),
            ("APT::Install-Recommends", "false".to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::GzipIndexes", "false".to_owned()),
        ];
        let lines = settings.map(|(name, value)| format!("{name} \"{value}\";\n"));
        fs::write(root.join("apt.conf"), lines.concat()).unwrap();
        apt.run(&["update", "-q"]);
        apt
    }

    fn command(&self, arguments: &[&str]) -> std::process::Output {
        Command::new("apt-get")
            .env("APT_CONFIG", self.folder.path().join("apt.conf"))
            .env("LC_ALL", "C")
            .args(arguments)
            .output()
            .expect("apt-get is needed")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "apt-get {arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// The names and versions that apt would install.
    fn install(&self, packages: &[&str]) -> BTreeSet<(String, String)> {
        self.try_install(packages)
            .unwrap_or_else(|| panic!("apt does not install {packages:?}"))
    }

    /// The names and versions that apt would install; none if it would install nothing.
    fn try_install(&self, packages: &[&str]) -> Option<BTreeSet<(String, String)>> {
        let output = self.command(&[&["-s", "install"], packages].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then(|| installed(&said))
    }
    /// The indexes that apt has fetched.
    fn index(&self) -> PackageIndex {
        let lists = self.folder.path().join("state/lists");
        let mut index = PackageIndex::new(self.architecture);
        let mut files: Vec<_> = fs::read_dir(lists)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with("_Packages"))
            .collect();
        files.sort();
        assert_eq!(files.len(), 3, "{files:?}");
        for file in files {
            let text = fs::read(&file).unwrap();
            let threads = std::thread::available_parallelism().unwrap();
            let mut output = Vec::new();
            let table = condense(&text[..], self.architecture, threads, &mut output);
            let table = table.unwrap_or_else(|error| panic!("{error:?}"));
            let condensed = Condensed::new(table, Text::from(output)).unwrap();
            let pocket = Pocket {
                name: file.file_name().unwrap().to_string_lossy().into_owned(),
                priority: 500,
            };
            index.add_condensed(condensed, pocket).unwrap();
        }
        index
    }
}

/// The packages of the lines `Inst` of a simulation.
fn installed(said: &str) -> BTreeSet<(String, String)> {
    said.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
            // `(1.0-1 Debian:13/stable [amd64])`, before it perhaps `[installed]`.
            let version = rest.split_once('(')?.1.split(' ').next()?;
            Some((name.to_owned(), version.to_owned()))
        })
        .collect()
}

/// The archive and the security archive that this machine's apt is set up with.
fn mirrors() -> (String, String) {
    let mut uris = Vec::new();
    let mut read = |path: &Path| {
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if matches!(words.first(), Some(&("URIs:" | "deb"))) {
                uris.extend(
                    words
                        .iter()
                        .filter(|w| w.contains("://"))
                        .map(|w| w.to_string()),
                );
            }
        }
    };
    read(Path::new("/etc/apt/sources.list"));
    for entry in fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
    {
        read(&entry.unwrap().path());
    }
    let ends = |uri: &&String, end: &str| uri.trim_end_matches('/').ends_with(end);
    let archive = uris.iter().find(|uri| ends(uri, "/debian"));
    let security = uris.iter().find(|uri| ends(uri, "/debian-security"));
    let archive = archive.expect("apt has no source that ends in `/debian`");
    // Many mirrors have both.
    let beside = archive.trim_end_matches('/').to_owned() + "-security";
    (archive.clone(), security.cloned().unwrap_or(beside))
}

fn request(packages: &[&str]) -> Request {
    let group = |name: &&str| name.parse::<Alternatives>().unwrap();
    Request {
        install: packages.iter().map(group).collect(),
        ..Request::default()
    }
}

/// The names and versions of our solution, or why there is none.
fn ours(index: &PackageIndex, packages: &[&str]) -> Result<Vec<BinaryPackage>, String> {
    let solution = solve(index, &request(packages)).map_err(|error| error.to_string())?;
    Ok(solution.packages.into_iter().map(|p| p.package).collect())
}

/// What a set of packages lacks, or which exclude each other: an own, plain reading of the
/// relations.
fn problems(packages: &[BinaryPackage]) -> Vec<String> {
    // Names, and what goes by them: the version, and who provides it.
    let mut there: BTreeMap<&str, Vec<(Option<&Version>, &BinaryPackage)>> = BTreeMap::new();
    for package in packages {
        let real = there.entry(&package.name).or_default();
        real.push((Some(&package.version), package));
        for provided in &package.provides {
            let provided_here = there.entry(&provided.name).or_default();
            provided_here.push((provided.version.as_ref(), package));
        }
    }
    let meant = |relation: &Relation, not: &str| {
        there.get(&*relation.name).is_some_and(|list| {
            list.iter().any(|(version, package)| {
                let fits = match (&relation.version, version) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some((operator, wanted)), Some(version)) => operator.holds(version, wanted),
                };
                fits && package.name != not
            })
        })
    };
    let mut problems = Vec::new();
    for package in packages {
        for group in package.pre_depends.iter().chain(&package.depends) {
            if !group.iter().any(|relation| meant(relation, "")) {
                problems.push(format!("{} lacks {group}", package.name));
            }
        }
        let exclusions: Vec<&Relations> = vec![&package.conflicts, &package.breaks];
        for relation in exclusions.into_iter().flatten().flatten() {
            if meant(relation, &package.name) {
                problems.push(format!("{} excludes {relation}", package.name));
            }
        }
    }
    problems
}

fn with_versions(packages: &[BinaryPackage]) -> BTreeSet<(String, String)> {
    let pairs = packages
        .iter()
        .map(|p| (p.name.clone(), p.version.to_string()));
    pairs.collect()
}

/// Checks that our solutions are apt's, but for what apt takes alone.
fn compare(apt: &Apt, index: &PackageIndex, requests: &[(&str, &[&str])]) {
    for (packages, apt_alone) in requests {
        let packages: Vec<&str> = packages.split(' ').collect();
        let ours = ours(index, &packages).unwrap();
        assert_eq!(problems(&ours), Vec::<String>::new(), "{packages:?}");
        let (ours, theirs) = (with_versions(&ours), apt.install(&packages));
        assert_eq!(&ours - &theirs, BTreeSet::new(), "{packages:?}");
        let alone = &theirs - &ours;
        let alone: Vec<&str> = alone.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(alone, *apt_alone, "{packages:?}");
    }
}

#[test]
fn the_solver_chooses_as_apt_does() {
    let apt = Apt::new("trixie", "amd64");
    let index = apt.index();
    compare(&apt, &index, REQUESTS);
}

/// How our solutions and apt's of single packages differ.
#[derive(Default, Debug)]
struct Tally {
    equal: usize,
    /// Ours is a part of apt's.
    subset: Vec<String>,
    /// Apt's is a part of ours.
    superset: Vec<String>,
    other: Vec<String>,
    /// Neither has a solution.
    neither: usize,
}

/// Packages from all over the archive, one in so many names: `DISTIL_APT_PACKAGES` of them.
#[test]
fn the_solver_chooses_as_apt_does_for_any_package() {
    let count: usize = std::env::var("DISTIL_APT_PACKAGES")
        .map_or(30, |text| text.parse().expect("a number of packages"));
    let apt = Apt::new("trixie", "amd64");
    let index = apt.index();
    let names = index.package_names();
    let mut tally = Tally::default();
    let chosen = names.iter().step_by((names.len() / count).max(1));
    for name in chosen.take(count) {
        let theirs = apt.try_install(&[name]);
        let ours = ours(&index, &[name]);
        let (ours, theirs) = match (ours, theirs) {
            (Err(_), None) => {
                tally.neither += 1;
                continue;
            }
            (Ok(ours), Some(theirs)) => {
                assert_eq!(problems(&ours), Vec::<String>::new(), "{name}");
                (with_versions(&ours), theirs)
            }
            (ours, theirs) => {
                let text = format!("{name}: {} {}", ours.is_ok(), theirs.is_some());
                tally.other.push(text);
                continue;
            }
        };
        let only = |one: &BTreeSet<(String, String)>, other| {
            let only = (one - other).into_iter().map(|(name, _)| name);
            only.collect::<Vec<_>>().join(" ")
        };
        let text = format!(
            "{name}: ours has [{}], apt's has [{}]",
            only(&ours, &theirs),
            only(&theirs, &ours)
        );
        match (ours.is_subset(&theirs), theirs.is_subset(&ours)) {
            (true, true) => {
                tally.equal += 1;
                continue;
            }
            (true, false) => tally.subset.push(text.clone()),
            (false, true) => tally.superset.push(text.clone()),
            (false, false) => tally.other.push(text.clone()),
        }
        eprintln!("{} equal; {text}", tally.equal);
    }
    eprintln!("{tally:#?}");
    assert!(
        tally.equal * 100 >= count * 90,
        "{} of {count}",
        tally.equal
    );
}

#[test]
fn the_solver_chooses_as_apt_does_in_another_suite_for_another_architecture() {
    let apt = Apt::new("bookworm", "arm64");
    let index = apt.index();
    compare(&apt, &index, REQUESTS_OF_BOOKWORM);
}

/// The versions of neighbours in the index, and of packages and their sources, are often
/// nearly equal.
#[test]
fn versions_of_the_archive_are_ordered_as_by_dpkg() {
    let apt = Apt::new("trixie", "amd64");
    let index = apt.index();
    let names = index.package_names();
    let versions: Vec<Version> = names
        .iter()
        .step_by(names.len() / 400)
        .flat_map(|name| index.candidates(name).unwrap())
        .flat_map(|package| [package.version, package.source.version])
        .collect();
    for pair in versions.windows(2) {
        let (left, right) = (&pair[0], &pair[1]);
        for (operator, holds) in [("lt", left < right), ("eq", left == right)] {
            let status = Command::new("dpkg")
                .args([
                    "--compare-versions",
                    left.as_str(),
                    operator,
                    right.as_str(),
                ])
                .status()
                .expect("dpkg is needed");
            assert_eq!(status.success(), holds, "{left} {operator} {right}");
        }
    }
}
