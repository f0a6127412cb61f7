//! Which mirrors a distribution's archive is had from, and which snapshot service.
//!
//! An address may begin with the `ID` of a distribution and an equals sign, and is for that one then. One that
//! does not is for the archive of the release that is built; but in the environment and the user's settings, which are
//! for all builds, for Debian's.

use std::path::Path;

use distil_debian::archive::{Mirrors, Snapshots};
use distil_debian::distribution::{DEBIAN, Distribution, Ports};
use distil_debian::fetch::Mirror;
use distil_debian::sources::{AptMirrors, Sources, own_mirrors};

use crate::settings::{SettingsError, user_settings};

/// The mirrors of a distribution that have an architecture: those that the request names, the definition, the
/// environment, the user's settings, this machine's own package sources, or the built-in list; the first of these
/// that names any.
pub(crate) fn mirrors(
    named: &[String],
    defined: &[String],
    distribution: &'static Distribution,
    architecture: &str,
) -> Result<Mirrors, SettingsError> {
    for list in [named, defined] {
        let list = of(distribution, distribution, list);
        if !list.is_empty() {
            return parse(&list);
        }
    }
    let variable = std::env::var("DISTIL_MIRROR").unwrap_or_default();
    let variable: Vec<String> = variable.split_whitespace().map(str::to_owned).collect();
    let list = of(distribution, &DEBIAN, &variable);
    if !list.is_empty() {
        return parse(&list);
    }
    let settings = user_settings()?;
    let list = of(distribution, &DEBIAN, &settings.mirrors);
    if !list.is_empty() {
        return parse(&list);
    }
    Ok(of_apt(distribution, architecture))
}

/// The mirrors that this machine's apt has of a distribution, or public ones.
fn of_apt(distribution: &Distribution, architecture: &str) -> Mirrors {
    let sources = Sources::read(Path::new("/etc/apt")).sources;
    let AptMirrors { main, security } = own_mirrors(&sources, distribution);
    // A mirror has the architectures of this machine, which may be of the other archive.
    let ports = distribution.ports.as_ref();
    let is_ports = distribution.ports_of(architecture).is_some();
    let fits = |address: &&String| {
        let ending = |ports: &Ports| address.trim_end_matches('/').ends_with(ports.ending);
        ports.is_none_or(|ports| ending(ports) == is_ports)
    };
    let parse = |list: &[String]| -> Vec<Mirror> {
        let list = list.iter().filter(fits);
        list.filter_map(|address| address.parse().ok()).collect()
    };
    let (main, security) = (parse(&main), parse(&security));
    match (main.is_empty(), security.is_empty()) {
        (true, _) => Mirrors::public(distribution, architecture),
        (false, true) => Mirrors::unnamed(main),
        (false, false) => Mirrors { main, security },
    }
}

/// The addresses of a list that are for a distribution; those that do not say so are for `usual`.
fn of<'a>(
    distribution: &'static Distribution,
    usual: &'static Distribution,
    list: &'a [String],
) -> Vec<&'a str> {
    let mut found = Vec::new();
    for text in list.iter().filter(|text| !text.is_empty()) {
        let named = text.split_once('=');
        let named = named.and_then(|(id, address)| Some((Distribution::named(id)?, address)));
        let (whose, address) = named.unwrap_or((usual, text));
        if whose == distribution {
            found.push(address);
        }
    }
    found
}

fn parse(list: &[&str]) -> Result<Mirrors, SettingsError> {
    let (mut main, mut security) = (Vec::new(), Vec::new());
    for text in list {
        let (list, address) = match text.strip_prefix("security=") {
            Some(address) => (&mut security, address),
            None => (&mut main, *text),
        };
        list.push(address.parse::<Mirror>()?);
    }
    let mut mirrors = Mirrors::unnamed(main);
    if !security.is_empty() {
        mirrors.security = security;
    }
    Ok(mirrors)
}

/// The snapshot service: that of the request, the definition, the environment, the user's settings, or the
/// distribution's own.
pub(crate) fn snapshots(
    named: Option<&str>,
    defined: Option<&str>,
    distribution: &Distribution,
) -> Result<Snapshots, SettingsError> {
    if let Some(address) = named.or(defined) {
        return Ok(address.parse()?);
    }
    if let Ok(address) = std::env::var("DISTIL_SNAPSHOT_SERVICE")
        && !address.is_empty()
    {
        return Ok(address.parse()?);
    }
    match user_settings()?.snapshot_service {
        Some(address) => Ok(address.parse()?),
        None => Ok(Snapshots::public(distribution)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_for_the_distribution_that_they_name() {
        let list = [
            "http://a/debian",
            "debian=http://b/debian",
            "other=http://c",
            "",
        ];
        let list = list.map(str::to_owned);
        let found = of(&DEBIAN, &DEBIAN, &list);
        assert_eq!(
            found,
            ["http://a/debian", "http://b/debian", "other=http://c"]
        );
    }
}
