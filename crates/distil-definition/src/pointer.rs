//! Pointers to the values of a definition, or of another document in YAML.

/// A step from a part of a definition to a part of that part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an entry of a list, counted from zero.
    Index(usize),
    /// To the key itself, not its value.
    Entry(String),
}

/// The way from the top of a definition to one of its values, such as `when[0].files[1].from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<Step>);

impl Pointer {
    /// To the value of a key of the document itself.
    pub fn to(key: &str) -> Self {
        Self(vec![Step::Key(key.to_owned())])
    }

    /// To a key of the document itself, not its value.
    pub fn entry_of(key: &str) -> Self {
        Self(vec![Step::Entry(key.to_owned())])
    }

    /// To the value of a key of the mapping that this one leads to.
    pub fn key(&self, key: &str) -> Self {
        self.and(Step::Key(key.to_owned()))
    }

    /// To an entry, counted from zero, of the list that this one leads to. A single word may
    /// stand for a list of one.
    pub fn index(&self, index: usize) -> Self {
        self.and(Step::Index(index))
    }

    /// To a key, not its value, of the mapping that this one leads to.
    pub fn entry(&self, key: &str) -> Self {
        self.and(Step::Entry(key.to_owned()))
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    fn and(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}
