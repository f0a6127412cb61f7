//! Where packages come from beside Debian's release: other archives, other components, backports.

use std::path::Path;

use distil_debian::archive::{InvalidMoment, Keys, Moment, PocketOptions, PocketPlace};
use distil_debian::fetch::Mirror;
use distil_debian::openpgp::Keyring;
use distil_debian::sources::{SignedBy, Source as AptSource, SourceType, Sources};
use distil_tree::Patterns;

use super::error::RecipeError;
use super::part::Part;
use super::values::Lowering;
use crate::elsewhere::ArchiveItem;

/// The largest file of sources, in bytes.
const MAX_SOURCES: u64 = 1 << 20;

/// The largest keyring, in bytes.
const MAX_KEYRING: u64 = 16 << 20;

/// The most suites of other archives that an image may have.
const MAX_ARCHIVES: usize = 64;

/// Where packages come from beside Debian's release.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// Suites of other archives.
    pub archives: Vec<NewArchive>,
    /// Debian's components beside `main`.
    pub components: Vec<String>,
    /// Packages that are taken from backports, each with the number of the layer from which on.
    pub backports: Vec<(usize, String)>,
}

/// A suite of another archive.
#[derive(Debug, Clone)]
pub struct NewArchive {
    /// Where it is, and whose signatures count.
    pub pocket: PocketOptions,
    /// The number of the lowest layer that may have packages of it: layers below are the same
    /// whether there is such an archive or not.
    pub layer: usize,
    /// Patterns of the packages that it may provide, each with a slash before it; if there is none,
    /// those that Debian does not have, and those that are asked for by name.
    pub packages: Option<Patterns>,
    /// How much its packages are preferred.
    pub priority: Option<i32>,
}

impl Origins {
    /// Says that all layers are one.
    pub(super) fn lie_in_one_layer(&mut self) {
        for archive in &mut self.archives {
            archive.layer = 0;
        }
        for (layer, _) in &mut self.backports {
            *layer = 0;
        }
    }
}

impl Lowering<'_> {
    /// Adds what the definition says of that; `layer` is the number of its own layer.
    pub(super) fn add_origins(
        &self,
        layer: usize,
        origins: &mut Origins,
    ) -> Result<(), RecipeError> {
        let (definition, distribution) = (self.definition, self.suite().distribution);
        for (index, name) in definition.components.iter().enumerate() {
            let part = Part::of("components").index(index);
            if !distribution.has_component(name) {
                let known: Vec<&str> = distribution.all_components().collect();
                let problem = format!(
                    "{}'s archive has no component `{name}`, but `{}`",
                    distribution.name,
                    known.join("`, `")
                );
                return Err(self.error(&part, problem));
            }
            let is_usual = distribution.components.contains(&name.as_str());
            if !is_usual && !origins.components.contains(name) {
                origins.components.push(name.clone());
            }
        }
        for (index, name) in definition.backports.iter().enumerate() {
            let part = Part::of("backports").index(index);
            let relation = distil_debian::relation::Relation::to_any_version(name);
            relation.map_err(|error| self.error(&part, error))?;
            origins.backports.push((layer, name.clone()));
        }
        let suite = self.suite().backports();
        let items = self.definition.packages.iter();
        let overlays = self.overlays.iter();
        let items = items.chain(overlays.flat_map(|(_, overlay)| &overlay.packages));
        for item in items {
            // What is asked of it by name is preferred there as well.
            if let Some(name) = item.name.strip_suffix(&format!("/{suite}")) {
                origins.backports.push((layer, name.to_owned()));
            }
        }
        for (index, item) in definition.archives.iter().enumerate() {
            self.add_archive(&Part::of("archives").index(index), item, layer, origins)?;
        }
        if origins.archives.len() > MAX_ARCHIVES {
            let problem = format!("an image can have packages of at most {MAX_ARCHIVES} archives");
            return Err(self.error(&Part::of("archives"), problem));
        }
        Ok(())
    }

    /// The moment whose state of the archive the definition asks for.
    pub(super) fn snapshot(&self) -> Result<Option<Moment>, RecipeError> {
        let Some(text) = &self.definition.snapshot else {
            return Ok(None);
        };
        let moment = text.parse();
        let part = Part::of("snapshot");
        moment.map(Some).map_err(|error: InvalidMoment| {
            let hint = match text.contains("{time}") {
                true => "; the address of a service is `snapshot_service`",
                false => "",
            };
            self.error(&part, format!("{error}{hint}"))
        })
    }

    fn add_archive(
        &self,
        part: &Part,
        item: &ArchiveItem,
        layer: usize,
        origins: &mut Origins,
    ) -> Result<(), RecipeError> {
        let sources_part = part.key("sources");
        let text = match item.sources.contains('\n') || item.sources.contains(": ") {
            true => item.sources.clone(),
            false => {
                let bytes = self.read(&sources_part, &item.sources, MAX_SOURCES)?;
                let text = String::from_utf8(bytes);
                text.map_err(|_| {
                    let problem = format!("`{}` is not UTF-8", item.sources);
                    self.error(&sources_part, problem)
                })?
            }
        };
        let text = self.expand(&sources_part, &text)?;
        let found = Sources::of_text(&text);
        if let Some(warning) = found.warnings.first() {
            let line = warning.line.map(|line| format!("line {line}: "));
            let problem = format!("{}{}", line.unwrap_or_default(), warning.why);
            return Err(self.error(&sources_part, problem));
        }
        let binary =
            |source: &&AptSource| source.enabled && source.types.contains(&SourceType::Binary);
        let sources: Vec<&AptSource> = found.sources.iter().filter(binary).collect();
        if sources.is_empty() {
            let problem = "there is no archive of binary packages in it: a paragraph has `Types: \
                           deb`, `URIs`, `Suites`, `Components` and `Signed-By`";
            return Err(self.error(&sources_part, problem));
        }
        let packages = self.package_patterns(&part.key("packages"), &item.packages)?;
        for source in sources {
            let keys = self.keys_of(&sources_part, source)?;
            let is_for_us = source.architectures.is_empty()
                || source
                    .architectures
                    .iter()
                    .any(|one| one == self.architecture());
            for suite in source.suites.iter().filter(|_| is_for_us) {
                let pocket = self.pocket_of(&sources_part, source, suite, &keys)?;
                if origins
                    .archives
                    .iter()
                    .any(|one| one.pocket.name == pocket.name)
                {
                    let problem = format!("the archive `{}` is there twice", pocket.name);
                    return Err(self.error(&sources_part, problem));
                }
                origins.archives.push(NewArchive {
                    pocket,
                    layer,
                    packages: packages.clone(),
                    priority: item.priority,
                });
            }
        }
        Ok(())
    }

    /// Patterns of the names of packages.
    fn package_patterns(
        &self,
        part: &Part,
        patterns: &[String],
    ) -> Result<Option<Patterns>, RecipeError> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let mut texts = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let part = part.index(index);
            if pattern.is_empty() || pattern.contains('/') {
                let problem = format!("`{pattern}` is no pattern of names of packages");
                return Err(self.error(&part, problem));
            }
            texts.push(format!("/{pattern}"));
        }
        let patterns = Patterns::new(&texts).map_err(|error| self.error(part, error))?;
        Ok(Some(patterns))
    }

    fn pocket_of(
        &self,
        part: &Part,
        source: &AptSource,
        suite: &str,
        keys: &Keys,
    ) -> Result<PocketOptions, RecipeError> {
        let mut mirrors = Vec::new();
        for uri in &source.uris {
            let mirror: Mirror = uri.parse().map_err(|error| self.error(part, error))?;
            mirrors.push(mirror);
        }
        let shown = mirrors.first().map(ToString::to_string).unwrap_or_default();
        let shown = shown
            .split_once("//")
            .map_or(shown.as_str(), |(_, rest)| rest);
        let is_harmless = |text: &str| {
            text.chars().all(|c| c.is_ascii_graphic()) && !text.split('/').any(|part| part == "..")
        };
        if !is_harmless(suite) || !source.components.iter().all(|one| is_harmless(one)) {
            let problem = format!("`{suite}` cannot be the name of a suite");
            return Err(self.error(part, problem));
        }
        let place = match suite.strip_suffix('/') {
            Some(directory) => {
                let directory = directory.trim_start_matches("./").trim_matches('/');
                PocketPlace::Flat(if directory == "." { "" } else { directory }.to_owned())
            }
            None => PocketPlace::Suite(suite.to_owned()),
        };
        Ok(PocketOptions {
            name: format!("{shown} {suite}"),
            place,
            components: source.components.clone(),
            mirrors,
            keys: keys.clone(),
            check_valid_until: source.check_valid_until,
            is_own: false,
        })
    }

    /// The keys that an archive must be signed by. Without any, anybody could be it.
    fn keys_of(&self, part: &Part, source: &AptSource) -> Result<Keys, RecipeError> {
        let whose = source.uris.first().map_or("", String::as_str);
        let whose = distil_net::masked(whose);
        if source.trusted == Some(true) {
            let problem = format!(
                "`Trusted: yes` of `{whose}` is not supported: packages of an archive that nobody \
                 signed could be anybody's"
            );
            return Err(self.error(part, problem));
        }
        let mut keyring: Option<Keyring> = None;
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for signed_by in &source.signed_by {
            let (bytes, name) = match signed_by {
                SignedBy::Keyring(text) => (text.clone().into_bytes(), "Signed-By".to_owned()),
                SignedBy::File(path) => {
                    (self.keyring_file(part, path)?, path.display().to_string())
                }
                SignedBy::Fingerprint(fingerprint) => {
                    let problem = format!(
                        "`Signed-By: {fingerprint}` of `{whose}` names a key that is not there; \
                         write the key itself, or the path of a file with it"
                    );
                    return Err(self.error(part, problem));
                }
            };
            let parsed = Keyring::parse(&bytes, &name);
            let parsed = parsed.map_err(|error| self.error(part, chain_of(&error)))?;
            match &mut keyring {
                Some(keyring) => keyring.extend(&parsed),
                None => keyring = Some(parsed),
            }
            texts.push(bytes);
        }
        match keyring {
            Some(keyring) => Ok(Keys::named(keyring, texts.iter().map(Vec::as_slice))),
            None => {
                let problem = format!(
                    "the archive `{whose}` has no `Signed-By`, so anybody could be it; write the \
                     key that it is signed by, or the path of a file with it"
                );
                Err(self.error(part, problem))
            }
        }
    }

    /// A file with keys: beside the definition, or anywhere by a path from the root, as apt's are.
    fn keyring_file(&self, part: &Part, path: &Path) -> Result<Vec<u8>, RecipeError> {
        if path.is_absolute() {
            let bytes = distil_tree::read_file(path, MAX_KEYRING);
            return bytes.map_err(|error| RecipeError::File {
                path: path.to_owned(),
                problem: error.to_string(),
                position: self.position(part),
            });
        }
        let name = path.to_str().unwrap_or_default();
        self.read(part, name, MAX_KEYRING)
    }
}

/// An error with its causes.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
