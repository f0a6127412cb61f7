//! `distil check`: is an image, anybody's, fit to run without a shell?

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use distil_build::{
    ArchiveSettings, Libraries, is_definition, now, profile_of, runtimes_of, threads,
};
use distil_check::{Judged, Options, Policy, Profile, Rule, Severity, Subject, Verdict};
use distil_image::Draft;
use distil_inspect::{ContainerConfig, Filesystem, Inspection};
use distil_oci::transport;
use distil_oci::{Image, Location, Platform, Registries};
use distil_tree::{ReadFileError, TreePath, read_file};
use serde::Serialize;

use super::verify::{require_place, require_signature};
use super::{make_to_look_at, registries, session};
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::report::{self, Entry};
use crate::table::{print, print_json};

/// The policy that is read if it is there and none is named.
const POLICY: &str = "check.yaml";

/// The largest policy, in bytes.
const MAX_POLICY: u64 = 1 << 20;

/// What is checked.
pub(crate) struct Target {
    name: String,
    digest: Option<String>,
    platform: Option<String>,
    inspection: Inspection,
    runtimes: Vec<TreePath>,
    /// The layers' digests.
    layers: Vec<String>,
    profile: Option<Profile>,
}

impl Target {
    fn subject(&self) -> Subject<'_> {
        Subject {
            filesystem: &self.inspection.filesystem,
            config: &self.inspection.config,
            runtimes: &self.runtimes,
        }
    }
}

pub(crate) fn run(arguments: &cli::Check) -> Result<(), CommandError> {
    if let Some(name) = &arguments.explain {
        let rule = Rule::named(name).map_err(|error| {
            let nearest = error.nearest.clone();
            CommandError::usage(error)
                .nearest(&nearest)
                .hint("docs/rules.md lists all of them")
        })?;
        return print(rule.explain().trim_end());
    }
    let word = arguments.image.as_deref().unwrap_or_default();
    let (mut policy, has_profile) = policy(arguments)?;
    let target = target(
        word,
        Where {
            platform: arguments.platform.as_deref(),
            definition: &cli::Definition {
                suite: arguments.suite.clone(),
                ..cli::Definition::default()
            },
            lock: &cli::UseLock::default(),
            archive: &arguments.archive,
            registry: &arguments.registry,
            signers: &arguments.signers,
        },
    )?;
    if !has_profile && let Some(profile) = target.profile {
        policy.profile = profile;
    }
    let archive = ArchiveSettings::from(&arguments.archive);
    let mut libraries = Libraries::new(
        &archive,
        &target.inspection.filesystem.tree,
        &target.inspection.config.architecture,
    );
    if arguments.contents {
        let printer = Arc::new(Printer::new(false));
        let session = session(&arguments.archive, &printer)?;
        let fetched = libraries.fetch(&session);
        printer.finish();
        fetched?;
        session.finish();
    }
    let verdict = judge(&target, &policy, &libraries)?;
    match arguments.format {
        cli::ReportFormat::Json => print_json(&Report::of(&target, &policy, &verdict))?,
        cli::ReportFormat::Table => print(text(&target, &policy, &verdict))?,
        format => reported(&target, &policy, &verdict).print(format)?,
    }
    if let Some((suite, architecture)) = libraries.lacks() {
        Printer::new(false).say(format_args!(
            "note: the packages of missing libraries are not named, since the store has no index of \
             {}; `distil show static --suite {} --platform {}` downloads it, and `--contents` a \
             complete one",
            suite.codename,
            suite.codename,
            architecture.platform()
        ));
    }
    match verdict.failed {
        true => Err(CommandError::said()),
        false => Ok(()),
    }
}

/// The policy, and whether somebody named a profile.
fn policy(arguments: &cli::Check) -> Result<(Policy, bool), CommandError> {
    let path = arguments.policy.as_deref().unwrap_or(Path::new(POLICY));
    let (mut policy, mut has_profile) = match read_file(path, MAX_POLICY) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| {
                CommandError::usage(format!("the policy `{}` is not UTF-8", path.display()))
            })?;
            let policy = Policy::read(&text).map_err(|error| {
                CommandError::usage(format!(
                    "the policy `{}` cannot be used: {error}",
                    path.display()
                ))
            })?;
            let has_profile = policy.profile != Profile::default() || text.contains("profile:");
            (policy, has_profile)
        }
        Err(ReadFileError::Missing) if arguments.policy.is_none() => (Policy::default(), false),
        Err(error) => {
            let message = format!("the policy `{}` {error}", path.display());
            return Err(match error {
                ReadFileError::Missing => CommandError::usage(message),
                _ => CommandError::failure(message),
            });
        }
    };
    for text in &arguments.allowed {
        policy.allow(text).map_err(|error| match error {
            distil_check::InvalidPolicy::Rule(error) => {
                let nearest = error.nearest.clone();
                CommandError::usage(error).nearest(&nearest)
            }
            error => CommandError::usage(error),
        })?;
    }
    for path in &arguments.writable {
        policy
            .add_writable(path.clone())
            .map_err(CommandError::usage)?;
    }
    if let Some(severity) = arguments.fail_on {
        policy.fail_on = match severity {
            cli::FailOn::Warning => Severity::Warning,
            cli::FailOn::Error => Severity::Error,
        };
    }
    if let Some(profile) = arguments.profile {
        has_profile = true;
        policy.profile = match profile {
            cli::Profile::Distroless => Profile::Distroless,
            cli::Profile::Debug => Profile::Debug,
            cli::Profile::Dev => Profile::Dev,
            cli::Profile::Kubernetes => Profile::Kubernetes,
            cli::Profile::Openshift => Profile::OpenShift,
        };
    }
    Ok((policy, has_profile))
}

/// How an image is found or made.
#[derive(Clone, Copy)]
struct Where<'a> {
    platform: Option<&'a str>,
    definition: &'a cli::Definition,
    lock: &'a cli::UseLock,
    archive: &'a cli::Archive,
    registry: &'a cli::Registry,
    signers: &'a cli::Signers,
}

/// What `check` tells of an image by its own profile, without a policy; for programs.
pub(crate) fn document(word: &str, made: &cli::Made) -> Result<serde_json::Value, CommandError> {
    let target = target(
        word,
        Where {
            platform: made.platform.as_deref(),
            definition: &made.definition,
            lock: &made.lock,
            archive: &made.archive,
            registry: &made.registry,
            signers: &made.signers,
        },
    )?;
    let mut policy = Policy::default();
    if let Some(profile) = target.profile {
        policy.profile = profile;
    }
    let archive = ArchiveSettings::from(&made.archive);
    let inspection = &target.inspection;
    let libraries = Libraries::new(
        &archive,
        &inspection.filesystem.tree,
        &inspection.config.architecture,
    );
    let verdict = judge(&target, &policy, &libraries)?;
    let report = Report::of(&target, &policy, &verdict);
    serde_json::to_value(report).map_err(CommandError::failure)
}

fn judge(target: &Target, policy: &Policy, libraries: &Libraries) -> Result<Verdict, CommandError> {
    let now = now()?;
    let package_of = |name: &str| libraries.package_of(name);
    let options = Options {
        now,
        package_of: &package_of,
        writable: &policy.writable,
    };
    Ok(policy.judge(distil_check::check(target.subject(), options), now))
}

fn target(word: &str, from: Where<'_>) -> Result<Target, CommandError> {
    let location = match is_definition(word) {
        true => None,
        false => {
            Location::find(word).map_err(|error| CommandError::reading(Path::new(word), error))?
        }
    };
    if let Some(location) = &location {
        require_place(location, from.signers)?;
    }
    match location {
        Some(Location::RootFs(path)) => of_directory(word, &path),
        Some(location) => {
            let registries = registries(from.archive, from.registry);
            let image = read_image(&location, from.platform, &registries, from.signers)?;
            of_image(&location, &image)
        }
        None => made(word, from),
    }
}

/// How images are read here.
fn reading() -> distil_inspect::Options {
    distil_inspect::Options {
        threads: threads(),
        ..distil_inspect::Options::default()
    }
}

/// An image at a place.
fn of_image(location: &Location, image: &Image) -> Result<Target, CommandError> {
    let inspection = Inspection::of_image(image, reading()).map_err(CommandError::failure)?;
    Ok(Target {
        name: location.to_string(),
        digest: Some(image.digest().to_string()),
        platform: Some(image.platform().to_string()),
        inspection,
        runtimes: Vec::new(),
        layers: image
            .layers()
            .iter()
            .map(|layer| layer.digest().to_string())
            .collect(),
        profile: None,
    })
}

/// The image for a platform, or for this machine's, or else the first. One of the keys must have
/// signed it, if there are any.
pub(crate) fn read_image(
    location: &Location,
    platform: Option<&str>,
    registries: &Registries,
    signers: &cli::Signers,
) -> Result<Image, CommandError> {
    let wanted = platform
        .map(str::parse::<Platform>)
        .transpose()
        .map_err(CommandError::usage)?;
    let opened = transport::open(location, registries)?;
    let image = opened.image_for(wanted.as_ref())?;
    require_signature(&opened, &image, signers, registries)?;
    Ok(image)
}

/// A root file system, of which nobody knows how it is run.
fn of_directory(word: &str, path: &Path) -> Result<Target, CommandError> {
    let inspection = Inspection::of_directory(path, reading());
    let inspection = inspection.map_err(|error| CommandError::reading(path, error))?;
    Ok(Target {
        name: word.to_owned(),
        digest: None,
        platform: None,
        inspection,
        runtimes: Vec::new(),
        layers: Vec::new(),
        profile: None,
    })
}

/// An image of a definition.
fn made(word: &str, from: Where<'_>) -> Result<Target, CommandError> {
    let built = make_to_look_at(
        word,
        from.definition,
        from.lock,
        from.platform,
        from.archive,
    )?;
    Ok(of_definition(word, built.draft()))
}

fn of_definition(word: &str, draft: Draft<'_>) -> Target {
    let Draft {
        recipe,
        assembly,
        image,
    } = draft;
    let tree = &assembly.tree;
    Target {
        name: word.to_owned(),
        digest: Some(image.digest().to_string()),
        platform: Some(image.platform().to_string()),
        inspection: Inspection {
            filesystem: Filesystem {
                tree: tree.clone(),
                ..Filesystem::default()
            },
            config: ContainerConfig::of(image),
        },
        runtimes: runtimes_of(recipe, tree),
        layers: image
            .layers()
            .iter()
            .map(|layer| layer.digest().to_string())
            .collect(),
        profile: profile_of(recipe.variant),
    }
}

/// The result for programs; docs/json.md tells what the fields mean.
#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    image: &'a str,
    digest: Option<&'a str>,
    platform: Option<&'a str>,
    profile: &'static str,
    fail_on: Severity,
    passed: bool,
    findings: Vec<Row<'a>>,
    allowed: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'static str,
    rule: &'static str,
    severity: Severity,
    path: Option<String>,
    others: Vec<String>,
    layer: Option<&'a str>,
    problem: &'a str,
    at_run_time: Option<&'a str>,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Report<'a> {
    fn of(target: &'a Target, policy: &Policy, verdict: &'a Verdict) -> Self {
        let rows = |list: &'a [Judged]| list.iter().map(|one| Row::of(target, one)).collect();
        Self {
            schema_version: 1,
            image: &target.name,
            digest: target.digest.as_deref(),
            platform: target.platform.as_deref(),
            profile: policy.profile.name(),
            fail_on: policy.fail_on,
            passed: !verdict.failed,
            findings: rows(&verdict.findings),
            allowed: rows(&verdict.allowed),
        }
    }
}

impl<'a> Row<'a> {
    fn of(target: &'a Target, one: &'a Judged) -> Self {
        Self {
            id: one.finding.rule.id,
            rule: one.finding.rule.name,
            severity: one.severity,
            path: one.finding.path.as_ref().map(TreePath::to_string),
            others: one.finding.others.iter().map(TreePath::to_string).collect(),
            layer: layer(target, one).map(|(_, digest)| digest),
            problem: &one.finding.problem,
            at_run_time: one.finding.at_run_time.as_deref(),
            remedy: &one.finding.remedy,
            reason: one.reason.as_deref(),
        }
    }
}

/// The result for the places where people review changes.
fn reported(target: &Target, policy: &Policy, verdict: &Verdict) -> report::Report {
    let entries = verdict.findings.iter().chain(&verdict.allowed);
    let entries = entries.map(|one| Entry::of(one, layer(target, one).map(|(_, digest)| digest)));
    report::Report {
        command: "check",
        fail_on: policy.fail_on,
        subjects: vec![report::Subject {
            digest: target.digest.clone(),
            platform: target.platform.clone(),
            entries: entries.collect(),
            is_checked: true,
            ..report::Subject::of(&target.name)
        }],
    }
}

/// The layer that a finding's file is from: its number, from 1 on, and digest.
fn layer<'a>(target: &'a Target, one: &Judged) -> Option<(usize, &'a str)> {
    if let Some(number) = one.finding.layer {
        return Some((number + 1, target.layers.get(number)?));
    }
    let path = one.finding.path.as_ref()?;
    let filesystem = &target.inspection.filesystem;
    let entry = filesystem.tree.get(path).map(|entry| entry.layer);
    let number = entry.or_else(|| Some(filesystem.devices.get(path)?.layer))?;
    Some((number + 1, target.layers.get(number)?))
}

fn text(target: &Target, policy: &Policy, verdict: &Verdict) -> String {
    let mut text = String::new();
    for one in &verdict.findings {
        let finding = &one.finding;
        text += &format!(
            "{} {} {}: {}\n",
            one.severity, finding.rule.id, finding.rule.name, finding.problem
        );
        if let Some((number, _)) = layer(target, one) {
            text += &format!("  layer:       {number} of {}\n", target.layers.len());
        }
        if let Some(also) = also(&finding.others) {
            text += &format!("  also:        {also}\n");
        }
        if let Some(says) = &finding.at_run_time {
            text += &format!("  at run time: {says}\n");
        }
        text += &format!("  what to do:  {}\n\n", finding.remedy);
    }
    let packages: BTreeSet<&str> = verdict
        .findings
        .iter()
        .filter_map(|one| one.finding.package.as_deref())
        .collect();
    if packages.len() > 1 {
        let flags: Vec<String> = packages
            .iter()
            .map(|name| format!("--add {name}"))
            .collect();
        text += &format!("All missing packages at once: {}\n\n", flags.join(" "));
    }
    let count = |severity| {
        verdict
            .findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let counted = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    };
    let allowed = match verdict.allowed.len() {
        0 => String::new(),
        number => format!(", {number} allowed"),
    };
    let result = if verdict.failed { "fails" } else { "passes" };
    text += &format!(
        "{} {result} the profile `{}`: {}, {}, {} for information{allowed}",
        target.name,
        policy.profile.name(),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        count(Severity::Info)
    );
    text
}

/// More places, the first few by name.
fn also(others: &[TreePath]) -> Option<String> {
    const SHOWN: usize = 4;
    let list: Vec<String> = others
        .iter()
        .take(SHOWN)
        .map(|path| format!("`{path}`"))
        .collect();
    match others.len() {
        0 => None,
        count if count <= SHOWN => Some(list.join(", ")),
        count => Some(format!("{} and {} more", list.join(", "), count - SHOWN)),
    }
}
