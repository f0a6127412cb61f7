//! The packages of an image, by the metadata in it that scanners read.

use std::collections::BTreeMap;

use distil_debian::control::{Paragraph, ParagraphReader};
use distil_debian::copyright;
use distil_debian::relation::{Provided, Relations};
use distil_tree::TreePath;

use super::{FileKind, Files, Package};
use crate::error::CommandError;

/// Where an image without dpkg has a file a package.
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d";

/// Where dpkg itself has all packages.
const STATUS_FILE: &str = "var/lib/dpkg/status";

/// Where dpkg has the sums of each package's files.
const SUMS_FOLDER: &str = "var/lib/dpkg/info";

/// Where packages' licences are.
const DOC_FOLDER: &str = "usr/share/doc";

/// The largest file of metadata: Trivy refuses stanzas above 128 KiB; lists of sums, and the
/// status of a whole Debian, are larger.
const MAX_METADATA: u64 = 64 << 20;

/// The largest copyright file: those of Debian are below one MiB.
pub(super) const MAX_COPYRIGHT: u64 = 4 << 20;

/// Whether packages are told by the file at this path, of so many bytes.
pub(super) fn is_metadata(path: &TreePath, size: u64) -> bool {
    let is_sums = || path.name().is_some_and(|name| name.ends_with(b".md5sums"));
    let is_status = path.is_within(&TreePath::of(STATUS_FOLDER))
        || *path == TreePath::of(STATUS_FILE)
        || (path.is_within(&TreePath::of(SUMS_FOLDER)) && is_sums());
    let is_copyright = path.name() == Some(b"copyright".as_slice())
        && path.parent().and_then(|folder| folder.parent()) == Some(TreePath::of(DOC_FOLDER));
    (is_status && size <= MAX_METADATA) || (is_copyright && size <= MAX_COPYRIGHT)
}

/// The names of a package's licences. Its folder may be a link to another package's, or the file
/// to another file.
fn licences(name: &str, metadata: &BTreeMap<TreePath, Vec<u8>>, files: &Files) -> Vec<String> {
    let mut folder = TreePath::of(DOC_FOLDER).join(name);
    for _ in 0..MAX_LINKS {
        let path = folder.join("copyright");
        if let Some(bytes) = metadata.get(&path) {
            return copyright::licences(bytes);
        }
        let target = |path: &TreePath| match &files.0.get(path)?.kind {
            FileKind::Symlink(target) => Some(target.clone()),
            _ => None,
        };
        // Of `../libc6` or `../libc6/copyright` it is the package that counts.
        let Some(target) = target(&folder).or_else(|| target(&path)) else {
            break;
        };
        let target = target.trim_end_matches("/copyright").rsplit('/').next();
        folder = TreePath::of(DOC_FOLDER).join(target.unwrap_or_default());
    }
    Vec::new()
}

/// How many links one after another lead to a licence.
const MAX_LINKS: usize = 8;

/// A package's stanza with the paths of its files.
struct Found {
    stanza: Paragraph,
    files: Vec<TreePath>,
}

/// The packages that an image's metadata names, sorted; the files in `files` are told whose
/// they are.
pub(super) fn packages(
    metadata: &BTreeMap<TreePath, Vec<u8>>,
    files: &mut Files,
) -> Result<Vec<Package>, CommandError> {
    let folder = TreePath::of(STATUS_FOLDER);
    let mut found = Vec::new();
    for (path, bytes) in metadata {
        let name = path.name().unwrap_or_default();
        let in_folder = path.parent().as_ref() == Some(&folder) && !name.ends_with(b".md5sums");
        if in_folder || *path == TreePath::of(STATUS_FILE) {
            stanzas(path, bytes, metadata, &mut found)?;
        }
    }
    let mut packages = Vec::new();
    for one in &found {
        let mut package = package(one, files)?;
        package.licences = licences(&package.name, metadata, files);
        packages.push(package);
    }
    depend(&mut packages, &found);
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn stanzas(
    path: &TreePath,
    bytes: &[u8],
    metadata: &BTreeMap<TreePath, Vec<u8>>,
    found: &mut Vec<Found>,
) -> Result<(), CommandError> {
    let wrong = |problem: String| CommandError::failure(format!("`{path}` of the image {problem}"));
    let mut reader = ParagraphReader::new(bytes);
    loop {
        let mut stanza = Paragraph::default();
        let more = reader.read_into(&mut stanza);
        if !more.map_err(|error| wrong(format!("is no stanza: {error}")))? {
            return Ok(());
        }
        // dpkg remembers packages that were removed, too.
        let is_there = stanza
            .get("Status")
            .is_none_or(|status| status.trim().ends_with(" installed"));
        let Some(name) = stanza.get("Package").map(|name| name.trim().to_owned()) else {
            return Err(wrong("has a stanza without `Package`".to_owned()));
        };
        if !is_there {
            continue;
        }
        let architecture = stanza.get("Architecture").unwrap_or_default().trim();
        let sums = [
            format!("{STATUS_FOLDER}/{name}.md5sums"),
            format!("{SUMS_FOLDER}/{name}.md5sums"),
            format!("{SUMS_FOLDER}/{name}:{architecture}.md5sums"),
        ];
        let sums = sums
            .iter()
            .find_map(|path| metadata.get(&TreePath::of(path)));
        let files = sums.map(|sums| paths(sums)).unwrap_or_default();
        found.push(Found { stanza, files });
    }
}

/// The paths of a list of sums: 32 digits, two blanks, the path.
fn paths(sums: &[u8]) -> Vec<TreePath> {
    let lines = sums.split(|&byte| byte == b'\n');
    let paths = lines.filter_map(|line| line.get(34..));
    paths
        .filter_map(|path| TreePath::from_archive(path).ok())
        .collect()
}

fn package(found: &Found, files: &mut Files) -> Result<Package, CommandError> {
    let stanza = &found.stanza;
    let field = |name: &str| stanza.get(name).map(|value| value.trim().to_owned());
    let name = field("Package").unwrap_or_default();
    let missing = |what: &str| {
        CommandError::failure(format!("the image's stanza of `{name}` has no `{what}`"))
    };
    let version = field("Version").ok_or_else(|| missing("Version"))?;
    let architecture = field("Architecture").ok_or_else(|| missing("Architecture"))?;
    let source = field("Source").unwrap_or_else(|| name.clone());
    let (source, source_version) = match source.split_once(" (") {
        Some((source, version)) => (source.to_owned(), version.trim_end_matches(')').to_owned()),
        None => (source, version.clone()),
    };
    let mut size = 0;
    for path in &found.files {
        if let Some(file) = files.0.get_mut(path) {
            size += file.kind.size();
            file.from = Some(format!("package {name}"));
        }
    }
    Ok(Package {
        name,
        version,
        architecture,
        source,
        source_version,
        licences: Vec::new(),
        size,
        depends: Vec::new(),
        layer: None,
    })
}

/// Fills in which packages of the image each depends on, by name or by what they provide.
fn depend(packages: &mut [Package], found: &[Found]) {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for (place, one) in found.iter().enumerate() {
        let provided = one.stanza.get("Provides").unwrap_or_default();
        for provided in Provided::parse_list(provided).unwrap_or_default() {
            by_name.entry(provided.name).or_insert(place);
        }
    }
    for (place, package) in packages.iter().enumerate() {
        by_name.insert(package.name.clone(), place);
    }
    let names: Vec<String> = packages.iter().map(|one| one.name.clone()).collect();
    for (package, one) in packages.iter_mut().zip(found) {
        let fields = ["Depends", "Pre-Depends"];
        let texts = fields.iter().filter_map(|field| one.stanza.get(field));
        let relations = texts.filter_map(|text| text.parse::<Relations>().ok());
        for alternatives in relations.flat_map(|relations| relations.0) {
            let there = alternatives
                .iter()
                .find_map(|relation| by_name.get(&relation.name));
            package
                .depends
                .extend(there.map(|place| names[*place].clone()));
        }
        package.depends.retain(|name| *name != package.name);
        package.depends.sort();
        package.depends.dedup();
    }
}
