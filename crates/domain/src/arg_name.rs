//! Names of build arguments.

use std::collections::BTreeMap;

use crate::FieldError;

/// A name as `ARG` takes it: letters, digits and underscores, the rest left out. `None` where
/// nothing is left.
#[must_use]
pub fn arg_name(name: &str) -> Option<String> {
    let good = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = name.chars().filter(good).collect();
    (!name.is_empty()).then_some(name)
}

/// Refuses names that no `ARG` can declare. A builder is given such an argument, passes over it,
/// and says nothing.
///
/// # Errors
/// Names the field `args`.
pub fn check_arg_names(args: &BTreeMap<String, String>) -> Result<(), FieldError> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match args.keys().any(|name| name.is_empty() || name.contains(odd)) {
        true => Err(FieldError::new("args", "has a name that is empty or has a blank in it")
            .hint("write it as ARG has it in the Dockerfile, such as VERSION")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_reduced_to_what_arg_takes() {
        assert_eq!(arg_name("a.b-C_1=\n").as_deref(), Some("abC_1"));
        assert_eq!(arg_name("ü=$ "), None);
    }

    #[test]
    fn names_that_no_dockerfile_declares() {
        let checked = |name: &str| check_arg_names(&[(name.to_owned(), String::new())].into());
        for good in ["A", "http_proxy", "a.b-c", "BUILDKIT_CONTEXT_KEEP_GIT_DIR"] {
            checked(good).unwrap();
        }
        for bad in ["", " ", "A B", "A\t", "A\n", "\u{a0}A", "\0"] {
            assert_eq!(checked(bad).unwrap_err().field, "args", "{bad:?}");
        }
    }
}
