//! Files of a layer that no Debian package ships, before they are had.

use std::sync::Arc;

use distil_bundle::{ArchiveFormat, Component, Listing, PathRules};
use distil_net::Url;
use distil_oci::Location;
use distil_store::Digest;
use distil_tree::TreePath;

use super::position::Position;

/// Files from elsewhere that a definition brings as one thing.
#[derive(Debug, Clone)]
pub struct NewBundle {
    /// Where they are from.
    pub source: BundleSource,
    /// Where they go.
    pub placement: Placement,
    /// What they are to scanners.
    pub component: Option<Component>,
}

/// Where the files of a bundle are from.
#[derive(Debug, Clone)]
pub enum BundleSource {
    /// An address.
    Download(Download),
    /// A directory of this machine.
    Directory {
        /// The directory, as the definition names it.
        from: String,
        /// What it has.
        listing: Arc<Listing>,
    },
    /// A part of another image.
    Image(Box<ImageSource>),
    /// The health probe that is part of distil, which has these bytes.
    Probe(&'static [u8]),
}

/// A part of another image.
#[derive(Debug, Clone)]
pub struct ImageSource {
    /// The image and the path in it, as the definition names them.
    pub from: String,
    /// Where the image is.
    pub location: Location,
    /// The path in it: a file, or a directory whose contents are taken.
    pub path: TreePath,
    /// Where it goes if it is a file; a directory goes to where its placement says.
    pub file_to: TreePath,
    /// What of a directory is left out.
    pub exclude: PathRules,
    /// The lines of these rules.
    pub exclude_lines: Vec<String>,
    /// The digest of what the location leads to, an image or an index of images, and its size as far as it
    /// is known; none before somebody has looked.
    pub found: Option<(Digest, u64)>,
    /// The position of `from`.
    pub position: Position,
}

/// Something that is downloaded.
#[derive(Debug, Clone)]
pub struct Download {
    /// Its address.
    pub url: Url,
    /// The digest of its bytes; without one, it can be looked at and not used.
    pub digest: Option<Digest>,
    /// What it is.
    pub format: ArchiveFormat,
    /// The position of its digest in the definition, or of its address if it has none.
    pub position: Position,
}

/// Where the files of a bundle go in an image, and which of them.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The key of the definition that says so, for messages.
    pub key: &'static str,
    /// The directory that they go to; of a bundle that is one file, its path.
    pub to: TreePath,
    /// How many leading directories are taken off their paths.
    pub strip: usize,
    /// Which of them are taken; all, if there are no rules.
    pub only: PathRules,
    /// The lines of these rules as they are written, with their positions.
    pub only_written: Vec<(String, Position)>,
    /// The name or number of the owner, and behind a colon of the group; root if there is none.
    pub owner: Option<String>,
    /// The mode of files; 0644, and 0755 of programs, if there is none.
    pub mode: Option<u32>,
    /// The position of `to`.
    pub position: Position,
    /// The position of the owner.
    pub owner_position: Position,
}

impl Placement {
    /// All files, to a directory, owned by root, without a position in any definition.
    pub fn whole(key: &'static str, to: TreePath) -> Self {
        Self {
            key,
            to,
            strip: 0,
            only: PathRules::none(),
            only_written: Vec::new(),
            owner: None,
            mode: None,
            position: Position::default(),
            owner_position: Position::default(),
        }
    }

    /// The mode of a file or directory.
    pub fn mode_of(&self, is_executable: bool) -> u32 {
        let Some(mode) = self.mode else {
            return if is_executable { 0o755 } else { 0o644 };
        };
        // As `chmod a+X`: who may read it may execute it.
        let execute = if is_executable {
            (mode & 0o444) >> 2
        } else {
            0
        };
        mode | execute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_a_program_may_execute_it() {
        let mut placement = Placement::whole("copy", TreePath::of("app"));
        assert_eq!(placement.mode_of(false), 0o644);
        assert_eq!(placement.mode_of(true), 0o755);
        placement.mode = Some(0o640);
        assert_eq!(placement.mode_of(false), 0o640);
        assert_eq!(placement.mode_of(true), 0o750);
    }
}
