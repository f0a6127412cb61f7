//! Files that a package moves out of the way of its own (dpkg-divert(1)).

/// What `dpkg-divert --add` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// The path under which other packages ship the file.
    pub from: String,
    /// Where their file goes.
    pub to: String,
    /// Whose own file is not diverted.
    pub owner: Owner,
    /// Whether a file that is there already moves, too.
    pub renames: bool,
}

impl Diversion {
    /// Whether it only guards a path of before `/usr` was merged (Debian's DEP 17, M8 and M4):
    /// nothing is to move, and in a merged tree the path would be another file's.
    pub fn is_guard(&self) -> bool {
        self.to.ends_with(".usr-is-merged")
    }

    /// The package whose own file stays, when it is a script of `package` that diverts.
    pub fn owner_of(&self, package: &str) -> Option<String> {
        match &self.owner {
            Owner::OfScript => Some(package.to_owned()),
            Owner::Package(name) => Some(name.clone()),
            Owner::Nobody => None,
        }
    }
}

/// The package whose file stays at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The package that the script belongs to: dpkg tells it in `DPKG_MAINTSCRIPT_PACKAGE`.
    OfScript,
    /// `--package`: this one.
    Package(String),
    /// `--local`: none; every package's file is diverted.
    Nobody,
}

/// What a `dpkg-divert` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// It adds a diversion.
    Add(Diversion),
    /// It asks for one, or takes one away.
    NothingToMake,
    /// It cannot be read.
    Other,
}

/// Reads the words that follow `dpkg-divert`.
pub fn parse(words: &[String]) -> Request {
    let mut words = words.iter().map(String::as_str);
    let (mut from, mut to) = (None, None);
    let mut owner = Owner::OfScript;
    // `--no-rename` has been the default since dpkg 1.20.
    let mut renames = false;
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        let mut value = || value.or_else(|| words.next()).map(str::to_owned);
        match option {
            "--add" | "--quiet" => {}
            "--local" => owner = Owner::Nobody,
            "--rename" => renames = true,
            "--no-rename" => renames = false,
            "--package" => match value() {
                Some(package) => owner = Owner::Package(package),
                None => return Request::Other,
            },
            "--divert" => to = value(),
            "--remove" | "--list" | "--listpackage" | "--truename" | "--version" | "--help"
            | "--test" => return Request::NothingToMake,
            _ if from.is_none() && option.starts_with('/') => from = Some(word.to_owned()),
            _ => return Request::Other,
        }
    }
    let Some(from) = from else {
        return Request::Other;
    };
    let to = to.unwrap_or_else(|| format!("{from}.distrib"));
    if !to.starts_with('/') || to == from {
        return Request::Other;
    }
    Request::Add(Diversion {
        from,
        to,
        owner,
        renames,
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

    #[test]
    fn options_in_any_order() {
        let expected = Request::Add(Diversion {
            from: "/bin/sh".to_owned(),
            to: "/bin/sh.distrib".to_owned(),
            owner: Owner::Package("bash".to_owned()),
            renames: true,
        });
        for line in [
            "--package bash --rename --divert /bin/sh.distrib --add /bin/sh",
            "--quiet --add --rename --package=bash /bin/sh --divert=/bin/sh.distrib",
            "--no-rename /bin/sh --package bash --rename",
        ] {
            assert_eq!(request(line), expected, "{line}");
        }
    }

    #[test]
    fn whose_it_is_and_whether_files_move() {
        let owner = |line| match request(line) {
            Request::Add(diversion) => (diversion.owner, diversion.renames),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(owner("/a=b"), (Owner::OfScript, false));
        assert_eq!(owner("--local --add /a"), (Owner::Nobody, false));
    }

    #[test]
    fn what_adds_none() {
        for line in [
            "--remove --rename /a",
            "--truename /a",
            "--list",
            "--listpackage /a",
        ] {
            assert_eq!(request(line), Request::NothingToMake, "{line}");
        }
        for line in [
            "",
            "--add",
            "--add a",
            "/a /b",
            "--divert b /a",
            "--divert /a /a",
            "--admindir /x --add /a",
        ] {
            assert_eq!(request(line), Request::Other, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_a_request(
            words in proptest::collection::vec("--(add|divert|package|rename|local)=?|/?[a-z=]", 0..8),
        ) {
            let _ = parse(&words);
        }
    }
}
