//! The text of a Release file (Debian's repository format, "Release files").

use std::fmt::Write;

use super::pocket::Pocket;
use crate::date::rfc2822;

/// One file that a Release lists.
pub(super) struct Listed {
    /// Its path under `dists/NAME`.
    pub(super) path: String,
    /// Its size in bytes.
    pub(super) size: usize,
    /// Its MD5.
    pub(super) md5: String,
    /// Its SHA-256.
    pub(super) sha256: String,
}

impl Pocket {
    /// The text of the Release file that lists `files`.
    pub(super) fn release(&self, files: &[Listed], only_md5: bool) -> String {
        let mut architectures: Vec<&str> = vec!["all"];
        architectures.extend(self.architectures.iter().map(String::as_str));
        let components: Vec<String> = self
            .packages
            .keys()
            .map(|component| format!("{}{component}", self.component_prefix))
            .collect();
        let mut fields: Vec<(String, String)> = [
            ("Origin", "Debian".to_owned()),
            ("Label", "Debian".to_owned()),
            ("Suite", self.name.clone()),
            ("Version", String::new()),
            ("Codename", self.name.clone()),
            ("Date", rfc2822(self.date)),
            (
                "Valid-Until",
                self.valid_until.map_or(String::new(), rfc2822),
            ),
            (
                "Acquire-By-Hash",
                if self.by_hash { "yes" } else { "" }.to_owned(),
            ),
            (
                "No-Support-for-Architecture-all",
                if self.separate_all { "" } else { "Packages" }.to_owned(),
            ),
            ("Architectures", architectures.join(" ")),
            ("Components", components.join(" ")),
            ("Description", format!("Fixture of {}", self.name)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        for (name, value) in &self.fields {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some(field) => field.1.clone_from(value),
                None => fields.push((name.clone(), value.clone())),
            }
        }

        let mut text = String::new();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{name}: {value}");
        }
        text.push_str("MD5Sum:\n");
        for file in files {
            let _ = writeln!(text, " {} {:>8} {}", file.md5, file.size, file.path);
        }
        if !only_md5 {
            text.push_str("SHA256:\n");
            for file in files {
                let _ = writeln!(text, " {} {:>8} {}", file.sha256, file.size, file.path);
            }
        }
        text
    }
}
