//! What can be wrong with a lock of npm or pnpm.

use super::integrity::IntegrityError;

/// Why a lock of npm or pnpm cannot be used. The messages follow its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeLockError {
    /// It is not JSON, or lacks what the format has.
    #[error("is not valid: {0}")]
    Json(String),
    /// It is not YAML, or lacks what pnpm's format has.
    #[error("is not valid: {0}")]
    Yaml(String),
    /// It is of another version of pnpm's format.
    #[error(
        "has `lockfileVersion` {0}, and 9.0 is read; `pnpm install --lockfile-only` of pnpm 9 or 10 writes it anew"
    )]
    PnpmVersion(String),
    /// It is of a package manager whose locks are not read.
    #[error(
        "is not a `package-lock.json` or `pnpm-lock.yaml`; Yarn's locks are not read: `npm install --package-lock-only` makes one of npm's"
    )]
    Yarn,
    /// It names a package that it does not describe.
    #[error("needs `{0}` and does not describe it; write it anew")]
    Incomplete(String),
    /// A directory that is linked, or a project, lies elsewhere.
    #[error("links the directory `{0}`, which does not lie beside the lock or below")]
    Outside(String),
    /// A package is changed by a patch when it is installed.
    #[error(
        "patches `{0}`, which is not done here; publish the patched package, or pack it with `npm pack` and copy it with your own code"
    )]
    Patched(String),
    /// It has a version of the format that does not say where packages go.
    #[error(
        "has `lockfileVersion` {0}, and 2 and 3 are read; `npm install --package-lock-only` of npm 7 or later writes it anew"
    )]
    Version(u64),
    /// A path is none of a package.
    #[error("places a package at `{}`, which is not below the project's directory", .0.escape_debug())]
    Path(String),
    /// A package is not from an archive that can be verified.
    #[error(
        "has `{path}` from {from}, which is not an archive with a digest; publish it to a registry, or pack it with `npm pack` and copy it with your own code"
    )]
    Source {
        /// Where it goes.
        path: String,
        /// What it is from, without credentials.
        from: String,
    },
    /// A package has no digest.
    #[error(
        "has no `integrity` of `{0}`, and nothing is installed without one; remove the lock and `node_modules`, and run `npm install` again"
    )]
    NoIntegrity(String),
    /// What is to be a digest is none.
    #[error("has no valid `integrity` of `{path}`")]
    Integrity {
        /// Where it goes.
        path: String,
        /// Why.
        source: IntegrityError,
    },
    /// A package that must be there is for other machines.
    #[error("has `{path}`, which is for {wanted} alone, and the image is {target}")]
    Platform {
        /// Where it goes.
        path: String,
        /// What it is for.
        wanted: String,
        /// What the image is.
        target: String,
    },
    /// There are more packages than any application has.
    #[error("has more than {0} packages")]
    TooMany(usize),
}
