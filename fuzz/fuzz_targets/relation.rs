//! Relations between packages. What parses is written so that it parses to the same.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use distil_debian::relation::{Alternatives, Provided, Relation, RelationError, Relations};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    round::<Relation>(text);
    round::<Alternatives>(text);
    round::<Provided>(text);
    if let Some(relations) = round::<Relations>(text) {
        for alternatives in &relations {
            let reduced = alternatives.reduced_to("amd64");
            let left = reduced.iter().flatten().count();
            assert!(left <= alternatives.iter().count());
            assert_eq!(
                left,
                alternatives
                    .iter()
                    .filter(|one| one.applies_to("amd64"))
                    .count()
            );
        }
    }
    match Provided::parse_list(text) {
        Ok(list) => {
            let written: Vec<String> = list.iter().map(ToString::to_string).collect();
            assert_eq!(
                Provided::parse_list(&written.join(", ")).as_ref(),
                Ok(&list)
            );
        }
        Err(error) => check(text, &error),
    }
});

fn round<T: FromStr<Err = RelationError> + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(&value));
            Some(value)
        }
        Err(error) => {
            check(text, &error);
            None
        }
    }
}

fn check(text: &str, error: &RelationError) {
    assert!(
        text.is_char_boundary(error.offset()),
        "{error:?} points into a character"
    );
    explain(error);
}
