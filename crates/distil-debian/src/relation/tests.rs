use proptest::prelude::*;

use super::*;

fn relations(text: &str) -> Relations {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn relation(text: &str) -> Relation {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_relation_has_all_its_parts() {
    let relation = relation("libfoo-dev:any (>= 1:2~rc1) [!i386 !hurd-any] <!nocheck> <a b>");
    assert_eq!(relation.name, "libfoo-dev");
    assert_eq!(relation.qualifier, Some(Qualifier::Any));
    let version = "1:2~rc1".parse().unwrap();
    assert_eq!(relation.version, Some((Operator::LaterOrEqual, version)));
    let restriction = |negated, name: &str| Restriction {
        negated,
        name: name.to_owned(),
    };
    assert_eq!(
        relation.architectures,
        [restriction(true, "i386"), restriction(true, "hurd-any")]
    );
    assert_eq!(
        relation.profiles,
        [
            vec![restriction(true, "nocheck")],
            vec![restriction(false, "a"), restriction(false, "b")]
        ]
    );
}

#[test]
fn what_archives_hold_is_read_and_written_in_one_way() {
    for (text, canonical) in [
        ("", ""),
        (" , ,", ""),
        ("a", "a"),
        ("a,b,", "a, b"),
        (",a", "a"),
        ("a(>=1)", "a (>= 1)"),
        ("a ( >= 1 )|b", "a (>= 1) | b"),
        ("a (< 1), a (> 1)", "a (<= 1), a (>= 1)"),
        ("a (<< 1), a (>> 1), a (= 1)", "a (<< 1), a (>> 1), a (= 1)"),
        ("a:any(=1)[amd64]<!x>", "a:any (= 1) [amd64] <!x>"),
        ("a [ !amd64  !i386 ]", "a [!amd64 !i386]"),
        ("a (>= 1),\n b |\n c\n", "a (>= 1), b | c"),
        ("0ad, g++ (>= 4:14), X.y", "0ad, g++ (>= 4:14), X.y"),
    ] {
        assert_eq!(relations(text).to_string(), canonical, "{text:?}");
    }
}

#[test]
fn what_is_not_a_relation_says_where_and_why() {
    let problem = |text: &str| {
        let error = text.parse::<Relations>().unwrap_err();
        format!("{error} (byte {})", error.offset())
    };
    insta::assert_snapshot!(problem("a | , b"), @"`a | , b` is not a package relation at column 5: a package's name is missing (byte 4)");
    insta::assert_snapshot!(problem("a, é"), @"`a, é` is not a package relation at column 4: `é` does not belong into a package's name (byte 3)");
    insta::assert_snapshot!(problem("lib_foo"), @"`lib_foo` is not a package relation at column 4: `_` does not belong into a package's name (byte 3)");
    insta::assert_snapshot!(problem("a b"), @"`a b` is not a package relation at column 3: `b` is not expected here (byte 2)");
    insta::assert_snapshot!(problem("a: (= 1)"), @"`a: (= 1)` is not a package relation at column 3: `any` or an architecture has to follow the `:` (byte 2)");
    insta::assert_snapshot!(problem("a (1)"), @"`a (1)` is not a package relation at column 4: one of `<<`, `<=`, `=`, `>=`, `>>` has to follow the `(` (byte 3)");
    insta::assert_snapshot!(problem("a (== 1)"), @"`a (== 1)` is not a package relation at column 4: one of `<<`, `<=`, `=`, `>=`, `>>` has to follow the `(` (byte 3)");
    insta::assert_snapshot!(problem("a (>=)"), @"`a (>=)` is not a package relation at column 6: a version has to follow the operator (byte 5)");
    insta::assert_snapshot!(problem("é1 (>= 2_3)"), @"`é1 (>= 2_3)` is not a package relation at column 1: `é` does not belong into a package's name (byte 0)");
    insta::assert_snapshot!(problem("a1 (>= 2_3)"), @"`a1 (>= 2_3)` is not a package relation at column 8: the version is wrong: `_` may not stand in an upstream version (byte 7)");
    insta::assert_snapshot!(problem("a (>= 1"), @"`a (>= 1` is not a package relation at column 8: a `)` is missing (byte 7)");
    insta::assert_snapshot!(problem("a (>= 1, b"), @"`a (>= 1, b` is not a package relation at column 8: a `)` is missing (byte 7)");
    insta::assert_snapshot!(problem("a []"), @"`a []` is not a package relation at column 5: the list is empty (byte 4)");
    insta::assert_snapshot!(problem("a [amd64"), @"`a [amd64` is not a package relation at column 9: a `]` is missing (byte 8)");
    insta::assert_snapshot!(problem("a [amd64 !i386]"), @"`a [amd64 !i386]` is not a package relation at column 4: either all architectures of the list have a `!`, or none (byte 3)");
    insta::assert_snapshot!(problem("a <!x | b"), @"`a <!x | b` is not a package relation at column 7: a `>` is missing (byte 6)");
    insta::assert_snapshot!("a, b".parse::<Alternatives>().unwrap_err(), @"`a, b` is not a package relation at column 2: `,` is not expected here");
    insta::assert_snapshot!("a | b".parse::<Relation>().unwrap_err(), @"`a | b` is not a package relation at column 3: `|` is not expected here");
    insta::assert_snapshot!("".parse::<Alternatives>().unwrap_err(), @"`` is not a package relation at column 1: a package's name is missing");
    insta::assert_snapshot!(Relation::to_any_version("a (= 1)").unwrap_err(), @"`a (= 1)` is not a package relation at column 3: `(` is not expected here");
}

#[test]
fn provided_packages_have_exact_versions_only() {
    let list = Provided::parse_list("awk, libfoo (= 1-2), bar:any").unwrap();
    let texts: Vec<String> = list.iter().map(Provided::to_string).collect();
    assert_eq!(texts, ["awk", "libfoo (= 1-2)", "bar:any"]);
    insta::assert_snapshot!(Provided::parse_list("a (>= 1)").unwrap_err(), @"`a (>= 1)` is not a package relation at column 4: only an exact version (`=`) can be provided");
    insta::assert_snapshot!(Provided::parse_list("a | b").unwrap_err(), @"`a | b` is not a package relation at column 4: alternatives cannot be provided");
}

#[test]
fn operators_compare_as_policy_has_it() {
    let holds = |left: &str, operator: Operator, right: &str| {
        operator.holds(&left.parse().unwrap(), &right.parse().unwrap())
    };
    for (operator, earlier, equal, later) in [
        (Operator::StrictlyEarlier, true, false, false),
        (Operator::EarlierOrEqual, true, true, false),
        (Operator::Equal, false, true, false),
        (Operator::LaterOrEqual, false, true, true),
        (Operator::StrictlyLater, false, false, true),
    ] {
        assert_eq!(holds("1", operator, "2"), earlier);
        assert_eq!(holds("1.0", operator, "1.00-0"), equal);
        assert_eq!(holds("2", operator, "1"), later);
    }
}

#[test]
fn restrictions_are_for_architectures_and_profiles() {
    let applies = |text: &str, architecture| relation(text).applies_to(architecture);
    assert!(applies("a", "amd64"));
    assert!(applies("a [amd64 arm64]", "arm64"));
    assert!(!applies("a [amd64 arm64]", "armhf"));
    assert!(applies("a [!amd64 !arm64]", "armhf"));
    assert!(!applies("a [!amd64 !arm64]", "arm64"));
    assert!(applies("a [linux-any]", "riscv64"));
    assert!(applies("a [any-amd64]", "amd64"));
    assert!(!applies("a [any-arm64]", "amd64"));
    assert!(applies("a [any-arm]", "armhf"));
    assert!(!applies("a [hurd-any]", "amd64"));
    assert!(applies("a <!nocheck>", "amd64"));
    assert!(!applies("a <stage1>", "amd64"));
    assert!(applies("a <stage1> <!cross !nocheck>", "amd64"));
    let group: Alternatives = "a [arm64] | b | c [amd64]".parse().unwrap();
    let reduced = group.reduced_to("amd64").unwrap().to_string();
    assert_eq!(reduced, "b | c [amd64]");
}

#[test]
fn serde_writes_the_text() {
    let group: Alternatives = "a (>= 1) | b:any".parse().unwrap();
    let json = serde_json::to_string(&group).unwrap();
    assert_eq!(json, r#""a (>= 1) | b:any""#);
    assert_eq!(serde_json::from_str::<Alternatives>(&json).unwrap(), group);
}

fn any_relation() -> impl Strategy<Value = String> {
    let version = "( \\((<<|<=|=|>=|>>) [0-9]:[0-9a-z.]{1,3}-[0-9]\\))?";
    let lists = "( \\[(amd64 i386|!any-arm)\\])?( <!a b>){0,2}";
    let name = "[a-z0-9][a-z0-9+.-]{1,4}(:any|:amd64)?";
    (name, version, lists).prop_map(|(name, version, lists)| format!("{name}{version}{lists}"))
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let outcome = text.parse::<Relations>();
        if let Err(error) = outcome {
            prop_assert!(error.offset() <= text.len());
        }
    }

    #[test]
    fn nearly_relations_are_parsed_or_refused(text in "[ab,|()\\[\\]<>=:! é1\n]{0,12}") {
        match text.parse::<Relations>() {
            Ok(relations) => {
                let canonical = relations.to_string();
                prop_assert_eq!(canonical.parse::<Relations>().unwrap().to_string(), canonical);
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset()));
            }
        }
        let provides = Provided::parse_list(&text);
        prop_assert_eq!(provides.is_ok(), provided_names(&text, |_| ()).is_ok());
        let _ = text.parse::<Alternatives>();
        let _ = text.parse::<Relation>();
    }

    #[test]
    fn canonical_text_and_back(groups in prop::collection::vec(
        prop::collection::vec(any_relation(), 1..3), 0..4)
    ) {
        let groups: Vec<String> = groups.iter().map(|group| group.join(" | ")).collect();
        let text = groups.join(", ");
        prop_assert_eq!(relations(&text).to_string(), text);
    }
}
