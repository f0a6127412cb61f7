//! A definition: its YAML, and what it means for one image.

#![no_main]

use distil_debian::suite::Suite;
use distil_fuzz::explain;
use distil_image::Architecture;
use distil_image::definition::parse;
use distil_image::recipe::{Source, Target, Variant, lower};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let definition = match parse(text, "fuzz.yaml") {
        Ok(definition) => definition,
        Err(error) => return explain(&error),
    };
    // One that stands on a file would be looked for on this machine.
    let is_file = |from: &String| from.ends_with(".yaml") || from.ends_with(".yml");
    if definition.from.as_ref().is_some_and(is_file) {
        return;
    }
    let architecture = Architecture::all().next().expect("an architecture");
    let target = Target {
        variant: Variant::DebugNonroot,
        suite: Suite::stable(),
        architecture,
    };
    let source = Source {
        definition,
        folder: None,
        added: Vec::new(),
    };
    match lower(source, target) {
        Ok(recipe) => assert!(!recipe.layers.is_empty()),
        Err(error) => explain(&error),
    }
});
