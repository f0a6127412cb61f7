//! Builds an image of the catalogue for this machine, proves it, and writes an archive that
//! `docker load` and `podman load` read: `cargo run -p distil-build --example build -- python3`.

use std::error::Error;

use distil_build::{
    ArchiveSettings, ImageRequest, Request, Session, SessionOptions, architectures, suite,
};
use distil_definition::Definition;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("static".to_owned());
    let options = SessionOptions::from_environment(ArchiveSettings::default())?;
    let session = Session::open(options)?;
    let suite = suite("trixie")?;
    let outcome = session.build(&ImageRequest {
        request: Request::find(&name, Definition::default())?,
        suite,
        architectures: architectures(&[], suite)?,
        names: vec![format!("{name}:latest").parse()?],
        outputs: vec![format!("oci-archive:{name}.tar").parse()?],
    })?;
    session.finish();
    println!("{}", outcome.digest);
    Ok(())
}
