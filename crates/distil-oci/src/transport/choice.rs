//! Which of several images in one place is meant.

use std::collections::BTreeMap;

use crate::descriptor::{ANNOTATION_IMAGE_NAME, Kind, is_attachment, kind};
use crate::reference::Reference;
use crate::spec::{self, Descriptor};

/// A name leads to no image, or to more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The place has no images at all.
    #[error("there is no image in it")]
    Empty,
    /// The place has images, but none of this name.
    #[error("there is no image `{wanted}` in it; there is {}", listed(.known))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The place has several images, and no name was given.
    #[error("there are several images in it; name one of {}", listed(.known))]
    Several {
        /// The names that exist.
        known: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    if text.is_empty() {
        text.push_str("none that has a name");
    }
    text
}

/// The entry of an `index.json` that `wanted` names: by the tag, or by the full name. Without a
/// name there has to be one image only.
pub(crate) fn choose<'a>(
    index: &'a spec::ImageIndex,
    wanted: Option<&str>,
) -> Result<&'a Descriptor, ChoiceError> {
    // What is about another entry has no name, and is not what a place was made for.
    let is_referrer = |descriptor: &Descriptor| {
        let names = descriptor.annotations().as_ref();
        let is_named = names.is_some_and(|all| all.contains_key(spec::ANNOTATION_REF_NAME));
        descriptor.artifact_type().is_some() && !is_named
    };
    let has_others = !index.manifests().iter().all(is_referrer);
    let entries = index.manifests().iter().filter(|descriptor| {
        kind(descriptor) != Kind::Other
            && !is_attachment(descriptor)
            && !(has_others && is_referrer(descriptor))
    });
    let names = |descriptor: &Descriptor| {
        [spec::ANNOTATION_REF_NAME, ANNOTATION_IMAGE_NAME]
            .into_iter()
            .filter_map(|key| Some(descriptor.annotations().as_ref()?.get(key)?.clone()))
            .collect::<Vec<_>>()
    };
    let full = wanted
        .and_then(|wanted| wanted.parse::<Reference>().ok())
        .map(|reference| reference.full());
    let is_wanted = |descriptor: &Descriptor| {
        wanted.is_none_or(|wanted| {
            names(descriptor)
                .iter()
                .any(|name| name == wanted || Some(name) == full.as_ref())
        })
    };
    // The same image may be listed once a name.
    let mut found: BTreeMap<&str, &Descriptor> = BTreeMap::new();
    for descriptor in entries.clone().filter(|descriptor| is_wanted(descriptor)) {
        found
            .entry(descriptor.digest().as_ref())
            .or_insert(descriptor);
    }
    let known = |descriptors: &mut dyn Iterator<Item = &Descriptor>| {
        let mut known: Vec<String> = descriptors
            .filter_map(|descriptor| names(descriptor).into_iter().next())
            .collect();
        known.sort();
        known.dedup();
        known
    };
    match (found.len(), found.first_key_value(), wanted) {
        (1, Some((_, descriptor)), _) => Ok(descriptor),
        (0, _, Some(wanted)) => Err(ChoiceError::Unknown {
            wanted: wanted.to_owned(),
            known: known(&mut entries.clone()),
        }),
        (0, _, None) => Err(ChoiceError::Empty),
        _ => Err(ChoiceError::Several {
            known: known(&mut found.values().copied()),
        }),
    }
}
