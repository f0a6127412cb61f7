//! Writing a pocket to disk, with what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::fault::{PocketFault, SignatureFault};
use super::pocket::Pocket;
use super::release::Listed;
use crate::ar::corrupt;
use crate::compression::Compression;
use crate::digest::{md5_hex, sha256_hex};
use crate::key::{SigningKey, sign_clear_all, sign_detached_all};

impl Pocket {
    /// Writes the pocket and its packages under `root`.
    pub(super) fn write(&self, root: &Path, archive_key: &SigningKey) -> io::Result<()> {
        let dists = root.join("dists").join(&self.name);
        let mut listed = Vec::new();
        for component in self.write_pool(root)? {
            let mut architectures: BTreeSet<&str> = BTreeSet::from(["all"]);
            architectures.extend(self.architectures.iter().map(String::as_str));
            for architecture in architectures {
                let text: String = component
                    .stanzas
                    .iter()
                    .filter(|(of, _)| of == architecture || (of == "all" && !self.separate_all))
                    .map(|(_, stanza)| stanza.as_str())
                    .collect::<Vec<_>>()
                    .join("\n");
                self.write_index(&dists, &component.name, architecture, &text, &mut listed)?;
                if self.contents {
                    self.write_contents(&dists, &component.name, architecture, &mut listed)?;
                }
            }
        }
        listed.sort_by(|one: &Listed, other| one.path.cmp(&other.path));
        let release = self.release(&listed, self.has(&PocketFault::OnlyMd5));
        self.write_release(&dists, &release, archive_key)
    }

    fn has(&self, fault: &PocketFault) -> bool {
        self.faults.contains(fault)
    }

    /// Writes the packages; the result has what indexes are to say of them.
    fn write_pool(&self, root: &Path) -> io::Result<Vec<Component>> {
        let mut components = Vec::new();
        for (component, debs) in &self.packages {
            let mut debs: Vec<_> = debs.iter().collect();
            debs.sort_by_key(|deb| (deb.name(), deb.version(), deb.architecture()));
            let mut stanzas = Vec::new();
            for deb in debs {
                let name = deb.name().to_owned();
                let mut bytes = deb.build();
                let source = deb.source_name();
                let letters = if source.starts_with("lib") { 4 } else { 1 };
                let filename = format!(
                    "pool/{}{component}/{}/{source}/{}",
                    self.component_prefix,
                    source.get(..letters).unwrap_or(source),
                    deb.file_name()
                );
                let mut sha256 = sha256_hex(&bytes);
                let mut size = bytes.len();
                if self.has(&PocketFault::PackageDigest(name.clone())) {
                    sha256 = sha256_hex(b"another package");
                }
                if self.has(&PocketFault::PackageSize(name.clone())) {
                    size += 1;
                }
                let mut stanza = deb.control();
                let _ = writeln!(stanza, "Filename: {filename}\nSize: {size}");
                if !self.has(&PocketFault::PackageWithoutDigest(name.clone())) {
                    let md5 = md5_hex(&bytes);
                    let _ = writeln!(stanza, "MD5sum: {md5}\nSHA256: {sha256}");
                }
                stanzas.push((deb.architecture().to_owned(), stanza));

                if self.has(&PocketFault::PackageTruncated(name.clone())) {
                    bytes.truncate(bytes.len() / 2);
                }
                if self.has(&PocketFault::PackageCorrupt(name.clone())) {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0xff;
                }
                if !self.has(&PocketFault::PackageMissing(name)) {
                    write_file(&root.join(filename), &bytes)?;
                }
            }
            components.push(Component {
                name: component.clone(),
                stanzas,
            });
        }
        Ok(components)
    }

    /// Writes one architecture's index in all its compressions, and lists it.
    fn write_index(
        &self,
        dists: &Path,
        component: &str,
        architecture: &str,
        text: &str,
        listed: &mut Vec<Listed>,
    ) -> io::Result<()> {
        let folder = format!("{component}/binary-{architecture}");
        let arch = architecture.to_owned();
        let mut compressions = self.compressions.clone();
        if !compressions.contains(&Compression::None) {
            compressions.push(Compression::None);
        }
        for compression in compressions {
            let name = format!("Packages{}", compression.extension());
            let mut bytes = compression.compress(text.as_bytes());
            if self.has(&PocketFault::IndexPlainDiffers(arch.clone(), compression)) {
                bytes = compression.compress(other_state(text).as_bytes());
            }
            if self.has(&PocketFault::IndexUndecodable(arch.clone(), compression)) {
                bytes = b"neither gzip nor xz".to_vec();
            }
            let sha256 = sha256_hex(&bytes);
            let mut entry = Listed {
                path: format!("{folder}/{name}"),
                size: bytes.len(),
                md5: md5_hex(&bytes),
                sha256: sha256.clone(),
            };
            if self.has(&PocketFault::IndexDigest(arch.clone())) {
                entry.md5 = md5_hex(b"another index");
                entry.sha256 = sha256_hex(format!("another {name}").as_bytes());
            }
            if self.has(&PocketFault::IndexSize(arch.clone())) {
                entry.size += 1;
            }
            if !self.has(&PocketFault::IndexUnlisted(arch.clone())) {
                listed.push(entry);
            }
            let exists = self.compressions.contains(&compression)
                && !self.has(&PocketFault::IndexMissing(arch.clone(), compression));
            if !exists {
                continue;
            }
            if self.has(&PocketFault::IndexCorrupt(arch.clone(), compression)) {
                corrupt(&mut bytes, -1);
            }
            if self.by_hash && !self.has(&PocketFault::NoByHash) {
                let by_hash = dists.join(&folder).join("by-hash/SHA256");
                write_file(&by_hash.join(sha256), &bytes)?;
            }
            if self.has(&PocketFault::StaleCanonical) {
                bytes = compression.compress(other_state(text).as_bytes());
            }
            write_file(&dists.join(&folder).join(name), &bytes)?;
        }
        Ok(())
    }

    /// Writes the index of the paths that one architecture's packages have, and lists it.
    fn write_contents(
        &self,
        dists: &Path,
        component: &str,
        architecture: &str,
        listed: &mut Vec<Listed>,
    ) -> io::Result<()> {
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let debs = self.packages.get(component).into_iter().flatten();
        for deb in debs.filter(|deb| deb.architecture() == architecture) {
            for path in deb.paths() {
                let package = format!("{}/{}", deb.section(), deb.name());
                paths.entry(path).or_default().push(package);
            }
        }
        let lines = paths.iter().map(|(path, packages)| {
            let path = path.trim_start_matches("./").trim_start_matches('/');
            format!("{path:<60} {}\n", packages.join(","))
        });
        let text: String = lines.collect();
        for compression in [Compression::None, Compression::Gzip] {
            let bytes = compression.compress(text.as_bytes());
            let name = format!("Contents-{architecture}{}", compression.extension());
            let sha256 = sha256_hex(&bytes);
            listed.push(Listed {
                path: format!("{component}/{name}"),
                size: bytes.len(),
                md5: md5_hex(&bytes),
                sha256: sha256.clone(),
            });
            if compression == Compression::Gzip {
                let folder = dists.join(component);
                if self.by_hash {
                    write_file(&folder.join("by-hash/SHA256").join(sha256), &bytes)?;
                }
                write_file(&folder.join(name), &bytes)?;
            }
        }
        Ok(())
    }

    fn write_release(&self, dists: &Path, text: &str, archive_key: &SigningKey) -> io::Result<()> {
        let fault = self.faults.iter().find_map(|fault| match fault {
            PocketFault::Signature(fault) => Some(*fault),
            _ => None,
        });
        let stranger = SigningKey::new(u64::MAX);
        let keys: Vec<&SigningKey> = match fault {
            Some(SignatureFault::UnknownKey) => vec![&stranger],
            _ if self.keys.is_empty() => vec![archive_key],
            _ => self.keys.iter().collect(),
        };
        let time = self.signed_at.unwrap_or(self.date);
        let clear = sign_clear_all(&keys, text, time);
        let altered = |text: &str| text.replacen("Origin: ", "Origin: Not", 1);
        let extra = "Origin: Nobody\nSuite: unsigned\n\n";

        use SignatureFault as Fault;
        let in_release = match fault {
            None | Some(Fault::UnknownKey) => Some(clear),
            Some(Fault::Altered) => Some(altered(&clear)),
            Some(Fault::Unsigned) => Some(text.to_owned()),
            Some(Fault::TextBefore) => Some(format!("{extra}{clear}")),
            Some(Fault::TextAfter) => Some(format!("{clear}\n{extra}")),
            Some(Fault::Truncated) => Some(clear[..clear.len() - 80].to_owned()),
            Some(Fault::NoInRelease | Fault::NoInReleaseUnsigned | Fault::NoRelease) => None,
        };
        let release = match fault {
            Some(Fault::Altered) => Some(altered(text)),
            Some(Fault::NoRelease) => None,
            _ => Some(text.to_owned()),
        };
        let detached = match fault {
            Some(Fault::Unsigned | Fault::NoInReleaseUnsigned | Fault::NoRelease) => None,
            _ => Some(sign_detached_all(&keys, text.as_bytes(), time)),
        };
        for (name, content) in [
            ("InRelease", in_release),
            ("Release", release),
            ("Release.gpg", detached),
        ] {
            let path = dists.join(name);
            match content {
                Some(content) => write_file(&path, content.as_bytes())?,
                // An archive that was written here before may have had it.
                None if path.exists() => fs::remove_file(&path)?,
                None => {}
            }
        }
        Ok(())
    }
}

/// The packages of a component.
struct Component {
    name: String,
    /// Each one's architecture, and its stanza for the index.
    stanzas: Vec<(String, String)>,
}

/// An index that is like `text` and is not it.
fn other_state(text: &str) -> String {
    format!("{text}\nPackage: of-another-state\nVersion: 1\nArchitecture: all\n")
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}
