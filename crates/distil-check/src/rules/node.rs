//! Whether Node.js's native add-ons and applications are for the image's Node.js.

use std::cell::OnceCell;

use distil_tree::{Content, Kind, TreePath, elf};
use memchr::memmem;
use serde::Deserialize;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::node_range;
use crate::rule::{NODE, NODE_ENGINE};
use crate::severity::Severity;
use distil_inspect::runtime::{self, Node};
use distil_inspect::search;

/// What an add-on says of the interface that it uses: Node-API, which is the same for all versions,
/// in two ways, or a `NODE_MODULE_VERSION`.
const MARKS: [&[u8]; 3] = [
    b"napi_register_module_v",
    b"\0napi_module_register\0",
    b"\0node_register_module_v",
];

/// The function by which an add-on tells the version of Node-API that it was built for; without it
/// it is version 8 (Node.js's `node_api.h`).
const NODE_API_VERSION: &str = "node_api_module_get_api_version_v1";

/// The version that an add-on gets that does not ask, `NODE_API_DEFAULT_MODULE_API_VERSION`; every
/// Node.js that looks at what add-ons ask for has it.
const COMMON_NODE_API: u32 = 8;

/// `NAPI_VERSION_EXPERIMENTAL`: what the add-on uses is not for all time, and no number tells it.
const EXPERIMENTAL_NODE_API: u32 = 0x7fff_ffff;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(node) = runtime::node(context.subject.tree(), context.subject.config) else {
        return;
    };
    addons(context, &node, findings);
    if let Some(major) = node.major {
        engines(context, major, findings);
    }
}

fn addons(context: &Context<'_>, runtime: &Node, findings: &mut Vec<Finding>) {
    // Asked for once, and only if an add-on wants more than every Node.js has.
    let supported = OnceCell::new();
    for (path, entry) in context.subject.tree().iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        let name = path.name().unwrap_or_default();
        if !name.ends_with(b".node") || !context.loader.files().contains_key(path) {
            continue;
        }
        let Ok(marks) = search::positions(&node.content, &MARKS) else {
            continue;
        };
        if marks[0].is_some() || marks[1].is_some() {
            let supported =
                || *supported.get_or_init(|| runtime::node_api(context.subject.tree(), runtime));
            findings.extend(node_api(path, &node.content, &supported));
            continue;
        }
        let Some(have) = runtime.module_version else {
            continue;
        };
        let symbol = marks[2].and_then(|at| {
            let bytes = search::bytes_from(&node.content, at, MARKS[2].len() + 8).ok()?;
            number_after(&bytes, MARKS[2])
        });
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

/// An add-on for a later version of Node-API than the image's Node.js has.
fn node_api(
    path: &TreePath,
    addon: &Content,
    supported: &dyn Fn() -> Option<u32>,
) -> Option<Finding> {
    let needs = elf::returned_number(addon.reader(), NODE_API_VERSION)?;
    if needs <= COMMON_NODE_API || needs == EXPERIMENTAL_NODE_API {
        return None;
    }
    let have = supported().filter(|have| *have < needs)?;
    let problem =
        format!("`{path}` is for Node-API version {needs}, and the image's Node.js ends at {have}");
    let message = format!(
        "file://{path} requires Node-API version {needs}, but this version of Node.js only supports version {have} add-ons."
    );
    let remedy = format!(
        "build the add-on with `NAPI_VERSION={have}`, or take an image with a newer Node.js"
    );
    let found = Finding::new(&NODE, problem).at(path);
    Some(found.says(message).remedy(remedy))
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

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    engines: Engines,
}

#[derive(Default, Deserialize)]
struct Engines {
    #[serde(default)]
    node: Option<String>,
}

/// The `package.json` of what the container runs: in its folder, or in one above its script.
fn engines(context: &Context<'_>, major: u32, findings: &mut Vec<Finding>) {
    let subject = context.subject;
    let mut folders: Vec<TreePath> = Vec::new();
    folders.extend(
        subject
            .follow(subject.config.directory())
            .map(|(place, _)| place),
    );
    for word in subject.config.command().iter().skip(1) {
        let place = subject.follow(word).map(|(place, _)| place);
        folders.extend(place.iter().flat_map(TreePath::ancestors));
    }
    let documents = folders
        .into_iter()
        .map(|folder| folder.join("package.json"));
    let Some((path, text)) = documents
        .filter_map(|path| Some((path.clone(), subject.tree().get(&path)?.file()?)))
        .find_map(|(path, file)| Some((path, file.content.read(1 << 20).ok()?)))
    else {
        return;
    };
    let Ok(package) = serde_json::from_slice::<Package>(&text) else {
        return;
    };
    let Some(range) = package.engines.node else {
        return;
    };
    if node_range::allows_major(&range, major) == Some(false) {
        let problem = format!(
            "`{path}` asks for Node.js `{}`, and the image has Node.js {major}",
            shown(range)
        );
        findings.push(Finding::new(&NODE_ENGINE, problem).at(&path));
    }
}
