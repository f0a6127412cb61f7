//! The names that an image is written under.

use std::collections::HashMap;

use crate::descriptor::ANNOTATION_IMAGE_NAME;
use crate::index::Manifest;
use crate::reference::Reference;
use crate::spec::{self, Descriptor};

/// The names that an archive carries.
pub(crate) struct Names<'a> {
    /// Where they belong to the image, as Docker shows them.
    pub(crate) repo_tags: Vec<String>,
    /// The tag in the OCI layout.
    pub(crate) tag: Option<&'a str>,
    /// The full name in the OCI layout.
    pub(crate) full: Option<String>,
}

impl<'a> Names<'a> {
    /// These names; the first is the OCI layout's.
    pub(crate) fn of(names: &'a [Reference]) -> Self {
        let first = names.first();
        Self {
            repo_tags: names.iter().map(Reference::familiar).collect(),
            tag: first.map(Reference::tag),
            full: first.map(Reference::full),
        }
    }

    /// The descriptor of `manifest` for an `index.json`, under these names.
    pub(crate) fn descriptor(&self, manifest: &Manifest) -> Descriptor {
        let mut descriptor = manifest.descriptor();
        let annotations = [
            (spec::ANNOTATION_REF_NAME, self.tag),
            (ANNOTATION_IMAGE_NAME, self.full.as_deref()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect::<HashMap<_, _>>();
        descriptor.set_annotations((!annotations.is_empty()).then_some(annotations));
        descriptor
    }

    /// With another tag in the OCI layout, if one is given. Under a tag of its own the image is not
    /// the one of that name any more.
    pub(crate) fn tagged(mut self, tag: Option<&'a str>) -> Self {
        if tag.is_some() && tag != self.tag {
            self.tag = tag;
            self.full = None;
        }
        self
    }
}
