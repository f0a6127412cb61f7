//! The releases of Debian that an image can be made from: not every runtime is in all of them.

use distil_debian::suite::Suite;

use super::chain::chain;
use super::error::{RecipeError, UnsuitableSuite};
use super::position::Position;
use super::source::Source;
use super::target::Target;
use crate::harmless::harmless_lines;
use crate::pointer::Pointer;

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
        for (index, name) in admitted.0.iter().enumerate() {
            Suite::named(name).map_err(|error| wrong(source, index, error.to_string()))?;
        }
        suites.retain(|suite| admitted.admits(suite.codename));
        if suites.is_empty() {
            let problem = "what it stands on can be made from none of these suites";
            return Err(wrong(source, 0, problem.to_owned()));
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
    Err(RecipeError::Suite(UnsuitableSuite {
        name: top.definition.name.clone(),
        suite: codename,
        below: (!is_top).then(|| refusing.definition.name.clone()),
        suites: suites.iter().map(|suite| suite.codename).collect(),
        position: position(refusing, 0),
    }))
}

/// A mistake in one of a definition's suites, counted from zero.
fn wrong(source: &Source, index: usize, problem: String) -> RecipeError {
    RecipeError::Value {
        definition: source.definition.name.clone(),
        key: "suites",
        problem: harmless_lines(&problem),
        position: position(source, index),
    }
}

fn position(source: &Source, index: usize) -> Position {
    Position::new(source.text.as_ref(), &Pointer::to("suites").index(index))
}
