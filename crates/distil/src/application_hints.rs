//! What helps against applications that cannot be installed.

use distil_app::python::NoWheel;
use distil_lock::java::JavaError;
use distil_lock::python::PythonError;

/// The versions of Java in the catalogue.
const JAVAS: [u32; 3] = [17, 21, 25];

/// What helps against a Java application that cannot be installed.
pub(crate) fn java(error: &JavaError) -> Vec<String> {
    let JavaError::Newer { needed, java, .. } = error else {
        return Vec::new();
    };
    let compile = format!("compile it for Java {java} (`javac --release {java}`)");
    let base = JAVAS.iter().find(|version| *version >= needed);
    vec![match base {
        Some(version) => format!("base the definition on `from: java{version}`, or {compile}"),
        None => compile,
    }]
}

/// What helps against a Python application that cannot be installed.
pub(crate) fn python(error: &PythonError) -> Vec<String> {
    let hint = match error {
        PythonError::NoPython { .. } => {
            "base the definition on one that has it, such as `from: python3`".to_owned()
        }
        PythonError::NoWheel { problem, .. } => match problem {
            NoWheel::SourceOnly { name, version }
            | NoWheel::Misfit {
                name,
                version,
                has_source: true,
                ..
            } => format!(
                "build its wheel in the image's `dev` variant, and add `find-links: [wheels]`:\n  \
                 distil build python3:dev -o docker-daemon:python3:dev\n  \
                 docker run --rm -v \"$PWD/wheels:/wheels\" python3:dev \
                 python3 -m pip wheel --no-deps -w /wheels {name}=={version}"
            ),
            NoWheel::Misfit { .. } => {
                "`--suite` builds with another version of Python; or lock a version of it that has a \
                 wheel"
                    .to_owned()
            }
            _ => return Vec::new(),
        },
        PythonError::NotIndexed { .. } => {
            "`index: […]` of the definition, PIP_INDEX_URL or UV_INDEX_URL name other indexes; \
             passwords are taken from `~/.netrc`"
                .to_owned()
        }
        PythonError::Conflict { .. } => {
            "only one of two distributions that are the same, such as a variant for machines without \
             a screen, can be installed"
                .to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}
