//! Getting the contents of all packages, several at once.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use distil_debian::archive::{Archive, ArchiveError};
use distil_debian::deb::PackageFile;
use distil_debian::fetch::Fetcher;
use distil_debian::package::BinaryPackage;
use distil_store::{Store, parallel};

use crate::resolve::Resolution;

/// The contents of an image's packages, by name.
pub type Contents = BTreeMap<String, PackageFile>;

/// Fetches and unpacks the packages of an image, largest first, so that no core is left alone
/// with a large one at the end. `done` is told of each package.
///
/// # Errors
/// Of the packages that cannot be had, the largest's; what was fetched by then stays in the store.
pub fn fetch(
    resolution: &Resolution,
    archive: &Archive,
    store: &Store,
    fetcher: &Fetcher,
    threads: NonZeroUsize,
    done: &(dyn Fn(&BinaryPackage) + Sync),
) -> Result<Contents, ArchiveError> {
    let mut packages: Vec<&BinaryPackage> = resolution
        .packages()
        .map(|(_, selected)| &selected.package)
        .collect();
    packages.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    // Some wait for the network while others decompress.
    let wanted = threads.get() + fetcher.connections();
    let workers = NonZeroUsize::new(wanted.min(most_by_descriptors())).unwrap_or(NonZeroUsize::MIN);
    let fetched = parallel::try_map(&packages, workers, |package| {
        let file = archive.package(package, store, fetcher);
        done(package);
        file.map(|file| (package.name.clone(), file))
    });
    Ok(fetched?.into_iter().collect())
}

/// How many packages may be fetched and unpacked at once with what this process may have open: each
/// needs a connection, the file that it comes into, the one that it is unpacked from and the one
/// that it is unpacked to. Half of it is left for everything else.
fn most_by_descriptors() -> usize {
    distil_store::descriptor_limit() / 8
}
