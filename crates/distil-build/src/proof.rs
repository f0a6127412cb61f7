//! The proof that an image passes its profile of `check`, given before it is written anywhere.

use std::time::SystemTime;

use distil_check::{Finding, Options, Policy, Profile, Subject, Verdict};
use distil_definition::recipe::{Recipe, Variant};
use distil_image::Draft;
use distil_inspect::{ContainerConfig, Filesystem};
use distil_tree::{Origin, Patterns, Tree, TreePath, program};

/// An image does not pass its profile.
#[derive(Debug, thiserror::Error)]
#[error(
    "the image `{image}` would not pass `distil check`:{}",
    listed(verdict, policy)
)]
pub struct ProofError {
    /// The image as it was asked for.
    pub image: String,
    /// What was found, and what of it counts.
    pub verdict: Verdict,
    policy: Policy,
}

fn listed(verdict: &Verdict, policy: &Policy) -> String {
    let mut message = String::new();
    let findings = verdict.findings.iter();
    for one in findings.filter(|one| one.severity >= policy.fail_on) {
        message += &format!(
            "\n  {} {}: {}",
            one.finding.rule.id, one.finding.rule.name, one.finding.problem
        );
        if let Some(says) = &one.finding.at_run_time {
            message += &format!("\n    at run time: {says}");
        }
    }
    message
}

/// The profile of `check` that a variant is for, where that is not production's.
pub fn profile_of(variant: Variant) -> Option<Profile> {
    match variant {
        Variant::Latest | Variant::Nonroot => None,
        Variant::Debug | Variant::DebugNonroot => Some(Profile::Debug),
        Variant::Dev => Some(Profile::Dev),
    }
}

/// Where in a tree the programs are that the definitions of a recipe run.
pub fn runtimes_of(recipe: &Recipe, tree: &Tree) -> Vec<TreePath> {
    let path = recipe.config.env.get("PATH");
    let path = path.map_or(program::DEFAULT_PATH, String::as_str);
    let runtimes = recipe.runtimes.iter();
    let found = runtimes.filter_map(|word| program::find(tree, path, "/", word).ok());
    found.collect()
}

/// Proves that an image passes the profile of its variant, but for what its definitions allow.
///
/// # Errors
/// If it does not.
pub(crate) fn prove(word: &str, draft: Draft<'_>, now: SystemTime) -> Result<(), ProofError> {
    let policy = Policy {
        profile: profile_of(draft.recipe.variant).unwrap_or_default(),
        ..Policy::default()
    };
    let options = Options {
        now,
        package_of: &|_| None,
        writable: &[],
    };
    let tree = &draft.assembly.tree;
    let filesystem = Filesystem {
        tree: tree.clone(),
        ..Filesystem::default()
    };
    let subject = Subject {
        filesystem: &filesystem,
        config: &ContainerConfig::of(draft.image),
        runtimes: &runtimes_of(draft.recipe, tree),
    };
    let mut findings = distil_check::check(subject, options);
    // What the runtime is to run may come with an image that is based on this one.
    findings.retain(|finding| finding.rule.name != "argument-missing");
    findings.retain(|finding| !is_allowed(draft, finding));
    let verdict = policy.judge(findings, now);
    match verdict.failed {
        false => Ok(()),
        true => Err(ProofError {
            image: word.to_owned(),
            verdict,
            policy,
        }),
    }
}

/// Whether the definitions of an image allow a finding: its files, by path or by package, or the
/// library that is missing.
fn is_allowed(draft: Draft<'_>, finding: &Finding) -> bool {
    let layers = &draft.recipe.layers;
    let is_excused = |name: &String| layers.iter().any(|layer| layer.excuse.contains_key(name));
    if finding.library.as_ref().is_some_and(is_excused) {
        return true;
    }
    let allowed: Vec<&String> = layers.iter().flat_map(|layer| layer.allow.keys()).collect();
    let is_pattern = |entry: &&&String| entry.starts_with('/');
    let patterns: Vec<String> = allowed
        .iter()
        .filter(is_pattern)
        .map(|entry| (*entry).clone())
        .collect();
    let patterns = Patterns::new(&patterns).unwrap_or_else(|_| Patterns::none());
    let tree = &draft.assembly.tree;
    let is_fine = |path: &TreePath| {
        let package = tree
            .follow(path)
            .and_then(|(_, entry)| match &entry.origin {
                Origin::Package(name) => Some(name.to_string()),
                _ => None,
            });
        patterns.any(&path.to_string()) || package.is_some_and(|name| allowed.contains(&&name))
    };
    finding.path.is_some() && finding.path.iter().chain(&finding.others).all(is_fine)
}
