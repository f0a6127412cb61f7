//! The store: it changes how long a build takes, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use distil_fixture::{DebBuilder, Server, debian_like, debian_security_like};

use crate::context::Context;

const BUILD: [&str; 2] = ["build", "base"];

/// Builds, and gives what was printed on stdout and stderr.
fn built(context: &Context, arguments: &[&str]) -> (String, String) {
    let output = context.command(arguments).output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    let digest = String::from_utf8(output.stdout.clone()).unwrap();
    (digest, context.stderr(&output))
}

fn archive(context: &Context) -> PathBuf {
    context.work().join("base.tar")
}

/// All files of the store's blobs or keys.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn an_archive_that_is_as_it_should_be_is_left_alone() {
    let context = Context::new();
    let (digest, _) = built(&context, &BUILD);
    let bytes = fs::read(archive(&context)).unwrap();
    let before = fs::metadata(archive(&context)).unwrap().ino();
    let (again, said) = built(&context, &BUILD);
    assert_eq!(again, digest);
    insta::assert_snapshot!(said, @"base:latest is in oci-archive:base.tar already");
    assert_eq!(fs::metadata(archive(&context)).unwrap().ino(), before);
    // Until it is known to be right: not while a change of it might go unseen.
    while !context.store().join("keys/output").exists() {
        assert_eq!(built(&context, &BUILD).0, digest);
    }
    assert!(built(&context, &BUILD).1.ends_with("already\n"));
    // One byte anywhere makes it another; times say nothing.
    let modified = fs::metadata(archive(&context)).unwrap().modified().unwrap();
    for place in [0, 600, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        fs::write(archive(&context), &changed).unwrap();
        let file = fs::File::options().write(true).open(archive(&context));
        file.unwrap().set_modified(modified).unwrap();
        assert_eq!(built(&context, &BUILD).0, digest);
        assert!(fs::read(archive(&context)).unwrap() == bytes, "at {place}");
    }
    // Another name is another archive of the same image.
    let (tagged, said) = built(
        &context,
        &["build", "base", "-t", "other", "-o", "oci-archive:base.tar"],
    );
    let last = |line: &str| line.rsplit(' ').next().map(str::to_owned);
    assert_eq!(last(&tagged), last(&digest));
    assert!(said.contains("wrote other:latest"), "{said}");
}

#[test]
fn every_way_to_an_image_gives_the_same() {
    let context = Context::new();
    let (digest, _) = built(&context, &BUILD);
    let bytes = fs::read(archive(&context)).unwrap();
    let same = |what: &str| assert!(fs::read(archive(&context)).unwrap() == bytes, "{what}");
    // From the finished image, from its layers alone, and from its pieces alone.
    for kinds in [
        &[][..],
        &["image"],
        &["image", "layer"],
        &["image", "layer", "solution", "package"],
    ] {
        for kind in kinds {
            fs::remove_dir_all(context.store().join("keys").join(kind)).unwrap();
        }
        fs::remove_file(archive(&context)).unwrap();
        assert_eq!(built(&context, &BUILD).0, digest, "without {kinds:?}");
        same("from the store");
    }
    // Evicted, wholly and in part.
    for limit in ["0", "20kB"] {
        fs::remove_file(archive(&context)).unwrap();
        context.run(&["build", "base", "--store-limit", limit]);
        same("evicted");
        fs::remove_file(archive(&context)).unwrap();
        assert_eq!(built(&context, &BUILD).0, digest);
        same("after an eviction");
    }
}

#[test]
fn without_a_network_what_is_in_the_store_is_enough() {
    let context = Context::new();
    let server = Server::start(context.archive()).unwrap();
    let security = Server::start(context.security()).unwrap();
    let (main, other) = (server.url(), format!("security={}", security.url()));
    let keyring = context.archive().join("keyring.gpg");
    let command = || {
        let mut command = context.bare(&BUILD);
        command
            .args(["--mirror", &main, "--mirror", &other, "--keyring"])
            .arg(&keyring);
        command.output().unwrap()
    };
    let first = command();
    assert!(first.status.success(), "{}", context.stderr(&first));
    drop((server, security));
    fs::remove_file(archive(&context)).unwrap();
    let second = command();
    assert!(second.status.success(), "{}", context.stderr(&second));
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn platforms_that_were_found_to_agree_cost_no_index() {
    let context = Context::new();
    let build = ["build", "base", "--platform", "linux/amd64,linux/arm64"];
    let (digest, _) = built(&context, &build);
    fs::remove_file(context.work().join("base-amd64-arm64.tar")).unwrap();
    // Neither the store nor the mirror has an index any more.
    fs::remove_dir_all(context.store().join("keys/index")).unwrap();
    for folder in [context.archive(), context.security()] {
        let indexes = files_below(&folder.join("dists")).into_iter();
        let indexes: Vec<_> = indexes
            .filter(|path| path.to_string_lossy().contains("/binary-"))
            .collect();
        assert!(!indexes.is_empty());
        for index in indexes {
            fs::remove_file(index).unwrap();
        }
    }
    assert_eq!(built(&context, &build).0, digest);
}

#[test]
fn another_state_of_the_archive_is_another_image() {
    let context = Context::new();
    let (digest, _) = built(&context, &["build", "base", "--add", "libffi8"]);
    let other = Context::with_packages(vec![
        distil_fixture::DebBuilder::new("libffi8", "99", "amd64").file("usr/share/x", "x"),
    ]);
    // The other archive, with the store of the first.
    let mut command = other.command(&["build", "base", "--add", "libffi8"]);
    let output = command
        .env("DISTIL_STORE", context.store())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", other.stderr(&output));
    assert_ne!(String::from_utf8(output.stdout).unwrap(), digest);
}

#[test]
fn a_file_that_changed_is_another_image() {
    let context = Context::new();
    context.define("name: app\nfrom: base\nfiles: [{path: /x, from: x}]\n");
    let mut digests = Vec::new();
    for text in ["one", "two", "one"] {
        fs::write(context.work().join("x"), text).unwrap();
        digests.push(built(&context, &["build", "app.yaml"]).0);
    }
    assert_ne!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

/// As a user who may not write there, whoever runs the tests.
fn as_reader(context: &Context, command: &Command) -> Output {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let own = fs::metadata(context.work()).unwrap().uid();
    let is_root = own == 0;
    let mut reader = match is_root {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if is_root {
        reader.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    reader.args(words).current_dir(context.work()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            reader.env(name, value);
        }
    }
    reader.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    reader.output().unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_that_can_only_be_read_is_read() {
    let context = Context::new();
    context.run(&BUILD);
    let files = files_below(&context.store());
    let mut folders: Vec<PathBuf> = files
        .iter()
        .filter_map(|file| Some(file.parent()?.to_owned()))
        .collect();
    folders.extend(["", "blobs", "keys", "tmp"].map(|name| context.store().join(name)));
    folders.iter().for_each(|folder| set_mode(folder, 0o555));
    set_mode(&context.store().join("lock"), 0o444);
    set_mode(context.work().parent().unwrap(), 0o755);
    set_mode(&context.work(), 0o777);
    fs::remove_file(archive(&context)).unwrap();
    // What is there, and what has to be made besides.
    for image in ["base", "cc"] {
        let output = as_reader(&context, &context.command(&["build", image]));
        let said = context.stderr(&output);
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("is read-only, so results are not kept"),
            "{said}"
        );
    }
    assert_eq!(files_below(&context.store()), files);
    let output = as_reader(&context, &context.bare(&["cache", "prune", "--all"]));
    assert!(!output.status.success());
    folders.iter().for_each(|folder| set_mode(folder, 0o755));
}

/// A file may not grow beyond so many blocks: as a disk that is full, but for the number.
#[test]
fn a_full_disk_is_said_and_costs_nothing_else() {
    let context = Context::new();
    let command = context.command(&BUILD);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    for blocks in [0, 1, 8, 64] {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {}", words.join(" "));
        shell.arg("-c").arg(script).current_dir(context.work());
        shell
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DISTIL_STORE", context.store());
        let output = shell.output().unwrap();
        let said = context.stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("File too large"), "{said}");
        assert!(context.files().is_empty(), "{:?}", context.files());
    }
    assert_eq!(built(&context, &BUILD).0, built(&Context::new(), &BUILD).0);
    context.run_bare(&["cache", "verify"]);
}

#[test]
fn what_the_store_holds_and_what_goes() {
    let context = Context::new();
    context.run(&BUILD);
    let json: serde_json::Value =
        serde_json::from_str(&context.run_bare(&["cache", "info", "--format", "json"])).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["limit"], 10_000_000_000_u64);
    for kind in [
        "packages",
        "pieces",
        "layers",
        "images",
        "indexes",
        "solutions",
    ] {
        assert!(
            json["kinds"][kind]["entries"].as_u64() > Some(0),
            "{kind}: {json}"
        );
    }
    let table = context.run_bare(&["cache", "info"]);
    assert!(
        table.contains("KIND") && table.contains("pieces"),
        "{table}"
    );
    insta::assert_snapshot!(
        context.run_bare(&["cache", "prune"]).starts_with("removed 0 files (0 B)"), @"true");
    let verified = context.run_bare(&["cache", "verify"]);
    assert!(verified.starts_with("read "), "{verified}");
    let pruned: serde_json::Value =
        serde_json::from_str(&context.run_bare(&["cache", "prune", "--all", "--format", "json"]))
            .unwrap();
    assert_eq!(pruned["left"]["entries"], 0);
    assert!(files_below(&context.store().join("keys")).is_empty());
    insta::assert_snapshot!(context.failure(&mut context.bare(&["cache", "prune", "--store-limit", "much"])), @"
    status 2
    error: `much` is not a size such as `500MB`, `10GB` or `2GiB`
    ");
}

#[test]
fn damage_is_found_and_told() {
    let context = Context::new();
    let (digest, _) = built(&context, &BUILD);
    let bytes = fs::read(archive(&context)).unwrap();
    for file in files_below(&context.store().join("blobs")) {
        let mut content = fs::read(&file).unwrap();
        let middle = content.len() / 2;
        match content.get_mut(middle) {
            Some(byte) => *byte ^= 0x10,
            None => content.push(0),
        }
        fs::write(&file, content).unwrap();
    }
    fs::remove_file(archive(&context)).unwrap();
    let (again, said) = built(&context, &BUILD);
    assert_eq!(again, digest);
    assert!(
        said.contains("of the store were damaged, and were made again"),
        "{said}"
    );
    assert!(fs::read(archive(&context)).unwrap() == bytes);
    // What nothing led to is still there, and damaged.
    let output = context.bare(&["cache", "verify"]).output().unwrap();
    let rest = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.success(), !rest.contains("damaged"), "{rest}");
    context.run_bare(&["cache", "verify"]);
}

/// The texts of indexes that the store keeps.
fn index_texts(context: &Context) -> Vec<PathBuf> {
    let blobs = files_below(&context.store().join("blobs")).into_iter();
    let texts = blobs.filter(|path| fs::read(path).unwrap().starts_with(b"Package: "));
    texts.collect()
}

#[test]
fn damage_to_an_index_that_is_read_in_part_is_mended_while_solving() {
    let newer = DebBuilder::new("libffi8", "99", "amd64").file("usr/share/x", "x");
    let security = debian_security_like("trixie")
        .with("trixie-security", |pocket| pocket.packages(vec![newer]));
    let context = Context::with(debian_like("trixie"), security);
    let server = Server::start(context.archive()).unwrap();
    let security = Server::start(context.security()).unwrap();
    let (main, other) = (server.url(), format!("security={}", security.url()));
    let keyring = context.archive().join("keyring.gpg");
    let build = || {
        let mut command = context.bare(&["build", "base", "--add", "libffi8"]);
        command
            .args(["--mirror", &main, "--mirror", &other, "--keyring"])
            .arg(&keyring);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", context.stderr(&output));
        (output.stdout.clone(), context.stderr(&output))
    };
    let (digest, _) = build();
    let archive = context.work().join("base+libffi8.tar");
    let bytes = fs::read(&archive).unwrap();
    // What was downloaded is still there, so that nobody has to be asked.
    drop((server, security));
    type Damage = fn(&mut Vec<u8>);
    let flip = |bytes: &mut Vec<u8>| {
        for place in 0..bytes.len() {
            if bytes[place..].starts_with(b"Version: ") {
                bytes[place + b"Version: ".len()] ^= 1;
            }
        }
    };
    let damages: [(&str, Damage); 3] = [
        ("another version", flip),
        ("cut off", |bytes| bytes.truncate(bytes.len() / 2)),
        ("lost", Vec::clear),
    ];
    for (what, damage) in damages {
        let texts = index_texts(&context);
        assert_eq!(texts.len(), 2, "of two pockets");
        for path in &texts {
            let mut text = fs::read(path).unwrap();
            damage(&mut text);
            match text.is_empty() {
                true => fs::remove_file(path).unwrap(),
                false => fs::write(path, text).unwrap(),
            }
        }
        for kind in ["image", "solution"] {
            fs::remove_dir_all(context.store().join("keys").join(kind)).unwrap();
        }
        fs::remove_file(&archive).unwrap();
        let (again, said) = build();
        assert_eq!(again, digest, "{what}");
        assert!(fs::read(&archive).unwrap() == bytes, "{what}");
        let is_told = said.contains("2 files of the store were damaged, and were made again");
        assert_eq!(is_told, what != "lost", "{what}: {said}");
        assert_eq!(index_texts(&context), texts, "{what}");
        context.run_bare(&["cache", "verify"]);
    }
}

#[test]
fn a_build_that_fails_keeps_the_store_to_its_size() {
    let context = Context::new();
    context.define("{name: app, from: base, files: [{path: /bin/sh, text: x, mode: \"0755\"}]}");
    let used = || {
        let info = context.run_bare(&["cache", "info", "--format", "json"]);
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        info["total"]["bytes"].as_u64().unwrap()
    };
    context.fails(&["build", "app.yaml"]);
    let before = used();
    assert!(before > 100_000, "{before}");
    context.fails(&["build", "app.yaml", "--refresh", "--store-limit", "20kB"]);
    assert!(used() <= 20_000, "{}", used());
}

/// The number of a user who is not root.
const NOBODY: u32 = 65534;

/// As a store that root used, too: what another owner has and does not show is fetched again.
#[test]
fn what_may_not_be_read_is_fetched_again() {
    let context = Context::new();
    let digest = built(&context, &BUILD).0;
    fs::remove_file(archive(&context)).unwrap();
    let is_root = fs::metadata(context.store()).unwrap().uid() == 0;
    let mut folders = vec![context.work().parent().unwrap().to_owned()];
    let mut blobs = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.starts_with(context.store().join("blobs")) {
                blobs += 1;
                fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
            } else if is_root {
                chown(&path, Some(NOBODY), None).unwrap();
            }
        }
        // Of half of the directories with blobs nobody else may write to, either.
        let stays = folder
            .parent()
            .is_some_and(|parent| parent.ends_with("blobs"))
            && folder
                .to_string_lossy()
                .ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']);
        if is_root && !stays {
            chown(&folder, Some(NOBODY), None).unwrap();
        }
    }
    assert!(blobs > 10, "{blobs}");
    let mut command = context.command(&BUILD);
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), digest);
}
