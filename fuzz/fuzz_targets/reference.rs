//! What users write on the command line, and addresses and statuses of health checks: names of images,
//! places, platforms, digests. What parses is written so that it parses to the same.

#![no_main]

use std::error::Error;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use distil_fuzz::explain;
use distil_oci::reference::RegistryReference;
use distil_oci::{Location, Platform, Reference};
use distil_probe::{Address, Status};
use distil_store::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    round::<RegistryReference>(text);
    round::<Platform>(text);
    round::<Digest>(text);
    if let Some(reference) = round::<Reference>(text) {
        assert_eq!(reference.full().parse().as_ref(), Ok(&reference));
        assert_eq!(reference.familiar().parse().as_ref(), Ok(&reference));
    }
    // The path of a root file system may have a colon, all others end there.
    round::<Location>(text);
    round::<Status>(text);
    for address in [Address::http(text), Address::tcp(text)] {
        match address {
            // It becomes one word of a command, and a line of a request.
            Ok(address) => assert!(address.to_string().bytes().all(|byte| byte.is_ascii_graphic())),
            Err(error) => explain(&error),
        }
    }
});

fn round<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Error> + Display + Debug + PartialEq,
{
    let value = match text.parse::<T>() {
        Ok(value) => value,
        Err(error) => {
            explain(&error);
            return None;
        }
    };
    let again = value.to_string().parse::<T>();
    assert_eq!(
        again.as_ref().ok(),
        Some(&value),
        "`{value}` is read as {again:?}"
    );
    Some(value)
}
