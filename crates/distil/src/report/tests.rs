use distil_check::Severity;

use super::*;

fn report() -> Report {
    let entry = |rule: &str, severity, path: Option<&str>, message: &str| Entry {
        kind: Kind::Rule(Rule::named(rule).unwrap()),
        severity,
        message: message.to_owned(),
        path: path.map(str::to_owned),
        position: None,
        layer: None,
        allowed: None,
    };
    Report {
        command: "check",
        fail_on: Severity::Error,
        subjects: vec![
            Subject {
                digest: Some("sha256:00".to_owned()),
                platform: Some("linux/amd64".to_owned()),
                entries: vec![
                    Entry {
                        layer: Some("sha256:11".to_owned()),
                        ..entry(
                            "S101",
                            Severity::Error,
                            Some("/bin/s h"),
                            "a shell\nWhat to do: <b>",
                        )
                    },
                    entry(
                        "F601",
                        Severity::Warning,
                        None,
                        "100%, soon: \u{202e}\u{1b}[1m",
                    ),
                    Entry {
                        allowed: Some("we need it".to_owned()),
                        ..entry("S101", Severity::Error, Some("/bin/dash"), "another")
                    },
                ],
                ..Subject::of("oci:x y")
            },
            Subject {
                entries: vec![Entry {
                    kind: Kind::Failure,
                    position: SourcePosition::in_message("wrong\n --> a,b.yaml:3:14\n  |\n"),
                    ..entry("S101", Severity::Error, None, "wrong")
                }],
                ..Subject::of("a,b.yaml:debug")
            },
        ],
    }
}

#[test]
fn positions_are_those_of_files_that_messages_show() {
    let position = |message: &str| SourcePosition::in_message(message);
    let found = position("`x` is wrong\n --> dir/a:b.yaml:3:14\n  |\n").unwrap();
    assert_eq!(
        (found.file.as_str(), found.line, found.column),
        ("dir/a:b.yaml", 3, 14)
    );
    for message in [
        "",
        "--> ",
        " --> python3:1:2",
        " --> a.yaml:x:1",
        " --> a.yaml:1",
    ] {
        assert_eq!(position(message), None, "{message}");
    }
}

#[test]
fn annotations_are_a_line_each() {
    insta::assert_snapshot!(annotations::lines(&report()).join("\n"), @"");
}

#[test]
fn junit_has_a_case_for_each_rule_and_finding() {
    let document = junit::document(&report()).unwrap();
    // Rules that find nothing pass.
    assert!(document.contains("<testcase name=\"F101 program-missing\" classname=\"oci:x y\"/>"));
    let own = document
        .lines()
        .filter(|line| !line.ends_with("classname=\"oci:x y\"/>"));
    insta::assert_snapshot!(own.collect::<Vec<_>>().join("\n"), @"");
}

#[test]
fn sarif_has_a_run_for_each_image() {
    let document = sarif::document(&report());
    let mut runs = document["runs"].clone();
    // The texts of the rules are those of the manual.
    for run in runs.as_array_mut().unwrap() {
        for rule in run["tool"]["driver"]["rules"].as_array_mut().unwrap() {
            if let Ok(known) = Rule::named(rule["id"].as_str().unwrap()) {
                assert_eq!(rule["help"]["markdown"], known.explain());
                rule["help"]["markdown"] = "…".into();
            }
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&runs).unwrap(), @"");
}
