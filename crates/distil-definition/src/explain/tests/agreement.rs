//! What is said agrees with what serde does.

use proptest::prelude::*;

use super::{explained, said};
use crate::catalogue::Catalogue;
use crate::format::Definition;
use crate::parse::parse;

#[test]
fn what_serde_takes_for_a_text_is_no_mistake() {
    // serde-saphyr takes what has no quotes for a text where a text is asked for outright.
    let text = "name: 8080\ndescription: true\nfrom: ~\nlayers: single\n\
                drop: [0755, 1.5, no]\nkeep: [\"null\", '']\nlinks: {1: 2, \"1\": 3}\n\
                accounts: {users: [{name: 1, uid: \"0x10\", gid: 1_000, home: ~}]}\n\
                when: [{suite: [12]}]\n";
    serde_saphyr::from_str::<Definition>(text).unwrap();
    assert_eq!(explained(text), None);
    // So the mistake is the one behind them.
    let said = said(&format!("{text}debug: {{package: []}}\n"));
    assert!(said.starts_with("`debug` has no key `package`"), "{said}");
}

#[test]
fn where_the_walk_has_doubts_the_message_of_serde_stays() {
    for text in [
        "name: app\nlinks: {1: a, 0x1: b}\n",
        "name: app\n---\nname: b\n",
    ] {
        assert_eq!(explained(text), None, "{text}");
        let error = parse(text, "app.yaml").unwrap_err();
        let problem = &error.problem;
        assert!(
            problem.contains("line ") || problem.contains(" --> "),
            "{error}"
        );
    }
}

/// The definitions of the catalogue, and one that has most keys.
fn valid() -> Vec<String> {
    let every = "name: app\ndescription: An app\nfrom: base\nlayers: single\n\
        packages:\n  - libpq5\n  - {name: libc-bin, only: [/usr/lib/locale/**], move: {/a: /b}}\n\
        without: {dpkg: not needed}\ndrop: [/usr/share/x]\nkeep:\n  - /usr/share/doc\n\
        excuse: {libx.so.1: optional}\nwhen:\n  - suite: [bookworm, trixie]\n    architecture: amd64\n    \
        packages: [libssl3]\n    config:\n      env: {A: b}\n\
        links:\n  /usr/bin/python: python3\ndirectories: [{path: /data, owner: app, mode: \"0750\"}]\n\
        files:\n  - path: /etc/a\n    text: |\n      a text\n    owner: app\n\
        accounts:\n  users: [{name: app, uid: 10001, gid: 10001, home: /home/app}]\n  \
        groups:\n    - name: app\n      gid: 10001\n      members: [app]\n\
        certificates: {extra: [ca.pem]}\n\
        config:\n  entrypoint: [/usr/bin/app]\n  cmd: []\n  env: {LANG: C.UTF-8}\n  user: \"10001\"\n  \
        workdir: /data\n  labels: {a: b}\n  ports: [8080/tcp]\n  volumes: [/data]\n  stop_signal: SIGINT\n\
        debug: {packages: [strace]}\n\
        dev:\n  packages: [libpq-dev]\n  files: [{path: /etc/b, text: b}]\n  env: {CC: gcc}\n";
    let mut all = vec![every.to_owned()];
    let names = Catalogue.names();
    all.extend(names.map(|name| Catalogue.text(name).unwrap().to_owned()));
    all
}

/// The lines where serde-saphyr and the explanation say that the mistake is.
fn places(text: &str) -> Option<(usize, usize)> {
    let error = serde_saphyr::from_str::<Definition>(text).err()?;
    let serde = usize::try_from(error.location()?.line()).ok()?;
    let explained = explained(text)?;
    let shown = explained.split("--> app.yaml:").nth(1)?;
    Some((serde, shown.split(':').next()?.parse().ok()?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// A piece of a valid definition is replaced: by what is of another type, or breaks the YAML.
    #[test]
    fn what_serde_refuses_has_a_message_and_what_it_takes_has_none(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((
            any::<prop::sample::Index>(),
            prop::sample::select(vec![
                "", "[]", "{}", "[a, b]", "{a: b}", "~", "null", "8080", "-1", "0x1f", "1e3",
                "true", "no", "\"x\"", "''", ".inf", "4294967296", "name", "path", "uid", "drop",
                "{name: a}", "{shared: }", "shared", "&a b", "!!str a", "<<", "\t", "#", "é漢",
                "\u{1b}", "- ", ": ", "? ", "\u{feff}", "\r",
            ]),
        ), 1..4),
    ) {
        let texts = valid();
        let mut text = which.get(&texts).clone();
        for (place, by) in changes {
            let mut words: Vec<std::ops::Range<usize>> = Vec::new();
            let is_word = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
            for (at, c) in text.char_indices() {
                match words.last_mut() {
                    Some(last) if last.end == at && is_word(c) => last.end += c.len_utf8(),
                    _ if is_word(c) || "[]{}:,\"".contains(c) => words.push(at..at + c.len_utf8()),
                    _ => {}
                }
            }
            if !words.is_empty() {
                text.replace_range(place.get(&words).clone(), by);
            }
        }
        let explained = explained(&text);
        match serde_saphyr::from_str::<Definition>(&text) {
            Ok(_) => prop_assert_eq!(&explained, &None),
            Err(_) => prop_assert!(!parse(&text, "app.yaml").unwrap_err().problem.is_empty()),
        }
        if let Some((serde, shown)) = places(&text) {
            // A value that is not written is shown by its key, and a key that is missing by the
            // entry that lacks it: both may begin lines before.
            let above = ["but here is nothing\n", " lacks `"];
            let said = explained.unwrap_or_default();
            let may_be_above = above.iter().any(|words| said.contains(words));
            prop_assert!(serde == shown || may_be_above && shown < serde, "{}: {}", serde, text);
        }
    }

    #[test]
    fn whatever_serde_takes_is_no_mistake(text in "(name: a\n)?[-a-z: \\[\\]{},~\n1]{0,80}") {
        let explained = explained(&text);
        if serde_saphyr::from_str::<Definition>(&text).is_ok() {
            prop_assert_eq!(explained, None);
        }
    }
}
