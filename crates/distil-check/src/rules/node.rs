//! Whether Node.js's native add-ons are for the image's Node.js.

use distil_tree::Kind;
use memchr::memmem;

use super::Context;
use crate::finding::{Finding, Severity};
use crate::rule::NODE;
use crate::runtime;

/// The largest add-on that is looked through.
const MAX_ADDON: u64 = 128 << 20;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(have) = runtime::node(&context.subject) else {
        return;
    };
    for (path, entry) in context.subject.tree().iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        let name = path.name().unwrap_or_default();
        if !name.ends_with(b".node") || !context.linker.files.contains_key(path) {
            continue;
        }
        let Ok(bytes) = node.content.read(MAX_ADDON) else {
            continue;
        };
        // Node-API is the same for all versions.
        if memmem::find(&bytes, b"napi_register_module_v").is_some()
            || memmem::find(&bytes, b"\0napi_module_register\0").is_some()
        {
            continue;
        }
        let symbol = number_after(&bytes, b"\0node_register_module_v");
        // As node-gyp-build, prebuildify and node-pre-gyp name files and folders.
        let in_name = number_after(path.as_bytes(), b".abi")
            .or_else(|| number_after(path.as_bytes(), b"/node-v"))
            .filter(|number| *number > 40);
        let Some(needs) = symbol.or(in_name).filter(|needs| *needs != have) else {
            continue;
        };
        // Prebuilt ones of many versions lie side by side; the loader picks its own.
        let severity = match symbol {
            Some(_) if in_name.is_none() => Severity::Error,
            _ => Severity::Info,
        };
        let problem = format!(
            "`{path}` is for NODE_MODULE_VERSION {needs}, and the image's Node.js has {have}"
        );
        let message = format!(
            "The module '{path}' was compiled against a different Node.js version using NODE_MODULE_VERSION {needs}. This version of Node.js requires NODE_MODULE_VERSION {have}."
        );
        findings.push(
            Finding::new(&NODE, problem)
                .at(path)
                .severity(severity)
                .says(message),
        );
    }
}

fn number_after(bytes: &[u8], mark: &[u8]) -> Option<u32> {
    let rest = &bytes[memmem::find(bytes, mark)? + mark.len()..];
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len())
        .min(6);
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}
