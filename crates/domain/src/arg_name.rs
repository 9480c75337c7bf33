//! Names of build arguments.

/// A name as `ARG` takes it: letters, digits and underscores, the rest left out. `None` where
/// nothing is left.
#[must_use]
pub fn arg_name(name: &str) -> Option<String> {
    let good = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = name.chars().filter(good).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_reduced_to_what_arg_takes() {
        assert_eq!(arg_name("a.b-C_1=\n").as_deref(), Some("abC_1"));
        assert_eq!(arg_name("ü=$ "), None);
    }
}
