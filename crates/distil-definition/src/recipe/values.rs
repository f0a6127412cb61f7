//! The values of one definition on one target: its overlays applied, its variables filled in,
//! its files read.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::relation::{RelationError, Relations};
use distil_debian::suite::Suite;
use distil_tree::{PathError, PatternError, Patterns, TreePath};

use super::error::RecipeError;
use super::layer::{Addition, LayerRecipe, NewCertificates, NewFile, PackageRequest};
use super::merge::add_request;
use super::place::Place;
use super::source::Source;
use super::target::Target;
use super::variables::{expand, expand_in_part};
use crate::architecture::Architecture;
use crate::authority::authorities;
use crate::format::{Accounts, Definition, DirectoryItem, FileItem, Overlay};
use crate::item::PackageItem;

/// Where the packages' metadata lies, and nothing else.
const METADATA: &str = "var/lib/dpkg/status.d";

/// How the variables begin that are about a package of the image.
const OF_PACKAGES: [&str; 2] = ["version:", "release:"];

/// One definition on one target.
pub(super) struct Lowering<'a> {
    source: &'a Source,
    pub(super) definition: &'a Definition,
    pub(super) overlays: Vec<&'a Overlay>,
    target: Target,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(source: &'a Source, target: Target) -> Result<Self, RecipeError> {
        let definition = &source.definition;
        let applies = |overlay: &&Overlay| {
            overlay.suite.admits(target.suite.codename)
                && overlay.architecture.admits(target.architecture.debian())
        };
        let lowering = Self {
            source,
            definition,
            overlays: definition.when.iter().filter(applies).collect(),
            target,
        };
        lowering.check_overlays()?;
        Ok(lowering)
    }

    /// An overlay for a suite or an architecture that there is not would never apply.
    fn check_overlays(&self) -> Result<(), RecipeError> {
        let architectures: Vec<&str> = Architecture::all().map(Architecture::debian).collect();
        for overlay in &self.definition.when {
            for suite in &overlay.suite.0 {
                Suite::named(suite).map_err(|error| self.error("when", suite, error))?;
            }
            for name in &overlay.architecture.0 {
                if !architectures.contains(&name.as_str()) {
                    let problem = format!(
                        "there is no architecture `{name}`; Debian's names are used: `{}`",
                        architectures.join("`, `")
                    );
                    return Err(self.error("when", name, problem));
                }
            }
        }
        Ok(())
    }

    /// A mistake in the value of `key`; `word` is the part of it as it is written.
    pub(super) fn error(
        &self,
        key: &'static str,
        word: &str,
        problem: impl ToString,
    ) -> RecipeError {
        RecipeError::Value {
            definition: self.definition.name.clone(),
            key,
            problem: problem.to_string(),
            place: self.place(key, word),
        }
    }

    fn place(&self, key: &str, word: &str) -> Place {
        let text = self.source.text.as_ref();
        text.map(|text| text.place(key, word)).unwrap_or_default()
    }

    /// Reads a file that the definition names.
    fn read(&self, key: &str, name: &str) -> Result<Vec<u8>, RecipeError> {
        let bytes = self.source.read(name);
        bytes.map_err(|error| error.at(self.place(key, name)))
    }

    pub(super) fn expand(&self, key: &'static str, text: &str) -> Result<String, RecipeError> {
        let value = |name: &str| match name {
            "multiarch" => Some(self.target.architecture.multiarch().to_owned()),
            "architecture" => Some(self.target.architecture.debian().to_owned()),
            "suite" => Some(self.target.suite.codename.to_owned()),
            // Known once the packages are.
            _ if key == "config" && OF_PACKAGES.iter().any(|kind| name.starts_with(kind)) => {
                Some(format!("${{{name}}}"))
            }
            _ => None,
        };
        let expanded = match key {
            // Filled in once more, with the packages' versions.
            "config" => expand_in_part(text, &value),
            _ => expand(text, &value),
        };
        expanded.map_err(|error| {
            let problem = format!(
                "{error}; there are `multiarch`, `architecture`, `suite` and, in the labels and \
                 the environment, `version:PACKAGE` and `release:PACKAGE`; `$$` is a dollar sign"
            );
            self.error(key, text, problem)
        })
    }

    pub(super) fn layer(&self, accounts: &mut Accounts) -> Result<LayerRecipe, RecipeError> {
        let definition = self.definition;
        self.merge_accounts(accounts)?;
        let mut layer = LayerRecipe {
            accounts: accounts.clone(),
            texts: self.source.text.iter().cloned().collect(),
            written: self.written(),
            drop: self.patterns("drop", |d| &d.drop, |o| &o.drop)?,
            keep: self.patterns("keep", |d| &d.keep, |o| &o.keep)?,
            without: self.merged(&definition.without, |overlay| &overlay.without),
            excuse: self.merged(&definition.excuse, |overlay| &overlay.excuse),
            key_store: definition.certificates.key_store,
            ..LayerRecipe::new(&definition.name)
        };
        for (key, reasons) in [("without", &layer.without), ("excuse", &layer.excuse)] {
            self.check_reasons(key, reasons)?;
        }
        for (entry, reason) in self.merged(&definition.allow, |overlay| &overlay.allow) {
            let entry = self.expand("allow", &entry)?;
            if entry.starts_with('/') {
                Patterns::new(std::slice::from_ref(&entry))
                    .map_err(|error| self.error("allow", &entry, error))?;
            }
            layer.allow.insert(entry, reason);
        }
        self.check_reasons("allow", &layer.allow)?;
        let packages = self.all(&definition.packages, |overlay| &overlay.packages);
        let packages: Vec<PackageItem> = packages.cloned().collect();
        for request in self.packages("packages", &packages)? {
            add_request(&mut layer.packages, request)
                .map_err(|error| self.error("packages", "", error))?;
        }
        for (path, target) in self.merged(&definition.links, |overlay| &overlay.links) {
            if target.is_empty() || target.contains('\0') {
                return Err(self.error("links", &path, format!("`{path}` leads nowhere")));
            }
            let place = self.path("links", &path)?;
            layer.links.push((place, self.expand("links", &target)?));
        }
        for item in self.all(&definition.directories, |overlay| &overlay.directories) {
            layer.directories.push(self.directory(item)?);
        }
        for item in self.all(&definition.files, |overlay| &overlay.files) {
            layer.files.push(self.file("files", item)?);
        }
        for path in &definition.certificates.extra {
            let pem = self.read("certificates", path)?;
            let wrong = |problem| self.error("certificates", path, format!("`{path}` {problem}"));
            layer.certificates.push(NewCertificates {
                authorities: authorities(&pem, self.target.now).map_err(wrong)?,
                from: path.clone(),
            });
        }
        if !self.source.is_strict() {
            layer.lenient = lenient(&layer);
        } else if self.has_debug_packages() {
            // What they bring is in half of the variants alone.
            let entries = layer.allow.keys().chain(layer.excuse.keys());
            layer.lenient = entries.cloned().collect();
        }
        Ok(layer)
    }

    /// Entries with variables filled in, with what is written instead, for messages.
    fn written(&self) -> BTreeMap<String, String> {
        let definition = self.definition;
        let drop = self.all(&definition.drop, |overlay| &overlay.drop);
        let keep = self.all(&definition.keep, |overlay| &overlay.keep);
        let packages = self.all(&definition.packages, |overlay| &overlay.packages);
        let only = packages.flat_map(|item| &item.only);
        let allow = definition.allow.keys();
        let entries = drop.chain(keep).chain(only).chain(allow);
        let with_variable = entries.filter(|entry| entry.contains('$'));
        with_variable
            .filter_map(|entry| Some((self.expand("drop", entry).ok()?, entry.clone())))
            .collect()
    }

    /// What is left out or let in needs a reason: whoever reads the definition later asks.
    fn check_reasons(
        &self,
        key: &'static str,
        entries: &BTreeMap<String, String>,
    ) -> Result<(), RecipeError> {
        let empty = |(_, reason): &(&String, &String)| reason.trim().is_empty();
        match entries.iter().find(empty) {
            Some((entry, _)) => {
                let problem = format!("`{entry}` has no reason; say why, in a few words");
                Err(self.error(key, entry, problem))
            }
            None => Ok(()),
        }
    }

    fn packages(
        &self,
        key: &'static str,
        items: &[PackageItem],
    ) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut requests = Vec::new();
        for item in items {
            let wrong = |error: &RelationError| match item.name.split_once('=') {
                Some((name, version)) if !item.name.contains('(') => {
                    format!("{error}; a version is written `{name} (= {version})`")
                }
                _ => error.to_string(),
            };
            let relations: Relations = item
                .name
                .parse()
                .map_err(|error: RelationError| self.error(key, &item.name, wrong(&error)))?;
            if relations.is_empty() {
                let problem = "an entry is empty; it must name a package";
                return Err(self.error(key, &item.name, problem));
            }
            let mut only = Vec::new();
            for pattern in &item.only {
                let expanded = self.expand(key, pattern)?;
                check_pattern(&expanded).map_err(|error| self.error(key, pattern, error))?;
                only.push(expanded);
            }
            let only = Patterns::new(&only).map_err(|error| self.error(key, &item.name, error))?;
            let moved = item
                .moved
                .iter()
                .map(|(from, to)| Ok((self.path(key, from)?, self.path(key, to)?)));
            let moved: BTreeMap<_, _> = moved.collect::<Result<_, RecipeError>>()?;
            for relation in relations.0 {
                let architecture = self.target.architecture.debian();
                if let Some(relation) = relation.reduced_to(architecture) {
                    let (only, moved) = (only.clone(), moved.clone());
                    requests.push(PackageRequest {
                        relation,
                        only,
                        moved,
                    });
                }
            }
        }
        Ok(requests)
    }

    pub(super) fn debug_packages(&self) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut packages = self.packages("debug", &self.definition.debug.packages)?;
        for overlay in &self.overlays {
            packages.extend(self.packages("debug", &overlay.debug.packages)?);
        }
        Ok(packages)
    }

    /// What the variant `dev` has beside what every one has.
    pub(super) fn dev_layer(&self) -> Result<LayerRecipe, RecipeError> {
        let mut layer = LayerRecipe {
            texts: self.source.text.iter().cloned().collect(),
            ..LayerRecipe::new(&self.definition.name)
        };
        let overlays = self.overlays.iter().map(|overlay| &overlay.dev);
        for dev in std::iter::once(&self.definition.dev).chain(overlays) {
            layer.packages.extend(self.packages("dev", &dev.packages)?);
            for item in &dev.files {
                layer.files.push(self.file("dev", item)?);
            }
        }
        Ok(layer)
    }

    /// The environment that the definition wants in its `dev`.
    pub(super) fn dev_env(&self) -> Result<Vec<(String, String)>, RecipeError> {
        let mut all = Vec::new();
        let overlays = self.overlays.iter().map(|overlay| &overlay.dev);
        for dev in std::iter::once(&self.definition.dev).chain(overlays) {
            for (name, value) in &dev.env {
                self.check_variable("dev", name, value)?;
                all.push((name.clone(), self.expand("config", value)?));
            }
        }
        Ok(all)
    }

    fn has_debug_packages(&self) -> bool {
        let mut overlays = self.overlays.iter();
        !self.definition.debug.packages.is_empty()
            || overlays.any(|overlay| !overlay.debug.packages.is_empty())
    }

    fn patterns(
        &self,
        key: &'static str,
        own: impl Fn(&'a Definition) -> &'a Vec<String>,
        more: impl Fn(&'a Overlay) -> &'a Vec<String>,
    ) -> Result<Patterns, RecipeError> {
        let mut texts = Vec::new();
        for text in self.all(own(self.definition), more) {
            let expanded = self.expand(key, text)?;
            check_pattern(&expanded).map_err(|error| self.error(key, text, error))?;
            texts.push(expanded);
        }
        Patterns::new(&texts).map_err(|error| self.error(key, "", error))
    }

    /// The items of the definition, then those of its overlays.
    fn all<T>(
        &self,
        own: &'a [T],
        more: impl Fn(&'a Overlay) -> &'a Vec<T>,
    ) -> impl Iterator<Item = &'a T> {
        let more = self.overlays.iter().flat_map(move |overlay| more(overlay));
        own.iter().chain(more)
    }

    fn merged(
        &self,
        own: &BTreeMap<String, String>,
        more: impl Fn(&'a Overlay) -> &'a BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let more = self.overlays.iter().flat_map(|overlay| more(overlay));
        own.iter()
            .chain(more)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn path(&self, key: &'static str, text: &str) -> Result<TreePath, RecipeError> {
        let expanded = self.expand(key, text)?;
        let path = TreePath::from_absolute(&expanded).map_err(|problem: PathError| {
            self.error(key, text, format!("the path `{expanded}` {problem}"))
        })?;
        if path.is_root() && key != "directories" {
            return Err(self.error(key, text, "the root of the image is a folder"));
        }
        if key != "packages" && path.is_within(&TreePath::of(METADATA)) {
            let problem = format!(
                "`{path}` lies in `/{METADATA}`, where scanners take all that they find for packages"
            );
            return Err(self.error(key, text, problem));
        }
        Ok(path)
    }

    fn directory(&self, item: &DirectoryItem) -> Result<Addition, RecipeError> {
        Ok(Addition {
            path: self.path("directories", &item.path)?,
            owner: item.owner.clone(),
            mode: self.mode("directories", item.mode.as_deref())?,
        })
    }

    fn file(&self, key: &'static str, item: &FileItem) -> Result<NewFile, RecipeError> {
        let addition = Addition {
            path: self.path(key, &item.path)?,
            owner: item.owner.clone(),
            mode: self.mode(key, item.mode.as_deref())?,
        };
        let bytes = match (&item.text, &item.from) {
            (Some(text), None) => self.expand(key, text)?.into_bytes(),
            (None, Some(from)) => self.read(key, from)?,
            (Some(_), Some(_)) => {
                let problem = format!("`{}` has both `text` and `from`", item.path);
                return Err(self.error(key, &item.path, problem));
            }
            (None, None) => {
                let problem = format!("`{}` has neither `text` nor `from`", item.path);
                return Err(self.error(key, &item.path, problem));
            }
        };
        Ok(NewFile {
            addition,
            bytes,
            from: item.from.clone(),
        })
    }

    fn mode(&self, key: &'static str, text: Option<&str>) -> Result<Option<u32>, RecipeError> {
        let Some(text) = text else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        let parsed = parsed.filter(|mode| *mode <= 0o7777);
        parsed.map(Some).ok_or_else(|| {
            let problem = format!("`{text}` is not a mode in octal digits, such as `0755`");
            self.error(key, text, problem)
        })
    }

    fn merge_accounts(&self, accounts: &mut Accounts) -> Result<(), RecipeError> {
        let own = &self.definition.accounts;
        let taken = |name: &str, number: u32| {
            let problem = format!("`{name}` or the number {number} is there already");
            self.error("accounts", name, problem)
        };
        for user in &own.users {
            let mut there = accounts.users.iter();
            if there.any(|one| one.name == user.name || one.uid == user.uid) {
                return Err(taken(&user.name, user.uid));
            }
            self.check_account(&user.name, user.uid)?;
            let texts = [user.home.as_deref(), user.comment.as_deref()];
            if let Some(text) = texts.into_iter().flatten().find(|text| breaks_line(text)) {
                let problem = format!("`{}` has a colon or a line feed in it", text.escape_debug());
                return Err(self.error("accounts", &user.name, problem));
            }
            accounts.users.push(user.clone());
        }
        for group in &own.groups {
            let mut there = accounts.groups.iter();
            if there.any(|one| one.name == group.name || one.gid == group.gid) {
                return Err(taken(&group.name, group.gid));
            }
            self.check_account(&group.name, group.gid)?;
            for member in &group.members {
                self.check_account(member, 0)?;
            }
            accounts.groups.push(group.clone());
        }
        Ok(())
    }

    /// Names as useradd(8) takes them, in lines of passwd(5).
    fn check_account(&self, name: &str, number: u32) -> Result<(), RecipeError> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let others = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
        if !name.starts_with(first) || !name.chars().all(others) || name.len() > 32 {
            let problem = format!(
                "`{}` is no name of a user or group: letters, digits, `_`, `-` and `.`, at most 32",
                name.escape_debug()
            );
            return Err(self.error("accounts", name, problem));
        }
        if number == u32::MAX {
            let problem = format!("{number} stands for no number at all");
            return Err(self.error("accounts", name, problem));
        }
        Ok(())
    }
}

fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    Patterns::new(std::slice::from_ref(&pattern.to_owned())).map(drop)
}

fn breaks_line(text: &str) -> bool {
    text.contains([':', '\n', '\r', '\0'])
}

/// All entries of a layer.
fn lenient(layer: &LayerRecipe) -> BTreeSet<String> {
    let patterns = layer.drop.texts().iter().chain(layer.keep.texts());
    let names = layer.without.keys().chain(layer.excuse.keys());
    patterns
        .chain(names)
        .chain(layer.allow.keys())
        .cloned()
        .collect()
}
