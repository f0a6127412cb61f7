//! A definition: its YAML, and what it means for one image.

#![no_main]

use std::time::SystemTime;

use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_definition::is_file_name;
use distil_definition::recipe::{Source, Target, Variant, lower};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = match Source::of_text(text, "fuzz.yaml") {
        Ok(source) => source,
        Err(error) => return explain(&error),
    };
    // One that stands on a file would be looked for on this machine.
    let from = source.definition.from.as_deref();
    if from.is_some_and(is_file_name) {
        return;
    }
    let architecture = Architecture::all().next().expect("an architecture");
    let target = Target {
        variant: Variant::DebugNonroot,
        suite: Suite::stable(),
        architecture,
        now: SystemTime::UNIX_EPOCH,
    };
    match lower(source, target) {
        Ok(recipe) => assert!(!recipe.layers.is_empty()),
        Err(error) => explain(&error),
    }
});
