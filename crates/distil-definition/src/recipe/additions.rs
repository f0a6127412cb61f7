//! What a definition adds by itself: directories and files.

use distil_tree::{PathError, TreePath};

use super::error::RecipeError;
use super::layer::{Addition, NewFile};
use super::part::Part;
use super::values::Lowering;
use crate::format::{DirectoryItem, FileItem};

/// The largest file that a definition may add, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// How many directories a path may lead through. Each of them is an entry of the image; a path of
/// nothing but slashes and letters would have 2,000.
const MAX_DEPTH: usize = 64;

/// Where the packages' metadata lies, and nothing else.
const METADATA: &str = "var/lib/dpkg/status.d";

impl Lowering<'_> {
    /// A path in the image.
    pub(super) fn path(&self, part: &Part, text: &str) -> Result<TreePath, RecipeError> {
        let expanded = self.expand(part, text)?;
        let path = TreePath::from_absolute(&expanded).map_err(|problem: PathError| {
            self.error(part, format!("the path `{}` {problem}", expanded))
        })?;
        if path.as_bytes().iter().filter(|byte| **byte == b'/').count() > MAX_DEPTH {
            let problem = format!("the path leads through more than {MAX_DEPTH} directories");
            return Err(self.error(part, problem));
        }
        if path.is_root() && !["directories", "downloads", "copy"].contains(&part.key) {
            return Err(self.error(part, "the root of the image is a directory"));
        }
        if part.key != "packages" && path.is_within(&TreePath::of(METADATA)) {
            let problem = format!(
                "`{path}` lies in `/{METADATA}`, where scanners take all that they find for packages"
            );
            return Err(self.error(part, problem));
        }
        Ok(path)
    }

    pub(super) fn directory(
        &self,
        part: &Part,
        item: &DirectoryItem,
    ) -> Result<Addition, RecipeError> {
        self.addition(part, &item.path, &item.owner, item.mode.as_deref())
    }

    pub(super) fn file(&self, part: &Part, item: &FileItem) -> Result<NewFile, RecipeError> {
        let addition = self.addition(part, &item.path, &item.owner, item.mode.as_deref())?;
        let bytes = match (&item.text, &item.from) {
            (Some(text), None) => self.expand(&part.key("text"), text)?.into_bytes(),
            (None, Some(from)) => self.read(&part.key("from"), from, MAX_FILE)?,
            (Some(_), Some(_)) => {
                let problem = format!("`{}` has both `text` and `from`", item.path);
                return Err(self.error(&part.key("path"), problem));
            }
            (None, None) => {
                let problem = format!("`{}` has neither `text` nor `from`", item.path);
                return Err(self.error(&part.key("path"), problem));
            }
        };
        Ok(NewFile {
            addition,
            bytes,
            from: item.from.clone(),
            replace: item.replace,
        })
    }

    fn addition(
        &self,
        part: &Part,
        path: &str,
        owner: &Option<String>,
        mode: Option<&str>,
    ) -> Result<Addition, RecipeError> {
        let path_part = part.key("path");
        if let Some(owner) = owner {
            self.check_harmless(&part.key("owner"), owner)?;
        }
        Ok(Addition {
            path: self.path(&path_part, path)?,
            owner: owner.clone(),
            mode: self.mode(&part.key("mode"), mode)?,
            position: self.position(&path_part),
            owner_position: self.position(&part.key("owner")),
        })
    }

    pub(super) fn mode(&self, part: &Part, text: Option<&str>) -> Result<Option<u32>, RecipeError> {
        let Some(text) = text else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        let parsed = parsed.filter(|mode| *mode <= 0o7777);
        parsed.map(Some).ok_or_else(|| {
            let problem = format!("`{text}` is not a mode in octal digits, such as `0755`");
            self.error(part, problem)
        })
    }
}
