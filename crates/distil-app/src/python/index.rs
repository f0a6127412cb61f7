//! Pages of package indexes: the files of a distribution (PEP 503, "Simple Repository API", in HTML,
//! which every index has).

use distil_store::Digest;

/// The most files of a page; those of the oldest distributions have some ten thousand.
const MAX_FILES: usize = 100_000;

/// A file that an index has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Its file name.
    pub file: String,
    /// Its address, perhaps relative to the page's.
    pub href: String,
    /// Its SHA-256, where the page says it.
    pub sha256: Option<Digest>,
}

/// The files that a page of an index lists, in its order. What cannot be read is left out.
pub fn files(page: &str) -> Vec<IndexFile> {
    let mut files = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = rest.get(start + 1..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let is_anchor = rest.starts_with(['a', 'A'])
            && rest.get(1..2).is_some_and(|next| next.trim().is_empty());
        if !is_anchor {
            continue;
        }
        let Some((href, after)) = href(rest.get(1..).unwrap_or_default()) else {
            break;
        };
        let (text, after) = after.split_once('<').unwrap_or((after, ""));
        if let Some(href) = href {
            let (address, fragment) = href.split_once('#').unwrap_or((&href, ""));
            let mut hashes = fragment
                .split('&')
                .filter_map(|one| one.strip_prefix("sha256="));
            files.push(IndexFile {
                file: unescaped(text.trim()),
                href: address.to_owned(),
                sha256: hashes.find_map(|hex| Digest::from_hex(hex).ok()),
            });
        }
        if files.len() >= MAX_FILES {
            break;
        }
        // The next tag may begin right here.
        rest = rest.get(rest.len() - after.len()..).unwrap_or_default();
    }
    files
}

/// The `href` among the attributes of a tag, and what is behind the tag.
fn href(mut rest: &str) -> Option<(Option<String>, &str)> {
    let mut href = None;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            return Some((href, after));
        }
        let end = rest.find(|c: char| c == '=' || c == '>' || c.is_whitespace())?;
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            // `/` of an empty tag, or an attribute without a value.
            rest = match after.len() == rest.len() {
                true => after.get(1..)?,
                false => after,
            };
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next()? {
            quote @ ('"' | '\'') => value.get(1..)?.split_once(quote)?,
            _ => {
                let end = value.find(|c: char| c == '>' || c.is_whitespace())?;
                value.split_at(end)
            }
        };
        if name.eq_ignore_ascii_case("href") && href.is_none() {
            href = Some(unescaped(value));
        }
        rest = after;
    }
}

/// A text with the references of HTML that addresses have.
fn unescaped(text: &str) -> String {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
    ];
    let text = named
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn pages_of_several_servers() {
        let page = format!(
            "<!DOCTYPE html><html><body><h1>Links</h1><!-- <a href=\"no\">no</a> -->\n\
             <a href=\"../../packages/x-1.tar.gz#sha256={HEX}\" data-requires-python=\"&gt;=3.8\" >x-1.tar.gz</a><br/>\n\
             <A rel=internal data-yanked HREF='https://e.org/x-1-py3-none-any.whl?a=1&amp;b=2#sha256={HEX}&amp;egg=x'>x-1-py3-none-any.whl</A>\n\
             <a href=/plain.whl>plain.whl</a><abbr href=\"no\">no</abbr><a>no</a></body></html>"
        );
        let found = files(&page);
        let listed: Vec<String> = found
            .iter()
            .map(|one| format!("{} {} {}", one.file, one.href, one.sha256.is_some()))
            .collect();
        insta::assert_snapshot!(listed.join("\n"), @r"
        x-1.tar.gz ../../packages/x-1.tar.gz true
        x-1-py3-none-any.whl https://e.org/x-1-py3-none-any.whl?a=1&b=2 true
        plain.whl /plain.whl false
        ");
    }

    proptest! {
        #[test]
        fn any_page_is_read(page in "(<a |href=|[\"'>&#<!=-]|a| |\\PC){0,40}") {
            files(&page);
        }
    }
}
