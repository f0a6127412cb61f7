//! Packages that a definition names as files: `./dist/shop_1.2_${arch}.deb`.

use std::fs::File;

use distil_debian::package::BinaryPackage;

use super::error::RecipeError;
use super::layer::LocalPackage;
use super::part::Part;
use super::values::Lowering;

impl LocalPackage {
    /// The relation that means this very package.
    pub(super) fn relation(&self) -> String {
        format!("{} (= {})", self.package.name, self.package.version)
    }
}

/// Whether an entry of `packages` is the path of a file: no relation has a slash in it or such an
/// end.
fn is_path(text: &str) -> bool {
    text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with('/')
        || text.ends_with(".deb")
}

impl Lowering<'_> {
    /// The package of a file that an entry names; none if it names none.
    pub(super) fn local_package(
        &self,
        part: &Part,
        text: &str,
    ) -> Result<Option<LocalPackage>, RecipeError> {
        if !is_path(text) {
            return Ok(None);
        }
        let from = self.expand(part, text)?;
        self.check_harmless(part, &from)?;
        let wrong = |problem: String| RecipeError::File {
            path: from.clone().into(),
            problem,
            position: self.position(part),
        };
        let path = self.find(part, &from)?;
        let metadata = std::fs::metadata(&path);
        let metadata = metadata.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong("does not exist".to_owned()),
            _ => wrong(format!("cannot be read: {error}")),
        })?;
        if !metadata.is_file() {
            return Err(wrong("is not a regular file".to_owned()));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| wrong("has a name that is not UTF-8".to_owned()))?;
        let file = File::open(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let package = BinaryPackage::of_file(file, name).map_err(|error| {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            wrong(text)
        })?;
        let architecture = self.architecture();
        if package.architecture != "all" && package.architecture != architecture {
            return Err(wrong(format!(
                "is a package for {}, and the image is for {architecture}; `${{arch}}` in its name \
                 stands for the architecture of the image",
                package.architecture
            )));
        }
        Ok(Some(LocalPackage {
            from,
            path,
            package,
        }))
    }
}
