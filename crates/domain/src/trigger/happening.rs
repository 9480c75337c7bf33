//! What happened at a forge, whichever it is, as far as triggers care.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FieldError, Forge};

/// Something happened to a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Where.
    pub forge: Forge,
    /// To which repository. Of a pull request, the one that it wants to get into.
    pub repository: RepositoryName,
    /// What.
    pub what: What,
    /// What is to be built. Releases do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A branch is somewhere else, or is new.
    Branch {
        /// Its short name.
        branch: String,
    },
    /// A tag is somewhere else, or is new.
    Tag {
        /// Its short name.
        tag: String,
    },
    /// A release was published.
    Release {
        /// Its tag.
        tag: String,
    },
    /// A pull request was opened, or has new commits.
    PullRequest {
        /// Its number in its repository.
        number: u64,
        /// The branch that it wants to get into.
        into: String,
        /// Whether its commits are from somebody else's repository.
        fork: bool,
    },
}

impl What {
    /// A push, by the long name of what was pushed.
    ///
    /// # Errors
    /// When it is neither of a branch nor of a tag.
    pub fn pushed(reference: &str) -> Result<Self, FieldError> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let branch = reference.strip_prefix("refs/heads/").and_then(named);
        let tag = reference.strip_prefix("refs/tags/").and_then(named);
        match (branch, tag) {
            (Some(branch), _) => Ok(Self::Branch { branch }),
            (_, Some(tag)) => Ok(Self::Tag { tag }),
            (None, None) => Err(FieldError::new("ref", "is neither of a branch nor of a tag")
                .hint("write it as refs/heads/main or refs/tags/v1")),
        }
    }

    /// What it is about, in the words of git where git has some.
    #[must_use]
    pub fn reference(&self) -> String {
        match self {
            Self::Branch { branch } => format!("refs/heads/{branch}"),
            Self::Tag { tag } | Self::Release { tag } => format!("refs/tags/{tag}"),
            Self::PullRequest { number, .. } => format!("refs/pull/{number}"),
        }
    }
}

/// A repository and whose it is: `owner/name`, or `group/subgroup/name` on GitLab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Reads a full name.
    ///
    /// # Errors
    /// When no forge has such names: they go into paths and into the names of images.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name = |part: &str| {
            !part.is_empty() && part.len() <= 255 && part.chars().all(good)
                // No forge has them, and paths mean something else by them.
                && part != "." && part != ".." && !part.starts_with('-')
        };
        let parts = text.split('/').count();
        let fits = (2..=20).contains(&parts) && text.len() <= 1024 && text.split('/').all(is_name);
        fits.then(|| Self(text.to_owned())).ok_or_else(|| {
            FieldError::new("repository", "is no full name of a repository")
                .hint("write it as owner/name")
        })
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose it is: everything before the name.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(owner, _)| owner)
    }

    /// Its name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The full name of a commit: 40 or 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(String);

impl CommitId {
    /// Reads a full name.
    ///
    /// # Errors
    /// When it is none, or that of no commit, which is all zeros.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let is_id = matches!(text.len(), 40 | 64)
            && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            && text.bytes().any(|byte| byte != b'0');
        is_id.then(|| Self(text.to_ascii_lowercase())).ok_or_else(|| {
            FieldError::new("commit", "is no full name of a commit: 40 or 64 hexadecimal digits")
        })
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first seven digits.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_path_reads_otherwise() {
        let name = RepositoryName::parse("group/sub/app.js").unwrap();
        assert_eq!((name.owner(), name.name()), ("group/sub", "app.js"));
        for bad in [
            "", "app", "/app", "o/", "o//a", "../x", "o/..", "o/a b", "o/-x", "o/a?b", "o/ä",
            "o/a\n",
        ] {
            assert_eq!(RepositoryName::parse(bad).unwrap_err().field, "repository", "{bad:?}");
        }
    }

    #[test]
    fn commits_by_their_full_names() {
        let id = CommitId::parse(&"AB".repeat(20)).unwrap();
        assert_eq!((id.short(), id.as_str().len()), ("abababa", 40));
        for bad in ["", "abc", &"0".repeat(40), &"x".repeat(40), &"a".repeat(41)] {
            CommitId::parse(bad).unwrap_err();
        }
    }

    #[test]
    fn branches_and_tags() {
        let branch = What::pushed("refs/heads/a/b").unwrap();
        assert_eq!(branch, What::Branch { branch: "a/b".into() });
        assert_eq!(branch.reference(), "refs/heads/a/b");
        for bad in ["main", "refs/heads/", "refs/notes/x", ""] {
            assert_eq!(What::pushed(bad).unwrap_err().field, "ref");
        }
    }
}
