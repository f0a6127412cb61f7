//! JSON in one spelling: keys sorted, no white space, so that equal values are equal bytes.
//!
//! The types of `oci-spec` keep annotations and labels in hash maps, whose order changes from run
//! to run. Passing through [`serde_json::Value`] sorts them, since its objects are sorted maps
//! unless some crate of the build turns on serde_json's `preserve_order`; a test watches that.

use serde::Serialize;

/// `value` as canonical JSON.
///
/// # Errors
/// When `value` has a map whose keys are not strings. None of the OCI types has one.
pub fn to_json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&serde_json::to_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn keys_are_sorted_whatever_order_they_came_in() {
        let value = serde_json::from_str::<serde_json::Value>(r#"{"b": 1, "a": {"d": 2, "c": 3}}"#);
        let bytes = to_json(&value.unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"a":{"c":3,"d":2},"b":1}"#
        );
    }

    #[test]
    fn a_hash_map_has_one_spelling() {
        let make = || {
            (0..100)
                .map(|n| (n.to_string(), n))
                .collect::<HashMap<_, _>>()
        };
        assert_eq!(to_json(&make()).unwrap(), to_json(&make()).unwrap());
    }
}
