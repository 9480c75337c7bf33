//! What triggers are called.

use std::fmt;

use crate::FieldError;

/// Words that stand in the same place of a path as a trigger's name.
const TAKEN: [&str; 2] = ["deliveries", "dry-run"];

/// A trigger's name: 1 to 64 letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriggerName(String);

impl TriggerName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is of another form, or a word that paths have another meaning for.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() > 64 || !begins_well || !text.chars().all(good) {
            return Err(FieldError::new("name", "is not the name of a trigger").hint(
                "use 1 to 64 of a-z, A-Z, 0-9, dot, underscore and hyphen, beginning with a \
                 letter or digit",
            ));
        }
        if TAKEN.contains(&text) {
            return Err(FieldError::new("name", "is a word that the API has a meaning for"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TriggerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_paths_can_hold() {
        for good in ["web", "a.b_c-1", "9"] {
            assert_eq!(TriggerName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a/b", "a b", "ä", "dry-run", "deliveries", &"x".repeat(65)] {
            assert_eq!(TriggerName::parse(bad).unwrap_err().field, "name", "{bad}");
        }
    }
}
