//! The releases of Debian that an image can be made from: not every runtime is in all of them.

use distil_debian::suite::Suite;

use super::chain::chain;
use super::error::{RecipeError, UnsuitableSuite};
use super::place::Place;
use super::source::Source;
use super::target::Target;

/// The suites that the image of a definition can be made from: those that the definition admits
/// and all that it stands on admit, the oldest first.
///
/// # Errors
/// If the definition, or one that it stands on, is wrong.
pub fn suites(source: Source) -> Result<Vec<Suite>, RecipeError> {
    common(&chain(source)?)
}

fn common(chain: &[Source]) -> Result<Vec<Suite>, RecipeError> {
    let mut suites: Vec<Suite> = Suite::all().collect();
    for source in chain {
        let admitted = &source.definition.suites;
        for name in &admitted.0 {
            Suite::named(name).map_err(|error| wrong(source, name, error.to_string()))?;
        }
        suites.retain(|suite| admitted.admits(suite.codename));
        if suites.is_empty() {
            let problem = "what it stands on can be made from none of these suites";
            let first = admitted.0.first().map_or("", String::as_str);
            return Err(wrong(source, first, problem.to_owned()));
        }
    }
    Ok(suites)
}

/// Refuses a suite that one of the definitions, the lowest first, cannot be made from.
pub(super) fn check(chain: &[Source], target: Target) -> Result<(), RecipeError> {
    let suites = common(chain)?;
    let codename = target.suite.codename;
    let refuses = |source: &&Source| !source.definition.suites.admits(codename);
    let (Some(refusing), Some(top)) = (chain.iter().rev().find(refuses), chain.last()) else {
        return Ok(());
    };
    let is_top = refusing.definition.name == top.definition.name;
    let first = refusing.definition.suites.0.first();
    Err(RecipeError::Suite(UnsuitableSuite {
        name: top.definition.name.clone(),
        suite: codename,
        below: (!is_top).then(|| refusing.definition.name.clone()),
        suites: suites.iter().map(|suite| suite.codename).collect(),
        place: place(refusing, first.map_or("", String::as_str)),
    }))
}

fn wrong(source: &Source, word: &str, problem: String) -> RecipeError {
    RecipeError::Value {
        definition: source.definition.name.clone(),
        key: "suites",
        problem,
        place: place(source, word),
    }
}

fn place(source: &Source, word: &str) -> Place {
    let text = source.text.as_ref();
    text.map(|text| text.place("suites", word))
        .unwrap_or_default()
}
