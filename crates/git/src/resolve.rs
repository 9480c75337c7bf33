//! What a reference means: a branch, a tag, any other ref, or a commit.
//!
//! A name that is a branch and a tag means the branch, as with `git checkout` and on
//! GitHub's pages; `refs/tags/…` or `tags/…` means the tag. A name is looked for before
//! digits are taken for a commit, as git does; only a whole name of a commit is one always.

use slipway_domain::{Failure, GitRef, Reason};

use crate::complaint::Complaint;
use crate::nearest::Nearest;
use crate::remote::Remote;
use crate::repository::{Format, Repository};
use crate::session::Session;

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A ref by its full name, or `HEAD`.
    Ref(String),
    /// A commit by its full name.
    Commit(String),
    /// The commit whose name begins so.
    Short(String),
}

/// What the server has.
pub(crate) struct Listing {
    /// Names that the reference can mean, the first first, and whether they are there.
    names: Vec<(String, bool)>,
    nearest: Nearest,
    any: bool,
    format: Format,
}

impl Wanted {
    /// What can be told without asking the server.
    pub(crate) fn at_once(reference: Option<&GitRef>) -> Option<Self> {
        let Some(reference) = reference else { return Some(Self::Ref("HEAD".to_owned())) };
        let text = reference.as_str();
        if reference.may_be_commit() && Format::of_length(text.len()).is_some() {
            return Some(Self::Commit(text.to_ascii_lowercase()));
        }
        let listed = ["refs/heads/", "refs/tags/"].iter().any(|kind| text.starts_with(kind));
        (text == "HEAD" || text.starts_with("refs/") && !listed).then(|| Self::Ref(text.to_owned()))
    }

    /// How the names of its objects are made, as far as it tells.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Commit(id) => Format::of_length(id.len()).unwrap_or(Format::Sha1),
            Self::Ref(_) | Self::Short(_) => Format::Sha1,
        }
    }
}

impl Listing {
    /// Asks the server for its branches and tags. They pass by: there may be a million.
    pub(crate) async fn ask(
        session: &Session<'_>,
        remote: &Remote,
        repository: &Repository,
        reference: &str,
    ) -> Result<Self, Failure> {
        let mut listing = Self::of(reference);
        let mut take = |line: &[u8]| listing.take(&String::from_utf8_lossy(line));
        let asked = ["ls-remote", "--heads", "--tags"];
        remote
            .run(session, repository, &asked, &[], &mut take)
            .await?
            .map_err(|complaint| remote.failure(&complaint))?;
        // Git takes a page of one line without an end for a list of no refs.
        if !listing.any && remote.is_page(session, repository).await? {
            return Err(remote.failure(&Complaint::Page));
        }
        Ok(listing)
    }

    fn of(reference: &str) -> Self {
        let names = if reference.starts_with("refs/") {
            vec![reference.to_owned()]
        } else {
            vec![
                format!("refs/heads/{reference}"),
                format!("refs/tags/{reference}"),
                format!("refs/{reference}"),
            ]
        };
        Self {
            names: names.into_iter().map(|name| (name, false)).collect(),
            nearest: Nearest::new(short(reference)),
            any: false,
            format: Format::Sha1,
        }
    }

    /// Takes `4f2a9c1…<tab>refs/heads/main`.
    fn take(&mut self, line: &str) {
        let Some((id, name)) = line.split_once('\t') else { return };
        self.format = Format::of_length(id.len()).unwrap_or(self.format);
        self.any = true;
        for (wanted, is_there) in &mut self.names {
            *is_there |= wanted == name;
        }
        // Of an annotated tag there is a second line for what it is of.
        if !name.ends_with("^{}") {
            self.nearest.show(short(name));
        }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// What the reference turned out to be.
    pub(crate) fn wanted(&self, reference: &GitRef) -> Option<Wanted> {
        if let Some((name, _)) = self.names.iter().find(|(_, is_there)| *is_there) {
            return Some(Wanted::Ref(name.clone()));
        }
        (self.any && reference.may_be_commit())
            .then(|| Wanted::Short(reference.as_str().to_ascii_lowercase()))
    }

    /// That there is no such thing.
    pub(crate) fn not_found(&self, remote: &Remote, reference: Option<&GitRef>) -> Failure {
        let url = &remote.url;
        if !self.any {
            return Failure::new(Reason::SourceNotFound, format!("the repository {url} is empty"))
                .hint("push a commit to it first");
        }
        let Some(reference) = reference else {
            let message = format!("{url} has no commit to take where no ref is named");
            let near = self.nearest.names();
            let example = near.first().copied().unwrap_or("main");
            return Failure::new(Reason::SourceNotFound, message)
                .hint(format!("its default branch does not exist; name one, such as {example}"));
        };
        let kind =
            if reference.may_be_commit() { "branch, tag or commit" } else { "branch or tag" };
        let message = format!("{url} has no {kind} {reference}");
        let mut hints = Vec::new();
        if is_request(reference.as_str()) {
            hints.push(format!("a request to merge is known by its whole name: refs/{reference}"));
        }
        if reference.has_too_few_digits() {
            let least = GitRef::LEAST_DIGITS;
            hints.push(format!("if it is a commit, give at least {least} of its digits"));
        }
        match self.nearest.names().as_slice() {
            [] => {}
            [one] => hints.push(format!("the nearest name is {one}")),
            names => hints.push(format!("the nearest names are {}", names.join(", "))),
        }
        if hints.is_empty() {
            hints.push("check the name; git ls-remote lists those that are there".to_owned());
        }
        let hint = hints.join("; ");
        Failure::new(Reason::SourceNotFound, message).hint(hint)
    }
}

/// Whether it is what GitHub, Gitea, GitLab and Gerrit call a request to merge, but for `refs/`
/// before it. There are many of those, and they are not listed with the branches and tags.
fn is_request(name: &str) -> bool {
    let kinds = ["pull/", "merge-requests/", "changes/"];
    let number = kinds.iter().find_map(|kind| name.strip_prefix(kind));
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

fn short(name: &str) -> &str {
    ["refs/heads/", "refs/tags/", "refs/"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_once(text: &str) -> Option<Wanted> {
        Wanted::at_once(Some(&GitRef::parse(text).unwrap()))
    }

    #[test]
    fn some_need_no_question() {
        let id = "4F2a9c1".repeat(6)[..40].to_owned();
        assert_eq!(at_once(&id), Some(Wanted::Commit(id.to_lowercase())));
        assert_eq!(at_once("refs/pull/7/head"), Some(Wanted::Ref("refs/pull/7/head".into())));
        assert_eq!(Wanted::at_once(None), Some(Wanted::Ref("HEAD".into())));
        for asked in ["main", "refs/heads/main", "refs/tags/v1", "4f2a9c1", "heads/main"] {
            assert_eq!(at_once(asked), None, "{asked}");
        }
    }

    #[test]
    fn branches_before_tags_before_commits() {
        let id = "4f2a9c1".repeat(6)[..40].to_owned();
        let wanted = |reference: &str, names: &[&str]| {
            let mut listing = Listing::of(reference);
            for name in names {
                listing.take(&format!("{id}\t{name}"));
            }
            listing.wanted(&GitRef::parse(reference).unwrap())
        };
        let found = |name: &str| Some(Wanted::Ref(name.to_owned()));
        let both = ["refs/heads/v1", "refs/tags/v1", "refs/heads/a/v1"];
        assert_eq!(wanted("v1", &both), found("refs/heads/v1"));
        assert_eq!(wanted("tags/v1", &both), found("refs/tags/v1"));
        assert_eq!(wanted("refs/tags/v1", &both), found("refs/tags/v1"));
        assert_eq!(wanted("deadbeef", &["refs/tags/deadbeef"]), found("refs/tags/deadbeef"));
        assert_eq!(wanted("deadbeef", &both), Some(Wanted::Short("deadbeef".into())));
        assert_eq!(wanted("deadbeef", &[]), None);
        assert_eq!(wanted("v", &both), None);
    }
}
