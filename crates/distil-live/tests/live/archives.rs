//! An archive made by Debian's own tools, `dpkg-deb`, `apt-ftparchive` and `gpg`, beside the real one: what
//! is chosen from both is what apt chooses.

use std::collections::BTreeMap;
use std::path::Path;

use distil_debian::distribution::DEBIAN;
use distil_live::outcome::find_program;
use distil_live::{Context, require};
use serde_json::Value;

/// Packages of the archive: name, version, what it depends on.
const PACKAGES: [(&str, &str, &str); 9] = [
    ("shop", "1.2", "libpq5, shop-common (>= 2), libc6 (>= 2.36)"),
    ("shop", "1.1", "libpq5, shop-common"),
    ("shop-common", "2", "shop-data | shop-data-small"),
    ("shop-common", "1", ""),
    ("shop-data-small", "3", "libssl3t64"),
    ("shop-virtual", "1", "mail-transport-shop"),
    ("shop-mail", "1", "libexpat1"),
    // Newer than Debian's, and older.
    ("libexpat1", "99", "libc6"),
    ("libyaml-0-2", "0.0.1", "libc6"),
];

/// A request, what is said of the archive, and apt's pins that mean the same.
struct Case {
    packages: &'static str,
    says: &'static str,
    pins: &'static str,
}

/// Debian's packages are not replaced by those of the archive.
const NEVER: &str = "Package: libexpat1 libyaml-0-2\nPin: release o=Shop\nPin-Priority: -1\n";

/// What apt installs in addition, for whatever request: what only maintainer scripts need, which distil leaves out.
const LEFT_OUT: [&str; 2] = ["debconf", "mawk"];

fn cases() -> Vec<Case> {
    let case = |packages, says, pins| Case {
        packages,
        says,
        pins,
    };
    vec![
        case("shop", "", NEVER),
        case("shop-common", "", NEVER),
        case("shop=1.1", "", NEVER),
        case("shop-common=1", "", NEVER),
        case("shop shop-virtual", "", NEVER),
        case("shop-mail", "", NEVER),
        case("shop-mail curl", "", NEVER),
        case("libexpat1", "", ""),
        case("libyaml-0-2", "", ""),
        case("libexpat1 shop", "", ""),
        case("shop/shops", "", NEVER),
        case("libexpat1/trixie", "", NEVER),
        case("libyaml-0-2/shops", "", ""),
        case("shop-mail", "    packages: ['*']\n", ""),
        case("curl libffi8", "    packages: ['*']\n", ""),
        case(
            "libyaml-0-2",
            "    packages: ['*']\n    priority: 990\n",
            "Package: *\nPin: release o=Shop\nPin-Priority: 990\n",
        ),
        case(
            "shop-mail",
            "    packages: ['*']\n    priority: 100\n",
            "Package: *\nPin: release o=Shop\nPin-Priority: 100\n",
        ),
        case(
            "libexpat1",
            "    packages: ['*']\n    priority: 100\n",
            "Package: *\nPin: release o=Shop\nPin-Priority: 100\n",
        ),
        case("curl libpq5", "", NEVER),
        case("shop-common=2 shop=1.2", "", NEVER),
        case("libpq5 shop-mail", "", NEVER),
    ]
}

/// Makes the archive and its key; its address.
fn archive(context: &Context) -> String {
    for (name, version, depends) in PACKAGES {
        let folder = format!("build/{name}_{version}");
        let provides = match name {
            "shop-mail" => "Provides: mail-transport-shop\n",
            _ => "",
        };
        let depends = match depends {
            "" => String::new(),
            depends => format!("Depends: {depends}\n"),
        };
        context.write(
            &format!("{folder}/DEBIAN/control"),
            format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Shop <shop@example.org>\n\
                 {depends}{provides}Description: of the tests\n"
            ),
        );
        context.write(&format!("{folder}/usr/share/{name}/version"), version);
        std::fs::create_dir_all(context.path("repo/pool")).unwrap();
        context
            .run(
                "dpkg-deb",
                ["--root-owner-group", "--build", &folder, "repo/pool"],
            )
            .success();
    }
    let script = "set -eu
        export GNUPGHOME=$PWD/gnupg; mkdir -m 700 gnupg
        gpg --batch --quiet --passphrase '' --quick-gen-key 'Shop <shop@example.org>' rsa3072 sign never
        gpg --batch --quiet --armor --export > shop.asc
        gpg --batch --quiet --export > shop.gpg
        cd repo; mkdir -p dists/shops/main/binary-amd64
        apt-ftparchive packages pool > dists/shops/main/binary-amd64/Packages
        gzip -k dists/shops/main/binary-amd64/Packages
        apt-ftparchive -o APT::FTPArchive::Release::Origin=Shop -o APT::FTPArchive::Release::Suite=shops \
          -o APT::FTPArchive::Release::Codename=shops -o APT::FTPArchive::Release::Architectures=amd64 \
          -o APT::FTPArchive::Release::Components=main release dists/shops > Release
        mv Release dists/shops/Release
        gpg --batch --quiet --clearsign -o dists/shops/InRelease dists/shops/Release
        gpgconf --kill gpg-agent";
    context.run("sh", ["-c", script]).success();
    format!("file://{}", context.path("repo").display())
}

/// The mirror that this machine's apt uses.
pub(crate) fn debian_mirror() -> String {
    let found = distil_debian::sources::Sources::read(Path::new("/etc/apt"));
    let mirrors = distil_debian::sources::own_mirrors(&found.sources, &DEBIAN);
    mirrors.main.first().expect("apt has a mirror").clone()
}

/// What apt would install into nothing: versions by names.
fn chosen_by_apt(
    context: &Context,
    address: &str,
    pins: &str,
    packages: &str,
) -> BTreeMap<String, String> {
    let mirror = debian_mirror();
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    for folder in [
        "apt/lists/partial",
        "apt/cache/archives/partial",
        "apt/empty",
    ] {
        std::fs::create_dir_all(context.path(folder)).unwrap();
    }
    context.write("apt/status", "");
    context.write("apt/preferences", pins);
    let key = context.path("shop.gpg").display().to_string();
    context.write(
        "apt/sources.list",
        format!(
            "deb [signed-by={keys}] {mirror} trixie main\n\
             deb [signed-by={keys}] {mirror} trixie-updates main\n\
             deb [signed-by={keys}] {}-security trixie-security main\n\
             deb [signed-by={key}] {address} shops main\n",
            mirror.trim_end_matches('/')
        ),
    );
    let at = |path: &str| context.path(path).display().to_string();
    let conf = format!(
        "Dir::Etc::sourcelist \"{}\"; Dir::Etc::sourceparts \"{empty}\"; Dir::Etc::parts \"{empty}\";\n\
         Dir::Etc::preferences \"{}\"; Dir::Etc::preferencesparts \"{empty}\"; Dir::State \"{}\";\n\
         Dir::State::status \"{}\"; Dir::Cache \"{}\"; APT::Architecture \"amd64\"; APT::Architectures \"amd64\";\n\
         APT::Install-Recommends \"false\"; APT::Sandbox::User \"root\"; Acquire::Languages \"none\";\n",
        at("apt/sources.list"),
        at("apt/preferences"),
        at("apt"),
        at("apt/status"),
        at("apt/cache"),
        empty = at("apt/empty"),
    );
    context.write("apt.conf", conf);
    let script = format!(
        "export APT_CONFIG=$PWD/apt.conf LC_ALL=C; [ -e apt/updated ] || apt-get -q update >apt/log 2>&1; \
         touch apt/updated; apt-get -q -s install base-files libc-bin media-types netbase tzdata tzdata-legacy libssl3t64 ca-certificates {packages}"
    );
    let said = context.run("sh", ["-c", &script]).success();
    let lines = said.stdout().lines().map(str::to_owned).collect::<Vec<_>>();
    let installed = lines.iter().filter_map(|line| line.strip_prefix("Inst "));
    let parts = installed.filter_map(|line| {
        let (name, rest) = line.split_once(" (")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    });
    parts.collect()
}

#[test]
fn what_is_chosen_from_two_archives_is_what_apt_chooses() {
    for program in ["apt-get", "apt-ftparchive", "gpg", "dpkg-deb"] {
        if find_program(program).is_none() {
            return require::missing(&format!("{program} is not installed"));
        }
    }
    let context = Context::new();
    let address = archive(&context);
    let mut wrong = Vec::new();
    for case in cases() {
        let list = case.packages.replace(' ', ", ");
        context.write(
            "app.yaml",
            format!(
                "name: app\nfrom: base\narchives:\n  - sources: |\n      Types: deb\n      URIs: {address}\n      \
                 Suites: shops\n      Components: main\n      Signed-By: shop.asc\n{}packages: [{list}]\n",
                case.says
            ),
        );
        let show = [
            "show",
            "app.yaml",
            "--platform",
            "linux/amd64",
            "--format",
            "json",
        ];
        let shown: Value = context.distil(show).success().json();
        let ours = shown["packages"].as_array().unwrap().iter();
        let ours = ours.map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["version"].as_str().unwrap(),
            )
        });
        let apt = chosen_by_apt(&context, &address, case.pins, case.packages);
        let mut more = apt.clone();
        for (name, version) in ours {
            more.remove(name);
            let theirs = apt.get(name);
            if theirs.is_none_or(|theirs| theirs != version) {
                wrong.push(format!(
                    "{} {:?}: {name} {version}, apt {theirs:?}",
                    case.packages, case.says
                ));
            }
        }
        let more: Vec<_> = more.keys().map(String::as_str).collect();
        if more != LEFT_OUT {
            wrong.push(format!("{}: apt alone has {more:?}", case.packages));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_package_each_of_backports_contrib_and_non_free() {
    for (key, package) in [
        ("components: [contrib]\n", "ttf-mscorefonts-installer"),
        ("components: [main, non-free]\n", "unrar"),
        ("", "curl/trixie-backports"),
    ] {
        let context = Context::new();
        context.write(
            "app.yaml",
            format!("name: app\nfrom: base\n{key}packages: [{package}]\n"),
        );
        let lock = ["lock", "app.yaml", "--platform", "linux/amd64"];
        context.distil(lock).success();
        let text = std::fs::read_to_string(context.path("app.lock")).unwrap();
        let name = package.split('/').next().unwrap();
        assert!(text.contains(&format!("- name: {name}\n")), "{package}");
        if package.contains('/') {
            assert!(text.contains("suite: trixie-backports\n"), "{text}");
        }
    }
}
