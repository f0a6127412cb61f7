//! What packages' scripts and declarations would do, done without running them.

use std::collections::BTreeMap;

use distil_fixture::{DebBuilder, ElfBuilder, Entry};
use distil_tree::tar::MemberKind;
use serde_json::Value;

use crate::context::Context;
use crate::images::{File, files};
use crate::own_definitions::{build, deb, text};

fn link_of(files: &BTreeMap<String, File>, path: &str) -> String {
    match &files
        .get(path)
        .unwrap_or_else(|| panic!("no `{path}`"))
        .kind
    {
        MemberKind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
        other => panic!("`{path}` is {other:?}"),
    }
}

fn owner(files: &BTreeMap<String, File>, path: &str) -> (u64, u64, u32) {
    let file = files.get(path).unwrap_or_else(|| panic!("no `{path}`"));
    (file.uid, file.gid, file.mode)
}

fn postinst(name: &str, script: &str) -> DebBuilder {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    deb(name)
        .executable(&format!("usr/sbin/{name}"), program)
        .script("postinst", &format!("#!/bin/sh\nset -e\n{script}"))
}

/// What is not done of a package's scripts, by `show`.
fn missing(context: &Context, package: &str) -> Vec<String> {
    let shown = context.run(&["show", "--format", "json", "app.yaml"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let scripts = shown["scripts_not_run"].as_array().unwrap();
    let of = scripts.iter().filter(|one| one["package"] == package);
    let missing = of.flat_map(|one| one["missing"].as_array().unwrap());
    missing
        .map(|one| one["what"].as_str().unwrap().to_owned())
        .collect()
}

/// base-files ships directories, and its script makes them links.
#[test]
fn run_and_lock_are_where_they_have_moved() {
    let daemon = deb("daemon").entry(Entry::directory("var/run/daemon").mode(0o750));
    let context = Context::with_packages(vec![daemon]);
    context.run(&["build", "static"]);
    let files = files(&context.work().join("static.tar"));
    assert_eq!(link_of(&files, "var/run"), "/run");
    assert_eq!(link_of(&files, "var/lock"), "/run/lock");
    assert_eq!(files["run/lock"].mode, 0o1777);
    let files = build(&context, "name: app\nfrom: static\npackages: [daemon]\n");
    assert_eq!(owner(&files, "run/daemon"), (0, 0, 0o750));
    assert!(!files.contains_key("var/run/daemon"));
}

#[test]
fn the_time_zone_is_utc_until_a_definition_says_otherwise() {
    let context = Context::new();
    let files = build(&context, "name: app\nfrom: static\n");
    assert_eq!(
        link_of(&files, "etc/localtime"),
        "/usr/share/zoneinfo/Etc/UTC"
    );
    let zone = "/usr/share/zoneinfo/Europe/Berlin";
    let yaml = format!("name: app\nfrom: static\nlinks: {{/etc/localtime: {zone}}}\n");
    assert_eq!(link_of(&build(&context, &yaml), "etc/localtime"), zone);
    let yaml = "name: app\npackages: [base-files]\n";
    assert!(!build(&context, yaml).contains_key("etc/localtime"));
}

/// A program that is told the name of one of base-passwd's accounts looks it up.
#[test]
fn accounts_of_base_passwd_that_are_used() {
    let line = "www-data:x:33:33:www-data:/var/www:/sbin/nologin\n";
    let script = "chown www-data:adm /var/log/web\n";
    let web = postinst("web", script).entry(Entry::directory("var/log/web"));
    let declaring = deb("fpm").file(
        "usr/lib/tmpfiles.d/fpm.conf",
        "d /var/lib/fpm 0750 www-data www-data\n",
    );
    let context = Context::with_packages(vec![web, declaring]);
    for (what, groups) in [
        (
            "directories: [{path: /srv/www, owner: www-data}]",
            "www-data:x:33:\n",
        ),
        ("config: {user: www-data}", "www-data:x:33:\n"),
        ("packages: [web]", "www-data:x:33:\nadm:x:4:\n"),
        ("packages: [fpm]", "www-data:x:33:\n"),
    ] {
        let files = build(&context, &format!("name: app\nfrom: base\n{what}\n"));
        assert!(text(&files, "etc/passwd").ends_with(line), "{what}");
        let group = text(&files, "etc/group");
        assert!(group.ends_with(groups), "{what}: {group}");
    }
    let files = build(&context, "name: app\nfrom: base\npackages: [web]\n");
    assert_eq!(owner(&files, "var/log/web"), (33, 4, 0o755));
    assert_eq!(missing(&context, "web"), Vec::<String>::new());
    for own in [
        "name: app\nfrom: base\n",
        "name: app\nfrom: base\nconfig: {user: \"33\"}\n",
    ] {
        assert!(!text(&build(&context, own), "etc/passwd").contains("www-data"));
    }
}

/// As redis-server and haproxy do it.
#[test]
fn accounts_that_scripts_add() {
    let script = r#"
USER=kv
if [ "$1" = configure ]; then
    if ! getent passwd $USER >/dev/null; then
        adduser --system --home /var/lib/$USER --quiet --group --gecos "Key-value store" $USER
    fi
    addgroup --system kv-socket
    adduser --quiet $USER kv-socket
    for dir in /var/lib/$USER /var/log/$USER; do
        mkdir -p "$dir"
        chown $USER:adm "$dir"
        chmod 2750 "$dir"
    done
    install -d -m 0700 -o $USER -g $USER /var/lib/$USER/private
    chown -R $USER /etc/kv
fi
"#;
    let kv = postinst("kv", script).file("etc/kv/kv.conf", "port 1");
    let script = "useradd -r -g nogroup -d /var/lib/zz -s /bin/false _zz\n\
                  adduser --system --home /usr/bin --ingroup adm odd\n";
    let other = postinst("zz", script);
    let context = Context::with_packages(vec![kv, other]);
    let files = build(&context, "name: app\nfrom: base\npackages: [kv, zz]\n");
    let passwd = text(&files, "etc/passwd");
    assert!(
        passwd.ends_with(
            "kv:x:999:999:Key-value store:/var/lib/kv:/sbin/nologin\n\
             _zz:x:997:65534:_zz:/var/lib/zz:/sbin/nologin\n\
             odd:x:996:4:odd:/usr/bin:/sbin/nologin\n"
        ),
        "{passwd}"
    );
    let group = text(&files, "etc/group");
    assert!(
        group.contains("kv:x:999:\nkv-socket:x:998:kv\nadm:x:4:\n"),
        "{group}"
    );
    assert_eq!(owner(&files, "var/lib/kv"), (999, 4, 0o2750));
    assert_eq!(owner(&files, "var/log/kv"), (999, 4, 0o2750));
    assert_eq!(owner(&files, "var/lib/kv/private"), (999, 999, 0o700));
    assert_eq!(owner(&files, "etc/kv/kv.conf"), (999, 0, 0o644));
    // A home that is there stays as it is, and useradd makes none without `-m`.
    assert_eq!(owner(&files, "usr/bin"), (0, 0, 0o755));
    assert!(!files.contains_key("var/lib/zz"));
    assert_eq!(missing(&context, "kv"), Vec::<String>::new());
    // A number of one's own holds.
    let own = "accounts: {users: [{name: kv, uid: 700}], groups: [{name: kv, gid: 700}]}";
    let files = build(
        &context,
        &format!("name: app\nfrom: base\npackages: [kv]\n{own}\n"),
    );
    assert!(text(&files, "etc/passwd").contains("kv:x:700:700:"));
    assert_eq!(owner(&files, "var/lib/kv"), (700, 4, 0o2750));
}

#[test]
fn links_and_copies_that_are_plain() {
    let script = "\
ucf --three-way --debconf-ok /usr/share/tool/tool.conf /etc/tool/tool.conf
[ -e /etc/tool/more.conf ] || cp -p /usr/share/tool/more.conf /etc/tool
cp /usr/share/tool/tool.conf /etc/hosts.allow/x
ln -sf ../available/one /etc/tool/enabled/one
ln -s /usr/share/nothing /etc/tool/dangling
cp /usr/share/tool/more.conf /etc/tool/mine.conf
chmod 4755 /usr/sbin/tool
";
    let tool = postinst("tool", script)
        .file("usr/share/tool/tool.conf", "shipped")
        .file("usr/share/tool/more.conf", "more")
        .file("etc/tool/mine.conf", "mine")
        .file("etc/tool/available/one", "one")
        .directory("etc/tool/enabled");
    let context = Context::with_packages(vec![tool]);
    let files = build(&context, "name: app\nfrom: base\npackages: [tool]\n");
    assert_eq!(text(&files, "etc/tool/tool.conf"), "shipped");
    assert_eq!(text(&files, "etc/tool/more.conf"), "more");
    // What is there is not replaced.
    assert_eq!(text(&files, "etc/tool/mine.conf"), "mine");
    assert_eq!(link_of(&files, "etc/tool/enabled/one"), "../available/one");
    assert!(!files.contains_key("etc/tool/dangling"));
    assert_eq!(files["usr/sbin/tool"].mode, 0o755);
    insta::assert_snapshot!(missing(&context, "tool").join("\n"), @r"
    runs `cp /usr/share/tool/tool.conf /etc/hosts.allow/x`
    links `/etc/tool/dangling` to `/usr/share/nothing`
    runs `chmod 4755 /usr/sbin/tool`
    ");
}

/// Modules are switched on for every interface, also for one that a layer below has.
#[test]
fn modules_of_php() {
    let cli = postinst(
        "php8.4-cli",
        "ucf /usr/lib/php/8.4/php.ini-production.cli /etc/php/8.4/cli/php.ini\n\
         for mod in $(phpquery -M -v 8.4); do php_invoke enmod 8.4 cli $mod; done\n",
    )
    .file("usr/lib/php/8.4/sapi/cli", "")
    .file(
        "usr/lib/php/8.4/php.ini-production.cli",
        "memory_limit = -1\n",
    )
    .directory("etc/php/8.4/cli/conf.d");
    let module = |name: &str, priority: &str| {
        let script = format!(
            "inidir=/etc/php/8.4/mods-available\nfor dsoname in {name}; do\n\
             ucf /usr/share/php8.4-{name}/{name}/$dsoname.ini ${{inidir}}/$dsoname.ini\n\
             php_invoke enmod 8.4 ALL $dsoname\ndone\n"
        );
        postinst(&format!("php8.4-{name}"), &script)
            .file(
                &format!("usr/share/php8.4-{name}/{name}/{name}.ini"),
                format!("{priority}extension={name}\n"),
            )
            .directory("etc/php/8.4/mods-available")
    };
    let pdo = module("pdo", "; priority=10\n");
    let context = Context::with_packages(vec![cli, pdo, module("mbstring", "")]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [php8.4-cli, php8.4-pdo]\n",
    )
    .unwrap();
    let files = build(
        &context,
        "name: app\nfrom: low.yaml\npackages: [php8.4-mbstring]\n",
    );
    let enabled = "etc/php/8.4/cli/conf.d";
    let available = "/etc/php/8.4/mods-available";
    for (link, module) in [
        ("10-pdo.ini", "pdo.ini"),
        ("20-mbstring.ini", "mbstring.ini"),
    ] {
        let to = format!("{available}/{module}");
        assert_eq!(link_of(&files, &format!("{enabled}/{link}")), to);
    }
    assert_eq!(
        text(&files, "etc/php/8.4/cli/php.ini"),
        "memory_limit = -1\n"
    );
    for package in ["php8.4-cli", "php8.4-pdo", "php8.4-mbstring"] {
        assert_eq!(
            missing(&context, package),
            Vec::<String>::new(),
            "{package}"
        );
    }
}

/// Drivers of ODBC are listed once, and the package's sums stay true.
#[test]
fn drivers_of_odbc() {
    let list = deb("odbc-common").file("etc/odbcinst.ini", "[ODBC]\nTrace = no");
    let driver = |name: &str| {
        let template = format!("/usr/share/{name}/odbcinst.ini");
        let script = format!("odbcinst -i -d -f {template} 1>&2\nodbcinst -i -d -f {template}\n");
        postinst(name, &script).file(&template[1..], format!("[{name}]\nDriver = {name}.so\n"))
    };
    let packages = vec![list, driver("one"), driver("two")];
    let context = Context::with_packages(packages);
    let yaml = "name: app\nfrom: base\npackages: [odbc-common, one, two]\n";
    let files = build(&context, yaml);
    assert_eq!(
        text(&files, "etc/odbcinst.ini"),
        "[ODBC]\nTrace = no\n[one]\nDriver = one.so\n[two]\nDriver = two.so\n"
    );
    let files = build(&context, "name: app\nfrom: base\npackages: [one]\n");
    assert_eq!(text(&files, "etc/odbcinst.ini"), "[one]\nDriver = one.so\n");
    assert_eq!(missing(&context, "one"), Vec::<String>::new());
}

/// What cannot be made is told with what does not work without it, and what to do.
#[test]
fn caches() {
    let script = "/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders \
                  > /usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache\n\
                  update-mime-database /usr/share/mime\n\
                  glib-compile-schemas /usr/share/glib-2.0/schemas\n";
    let loaders = "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders";
    let library = || ElfBuilder::shared("").needed("libc.so.6").build();
    let pixbuf = postinst("pixbuf", script)
        .file(&format!("{loaders}/libpixbufloader_svg.so"), library())
        .file(&format!("{loaders}/libpixbufloader-own.so"), library());
    let context = Context::with_packages(vec![pixbuf]);
    let files = build(&context, "name: app\nfrom: base\npackages: [pixbuf]\n");
    let cache = "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache";
    let cache = text(&files, cache);
    assert!(
        cache.starts_with(&format!(
            "\"/{loaders}/libpixbufloader_svg.so\"\n\"svg\" 6 "
        )),
        "{cache}"
    );
    assert!(!cache.contains("-own"), "{cache}");
    let types = "usr/share/mime/mime.cache";
    assert!(!files.contains_key(types), "nothing describes any");
    insta::assert_snapshot!(missing(&context, "pixbuf").join("\n"), @"runs `glib-compile-schemas /usr/share/glib-2.0/schemas`, without which programs with settings of GSettings end at once; add `/usr/share/glib-2.0/schemas/gschemas.compiled`, made by `glib-compile-schemas /usr/share/glib-2.0/schemas` in the `dev` variant");

    let described = "<mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'>\
                     <mime-type type='image/x-own'><glob pattern='*.own'/></mime-type></mime-info>";
    let own = deb("own").file("usr/share/mime/packages/own.xml", described);
    let context = Context::with_packages(vec![own]);
    let files = build(&context, "name: app\nfrom: base\npackages: [own]\n");
    let cache = String::from_utf8_lossy(&files[types].bytes);
    assert!(cache.contains("image/x-own\0"), "{cache:?}");
}

/// Debian's `/usr/bin/perl` is also `/usr/bin/perl5.40.1`.
#[test]
fn the_other_names_of_the_runtime() {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let perl = deb("perl-base")
        .executable("usr/bin/perl", program)
        .hard_link("usr/bin/perl5.40.1", "usr/bin/perl")
        .symlink("usr/bin/perl5", "perl5.40.1");
    let context = Context::with_packages(vec![perl]);
    let yaml = "name: app\nfrom: base\npackages: [perl-base]\n";
    let yaml = format!("{yaml}config: {{entrypoint: [/usr/bin/perl]}}\n");
    let files = build(&context, &yaml);
    assert!(files.contains_key("usr/bin/perl5.40.1"));
    context.run(&["check", "oci-archive:app.tar"]);
}

/// `ctypes.util.find_library` asks it.
#[test]
fn python3_has_ldconfig() {
    let context = Context::new();
    context.run(&["build", "python3", "--platform", "linux/amd64"]);
    let files = files(&context.work().join("python3.tar"));
    assert!(files.contains_key("usr/sbin/ldconfig"));
    context.run(&["build", "cc", "--platform", "linux/amd64"]);
    let files = crate::images::files(&context.work().join("cc.tar"));
    assert!(!files.contains_key("usr/sbin/ldconfig"));
}

/// Some programs refuse what others accept.
#[test]
fn an_authority_that_strict_programs_refuse() {
    let context = Context::new();
    let pem = include_str!("../../../distil-definition/src/authority/strict.pem");
    std::fs::write(context.work().join("corp.pem"), pem).unwrap();
    context.define("name: app\nfrom: base\ncertificates: {extra: [corp.pem]}\n");
    let output = context.command(&["build", "app.yaml"]).output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    let said = context.stderr(&output);
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    warning: Python 3.13 and later, and other programs that check strictly, refuse the certificate `CN=Fixture CA without key usage` of `corp.pem`: it has no key usage (RFC 5280, 4.2.1.3); have it issued anew with `keyUsage=critical,keyCertSign,cRLSign`
    warning: Python 3.13 and later, and other programs that check strictly, refuse the certificate `CN=Fixture CA with plain constraints` of `corp.pem`: it has basic constraints that are not critical (RFC 5280, 4.2.1.9); have it issued anew with `basicConstraints=critical,CA:TRUE`
    warning: Python 3.13 and later, and other programs that check strictly, refuse the certificate `CN=Fixture CA without identifier` of `corp.pem`: it has no subject key identifier (RFC 5280, 4.2.1.2); have it issued anew with `subjectKeyIdentifier=hash`
    warning: Python 3.13 and later, and other programs that check strictly, refuse the certificate `CN=Fixture CA of version 1` of `corp.pem`: it is of an old version without extensions (RFC 5280, 4.1.2.1); have it issued anew as X.509 v3
    ");
    let checked = context
        .command(&["check", "oci-archive:app.tar"])
        .output()
        .unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains("F607"), "{checked}");
}
