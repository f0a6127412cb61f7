//! The variants of an image.

/// Which of a definition's images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// The image itself.
    #[default]
    Latest,
    /// The image for the user `nonroot`.
    Nonroot,
    /// The image with busybox.
    Debug,
    /// The image with busybox for the user `nonroot`.
    DebugNonroot,
    /// The fuller image for the first stage of a build.
    Dev,
}

/// There is no such variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no variant `{name}`; the variants are {}", Variant::ALL.map(|v| format!("`{}`", v.name())).join(", "))]
pub struct UnknownVariant {
    /// What was asked for.
    pub name: String,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Latest,
        Self::Nonroot,
        Self::Debug,
        Self::DebugNonroot,
        Self::Dev,
    ];

    /// Its name, which is the image's tag.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Nonroot => "nonroot",
            Self::Debug => "debug",
            Self::DebugNonroot => "debug-nonroot",
            Self::Dev => "dev",
        }
    }

    /// The variant with this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, UnknownVariant> {
        let found = Self::ALL.into_iter().find(|variant| variant.name() == name);
        found.ok_or_else(|| UnknownVariant {
            name: name.to_owned(),
        })
    }

    /// Whether it has busybox.
    pub fn is_debug(self) -> bool {
        matches!(self, Self::Debug | Self::DebugNonroot)
    }

    /// Whether it is the fuller image, with a shell, apt and a compiler.
    pub fn is_dev(self) -> bool {
        self == Self::Dev
    }

    /// Whether its user is `nonroot`.
    pub fn is_nonroot(self) -> bool {
        matches!(self, Self::Nonroot | Self::DebugNonroot)
    }
}
