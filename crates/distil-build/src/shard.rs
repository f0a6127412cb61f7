//! A part of many images, for machines that make them together.

use std::str::FromStr;

use distil_store::Digest;

use crate::output::ImageRequest;

/// The most parts that there can be.
const MOST: u64 = 100_000;

/// One of several parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from zero.
    number: u64,
    /// Of how many.
    count: u64,
}

/// A text is no part of several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// It has another form.
    #[error("`{0}` is not a part of several, such as `3/16`")]
    Form(String),
    /// There is no such part.
    #[error("`{text}` is out of range: parts are counted from 1 to {count}")]
    Range {
        /// The text.
        text: String,
        /// How many parts there are.
        count: u64,
    },
    /// There are none, or too many.
    #[error("`{text}` names {count} parts; there can be 1 to {}", MOST)]
    Count {
        /// The text.
        text: String,
        /// How many.
        count: u64,
    },
}

impl Shard {
    /// Whether an image is in the part. Its name and its suite decide, so that all its variants and
    /// platforms are made where their common layers are.
    pub fn has(self, request: &ImageRequest) -> bool {
        self.has_name(
            &request.request.source.definition.name,
            request.suite.codename,
        )
    }

    /// Whether the image of this name is in the part.
    pub(crate) fn has_name(self, name: &str, suite: &str) -> bool {
        let digest = Digest::of(format!("{name}\n{suite}"));
        let first = digest.as_bytes().iter().take(8);
        let number = first.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.number
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let form = || InvalidShard::Form(text.to_owned());
        let (part, count) = text.split_once('/').ok_or_else(form)?;
        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_plain.then(|| digits.parse().ok());
            number.flatten().ok_or_else(form)
        };
        let (part, count): (u64, u64) = (number(part)?, number(count)?);
        let text = text.to_owned();
        if !(1..=MOST).contains(&count) {
            return Err(InvalidShard::Count { text, count });
        }
        if !(1..=count).contains(&part) {
            return Err(InvalidShard::Range { text, count });
        }
        Ok(Self {
            number: part - 1,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Shard>().unwrap_err().to_string()
    }

    #[test]
    fn each_image_is_in_one_part() {
        for count in [1, 2, 7, 16] {
            for name in ["static", "base", "python3", "java21", "nodejs"] {
                let parts = (1..=count).map(|part| format!("{part}/{count}").parse().unwrap());
                let parts = parts.filter(|part: &Shard| part.has_name(name, "trixie"));
                assert_eq!(parts.count(), 1, "{name} of {count}");
            }
        }
    }

    #[test]
    fn parts_stay_what_they_are() {
        let part = |name| {
            let mut parts = (1..=4).map(|part| format!("{part}/4").parse::<Shard>().unwrap());
            parts.position(|part| part.has_name(name, "trixie"))
        };
        // Machines of different versions have to agree.
        assert_eq!(
            ["python3", "java21", "nodejs", "static"].map(part),
            [Some(2), Some(0), Some(0), Some(1)]
        );
    }

    #[test]
    fn what_is_no_part_is_refused() {
        insta::assert_snapshot!(error("3"), @"`3` is not a part of several, such as `3/16`");
        insta::assert_snapshot!(error("0/16"), @"`0/16` is out of range: parts are counted from 1 to 16");
        insta::assert_snapshot!(error("17/16"), @"`17/16` is out of range: parts are counted from 1 to 16");
        insta::assert_snapshot!(error("1/0"), @"`1/0` names 0 parts; there can be 1 to 100000");
        insta::assert_snapshot!(error("1/100001"), @"`1/100001` names 100001 parts; there can be 1 to 100000");
        for text in [
            "",
            "/",
            "1/",
            "/2",
            "-1/2",
            "+1/2",
            "1/2/3",
            "1 /2",
            "99999999999999999999/2",
            "\u{663}/4",
        ] {
            assert!(
                matches!(text.parse::<Shard>(), Err(InvalidShard::Form(_))),
                "{text}"
            );
        }
    }
}
