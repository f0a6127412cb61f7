//! Native add-ons of Node.js.

use super::base;
use crate::common::{has, names};
use distil_check::Severity::{Error, Warning};
use distil_fixture::ElfBuilder;

#[test]
fn add_ons_of_node() {
    let addon = |symbol: &str| {
        ElfBuilder::plugin()
            .payload(format!("\0{symbol}\0"))
            .build()
    };
    let node = |addon: Vec<u8>| {
        base()
            .file(
                "usr/lib/libnode.so.115",
                ElfBuilder::shared("libnode.so.115").build(),
            )
            .file("app/x.node", addon)
    };
    let image = node(addon("node_register_module_v108"));
    assert!(has(
        &image,
        "node-addon",
        Error,
        "using NODE_MODULE_VERSION 108. This version of Node.js requires NODE_MODULE_VERSION 115."
    ));
    assert!(names(&node(addon("node_register_module_v115"))).is_empty());
    assert!(names(&node(addon("napi_register_module_v1"))).is_empty());
}

#[test]
fn what_an_application_asks_for() {
    let node = |range: &str| {
        base()
            .file(
                "usr/lib/libnode.so.115",
                ElfBuilder::shared("libnode.so.115").build(),
            )
            .file(
                "app/package.json",
                format!(r#"{{"engines":{{"node":"{range}"}}}}"#),
            )
            .workdir("/app")
    };
    assert!(has(&node(">=22"), "node-engine", Warning, ""));
    assert!(names(&node("^18 || >=20")).is_empty());
    assert!(names(&node(">=22").workdir("/")).is_empty());
    let by_script = node(">=22")
        .workdir("/")
        .file("app/lib/main.js", "")
        .cmd(&["/app/lib/main.js"]);
    assert!(has(&by_script, "node-engine", Warning, ""));
    let none = node(">=22").file("app/package.json", r#"{"name":"x"}"#);
    assert!(names(&none).is_empty());
    assert!(names(&node(">=22").file("app/package.json", "{")).is_empty());
}

#[test]
fn the_version_of_a_program_alone() {
    // As Google's images have it: no headers, no library, no variable.
    let program = ElfBuilder::executable()
        .needed("libc.so.6")
        .payload("\0https://nodejs.org/download/release/v22.11.0/node-v22.11.0-headers.tar.gz\0")
        .build();
    let addon = |version: u32| {
        ElfBuilder::plugin()
            .payload(format!("\0node_register_module_v{version}\0"))
            .build()
    };
    let image = base()
        .program("nodejs/bin/node", program)
        .entrypoint(&["/nodejs/bin/node"]);
    let old = image.clone().file("app/x.node", addon(115));
    let message = "This version of Node.js requires NODE_MODULE_VERSION 127.";
    assert!(has(&old, "node-addon", Error, message));
    assert!(names(&image.file("app/x.node", addon(127))).is_empty());
}

#[test]
fn versions_of_node_api() {
    // As Node.js tells it: one text behind another.
    let node = |ends: &str| {
        base().file(
            "usr/lib/libnode.so.115",
            ElfBuilder::shared("libnode.so.115")
                .payload(format!("\0 only supports version \0{ends} add-ons.\0"))
                .build(),
        )
    };
    let addon = |version: u8| {
        ElfBuilder::plugin()
            .function(
                "node_api_module_get_api_version_v1",
                &[0xb8, version, 0, 0, 0, 0xc3],
            )
            .payload("\0napi_register_module_v1\0")
            .build()
    };
    let image = node("9").file("app/x.node", addon(10));
    assert!(has(&image, "node-addon", Error, "Segmentation fault"));
    // What was built in place comes before what the package brought.
    let package = "app/node_modules/x";
    let brought = node("9").file(
        &format!("{package}/prebuilds/linux-x64/x.glibc.node"),
        addon(10),
    );
    assert_eq!(names(&brought), ["node-addon"]);
    let built = brought.file(&format!("{package}/build/Release/x.node"), addon(9));
    assert!(names(&built).is_empty(), "{:?}", names(&built));
    let newer = base()
        .file("usr/lib/libnode.so.127", {
            let library = ElfBuilder::shared("libnode.so.127");
            library
                .payload("\0 only supports version \x0010 add-ons.\0")
                .build()
        })
        .file("app/x.node", addon(11));
    let message = "file:///app/x.node requires Node-API version 11, but this version of Node.js only supports version 10 add-ons.";
    assert!(has(&newer, "node-addon", Error, message));
    for (ends, version) in [("10", 10), ("9", 9), ("9", 8), ("", 10)] {
        let image = node(ends).file("app/x.node", addon(version));
        assert!(names(&image).is_empty(), "{ends} {version}");
    }
}
