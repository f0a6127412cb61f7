use std::collections::hash_map::DefaultHasher;

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn hash(version: &Version) -> u64 {
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    hasher.finish()
}

/// Versions that are all different, in their order.
const ASCENDING: &[&str] = &[
    "~~",
    "~~a",
    "~",
    "0",
    "0.9~rc1",
    "0.9",
    "0.9+ds0-3",
    "0.9+ds-5",
    "0.9.1",
    "1.0~",
    "1.0~-1",
    "1.0~beta1~svn1245",
    "1.0~beta1",
    "1.0-0~1",
    "1.0",
    "1.0-0.1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1.1",
    "1.0-a",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0-1-1",
    "1.0.0-1",
    "1.1",
    "1.2",
    "1.09",
    "1.10",
    "1.18446744073709551616",
    "1.18446744073709551617",
    "1:0",
    "1:1:2",
    "2147483647:0",
];

#[test]
fn versions_are_ordered_as_in_debian() {
    for (at, left) in ASCENDING.iter().enumerate() {
        for (other, right) in ASCENDING.iter().enumerate() {
            assert_eq!(
                version(left).cmp(&version(right)),
                at.cmp(&other),
                "{left} {right}"
            );
        }
    }
}

#[test]
fn spellings_of_one_version_are_equal() {
    for (left, right) in [
        ("1.0", "1.00"),
        ("1.0", "0:1.0"),
        ("1.0", "1.0-0"),
        ("1.0", "1.0-00"),
        ("1.", "1.0"),
        ("1.0a", "1.00a0"),
        ("00", "0"),
        ("1.0-~", "1.0-~0"),
    ] {
        let (left, right) = (version(left), version(right));
        assert_eq!(left, right);
        assert_eq!(hash(&left), hash(&right), "{left} {right}");
    }
}

#[test]
fn the_parts_of_a_version() {
    let parts = |text| {
        let version = version(text);
        let (upstream, revision) = (version.upstream().to_owned(), version.revision());
        (version.epoch(), upstream, revision.map(str::to_owned))
    };
    let expected = |epoch, upstream: &str, revision: Option<&str>| {
        (epoch, upstream.to_owned(), revision.map(str::to_owned))
    };
    assert_eq!(parts("1.2"), expected(0, "1.2", None));
    assert_eq!(parts("1.2-3"), expected(0, "1.2", Some("3")));
    assert_eq!(parts("4:1:2-3-5"), expected(4, "1:2-3", Some("5")));
}

#[test]
fn what_is_not_a_version_says_why() {
    let problem = |text: &str| text.parse::<Version>().unwrap_err().to_string();
    insta::assert_snapshot!(problem(""), @"`` is not a Debian version: it is empty");
    insta::assert_snapshot!(problem("x:1"), @"`x:1` is not a Debian version: its epoch (before the `:`) is not a number up to 2147483647");
    insta::assert_snapshot!(problem("2147483648:1"), @"`2147483648:1` is not a Debian version: its epoch (before the `:`) is not a number up to 2147483647");
    insta::assert_snapshot!(problem(":1"), @"`:1` is not a Debian version: its epoch (before the `:`) is not a number up to 2147483647");
    insta::assert_snapshot!(problem("1:"), @"`1:` is not a Debian version: it has no upstream version");
    insta::assert_snapshot!(problem("-1"), @"`-1` is not a Debian version: it has no upstream version");
    insta::assert_snapshot!(problem("1.0-"), @"`1.0-` is not a Debian version: its revision (after the last `-`) is empty");
    insta::assert_snapshot!(problem("1 0"), @"`1 0` is not a Debian version: ` ` may not stand in an upstream version");
    insta::assert_snapshot!(problem("1.é-1"), @"`1.é-1` is not a Debian version: `é` may not stand in an upstream version");
    insta::assert_snapshot!(problem("1-1:1"), @"`1-1:1` is not a Debian version: its epoch (before the `:`) is not a number up to 2147483647");
    insta::assert_snapshot!(problem("1:1-1:1"), @"`1:1-1:1` is not a Debian version: `:` may not stand in a revision");
}

#[test]
fn serde_writes_the_text() {
    let json = serde_json::to_string(&version("1:2.0-3")).unwrap();
    assert_eq!(json, r#""1:2.0-3""#);
    assert_eq!(
        serde_json::from_str::<Version>(&json).unwrap(),
        version("1:2.0-3")
    );
    assert!(serde_json::from_str::<Version>(r#""1:""#).is_err());
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.to_string(), text);
        }
    }

    #[test]
    fn the_text_is_kept(text in "([0-9]:)?[0-9][a0.+~]{0,4}(-[a0.+~]{1,3})?") {
        prop_assert_eq!(version(&text).to_string(), text);
    }

    /// Few letters, so that many pairs are equal or nearly so.
    #[test]
    fn the_order_is_one(
        a in "(0:)?[01][a01.+~]{0,4}(-[a0~]{1,2})?",
        b in "(0:)?[01][a01.+~]{0,4}(-[a0~]{1,2})?",
        c in "(0:)?[01][a01.+~]{0,4}(-[a0~]{1,2})?",
    ) {
        let (a, b, c) = (version(&a), version(&b), version(&c));
        prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
        if a == b {
            prop_assert_eq!(hash(&a), hash(&b));
            prop_assert_eq!(a.cmp(&c), b.cmp(&c));
        }
    }
}
