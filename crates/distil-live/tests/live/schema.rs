//! The JSON Schema agrees with a validator that is not ours about what a definition is.

use distil_live::context::workspace;
use distil_live::{Context, require};

use crate::IMAGES;
use crate::manual::examples;

/// The validator that `./test` installs and names.
fn validator() -> Option<String> {
    let path = std::env::var("DISTIL_TEST_CHECK_JSONSCHEMA").ok();
    if path.is_none() {
        require::missing("`DISTIL_TEST_CHECK_JSONSCHEMA` names no program");
    }
    path
}

fn check(validator: &str, files: &[String]) -> distil_live::Outcome {
    let schema = workspace().join("docs/definition.schema.json");
    let mut arguments = vec!["--schemafile".to_owned(), schema.display().to_string()];
    arguments.extend_from_slice(files);
    Context::new().run(validator, arguments)
}

#[test]
fn every_definition_validates() {
    let Some(validator) = validator() else { return };
    let context = Context::new();
    let images =
        IMAGES.map(|name| workspace().join(format!("crates/distil-definition/images/{name}.yaml")));
    let mut files: Vec<String> = images.map(|path| path.display().to_string()).to_vec();
    for page in ["definitions.md", "recipes.md"] {
        let text = std::fs::read_to_string(workspace().join("docs").join(page)).unwrap();
        for (number, example) in examples(&text).into_iter().enumerate() {
            let path = context.write(&format!("{page}-{number}.yaml"), &example.yaml);
            files.push(path.display().to_string());
        }
    }
    assert!(files.len() > 20, "{files:?}");
    check(&validator, &files).success();
}

#[test]
fn what_is_no_definition_does_not() {
    let Some(validator) = validator() else { return };
    let context = Context::new();
    for yaml in [
        "name: app\nform: base\n",
        "name: app\npackages: libc6\n",
        "name: app\nconfig: {ports: {}}\n",
    ] {
        let path = context.write("app.yaml", yaml);
        check(&validator, &[path.display().to_string()]).exits_with(1);
    }
}
