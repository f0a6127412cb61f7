//! Locks of npm and pnpm, `.npmrc`, and the `package.json` of a package.

#![no_main]

use distil_app::node::{NodeLock, NodeTarget, Npmrc, PackageManifest};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = PackageManifest::read(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = Npmrc::parse(text).archive("@scope/name", "1.0.0");
    let target = NodeTarget::of_debian("amd64").expect("Node.js knows it");
    for name in ["package-lock.json", "pnpm-lock.yaml"] {
        let lock = match NodeLock::parse(name, text) {
            Ok(lock) => lock,
            Err(error) => {
                explain(&error);
                continue;
            }
        };
        if let Err(error) = lock.outdated(r#"{"dependencies": {"a": "1"}}"#) {
            explain(&error);
        }
        let selection = match lock.select(&target) {
            Ok(selection) => selection,
            Err(error) => {
                explain(&error);
                continue;
            }
        };
        let packages = selection.packages.iter().map(|one| &one.path);
        let links = selection.links.iter().map(|one| &one.path);
        for path in packages.chain(links) {
            assert!(path.parts().any(|part| part == b"node_modules"));
            assert!(path.parts().all(|part| part != b".." && part != b"."));
        }
        for link in &selection.links {
            // What is above the link is as deep as it may climb.
            let up = link.target.split('/').filter(|part| *part == "..").count();
            assert!(up < link.path.parts().count() && !link.target.starts_with('/'));
        }
    }
});
