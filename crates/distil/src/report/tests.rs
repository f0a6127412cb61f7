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
                is_checked: true,
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
                    entry("F601", Severity::Warning, None, "100%, soon: a\r\nb"),
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
    insta::assert_snapshot!(annotations::lines(&report()).join("\n"), @"
    ::error title=oci%3Ax y%3A S101 shell::a shell%0AWhat to do: <b>
    ::warning title=oci%3Ax y%3A F601 certificate-expired::100%25, soon: a%0D%0Ab
    ::error title=a%2Cb.yaml%3Adebug%3A build-failed,file=a%2Cb.yaml,line=3,col=14::wrong
    ");
}

#[test]
fn junit_has_a_case_for_each_rule_and_finding() {
    let document = junit::document(&report()).unwrap();
    // Rules that find nothing pass.
    assert!(document.contains("<testcase name=\"F101 program-missing\" classname=\"oci:x y\"/>"));
    let own = document
        .lines()
        .filter(|line| !line.ends_with("classname=\"oci:x y\"/>"));
    insta::assert_snapshot!(own.collect::<Vec<_>>().join("\n"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="distil check" tests="60" skipped="1" failures="2" errors="0">
        <testsuite name="oci:x y" tests="59" skipped="1" errors="0" failures="1">
            <properties>
                <property name="digest" value="sha256:00"/>
                <property name="platform" value="linux/amd64"/>
            </properties>
            <testcase name="S101 shell /bin/s h" classname="oci:x y">
                <failure message="a shell" type="S101 shell">a shell
    What to do: &lt;b&gt;</failure>
            </testcase>
            <testcase name="F601 certificate-expired" classname="oci:x y">
                <system-out>warning: 100%, soon: a
    b</system-out>
            </testcase>
            <testcase name="S101 shell /bin/dash" classname="oci:x y">
                <skipped message="allowed: we need it"/>
                <system-out>error: another</system-out>
            </testcase>
        </testsuite>
        <testsuite name="a,b.yaml:debug" tests="1" skipped="0" errors="0" failures="1">
            <testcase name="build-failed" classname="a,b.yaml:debug">
                <failure message="wrong" type="build-failed">wrong</failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
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
    insta::assert_snapshot!(serde_json::to_string_pretty(&runs).unwrap(), @r#"
    [
      {
        "automationDetails": {
          "id": "distil check/oci:x y/linux/amd64/"
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
          "IMAGE": {
            "description": {
              "text": "The root of the file system of the image `oci:x y`"
            }
          }
        },
        "properties": {
          "digest": "sha256:00",
          "image": "oci:x y",
          "platform": "linux/amd64"
        },
        "results": [
          {
            "level": "error",
            "locations": [
              {
                "logicalLocations": [
                  {
                    "fullyQualifiedName": "oci:x y: /bin/s h"
                  }
                ],
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "bin/s%20h",
                    "uriBaseId": "IMAGE"
                  }
                }
              }
            ],
            "message": {
              "text": "a shell\nWhat to do: <b>"
            },
            "partialFingerprints": {
              "distil/v1": "80e430e78fdba54ba196a4777a56a865"
            },
            "properties": {
              "layer": "sha256:11"
            },
            "ruleId": "S101",
            "ruleIndex": 1
          },
          {
            "level": "warning",
            "locations": [
              {
                "logicalLocations": [
                  {
                    "fullyQualifiedName": "oci:x y: configuration"
                  }
                ],
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "oci%3Ax%20y"
                  }
                }
              }
            ],
            "message": {
              "text": "100%, soon: a\r\nb"
            },
            "partialFingerprints": {
              "distil/v1": "458bbfb3310c8ff26e83d355cf2865e3"
            },
            "ruleId": "F601",
            "ruleIndex": 0
          },
          {
            "level": "error",
            "locations": [
              {
                "logicalLocations": [
                  {
                    "fullyQualifiedName": "oci:x y: /bin/dash"
                  }
                ],
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "bin/dash",
                    "uriBaseId": "IMAGE"
                  }
                }
              }
            ],
            "message": {
              "text": "another"
            },
            "partialFingerprints": {
              "distil/v1": "2c1a85ca7937cacfeeece8322d762d1b"
            },
            "ruleId": "S101",
            "ruleIndex": 1,
            "suppressions": [
              {
                "justification": "we need it",
                "kind": "external"
              }
            ]
          }
        ],
        "tool": {
          "driver": {
            "informationUri": "https://github.com/distil-images/distil",
            "name": "distil",
            "rules": [
              {
                "defaultConfiguration": {
                  "level": "warning"
                },
                "fullDescription": {
                  "text": "Connections that depend on it fail; those with other authorities work. A few expired ones in a whole bundle are not told: distributions remove them late, and nobody misses them."
                },
                "help": {
                  "markdown": "…",
                  "text": "Build the image again with the present `ca-certificates`, or renew your own authority's certificate."
                },
                "helpUri": "https://github.com/distil-images/distil/blob/main/docs/rules.md#f601-certificate-expired",
                "id": "F601",
                "name": "certificate-expired",
                "shortDescription": {
                  "text": "A trusted certificate has expired, or will within 30 days."
                }
              },
              {
                "defaultConfiguration": {
                  "level": "error"
                },
                "fullDescription": {
                  "text": "An attacker who can run a command in the container has a complete toolbox. Found by name, by content under any other name, and as an applet of busybox or toybox."
                },
                "help": {
                  "markdown": "…",
                  "text": "Leave it to the debug variant, or to a build stage."
                },
                "helpUri": "https://github.com/distil-images/distil/blob/main/docs/rules.md#s101-shell",
                "id": "S101",
                "name": "shell",
                "shortDescription": {
                  "text": "The image has a shell."
                }
              }
            ],
            "semanticVersion": "0.1.0"
          }
        }
      },
      {
        "automationDetails": {
          "id": "distil check/a,b.yaml:debug//"
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
          "IMAGE": {
            "description": {
              "text": "The root of the file system of the image `a,b.yaml:debug`"
            }
          }
        },
        "properties": {
          "digest": null,
          "image": "a,b.yaml:debug",
          "platform": null
        },
        "results": [
          {
            "level": "error",
            "locations": [
              {
                "logicalLocations": [
                  {
                    "fullyQualifiedName": "a,b.yaml:debug: configuration"
                  }
                ],
                "physicalLocation": {
                  "artifactLocation": {
                    "uri": "a%2Cb.yaml"
                  },
                  "region": {
                    "startColumn": 14,
                    "startLine": 3
                  }
                }
              }
            ],
            "message": {
              "text": "wrong"
            },
            "partialFingerprints": {
              "distil/v1": "5a96f816b186714ab97db48b47699c0a"
            },
            "ruleId": "build-failed",
            "ruleIndex": 0
          }
        ],
        "tool": {
          "driver": {
            "informationUri": "https://github.com/distil-images/distil",
            "name": "distil",
            "rules": [
              {
                "defaultConfiguration": {
                  "level": "error"
                },
                "id": "build-failed",
                "shortDescription": {
                  "text": "The image cannot be made"
                }
              }
            ],
            "semanticVersion": "0.1.0"
          }
        }
      }
    ]
    "#);
}
