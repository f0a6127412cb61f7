//! A definition and those that it stands on.

use super::error::RecipeError;
use super::position::Position;
use super::source::Source;
use crate::harmless::shown;
use crate::pointer::Pointer;

/// The longest chain of definitions.
const MAX_CHAIN: usize = 32;

/// The definitions from the lowest to the one asked for.
pub(super) fn chain(source: Source) -> Result<Vec<Source>, RecipeError> {
    let mut chain = vec![source];
    loop {
        let last = &chain[chain.len() - 1];
        let Some(from) = last.definition.from.clone() else {
            break;
        };
        let position = || Position::new(last.text.as_ref(), &Pointer::to("from"));
        if from.contains(':') {
            return Err(RecipeError::Value {
                definition: last.definition.name.clone(),
                key: "from",
                problem: format!(
                    "`{}` names a variant; an image stands on a definition, and has all \
                     variants itself",
                    shown(&from)
                ),
                position: position(),
            });
        }
        let next = last.parent(&from).map_err(|error| match error {
            RecipeError::Unknown(unknown) => RecipeError::UnknownFrom {
                unknown,
                position: position(),
            },
            other => other.at(position()),
        })?;
        if chain.iter().any(|known| known.is_same(&next)) || chain.len() >= MAX_CHAIN {
            let names = chain
                .iter()
                .chain([&next])
                .map(|one| one.definition.name.clone());
            let chain: Vec<String> = names.collect();
            return Err(RecipeError::Endless {
                name: chain[0].clone(),
                chain,
            });
        }
        chain.push(next);
    }
    chain.reverse();
    Ok(chain)
}
