//! Downloads and directories of a definition, made plain.

use std::sync::Arc;

use distil_bundle::{ArchiveFormat, Component, PathRules};
use distil_net::Url;
use distil_oci::{Location, Platform};
use distil_store::Digest;

use super::bundle::{BundleSource, Download, NewBundle, Placement};
use super::error::RecipeError;
use super::part::Part;
use super::position::Position;
use super::values::Lowering;
use crate::elsewhere::{ComponentItem, CopyItem, DownloadFormat, DownloadItem};

/// How many leading directories may be taken off.
const MAX_STRIP: usize = 64;

/// A value that may be there, and the part of the definition that it stands in.
type Written<'i> = (Part, &'i Option<String>);

impl Lowering<'_> {
    /// All downloads and directories of the definition and of the overlays that apply.
    pub(super) fn bundles(&self) -> Result<Vec<NewBundle>, RecipeError> {
        let definition = self.definition;
        let mut bundles = Vec::new();
        for (part, items) in self.levels("downloads", &definition.downloads, |o| &o.downloads) {
            for (index, item) in items.iter().enumerate() {
                bundles.push(self.download(&part.index(index), item)?);
            }
        }
        for (part, items) in self.levels("copy", &definition.copy, |o| &o.copy) {
            for (index, item) in items.iter().enumerate() {
                bundles.push(self.copy(&part.index(index), item)?);
            }
        }
        Ok(bundles)
    }

    fn download(&self, part: &Part, item: &DownloadItem) -> Result<NewBundle, RecipeError> {
        let [(url_part, url), (digest_part, digest)] = self.variant(part, item)?;
        let url = url.as_ref().ok_or_else(|| {
            let problem = "an entry has no `url`, and none of its variants";
            self.error(&part.key("to"), problem)
        })?;
        let text = self.expand(&url_part, url)?;
        self.check_harmless(&url_part, &text)?;
        let url: Url = text.parse().map_err(|error| self.error(&url_part, error))?;
        if url.login().is_some() {
            let problem = "the address has a user or a password in it, which would stand in the \
                           definition for all to read; they belong in `~/.netrc`";
            // Without the line, which would show it.
            return Err(RecipeError::Value {
                definition: self.definition.name.clone(),
                key: "downloads",
                problem: problem.to_owned(),
                position: Position::default(),
            });
        }
        let digest = digest.as_ref().map(|text| {
            let hex = text.strip_prefix("sha256:").unwrap_or(text);
            let digest = Digest::from_hex(&hex.to_ascii_lowercase());
            digest.map_err(|error| self.error(&digest_part, error))
        });
        let digest = digest.transpose()?;
        let name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
        let format = match item.format {
            None => ArchiveFormat::of_name(&name),
            Some(DownloadFormat::File) => ArchiveFormat::File,
            Some(DownloadFormat::Tar) => ArchiveFormat::Tar,
            Some(DownloadFormat::Zip) => ArchiveFormat::Zip,
        };
        let to_part = part.key("to");
        let mut to = item.to.clone();
        if format == ArchiveFormat::File {
            if !item.only.is_empty() || item.strip > 0 {
                let problem = format!(
                    "`{name}` is a file, and `only` and `strip` are for archives; if it is one, \
                     say `format: tar` or `format: zip`"
                );
                return Err(self.error(&to_part, problem));
            }
            if to.ends_with('/') {
                to.push_str(&name);
            }
        }
        if item.strip > MAX_STRIP {
            let problem = format!("more than {MAX_STRIP} directories cannot be taken off");
            return Err(self.error(&part.key("strip"), problem));
        }
        let component = item.component.as_ref();
        let component = component.map(|item| self.component(&part.key("component"), item));
        let (only, only_written) = self.rules(&part.key("only"), &item.only)?;
        let placement = Placement {
            strip: item.strip,
            only,
            only_written,
            ..self.placement("downloads", part, &to, &item.owner, item.mode.as_deref())?
        };
        let position = self.position(if digest.is_some() {
            &digest_part
        } else {
            &url_part
        });
        Ok(NewBundle {
            source: BundleSource::Download(Download {
                url,
                digest,
                format,
                position,
            }),
            placement,
            component: component.transpose()?,
        })
    }

    /// The address and digest on the platform, each with its part of the definition.
    fn variant<'i>(
        &self,
        part: &Part,
        item: &'i DownloadItem,
    ) -> Result<[Written<'i>; 2], RecipeError> {
        let own = (part.key("url"), part.key("sha256"));
        if item.variants.is_empty() {
            return Ok([(own.0, &item.url), (own.1, &item.sha256)]);
        }
        if item.sha256.is_some() {
            let problem = "an entry with `variants` has a digest in each of them, and none of its \
                           own: what differs by platform does not have one digest";
            return Err(self.error(&own.1, problem));
        }
        let wanted = self.platform();
        let mut found = None;
        for (index, variant) in item.variants.iter().enumerate() {
            let part = part.key("variants").index(index);
            let name = part.key("platform");
            let platform: Platform = variant
                .platform
                .parse()
                .map_err(|error| self.error(&name, error))?;
            if platform == wanted {
                if found.is_some() {
                    return Err(self.error(&name, format!("`{platform}` is there twice")));
                }
                found = Some((part, variant));
            }
        }
        let Some((variant_part, variant)) = found else {
            let names: Vec<&str> = item.variants.iter().map(|v| v.platform.as_str()).collect();
            let problem = format!("there is none for {wanted}, but for {}", names.join(", "));
            return Err(self.error(&part.key("variants"), problem));
        };
        let (url_part, url) = match &variant.url {
            Some(_) => (variant_part.key("url"), &variant.url),
            None => (own.0, &item.url),
        };
        let digest = (variant_part.key("sha256"), &variant.sha256);
        Ok([(url_part, url), digest])
    }

    fn copy(&self, part: &Part, item: &CopyItem) -> Result<NewBundle, RecipeError> {
        let from_part = part.key("from");
        self.check_harmless(&from_part, &item.from)?;
        if Location::is_spelled(&item.from) {
            return self.copy_of_image(part, item);
        }
        let (exclude, _) = self.rules(&part.key("exclude"), &item.exclude)?;
        let listing = self.list(&from_part, &item.from, exclude)?;
        Ok(NewBundle {
            source: BundleSource::Directory {
                from: item.from.clone(),
                listing: Arc::new(listing),
            },
            placement: self.placement("copy", part, &item.to, &item.owner, item.mode.as_deref())?,
            component: None,
        })
    }

    pub(super) fn placement(
        &self,
        key: &'static str,
        part: &Part,
        to: &str,
        owner: &Option<String>,
        mode: Option<&str>,
    ) -> Result<Placement, RecipeError> {
        let to_part = part.key("to");
        if let Some(owner) = owner {
            self.check_harmless(&part.key("owner"), owner)?;
        }
        Ok(Placement {
            owner: owner.clone(),
            mode: self.mode(&part.key("mode"), mode)?,
            position: self.position(&to_part),
            owner_position: self.position(&part.key("owner")),
            ..Placement::whole(key, self.path(&to_part, to)?)
        })
    }

    /// Patterns of paths below a directory, and each as it is written.
    pub(super) fn rules(
        &self,
        part: &Part,
        lines: &[String],
    ) -> Result<(PathRules, Vec<(String, Position)>), RecipeError> {
        let mut written = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let part = part.index(index);
            let line = self.expand(&part, line)?;
            self.check_harmless(&part, &line)?;
            let rule = PathRules::new([line.as_str()]);
            let rule = rule.map_err(|error| self.error(&part, error))?;
            if rule.is_empty() {
                return Err(self.error(&part, format!("`{line}` is no pattern of a path")));
            }
            written.push((line, self.position(&part)));
        }
        let rules = PathRules::new(written.iter().map(|(line, _)| line.as_str()));
        let rules = rules.map_err(|error| self.error(part, error))?;
        Ok((rules, written))
    }

    fn component(&self, part: &Part, item: &ComponentItem) -> Result<Component, RecipeError> {
        let value = |key: &str, text: &Option<String>| -> Result<Option<String>, RecipeError> {
            let Some(text) = text else { return Ok(None) };
            let part = part.key(key);
            let text = self.expand(&part, text)?;
            self.check_harmless(&part, &text)?;
            match text.trim().is_empty() {
                true => Err(self.error(&part, format!("`{key}` is empty"))),
                false => Ok(Some(text)),
            }
        };
        let name = value("name", &Some(item.name.clone()))?.unwrap_or_default();
        let purl = value("purl", &item.purl)?;
        if let Some(purl) = &purl {
            let problem = match purl.strip_prefix("pkg:") {
                None => Some("a package URL begins with `pkg:`, as in `pkg:generic/node@24.1.0`"),
                Some(rest) if rest.split('/').next() == Some("deb") => Some(
                    "`pkg:deb/…` is a package of Debian's, and no Debian package has these files; \
                     scanners would match the advisories of another program",
                ),
                Some(rest) if !rest.contains('/') => {
                    Some("a package URL has a type and a name: `pkg:generic/node@24.1.0`")
                }
                Some(_) => None,
            };
            if let Some(problem) = problem {
                return Err(self.error(&part.key("purl"), problem));
            }
        }
        Ok(Component {
            name,
            version: value("version", &item.version)?,
            license: value("license", &item.license)?,
            purl,
        })
    }
}
