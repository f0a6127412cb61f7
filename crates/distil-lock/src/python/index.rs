//! Package indexes: which files a distribution has there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use distil_app::python::WheelName;
use distil_app::python::index::{IndexFile, files};
use distil_app::python::lock::{Artifact, ArtifactPlace, Distribution};
use distil_debian::fetch::{Address, FetchError, Fetcher};
use distil_definition::recipe::NewPython;
use distil_net::Url;

/// The largest page; those of the largest distributions have some megabytes.
const MAX_PAGE: u64 = 64 << 20;

/// The files of distributions, by the index and the name of the distribution.
type Pages = BTreeMap<(Url, String), Arc<[Found]>>;

/// The indexes that are asked, and what they answered.
pub struct Indexes<'a> {
    fetcher: &'a Fetcher,
    /// Those that the user's environment names.
    named: Vec<Url>,
    pages: Mutex<Pages>,
}

/// A file with its full address, which may have a password in it.
struct Found {
    file: IndexFile,
    url: Url,
}

/// What an index has of a distribution.
pub(super) struct Indexed {
    pub(super) wheels: Vec<Artifact>,
    pub(super) has_source: bool,
}

impl<'a> Indexes<'a> {
    /// Indexes through a fetcher: `named` are those of the user's environment.
    pub fn new(fetcher: &'a Fetcher, named: Vec<Url>) -> Self {
        Self {
            fetcher,
            named,
            pages: Mutex::default(),
        }
    }

    /// The wheels of a distribution whose digests the lock has, from the first index that has any.
    pub(super) fn wheels(
        &self,
        distribution: &Distribution,
        python: &NewPython,
    ) -> Result<Indexed, (Vec<String>, Option<FetchError>)> {
        let mut asked = Vec::new();
        let mut failure = None;
        let indexes = self.of(python, true);
        if indexes.is_empty() {
            asked.push("none, since none is named".to_owned());
        }
        for index in indexes {
            asked.push(format!("`{index}`"));
            let page = match self.page(&index, distribution) {
                Ok(page) => page,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            let known = page.iter().map(|one| &one.file).filter(|one| {
                one.sha256
                    .is_some_and(|digest| distribution.hashes.contains(&digest))
            });
            let mut found = Indexed {
                wheels: Vec::new(),
                has_source: false,
            };
            for one in known {
                let (Some(sha256), true) = (one.sha256, WheelName::parse(&one.file).is_ok()) else {
                    found.has_source = true;
                    continue;
                };
                found.wheels.push(Artifact {
                    file: one.file.clone(),
                    place: ArtifactPlace::Url(one.href.clone()),
                    sha256,
                    size: None,
                });
            }
            if found.has_source || !found.wheels.is_empty() {
                return Ok(found);
            }
        }
        Err((asked, failure))
    }

    /// Where the indexes that the user names have a file of a lock; `all` indexes, where the lock
    /// itself gives no address.
    pub(super) fn mirrored(
        &self,
        distribution: &Distribution,
        artifact: &Artifact,
        python: &NewPython,
        all: bool,
    ) -> Vec<Address> {
        let mut places = Vec::new();
        for index in self.of(python, all) {
            // One that fails is passed over: the lock's own address is left.
            let Ok(page) = self.page(&index, distribution) else {
                continue;
            };
            let same = page.iter().find(|one| match one.file.sha256 {
                Some(digest) => digest == artifact.sha256,
                None => one.file.file == artifact.file,
            });
            places.extend(same.map(|one| Address::Remote(one.url.clone())));
        }
        places
    }

    /// The indexes in the order in which they are asked: those of the definition, of the user's
    /// environment, and for what the lock names no address of, its own. None is built in: a lock that
    /// names none is of an index that its user knows.
    fn of(&self, python: &NewPython, all: bool) -> Vec<Url> {
        let mut indexes = python.indexes.clone();
        indexes.extend(self.named.iter().cloned());
        if all {
            indexes.extend(
                python
                    .lock
                    .indexes()
                    .iter()
                    .filter_map(|one| one.parse().ok()),
            );
        }
        indexes
    }

    /// The files of a distribution, with their full addresses; each page is asked for once.
    fn page(&self, index: &Url, distribution: &Distribution) -> Result<Arc<[Found]>, FetchError> {
        let key = (index.clone(), distribution.name.to_string());
        let known = self
            .pages
            .lock()
            .ok()
            .and_then(|pages| pages.get(&key).cloned());
        if let Some(page) = known {
            return Ok(page);
        }
        let url = index.below(&format!("{}/", distribution.name));
        let bytes = match self.fetcher.page(&url, MAX_PAGE) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => Vec::new(),
            Err(error) => return Err(error),
        };
        let found = files(&String::from_utf8_lossy(&bytes)).into_iter();
        let found = found.filter_map(|file| {
            let url = url.join(&file.href).ok()?;
            Some(Found { file, url })
        });
        let page: Arc<[Found]> = found.collect();
        if let Ok(mut pages) = self.pages.lock() {
            pages.insert(key, Arc::clone(&page));
        }
        Ok(page)
    }
}
