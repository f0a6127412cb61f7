//! Reads a package from its stanza, and checks the stanzas of whole indexes.

use distil_store::{Digest, InvalidDigest};

use super::binary::{BinaryPackage, MultiArch, Priority, SourceReference};
use crate::control::Paragraph;
use crate::relation::{self, Provided, RelationError, Relations};
use crate::version::{InvalidVersion, Version};

/// What is wrong with a package's stanza.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A field that every package needs is not there.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A package's or a source package's name is not one (Debian Policy §5.6.1).
    #[error("`{value}` in `{field}` is not a package's name")]
    Name {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A version is not one.
    #[error("the version in `{field}` is wrong")]
    Version {
        /// The field.
        field: &'static str,
        /// Why.
        source: InvalidVersion,
    },
    /// An architecture's name is not one.
    #[error("`{0}` is not an architecture")]
    Architecture(String),
    /// A field of relations is malformed.
    #[error("the relations in `{field}` are wrong")]
    Relation {
        /// The field.
        field: &'static str,
        /// Why.
        source: RelationError,
    },
    /// A number is not one.
    #[error("`{value}` in `{field}` is not a number")]
    Number {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The digest is not one.
    #[error("the digest in `SHA256` is wrong")]
    Digest(#[source] InvalidDigest),
    /// The path could lead out of the archive, or is not a path.
    #[error("the path `{0}` in `Filename` is not a plain relative one")]
    Filename(String),
    /// A field has a value that it cannot have.
    #[error("`{field}` cannot be `{value}`")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

impl BinaryPackage {
    /// Reads a stanza of a `Packages` index.
    ///
    /// # Errors
    /// When a field is missing or wrong.
    pub fn from_paragraph(paragraph: &Paragraph, pocket: u16) -> Result<Self, PackageError> {
        let checked = Checked::new(paragraph)?;
        let fields = &checked.fields;
        let relations = |name: &'static str, text: Option<&str>| match text {
            None => Ok(Relations::default()),
            Some(text) => text.parse().map_err(|source| PackageError::Relation {
                field: name,
                source,
            }),
        };
        let (source_name, source_version) = source(fields)?;
        let version = to_version("Version", fields.version)?;
        Ok(Self {
            name: fields.package.to_owned(),
            source: SourceReference {
                name: source_name.to_owned(),
                version: source_version
                    .map_or_else(|| Ok(version.clone()), |text| to_version("Source", text))?,
            },
            version,
            architecture: fields.architecture.to_owned(),
            depends: relations("Depends", fields.depends)?,
            pre_depends: relations("Pre-Depends", fields.pre_depends)?,
            provides: match fields.provides {
                None => Vec::new(),
                Some(text) => {
                    Provided::parse_list(text).map_err(|source| PackageError::Relation {
                        field: "Provides",
                        source,
                    })?
                }
            },
            conflicts: relations("Conflicts", fields.conflicts)?,
            breaks: relations("Breaks", fields.breaks)?,
            replaces: relations("Replaces", fields.replaces)?,
            multi_arch: checked.multi_arch,
            priority: checked.priority,
            essential: checked.essential,
            section: fields.section.unwrap_or("").to_owned(),
            installed_size_kib: checked.installed_size_kib,
            filename: fields.filename.to_owned(),
            size: checked.size,
            sha256: checked.sha256,
            pocket,
        })
    }
}

/// The fields of a stanza that solving and fetching need, as text.
struct Fields<'a> {
    package: &'a str,
    version: &'a str,
    architecture: &'a str,
    source: Option<&'a str>,
    depends: Option<&'a str>,
    pre_depends: Option<&'a str>,
    provides: Option<&'a str>,
    conflicts: Option<&'a str>,
    breaks: Option<&'a str>,
    replaces: Option<&'a str>,
    multi_arch: Option<&'a str>,
    priority: Option<&'a str>,
    essential: Option<&'a str>,
    section: Option<&'a str>,
    installed_size: Option<&'a str>,
    filename: &'a str,
    size: &'a str,
    sha256: &'a str,
}

/// A stanza whose fields are there, and whose values are parsed or known to be parsable, but
/// for the relations.
struct Checked<'a> {
    fields: Fields<'a>,
    multi_arch: MultiArch,
    priority: Priority,
    essential: bool,
    installed_size_kib: u64,
    size: u64,
    sha256: Digest,
}

impl<'a> Checked<'a> {
    fn new(paragraph: &'a Paragraph) -> Result<Self, PackageError> {
        let fields = Fields::collect(paragraph)?;
        if !relation::is_package_name(fields.package) {
            return Err(PackageError::Name {
                field: "Package",
                value: shortened(fields.package),
            });
        }
        if !is_architecture(fields.architecture) {
            return Err(PackageError::Architecture(shortened(fields.architecture)));
        }
        if !is_plain_relative_path(fields.filename) {
            return Err(PackageError::Filename(shortened(fields.filename)));
        }
        Ok(Self {
            multi_arch: multi_arch(fields.multi_arch)?,
            priority: priority(fields.priority),
            essential: yes_or_no("Essential", fields.essential)?,
            installed_size_kib: match fields.installed_size {
                None => 0,
                Some(text) => number("Installed-Size", text)?,
            },
            size: number("Size", fields.size)?,
            sha256: Digest::from_hex(fields.sha256).map_err(PackageError::Digest)?,
            fields,
        })
    }
}

/// Whether a field's name, whose case does not matter, is one of those that a package is read from.
pub(crate) fn is_wanted(name: &str) -> bool {
    // Archives write the names as Policy does; others are allowed, and rare.
    FIELDS.contains(&name) || FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// The names of the fields in [`Fields`].
const FIELDS: [&str; 18] = [
    "Package",
    "Version",
    "Architecture",
    "Provides",
    "Source",
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Multi-Arch",
    "Priority",
    "Essential",
    "Section",
    "Installed-Size",
    "Filename",
    "Size",
    "SHA256",
];

impl<'a> Fields<'a> {
    fn collect(paragraph: &'a Paragraph) -> Result<Self, PackageError> {
        let mut values = [None; FIELDS.len()];
        for (name, value) in paragraph.iter() {
            // Archives write the names as Policy does; others are allowed, and rare.
            let mut fields = FIELDS.iter();
            let field = fields.position(|field| *field == name).or_else(|| {
                FIELDS
                    .iter()
                    .position(|field| field.eq_ignore_ascii_case(name))
            });
            if let Some(slot) = field.and_then(|at| values.get_mut(at)) {
                *slot = Some(value);
            }
        }
        let required = |name: &'static str, value: Option<&'a str>| match value {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(PackageError::Missing(name)),
        };
        let [
            package,
            version,
            architecture,
            provides,
            source,
            pre_depends,
            depends,
            conflicts,
            breaks,
            replaces,
            multi_arch,
            priority,
            essential,
            section,
            installed_size,
            filename,
            size,
            sha256,
        ] = values;
        // Flat repositories write `./`, as apt-ftparchive(1) does.
        let filename = required("Filename", filename)?;
        let filename = filename.strip_prefix("./").unwrap_or(filename);
        Ok(Self {
            package: required("Package", package)?,
            version: required("Version", version)?,
            architecture: required("Architecture", architecture)?,
            source,
            depends,
            pre_depends,
            provides,
            conflicts,
            breaks,
            replaces,
            multi_arch,
            priority,
            essential,
            section,
            installed_size,
            filename,
            size: required("Size", size)?,
            sha256: required("SHA256", sha256)?,
        })
    }
}

/// The source package's name, and its version where it is not the binary package's
/// (Debian Policy §5.6.1).
fn source<'a>(fields: &Fields<'a>) -> Result<(&'a str, Option<&'a str>), PackageError> {
    let Some(text) = fields.source else {
        return Ok((fields.package, None));
    };
    let (name, version) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => (
            name.trim_end(),
            Some(rest.strip_suffix(')').unwrap_or(rest).trim()),
        ),
    };
    if relation::is_package_name(name) {
        Ok((name, version))
    } else {
        Err(PackageError::Name {
            field: "Source",
            value: shortened(text),
        })
    }
}

fn to_version(field: &'static str, text: &str) -> Result<Version, PackageError> {
    text.parse()
        .map_err(|source| PackageError::Version { field, source })
}

fn number(field: &'static str, text: &str) -> Result<u64, PackageError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| PackageError::Number {
            field,
            value: shortened(text),
        })
}

fn multi_arch(text: Option<&str>) -> Result<MultiArch, PackageError> {
    match text {
        None | Some("no") => Ok(MultiArch::No),
        Some("same") => Ok(MultiArch::Same),
        Some("foreign") => Ok(MultiArch::Foreign),
        Some("allowed") => Ok(MultiArch::Allowed),
        Some(other) => Err(PackageError::Value {
            field: "Multi-Arch",
            value: shortened(other),
        }),
    }
}

fn priority(text: Option<&str>) -> Priority {
    match text {
        Some("required") => Priority::Required,
        Some("important") => Priority::Important,
        Some("standard") => Priority::Standard,
        None | Some("optional") => Priority::Optional,
        Some(_) => Priority::Extra,
    }
}

fn yes_or_no(field: &'static str, text: Option<&str>) -> Result<bool, PackageError> {
    match text {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(other) => Err(PackageError::Value {
            field,
            value: shortened(other),
        }),
    }
}

/// An architecture's name is made of letters, digits and hyphens.
fn is_architecture(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a path can neither lead out of the archive's root nor be taken for a URL with a
/// query, and has no white space or control characters, which no path in an archive has.
fn is_plain_relative_path(path: &str) -> bool {
    path.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#'))
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The start of a text, for messages.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
