//! Packages of other archives, of other components and of backports.

use std::fs;

use distil_fixture::{
    Archive, ArchiveBuilder, DebBuilder, Pocket, SigningKey, debian_like, debian_security_like,
    md5_hex, sha256_hex,
};

use crate::context::Context;
use crate::own_definitions::{build, layers, text};

/// A company's archive beside Debian's, signed by a key of its own.
struct Company {
    folder: tempfile::TempDir,
    archive: Archive,
    key: SigningKey,
}

fn deb(name: &str, version: &str) -> DebBuilder {
    DebBuilder::new(name, version, "amd64").file(&format!("usr/share/{name}/version"), version)
}

fn company(packages: Vec<DebBuilder>) -> Company {
    company_with(|pocket| pocket.packages(packages))
}

fn company_with(change: impl FnOnce(Pocket) -> Pocket) -> Company {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::new(7);
    let pocket = Pocket::new("stable").field("Origin", "Company");
    let builder = ArchiveBuilder::new()
        .key(key.clone())
        .pocket(change(pocket));
    let archive = builder.write(folder.path()).unwrap();
    Company {
        folder,
        archive,
        key,
    }
}

/// A key as a field of a paragraph, indented for a block of YAML.
fn embedded(key: &SigningKey) -> String {
    let armored = key.public_armored();
    let lines = armored.lines();
    let lines = lines.map(|line| format!("        {}", if line.is_empty() { "." } else { line }));
    lines.collect::<Vec<_>>().join("\n")
}

impl Company {
    fn sources_of(&self, fields: &str) -> String {
        format!(
            "      Types: deb\n      URIs: {}\n{fields}      Signed-By:\n{}\n",
            self.archive.url(),
            embedded(&self.key)
        )
    }

    /// A definition with the archive, what else its entry says, and packages.
    fn definition(&self, more: &str, packages: &str) -> String {
        let fields = "      Suites: stable\n      Components: main\n";
        self.definition_of(fields, more, packages)
    }

    fn definition_of(&self, fields: &str, more: &str, packages: &str) -> String {
        format!(
            "name: app\nfrom: base\narchives:\n  - sources: |\n{}{more}packages: {packages}\n",
            self.sources_of(fields)
        )
    }

    fn fails(&self, context: &Context, yaml: &str) -> String {
        context.define(yaml);
        let message = context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]);
        let url = self.archive.url();
        let path = url.trim_start_matches("file://");
        message.replace(path, "[COMPANY]")
    }
}

#[test]
fn a_package_of_another_archive_with_what_it_needs() {
    let company = company(vec![
        deb("shop", "1.2").depends("libc6, shop-data (>= 2)"),
        deb("shop-data", "2"),
    ]);
    let context = Context::new();
    let found = build(&context, &company.definition("", "[shop]"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    assert_eq!(text(&found, "usr/share/shop-data/version"), "2");
    // Advisories of Debian's are not about it, and its stanza says so.
    assert!(text(&found, "var/lib/dpkg/status.d/shop").contains("\nOrigin: Company\n"));
    assert!(!text(&found, "var/lib/dpkg/status.d/libc6").contains("Origin:"));
    let why = context.run(&["why", "app.yaml", "shop"]);
    assert!(why.contains("whose packages are those of Company"), "{why}");
    let shown: serde_json::Value =
        serde_json::from_str(&context.run(&["show", "app.yaml", "--format", "json"])).unwrap();
    let packages = shown["packages"].as_array().unwrap();
    let origin = |name: &str| {
        let mut packages = packages.iter();
        packages.find(|one| one["name"] == name).unwrap()["origin"].clone()
    };
    assert_eq!(origin("shop"), "Company");
    assert_eq!(origin("libc6"), serde_json::Value::Null);
    // Nor do bills of materials say that it is Debian's, of the image itself as of the definition.
    for image in ["app.yaml", "app.tar"] {
        let printed = context.run(&["sbom", image]);
        let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let package = |name: &str| {
            let mut packages = document["packages"].as_array().unwrap().iter();
            let found = packages.find(|one| one["name"] == name).unwrap();
            let purl = &found["externalRefs"][0]["referenceLocator"];
            [purl, &found["supplier"]].map(|text| text.as_str().unwrap().to_owned())
        };
        assert_eq!(
            package("shop"),
            [
                "pkg:deb/company/shop@1.2?arch=amd64",
                "Organization: Company"
            ]
        );
        let [purl, supplier] = package("libc6");
        assert!(purl.starts_with("pkg:deb/debian/libc6@") && purl.contains("&distro=debian-13"));
        assert_eq!(supplier, "Organization: Debian");
    }
}

#[test]
fn sources_in_a_file_and_by_a_flag() {
    let company = company(vec![deb("shop", "1.2")]);
    let context = Context::new();
    let key = context.work().join("company.gpg");
    fs::write(key, company.key.public_binary()).unwrap();
    let sources = format!(
        "Types: deb\nURIs: {}\nSuites: stable\nComponents: main\nSigned-By: company.gpg\n",
        company.archive.url()
    );
    fs::write(context.work().join("company.sources"), sources).unwrap();
    let found = build(
        &context,
        "name: app\nfrom: base\narchives: [{sources: company.sources}]\npackages: [shop]\n",
    );
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    context.run(&[
        "build",
        "base",
        "--archive",
        "company.sources",
        "--add",
        "shop",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:app.tar",
    ]);
    let found = crate::images::files(&context.work().join("app.tar"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
}

#[test]
fn it_replaces_nothing_of_debians() {
    // Newer than Debian's, and asked for by nobody.
    let company = company(vec![
        deb("libc6", "99").provides("libc6-extra"),
        deb("base-files", "99"),
        deb("shop", "1.2").depends("libc6, library"),
        deb("library", "9"),
    ]);
    let context = Context::with_packages(vec![deb("library", "3")]);
    let before = layers(&context, &["base"]);
    let yaml = company.definition("", "[shop]");
    let found = build(&context, &yaml);
    assert_eq!(text(&found, "usr/share/library/version"), "3");
    assert!(!found.contains_key("usr/share/libc6/version"));
    let all = layers(&context, &["app.yaml"]);
    assert_eq!(before, all[..before.len()], "the layers below are shared");
    // By name, what is asked for may come from it.
    let found = build(&context, &company.definition("", "[shop, library]"));
    assert_eq!(text(&found, "usr/share/library/version"), "9");
    // But what a layer below has stays.
    insta::assert_snapshot!(company.fails(&context, &company.definition("", "[libc6=99]")), @"
    status 1
    error: failed to find packages for `app`
      cause: the request does not fit the versions that are pinned:
        `libc6` is pinned to 2.41-12+deb13u5
        `libc6 (= 99)` is requested

    hint: the packages of what it stands on are as they are there; `layers: single` in a definition solves all together, and shares no layers
    ");
}

#[test]
fn patterns_and_priorities_widen_and_narrow_it() {
    let company = company(vec![
        deb("shop", "1.2").depends("library"),
        deb("library", "2"),
        deb("other", "1"),
    ]);
    let context = Context::with_packages(vec![deb("library", "3")]);
    let version = |more: &str| {
        let found = build(&context, &company.definition(more, "[shop]"));
        text(&found, "usr/share/library/version").to_owned()
    };
    // The highest version, as apt has it, unless its priority is higher.
    assert_eq!(version("    packages: ['*']\n"), "3");
    assert_eq!(version("    packages: ['*']\n    priority: 990\n"), "2");
    assert_eq!(version("    packages: [shop]\n    priority: 990\n"), "3");
    insta::assert_snapshot!(company.fails(
        &context,
        &company.definition("    packages: [shop]\n", "[shop, other]")
    ));
    // The layers below are as they are, whatever it may.
    let before = layers(&context, &["base"]);
    context.define(&company.definition("    packages: ['*']\n    priority: 990\n", "[shop]"));
    assert_eq!(before, layers(&context, &["app.yaml"])[..before.len()]);
}

#[test]
fn a_lock_names_the_archive() {
    let company = company(vec![deb("shop", "1.2")]);
    let context = Context::new();
    context.define(&company.definition("", "[shop]"));
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    assert!(lock.contains("    origin: Company\n"), "{lock}");
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
    context.define(&company.definition("    priority: 990\n", "[shop]"));
    insta::assert_snapshot!(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
}

/// A flat repository: an index beside its Release, as `apt-ftparchive packages .` writes it.
fn flat(index: bool) -> Company {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::new(7);
    let shop = deb("shop", "1.2");
    let bytes = shop.build();
    fs::write(folder.path().join("shop.deb"), &bytes).unwrap();
    let packages = format!(
        "{}Filename: ./shop.deb\nSize: {}\nSHA256: {}\n",
        shop.control(),
        bytes.len(),
        sha256_hex(&bytes)
    );
    if index {
        fs::write(folder.path().join("Packages"), &packages).unwrap();
    }
    let release = format!(
        "Origin: Flat\nDate: Wed, 01 Oct 2025 00:00:00 UTC\nMD5Sum:\n {} {} Packages\nSHA256:\n {} {} Packages\n",
        md5_hex(packages.as_bytes()),
        packages.len(),
        sha256_hex(packages.as_bytes()),
        packages.len()
    );
    let signed = key.sign_clear(&release, distil_fixture::DEFAULT_DATE);
    fs::write(folder.path().join("InRelease"), signed).unwrap();
    let archive = Archive::at(folder.path());
    Company {
        folder,
        archive,
        key,
    }
}

#[test]
fn a_flat_repository() {
    let company = flat(true);
    let context = Context::new();
    for suite in ["./", "/"] {
        let fields = format!("      Suites: {suite}\n");
        let found = build(&context, &company.definition_of(&fields, "", "[shop]"));
        assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    }
    let without = flat(false);
    let yaml = without.definition_of("      Suites: ./\n", "", "[shop]");
    insta::assert_snapshot!(without.fails(&Context::new(), &yaml));
}

#[test]
fn release_with_a_signature_beside_it() {
    let company = company(vec![deb("shop", "1.2")]);
    let suite = company.folder.path().join("dists/stable");
    fs::remove_file(suite.join("InRelease")).unwrap();
    let context = Context::new();
    let found = build(&context, &company.definition("", "[shop]"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    fs::remove_file(suite.join("Release")).unwrap();
    let yaml = company.definition("", "[shop]");
    insta::assert_snapshot!(company.fails(&context, &yaml));
}

#[test]
fn archives_that_cannot_be_trusted() {
    let context = Context::new();
    let mut all = String::new();
    let mut add = |message: String| all.push_str(&format!("{message}\n---\n"));
    let ours = company(vec![deb("shop", "1.2")]);
    let unsigned = ours.definition("", "[shop]");
    let (unsigned, _) = unsigned.split_once("      Signed-By:").unwrap();
    add(ours.fails(&context, &format!("{unsigned}packages: [shop]\n")));
    let trusted = format!("{unsigned}      Trusted: yes\npackages: [shop]\n");
    add(ours.fails(&context, &trusted));
    let by_name = format!(
        "{unsigned}      Signed-By: 0123456789ABCDEF0123456789ABCDEF01234567\npackages: [shop]\n"
    );
    add(ours.fails(&context, &by_name));
    let gone = format!("{unsigned}      Signed-By: gone.gpg\npackages: [shop]\n");
    add(ours.fails(&context, &gone));
    let others = ours.definition("", "[shop]").replace(
        embedded(&ours.key).as_str(),
        embedded(&SigningKey::new(9)).as_str(),
    );
    add(ours.fails(&context, &others));
    let expired = company_with(|pocket| {
        pocket
            .package(deb("shop", "1.2"))
            .valid_until(Some(1_759_276_801))
    });
    add(expired.fails(&context, &expired.definition("", "[shop]")));
    // What the entry itself permits.
    let fields = "      Suites: stable\n      Components: main\n      Check-Valid-Until: no\n";
    build(&context, &expired.definition_of(fields, "", "[shop]"));
    insta::assert_snapshot!(all);
}

#[test]
fn archives_that_are_not_as_they_are_named() {
    let context = Context::new();
    let ours = company(vec![
        deb("shop", "1.2"),
        deb("needy", "1").depends("nobody-has-it"),
    ]);
    let mut all = String::new();
    let mut add = |fields: &str, packages: &str| {
        let yaml = ours.definition_of(fields, "", packages);
        all.push_str(&format!("{}\n---\n", ours.fails(&context, &yaml)));
    };
    add("      Suites: stable\n      Components: extra\n", "[shop]");
    add("      Suites: testing\n      Components: main\n", "[shop]");
    add("      Suites: stable\n", "[shop]");
    add("      Suites: ./\n      Components: main\n", "[shop]");
    add("      Suites: stable\n      Components: main\n", "[needy]");
    add(
        "      Suites: stable stable\n      Components: main\n",
        "[shop]",
    );
    add(
        "      Suites: ../stable\n      Components: main\n",
        "[shop]",
    );
    insta::assert_snapshot!(all);
}

#[test]
fn two_archives_with_one_package_name() {
    let (one, two) = (
        company(vec![deb("shop", "1")]),
        company(vec![deb("shop", "2")]),
    );
    let fields = "      Suites: stable\n      Components: main\n";
    let yaml = format!(
        "name: app\nfrom: base\narchives:\n  - sources: |\n{}  - sources: |\n{}PACKAGES",
        one.sources_of(fields),
        two.sources_of(fields)
    );
    let context = Context::new();
    let found = build(&context, &yaml.replace("PACKAGES", "packages: [shop]\n"));
    assert_eq!(text(&found, "usr/share/shop/version"), "2");
    let found = build(&context, &yaml.replace("PACKAGES", "packages: [shop=1]\n"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1");
}

/// A trixie with more components, and with backports.
fn fuller() -> Context {
    let archive = debian_like("trixie")
        .with("trixie", |pocket| {
            pocket
                .package_in("non-free", deb("firmware", "1"))
                .package_in("contrib", deb("installer", "1").depends("firmware"))
                .package(deb("tool", "1").depends("helper"))
                .package(deb("helper", "1"))
        })
        .pocket(
            Pocket::new("trixie-backports")
                .package(deb("tool", "2~bpo13+1").depends("helper (>= 2~)"))
                .package(deb("helper", "2~bpo13+1"))
                .package(deb("helper-two", "2~bpo13+1")),
        );
    Context::with(archive, debian_security_like("trixie"))
}

#[test]
fn other_components_of_debians_archive() {
    let context = fuller();
    let yaml = |components: &str| {
        format!("name: app\nfrom: base\ncomponents: {components}\npackages: [installer]\n")
    };
    let found = build(&context, &yaml("[main, contrib, non-free]"));
    assert_eq!(text(&found, "usr/share/firmware/version"), "1");
    context.define(&yaml("[contrib]"));
    let arguments = ["build", "app.yaml", "--platform", "linux/amd64"];
    insta::assert_snapshot!(context.fails(&arguments));
    context.define(&yaml("[contribs]"));
    insta::assert_snapshot!(context.fails(&arguments));
    context.define(&yaml("[non-free-firmware]"));
    insta::assert_snapshot!(context.fails(&arguments));
}

#[test]
fn packages_of_backports() {
    let context = fuller();
    let tool = |more: &str, packages: &str| {
        let yaml = format!("name: app\nfrom: base\n{more}packages: {packages}\n");
        let found = build(&context, &yaml);
        let version = |name: &str| text(&found, &format!("usr/share/{name}/version")).to_owned();
        (version("tool"), version("helper"))
    };
    let (one, two) = ("1".to_owned(), "2~bpo13+1".to_owned());
    assert_eq!(tool("", "[tool]"), (one.clone(), one.clone()));
    // What it needs comes from there as well, where the release does not do.
    assert_eq!(
        tool("backports: [tool]\n", "[tool]"),
        (two.clone(), two.clone())
    );
    assert_eq!(tool("", "[tool/trixie-backports]"), (two.clone(), two));
    // One package of backports takes nothing else from there.
    assert_eq!(
        tool("backports: [helper-two]\n", "[tool, helper-two]"),
        (one.clone(), one)
    );
    assert_eq!(tool("backports: [helper-two]\n", "[tool=1]").0, "1");
    let fails = |packages: &str| {
        context.define(&format!("name: app\nfrom: base\npackages: {packages}\n"));
        context.fails(&["build", "app.yaml", "--platform", "linux/amd64"])
    };
    insta::assert_snapshot!(fails("[tool/sid]"));
    insta::assert_snapshot!(fails("[helper-two/trixie]"));
    insta::assert_snapshot!(fails("[tool=7]"));
}

/// What a user's settings name is for what the user adds by hand, and for no definition.
#[test]
fn archives_of_the_users_settings() {
    let company = company(vec![deb("shop", "1.2")]);
    let context = Context::new();
    let settings = context.work().join("../home/.config/distil");
    fs::create_dir_all(&settings).unwrap();
    fs::write(
        settings.join("config.yaml"),
        "archives: [company.sources]\n",
    )
    .unwrap();
    let fields = company.sources_of("      Suites: stable\n      Components: main\n");
    let fields: Vec<&str> = fields
        .lines()
        .map(|line| line.strip_prefix("      ").unwrap())
        .collect();
    fs::write(settings.join("company.sources"), fields.join("\n")).unwrap();
    let arguments = ["build", "base", "--add", "shop"];
    let output = context.command(&arguments).output().unwrap();
    let said = context.stderr(&output);
    assert!(output.status.success(), "{said}");
    let told = said.contains("note: packages may be from the archives of `")
        && said.contains("company.sources`, which your `config.yaml` names");
    assert!(told, "{said}");
    let found = crate::images::files(&context.work().join("base+shop+local.tar"));
    assert!(text(&found, "var/lib/dpkg/status.d/shop").contains("\nOrigin: Company\n"));
    // A definition is the same whoever builds it.
    context.define("name: app\nfrom: base\npackages: [shop]\n");
    let message = context.fails(&["build", "app.yaml"]);
    assert!(message.contains("shop"), "{message}");
    fs::remove_file(settings.join("company.sources")).unwrap();
    let message = context.fails(&["build", "base", "--add", "shop", "-o", "oci:out"]);
    assert!(message.contains("company.sources"), "{message}");
}
