//! Getting the contents of all packages, several at once.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use distil_debian::archive::{Archive, ArchiveError};
use distil_debian::deb::PackageFile;
use distil_debian::fetch::Fetcher;
use distil_debian::package::BinaryPackage;
use distil_store::Store;

use crate::resolve::Resolution;

/// The contents of an image's packages, by name.
pub type Contents = BTreeMap<String, PackageFile>;

/// Fetches and unpacks the packages of an image, largest first, so that no core is left alone
/// with a large one at the end. `done` is told of each package.
///
/// # Errors
/// The first that happens; what was fetched by then stays in the store.
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
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    // Some wait for the network while others decompress.
    let workers = threads.get() + fetcher.connections();
    std::thread::scope(|scope| {
        for _ in 0..workers.min(packages.len()) {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while !failed.load(Ordering::Relaxed) {
                    let Some(package) = packages.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return;
                    };
                    let result = archive.package(package, store, fetcher);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    done(package);
                    if sender
                        .send(result.map(|file| (package.name.clone(), file)))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(sender);
        results.into_iter().collect()
    })
}
