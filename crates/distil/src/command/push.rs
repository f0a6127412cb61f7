//! `distil push`: copy an image into a registry.

use std::sync::Arc;

use distil_build::{
    ArchiveSettings, ImageRequest, NamePattern, PushRequest, RegistrySettings, Session,
    SessionOptions, architectures, is_definition, now, suite,
};
use distil_oci::Location;
use distil_oci::reference::RegistryReference;
use distil_store::Digest;

use super::attach::Attachments;
use super::{registries, request, say_lock, shared};
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::table::print;

pub(crate) fn run(arguments: &cli::Push) -> Result<(), CommandError> {
    let word = arguments.image.as_str();
    let location = match is_definition(word) {
        true => None,
        false => Location::find(word).map_err(CommandError::usage)?,
    };
    let to = destination(&arguments.destination)?;
    let printer = Arc::new(Printer::new(arguments.quiet));
    let digest = match location {
        Some(from) => copy(arguments, from, &to, &printer)?,
        None => make(arguments, &to, &printer)?,
    };
    print(digest)
}

fn destination(word: &str) -> Result<RegistryReference, CommandError> {
    match word.parse().map_err(CommandError::usage)? {
        Location::Registry(reference) => Ok(reference),
        other => {
            let message = format!("`{other}` is not in a registry");
            Err(CommandError::usage(message).hint(
                "a registry is written `docker://REGISTRY/NAME:TAG`; `build --output` writes to other \
                 places",
            ))
        }
    }
}

/// The location in which the tags of names count, and the names; none where the destination's own
/// tag or digest is all there is.
fn names(
    arguments: &cli::Push,
    to: &RegistryReference,
    default: &str,
) -> Result<(Location, Vec<NamePattern>), CommandError> {
    let is_named = to.tag().is_some() || to.digest().is_some();
    if is_named && arguments.tags.is_empty() {
        return Ok((Location::Registry(to.clone()), Vec::new()));
    }
    if to.digest().is_some() {
        let message = format!("`{to}` names a digest, which no tag can be added to");
        return Err(CommandError::usage(message));
    }
    let repository = to.repository();
    let own = to.tag().into_iter();
    let tags = own.chain(arguments.tags.iter().map(String::as_str));
    let mut tags: Vec<&str> = tags.collect();
    if tags.is_empty() {
        tags.push(default);
    }
    let name = |tag: &&str| format!("{repository}:{tag}").parse::<NamePattern>();
    let names: Result<Vec<_>, _> = tags.iter().map(name).collect();
    let location = format!("docker://{repository}").parse();
    Ok((
        location.map_err(CommandError::usage)?,
        names.map_err(CommandError::usage)?,
    ))
}

/// Copies an image that is at a place.
fn copy(
    arguments: &cli::Push,
    from: Location,
    to: &RegistryReference,
    printer: &Printer,
) -> Result<Digest, CommandError> {
    let platform = match arguments.platform.as_slice() {
        [] => None,
        [one] => Some(one.parse().map_err(CommandError::usage)?),
        _ => {
            let message = "of an image that is there, one platform can be copied, or all";
            return Err(CommandError::usage(message).hint("leave `--platform` out to copy all"));
        }
    };
    if arguments.referrers && !distil_attest::attach::is_possible_at(&from) {
        let message = format!(
            "what is attached to an image is in its registry or layout, and not in `{from}`"
        );
        return Err(CommandError::usage(message).hint("leave `--referrers` out"));
    }
    let (to, names) = names(arguments, to, "latest")?;
    let joined = arguments.joined.iter().map(|word| {
        let found = Location::find(word).map_err(CommandError::usage)?;
        found.ok_or_else(|| {
            let message = format!("`--index {word}` is not an image that is there");
            CommandError::usage(message).hint("build and push it first, and name the place")
        })
    });
    let request = PushRequest {
        from,
        platform,
        joined: joined.collect::<Result<_, _>>()?,
        to,
        names,
        with_referrers: arguments.referrers,
    };
    let attachments = Attachments::of(&arguments.attach)?;
    attachments.check_copy()?;
    let registries = registries(&arguments.archive, &arguments.registry);
    let attestations = Some(attachments.attestations()).filter(|one| !one.is_empty());
    let digest = distil_build::push(&request, attestations, &registries, printer, now()?)?;
    Ok(digest)
}

/// Makes the image of a definition first.
fn make(
    arguments: &cli::Push,
    to: &RegistryReference,
    printer: &Arc<Printer>,
) -> Result<Digest, CommandError> {
    if arguments.referrers {
        let message = "nothing is attached to an image that is made now";
        return Err(CommandError::usage(message).hint("leave `--referrers` out"));
    }
    if !arguments.joined.is_empty() {
        let message = "`--index` joins images that are there, and this one is made now";
        return Err(
            CommandError::usage(message).hint("`--platform` makes an image for several platforms")
        );
    }
    let suite = suite(&arguments.definition.suite)?;
    let architectures = architectures(&arguments.platform, suite)?;
    let request = request(&arguments.image, &arguments.definition, &arguments.lock)?;
    say_lock(&request, printer);
    let (to, names) = names(arguments, to, request.variant.name())?;
    let request = ImageRequest {
        request,
        suite,
        architectures,
        names,
        outputs: vec![to],
    };
    let attachments = Attachments::of(&arguments.attach)?;
    attachments.check(&request)?;
    let options = SessionOptions {
        registries: RegistrySettings::from(&arguments.registry),
        cache: shared::cache(&arguments.cache, &arguments.attach.signing)?,
        ..SessionOptions::from_environment(ArchiveSettings::from(&arguments.archive))?
    };
    let session = Session::open(options)?.with_events(printer.clone());
    let outcome = session.build_attested(&request, Some(attachments.attestations()));
    let outcome = outcome.map_err(CommandError::from).and_then(|outcome| {
        attachments.write_vex(&session, &request, &outcome)?;
        Ok(outcome)
    });
    session.finish();
    Ok(outcome?.digest)
}
