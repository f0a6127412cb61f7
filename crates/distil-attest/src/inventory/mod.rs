//! What is in an image, as far as a bill of materials tells it: the distribution, packages with
//! their licences, and the files that belong to no package.
//!
//! It is made from a reading of the image, so that it can be had of any. What only its maker knows,
//! such as the digests of packages, is in [`Origins`].

pub(crate) mod licences;
mod origins;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use distil_inspect::{Inspection, PackagesError, owned};
use distil_oci::Image;
use distil_store::Digest;
use distil_tree::{OsRelease, Tree, TreePath};

pub use self::licences::Licences;
pub use self::origins::Origins;
pub use self::parts::Part;
use crate::purl::{self, DebianPackage};

/// The time of what has none: bills of materials must have one, and it must not be that of their
/// making.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// The image that a bill of materials is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its name, such as `python3` or `team/app`.
    pub name: String,
    /// The digest of its manifest; none of a plain root file system.
    pub digest: Option<Digest>,
    /// Its platform, such as `linux/amd64`.
    pub platform: Option<String>,
    /// The architecture of that, as OCI names it.
    pub architecture: String,
    /// The repository that it is in, with its registry.
    pub repository: Option<String>,
    /// Who distributes it, by its annotation or label `org.opencontainers.image.vendor`.
    pub vendor: Option<String>,
}

impl Subject {
    /// Its package URL, if it has a digest.
    pub fn purl(&self) -> Option<String> {
        let repository = self.repository.as_deref();
        Some(purl::image(
            &self.name,
            self.digest?,
            &self.architecture,
            repository,
        ))
    }
}

/// The distribution that an image is made from, by its os-release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `13`.
    pub version: Option<String>,
    /// `VERSION_CODENAME`, such as `trixie`.
    pub codename: Option<String>,
    /// Who supplies its packages.
    pub supplier: String,
}

impl Distribution {
    fn of(tree: &Tree) -> Option<Self> {
        let release = OsRelease::of(tree)?;
        let id = release.id()?.to_owned();
        let supplier = match id.as_str() {
            "debian" => "Debian",
            _ => release.get("NAME").unwrap_or(&id),
        };
        Some(Self {
            supplier: supplier.to_owned(),
            version: release.version_id().map(str::to_owned),
            codename: release.codename().map(str::to_owned),
            id,
        })
    }

    /// `debian-13`, by which package URLs name it.
    pub fn qualifier(&self) -> String {
        match &self.version {
            Some(version) => format!("{}-{version}", self.id),
            None => self.id.clone(),
        }
    }
}

/// A package of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Its source package.
    pub source: String,
    /// The version of that.
    pub source_version: String,
    /// Who maintains it.
    pub maintainer: Option<String>,
    /// The address of its project.
    pub homepage: Option<String>,
    /// Whose archive it is from, where that is not the distribution's own.
    pub origin: Option<String>,
    /// Its licences.
    pub licences: Licences,
    /// Its package URL.
    pub purl: String,
    /// The digest of its archive, where that is known.
    pub digest: Option<Digest>,
    /// The packages of the image that it depends on, as indexes of [`Inventory::components`].
    pub depends: Vec<usize>,
}

/// A file of an image that belongs to no package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseFile {
    /// Where it is.
    pub path: TreePath,
    /// The SHA-256 of its bytes.
    pub sha256: Option<Digest>,
    /// The SHA-1 of its bytes.
    pub sha1: Option<[u8; 20]>,
    /// What made it, where that is known.
    pub from: Option<String>,
    /// The package whose metadata it is, as an index of [`Inventory::components`].
    pub of: Option<usize>,
    /// The part that it belongs to, as an index of [`Inventory::parts`].
    pub part: Option<usize>,
}

/// The image that another one is based on, by the annotations of OCI (OCI image specification,
/// "Pre-Defined Annotation Keys").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// `org.opencontainers.image.base.name`.
    pub name: String,
    /// `org.opencontainers.image.base.digest`.
    pub digest: Digest,
}

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The image.
    pub subject: Subject,
    /// When it was made, by its configuration: RFC 3339 in UTC, in seconds. The epoch if it does
    /// not say it.
    pub created: String,
    /// Its distribution, if it tells one.
    pub distribution: Option<Distribution>,
    /// Its packages, sorted by name.
    pub components: Vec<Component>,
    /// Its parts that no package ships, such as packages of Python, sorted by name.
    pub parts: Vec<Part>,
    /// The files of no package, sorted by path.
    pub files: Vec<LooseFile>,
    /// The image that it is based on, if it says so.
    pub base: Option<Base>,
}

impl Inventory {
    /// What is in an image that was read; `image` is `None` of a plain root file system. Files have
    /// the digests that were asked for when it was read.
    ///
    /// # Errors
    /// If the metadata of its packages cannot be read.
    pub fn of(
        subject: Subject,
        image: Option<&Image>,
        inspection: &Inspection,
        origins: &Origins,
    ) -> Result<Self, PackagesError> {
        let tree = &inspection.filesystem.tree;
        let distribution = Distribution::of(tree);
        let components = components(inspection, distribution.as_ref(), origins)?;
        let owned = owned(tree);
        let mut parts = origins.parts().to_vec();
        parts::add_found(&mut parts, tree, &owned);
        let files = loose_files(inspection, &components, &parts, &owned, origins);
        let created = image.and_then(|image| image.config().created().clone());
        Ok(Self {
            created: created.as_deref().and_then(seconds).unwrap_or_default(),
            base: image.and_then(base),
            subject: Subject {
                vendor: subject.vendor.or_else(|| image.and_then(vendor)),
                ..subject
            },
            distribution,
            components,
            parts,
            files,
        }
        .timed())
    }

    fn timed(mut self) -> Self {
        if self.created.is_empty() {
            NO_TIME.clone_into(&mut self.created);
        }
        self
    }

    /// Whether something is in the image of which nobody knows what it is.
    pub fn is_complete(&self) -> bool {
        self.files
            .iter()
            .all(|file| file.from.is_some() || file.of.is_some())
    }
}

/// A time of RFC 3339 in UTC, without fractions of its second.
fn seconds(text: &str) -> Option<String> {
    let time = humantime::parse_rfc3339(text).ok()?;
    // Years above 9999 have no four digits.
    let is_plain = time.duration_since(SystemTime::UNIX_EPOCH).is_ok();
    is_plain.then(|| humantime::format_rfc3339_seconds(time).to_string())
}

/// An annotation of an image, or a label that stands for it.
fn annotation(image: &Image, name: &str) -> Option<String> {
    if let Some(value) = image.annotations().get(name) {
        return Some(value.clone());
    }
    let config = image.config().config().clone()?;
    config.labels().as_ref()?.get(name).cloned()
}

fn vendor(image: &Image) -> Option<String> {
    annotation(image, "org.opencontainers.image.vendor").filter(|text| !text.is_empty())
}

fn base(image: &Image) -> Option<Base> {
    Some(Base {
        name: annotation(image, "org.opencontainers.image.base.name")?,
        digest: annotation(image, "org.opencontainers.image.base.digest")?
            .parse()
            .ok()?,
    })
}

fn components(
    inspection: &Inspection,
    distribution: Option<&Distribution>,
    origins: &Origins,
) -> Result<Vec<Component>, PackagesError> {
    let mut packages = inspection.packages()?;
    packages.sort_by(|a, b| {
        let key = |one: &distil_inspect::Package| {
            let text = [&one.name, &one.architecture, &one.version];
            text.map(Clone::clone)
        };
        key(a).cmp(&key(b))
    });
    // Of a package for several architectures, what depends on it means the first.
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, one) in packages.iter().enumerate() {
        numbers.entry(&one.name).or_insert(number);
    }
    let mut known = licences::Known::new(&inspection.filesystem.tree);
    let qualifier = distribution.map(Distribution::qualifier);
    let own = distribution.map_or("debian", |one| one.id.as_str());
    let component = |one: &distil_inspect::Package| {
        let origin = one.origin.as_ref();
        let origin = origin.filter(|origin| !origin.eq_ignore_ascii_case(own));
        let vendor = origin.map(|origin| origin.to_lowercase());
        Component {
            purl: DebianPackage {
                vendor: vendor.as_deref().unwrap_or(own),
                name: &one.name,
                version: &one.version,
                architecture: &one.architecture,
                source: (&one.source, &one.source_version),
                // Advisories of the distribution are about its own packages.
                distribution: qualifier.as_deref().filter(|_| vendor.is_none()),
            }
            .purl(),
            origin: origin.cloned(),
            licences: known.of(&one.name),
            digest: origins.package(&one.name, &one.version, &one.architecture),
            depends: one
                .depends
                .iter()
                .filter_map(|name| numbers.get(name.as_str()).copied())
                .collect(),
            name: one.name.clone(),
            version: one.version.clone(),
            architecture: one.architecture.clone(),
            source: one.source.clone(),
            source_version: one.source_version.clone(),
            maintainer: one.maintainer.clone(),
            homepage: one.homepage.clone(),
        }
    };
    Ok(packages.iter().map(component).collect())
}

/// Where there is a file a package that tells of it.
const STATUS_DIRECTORY: &str = "var/lib/dpkg/status.d";

fn loose_files(
    inspection: &Inspection,
    components: &[Component],
    parts: &[Part],
    owned: &BTreeSet<TreePath>,
    origins: &Origins,
) -> Vec<LooseFile> {
    let filesystem = &inspection.filesystem;
    let directory = TreePath::of(STATUS_DIRECTORY);
    let numbers: BTreeMap<&[u8], usize> = components
        .iter()
        .enumerate()
        .map(|(number, one)| (one.name.as_bytes(), number))
        .collect();
    let package = |path: &TreePath| {
        if path.parent().as_ref() != Some(&directory) {
            return None;
        }
        let name = path.name()?;
        let name = name.strip_suffix(b".md5sums").unwrap_or(name);
        numbers.get(name).copied()
    };
    let files = filesystem.tree.iter();
    let files = files.filter(|(path, _)| !owned.contains(*path));
    files
        .filter_map(|(path, entry)| Some((path, entry.file()?.digests())))
        .map(|(path, digests)| LooseFile {
            sha256: digests.sha256,
            sha1: digests.sha1,
            from: origins.file(path).map(str::to_owned),
            of: package(path),
            part: origins
                .part_of(path)
                .and_then(|part| parts.iter().position(|one| one == part)),
            path: path.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_seconds_of_utc_or_not_known() {
        assert_eq!(
            seconds("2025-11-14T08:22:10.123456789Z").as_deref(),
            Some("2025-11-14T08:22:10Z")
        );
        for text in [
            "",
            "yesterday",
            "2025-11-14T08:22:10+02:00",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
