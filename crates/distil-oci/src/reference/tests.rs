//! Tests of names: as Docker reads and shows them.

use super::*;
use proptest::prelude::*;

fn error(text: &str) -> String {
    text.parse::<Reference>().unwrap_err().to_string()
}

#[test]
fn names_are_completed_as_docker_does() {
    for (text, familiar, full) in [
        (
            "python3",
            "python3:latest",
            "docker.io/library/python3:latest",
        ),
        (
            "python3:debug",
            "python3:debug",
            "docker.io/library/python3:debug",
        ),
        (
            "docker.io/python3",
            "python3:latest",
            "docker.io/library/python3:latest",
        ),
        ("index.docker.io/a/b", "a/b:latest", "docker.io/a/b:latest"),
        ("team/app:1.0", "team/app:1.0", "docker.io/team/app:1.0"),
        (
            "gcr.io/distroless/python3:debug",
            "gcr.io/distroless/python3:debug",
            "gcr.io/distroless/python3:debug",
        ),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        (
            "localhost:5000/x/y:tag",
            "localhost:5000/x/y:tag",
            "localhost:5000/x/y:tag",
        ),
        ("HOST/x", "HOST/x:latest", "HOST/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        (
            "a__b-c--d.e_f:T_1.2-3",
            "a__b-c--d.e_f:T_1.2-3",
            "docker.io/library/a__b-c--d.e_f:T_1.2-3",
        ),
    ] {
        let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reference.familiar(), familiar, "{text}");
        assert_eq!(reference.full(), full, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    insta::assert_snapshot!(error(""), @"`` is not the name of an image: the name is empty");
    insta::assert_snapshot!(error("Python3"), @"`Python3` is not the name of an image: it has to be in lower case");
    insta::assert_snapshot!(error("a..b"), @"`a..b` is not the name of an image: `a..b` has to be lower-case letters and digits, with single `.`, `_`, `__` or `-` between them");
    insta::assert_snapshot!(error("a:b:c"), @"`a:b:c` is not the name of an image: the tag `b:c` has to be 1 to 128 letters, digits, `_`, `.` and `-`, and begin with none of the last two");
    insta::assert_snapshot!(error("ho_st.example/x"), @"`ho_st.example/x` is not the name of an image: `ho_st.example` is not a host, with or without a port");
    insta::assert_snapshot!(error(&format!("x@sha256:{}", "0".repeat(64))), @"`x@sha256:0000000000000000000000000000000000000000000000000000000000000000` is not the name of an image: a digest cannot be chosen, only a tag");
    insta::assert_snapshot!(error("x@sha512:00"), @"`x@sha512:00` is not the name of an image: after `@` comes a digest, `sha256:` and 64 hexadecimal digits");
    insta::assert_snapshot!(error(&"a".repeat(64)), @"`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is not the name of an image: 64 hexadecimal digits would be taken for an image's ID");
    for text in [
        "/x",
        "x/",
        "x//y",
        "x:",
        ":x",
        "x y",
        "é",
        "-x",
        "x-",
        "x:-a",
        "localhost:99999/x",
        "localhost:/x",
        "localhost:+5/x",
        "[::ffff:1.2.3.4]/x",
        "[::1/x",
        "[zz]/x",
        "a___b",
        "a._b",
        "../x",
        "http://x/y",
        &"a/".repeat(200),
        &format!("x:{}", "a".repeat(129)),
    ] {
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}

#[test]
fn a_registry_reference_may_have_a_digest() {
    let digest = Digest::of("x");
    let text = format!("localhost:5000/x/y:tag@{digest}");
    let reference: RegistryReference = text.parse().unwrap();
    assert_eq!(reference.tag(), Some("tag"));
    assert_eq!(reference.digest(), Some(digest));
    assert_eq!(reference.repository().host(), "localhost:5000");
    assert_eq!(reference.to_string(), text);
}

/// Docker's `FamiliarName` shortens all names; what it makes of these is another name or none.
#[test]
fn names_that_would_be_read_otherwise_are_not_shortened() {
    let digits = "0123456789abcdef".repeat(4);
    let library = format!("docker.io/library/{digits}");
    let team = format!("team/{digits}");
    for (text, familiar) in [
        ("docker.io/a.b/c", "docker.io/a.b/c"),
        ("docker.io/localhost/x", "docker.io/localhost/x"),
        (
            "index.docker.io/index.docker.io/x",
            "docker.io/index.docker.io/x",
        ),
        ("docker.io/docker.io/x", "docker.io/docker.io/x"),
        ("docker.io/library/x/y", "library/x/y"),
        ("docker.io/library/library", "library"),
        ("docker.io/localhost", "localhost"),
        ("docker.io/library/a.b", "a.b"),
        ("docker.io/a-b/c", "a-b/c"),
        (&library, &library),
        (&team, &team),
    ] {
        let reference: RegistryReference = text.parse().unwrap();
        assert_eq!(reference.to_string(), familiar, "{text}");
        assert_eq!(familiar.parse(), Ok(reference), "{text}");
    }
}

#[test]
fn digits_of_an_id_are_a_name_if_anything_is_written_beside_them() {
    let digits = "0123456789abcdef".repeat(4);
    let problem = digits.parse::<Reference>().unwrap_err().problem;
    assert_eq!(problem, Problem::ImageId);
    for (text, full) in [
        (
            format!("{digits}:1"),
            format!("docker.io/library/{digits}:1"),
        ),
        (
            format!("docker.io/{digits}"),
            format!("docker.io/library/{digits}:latest"),
        ),
        (
            format!("gcr.io/{digits}"),
            format!("gcr.io/{digits}:latest"),
        ),
    ] {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.full(), full);
        assert_eq!(reference.familiar().parse(), Ok(reference));
    }
}

/// A valid reference by the grammar of Docker, with the spellings that are easily taken for others.
fn references() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        Just(""),
        Just("docker.io/"),
        Just("index.docker.io/"),
        Just("localhost/"),
    ]
    .prop_map(str::to_owned);
    let other_host = "([a-zA-Z0-9]{1,4}(-[a-z0-9]{1,3})?\\.[a-z]{1,4}|[0-9]{1,3}(\\.[0-9]{1,3}){3}\
        |[A-Z][a-z]{0,3}|\\[(::1|fe80::1:2)\\]|localhost:0|[a-z]{1,3}:[1-9][0-9]{0,3})/";
    let component = prop_oneof![
        4 => "[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}",
        1 => prop::sample::select(vec!["localhost", "library", "docker.io", "index.docker.io"])
            .prop_map(str::to_owned),
        1 => "[0-9a-f]{64}",
    ];
    let path = prop::collection::vec(component, 1..3).prop_map(|parts| parts.join("/"));
    let tag = "(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,10})?";
    let digest = "(@sha256:[0-9a-f]{64})?";
    let host = prop_oneof![2 => host, 1 => other_host];
    (host, path, tag, digest)
        .prop_map(|(host, path, tag, digest)| format!("{host}{path}{tag}{digest}"))
        .prop_filter("would be taken for an image's ID", |text| {
            !is_image_id(text)
        })
}

proptest! {
    #[test]
    fn whatever_is_shown_is_read_as_the_same(text in references()) {
        // A first part that looks like a host is one, and may be too odd for that.
        let Ok(reference) = text.parse::<RegistryReference>() else {
            let part = text.split_once('/').map_or("", |(first, _)| first);
            prop_assert!(part.contains(['.', ':']) && !is_host(part), "{} is refused", text);
            return Ok(());
        };
        prop_assert_eq!(reference.to_string().parse(), Ok(reference.clone()));
        let repository = reference.repository();
        let bare = |text: &str| text.parse::<RegistryReference>().map(|read| read.repository);
        prop_assert_eq!(bare(&repository.to_string()), Ok(repository.clone()));
        prop_assert_eq!(bare(&repository.familiar()), Ok(repository.clone()));
        let location = crate::Location::Registry(reference.clone());
        prop_assert_eq!(location.to_string().parse::<crate::Location>().unwrap(), location);

        let tagged = text.split('@').next().unwrap();
        prop_assume!(!is_image_id(tagged));
        let reference: Reference = tagged.parse().unwrap();
        prop_assert_eq!(reference.familiar().parse(), Ok(reference.clone()));
        prop_assert_eq!(reference.full().parse(), Ok(reference.clone()));
        prop_assert_eq!(reference.to_string().parse(), Ok(reference.clone()));
        for location in [
            crate::Location::DockerDaemon(reference.clone()),
            crate::Location::DockerArchive { path: "x.tar".into(), name: Some(reference) },
        ] {
            prop_assert_eq!(location.to_string().parse::<crate::Location>().unwrap(), location);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = text.parse::<RegistryReference>();
    }
}
