//! Addresses in messages.

/// An address without the user and password before its host, and without query and fragment, which
/// may be secret.
pub(crate) fn without_credentials(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host_end = rest.find('/').unwrap_or(rest.len());
            let (host, path) = rest.split_at(host_end);
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn nothing_secret_is_left() {
        for (url, shown) in [
            (
                "https://user:secret@e.org/x?token=secret#secret",
                "https://e.org/x",
            ),
            ("https://a@b:secret@e.org", "https://e.org"),
            ("git+ssh://git@e.org/x.git", "git+ssh://e.org/x.git"),
            ("git@e.org:x.git", "e.org:x.git"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
