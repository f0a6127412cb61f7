//! The values of one definition on one target: its overlays applied, its variables filled in,
//! its files read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use distil_bundle::{Listing, PathRules};
use distil_debian::relation::{RelationError, Relations};
use distil_debian::suite::Suite;
use distil_oci::Platform;
use distil_tree::{PatternError, Patterns};

use super::error::RecipeError;
use super::layer::{LayerRecipe, NewCertificates, NewLink, NewPath, PackageRequest};
use super::merge::joined;
use super::part::Part;
use super::position::Position;
use super::source::{Origin, Source};
use super::target::Target;
use super::variables::{UnknownVariable, expand, expand_in_part};
use super::written::{Reason, WrittenPatterns};
use crate::architecture::Architecture;
use crate::authority::authorities;
use crate::format::{Accounts, Definition, Dev, Overlay};
use crate::harmless::{harmless_lines, is_harmless};
use crate::item::PackageItem;
use crate::layers::{LayerBudget, MOST_LAYERS};

/// The largest file of certificates, in bytes: Debian's own bundle has 220 kB.
const MAX_CERTIFICATES: u64 = 8 << 20;

/// How the variables begin that are about a package of the image.
const OF_PACKAGES: [&str; 2] = ["version:", "release:"];

/// One definition on one target.
pub(super) struct Lowering<'a> {
    source: &'a Source,
    pub(super) definition: &'a Definition,
    /// The overlays that apply, with their numbers in `when`, counted from zero.
    pub(super) overlays: Vec<(usize, &'a Overlay)>,
    target: Target,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(source: &'a Source, target: Target) -> Result<Self, RecipeError> {
        let definition = &source.definition;
        let applies = |(_, overlay): &(usize, &Overlay)| {
            overlay.suite.admits(target.suite.codename)
                && overlay.architecture.admits(target.architecture.debian())
        };
        let overlays = definition.when.iter().enumerate();
        let lowering = Self {
            source,
            definition,
            overlays: overlays.filter(applies).collect(),
            target,
        };
        lowering.check_overlays()?;
        Ok(lowering)
    }

    /// An overlay for a suite or an architecture that there is not would never apply.
    fn check_overlays(&self) -> Result<(), RecipeError> {
        let architectures: Vec<&str> = Architecture::all().map(Architecture::debian).collect();
        for (number, overlay) in self.definition.when.iter().enumerate() {
            let part = Part::of("when").index(number);
            for (index, suite) in overlay.suite.0.iter().enumerate() {
                Suite::named(suite)
                    .map_err(|error| self.error(&part.key("suite").index(index), error))?;
            }
            for (index, name) in overlay.architecture.0.iter().enumerate() {
                if !architectures.contains(&name.as_str()) {
                    let problem = format!(
                        "there is no architecture `{}`; Debian's names are used: `{}`",
                        name,
                        architectures.join("`, `")
                    );
                    return Err(self.error(&part.key("architecture").index(index), problem));
                }
            }
        }
        Ok(())
    }

    /// A mistake in a part of the definition.
    pub(super) fn error(&self, part: &Part, problem: impl ToString) -> RecipeError {
        RecipeError::Value {
            definition: self.definition.name.clone(),
            key: part.key,
            problem: harmless_lines(&problem.to_string()),
            position: self.position(part),
        }
    }

    /// Refuses a value that later messages quote, if a terminal would obey it.
    pub(super) fn check_harmless(&self, part: &Part, text: &str) -> Result<(), RecipeError> {
        match is_harmless(text) {
            true => Ok(()),
            false => {
                let problem = format!("`{text}` has a character in it that cannot be seen");
                Err(self.error(part, problem))
            }
        }
    }

    /// The position of a part, for messages that come later.
    pub(super) fn position(&self, part: &Part) -> Position {
        Position::new(self.source.text.as_ref(), &part.pointer)
    }

    /// Reads a file that the definition names, of which there may be `limit` bytes.
    pub(super) fn read(&self, part: &Part, name: &str, limit: u64) -> Result<Vec<u8>, RecipeError> {
        let bytes = self.source.read(name, limit);
        bytes.map_err(|error| error.at(self.position(part)))
    }

    /// What a directory that the definition names has, but for what `exclude` leaves out.
    pub(super) fn list(
        &self,
        part: &Part,
        name: &str,
        exclude: PathRules,
    ) -> Result<Listing, RecipeError> {
        let listing = self.source.list(name, exclude);
        listing.map_err(|error| error.at(self.position(part)))
    }

    /// The file of this machine that a path of the definition means.
    pub(super) fn find(&self, part: &Part, name: &str) -> Result<PathBuf, RecipeError> {
        let found = self.source.find_beside(name);
        found.map_err(|error| error.at(self.position(part)))
    }

    /// Debian's name of the architecture.
    pub(super) fn architecture(&self) -> &'static str {
        self.target.architecture.debian()
    }

    /// The release.
    pub(super) fn suite(&self) -> Suite {
        self.target.suite
    }

    /// The platform.
    pub(super) fn platform(&self) -> Platform {
        self.target.architecture.platform()
    }

    /// Fills in the variables of a value.
    pub(super) fn expand(&self, part: &Part, text: &str) -> Result<String, RecipeError> {
        let expanded = expand(text, &|name| self.variable(name));
        expanded.map_err(|error| self.unknown_variable(part, &error))
    }

    /// Fills in the variables of a value that is filled in once more when the versions of the
    /// packages are known.
    pub(super) fn expand_in_part(&self, part: &Part, text: &str) -> Result<String, RecipeError> {
        let of_packages = |name: &str| {
            let is_one = OF_PACKAGES.iter().any(|kind| name.starts_with(kind));
            is_one.then(|| format!("${{{name}}}"))
        };
        let value = |name: &str| self.variable(name).or_else(|| of_packages(name));
        let expanded = expand_in_part(text, &value);
        expanded.map_err(|error| self.unknown_variable(part, &error))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "multiarch" => self.target.architecture.multiarch(),
            "architecture" | "arch" => self.target.architecture.debian(),
            "suite" => self.target.suite.codename,
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn unknown_variable(&self, part: &Part, error: &UnknownVariable) -> RecipeError {
        let problem = format!(
            "{error}; there are `multiarch`, `architecture`, `suite` and, in the labels and the \
             environment, `version:PACKAGE` and `release:PACKAGE`; `$$` is a dollar sign"
        );
        self.error(part, problem)
    }

    /// What the definition says of a key, then what each overlay that applies says of it.
    pub(super) fn levels<T>(
        &self,
        key: &'static str,
        own: &'a T,
        more: impl Fn(&'a Overlay) -> &'a T,
    ) -> Vec<(Part, &'a T)> {
        let overlays = self.overlays.iter();
        let more =
            overlays.map(|(number, overlay)| (Part::of_overlay(*number, key), more(overlay)));
        [(Part::of(key), own)].into_iter().chain(more).collect()
    }

    pub(super) fn layer(&self, accounts: &mut Accounts) -> Result<LayerRecipe, RecipeError> {
        let definition = self.definition;
        self.merge_accounts(accounts)?;
        let mut layer = LayerRecipe {
            accounts: accounts.clone(),
            drop: self.patterns(&self.levels("drop", &definition.drop, |one| &one.drop))?,
            keep: self.patterns(&self.levels("keep", &definition.keep, |one| &one.keep))?,
            without: self.reasons(&self.levels("without", &definition.without, |o| &o.without))?,
            excuse: self.reasons(&self.levels("excuse", &definition.excuse, |o| &o.excuse))?,
            allow: self.allowed(&self.levels("allow", &definition.allow, |o| &o.allow))?,
            packages: self.packages("packages", |d| &d.packages, |overlay| &overlay.packages)?,
            links: self.links()?,
            bundles: self.bundles()?,
            pythons: self.python()?.into_iter().collect(),
            nodes: self.node()?.into_iter().collect(),
            key_store: definition.certificates.key_store,
            budget: self.budget()?,
            ..LayerRecipe::new(&definition.name)
        };
        for (part, items) in self.levels("directories", &definition.directories, |o| &o.directories)
        {
            for (index, item) in items.iter().enumerate() {
                layer
                    .directories
                    .push(self.directory(&part.index(index), item)?);
            }
        }
        for (part, items) in self.levels("files", &definition.files, |overlay| &overlay.files) {
            for (index, item) in items.iter().enumerate() {
                layer.files.push(self.file(&part.index(index), item)?);
            }
        }
        self.add_named_accounts(&layer, accounts);
        layer.accounts = accounts.clone();
        for (index, path) in definition.certificates.extra.iter().enumerate() {
            let part = Part::of("certificates").key("extra").index(index);
            let pem = self.read(&part, path, MAX_CERTIFICATES)?;
            let wrong = |problem| self.error(&part, format!("`{}` {problem}", path));
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

    /// How many layers of the image the definition may be packed into.
    fn budget(&self) -> Result<LayerBudget, RecipeError> {
        // What flags add in passing is one layer.
        if self.source.origin() == Origin::Flags {
            return Ok(LayerBudget::SINGLE);
        }
        let budget = self.definition.layers.budget();
        if !(1..=MOST_LAYERS).contains(&budget.image) {
            let problem = format!("must be from 1 to {MOST_LAYERS}, but is {}", budget.image);
            return Err(self.error(&Part::of("layers").key("most"), problem));
        }
        Ok(budget)
    }

    /// Entries with their reasons: what is left out or let in needs one, since whoever reads the
    /// definition later asks.
    fn reasons(
        &self,
        levels: &[(Part, &BTreeMap<String, String>)],
    ) -> Result<BTreeMap<String, Reason>, RecipeError> {
        let mut reasons = BTreeMap::new();
        for (part, entries) in levels {
            for (entry, text) in *entries {
                reasons.insert(entry.clone(), self.reason(&part.entry(entry), entry, text)?);
            }
        }
        Ok(reasons)
    }

    fn reason(&self, part: &Part, entry: &str, text: &str) -> Result<Reason, RecipeError> {
        self.check_harmless(part, entry)?;
        if text.trim().is_empty() {
            let problem = format!("`{}` has no reason; say why, in a few words", entry);
            return Err(self.error(part, problem));
        }
        Ok(Reason {
            text: text.to_owned(),
            position: self.position(part),
        })
    }

    /// As [`reasons`](Self::reasons), of packages and of patterns of paths.
    fn allowed(
        &self,
        levels: &[(Part, &BTreeMap<String, String>)],
    ) -> Result<BTreeMap<String, Reason>, RecipeError> {
        let mut allowed = BTreeMap::new();
        for (part, entries) in levels {
            for (entry, text) in *entries {
                let part = part.entry(entry);
                let expanded = self.expand(&part, entry)?;
                if expanded.starts_with('/') {
                    check_pattern(&expanded).map_err(|error| self.error(&part, error))?;
                }
                let reason = self.reason(&part, &expanded, text)?;
                allowed.insert(expanded, reason);
            }
        }
        Ok(allowed)
    }

    fn links(&self) -> Result<Vec<NewLink>, RecipeError> {
        let mut links = BTreeMap::new();
        for (part, entries) in self.levels("links", &self.definition.links, |one| &one.links) {
            // One of a later overlay stands in for one of the same path.
            links.extend(entries.iter().map(|(path, to)| (path, (part.clone(), to))));
        }
        let link = |(path, (part, target)): (&String, (Part, &String))| {
            let (entry, value) = (part.entry(path), part.key(path));
            if target.is_empty() || target.contains('\0') {
                return Err(self.error(&entry, format!("`{}` leads nowhere", path)));
            }
            Ok(NewLink {
                path: self.path(&entry, path)?,
                target: self.expand(&value, target)?,
                position: self.position(&entry),
            })
        };
        links.into_iter().map(link).collect()
    }

    /// The packages of a list, of its overlays too, one request for each relation.
    fn packages(
        &self,
        key: &'static str,
        own: impl Fn(&'a Definition) -> &'a Vec<PackageItem>,
        more: impl Fn(&'a Overlay) -> &'a Vec<PackageItem>,
    ) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut requests = Vec::new();
        for (part, items) in self.levels(key, own(self.definition), more) {
            self.add_packages(&part, items, &mut requests)?;
        }
        joined(requests).map_err(|error| self.error(&Part::of(key), error))
    }

    fn add_packages(
        &self,
        part: &Part,
        items: &[PackageItem],
        requests: &mut Vec<PackageRequest>,
    ) -> Result<(), RecipeError> {
        for (index, item) in items.iter().enumerate() {
            self.add_package(&part.index(index), item, requests)?;
        }
        Ok(())
    }

    fn add_package(
        &self,
        part: &Part,
        item: &PackageItem,
        requests: &mut Vec<PackageRequest>,
    ) -> Result<(), RecipeError> {
        let name = part.key("name");
        let local = self.local_package(&name, &item.name)?.map(Arc::new);
        let (relation, suite) = match &local {
            Some(local) => (local.relation(), None),
            None => chosen(&item.name),
        };
        let relations: Relations = relation
            .parse()
            .map_err(|error: RelationError| self.error(&name, error))?;
        if relations.is_empty() {
            return Err(self.error(&name, "an entry is empty; it must name a package"));
        }
        let only = self.patterns(&[(part.key("only"), &item.only)])?;
        let mut moved = BTreeMap::new();
        for (from, to) in &item.moved {
            let part = part.key("move");
            let (entry, value) = (part.entry(from), part.key(from));
            let (path, position) = (self.path(&value, to)?, self.position(&entry));
            moved.insert(self.path(&entry, from)?, NewPath { path, position });
        }
        let architecture = self.target.architecture.debian();
        for relation in relations.0 {
            if let Some(relation) = relation.reduced_to(architecture) {
                let (only, moved) = (only.clone(), moved.clone());
                requests.push(PackageRequest {
                    relation,
                    only,
                    moved,
                    suite: suite.clone(),
                    local: local.clone(),
                    position: self.position(part),
                });
            }
        }
        Ok(())
    }

    pub(super) fn debug_packages(&self) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut requests = Vec::new();
        for (part, debug) in self.levels("debug", &self.definition.debug, |one| &one.debug) {
            self.add_packages(&part.key("packages"), &debug.packages, &mut requests)?;
        }
        Ok(requests)
    }

    fn dev_levels(&self) -> Vec<(Part, &'a Dev)> {
        self.levels("dev", &self.definition.dev, |overlay| &overlay.dev)
    }

    /// What the variant `dev` has beside what every one has.
    pub(super) fn dev_layer(&self) -> Result<LayerRecipe, RecipeError> {
        let mut layer = LayerRecipe::new(&self.definition.name);
        for (part, dev) in self.dev_levels() {
            self.add_packages(&part.key("packages"), &dev.packages, &mut layer.packages)?;
            for (index, item) in dev.files.iter().enumerate() {
                let part = part.key("files").index(index);
                layer.files.push(self.file(&part, item)?);
            }
        }
        Ok(layer)
    }

    /// The environment that the definition wants in its `dev`: names, values and positions.
    pub(super) fn dev_env(&self) -> Result<Vec<(String, String, Position)>, RecipeError> {
        let mut all = Vec::new();
        for (part, dev) in self.dev_levels() {
            for (name, value) in &dev.env {
                let env = part.key("env");
                self.check_variable(&env, name, value)?;
                let part = env.key(name);
                let value = self.expand_in_part(&part, value)?;
                all.push((name.clone(), value, self.position(&part)));
            }
        }
        Ok(all)
    }

    fn has_debug_packages(&self) -> bool {
        let levels = self.levels("debug", &self.definition.debug, |overlay| &overlay.debug);
        levels.iter().any(|(_, debug)| !debug.packages.is_empty())
    }

    fn patterns(&self, levels: &[(Part, &Vec<String>)]) -> Result<WrittenPatterns, RecipeError> {
        let mut written = Vec::new();
        for (part, patterns) in levels {
            for (index, pattern) in patterns.iter().enumerate() {
                let part = part.index(index);
                let expanded = self.expand(&part, pattern)?;
                self.check_harmless(&part, &expanded)?;
                check_pattern(&expanded).map_err(|error| self.error(&part, error))?;
                written.push((expanded, self.position(&part)));
            }
        }
        let last = levels.last().map(|(part, _)| part.clone());
        WrittenPatterns::new(written)
            .map_err(|error| self.error(&last.unwrap_or_else(|| Part::of("drop")), error))
    }
}

/// The relation that an entry of `packages` means, and the suite that it names: `name=version` and
/// `name/suite` are written as for apt-get(8).
fn chosen(text: &str) -> (String, Option<String>) {
    let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    let both = |parts: Option<(&str, &str)>| {
        let (name, rest) = parts.filter(|(name, rest)| is_word(name) && is_word(rest))?;
        Some((name.to_owned(), rest.to_owned()))
    };
    if text.contains(['(', '|', ',']) {
        return (text.to_owned(), None);
    }
    if let Some((name, version)) = both(text.split_once('=')) {
        return (format!("{name} (= {version})"), None);
    }
    match both(text.split_once('/')) {
        Some((name, suite)) => (name, Some(suite)),
        None => (text.to_owned(), None),
    }
}

fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    Patterns::new(std::slice::from_ref(&pattern.to_owned())).map(drop)
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
