//! `distil build`: make images.

use std::path::{Path, PathBuf};

use distil_debian::suite::Suite;
use distil_image::recipe::Variant;
use distil_image::{Architecture, BuildOptions, Made};
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{Compression, Content, Location, Reference};
use distil_store::Store;
use distil_tree::folder::{self, FolderError};

use super::platforms::{architectures, check, failed, left_out};
use super::{Named, find, make_or_find, suite};
use crate::archive::{IDENTITY, Session, epoch, threads};
use crate::cli;
use crate::error::CommandError;
use crate::printer::{Printer, bytes};
use crate::seen::Output;
use crate::table::print;

/// Everything that the command line says, made sense of before anything is done.
struct Plan {
    images: Vec<Planned>,
    suite: Suite,
    architectures: Vec<Architecture>,
    options: BuildOptions,
}

struct Planned {
    word: String,
    named: Named,
    references: Vec<Reference>,
    outputs: Vec<Location>,
}

pub(crate) fn run(arguments: cli::Build) -> Result<(), CommandError> {
    let plan = plan(&arguments)?;
    let session = Session::open(&arguments.archive)?;
    let printer = Printer::new(arguments.quiet);
    for note in left_out(&arguments.platform, plan.suite) {
        printer.say(note);
    }
    for image in &plan.images {
        run_one(image, &plan, &session, &printer)?;
    }
    session.finish(&printer);
    Ok(())
}

fn run_one(
    image: &Planned,
    plan: &Plan,
    session: &Session,
    printer: &Printer,
) -> Result<(), CommandError> {
    // Bare files are written from the tree, which only the making of an image has.
    let wants_tree = image.outputs.iter().any(is_root);
    let (mut made, mut content) = make(image, plan, wants_tree, session, printer)?;
    let modified = made.iter().map(|one| one.finished.summary.modified);
    let options = WriteOptions {
        names: &image.references,
        modified: modified.max().unwrap_or_default(),
    };
    let mut missing = Vec::new();
    for location in &image.outputs {
        if is_there(&content, location, &options, &session.store)? {
            printer.say(format_args!(
                "{} is in {location} already",
                image.references[0]
            ));
        } else {
            missing.push(location);
        }
    }
    let (threads, store) = (plan.options.threads, &session.store);
    let is_damaged = |one: &Made| one.built.is_none() && !one.finished.is_whole(threads, store);
    if !missing.is_empty() && made.iter().any(is_damaged) {
        (made, content) = make(image, plan, true, session, printer)?;
    }
    tell(&made, plan, printer);
    for location in missing {
        if let Location::RootFs(path) = location {
            write_root(&made, path, printer)?;
            continue;
        }
        transport::write(&content, location, &options).map_err(CommandError::failure)?;
        let size: u64 = content.images().iter().map(|image| image.size()).sum();
        printer.say(format_args!(
            "wrote {} to {location} ({})",
            image.references[0],
            bytes(size)
        ));
    }
    print(content.digest())
}

/// Whether an output is what would be written; it is read for that, unless that was done before and
/// nobody has touched it since.
fn is_there(
    content: &Content,
    location: &Location,
    options: &WriteOptions<'_>,
    store: &Store,
) -> Result<bool, CommandError> {
    let output = Output::of(content, location, options);
    if output.as_ref().is_some_and(|output| output.is_known(store)) {
        return Ok(true);
    }
    let found = transport::is_written(content, location, options);
    let found = found.map_err(CommandError::failure)?;
    if let Some(output) = output.filter(|_| found) {
        output.remember(store);
    }
    Ok(found)
}

/// Makes an image for all platforms.
fn make(
    image: &Planned,
    plan: &Plan,
    anew: bool,
    session: &Session,
    printer: &Printer,
) -> Result<(Vec<Made>, Content), CommandError> {
    let (word, named, architectures) = (&image.word, &image.named, &plan.architectures);
    if architectures.len() > 1 {
        let options = &plan.options;
        let checked = check(
            word,
            named,
            plan.suite,
            architectures,
            options,
            session,
            printer,
        );
        checked.inspect_err(|_| printer.finish())?;
    }
    let mut made = Vec::new();
    for architecture in architectures {
        let target = named.target(plan.suite, *architecture)?;
        let one = make_or_find(word, named, target, &plan.options, anew, session, printer);
        let one = one.inspect_err(|_| printer.finish());
        made.push(one.map_err(|error| failed(word, architectures, vec![(*architecture, error)]))?);
    }
    printer.finish();
    // The archive may have changed since they were checked.
    agree(&image.word, &plan.architectures, &made)?;
    let images: Vec<_> = made.iter().map(|one| one.finished.image.clone()).collect();
    let annotations = images[0].annotations().clone();
    let content = Content::of(images, annotations).map_err(CommandError::failure)?;
    Ok((made, content))
}

fn is_root(location: &Location) -> bool {
    matches!(location, Location::RootFs(_))
}

/// What users should know of an image before they run it.
fn tell(made: &[Made], plan: &Plan, printer: &Printer) {
    if matches!(plan.options.compression, Compression::Zstd { .. }) {
        printer.say("note: before version 23, not every Docker loads layers compressed by zstd");
    }
    let undone = made.first().map_or(0, |one| one.finished.summary.undone);
    if undone > 0 {
        let packages = if undone == 1 { "package" } else { "packages" };
        printer.say(format_args!(
            "note: scripts of {undone} {packages} would have done what nobody did; `distil \
             show` with the same arguments lists it"
        ));
    }
}

/// Writes the bare files of an image into a folder.
fn write_root(made: &[Made], path: &Path, printer: &Printer) -> Result<(), CommandError> {
    // Several platforms were refused before anything was made.
    let Some(built) = made.first().and_then(|one| one.built.as_ref()) else {
        return Ok(());
    };
    let written = folder::write(&built.assembly.tree, path).map_err(CommandError::failure)?;
    printer.say(format_args!(
        "wrote the files of {} to rootfs:{} ({} files, {})",
        built.recipe.name,
        path.display(),
        written.files,
        bytes(written.bytes)
    ));
    if !written.owners_kept {
        printer.say("note: all files are yours there, since only root can give them other owners");
    }
    Ok(())
}

fn plan(arguments: &cli::Build) -> Result<Plan, CommandError> {
    let suite = suite(&arguments.definition)?;
    if arguments.images.len() > 1 && !(arguments.tags.is_empty() && arguments.outputs.is_empty()) {
        let message = "`--tag` and `--output` are for one image, and there are several";
        return Err(CommandError::usage(message).hint("build them one after another"));
    }
    let mut images = Vec::new();
    for word in &arguments.images {
        let named = find(word, &arguments.definition)?;
        let name = named.source.definition.name.clone();
        let references = match arguments.tags.is_empty() {
            true => vec![format!("{name}:{}", named.variant.name())],
            false => arguments.tags.clone(),
        };
        let references: Result<Vec<Reference>, _> =
            references.iter().map(|text| text.parse()).collect();
        let references = references.map_err(CommandError::usage)?;
        let outputs = match arguments.outputs.is_empty() {
            true => vec![default_output(&name, named.variant)],
            false => outputs(&arguments.outputs)?,
        };
        images.push(Planned {
            word: word.clone(),
            named,
            references,
            outputs,
        });
    }
    for location in images.iter().flat_map(|image| &image.outputs) {
        // Better now than when other outputs are written already.
        if let Location::RootFs(path) = location
            && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
        {
            return Err(FolderError::NotEmpty(path.clone()).into());
        }
    }
    let architectures = architectures(&arguments.platform, suite)?;
    let mut outputs = images.iter().flat_map(|image| &image.outputs);
    if architectures.len() > 1 && outputs.any(is_root) {
        let message = "a root file system is of one platform, and several are named";
        return Err(CommandError::usage(message).hint("name one with `--platform`"));
    }
    Ok(Plan {
        images,
        suite,
        architectures,
        options: BuildOptions {
            compression: compression(arguments)?,
            epoch: epoch()?,
            threads: threads(),
            program: IDENTITY,
        },
    })
}

fn compression(arguments: &cli::Build) -> Result<Compression, CommandError> {
    let level = arguments.compression_level;
    let within = |default: u8, last: u8, codec: &str| match level {
        None => Ok(default),
        Some(level) if (1..=last).contains(&level) => Ok(level),
        Some(level) => Err(CommandError::usage(format!(
            "{codec} has no compression level {level}; its levels are 1 to {last}"
        ))),
    };
    match arguments.compression {
        cli::Codec::Gzip => {
            let level = within(6, 12, "gzip")?;
            Ok(Compression::Gzip { level })
        }
        cli::Codec::Zstd => {
            let level = within(3, 22, "zstd")?;
            Ok(Compression::Zstd { level })
        }
        cli::Codec::None => match level {
            None => Ok(Compression::None),
            Some(_) => {
                let message = "`--compression-level` is of no use with `--compression none`";
                Err(CommandError::usage(message))
            }
        },
    }
}

fn default_output(name: &str, variant: Variant) -> Location {
    let file = match variant {
        Variant::Latest => format!("{name}.tar"),
        variant => format!("{name}-{}.tar", variant.name()),
    };
    Location::OciArchive {
        path: PathBuf::from(file),
        tag: None,
    }
}

fn outputs(words: &[String]) -> Result<Vec<Location>, CommandError> {
    let mut locations = Vec::new();
    for word in words {
        let location: Location = word.parse().map_err(CommandError::usage)?;
        if let Location::Registry(_) = location {
            let message = format!("images cannot be written to `{location}` yet");
            return Err(CommandError::usage(message));
        }
        locations.push(location);
    }
    Ok(locations)
}

/// The platforms of one image must be made from the same sources: their binary versions may
/// differ by a rebuild, but not by what was fixed.
fn agree(word: &str, architectures: &[Architecture], made: &[Made]) -> Result<(), CommandError> {
    let mut platforms = architectures.iter().zip(made);
    let Some((architecture, first)) = platforms.next() else {
        return Ok(());
    };
    for (other, one) in platforms {
        let theirs = &one.finished.summary.sources;
        for (name, source) in &first.finished.summary.sources {
            if let Some(their) = theirs.get(name).filter(|their| *their != source) {
                let message = format!(
                    "the platforms of `{word}` do not agree on `{name}`: {} has source {source}, \
                     {} has {their}",
                    architecture.platform(),
                    other.platform(),
                );
                let hint = "the archive is still building it for one of them; build that platform \
                            alone, or try again later";
                return Err(CommandError::failure(message).hint(hint));
            }
        }
    }
    Ok(())
}
