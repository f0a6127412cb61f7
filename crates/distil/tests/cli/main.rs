//! The command itself, over a miniature archive that the tests make and sign: no network, no
//! engines.

#![allow(clippy::unwrap_used, clippy::panic)]

mod accidents;
mod bad_configs;
mod bad_definitions;
mod bad_files;
mod bad_mirrors;
mod bad_packages;
mod bad_requests;
mod bad_values;
mod check;
mod context;
mod dev;
mod faults;
mod formats;
mod images;
mod inspected;
mod interrupted;
mod list;
mod lock;
mod manual;
mod messages;
mod outputs;
mod own_definitions;
mod package_parts;
mod platforms;
mod positions;
mod push;
mod random_definitions;
#[path = "../../../distil-oci/tests/registry/mod.rs"]
mod registry;
mod replaced;
mod report;
mod reproducible;
mod sbom;
mod scanned;
mod scripts_done;
mod show_diff;
mod sign;
mod single_layer;
mod statuses;
mod store;
mod suites;
mod vex;
mod why;
