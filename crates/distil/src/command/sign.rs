//! `distil sign`, and the signing of what `build` and `push` write to registries.

use distil_attest::key::PrivateKey;
use distil_attest::sign::{Forms, SignError, Signed, Signer};
use distil_oci::reference::RegistryReference;
use distil_oci::{Location, Registries, transport};
use distil_store::Digest;

use super::registries;
use crate::cli;
use crate::error::CommandError;
use crate::keys;
use crate::printer::Printer;
use crate::table::print;

/// This program, as signatures name it.
pub(crate) const CREATOR: &str = concat!("distil ", env!("DISTIL_VERSION"));

pub(crate) fn run(arguments: &cli::Sign) -> Result<(), CommandError> {
    let reference = in_registry(&arguments.image)?;
    let key = keys::private(&arguments.key, &arguments.signing)?;
    let registries = registries(&arguments.archive, &arguments.registry);
    let printer = Printer::new(arguments.quiet);
    let signing = &arguments.signing;
    let digest = sign(&key, signing, &reference, None, &registries, &printer)?;
    print(digest)
}

/// The name of an image in a registry, where signatures are.
pub(crate) fn in_registry(word: &str) -> Result<RegistryReference, CommandError> {
    let location = Location::find(word).map_err(CommandError::usage)?;
    let hint = "signatures are in registries; one is written `docker://REGISTRY/NAME:TAG`";
    match location {
        Some(Location::Registry(reference)) => Ok(reference),
        Some(other) => {
            Err(CommandError::usage(format!("`{other}` is not in a registry")).hint(hint))
        }
        None => {
            Err(CommandError::usage(format!("`{word}` is not an image in a registry")).hint(hint))
        }
    }
}

/// Signs what a name in a registry leads to, or what has a digest there and is named so; its digest.
pub(crate) fn sign(
    key: &PrivateKey,
    signing: &cli::Signing,
    reference: &RegistryReference,
    digest: Option<Digest>,
    registries: &Registries,
    printer: &Printer,
) -> Result<Digest, CommandError> {
    let location = Location::Registry(reference.clone());
    let repository = reference.repository().clone();
    let opened = match digest {
        Some(digest) => {
            let place = RegistryReference::of_digest(repository, digest);
            transport::open(&Location::Registry(place), registries)?
        }
        None => transport::open(&location, registries)?,
    };
    let signer = Signer {
        key,
        registries,
        creator: CREATOR,
        forms: forms(signing),
    };
    let digest = opened.manifest().digest();
    let signed = signer.sign(&opened, reference).map_err(failed)?;
    say(&signed, key, &location, printer);
    Ok(digest)
}

pub(crate) fn forms(signing: &cli::Signing) -> Forms {
    Forms {
        bundle: true,
        tag: signing.signature_tags,
    }
}

pub(crate) fn failed(error: SignError) -> CommandError {
    match error {
        SignError::Transport(error) => error.into(),
        other => CommandError::failure(other),
    }
}

fn say(signed: &[Signed], key: &PrivateKey, location: &Location, printer: &Printer) {
    let (old, new): (Vec<&Signed>, Vec<&Signed>) = signed.iter().partition(|one| one.was_there);
    let by = format!(
        "by the {} key {}",
        key.public().algorithm(),
        key.public().fingerprint()
    );
    if !new.is_empty() {
        printer.say(format_args!(
            "signed {location} {by}: {}",
            manifests(new.len())
        ));
    }
    if !old.is_empty() {
        let count = manifests(old.len());
        printer.say(format_args!("{location} is signed already {by}: {count}"));
    }
}

fn manifests(count: usize) -> String {
    match count {
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    }
}
