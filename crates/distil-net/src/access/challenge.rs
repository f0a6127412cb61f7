//! What a server wants to see (RFC 9110 §11.6.1).

/// A way of being let in that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A user and a password (RFC 7617).
    Basic,
    /// A token from another server (RFC 6750; the distribution project's token specification).
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// Reads the value of a `WWW-Authenticate`; none if it is none of the ways that are known.
///
/// A value may have several challenges, separated by commas like the parameters of one; of them the
/// first that is known counts.
pub(crate) fn parse(text: &str) -> Option<Challenge> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find([' ', ',', '=']).unwrap_or(rest.len());
        let (scheme, after) = rest.split_at(end);
        let (parameters, after) = parameters(after)?;
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            let find = |name: &str| {
                let found = parameters
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            return Some(Challenge::Bearer {
                realm: find("realm")?,
                service: find("service"),
                scope: find("scope"),
            });
        }
        rest = after;
    }
    None
}

/// The parameters at the beginning of a text, and what follows them: nothing, or another challenge.
fn parameters(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    loop {
        let end = rest.find([' ', ',', '=', '"']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(after) = after.trim_start().strip_prefix('=') else {
            return Some((parameters, rest));
        };
        if key.is_empty() {
            return None;
        }
        let (value, after) = value(after.trim_start())?;
        parameters.push((key.to_owned(), value));
        rest = after.trim_start_matches([' ', ',']);
    }
}

/// A token or a quoted string (RFC 9110 §5.6.4), and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Some((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_are_read() {
        let text = r#"Bearer realm="https://a/t?x=1",service="s, and more",scope="r:x:pull,push",error="invalid""#;
        let expected = bearer(
            "https://a/t?x=1",
            Some("s, and more"),
            Some("r:x:pull,push"),
        );
        assert_eq!(parse(text), expected);
        assert_eq!(
            parse("bearer REALM=x , service = \"a\\\"b\""),
            bearer("x", Some("a\"b"), None)
        );
        assert_eq!(parse("basic realm=x"), Some(Challenge::Basic));
        assert_eq!(parse("Basic"), Some(Challenge::Basic));
        for odd in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer realm",
            "Bearer realm=\"x",
            "=,",
            "Bearer =x",
            ",,",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_first_known_of_several_counts() {
        assert_eq!(
            parse("Negotiate, Basic realm=\"x\""),
            Some(Challenge::Basic)
        );
        let text = "Digest realm=\"x\", nonce=\"y\", Bearer realm=\"z\", Basic realm=\"x\"";
        assert_eq!(parse(text), bearer("z", None, None));
    }
}
