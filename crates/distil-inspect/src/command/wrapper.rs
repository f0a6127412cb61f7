//! Wrappers: programs that start another one, which their arguments name. `tini -- python3 app.py`
//! is a matter of Python.

/// How the arguments of a wrapper are read, up to the program that it starts.
struct Wrapper {
    names: &'static [&'static str],
    /// Short options that have a value, behind the letter or in the next word.
    short: &'static str,
    /// Long options that have a value, in the next word if there is no `=`.
    long: &'static [&'static str],
    /// How many operands come before the program, such as gosu's user.
    operands: usize,
}

/// From the manuals of each: init programs for containers, what changes users or limits, and those
/// of coreutils and util-linux that execute the rest of their arguments.
const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["tini", "tini-static", "docker-init"],
        short: "pe",
        long: &[],
        operands: 0,
    },
    Wrapper {
        names: &["dumb-init"],
        short: "r",
        long: &["rewrite"],
        operands: 0,
    },
    Wrapper {
        names: &["catatonit", "nohup", "setsid", "pid1", "linux64"],
        short: "",
        long: &[],
        operands: 0,
    },
    Wrapper {
        names: &["gosu", "su-exec", "s6-setuidgid", "setuidgid"],
        short: "",
        long: &[],
        operands: 1,
    },
    Wrapper {
        names: &["setpriv"],
        short: "",
        long: &[
            "ambient-caps",
            "apparmor-profile",
            "bounding-set",
            "egid",
            "euid",
            "groups",
            "inh-caps",
            "landlock-access",
            "landlock-rule",
            "pdeathsig",
            "ptracer",
            "regid",
            "reuid",
            "rgid",
            "ruid",
            "seccomp-filter",
            "securebits",
            "selinux-label",
        ],
        operands: 0,
    },
    Wrapper {
        names: &["env"],
        short: "uCa",
        long: &["argv0", "chdir", "unset"],
        operands: 0,
    },
    Wrapper {
        names: &["nice"],
        short: "n",
        long: &["adjustment"],
        operands: 0,
    },
    Wrapper {
        names: &["ionice"],
        short: "cn",
        long: &["class", "classdata"],
        operands: 0,
    },
    Wrapper {
        names: &["stdbuf"],
        short: "ioe",
        long: &["error", "input", "output"],
        operands: 0,
    },
    Wrapper {
        names: &["timeout"],
        short: "ks",
        long: &["kill-after", "signal"],
        operands: 1,
    },
    Wrapper {
        names: &["taskset"],
        short: "",
        long: &[],
        operands: 1,
    },
    Wrapper {
        names: &["prlimit"],
        short: "",
        long: &[],
        operands: 0,
    },
];

/// What a wrapper starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    /// The words of the program: its name and its arguments.
    pub(super) words: Vec<String>,
    /// The first of the wrapper's own words that these are, if they are the rest of them.
    pub(super) at: Option<usize>,
}

/// What a command starts if its first word is a wrapper's name. With no program among its arguments
/// the words are empty. Nothing if it is no known wrapper.
pub(super) fn started(name: &str, words: &[String]) -> Option<Started> {
    let wrapper = WRAPPERS.iter().find(|one| one.names.contains(&name))?;
    let is_env = name == "env";
    let mut at = 1;
    while let Some(word) = words.get(at) {
        if word == "--" {
            at += 1;
            break;
        }
        if is_env && let Some((string, next)) = split_string(words, at) {
            return Some(started_by_string(
                &string,
                words.get(next..).unwrap_or_default(),
            ));
        }
        if let Some(long) = word.strip_prefix("--") {
            at += if wrapper.long.contains(&long) { 2 } else { 1 };
        } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            let valued = letters.find(|c| wrapper.short.contains(c));
            let takes_next = valued.is_some_and(|place| place + 1 == letters.len());
            at += if takes_next { 2 } else { 1 };
        } else {
            break;
        }
    }
    at += wrapper.operands;
    if is_env {
        // `-` alone is `-i`.
        let is_setting = |word: &String| word == "-" || word.find('=').is_some_and(|at| at > 0);
        at += words
            .iter()
            .skip(at)
            .take_while(|word| is_setting(word))
            .count();
    }
    Some(Started {
        words: words.get(at..).unwrap_or_default().to_vec(),
        at: Some(at).filter(|at| *at < words.len()),
    })
}

/// The string of env's `-S`, and where the words behind it begin.
fn split_string(words: &[String], at: usize) -> Option<(String, usize)> {
    let word = words.get(at)?;
    if let Some(string) = word.strip_prefix("--split-string=") {
        return Some((string.to_owned(), at + 1));
    }
    if word == "--split-string" {
        return Some((words.get(at + 1)?.clone(), at + 2));
    }
    let letters = word
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))?;
    let (before, string) = letters.split_once('S')?;
    if !before.chars().all(|c| "iv0".contains(c)) {
        return None;
    }
    match string.is_empty() {
        true => Some((words.get(at + 1)?.clone(), at + 2)),
        false => Some((string.to_owned(), at + 1)),
    }
}

fn started_by_string(string: &str, rest: &[String]) -> Started {
    let mut words = vec!["env".to_owned()];
    words.extend(split(string));
    words.extend(rest.iter().cloned());
    let inner = started("env", &words).map(|started| started.words);
    Started {
        words: inner.unwrap_or_default(),
        at: None,
    }
}

/// Words as `env -S`, `NODE_OPTIONS` and `JAVA_TOOL_OPTIONS` have them: between spaces, with quotes
/// of both kinds.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_wrappers_start() {
        for (command, expected) in [
            ("tini -- python3 app.py", "python3 app.py"),
            ("tini -g -p SIGTERM python3 -u", "python3 -u"),
            ("tini -vvpSIGTERM python3", "python3"),
            ("dumb-init --rewrite 15:2 -- node", "node"),
            ("dumb-init -c node x.js", "node x.js"),
            ("gosu www-data nginx -g x", "nginx -g x"),
            ("setpriv --reuid 5 --regid=5 --clear-groups java", "java"),
            ("env -i -u HOME A=1 B= python3 C=2", "python3 C=2"),
            ("env - A=1 python3", "python3"),
            ("env -S python3 -u x", "env-is-asked-below"),
            ("timeout -k 5 10 run", "run"),
            ("nice -n 5 run", "run"),
            ("nice -10 run", "run"),
        ] {
            let list = words(command);
            let name = list[0].clone();
            let started = started(&name, &list).unwrap();
            if expected != "env-is-asked-below" {
                assert_eq!(started.words, words(expected), "{command}");
                let at = started.at.unwrap();
                assert_eq!(list[at..], started.words[..], "{command}");
            }
        }
        assert_eq!(started("python3", &words("python3 x")), None);
        assert!(started("tini", &words("tini --")).unwrap().words.is_empty());
    }

    #[test]
    fn strings_of_env() {
        let line = |first: &str| vec!["env".to_owned(), first.to_owned(), "/app/x".to_owned()];
        for first in ["-S python3 -u", "-Spython3 -u", "-vS A=1 python3 '-u'"] {
            let started = started("env", &line(first)).unwrap();
            assert_eq!(started.words, words("python3 -u /app/x"), "{first}");
            assert_eq!(started.at, None);
        }
    }

    #[test]
    fn words_with_quotes() {
        assert_eq!(split(r#" a "b c"  'd'e "" "#), ["a", "b c", "de", ""]);
    }
}
