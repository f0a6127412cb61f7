//! The words of a command, told apart: operands, and options with their values.

/// The words of a command behind its name.
pub(crate) struct Words<'w> {
    /// The words that are neither options nor values of options.
    pub(crate) operands: Vec<&'w str>,
    /// The options, each with its value where it has one.
    options: Vec<(&'w str, Option<&'w str>)>,
}

impl<'w> Words<'w> {
    /// Tells words apart. Options of the list have their value in the next word; behind `--` there
    /// are operands alone.
    pub(crate) fn new(words: &'w [String], with_value: &[&str]) -> Self {
        let mut sorted = Self {
            operands: Vec::new(),
            options: Vec::new(),
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                sorted.operands.extend(words.by_ref());
            } else if with_value.contains(&word) {
                sorted.options.push((word, words.next()));
            } else if let Some((option, value)) = long_with_value(word) {
                sorted.options.push((option, Some(value)));
            } else if word.len() > 1 && word.starts_with('-') {
                sorted.options.push((word, None));
            } else {
                sorted.operands.push(word);
            }
        }
        sorted
    }

    /// Whether an option is there.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == option)
    }

    /// Whether one of the letters is among the short options, alone or with others: `s` in `-sf`.
    pub(crate) fn has_letter(&self, letter: char) -> bool {
        let short = self
            .options
            .iter()
            .filter(|(name, _)| !name.starts_with("--"));
        let mut short = short.map(|(name, _)| name);
        short.any(|name| name.contains(letter))
    }

    /// The value of the first of these options that has one.
    pub(crate) fn value(&self, options: &[&str]) -> Option<&'w str> {
        let mut found = self.options.iter();
        found.find_map(|(name, value)| value.filter(|_| options.contains(name)))
    }

    /// The number that one of these options has for its value.
    pub(crate) fn number(&self, options: &[&str]) -> Option<u32> {
        self.value(options)?.parse().ok()
    }
}

/// `--option=value`.
fn long_with_value(word: &str) -> Option<(&str, &str)> {
    let (option, value) = word.split_once('=')?;
    option.starts_with("--").then_some((option, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_operands() {
        let words = "-m 0750 -o root --group=adm -sf /a -- -b";
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let words = Words::new(&words, &["-m", "-o"]);
        assert_eq!(words.operands, ["/a", "-b"]);
        assert_eq!(words.value(&["-m"]), Some("0750"));
        assert_eq!(words.value(&["-g", "--group"]), Some("adm"));
        assert!(words.has("--group") && words.has_letter('s') && !words.has_letter('r'));
        assert_eq!(words.number(&["-m"]), Some(750));
    }
}
