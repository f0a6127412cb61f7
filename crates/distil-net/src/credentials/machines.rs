//! Passwords of archives: apt's `auth.conf` (apt_auth.conf(5)) and the user's netrc (curl(1),
//! "--netrc"; inetutils' netrc(5)), which have the same words and differ in what a machine is.

use std::io;
use std::path::{Path, PathBuf};

use crate::environment::{Environment, parts, read_small};
use crate::error::{CredentialsError, Origin, Withheld};
use crate::secret::Secret;
use crate::url::{Login, Url};

/// The entries of this machine's files, in the order in which they count.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    entries: Vec<Entry>,
    /// Files that this user may not read, as apt's often are.
    unreadable: Vec<PathBuf>,
}

/// What the files know of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// This is sent.
    Login(Login, Origin),
    /// There may be something, but it is not sent.
    Withheld(Withheld),
    /// Nothing.
    Nothing,
}

/// Whose format a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Entries may have a scheme, a port and a path, and are for TLS unless they say otherwise.
    Apt,
    /// Entries have a host, and are for whatever the user asks of it.
    Netrc,
}

#[derive(Debug)]
struct Entry {
    format: Format,
    machine: String,
    login: Login,
    file: PathBuf,
}

impl Machines {
    /// Reads apt's files and the user's.
    ///
    /// # Errors
    /// If the user's own file cannot be read, or one is none of its kind.
    pub(crate) fn read(environment: &Environment) -> Result<Self, CredentialsError> {
        let mut machines = Self::default();
        let apt = environment.etc().join("apt");
        let mut files = vec![apt.join("auth.conf")];
        files.extend(parts(&apt.join("auth.conf.d")));
        for file in files {
            machines.add(&file, Format::Apt)?;
        }
        let netrc = environment
            .path("NETRC")
            .or_else(|| environment.home().map(|home| home.join(".netrc")));
        if let Some(file) = netrc {
            machines.add(&file, Format::Netrc)?;
        }
        Ok(machines)
    }

    fn add(&mut self, file: &Path, format: Format) -> Result<(), CredentialsError> {
        let failed = |error: io::Error| CredentialsError {
            path: file.to_owned(),
            problem: error.to_string(),
        };
        match read_small(file) {
            Ok(Some(bytes)) => {
                let text = String::from_utf8_lossy(&bytes);
                self.entries.extend(entries(&text, format, file));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.unreadable.push(file.to_owned());
                Ok(())
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// What to send to `url`. The first entry counts.
    pub(crate) fn find(&self, url: &Url) -> Known {
        self.find_in(self.entries.iter(), url)
    }

    /// As [`Machines::find`], of apt's files alone.
    pub(crate) fn find_of_apt(&self, url: &Url) -> Known {
        let entries = self.entries.iter();
        self.find_in(entries.filter(|entry| entry.format == Format::Apt), url)
    }

    fn find_in<'a>(&self, entries: impl Iterator<Item = &'a Entry>, url: &Url) -> Known {
        let mut withheld = None;
        for entry in entries {
            match entry.fits(url) {
                Fit::Yes => {
                    let origin = Origin::File(entry.file.clone());
                    return Known::Login(entry.login.clone(), origin);
                }
                Fit::Unencrypted if withheld.is_none() => {
                    withheld = Some(Withheld::Unencrypted(entry.file.clone()));
                }
                Fit::Unencrypted | Fit::No => {}
            }
        }
        let unreadable = || self.unreadable.first().cloned().map(Withheld::Unreadable);
        match withheld.or_else(unreadable) {
            Some(withheld) => Known::Withheld(withheld),
            None => Known::Nothing,
        }
    }
}

enum Fit {
    Yes,
    /// But for the connection, which is not encrypted.
    Unencrypted,
    No,
}

impl Entry {
    fn fits(&self, url: &Url) -> Fit {
        if self.format == Format::Netrc {
            let is_host = self.machine.eq_ignore_ascii_case(url.host());
            return if is_host { Fit::Yes } else { Fit::No };
        }
        let (scheme, place) = match self.machine.split_once("://") {
            Some((scheme, place)) => (Some(scheme), place),
            None => (None, self.machine.as_str()),
        };
        let (server, path) = match place.find('/') {
            Some(slash) => place.split_at(slash),
            None => (place, ""),
        };
        let (host, port) = host_and_port(server);
        let is_place = host.eq_ignore_ascii_case(url.host())
            && port.is_none_or(|port| port == url.port())
            && is_below(url.path(), path);
        match scheme {
            _ if !is_place => Fit::No,
            Some(scheme) if scheme == url.scheme() => Fit::Yes,
            Some(_) => Fit::No,
            None if url.is_tls() => Fit::Yes,
            None => Fit::Unencrypted,
        }
    }
}

/// A port that is not a number is part of a host that does not exist.
fn host_and_port(server: &str) -> (&str, Option<u16>) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (server, None),
        },
        _ => (server, None),
    }
}

/// Whether a path is another, or is in the directory that it is.
fn is_below(path: &str, root: &str) -> bool {
    match path.strip_prefix(root) {
        Some(rest) => {
            root.is_empty() || root.ends_with('/') || rest.is_empty() || rest.starts_with('/')
        }
        None => false,
    }
}

/// The entries of a file; what is incomplete or not understood is none.
fn entries(text: &str, format: Format, file: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut entry: Option<(String, Option<String>, Option<String>)> = None;
    let mut finish = |entry: Option<(String, Option<String>, Option<String>)>| {
        if let Some((machine, Some(user), password)) = entry {
            entries.push(Entry {
                format,
                machine,
                login: Login {
                    user,
                    password: Secret::new(password.unwrap_or_default()),
                },
                file: file.to_owned(),
            });
        }
    };
    let mut words = words(text, format).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => {
                finish(entry.take());
                entry = words.next().map(|machine| (machine, None, None));
            }
            // Of any host: it would hand a password to whoever a definition names as a mirror.
            "default" if format == Format::Netrc => finish(entry.take()),
            "login" => {
                if let (Some((_, user, _)), Some(word)) = (&mut entry, words.next()) {
                    *user = Some(word);
                }
            }
            "password" => {
                if let (Some((_, _, password)), Some(word)) = (&mut entry, words.next()) {
                    *password = Some(word);
                }
            }
            "account" if format == Format::Netrc => drop(words.next()),
            _ => {}
        }
    }
    finish(entry);
    entries
}

/// The words of a file, without comments and macros. A netrc's may be in quotes.
fn words(text: &str, format: Format) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        let line = line.trim();
        if in_macro {
            // A macro ends with an empty line.
            in_macro = !line.is_empty();
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        if format == Format::Apt {
            words.extend(line.split_whitespace().map(str::to_owned));
            continue;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let (word, after) = netrc_word(rest);
            rest = after.trim_start();
            if word == "macdef" {
                in_macro = true;
                break;
            }
            words.push(word);
        }
    }
    words
}

/// A word and what comes after it; in quotes, a backslash takes away a character's meaning.
fn netrc_word(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, after) = text.split_at(end);
        return (word.to_owned(), after);
    };
    let mut word = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (word, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => word.extend(characters.next().map(|(_, c)| c)),
            c => word.push(c),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(text: &str, format: Format) -> Machines {
        Machines {
            entries: entries(text, format, Path::new("f")),
            unreadable: Vec::new(),
        }
    }

    fn found(machines: &Machines, url: &str) -> Option<String> {
        match machines.find(&url.parse().unwrap()) {
            Known::Login(login, _) => Some(format!("{}:{}", login.user, login.password.expose())),
            Known::Withheld(_) => Some("withheld".to_owned()),
            Known::Nothing => None,
        }
    }

    #[test]
    fn apts_machines_have_schemes_ports_and_paths() {
        let text = "# of the company
            machine mirror.example/private login a password 1
            machine http://mirror.example:8080 login b password 2
            machine Other.example
                login c
                password 3
            machine mirror.example/dir/ login d password 4
            machine [2001:db8::1]:8443 login e password 5
            machine broken.example password 6";
        let machines = machines(text, Format::Apt);
        let of = |url| found(&machines, url);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("https://mirror.example/private/x"), some("a:1"));
        assert_eq!(of("https://mirror.example:444/private"), some("a:1"));
        assert_eq!(of("https://mirror.example/privately"), None);
        assert_eq!(of("https://mirror.example/dir/x"), some("d:4"));
        assert_eq!(of("https://mirror.example/"), None);
        assert_eq!(of("http://mirror.example/private/x"), some("withheld"));
        assert_eq!(of("http://mirror.example:8080/x"), some("b:2"));
        assert_eq!(of("https://mirror.example:8080/x"), None);
        assert_eq!(of("https://other.example/x"), some("c:3"));
        assert_eq!(of("https://x.other.example/x"), None);
        assert_eq!(of("https://[2001:db8::1]:8443/"), some("e:5"));
        assert_eq!(of("https://broken.example/"), None);
    }

    #[test]
    fn a_netrc_has_hosts_macros_and_quotes() {
        let text = "machine a.example login ann password \"one \\\"two\" account x
machine b.example login bob password p#1
macdef init
machine c.example login eve password 3

default login anonymous password me
machine d.example login dan";
        let machines = machines(text, Format::Netrc);
        let of = |url| found(&machines, url);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("http://a.example:8080/x"), some("ann:one \"two"));
        assert_eq!(of("https://b.example/"), some("bob:p#1"));
        assert_eq!(of("https://c.example/"), None);
        assert_eq!(of("https://d.example/"), some("dan:"));
        assert_eq!(of("https://e.example/"), None);
    }

    #[test]
    fn files_are_read_in_apts_order() {
        let folder = tempfile::tempdir().unwrap();
        let apt = folder.path().join("apt");
        let parts = apt.join("auth.conf.d");
        std::fs::create_dir_all(&parts).unwrap();
        let entry = |user: &str| format!("machine a.example login {user} password x\n");
        let read = || {
            let netrc = folder.path().join("netrc");
            let environment = Environment::of([("NETRC", netrc)], folder.path());
            found(&Machines::read(&environment).unwrap(), "https://a.example/")
        };
        assert_eq!(read(), None);
        let write = |path: PathBuf, user: &str| std::fs::write(path, entry(user)).unwrap();
        write(folder.path().join("netrc"), "netrc");
        assert_eq!(read().unwrap(), "netrc:x");
        write(parts.join("20.conf"), "twenty");
        write(parts.join("10.conf.bak"), "backup");
        assert_eq!(read().unwrap(), "twenty:x");
        write(parts.join("10.conf"), "ten");
        assert_eq!(read().unwrap(), "ten:x");
        write(apt.join("auth.conf"), "first");
        assert_eq!(read().unwrap(), "first:x");
    }
}
