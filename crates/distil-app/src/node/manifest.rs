//! What the `package.json` of a package says that pnpm's lock does not: commands, and scripts that would be run
//! when it is installed.

use std::io::{self, Read};

use distil_tree::TreePath;
use distil_tree::tar::{MemberKind, Reader};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tarball::{LIMITS, TarballError, without_first};

/// The largest `package.json`.
const MAX_MANIFEST: u64 = 4 << 20;

/// Scripts that are run when a package is installed (npm's documentation, "Scripts").
const SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// What a package says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageManifest {
    /// The commands with their files.
    pub bins: Vec<(String, String)>,
    /// Whether it has scripts that would be run.
    pub has_install_script: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    name: Option<String>,
    bin: Value,
    scripts: serde_json::Map<String, Value>,
}

impl PackageManifest {
    /// Reads it from the archive of a package.
    ///
    /// # Errors
    /// If the archive is damaged. One without a `package.json`, or with one that is none, says nothing.
    pub fn read(archive: impl Read) -> Result<Self, TarballError> {
        let mut text = Vec::new();
        let mut has_gyp = false;
        Reader::new(MultiGzDecoder::new(archive), LIMITS).for_each(
            |member, content| -> Result<(), TarballError> {
                let MemberKind::File(size) = member.kind else {
                    return Ok(());
                };
                let path = TreePath::from_archive(&member.path).ok();
                let path = path.and_then(|path| without_first(&path));
                match path.as_ref().and_then(TreePath::as_str) {
                    Some("binding.gyp") => has_gyp = true,
                    Some("package.json") if size <= MAX_MANIFEST => {
                        text.clear();
                        content.read_to_end(&mut text).map_err(io::Error::other)?;
                    }
                    _ => {}
                }
                Ok(())
            },
        )?;
        let document: Document = serde_json::from_slice(&text).unwrap_or_default();
        let has = |name: &&str| document.scripts.contains_key(*name);
        // What is there to be compiled is compiled, if the package says nothing else.
        let is_compiled = has_gyp && !SCRIPTS.iter().take(2).any(has);
        let name = document.name.unwrap_or_default();
        Ok(Self {
            bins: commands(&document.bin, &name),
            has_install_script: is_compiled || SCRIPTS.iter().any(has),
        })
    }
}

/// The commands of a package with their files. A name's directories are dropped, as
/// `npm-normalize-package-bin` does.
pub(super) fn commands(bin: &Value, package: &str) -> Vec<(String, String)> {
    let base = |name: &str| {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        name.trim_start_matches('.').to_owned()
    };
    let commands: Vec<(String, String)> = match bin {
        Value::String(file) => vec![(base(package), file.clone())],
        Value::Object(all) => {
            let all = all.iter();
            let all = all.filter_map(|(name, file)| Some((base(name), file.as_str()?.to_owned())));
            all.collect()
        }
        _ => Vec::new(),
    };
    let is_name = |name: &str| !name.is_empty() && name.len() < 200 && !name.contains('\0');
    commands
        .into_iter()
        .filter(|(name, _)| is_name(name))
        .collect()
}
