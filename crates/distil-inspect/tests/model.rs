//! Our merge against small models of engines, on random layers.

#![allow(clippy::panic)]
#![allow(
    unreachable_pub,
    reason = "what is included is public where it comes from"
)]

#[path = "../../../fuzz/src/engines.rs"]
mod engines;

use engines::{Member, compare};
use proptest::prelude::*;

fn path() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[abc](/[abc]){0,2}").expect("a pattern")
}

fn target() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(/|\\.\\./)?[abc](/[abc]){0,1}").expect("a pattern")
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        3 => (path(), prop_oneof![Just(0o755), Just(0o700)])
            .prop_map(|(path, mode)| Member::Directory(path, mode)),
        3 => (path(), 0..100_u32).prop_map(|(path, number)| Member::File(path, number)),
        2 => (path(), target()).prop_map(|(path, target)| Member::Symlink(path, target)),
        1 => (path(), path()).prop_map(|(path, target)| Member::HardLink(path, target)),
        2 => path().prop_map(Member::Whiteout),
        1 => path().prop_map(Member::Opaque),
        1 => Just(Member::Opaque(String::new())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn layers_are_merged_as_engines_merge_them(
        layers in proptest::collection::vec(proptest::collection::vec(member(), 0..6), 1..4)
    ) {
        compare(&layers);
    }

    /// As the fuzzer makes them.
    #[test]
    fn bytes_as_layers(data in proptest::collection::vec(any::<u8>(), 0..80)) {
        compare(&engines::layers(&data));
    }
}
