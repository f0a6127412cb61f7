//! The keys that the documents of images have, as far as anybody gives them a meaning.
//!
//! OCI image specification 1.1: "Image Manifest", "Image Index", "Image Configuration", "Image
//! Layout"; Docker image specification 1.2 and the source of its engine for what only Docker reads.

/// What keys an object may have, and what is below them.
pub(crate) enum Schema {
    /// Nobody's business: keys that are not known, and their values.
    Any,
    /// An object whose keys are the user's own, such as labels.
    Map(&'static Schema),
    /// A list.
    List(&'static Schema),
    /// An object with keys that have a meaning. Others are ignored by everybody.
    Object(&'static [(&'static str, Schema)]),
    /// A value that documents of this kind must not have, since it makes them another kind's.
    Foreign,
}

use Schema::{Any, Foreign, List, Map, Object};

const PLATFORM: Schema = Object(&[
    ("architecture", Any),
    ("os", Any),
    ("os.version", Any),
    ("os.features", Any),
    ("variant", Any),
    ("features", Any),
]);

const DESCRIPTOR: Schema = Object(&[
    ("mediaType", Any),
    ("digest", Any),
    ("size", Any),
    ("urls", Any),
    ("annotations", Map(&Any)),
    ("data", Any),
    ("platform", PLATFORM),
    ("artifactType", Any),
]);

/// The manifest of an image or an artifact.
///
/// It must not be taken for an index (OCI image specification, "Image Manifest Property
/// Descriptions"; CVE-2021-41190).
pub(crate) static MANIFEST: Schema = Object(&[
    ("schemaVersion", Any),
    ("mediaType", Any),
    ("artifactType", Any),
    ("config", DESCRIPTOR),
    ("layers", List(&DESCRIPTOR)),
    ("subject", DESCRIPTOR),
    ("annotations", Map(&Any)),
    ("manifests", Foreign),
    ("fsLayers", Foreign),
]);

/// An index, which must not be taken for a manifest.
pub(crate) static INDEX: Schema = Object(&[
    ("schemaVersion", Any),
    ("mediaType", Any),
    ("artifactType", Any),
    ("manifests", List(&DESCRIPTOR)),
    ("subject", DESCRIPTOR),
    ("annotations", Map(&Any)),
    ("config", Foreign),
    ("layers", Foreign),
    ("fsLayers", Foreign),
]);

const EXECUTION: Schema = Object(&[
    ("User", Any),
    ("ExposedPorts", Map(&Any)),
    ("Env", Any),
    ("Entrypoint", Any),
    ("Cmd", Any),
    ("Volumes", Map(&Any)),
    ("WorkingDir", Any),
    ("Labels", Map(&Any)),
    ("StopSignal", Any),
    ("ArgsEscaped", Any),
    ("Memory", Any),
    ("MemorySwap", Any),
    ("CpuShares", Any),
    (
        "Healthcheck",
        Object(&[
            ("Test", Any),
            ("Interval", Any),
            ("Timeout", Any),
            ("StartPeriod", Any),
            ("StartInterval", Any),
            ("Retries", Any),
        ]),
    ),
    // Docker's and Podman's alone.
    ("Hostname", Any),
    ("Domainname", Any),
    ("AttachStdin", Any),
    ("AttachStdout", Any),
    ("AttachStderr", Any),
    ("Tty", Any),
    ("OpenStdin", Any),
    ("StdinOnce", Any),
    ("Image", Any),
    ("NetworkDisabled", Any),
    ("MacAddress", Any),
    ("OnBuild", Any),
    ("StopTimeout", Any),
    ("Shell", Any),
]);

/// The configuration of an image.
pub(crate) static CONFIG: Schema = Object(&[
    ("created", Any),
    ("author", Any),
    ("architecture", Any),
    ("os", Any),
    ("os.version", Any),
    ("os.features", Any),
    ("variant", Any),
    ("config", EXECUTION),
    (
        "rootfs",
        Object(&[("type", Any), ("diff_ids", Any), ("base_layer", Any)]),
    ),
    (
        "history",
        List(&Object(&[
            ("created", Any),
            ("created_by", Any),
            ("author", Any),
            ("comment", Any),
            ("empty_layer", Any),
        ])),
    ),
    // Docker's and Podman's alone.
    ("id", Any),
    ("parent", Any),
    ("parent_id", Any),
    ("comment", Any),
    ("container", Any),
    ("container_config", EXECUTION),
    ("docker_version", Any),
    ("Size", Any),
]);

/// `oci-layout`.
pub(crate) static LAYOUT: Schema = Object(&[("imageLayoutVersion", Any)]);

/// `manifest.json` of `docker save`.
pub(crate) static SAVED: Schema = List(&Object(&[
    ("Config", Any),
    ("RepoTags", Any),
    ("Layers", Any),
    ("Parent", Any),
    ("LayerSources", Map(&DESCRIPTOR)),
]));
