//! apt's configuration, and what it says of how servers are reached.

#![no_main]

use std::path::Path;

use distil_net::apt::{Acquire, Configuration, ProxyChoice};
use distil_net::Url;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let file = Path::new("/etc/apt/apt.conf");
    let configuration = match Configuration::of_text(&text, file) {
        Ok(configuration) => configuration,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let acquire = Acquire::of(configuration);
    for url in ["http://mirror.example/debian", "https://[::1]:8443/debian"] {
        let url: Url = url.parse().expect("an address");
        if let Ok(ProxyChoice::Proxy { address, setting }) = acquire.proxy(&url) {
            // An option is one of the file's, and a proxy has a host.
            assert!(address.host_str().is_some_and(|host| !host.is_empty()));
            assert!(setting.option.to_ascii_lowercase().contains("proxy"));
        }
        if !url.is_tls() {
            assert!(acquire.tls(&url).is_ok_and(|files| files.certificate.is_none()));
        }
        let _ = (acquire.tls(&url), acquire.unverified(&url));
    }
});
