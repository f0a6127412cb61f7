//! The mistakes that people make in Dockerfiles, each made in one of the examples: `check` finds
//! just that one, and the image does as it foretells.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use distil_live::context::workspace;
use distil_live::{Context, Engine, Request, require};

use crate::dev::{build, provide};

/// An example in whose Dockerfile one text stands for another.
struct Mistake {
    example: &'static str,
    from: &'static str,
    to: &'static str,
    /// The rules that must find something: errors, warnings.
    errors: &'static [&'static str],
    warnings: &'static [&'static str],
    /// What the container says that then does not start, if that keeps it from starting.
    says: Option<&'static str>,
}

/// The images of the examples, by the names that the mistakes have for them.
const IMAGES: [(&str, &str, &str); 9] = [
    ("python3", "python3", "trixie"),
    ("python3:bookworm", "python3", "bookworm"),
    ("nodejs", "nodejs", "trixie"),
    ("nodejs:bookworm", "nodejs", "bookworm"),
    ("java21", "java21", "trixie"),
    ("java17", "java17", "bookworm"),
    ("cc", "cc", "trixie"),
    ("cc:bookworm", "cc", "bookworm"),
    ("static", "static", "trixie"),
];

const fn mistake(example: &'static str, from: &'static str, to: &'static str) -> Mistake {
    Mistake {
        example,
        from,
        to,
        errors: &[],
        warnings: &[],
        says: None,
    }
}

impl Mistake {
    const fn errors(self, errors: &'static [&'static str]) -> Self {
        Self { errors, ..self }
    }

    const fn warnings(self, warnings: &'static [&'static str]) -> Self {
        Self { warnings, ..self }
    }

    const fn says(self, says: &'static str) -> Self {
        Self {
            says: Some(says),
            ..self
        }
    }
}

const FLASK: &str = "python-flask";
const EXPRESS: &str = "node-express";
const JAR: &str = "java-jar";
const CPP: &str = "cpp";

/// The JVM's sound needs a library that its images leave out, and says so when it is asked for.
const JAVA: &[&str] = &["library-missing"];

/// The last, empty ones are the examples as they are.
const MISTAKES: &[Mistake] = &[
    mistake(FLASK, "CMD [\"/app/app.py\"]", "CMD /app/app.py")
        .errors(&["shell-form"])
        .says("/bin/sh"),
    mistake(
        FLASK,
        "CMD [\"/app/app.py\"]",
        "CMD [\"python3\", \"/app/app.py\"]",
    )
    .errors(&["repeated-program"])
    .says("can't open file"),
    mistake(
        FLASK,
        "CMD [\"/app/app.py\"]",
        "ENTRYPOINT [\"flask\", \"run\"]",
    )
    .errors(&["program-missing"])
    .says("\"flask\": executable file not found in $PATH"),
    mistake(FLASK, "COPY app.py /app/app.py", "COPY app.py /app/main.py")
        .errors(&["argument-missing"])
        .says("can't open file '/app/app.py'"),
    mistake(FLASK, "EXPOSE 8000", "USER app")
        .errors(&["user-unknown"])
        .warnings(&["user-name"])
        .says("unable to find user app"),
    mistake(
        FLASK,
        "EXPOSE 8000",
        "HEALTHCHECK CMD curl -f http://localhost:8000/",
    )
    .errors(&["healthcheck"]),
    mistake(FLASK, "FROM python3\n", "FROM python3:bookworm\n")
        .errors(&["python-abi", "wheel-tag"]),
    mistake(FLASK, "PYTHONPATH=/app/deps", "PYTHONPATH=/deps")
        .warnings(&["pythonpath"])
        .says("No module named"),
    mistake(
        FLASK,
        "FROM python3\n",
        "RUN python3 -m venv /app/venv\nFROM python3\n\
         COPY --from=build /app/venv /opt/venv\nENTRYPOINT [\"/opt/venv/bin/pip\"]\n",
    )
    .errors(&["script-interpreter"])
    .says("no such file or directory"),
    mistake(EXPRESS, "CMD [\"app.js\"]", "CMD [\"npm\", \"start\"]")
        .errors(&["argument-missing"])
        .says("Cannot find module '/app/npm'"),
    mistake(
        EXPRESS,
        "CMD [\"app.js\"]",
        "ENTRYPOINT [\"npm\", \"start\"]",
    )
    .errors(&["program-missing"])
    .says("\"npm\": executable file not found in $PATH"),
    mistake(EXPRESS, "CMD [\"app.js\"]", "CMD node app.js")
        .errors(&["shell-form"])
        .says("/bin/sh"),
    mistake(EXPRESS, "FROM nodejs\n", "FROM nodejs:bookworm\n")
        .errors(&["library-missing"])
        .says("cannot open shared object file"),
    mistake(JAR, "FROM java21\n", "FROM java17\n")
        .errors(&["java-class-version"])
        .warnings(JAVA)
        .says("UnsupportedClassVersionError"),
    mistake(
        JAR,
        "CMD [\"/app/app.jar\"]",
        "CMD [\"java\", \"-jar\", \"/app/app.jar\"]",
    )
    .errors(&["repeated-program"])
    .warnings(JAVA)
    .says("Unable to access jarfile java"),
    mistake(JAR, "CMD [\"/app/app.jar\"]", "CMD [\"/app/none.jar\"]")
        .errors(&["argument-missing"])
        .warnings(JAVA)
        .says("Unable to access jarfile /app/none.jar"),
    mistake(CPP, "FROM cc\n", "FROM static\n")
        .errors(&["loader-missing"])
        .says("no such file or directory"),
    mistake(CPP, "FROM cc\n", "FROM cc:bookworm\n")
        .errors(&["symbol-version"])
        .says("not found (required by /greet)"),
    mistake(CPP, "ENTRYPOINT [\"/greet\"]", "ENTRYPOINT /greet")
        .errors(&["shell-form"])
        .says("/bin/sh"),
    mistake(
        CPP,
        "ENTRYPOINT [\"/greet\"]",
        "COPY Makefile /greet.sh\nENTRYPOINT [\"/greet.sh\"]",
    )
    .errors(&["program-not-executable"])
    .says("permission denied"),
    mistake(FLASK, "", ""),
    mistake(EXPRESS, "", ""),
    mistake(JAR, "", "").warnings(JAVA),
    mistake(CPP, "", ""),
];

/// The rules that a check of an image finds broken, of a severity.
fn found(report: &serde_json::Value, severity: &str) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|one| one["severity"] == severity);
    findings
        .map(|one| one["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn mistakes_in_examples_are_found_and_nothing_else() {
    if !require::long() {
        return;
    }
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    for (tag, name, suite) in IMAGES {
        let built = Request::catalogue(name, suite, "amd64").build();
        docker
            .run_raw(["tag", built.in_engine(docker), tag])
            .success();
    }
    for dev in ["python3:dev", "nodejs:dev", "java21:dev", "cc:dev"] {
        provide(docker, &context, dev);
    }
    let mut wrong = String::new();
    for (number, mistake) in MISTAKES.iter().enumerate() {
        let example = workspace().join("examples").join(mistake.example);
        let dockerfile = std::fs::read_to_string(example.join("Dockerfile")).unwrap();
        assert!(dockerfile.contains(mistake.from), "{}", mistake.from);
        let folder = context.path(&format!("mistake-{number}"));
        let copy = ["-r", example.to_str().unwrap(), folder.to_str().unwrap()];
        context.run("cp", copy).success();
        let dockerfile = dockerfile.replacen(mistake.from, mistake.to, 1);
        std::fs::write(folder.join("Dockerfile"), dockerfile).unwrap();
        let tag = format!("mistake:{number}");
        build(docker, &context, &tag, &folder);
        let place = format!("docker-daemon:{tag}");
        let outcome = context.distil(["check", &place, "--format", "json"]);
        let report = serde_json::from_str(&outcome.stdout());
        let report: serde_json::Value = report.unwrap_or_else(|_| panic!("{}", outcome.report()));
        let what = |rules: &[&str]| rules.iter().map(|&rule| rule.to_owned()).collect();
        let (errors, warnings) = (found(&report, "error"), found(&report, "warning"));
        if (&errors, &warnings) != (&what(mistake.errors), &what(mistake.warnings)) {
            let _ = writeln!(
                wrong,
                "{}: {}\n  {errors:?} {warnings:?}",
                mistake.example, mistake.to
            );
        }
        if let Some(says) = mistake.says {
            let ran = docker.container(&tag).output();
            if ran.status() == 0 || !ran.all().contains(says) {
                let _ = writeln!(
                    wrong,
                    "{}: {}\n  says {}",
                    mistake.example,
                    mistake.to,
                    ran.all()
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
