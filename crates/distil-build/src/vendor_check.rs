//! Whether a directory that `vendor` filled has what its locks need.

use std::collections::BTreeMap;
use std::path::Path;

use distil_debian::archive::{Archive, ArchiveOptions, Mirrors};
use distil_debian::fetch::copy_path;
use distil_debian::suite::Suite;
use distil_lock::ArchiveFile;
use distil_store::unfinished::ScratchDirectory;
use distil_store::{Digest, Store};

use crate::error::BuildError;
use crate::lock_path::LockPath;
use crate::platforms::architectures;
use crate::request::suite;
use crate::session::Session;
use crate::vendored::{FileState, VendorError, copy_state, locks, mirror, packages_in, state};

/// What a directory lacks.
#[derive(Debug, Default)]
pub struct VendorCheck {
    /// The locks in it, by their file names.
    pub locks: Vec<String>,
    /// How many files were read.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, sorted by path.
    pub faults: Vec<VendorFault>,
    /// Packages that no lock needs, by their paths below the directory, sorted.
    pub not_needed: Vec<String>,
}

/// A file of a directory that is not as a lock needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorFault {
    /// Its path below the directory.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Session {
    /// Reads everything that the locks in a directory need, and says what is missing or damaged.
    /// Nothing is asked over a network.
    ///
    /// # Errors
    /// If there are no locks, or something cannot be read for another reason.
    pub fn check_vendored(&self, directory: &Path) -> Result<VendorCheck, BuildError> {
        let mut check = VendorCheck::default();
        let mut needed: BTreeMap<String, ArchiveFile> = BTreeMap::new();
        let mut archives = Vec::new();
        let mut downloads: BTreeMap<String, Digest> = BTreeMap::new();
        for path in locks(directory)? {
            let Some(file) = LockPath::find(&path)?.lock()? else {
                continue;
            };
            let name = path.file_name().unwrap_or_default();
            check.locks.push(name.to_string_lossy().into_owned());
            // Images are no files of a directory.
            let is_file = |url: &str| !url.starts_with("docker://");
            for download in file.downloads.iter().filter(|one| is_file(&one.url)) {
                let name = copy_path("SHA256", download.digest.as_bytes());
                downloads.insert(name, download.digest);
            }
            for platform in &file.platforms {
                for one in file.packages_of(&platform.platform) {
                    needed.insert(one.file.path.clone(), one.file);
                }
                let archive = (file.suite.clone(), platform.platform.clone());
                if !archives.contains(&archive) {
                    archives.push(archive);
                }
            }
        }
        for file in needed.values() {
            check.files += 1;
            check.bytes += file.size;
            let problem = match state(directory, file)? {
                FileState::Whole => continue,
                FileState::Missing => "is missing".to_owned(),
                FileState::Damaged(problem) => problem,
            };
            let path = file.path.clone();
            check.faults.push(VendorFault { path, problem });
        }
        for (name, digest) in downloads {
            check.files += 1;
            let problem = match copy_state(directory, &name, &digest)? {
                (FileState::Whole, size) => {
                    check.bytes += size;
                    continue;
                }
                (FileState::Missing, _) => "is missing".to_owned(),
                (FileState::Damaged(problem), _) => problem,
            };
            let path = name;
            check.faults.push(VendorFault { path, problem });
        }
        for (suite_name, platform) in archives {
            let suite = suite(&suite_name)?;
            for architecture in architectures(&[platform], suite)? {
                let fault = self.index_fault(directory, suite, architecture.debian())?;
                let fault = fault.map(|problem| VendorFault {
                    path: format!("dists/{suite_name}"),
                    problem,
                });
                // What is wrong with a Release is wrong for all platforms.
                check
                    .faults
                    .extend(fault.filter(|one| !check.faults.contains(one)));
            }
        }
        for path in packages_in(directory)? {
            if !needed.contains_key(&path) {
                check.not_needed.push(path);
            }
        }
        check.not_needed.sort_unstable();
        Ok(check)
    }

    /// What is wrong with the signed files of a directory, which are read as if nothing were in the
    /// store.
    fn index_fault(
        &self,
        directory: &Path,
        suite: Suite,
        architecture: &str,
    ) -> Result<Option<String>, BuildError> {
        let empty = ScratchDirectory::new().map_err(|source| VendorError::Write {
            path: std::env::temp_dir(),
            source,
        })?;
        let store = Store::open(empty.path())?;
        let options = ArchiveOptions {
            mirrors: Mirrors::unnamed(vec![mirror(directory)?]),
            allow_expired: true,
            ..self.archive_of(suite, architecture, &[])?
        };
        let files = Archive::open(&options, &store, &self.fetcher)
            .and_then(|archive| archive.index_files(&store, &self.fetcher));
        // One line of a table.
        Ok(files
            .err()
            .map(|error| error.to_string().replace("\n ", ":")))
    }
}
