//! `/var/lib/dpkg/status.d`: what scanners read in an image without dpkg.
//!
//! One file a package with its control stanza, and beside it `.md5sums` over the files as they
//! are in the image. `Source` is always there, since Debian's security advisories are by source
//! package, and its version only where it differs (deb-control(5)).

use std::fmt::Write;

use distil_tree::{Kind, TreePath};
use md5::{Digest, Md5};

use crate::assembly::InstalledPackage;
use crate::generation::{GenerateError, Generation, PACKAGE_METADATA as WHAT};

pub(super) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let folder = TreePath::of("var/lib/dpkg/status.d");
    for package in generation.packages {
        let name = &package.locked.name;
        let stanza = stanza(package);
        let sums = md5sums(generation, package)?;
        generation.file(WHAT, &folder.join(name), stanza.into_bytes())?;
        generation.file(
            WHAT,
            &folder.join(format!("{name}.md5sums")),
            sums.into_bytes(),
        )?;
    }
    Ok(())
}

/// The control stanza as the package has it, with `Source` behind `Package`, and with `Origin`
/// (deb-control(5)) where it is from an archive that is not Debian's: advisories of Debian's are not
/// about it.
fn stanza(package: &InstalledPackage) -> String {
    let binary = &package.locked;
    let source = match binary.source.version.as_str() == binary.version.as_str() {
        true => binary.source.name.clone(),
        false => format!("{} ({})", binary.source.name, binary.source.version),
    };
    let mut text = String::new();
    let mut skipping = false;
    for line in package.control.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with([' ', '\t']) {
            let field = line.split(':').next().unwrap_or_default();
            skipping = field.eq_ignore_ascii_case("Source");
            if field.eq_ignore_ascii_case("Package") {
                let _ = writeln!(text, "{line}\nSource: {source}");
                continue;
            }
        }
        if !skipping {
            let _ = writeln!(text, "{line}");
        }
    }
    let has_origin = || {
        let mut lines = package.control.lines();
        lines.any(|line| line.to_ascii_lowercase().starts_with("origin:"))
    };
    if let Some(vendor) = package.vendor.as_ref().filter(|_| !has_origin()) {
        let _ = writeln!(text, "Origin: {vendor}");
    }
    text
}

/// The sums of the package's files that are in the image, links left out as in packages' own.
fn md5sums(
    generation: &Generation<'_>,
    package: &InstalledPackage,
) -> Result<String, GenerateError> {
    let mut text = String::new();
    for path in &package.files {
        let Some(Kind::File(node)) = generation.tree.get(path).map(|entry| &entry.kind) else {
            continue;
        };
        let sum = match node.digests().md5 {
            Some(sum) => sum.to_vec(),
            None => {
                let failed = |source| GenerateError::Read {
                    path: path.clone(),
                    what: WHAT,
                    source,
                };
                let mut md5 = Md5::new();
                let mut reader = node.content.reader();
                let mut buffer = [0; 1 << 16];
                loop {
                    let count = std::io::Read::read(&mut reader, &mut buffer).map_err(failed)?;
                    if count == 0 {
                        break md5.finalize().to_vec();
                    }
                    md5.update(&buffer[..count]);
                }
            }
        };
        for byte in sum {
            let _ = write!(text, "{byte:02x}");
        }
        let Some(path) = path.as_str() else { continue };
        let _ = writeln!(text, "  {path}");
    }
    Ok(text)
}
