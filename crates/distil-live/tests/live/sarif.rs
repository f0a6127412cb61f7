//! SARIF is valid by the schema of OASIS, as a validator that is not ours reads it. The schema has a
//! pattern that is none by ECMA 262, so patterns are Python's.

use std::os::unix::fs::PermissionsExt;

use distil_live::context::workspace;
use distil_live::{Context, require};

#[test]
fn reports_validate() {
    let Ok(validator) = std::env::var("DISTIL_TEST_CHECK_JSONSCHEMA") else {
        return require::missing("`DISTIL_TEST_CHECK_JSONSCHEMA` names no program");
    };
    let context = Context::new();
    let schema = workspace().join("crates/distil-live/tests/sarif-schema-2.1.0.json");
    context.write(
        "app.yaml",
        "name: app\nfrom: static\nfiles: [{path: etc}]\n",
    );
    std::fs::create_dir_all(context.path("root/bin")).unwrap();
    for name in ["sh", "a b%\u{202e}"] {
        let path = context.path("root/bin").join(name);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink("/gone", context.path("root/bin/link")).unwrap();
    for arguments in [
        &["build", "app.yaml"][..],
        &["check", "rootfs:root"],
        &["check", "rootfs:root", "--allow", "S101"],
        &["check", "rootfs:root", "--profile", "kubernetes"],
    ] {
        let report = context.distil([arguments, &["--format", "sarif"]].concat());
        let path = context.write("report.sarif", report.stdout());
        let path = path.display().to_string();
        let schema = schema.display().to_string();
        context
            .run(
                &validator,
                ["--regex-variant", "python", "--schemafile", &schema, &path],
            )
            .success();
    }
    // The validator does find what is wrong.
    let path = context.write(
        "report.sarif",
        r#"{"version": "2.1.0", "runs": [{"results": 1}]}"#,
    );
    let (schema, path) = (schema.display().to_string(), path.display().to_string());
    context
        .run(
            &validator,
            ["--regex-variant", "python", "--schemafile", &schema, &path],
        )
        .exits_with(1);
}
