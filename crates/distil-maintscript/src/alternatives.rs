//! Names that several packages provide (update-alternatives(1)).

/// What `update-alternatives --install` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The choice itself.
    pub master: AlternativeLink,
    /// Of several, the one with the highest is taken.
    pub priority: i32,
    /// Links that change together with the first.
    pub followers: Vec<AlternativeLink>,
}

/// One link of a choice: `link` → `/etc/alternatives/name` → `path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternativeLink {
    /// The path that programs use: `/usr/bin/awk`.
    pub link: String,
    /// The name below `/etc/alternatives`: `awk`.
    pub name: String,
    /// What this package provides for it: `/usr/bin/mawk`.
    pub path: String,
}

/// What an `update-alternatives` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `--install`: it provides an alternative.
    Install(Alternative),
    /// It asks for one, or takes one away.
    NothingToMake,
    /// It chooses by hand, or cannot be read.
    Other,
}

/// Reads the words that follow `update-alternatives`.
pub fn parse(words: &[String]) -> Request {
    let mut words = words.iter().map(String::as_str);
    let mut master = None;
    let mut followers = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--install" if master.is_none() => {
                let Some(link) = link(&mut words) else {
                    return Request::Other;
                };
                let priority = words.next().and_then(|word| word.parse().ok());
                let Some(priority) = priority else {
                    return Request::Other;
                };
                master = Some((link, priority));
            }
            "--slave" | "--follower" => match link(&mut words) {
                Some(link) => followers.push(link),
                None => return Request::Other,
            },
            "--quiet" | "--force" | "--verbose" | "--skip-auto" | "--debug" => {}
            "--altdir" | "--admindir" | "--instdir" | "--root" | "--log" => {
                return Request::Other;
            }
            "--remove" | "--remove-all" | "--list" | "--query" | "--display" | "--auto"
            | "--get-selections" | "--version" | "--help"
                if master.is_none() && followers.is_empty() =>
            {
                return Request::NothingToMake;
            }
            _ => return Request::Other,
        }
    }
    match master {
        Some((master, priority)) => Request::Install(Alternative {
            master,
            priority,
            followers,
        }),
        None => Request::Other,
    }
}

/// Three words that can be a link: absolute paths, and a name that is one part of a path.
fn link<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<AlternativeLink> {
    let (link, name, path) = (words.next()?, words.next()?, words.next()?);
    let is_path = |text: &str| text.starts_with('/') && !text.contains('\n');
    let is_name = !name.is_empty() && !name.contains(['/', '\n']) && !matches!(name, "." | "..");
    (is_path(link) && is_path(path) && is_name).then(|| AlternativeLink {
        link: link.to_owned(),
        name: name.to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(line: &str) -> Request {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    fn link(link: &str, name: &str, path: &str) -> AlternativeLink {
        AlternativeLink {
            link: link.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
        }
    }

    #[test]
    fn followers_and_options_in_any_order() {
        let expected = Request::Install(Alternative {
            master: link("/usr/bin/pager", "pager", "/usr/bin/less"),
            priority: -7,
            followers: vec![link("/usr/share/man/p.1", "p.1", "/usr/share/man/l.1")],
        });
        let install = "--install /usr/bin/pager pager /usr/bin/less -7";
        for follower in ["--slave", "--follower"] {
            let follower = format!("{follower} /usr/share/man/p.1 p.1 /usr/share/man/l.1");
            assert_eq!(request(&format!("--quiet {install} {follower}")), expected);
            assert_eq!(request(&format!("{follower} --force {install}")), expected);
        }
    }

    #[test]
    fn what_makes_nothing() {
        for line in [
            "--remove pager /usr/bin/less",
            "--quiet --list pager",
            "--auto pager",
        ] {
            assert_eq!(request(line), Request::NothingToMake, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_made() {
        for line in [
            "",
            "--set pager /usr/bin/less",
            "--install /usr/bin/pager pager /usr/bin/less",
            "--install /usr/bin/pager pager /usr/bin/less high",
            "--install usr/bin/pager pager /usr/bin/less 1",
            "--install /usr/bin/pager ../pager /usr/bin/less 1",
            "--install /usr/bin/pager .. /usr/bin/less 1",
            "--install /a a /b 1 --slave /c c",
            "--install /a a /b 1 --remove a /b",
            "--altdir /x --install /a a /b 1",
            "--install /a a /b 1 --install /c c /d 1",
        ] {
            assert_eq!(request(line), Request::Other, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_a_request(
            words in proptest::collection::vec("--(install|slave|remove)|/?[a-z]|-?[0-9]{1,12}", 0..14),
        ) {
            let _ = parse(&words);
        }
    }
}
