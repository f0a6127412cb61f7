//! Bills of materials: an inventory in the formats that others read.
//!
//! The same inventory gives the same bytes. Neither format leaves out what has to differ from
//! document to document; it is made from the digest of all else in the document.

mod cyclonedx;
mod identifiers;
mod spdx;

use std::fmt;

use distil_store::Digest;
use serde_json::Value;

use crate::inventory::Inventory;

/// A format of bills of materials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// SPDX 2.3 as JSON.
    #[default]
    Spdx,
    /// CycloneDX 1.6 as JSON.
    CycloneDx,
}

impl Format {
    /// The media type of its documents.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }

    /// The type of its documents as predicates of in-toto statements, as cosign has them.
    pub fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spdx => "SPDX",
            Self::CycloneDx => "CycloneDX",
        })
    }
}

/// A program that makes bills of materials, as they name it.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
}

/// The bill of materials of what is in an image.
pub fn document(inventory: &Inventory, format: Format, tool: Tool<'_>) -> Value {
    match format {
        Format::Spdx => spdx::document(inventory, tool),
        Format::CycloneDx => cyclonedx::document(inventory, tool),
    }
}

/// A UUID that is made from a digest (RFC 9562, version 8), in its usual spelling.
fn uuid(digest: Digest) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// A UUID of what a document says.
fn uuid_of(document: &Value) -> String {
    uuid(Digest::of(document.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_of_the_version_for_own_use() {
        assert_eq!(
            uuid(Digest::from_bytes([0xff; 32])),
            "ffffffff-ffff-8fff-bfff-ffffffffffff"
        );
        assert_eq!(
            uuid(Digest::from_bytes([0; 32])),
            "00000000-0000-8000-8000-000000000000"
        );
    }
}
