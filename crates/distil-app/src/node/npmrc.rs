//! Which registry a package is from: `.npmrc` (npm's documentation, "npmrc").

use std::collections::BTreeMap;

/// The registries that a `.npmrc` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Npmrc {
    /// The address for packages of no other one.
    pub registry: Option<String>,
    /// The addresses for packages of a scope, which has its `@`.
    pub scopes: BTreeMap<String, String>,
}

impl Npmrc {
    /// Reads the registries; other lines, and values with variables of the environment in them, are passed
    /// over.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches(['"', '\'']);
            if value.is_empty() || value.contains("${") {
                continue;
            }
            match key.trim() {
                "registry" => found.registry = Some(value.to_owned()),
                key => {
                    if let Some(scope) =
                        key.strip_suffix(":registry").filter(|s| s.starts_with('@'))
                    {
                        found.scopes.insert(scope.to_owned(), value.to_owned());
                    }
                }
            }
        }
        found
    }

    /// The same, and what another says beside it.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.registry = self.registry.or(other.registry);
        for (scope, registry) in other.scopes {
            self.scopes.entry(scope).or_insert(registry);
        }
        self
    }

    /// Where the archive of a package is (npm's documentation, "Registry").
    pub fn archive(&self, name: &str, version: &str) -> Option<String> {
        let (scope, base) = match name.split_once('/') {
            Some((scope, base)) => (Some(scope), base),
            None => (None, name),
        };
        let scoped = scope.and_then(|scope| self.scopes.get(scope));
        let registry = scoped.or(self.registry.as_ref())?.trim_end_matches('/');
        Some(format!("{registry}/{name}/-/{base}-{version}.tgz"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_found_by_scope() {
        let project = Npmrc::parse(
            "@corp:registry = https://corp.example/npm/\n; registry=x\nregistry=${R}\n//corp.example/:_authToken=secret\n",
        );
        let user = Npmrc::parse(
            "registry=\"https://mirror.example/\"\n@corp:registry=https://other.example\n",
        );
        let all = project.or(user);
        let archive = |name| all.archive(name, "1.0.0").unwrap();
        assert_eq!(archive("a"), "https://mirror.example/a/-/a-1.0.0.tgz");
        assert_eq!(
            archive("@corp/a"),
            "https://corp.example/npm/@corp/a/-/a-1.0.0.tgz"
        );
        assert_eq!(archive("@x/a"), "https://mirror.example/@x/a/-/a-1.0.0.tgz");
        assert_eq!(Npmrc::default().archive("a", "1"), None);
    }
}
