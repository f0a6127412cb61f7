//! Whether Node.js's native add-ons and applications are for the image's Node.js.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use distil_tree::{Content, Kind, TreePath, elf};
use memchr::memmem;
use serde::Deserialize;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::node_range;
use crate::rule::{NODE, NODE_ENGINE};
use distil_inspect::runtime::{self, Node, major_of};
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

/// What there is to say of an add-on.
enum Addon {
    /// It fits, as far as it tells.
    Fits,
    /// It is for another Node.js.
    Misfit(Finding),
}

fn addons(context: &Context<'_>, runtime: &Node, findings: &mut Vec<Finding>) {
    // Asked for once, and only if an add-on wants more than every Node.js has.
    let supported = OnceCell::new();
    let supported =
        || *supported.get_or_init(|| runtime::node_api(context.subject.tree(), runtime));
    let others = context.others();
    // The builds of one add-on lie side by side, and its loader picks one: they are one cause, and
    // none if one of them fits.
    let mut builds: BTreeMap<Vec<u8>, Vec<Addon>> = BTreeMap::new();
    for (path, entry) in context.subject.tree().iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        let name = path.name().unwrap_or_default();
        let is_addon = name.ends_with(b".node") && context.loader.files().contains_key(path);
        if !is_addon || others.contains(path) {
            continue;
        }
        let addon = addon(path, &node.content, runtime, &supported);
        builds.entry(place_of(path)).or_default().extend(addon);
    }
    for addons in builds.into_values() {
        if addons.iter().any(|one| matches!(one, Addon::Fits)) {
            continue;
        }
        let misfits = addons.into_iter().filter_map(|one| match one {
            Addon::Misfit(finding) => Some(finding),
            Addon::Fits => None,
        });
        let mut misfits: Vec<Finding> = misfits.collect();
        let rest = misfits.split_off(1.min(misfits.len()));
        let paths = rest.into_iter().filter_map(|one| one.path);
        findings.extend(
            misfits
                .into_iter()
                .map(|one| one.others(paths.clone().collect())),
        );
    }
}

/// Where the builds of one add-on lie: for those of node-gyp, prebuildify and node-pre-gyp the
/// package, of which the loader takes what was built in place before what it brought.
fn place_of(path: &TreePath) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.parts().collect();
    let packages = parts.iter().rposition(|part| *part == b"node_modules");
    let package = packages.map(|at| {
        let is_scoped = parts.get(at + 1).is_some_and(|part| part.starts_with(b"@"));
        at + if is_scoped { 3 } else { 2 }
    });
    let directory = package.and_then(|at| Some((at, parts.get(at)?)));
    match directory {
        Some((at, &(b"build" | b"prebuilds"))) => parts.get(..at).unwrap_or_default().join(&b'/'),
        _ => without_version(path),
    }
}

/// The path of an add-on without the versions of Node.js that are in it, as node-gyp-build,
/// prebuildify and node-pre-gyp put them there.
fn without_version(path: &TreePath) -> Vec<u8> {
    let mut key = Vec::new();
    let mut rest = path.as_bytes();
    let marks: [&[u8]; 3] = [b".abi", b"/node-v", b"-v"];
    while !rest.is_empty() {
        let mark = marks.iter().find(|mark| {
            rest.strip_prefix(**mark)
                .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        });
        let (head, tail) = rest.split_at(mark.map_or(1, |mark| mark.len()));
        key.extend(head);
        rest = match mark {
            Some(_) => {
                let end = tail.iter().position(|byte| !byte.is_ascii_digit());
                tail.get(end.unwrap_or(tail.len())..).unwrap_or_default()
            }
            None => tail,
        };
    }
    key
}

fn addon(
    path: &TreePath,
    content: &Content,
    runtime: &Node,
    supported: &dyn Fn() -> Option<u32>,
) -> Option<Addon> {
    let marks = search::positions(content, &MARKS).ok()?;
    let is_marked = |at: usize| marks.get(at).copied().flatten();
    if is_marked(0).is_some() || is_marked(1).is_some() {
        let misfit = node_api(path, content, runtime, supported);
        return Some(misfit.map_or(Addon::Fits, Addon::Misfit));
    }
    let have = runtime.module_version?;
    let symbol = is_marked(2).and_then(|at| {
        let mark = MARKS.get(2)?;
        let bytes = search::bytes_from(content, at, mark.len() + 8).ok()?;
        number_after(&bytes, mark)
    });
    let in_name = number_after(path.as_bytes(), b".abi")
        .or_else(|| number_after(path.as_bytes(), b"/node-v"))
        .filter(|number| *number > 40);
    let needs = symbol.or(in_name)?;
    if needs == have {
        return Some(Addon::Fits);
    }
    let problem =
        format!("`{path}` is for NODE_MODULE_VERSION {needs}, and the image's Node.js has {have}");
    let message = format!(
        "The module '{path}' was compiled against a different Node.js version using NODE_MODULE_VERSION {needs}. This version of Node.js requires NODE_MODULE_VERSION {have}."
    );
    let remedy = match major_of(needs) {
        Some(major) => format!(
            "run `npm rebuild` in a build stage with the image's Node.js, or take an image with Node.js {major}"
        ),
        None => NODE.remedy.to_owned(),
    };
    Some(Addon::Misfit(
        Finding::new(&NODE, problem)
            .at(path)
            .says(message)
            .remedy(remedy),
    ))
}

/// An add-on for a later version of Node-API than the image's Node.js has.
fn node_api(
    path: &TreePath,
    addon: &Content,
    runtime: &Node,
    supported: &dyn Fn() -> Option<u32>,
) -> Option<Finding> {
    let needs = elf::returned_number(addon.reader(), NODE_API_VERSION)?;
    if needs <= COMMON_NODE_API || needs == EXPERIMENTAL_NODE_API {
        return None;
    }
    let have = supported().filter(|have| *have < needs)?;
    let problem =
        format!("`{path}` is for Node-API version {needs}, and the image's Node.js ends at {have}");
    // Node.js 20 and older mean to say it, and crash when they do.
    let message = match runtime.major {
        Some(..=20) => "Segmentation fault".to_owned(),
        _ => format!(
            "file://{path} requires Node-API version {needs}, but this version of Node.js only supports version {have} add-ons."
        ),
    };
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

/// The `package.json` of what the container runs: in its directory, or in one above its script.
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
