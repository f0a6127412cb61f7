//! Pointers to the values of a definition.

/// A step from a part of a definition to a part of that part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an entry of a list, counted from zero.
    Index(usize),
    /// To the key itself, not its value.
    Entry(String),
}

/// The way from the top of a definition to one of its values, such as `when[0].files[1].from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<Step>);

impl Pointer {
    /// To the value of a key of the definition itself.
    pub(crate) fn to(key: &str) -> Self {
        Self(vec![Step::Key(key.to_owned())])
    }

    /// To the value of a key of the mapping that this one leads to.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.and(Step::Key(key.to_owned()))
    }

    /// To an entry, counted from zero, of the list that this one leads to. A single word may
    /// stand for a list of one.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.and(Step::Index(index))
    }

    /// To a key, not its value, of the mapping that this one leads to.
    pub(crate) fn entry(&self, key: &str) -> Self {
        self.and(Step::Entry(key.to_owned()))
    }

    /// The steps.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    fn and(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}
