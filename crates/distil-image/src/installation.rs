//! How packages come into an image.

use distil_definition::recipe::Recipe;
use distil_definition::{Accounts, Policy};
use distil_lock::Contents;

use crate::generation::GenerateError;
use crate::installed;

/// How packages come into an image, and all that differs by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installation {
    /// Their files alone, without what nothing reads at run time.
    FilesOnly,
    /// As dpkg(1) installs them, so that apt goes on from there: what a `dev` has.
    AsDpkg,
}

impl Installation {
    /// That of a recipe.
    pub(crate) fn of(recipe: &Recipe) -> Self {
        match recipe.variant.is_dev() {
            true => Self::AsDpkg,
            false => Self::FilesOnly,
        }
    }

    /// The policy by which files are left out, beside what definitions say; none if packages are
    /// there whole.
    pub(crate) fn policy(self) -> Option<&'static Policy> {
        match self {
            Self::FilesOnly => Some(Policy::default_policy()),
            Self::AsDpkg => None,
        }
    }

    /// The accounts of an image whose definitions and packages have these so far.
    pub(crate) fn accounts(
        self,
        so_far: Accounts,
        contents: &Contents,
    ) -> Result<Accounts, GenerateError> {
        match self {
            Self::FilesOnly => Ok(so_far),
            Self::AsDpkg => Ok(installed::masters(contents)?.with(&so_far)),
        }
    }

    /// Whether the scripts of a package are followed. Where only its files are, those of which it
    /// is known that nothing is missing are not; dpkg's databases have their effects, too.
    pub(crate) fn follows_scripts_of(self, package: &str) -> bool {
        self == Self::AsDpkg || !Policy::default_policy().scripts.contains_key(package)
    }

    /// Why nothing is missing of what a package's scripts would do, where that is known.
    pub(crate) fn covers_scripts_of(self, package: &str) -> Option<&'static str> {
        let everywhere = Policy::default_policy().scripts.get(package);
        let made = match self {
            Self::FilesOnly => &[],
            Self::AsDpkg => installed::MADE,
        };
        let here = || made.iter().find(|(name, _)| *name == package);
        everywhere
            .map(String::as_str)
            .or_else(|| here().map(|(_, why)| *why))
    }
}
