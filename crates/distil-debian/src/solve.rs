//! Solving: which packages of an index together satisfy a request.
//!
//! Dependencies have Debian's whole meaning (Debian Policy §7): `Depends` and `Pre-Depends` are
//! followed, `Conflicts` and `Breaks` kept, versions, alternatives, virtual packages and
//! multi-arch qualifiers respected, for a root of one architecture. Recommended packages are
//! not taken, and neither are essential ones that nothing depends on.
//!
//! Where there is a choice, the first alternative wins over the later ones, the real package
//! over those that provide its name, a provider of a more important priority over the others,
//! then the one whose name comes first; of a package's versions the best candidate of
//! [`PackageIndex::candidates`].
//!
//! A dependency that is met already asks for nothing, and which one is looked at first is apt's
//! rule: what is requested by name and what is pinned is there before all; then each dependency
//! is followed to its end before the next one of the same package. So `gnupg | gpg` is `gnupg`,
//! although that brings `gpg`, and is `gpg` where `gpg` came before. Every package is the most
//! preferred one, of those in the solution, that some dependency or part of the request means.

use crate::index::PackageIndex;

mod cuts;
mod error;
mod explain;
mod offers;
mod reasons;
mod roots;
mod search;
mod solution;
#[cfg(test)]
mod tests;
mod universe;
mod walk;

use explain::explain;
use roots::{Root, pinned_roots, requested_roots};
use search::{Found, search};
use universe::Universe;
use walk::{walk, walk_within};

pub use cuts::cuts;
pub use error::{Elsewhere, Explanation, Fact, Offer, Satisfiers, SolveError, Subject};
pub use solution::{Omitted, Reason, Request, Selected, Solution};

/// Finds the packages that satisfy `request`.
///
/// A pure function: the result depends on the set of the index's packages and on the request's
/// sets alone, not on any order.
///
/// # Errors
/// When there is no solution, when the request names a package that is not there, or when a
/// stanza of the index is wrong.
pub fn solve(index: &PackageIndex, request: &Request) -> Result<Solution, SolveError> {
    let universe = Universe::new(index, &request.without);
    let pins = pinned_roots(&universe, request)?;
    let requests = requested_roots(&universe, request)?;
    let roots: Vec<Root> = pins.iter().chain(&requests).cloned().collect();
    if let Some(kept) = walk(&universe, &roots)? {
        return Ok(reasons::solution(&universe, &roots, &kept)?);
    }
    let core = match search(&universe, &roots)? {
        Found::Solution(chosen) => {
            let kept = walk_within(&universe, &roots, chosen.into_iter().collect())?;
            return Ok(reasons::solution(&universe, &roots, &kept)?);
        }
        Found::Contradiction(core) => core,
    };
    if pins.is_empty() {
        let explanation = explain(&universe, &roots, core)?;
        return Err(SolveError::Unsatisfiable(explanation));
    }
    Err(match search(&universe, &requests)? {
        Found::Solution(_) => SolveError::PinConflict(explain(&universe, &roots, core)?),
        Found::Contradiction(core) => {
            SolveError::Unsatisfiable(explain(&universe, &requests, core)?)
        }
    })
}
