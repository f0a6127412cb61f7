//! Variables in definitions: `${multiarch}`.

/// A variable that there is not, or that is not closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` uses `${{{name}}}`, and there is no such variable")]
pub struct UnknownVariable {
    /// The text that it stands in.
    pub text: String,
    /// Its name.
    pub name: String,
}

/// Fills variables in; `value` gives a variable's value. `$$` stands for a dollar sign.
///
/// # Errors
/// If a variable has no value.
pub fn expand(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, UnknownVariable> {
    expand_with(text, value, "$")
}

/// As [`expand`], for a text that is expanded once more: `$$` stays as it is.
pub(super) fn expand_in_part(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, UnknownVariable> {
    expand_with(text, value, "$$")
}

fn expand_with(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
    dollar_sign: &str,
) -> Result<String, UnknownVariable> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let behind = &rest[dollar + 1..];
        if let Some(behind) = behind.strip_prefix('$') {
            expanded.push_str(dollar_sign);
            rest = behind;
        } else if let Some(variable) = behind.strip_prefix('{') {
            let (name, behind) = variable.split_once('}').unwrap_or((variable, ""));
            let unknown = || UnknownVariable {
                text: text.to_owned(),
                name: name.to_owned(),
            };
            expanded.push_str(&value(name).ok_or_else(unknown)?);
            rest = behind;
        } else {
            expanded.push('$');
            rest = behind;
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        (name == "suite").then(|| "trixie".to_owned())
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(expand("/a/${suite}/b", &value).unwrap(), "/a/trixie/b");
        assert_eq!(expand("$$5 costs $5 $", &value).unwrap(), "$5 costs $5 $");
        assert_eq!(expand("", &value).unwrap(), "");
    }

    #[test]
    fn unknown_ones_are_named() {
        let message = |text| expand(text, &value).unwrap_err().to_string();
        assert_eq!(
            message("x${sweet}"),
            "`x${sweet}` uses `${sweet}`, and there is no such variable"
        );
        assert!(message("x${open").contains("`${open}`"));
    }
}
