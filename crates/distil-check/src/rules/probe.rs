//! Probes for HEALTHCHECK that need no shell and no curl: the image's own runtime asks, or the program
//! that distil brings.

use distil_inspect::command::Runtime;
use distil_tree::TreePath;

use crate::context::Context;
use crate::finding::Finding;
use crate::instruction::exec_form;

/// A finding with the words of a probe that does what the image's asks for, if it asks for an
/// address.
pub(super) fn with_remedy(context: &Context<'_>, found: Finding) -> Finding {
    let Some(address) = address(context) else {
        return found;
    };
    match probe(context, &address) {
        Some(probe) => found.remedy(format!(
            "ask by the image's own runtime: `HEALTHCHECK {}`; or use probes of the orchestrator",
            exec_form("CMD", &probe)
        )),
        None if address.starts_with("http:") => found.remedy(format!(
            "write `healthcheck: {{http: \"{address}\"}}` in a definition of the image, which adds a program \
             that asks and needs no shell; or use probes of the orchestrator"
        )),
        None => found,
    }
}

/// The address of HTTP that the image's check names.
fn address(context: &Context<'_>) -> Option<String> {
    let words = context.subject.config.healthcheck.join(" ");
    let start = words.find("http://").or_else(|| words.find("https://"))?;
    let address = words.get(start..)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~:/?=&%+".contains(c);
    let end = address.find(|c| !is_part(c)).unwrap_or(address.len());
    address.get(..end).map(str::to_owned)
}

fn probe(context: &Context<'_>, address: &str) -> Option<Vec<String>> {
    let runtimes = [
        (
            Runtime::Python,
            "-c",
            format!("import urllib.request; urllib.request.urlopen('{address}', timeout=3)"),
        ),
        (
            Runtime::Node,
            "-e",
            format!(
                "fetch('{address}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            ),
        ),
    ];
    let mut runtimes = runtimes
        .into_iter()
        .filter(|(runtime, ..)| context.starts(*runtime));
    let (runtime, option, code) = runtimes.next()?;
    let program = context.program_for(runtime, &TreePath::ROOT)?;
    Some(vec![program, option.to_owned(), code])
}
