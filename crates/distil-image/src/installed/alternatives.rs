//! `/var/lib/dpkg/alternatives`: what update-alternatives(1) knows of each name, without which
//! it would forget a choice as soon as another one goes.
//!
//! One file a name: `auto`, the link, name and link of each follower, an empty line; then of
//! each choice its path, its priority and the path of each follower, an empty one where it has
//! none; and an empty line. Followers and choices are sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation};
use distil_maintscript::alternatives::Alternative;

const WHAT: &str = "the database of alternatives";

pub(super) fn generate(
    generation: &mut Generation<'_>,
    alternatives: &[Alternative],
) -> Result<(), GenerateError> {
    let mut by_name: BTreeMap<&str, Vec<&Alternative>> = BTreeMap::new();
    for one in alternatives {
        let path = TreePath::from_absolute(&one.master.path).ok();
        // As update-alternatives: what is not there is no choice.
        if path.is_some_and(|path| generation.tree.follow(&path).is_some()) {
            by_name.entry(&one.master.name).or_default().push(one);
        }
    }
    for (name, choices) in by_name {
        let path = TreePath::of("var/lib/dpkg/alternatives").join(name);
        if let Some(text) = text(&choices) {
            generation.file(WHAT, &path, text.into_bytes())?;
        }
    }
    Ok(())
}

fn text(choices: &[&Alternative]) -> Option<String> {
    let mut text = format!("auto\n{}\n", choices.first()?.master.link);
    let followers = choices.iter().flat_map(|one| &one.followers);
    let followers: BTreeMap<&str, &str> = followers
        .map(|one| (one.name.as_str(), one.link.as_str()))
        .collect();
    for (name, link) in &followers {
        let _ = writeln!(text, "{name}\n{link}");
    }
    text.push('\n');
    let mut seen = BTreeSet::new();
    let mut sorted = choices.to_vec();
    sorted.sort_by(|a, b| a.master.path.cmp(&b.master.path));
    for choice in sorted {
        if !seen.insert(&choice.master.path) {
            continue;
        }
        let _ = writeln!(text, "{}\n{}", choice.master.path, choice.priority);
        for name in followers.keys() {
            let follower = choice.followers.iter().find(|one| one.name == *name);
            let _ = writeln!(text, "{}", follower.map_or("", |one| &one.path));
        }
    }
    text.push('\n');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_maintscript::alternatives::{Request, parse};

    fn alternative(words: &str) -> Alternative {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let Request::Install(alternative) = parse(&words) else {
            panic!("{words:?}")
        };
        alternative
    }

    #[test]
    fn choices_and_followers_are_sorted() {
        let mawk = alternative(
            "--install /usr/bin/awk awk /usr/bin/mawk 5 \
             --slave /usr/bin/nawk nawk /usr/bin/mawk --slave /m/awk.1 awk.1 /m/mawk.1",
        );
        let gawk = alternative(
            "--install /usr/bin/awk awk /usr/bin/gawk 10 --slave /usr/bin/nawk nawk /usr/bin/gawk",
        );
        assert_eq!(
            text(&[&mawk, &gawk]).unwrap(),
            "auto\n/usr/bin/awk\nawk.1\n/m/awk.1\nnawk\n/usr/bin/nawk\n\n\
             /usr/bin/gawk\n10\n\n/usr/bin/gawk\n\
             /usr/bin/mawk\n5\n/m/mawk.1\n/usr/bin/mawk\n\n"
        );
    }
}
