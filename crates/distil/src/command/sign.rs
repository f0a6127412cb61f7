//! `distil sign`: sign an image that is in a registry or a layout.

use distil_oci::transport;

use super::attach::{attachable, check_present, documents};
use super::registries;
use crate::cli;
use crate::error::CommandError;
use crate::keys;
use crate::printer::Printer;
use crate::table::print;

pub(crate) fn run(arguments: &cli::Sign) -> Result<(), CommandError> {
    let place = attachable(&arguments.image)?;
    let key = keys::private(&arguments.key, &arguments.signing)?;
    let attestations = documents(&arguments.documents, Some(key), &arguments.signing)?;
    check_present(&attestations)?;
    let registries = registries(&arguments.archive, &arguments.registry);
    let printer = Printer::new(arguments.quiet);
    let opened = transport::open(&place, &registries)?;
    let manifest = opened.manifest();
    if !attestations.documents.is_empty() {
        let documented = attestations.of_images(opened.images()?, &place);
        let documented = documented.map_err(distil_build::BuildError::from)?;
        let attached = attestations.attach(&documented, &place, &registries, &printer);
        attached.map_err(distil_build::BuildError::from)?;
    }
    let signed = attestations.sign(manifest, &place, &registries, &printer);
    signed.map_err(distil_build::BuildError::from)?;
    print(manifest.digest())
}
