//! Finding again, in a definition's text, what a message that came later is about.

use crate::place::{Located, Node, Place, Value, excerpt};

/// Whether a word that names a definition is the path of a file.
pub fn is_file_name(word: &str) -> bool {
    word.ends_with(".yaml") || word.ends_with(".yml")
}

/// The line where `word` stands under the key of a definition, or under the same key of an
/// overlay, with the place underlined: a key, a text, or a part of a text, whichever comes
/// first in this order. There is none if it does not stand there.
pub(crate) fn excerpt_of_entry(text: &str, origin: &str, key: &str, word: &str) -> Option<String> {
    let document = Located::parse(text)?;
    let mut parts: Vec<&Node> = values(&document, key).collect();
    for overlays in values(&document, "when") {
        if let Value::Sequence(overlays) = &overlays.value {
            parts.extend(overlays.iter().flat_map(|overlay| values(overlay, key)));
        }
    }
    let is_it: [&dyn Fn(&str) -> bool; 2] = [&|text| text == word, &|text| {
        !word.is_empty() && text.contains(word)
    }];
    let place = is_it
        .iter()
        .find_map(|is_it| parts.iter().find_map(|part| find(part, is_it)))?;
    Some(excerpt(text, origin, place))
}

fn values<'a>(node: &'a Node, key: &'a str) -> impl Iterator<Item = &'a Node> {
    let entries = match &node.value {
        Value::Mapping(entries) => entries.as_slice(),
        _ => &[],
    };
    let own = entries
        .iter()
        .filter(move |(own, _)| own.text() == Some(key));
    own.map(|(_, value)| value)
}

/// The first text or key below that is the one.
fn find(node: &Node, is_it: &dyn Fn(&str) -> bool) -> Option<Place> {
    match &node.value {
        Value::Scalar { text, .. } => is_it(text).then_some(node.place),
        Value::Sequence(items) => items.iter().find_map(|item| find(item, is_it)),
        Value::Mapping(entries) => entries
            .iter()
            .find_map(|(key, value)| find(key, is_it).or_else(|| find(value, is_it))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name: app
links: {/usr/bin/x: y}
when:
  - {suite: trixie, drop: [/usr/x, /usr/x/y]}
";

    #[test]
    fn keys_texts_and_overlays_are_found() {
        let found = |key, word| excerpt_of_entry(TEXT, "app.yaml", key, word);
        insta::assert_snapshot!(found("links", "/usr/bin/x").unwrap(), @"
         --> app.yaml:2:9
          |
        2 | links: {/usr/bin/x: y}
          |         ^^^^^^^^^^
        ");
        insta::assert_snapshot!(found("drop", "/usr/x/y").unwrap(), @"
         --> app.yaml:4:36
          |
        4 |   - {suite: trixie, drop: [/usr/x, /usr/x/y]}
          |                                    ^^^^^^^^
        ");
        assert_eq!(found("drop", "/nothing"), None);
        assert_eq!(found("keep", "/usr/x"), None);
    }
}
