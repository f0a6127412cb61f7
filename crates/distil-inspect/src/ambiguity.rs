//! What engines do not agree on: layers that one of them applies otherwise than another, or rejects.
//!
//! Each kind was tried with Docker 20.10 and Podman 4.3, both on overlay and on vfs, and with
//! containerd 1.6 on overlay; the table of cases is in `tests/layers.rs`. An engine on overlay
//! extracts each layer into a directory of its own and lets overlayfs put these on top of one
//! another; one on vfs extracts them all into the same directory.

use std::fmt;

use distil_tree::TreePath;

/// Something in a layer that engines read in several ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguity {
    /// Where it is.
    pub path: TreePath,
    /// What it is.
    pub kind: AmbiguityKind,
}

/// What engines do not agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AmbiguityKind {
    /// Members lie in a directory that the layer has no member for, and the layers below have a
    /// link there: overlay makes a directory that hides the link, vfs follows the link.
    DirectoryOverLink {
        /// The target of the link that is hidden.
        target: Vec<u8>,
    },
    /// As [`Self::DirectoryOverLink`], where the layers below have a file: overlay makes a directory
    /// that hides the file, vfs rejects the layer.
    DirectoryOverFile,
    /// Members lie in a directory that the layer has no member for: Docker and Podman on overlay
    /// give it to root with mode 0755, the others leave it as the layers below have it.
    DirectoryMode,
    /// An opaque marker in the root: overlay ignores it, vfs removes all layers below.
    OpaqueRoot,
    /// An opaque marker behind a link of the same layer: overlay follows the link, vfs does not.
    OpaqueBehindLink,
    /// An opaque marker after members that lie behind a link of the layer, or in directories that it
    /// has no member for: overlay keeps them, vfs removes them.
    OpaqueAfterMember,
    /// A whiteout for what a member before it in the same layer is: overlay rejects the layer, vfs
    /// removes the member.
    WhiteoutOfMember,
    /// A directory behind a whiteout of the same name, in the same layer: what layers below have in
    /// it is there again on overlay, and not on vfs.
    DirectoryAfterWhiteout,
    /// A member in a directory of which a whiteout in the same layer says that it is gone: overlay
    /// rejects the layer, vfs makes the directory anew.
    MemberInWhiteout,
    /// Two members of one name: Docker and Podman reject the layer, containerd takes the last.
    DuplicateMember,
    /// A member that is not a directory, after members in a directory of its name: these are gone, and
    /// engines reject the layer if directories are among them.
    ReplacedDirectory,
    /// A hard link to what only a layer below has: overlay rejects the layer.
    HardLinkBelow {
        /// Where it leads.
        target: TreePath,
    },
    /// A member behind a link of the same layer whose directory the layer does not have: Docker and
    /// Podman on overlay reject the layer.
    LinkOutOfLayer,
    /// An attribute that is overlayfs's own: containerd sets it, and overlayfs then hides or moves
    /// what layers below have.
    OverlayAttribute,
}

impl AmbiguityKind {
    /// Whether only owner and mode of a directory are in question.
    pub fn is_mode_alone(&self) -> bool {
        *self == Self::DirectoryMode
    }
}

/// Displays as a phrase that follows the path.
impl fmt::Display for AmbiguityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectoryOverLink { target } => write!(
                f,
                "has members in the layer and no directory member of its own, over a link to `{}`: \
                 overlay engines hide the link behind a new directory, others follow it",
                distil_tree::printable(target)
            ),
            Self::DirectoryOverFile => f.write_str(
                "has members in the layer and no directory member of its own, over a file: overlay \
                 engines make a directory, others reject the layer",
            ),
            Self::DirectoryMode => f.write_str(
                "has members in the layer and no directory member of its own: Docker and Podman give \
                 it to root with mode 0755, other engines leave it as the layers below have it",
            ),
            Self::OpaqueRoot => f.write_str(
                "has an opaque marker: overlay engines ignore it, others remove all layers below",
            ),
            Self::OpaqueBehindLink => f.write_str(
                "has an opaque marker behind a link of the same layer: overlay engines follow the \
                 link, others do not",
            ),
            Self::OpaqueAfterMember => f.write_str(
                "has an opaque marker after members that lie behind a link, or in directories without \
                 a member: overlay engines keep them, others remove them",
            ),
            Self::WhiteoutOfMember => f.write_str(
                "has a whiteout behind it in the same layer: overlay engines reject the layer, others \
                 remove the file",
            ),
            Self::DirectoryAfterWhiteout => f.write_str(
                "is a directory behind a whiteout of its name in the same layer: overlay engines show \
                 what the layers below have in it, others do not",
            ),
            Self::MemberInWhiteout => f.write_str(
                "has members in the layer behind a whiteout of its name: overlay engines reject the \
                 layer",
            ),
            Self::DuplicateMember => {
                f.write_str("is in the layer twice: Docker and Podman reject the layer")
            }
            Self::ReplacedDirectory => f.write_str(
                "takes the place of a directory with members of the same layer: engines reject it, or \
                 lose these members",
            ),
            Self::HardLinkBelow { target } => write!(
                f,
                "is a hard link to `{target}` of a layer below: overlay engines reject the layer"
            ),
            Self::LinkOutOfLayer => f.write_str(
                "lies behind a link of the same layer to a directory that this layer does not have: \
                 Docker and Podman reject the layer",
            ),
            Self::OverlayAttribute => f.write_str(
                "has an extended attribute of overlayfs, which then hides or moves what the layers \
                 below have",
            ),
        }
    }
}
