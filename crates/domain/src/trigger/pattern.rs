//! Which repositories, and which branches and tags.
//!
//! `*` stops at a slash and `**` does not, as in the path filters of forges. Repositories are
//! compared without regard to case, as GitHub, Gitea and GitLab look them up; branches and tags
//! are compared with it, as git does.

use globset::{GlobBuilder, GlobMatcher};

use crate::FieldError;

const MAX_CHARS: usize = 255;

/// A pattern, ready to be compared.
#[derive(Debug, Clone)]
pub(super) struct Pattern(GlobMatcher);

impl Pattern {
    /// A pattern of repositories: `owner/name`, `owner/*`, or `**` for any.
    pub(super) fn of_repositories(text: &str) -> Result<Self, FieldError> {
        const HINT: &str = "write owner/name, owner/* or ** for any repository";
        if !text.contains('/') && text != "**" {
            return Err(FieldError::new("repository", "names no owner").hint(HINT));
        }
        Self::parse("repository", text, true).map_err(|error| error.hint(HINT))
    }

    /// A pattern of branches and tags by their short names, or of both by their long ones:
    /// `main`, `v*`, `refs/tags/**`.
    pub(super) fn of_refs(text: &str) -> Result<Self, FieldError> {
        Self::parse("ref", text, false)
            .map_err(|error| error.hint("write main, release/*, v* or refs/tags/**"))
    }

    fn parse(field: &str, text: &str, any_case: bool) -> Result<Self, FieldError> {
        if text.is_empty() || text.len() > MAX_CHARS || text.contains(char::is_control) {
            let message = format!("must be 1 to {MAX_CHARS} characters, none of them a control");
            return Err(FieldError::new(field, message));
        }
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .case_insensitive(any_case)
            .backslash_escape(true)
            .build()
            .map_err(|error| FieldError::new(field, format!("is no pattern: {}", error.kind())))?;
        Ok(Self(glob.compile_matcher()))
    }

    /// The pattern as it was written.
    pub(super) fn as_str(&self) -> &str {
        self.0.glob().glob()
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// Whether a branch or tag fits, by its long name where the pattern is of long names.
    pub(super) fn matches_ref(&self, kind: &str, name: &str) -> bool {
        match self.as_str().starts_with("refs/") {
            true => self.matches(&format!("refs/{kind}/{name}")),
            false => self.matches(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_in_any_case() {
        let matches =
            |pattern: &str, name: &str| Pattern::of_repositories(pattern).unwrap().matches(name);
        assert!(matches("Octo/*", "octo/App"));
        assert!(matches("octo/app-{web,api}", "octo/app-api"));
        assert!(matches("**", "group/sub/app") && matches("**", "octo/app"));
        assert!(matches("group/**", "group/sub/app"));
        assert!(!matches("group/*", "group/sub/app"));
        assert!(!matches("octo/*", "octopus/app") && !matches("octo/app", "octo/app2"));
    }

    #[test]
    fn refs_as_git_has_them() {
        let matches = |pattern: &str, kind: &str, name: &str| {
            Pattern::of_refs(pattern).unwrap().matches_ref(kind, name)
        };
        assert!(matches("main", "heads", "main") && !matches("main", "heads", "Main"));
        assert!(matches("release/*", "heads", "release/1") && !matches("*", "heads", "a/b"));
        assert!(matches("**", "tags", "a/b"));
        assert!(matches("refs/tags/v*", "tags", "v1") && !matches("refs/tags/v*", "heads", "v1"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_its_field() {
        for bad in ["", "app", "*", "o/[", "o/{a", "o/\n"] {
            let error = Pattern::of_repositories(bad).unwrap_err();
            assert_eq!(error.field, "repository", "{bad:?}");
            assert!(error.hint.is_some());
        }
        assert_eq!(Pattern::of_refs("[").unwrap_err().field, "ref");
    }
}
