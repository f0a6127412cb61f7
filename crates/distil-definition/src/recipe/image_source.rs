//! Parts of other images that a definition copies, as `COPY --from` of a Dockerfile does.

use distil_oci::Location;
use distil_tree::TreePath;

use super::bundle::{BundleSource, ImageSource, NewBundle, Placement};
use super::error::RecipeError;
use super::part::Part;
use super::values::Lowering;
use crate::elsewhere::CopyItem;

impl Lowering<'_> {
    /// An entry of `copy` that names an image and a path in it.
    pub(super) fn copy_of_image(
        &self,
        part: &Part,
        item: &CopyItem,
    ) -> Result<NewBundle, RecipeError> {
        let from_part = part.key("from");
        let written = self.expand(&from_part, &item.from)?;
        let wrong = |problem: &str| self.error(&from_part, format!("`{written}` {problem}"));
        // The transport ends at the first colon: `docker://…` has no path there.
        let colon = written
            .rfind(":/")
            .filter(|&at| Some(at) != written.find(':'));
        let Some((place, path)) =
            colon.and_then(|at| Some((written.get(..at)?, written.get(at + 1..)?)))
        else {
            return Err(wrong(
                "names an image and no path in it; the path follows behind a colon and begins with a slash, as \
                 in `oci-archive:build.tar:/out/app`",
            ));
        };
        let location: Location = place
            .parse()
            .map_err(|error| self.error(&from_part, error))?;
        let path = TreePath::from_absolute(path)
            .map_err(|problem| wrong(&format!("names a path in the image that {problem}")))?;
        let location = self.beside(&from_part, location)?;
        let (exclude, written_rules) = self.rules(&part.key("exclude"), &item.exclude)?;
        let placement =
            self.placement("copy", part, &item.to, &item.owner, item.mode.as_deref())?;
        let to = match path.name().filter(|_| item.to.ends_with('/')) {
            // Whether it is a file is not known yet.
            Some(name) => placement.to.join(name),
            None => placement.to.clone(),
        };
        Ok(NewBundle {
            source: BundleSource::Image(Box::new(ImageSource {
                from: item.from.clone(),
                location,
                path,
                exclude,
                exclude_lines: written_rules.into_iter().map(|(line, _)| line).collect(),
                found: None,
                position: self.position(&from_part),
                file_to: to,
            })),
            placement: Placement {
                position: self.position(&from_part),
                ..placement
            },
            component: None,
        })
    }

    /// The location with its path as the definition means it: beside the definition or below, as that of
    /// every file.
    fn beside(&self, part: &Part, location: Location) -> Result<Location, RecipeError> {
        let find = |path: std::path::PathBuf| {
            let name = path.to_str();
            let name = name.ok_or_else(|| self.error(part, "a path is not UTF-8"))?;
            self.find(part, name)
        };
        Ok(match location {
            Location::Oci { path, tag } => Location::Oci {
                path: find(path)?,
                tag,
            },
            Location::OciArchive { path, tag } => Location::OciArchive {
                path: find(path)?,
                tag,
            },
            Location::DockerArchive { path, name } => Location::DockerArchive {
                path: find(path)?,
                name,
            },
            Location::RootFs(path) => {
                let problem = format!(
                    "`rootfs:` is a directory: say `from: {}`, with the path behind it",
                    path.display()
                );
                return Err(self.error(part, problem));
            }
            other => other,
        })
    }
}
