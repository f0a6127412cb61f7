//! `distil report`: an image as one HTML page that loads nothing.
//!
//! The page has the facts as JSON, and the program that draws them (`report.html`). Names from images are
//! data in it: they are put there as JSON in which no tag can begin, and drawn as text.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use distil_debian::solve::Reason;
use distil_image::Built;
use distil_store::unfinished::UnfinishedFile;
use serde::Serialize;

use super::{check, diff, make_to_look_at};
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::view::{FileKind, Files, View};
use distil_build::is_definition;
use distil_oci::Location;

/// The page, with a place for its title and one for the facts.
const PAGE: &str = include_str!("report.html");

/// The facts.
#[derive(Serialize)]
struct Facts {
    word: String,
    image: Image,
    check: serde_json::Value,
    /// Why each package is there, where the image was made now.
    reasons: BTreeMap<String, Vec<Why>>,
    difference: Option<diff::Document>,
}

#[derive(Serialize)]
struct Image {
    #[serde(flatten)]
    view: View,
    files: Compact,
}

/// The files, in few bytes: there may be a hundred thousand.
#[derive(Serialize)]
struct Compact {
    /// What files are from, each once.
    from: Vec<String>,
    /// The path, the number of the kind, the mode, the size, and the number of what it is from or -1.
    rows: Vec<(String, u8, String, u64, i64)>,
}

/// One reason for a package: a definition asks for it, or another package does.
#[derive(Serialize)]
struct Why {
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    relation: String,
}

pub(crate) fn run(arguments: &cli::Report) -> Result<(), CommandError> {
    let (word, made) = (&arguments.image, &arguments.made);
    let (mut view, reasons) = view(word, made)?;
    let check = check::document(word, made)?;
    let difference = match &arguments.other {
        Some(other) => {
            let new = View::find(other, made, true)?;
            Some(diff::compare(word, &view, other, &new))
        }
        None => None,
    };
    let files = compact(&view.files.take().unwrap_or_default());
    let title = view.name.clone().unwrap_or_else(|| word.clone());
    let facts = Facts {
        word: word.clone(),
        image: Image { view, files },
        check,
        reasons,
        difference,
    };
    let facts = serde_json::to_string(&facts).map_err(CommandError::failure)?;
    write(&arguments.output, &page(&title, &facts))
}

/// The image, and why its packages are there, if it is made for this.
fn view(word: &str, made: &cli::Made) -> Result<(View, BTreeMap<String, Vec<Why>>), CommandError> {
    let is_place = !is_definition(word) && matches!(Location::find(word), Ok(Some(_)) | Err(_));
    if is_place {
        return Ok((View::find(word, made, true)?, BTreeMap::new()));
    }
    let platform = made.platform.as_deref();
    let built = make_to_look_at(word, &made.definition, &made.lock, platform, &made.archive)?;
    Ok((View::of_built(&built, true)?, reasons(&built)))
}

fn reasons(built: &Built) -> BTreeMap<String, Vec<Why>> {
    let packages = built.lock.packages();
    let reasons = packages.map(|(layer, package)| {
        let definition = built.lock.layers.get(layer);
        let why = |reason: &Reason| match reason {
            Reason::Requested(relation) => Some(Why {
                definition: definition.map(|layer| layer.definition.clone()),
                by: None,
                relation: relation.to_string(),
            }),
            Reason::DependsOn { by, relation, .. } => Some(Why {
                definition: None,
                by: Some(by.clone()),
                relation: relation.to_string(),
            }),
            // It has another reason, too.
            Reason::Pinned => None,
        };
        let list = package.reasons.iter().filter_map(why).collect();
        (package.name.clone(), list)
    });
    reasons.collect()
}

fn compact(files: &Files) -> Compact {
    let mut numbers: HashMap<&str, i64> = HashMap::new();
    let mut from: Vec<String> = Vec::new();
    let rows = files.0.iter().map(|(path, file)| {
        let number = file.from.as_deref().map(|text| {
            *numbers.entry(text).or_insert_with(|| {
                from.push(text.to_owned());
                i64::try_from(from.len()).unwrap_or_default() - 1
            })
        });
        let kind = match &file.kind {
            FileKind::Directory => 0,
            FileKind::File { .. } => 1,
            FileKind::Symlink(_) => 2,
            FileKind::Special(_) => 3,
        };
        let mode = format!("{:04o}", file.mode);
        let size = file.kind.size();
        (path.to_string(), kind, mode, size, number.unwrap_or(-1))
    });
    let rows = rows.collect();
    Compact { from, rows }
}

/// The page with its facts. In JSON, `<` occurs in strings alone, where an escape is the same
/// (RFC 8259, section 7); so nothing in it ends the element that it stands in (HTML, "Restrictions for
/// contents of script elements").
fn page(title: &str, facts: &str) -> String {
    let facts = facts.replace('<', "\\u003c");
    let escaped = title.replace('&', "&amp;").replace('<', "&lt;");
    let title = crate::harmless::cell(&escaped);
    match PAGE.split_once("@DATA@") {
        Some((before, after)) => format!("{}{facts}{after}", before.replace("@TITLE@", &title)),
        None => PAGE.to_owned(),
    }
}

/// Writes the page whole, or not at all.
fn write(path: &Path, page: &str) -> Result<(), CommandError> {
    if path == Path::new("-") {
        let mut out = io::stdout().lock();
        let written = out.write_all(page.as_bytes()).and_then(|()| out.flush());
        return written.map_err(CommandError::failure);
    }
    let failed = |error: io::Error| {
        CommandError::failure(format!("failed to write `{}`: {error}", path.display()))
    };
    // What is not a regular file, such as a pipe, cannot be replaced.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        fs::write(path, page).map_err(failed)?;
    } else {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut file = UnfinishedFile::new_in(directory).map_err(failed)?;
        file.file().write_all(page.as_bytes()).map_err(failed)?;
        file.finish(path).map_err(failed)?;
    }
    Printer::new(false).say(format_args!("wrote {}", path.display()));
    Ok(())
}
