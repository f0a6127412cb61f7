//! What the words of a language's runtime mean: which of them is the program that it runs, and what
//! else they have it load.
//!
//! From the manuals of each (python(1), `node --help`, `java --help`, perlrun(1), `php --help`,
//! ruby(1), `dotnet --help`). Of an option that nobody knows here it is not said what comes behind it.

use super::basename;

/// A language's runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// .NET's host.
    DotNet,
    /// Java's launcher.
    Java,
    /// Node.js.
    Node,
    /// Perl.
    Perl,
    /// PHP.
    Php,
    /// Python.
    Python,
    /// Ruby.
    Ruby,
}

impl Runtime {
    /// The runtime that a program is by its name, with a version behind it or not.
    pub fn of(word: &str) -> Option<Self> {
        let name = basename(word);
        let stem = name.strip_suffix('t').unwrap_or(name);
        let is_version = |c: char| c.is_ascii_digit() || c == '.';
        Some(match stem.trim_end_matches(is_version) {
            "python" | "pypy" => Self::Python,
            "java" => Self::Java,
            "perl" => Self::Perl,
            "php" => Self::Php,
            "ruby" => Self::Ruby,
            _ => match name {
                "node" | "nodejs" => Self::Node,
                "dotnet" => Self::DotNet,
                _ => return None,
            },
        })
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::DotNet => ".NET",
            Self::Java => "Java",
            Self::Node => "Node.js",
            Self::Perl => "Perl",
            Self::Php => "PHP",
            Self::Python => "Python",
            Self::Ruby => "Ruby",
        }
    }
}

/// What a runtime runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A file by its path: a script, or an assembly.
    File(&'a str),
    /// A module of Python (`-m`).
    Module(&'a str),
    /// A jar (`-jar`).
    Jar(&'a str),
    /// A class of the class path.
    Class(&'a str),
    /// Code in the word itself (`-c`, `-e`).
    Code(&'a str),
}

/// What a runtime loads beside its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra<'a> {
    /// A module that Node.js loads first: by a path or by a name.
    NodeModule(&'a str),
    /// A file that the runtime does not start without.
    File(&'a str),
    /// Java's class path.
    ClassPath(&'a str),
}

/// The words of a runtime, read as it reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// The runtime.
    pub runtime: Runtime,
    /// What it runs, if that is known.
    pub target: Option<Target<'a>>,
    /// The word that the target is.
    pub at: Option<usize>,
    /// What it loads beside it, each with the word by which that is asked for.
    pub extras: Vec<(&'a str, Extra<'a>)>,
    /// The word at which the arguments of the target begin, if there is a target.
    pub rest: Option<usize>,
    /// Whether Python looks for modules neither in the directory it is started in nor where
    /// variables say (`-I`), or not in the first (`-P`).
    pub is_isolated: bool,
}

/// How a word of a runtime is to be taken.
enum Meaning<'a> {
    /// An option, complete.
    Option,
    /// An option whose value is the next word.
    Value,
    /// An option that says something to be loaded.
    Extra(Extra<'a>),
    /// The same, with the value in the next word.
    ExtraNext(fn(&'a str) -> Extra<'a>),
    /// The next word is the target.
    TargetNext(fn(&'a str) -> Target<'a>),
    /// The target itself.
    Target(Target<'a>),
    /// Nothing that can be known from here on.
    Unknown,
}

impl<'a> Invocation<'a> {
    /// Reads words of which the first is a runtime's name.
    pub fn of(words: &'a [String]) -> Option<Self> {
        let runtime = Runtime::of(words.first()?)?;
        let mut invocation = Self {
            runtime,
            target: None,
            at: None,
            extras: Vec::new(),
            rest: None,
            is_isolated: false,
        };
        let mut at = 1;
        while let Some(word) = words.get(at) {
            let next = words.get(at + 1).map(String::as_str);
            let flags = word.strip_prefix('-').unwrap_or_default();
            if runtime == Runtime::Python && !flags.starts_with('-') {
                invocation.is_isolated |= flags.contains(['I', 'P']);
            }
            let (target, place) = match meaning(runtime, word) {
                Meaning::Option => {
                    at += 1;
                    continue;
                }
                Meaning::Value => {
                    at += 2;
                    continue;
                }
                Meaning::Extra(extra) => {
                    invocation.extras.push((word, extra));
                    at += 1;
                    continue;
                }
                Meaning::ExtraNext(extra) => {
                    invocation
                        .extras
                        .extend(next.map(|next| (word.as_str(), extra(next))));
                    at += 2;
                    continue;
                }
                Meaning::TargetNext(target) => (next.map(target), at + 1),
                Meaning::Target(target) => (Some(target), at),
                Meaning::Unknown => break,
            };
            invocation.target = target;
            invocation.at = target.map(|_| place);
            invocation.rest = target.map(|_| place + 1);
            break;
        }
        Some(invocation)
    }

    /// The class path that it is given, if it is.
    pub fn class_path(&self) -> Option<&'a str> {
        let paths = self.extras.iter().rev();
        let mut paths = paths.filter_map(|(_, extra)| match extra {
            Extra::ClassPath(path) => Some(*path),
            _ => None,
        });
        paths.next()
    }
}

/// What options in a variable, such as `NODE_OPTIONS`, have a runtime load.
pub fn extras_of_options(runtime: Runtime, options: &[String]) -> Vec<(&str, Extra<'_>)> {
    let mut extras = Vec::new();
    let mut at = 0;
    while let Some(word) = options.get(at) {
        at += 1;
        match meaning(runtime, word) {
            Meaning::Extra(extra) => extras.push((word.as_str(), extra)),
            Meaning::ExtraNext(extra) => {
                extras.extend(options.get(at).map(|next| (word.as_str(), extra(next))));
                at += 1;
            }
            Meaning::Value => at += 1,
            _ => {}
        }
    }
    extras
}

fn meaning(runtime: Runtime, word: &str) -> Meaning<'_> {
    match runtime {
        Runtime::Python => python(word),
        Runtime::Node => node(word),
        Runtime::Java => java(word),
        Runtime::Perl => perl(word),
        Runtime::Php => php(word),
        Runtime::Ruby => ruby(word),
        Runtime::DotNet => dotnet(word),
    }
}

/// A word that is not an option, and what it means otherwise. `-` is standard input.
fn operand(word: &str) -> Option<Meaning<'_>> {
    match word {
        "-" => Some(Meaning::Unknown),
        _ if word.starts_with('-') => None,
        _ => Some(Meaning::Target(Target::File(word))),
    }
}

fn python(word: &str) -> Meaning<'_> {
    if let Some(meaning) = operand(word) {
        return meaning;
    }
    if let Some(long) = word.strip_prefix("--") {
        return match long {
            "check-hash-based-pycs" => Meaning::Value,
            _ => Meaning::Unknown,
        };
    }
    for (at, letter) in word.char_indices().skip(1) {
        let rest = word.get(at + 1..).unwrap_or_default();
        match letter {
            'c' if rest.is_empty() => return Meaning::TargetNext(Target::Code),
            'c' => return Meaning::Target(Target::Code(rest)),
            'm' if rest.is_empty() => return Meaning::TargetNext(Target::Module),
            'm' => return Meaning::Target(Target::Module(rest)),
            'W' | 'X' if rest.is_empty() => return Meaning::Value,
            'W' | 'X' => return Meaning::Option,
            'V' | 'h' | '?' => return Meaning::Unknown,
            _ => {}
        }
    }
    Meaning::Option
}

/// Options of Node.js with a value in the next word that is not a file to be loaded.
const NODE_VALUES: [&str; 22] = [
    "-C",
    "--conditions",
    "--cpu-prof-dir",
    "--cpu-prof-name",
    "--diagnostic-dir",
    "--disable-warning",
    "--dns-result-order",
    "--env-file-if-exists",
    "--es-module-specifier-resolution",
    "--experimental-default-type",
    "--heap-prof-dir",
    "--heap-prof-name",
    "--icu-data-dir",
    "--input-type",
    "--localstorage-file",
    "--max-http-header-size",
    "--redirect-warnings",
    "--title",
    "--tls-cipher-list",
    "--trace-event-categories",
    "--unhandled-rejections",
    "--watch-path",
];

/// Options of Node.js without a value, and what many of them begin with.
const NODE_FLAGS: [&str; 28] = [
    "--abort-on-uncaught-exception",
    "--allow-",
    "--cpu-prof",
    "--disallow-",
    "--enable-",
    "--entry-url",
    "--experimental-",
    "--expose-",
    "--force-",
    "--frozen-intrinsics",
    "--harmony",
    "--heap-prof",
    "--huge-max-old-generation-size",
    "--insecure-http-parser",
    "--inspect",
    "--interpreted-frames-native-stack",
    "--jitless",
    "--no-",
    "--node-memory-debug",
    "--pending-deprecation",
    "--preserve-symlinks",
    "--prof",
    "--report-",
    "--throw-deprecation",
    "--tls-m",
    "--trace-",
    "--use-",
    "--watch",
];

fn node(word: &str) -> Meaning<'_> {
    if let Some(meaning) = operand(word) {
        return meaning;
    }
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    match (name, value) {
        ("-r" | "--require" | "--import" | "--loader" | "--experimental-loader", Some(value)) => {
            Meaning::Extra(Extra::NodeModule(value))
        }
        ("-r" | "--require" | "--import" | "--loader" | "--experimental-loader", None) => {
            Meaning::ExtraNext(Extra::NodeModule)
        }
        ("--env-file", Some(value)) => Meaning::Extra(Extra::File(value)),
        ("--env-file" | "--openssl-config", None) => Meaning::ExtraNext(Extra::File),
        ("-e" | "--eval" | "-p" | "--print" | "-pe", None) => Meaning::TargetNext(Target::Code),
        ("-e" | "--eval" | "-p" | "--print", Some(value)) => Meaning::Target(Target::Code(value)),
        ("-c" | "--check" | "-i" | "--interactive" | "--test" | "--run" | "--", _) => {
            Meaning::Unknown
        }
        (_, Some(_)) => Meaning::Option,
        _ if NODE_VALUES.contains(&name) => Meaning::Value,
        _ if NODE_FLAGS.iter().any(|start| name.starts_with(start)) => Meaning::Option,
        _ => Meaning::Unknown,
    }
}

fn java(word: &str) -> Meaning<'_> {
    for start in ["-javaagent:", "-agentpath:"] {
        if let Some(value) = word.strip_prefix(start) {
            let path = value.split('=').next().unwrap_or(value);
            return Meaning::Extra(Extra::File(path));
        }
    }
    if let Some(value) = word.strip_prefix("--class-path=") {
        return Meaning::Extra(Extra::ClassPath(value));
    }
    match word {
        "-cp" | "-classpath" | "--class-path" => Meaning::ExtraNext(Extra::ClassPath),
        "-jar" => Meaning::TargetNext(Target::Jar),
        "-p"
        | "--module-path"
        | "--upgrade-module-path"
        | "--add-modules"
        | "--limit-modules"
        | "--add-reads"
        | "--add-exports"
        | "--add-opens"
        | "--patch-module"
        | "--enable-native-access" => Meaning::Value,
        "-m" | "--module" | "-d" | "--describe-module" | "--source" => Meaning::Unknown,
        _ if word.starts_with('@') => Meaning::Unknown,
        _ if word.starts_with('-') => Meaning::Option,
        // A file of source text is compiled in memory.
        _ if word.ends_with(".java") => Meaning::Target(Target::File(word)),
        _ => Meaning::Target(Target::Class(word)),
    }
}

fn perl(word: &str) -> Meaning<'_> {
    if let Some(meaning) = operand(word) {
        return meaning;
    }
    match word.get(1..2).unwrap_or_default() {
        "I" if word.len() == 2 => Meaning::Value,
        "I" | "M" | "m" | "W" | "w" | "T" | "t" | "C" | "D" | "d" => Meaning::Option,
        "e" | "E" if word.len() == 2 => Meaning::TargetNext(Target::Code),
        _ => Meaning::Unknown,
    }
}

fn php(word: &str) -> Meaning<'_> {
    if let Some(meaning) = operand(word) {
        return meaning;
    }
    match word {
        "-d" | "--define" | "-z" | "--zend-extension" => Meaning::Value,
        "-c" | "--php-ini" => Meaning::Value,
        "-f" | "--file" => Meaning::TargetNext(Target::File),
        "-r" | "--run" => Meaning::TargetNext(Target::Code),
        "-n" | "-q" | "-C" => Meaning::Option,
        _ if word.starts_with("-d") => Meaning::Option,
        _ => Meaning::Unknown,
    }
}

fn ruby(word: &str) -> Meaning<'_> {
    if let Some(meaning) = operand(word) {
        return meaning;
    }
    match word {
        "-I" | "-E" | "--encoding" | "-r" => Meaning::Value,
        "-e" => Meaning::TargetNext(Target::Code),
        "-w" | "-W" | "-d" | "--yjit" | "--jit" | "-U" => Meaning::Option,
        _ if word.starts_with("-I") || word.starts_with("-r") || word.starts_with("-W") => {
            Meaning::Option
        }
        _ if word.starts_with("--enable") || word.starts_with("--disable") => Meaning::Option,
        _ if word.starts_with("--yjit-") => Meaning::Option,
        _ => Meaning::Unknown,
    }
}

fn dotnet(word: &str) -> Meaning<'_> {
    match word {
        "exec" => Meaning::Option,
        "--depsfile" | "--runtimeconfig" => Meaning::ExtraNext(Extra::File),
        "--additionalprobingpath" | "--fx-version" | "--roll-forward" | "--additional-deps" => {
            Meaning::Value
        }
        // What is no assembly is a command of the SDK.
        _ if word.ends_with(".dll") || word.ends_with(".exe") => {
            Meaning::Target(Target::File(word))
        }
        _ => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_is_run() {
        let target = |text: &str, expected: Option<Target<'_>>| {
            let words = words(text);
            assert_eq!(Invocation::of(&words).unwrap().target, expected, "{text}");
        };
        target("python3 -u app.py -m x", Some(Target::File("app.py")));
        target(
            "python3.13 -um gunicorn app",
            Some(Target::Module("gunicorn")),
        );
        target(
            "/v/bin/python -W ignore -X dev -mhttp.server",
            Some(Target::Module("http.server")),
        );
        target("python3 -Bc pass", Some(Target::Code("pass")));
        target("python3 -", None);
        target("python3.14t x.py", Some(Target::File("x.py")));
        target(
            "node --enable-source-maps -r ./a.js app.js",
            Some(Target::File("app.js")),
        );
        target(
            "node --max-old-space-size=64 app.js",
            Some(Target::File("app.js")),
        );
        target("node --title x app.js", Some(Target::File("app.js")));
        target("node --nobody-knows x app.js", None);
        target("node -e 1", Some(Target::Code("1")));
        target("java -Xmx1g -jar app.jar x", Some(Target::Jar("app.jar")));
        target("java -cp a:b com.x.Main", Some(Target::Class("com.x.Main")));
        target("java @args Main", None);
        target("perl -w -I lib x.pl", Some(Target::File("x.pl")));
        target("php -d a=b x.php", Some(Target::File("x.php")));
        target("ruby -rbundler/setup x.rb", Some(Target::File("x.rb")));
        target("dotnet exec app.dll", Some(Target::File("app.dll")));
        target("dotnet run", None);
        assert_eq!(Invocation::of(&words("/app/run x")), None);
    }

    #[test]
    fn what_else_is_loaded() {
        let words = words("java -javaagent:/o/a.jar=x -cp /a:/b -agentpath:/o/l.so Main");
        let invocation = Invocation::of(&words).unwrap();
        let extras: Vec<Extra<'_>> = invocation.extras.iter().map(|(_, extra)| *extra).collect();
        assert_eq!(
            extras,
            [
                Extra::File("/o/a.jar"),
                Extra::ClassPath("/a:/b"),
                Extra::File("/o/l.so"),
            ]
        );
        assert_eq!(invocation.class_path(), Some("/a:/b"));
        let options = super::super::split("--require ./t.js --import=otel/x --title '-r y'");
        let extras = extras_of_options(Runtime::Node, &options);
        let extras: Vec<Extra<'_>> = extras.into_iter().map(|(_, extra)| extra).collect();
        assert_eq!(
            extras,
            [Extra::NodeModule("./t.js"), Extra::NodeModule("otel/x")]
        );
    }
}
