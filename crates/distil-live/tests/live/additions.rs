//! Popular packages added by one line: each builds with its whole closure, runs, and brings no shell.
//!
//! What cannot be had without a word about it (a helper in Perl, a library for a screen)
//! carries that word in its row, as a user would have to.

use distil_live::{Context, Engine};
use serde_json::Value;

/// Perl is a dependency of programs whose helper scripts are written in it.
const NO_PERL: [&str; 2] = ["--without", "perl=only helper scripts are written in it"];

/// What Debian's Java without a screen asks for all the same.
pub(crate) const JAVA_WITHOUT_A_SCREEN: [&str; 8] = [
    "--excuse",
    "libfreetype.so.6=fonts, which nothing draws without a screen",
    "--excuse",
    "libharfbuzz.so.0=fonts, which nothing draws without a screen",
    "--excuse",
    "libasound.so.2=sound, which a container has not",
    "--without",
    "util-linux=only its maintainer script runs it",
];

/// An addition to an image of the catalogue, for trixie on amd64, and what shows that it works.
struct Addition {
    /// Of the test, and of the image in the engine.
    name: &'static str,
    /// The image of the catalogue that it is added to.
    base: &'static str,
    packages: &'static [&'static str],
    /// Further options of `distil build`.
    options: &'static [&'static str],
    /// The image's entrypoint; where there is none, the one of the base stays.
    entrypoint: Option<&'static str>,
    /// What a container is given.
    arguments: &'static [&'static str],
    /// Has to be in what the container prints.
    expected: &'static str,
}

impl Addition {
    /// The arguments of `distil` that name the image, after `build` or `show`.
    fn arguments(&self) -> Vec<&'static str> {
        let mut all = vec![self.base, "--suite", "trixie", "--platform", "linux/amd64"];
        for package in self.packages {
            all.extend(["--add", package]);
        }
        all.extend(self.options);
        if let Some(entrypoint) = self.entrypoint {
            all.extend(["--entrypoint", entrypoint]);
        }
        all
    }

    /// Builds the image, runs its program in Docker, and looks for a way into a shell.
    #[track_caller]
    fn check(&self) {
        let context = Context::new();
        let tag = format!("distil-test/add-{}:live", self.name);
        let mut build = vec!["build"];
        build.extend(self.arguments());
        build.extend(["-t", &tag, "-o", "oci-archive:added.tar"]);
        context.distil(build).success();
        let Some(docker) = Engine::Docker.get() else {
            return;
        };
        let image = docker.load(&context.path("added.tar"));
        docker
            .container(&image)
            .args(self.arguments.iter().copied())
            .output()
            .success()
            .mentions(self.expected);
        for shell in ["/bin/sh", "sh", "/bin/bash", "/bin/dash"] {
            let ran = docker
                .container(&image)
                .entrypoint(shell)
                .args(["-c", "echo a shell ran"])
                .output();
            assert!(!ran.all().contains("\na shell ran"), "{}", ran.report());
            // 127: the engine found no such program. Any other status would be a program's own.
            ran.exits_with(127);
        }
    }
}

/// Makes a test of each row:
/// `name: base + [packages] with [options], "program" [arguments] => "text in the output";`
macro_rules! additions {
    ($($name:ident: $base:literal + $packages:tt with $options:expr, $entrypoint:expr, $arguments:tt => $expected:literal;)+) => {
        $(
            #[test]
            fn $name() {
                Addition {
                    name: stringify!($name),
                    base: $base,
                    packages: &$packages,
                    options: &$options,
                    entrypoint: $entrypoint,
                    arguments: &$arguments,
                    expected: $expected,
                }
                .check();
            }
        )+
    };
}

additions! {
    libpq5: "python3" + ["libpq5"] with [], None, [
        "-c", "import ctypes; print('libpq', ctypes.CDLL('libpq.so.5').PQlibVersion())",
    ] => "libpq 17";
    libmariadb3: "python3" + ["libmariadb3"] with [], None, [
        "-c",
        "import ctypes; info = ctypes.CDLL('libmariadb.so.3').mysql_get_client_info; \
         info.restype = ctypes.c_char_p; print('client', info().decode())",
    ] => "client 3.";
    libmagic1t64: "python3" + ["libmagic1t64"] with [], None, [
        "-c",
        "import ctypes; m = ctypes.CDLL('libmagic.so.1'); m.magic_open.restype = ctypes.c_void_p; \
         m.magic_file.restype = ctypes.c_char_p; c = ctypes.c_void_p(m.magic_open(0)); \
         print(m.magic_load(c, None), m.magic_file(c, b'/usr/bin/python3.13').decode())",
    ] => "0 ELF 64-bit LSB";
    curl: "base" + ["curl"] with [], Some("/usr/bin/curl"), ["--version"] => "OpenSSL/3.";
    wget: "base" + ["wget"] with [], Some("/usr/bin/wget"), ["--version"] => "GNU Wget 1.";
    git: "base" + ["git"] with NO_PERL, Some("/usr/bin/git"), ["--version"] => "git version 2.";
    imagemagick: "base" + ["imagemagick"] with [], Some("/usr/bin/magick"), ["--version"]
        => "Version: ImageMagick 7.";
    ffmpeg: "base" + ["ffmpeg"] with [], Some("/usr/bin/ffmpeg"), ["-version"] => "ffmpeg version 7";
    // Looks for `www-data`, for its logs, and for what is enabled by links.
    nginx: "base" + ["nginx"] with [], Some("/usr/sbin/nginx"), ["-t"] => "test is successful";
    // As the user that a script of its packages adds.
    redis_server: "base" + ["redis-server"] with ["--user", "redis"], Some("/usr/bin/redis-server"),
        ["--version"] => "Redis server v=8.";
    memcached: "base" + ["memcached"] with NO_PERL, Some("/usr/bin/memcached"), ["--version"]
        => "memcached 1.";
    haproxy: "base" + ["haproxy"] with [], Some("/usr/sbin/haproxy"),
        ["-c", "-V", "-f", "/etc/haproxy/haproxy.cfg"] => "Configuration file is valid";
    tesseract_ocr: "base" + ["tesseract-ocr"] with [], Some("/usr/bin/tesseract"), ["--version"]
        => "tesseract 5.";
    // Without its data the program would print a version and be of no use.
    tesseract_ocr_languages: "base" + ["tesseract-ocr"] with [], Some("/usr/bin/tesseract"),
        ["--list-langs"] => "\neng\n";
    openssh_client: "base" + ["openssh-client"] with [], Some("/usr/bin/ssh"), ["-V"] => "OpenSSH_10.";
    postgresql_client: "base" + ["postgresql-client-17"] with [
        "--without", "postgresql-client-common=wrappers in Perl; the program is run by its own path",
    ], Some("/usr/lib/postgresql/17/bin/psql"), ["--version"] => "psql (PostgreSQL) 17";
    sqlite3: "base" + ["sqlite3"] with [], Some("/usr/bin/sqlite3"),
        [":memory:", "select 'version ' || sqlite_version()"] => "version 3.";
    jq: "base" + ["jq"] with [], Some("/usr/bin/jq"), ["--version"] => "jq-1.";
    rsync: "base" + ["rsync"] with [], Some("/usr/bin/rsync"), ["--version"] => "rsync  version 3.";
    graphviz: "base" + ["graphviz"] with [], Some("/usr/bin/dot"), ["-V"] => "dot - graphviz version 2.";
    ghostscript: "base" + ["ghostscript"] with [], Some("/usr/bin/gs"), ["--version"] => "10.";
    poppler_utils: "base" + ["poppler-utils"] with [], Some("/usr/bin/pdftotext"), ["-v"]
        => "pdftotext version 25.";
    gpg: "base" + ["gpg"] with [], Some("/usr/bin/gpg"), ["--version"] => "gpg (GnuPG) 2.";
    unzip: "base" + ["unzip"] with [], Some("/usr/bin/unzip"), ["-v"] => "UnZip 6.";
    openjdk_21_jre_headless: "base" + ["openjdk-21-jre-headless"] with JAVA_WITHOUT_A_SCREEN,
        Some("/usr/bin/java"), ["-version"] => "openjdk version \"21.";
    // What scripts of packages register or switch on.
    pyodbc: "python3" + ["python3-pyodbc", "odbc-postgresql"] with [], None, [
        "-c", "import pyodbc; print(pyodbc.drivers())",
    ] => "['PostgreSQL ANSI', 'PostgreSQL Unicode']";
    php_modules: "cc" + ["php8.4-cli", "php8.4-mbstring"] with [], Some("/usr/bin/php8.4"), ["-r", "echo mb_strtoupper('grüße'), ' ', PDO::class;"] => "GRÜSSE PDO";
    // A picture whose type is known by its content, of which GLib knows by a cache, too.
    image_loaders: "python3" + ["libgdk-pixbuf-2.0-0", "librsvg2-common"] with [], None, [
        "-c",
        "import ctypes; p = ctypes.CDLL('libgdk_pixbuf-2.0.so.0'); f = p.gdk_pixbuf_new_from_file; \
         f.restype = ctypes.c_void_p; g = p.gdk_pixbuf_get_width; g.argtypes = [ctypes.c_void_p]; \
         t = '<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"37\" height=\"9\"/>'; \
         open('/tmp/x', 'w').write(t); print('wide', g(f(b'/tmp/x', None)))",
    ] => "wide 37";
    ripgrep: "base" + ["ripgrep"] with [], Some("/usr/bin/rg"), ["--version"] => "ripgrep 14.";
    bind9_dnsutils: "base" + ["bind9-dnsutils"] with [], Some("/usr/bin/dig"), ["-v"] => "DiG 9.";
}

/// Fails unless `show` says that a script of a package would have done this, and that nobody did.
#[track_caller]
fn is_missing(shown: &Value, package: &str, script: &str, what: &str) {
    let of_package = shown["scripts_not_run"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|scripts| scripts["package"] == package)
        .unwrap_or_else(|| panic!("`show` lists no scripts of {package}: {shown:#}"));
    let missing = of_package["missing"].as_array().unwrap();
    assert!(
        missing
            .iter()
            .any(|missing| missing["script"] == script && missing["what"] == what),
        "{package}: the {script} that {what} is not in {of_package:#}"
    );
}

/// What `show` says of an image of the catalogue with one more package.
#[track_caller]
fn shown(base: &str, package: &str) -> Value {
    Context::new()
        .distil([
            "show",
            base,
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
            "--add",
            package,
            "--format",
            "json",
        ])
        .success()
        .json()
}

/// What these do is all done, as the rows above show.
#[test]
fn nothing_is_missing_of_the_scripts_of_daemons() {
    for package in ["haproxy", "nginx", "redis-server"] {
        let shown = shown("base", package);
        for scripts in shown["scripts_not_run"].as_array().unwrap() {
            assert_eq!(scripts["missing"], serde_json::json!([]), "{scripts:#}");
        }
    }
}

#[test]
fn what_scripts_would_have_done_is_listed() {
    is_missing(
        &shown("base", "mariadb-common"),
        "mariadb-common",
        "postinst",
        "runs `/usr/share/mysql-common/configure-symlinks install mariadb /etc/mysql/mariadb.cnf`",
    );
}
