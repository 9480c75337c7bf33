//! A commit of a repository on GitHub, fetched as an archive through its API.
//!
//! The reference is resolved first, so that the build knows its commit whatever happens to a
//! branch meanwhile; the archive is that of the commit. Sources: *Get a commit* and *Download
//! a repository archive (tar)* of GitHub's REST documentation, API version 2022-11-28.

use slipway_context::{ContextOptions, Strip};
use slipway_domain::{Failure, GitRef, GithubOwner, GithubRepo, Reason, Secret, SubDir};
use slipway_outbound::{FetchError, FetchErrorKind, HeaderError, Limits, Request, SecretHeader};
use url::Url;

use super::download::{self, Wanted};
use super::{Opened, Order};
use crate::run::Broken;

/// An id and no more.
const MAX_ANSWER: u64 = 4096;

pub(super) async fn open<'a>(
    order: Order<'a>,
    (owner, repo): (&GithubOwner, &GithubRepo),
    reference: Option<&GitRef>,
    subdir: Option<&SubDir>,
) -> Result<Opened<'a>, Broken> {
    let repository = Repository { order, owner, repo };
    let commit = repository.resolve(reference).await?;
    let named = reference.map_or("the default branch".to_owned(), ToString::to_string);
    order.log.say(&format!("{named} of {owner}/{repo} is commit {commit}")).await?;
    order.resolved(&commit).await?;
    let wanted = Wanted {
        url: repository.path(&["tarball", &commit])?,
        login: None,
        headers: repository.headers("application/vnd.github+json")?,
        sha256: None,
    };
    let options = ContextOptions { strip: Strip::SingleTopFolder, ..order.options(subdir) };
    download::open(order, wanted, options).await
}

struct Repository<'a> {
    order: Order<'a>,
    owner: &'a GithubOwner,
    repo: &'a GithubRepo,
}

impl Repository<'_> {
    /// The full id of the commit that is meant.
    async fn resolve(&self, reference: Option<&GitRef>) -> Result<String, Failure> {
        // The API takes names as they are; the long form it takes without its first word.
        let name = reference.map_or("HEAD", GitRef::as_str);
        let name = name.strip_prefix("refs/").unwrap_or(name);
        let parts: Vec<&str> = ["commits"].into_iter().chain(name.split('/')).collect();
        let total = self.order.worker.settings.fetch_timeout;
        let request = Request {
            url: self.path(&parts)?,
            login: None,
            headers: self.headers("application/vnd.github.sha")?,
            limits: Limits { total, ..Limits::bytes(MAX_ANSWER) },
        };
        let failed = |error: FetchError| self.failure(&error, reference);
        let mut body = self.order.worker.reach.fetcher.get(request).await.map_err(failed)?.body;
        let mut answer = Vec::new();
        while let Some(bytes) = body.chunk().await.map_err(failed)? {
            answer.extend_from_slice(&bytes);
        }
        let text = String::from_utf8_lossy(&answer);
        let id = text.trim();
        let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| id.to_owned()).ok_or_else(|| {
            Failure::new(Reason::SourceError, "github answered with something else than a commit")
                .hint("see whether sources.github_api of the worker's settings is GitHub's API")
        })
    }

    fn path(&self, parts: &[&str]) -> Result<Url, Failure> {
        let mut url = self.order.worker.reach.github.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::new(Reason::Internal, "sources.github_api has no path"))?
            .pop_if_empty()
            .extend(["repos", self.owner.as_str(), self.repo.as_str()])
            .extend(parts);
        Ok(url)
    }

    fn headers(&self, accept: &str) -> Result<Vec<SecretHeader>, Failure> {
        let open = |name, value: &str| SecretHeader::new(name, &Secret::from(value.to_owned()));
        let token = self.order.secrets.token.as_ref().map(download::bearer);
        [open("accept", accept), open("x-github-api-version", "2022-11-28")]
            .into_iter()
            .chain(token)
            .collect::<Result<_, HeaderError>>()
            .map_err(|error| {
                Failure::new(Reason::SourceError, format!("github cannot be asked: {error}"))
                    .hint("correct source.token")
            })
    }

    fn failure(&self, error: &FetchError, reference: Option<&GitRef>) -> Failure {
        let (owner, repo) = (self.owner, self.repo);
        let named = reference.map_or("HEAD", GitRef::as_str);
        let has_token = self.order.secrets.token.is_some();
        let not_found = |message: String| {
            Failure::new(Reason::SourceNotFound, message).hint(if has_token {
                "see whether owner, repo and ref are right, and whether the token may read the \
                 contents of this repository"
            } else {
                "see whether owner, repo and ref are right; a private repository looks the same \
                 without a token, which goes into source.token"
            })
        };
        match &error.kind {
            FetchErrorKind::NotFound => {
                not_found(format!("github has no repository {owner}/{repo}, or no {named} in it"))
            }
            // "No commit found for SHA: …"
            FetchErrorKind::Status(422) => {
                not_found(format!("the repository {owner}/{repo} on github has no {named}"))
            }
            // "Git Repository is empty."
            FetchErrorKind::Status(409) => Failure::new(
                Reason::SourceNotFound,
                format!("the repository {owner}/{repo} on github is empty"),
            ),
            FetchErrorKind::RateLimited { again } if !has_token => Failure::new(
                Reason::SourceError,
                format!(
                    "github takes no more requests without a token for now{}",
                    again.as_ref().map(|again| format!(" (again {again})")).unwrap_or_default()
                ),
            )
            .hint("give source.token: those with a token may ask more often"),
            FetchErrorKind::Denied { .. } if has_token => Failure::new(
                Reason::SourceDenied,
                format!("github refuses the token for {owner}/{repo}"),
            )
            .hint("see whether it is right and has not expired, and may read this repository"),
            FetchErrorKind::Denied { .. } => Failure::new(
                Reason::SourceDenied,
                format!("github answers no more requests for {owner}/{repo} without a token"),
            )
            .hint("give source.token: those with a token may ask more often"),
            FetchErrorKind::BadUrl(_)
            | FetchErrorKind::Refused(_)
            | FetchErrorKind::Unresolved(_)
            | FetchErrorKind::Unreachable(_)
            | FetchErrorKind::Tls(_)
            | FetchErrorKind::NotHttp
            | FetchErrorKind::RateLimited { .. }
            | FetchErrorKind::Status(_)
            | FetchErrorKind::Redirect(_)
            | FetchErrorKind::Idle(_)
            | FetchErrorKind::TooSlow { .. }
            | FetchErrorKind::TimedOut(_)
            | FetchErrorKind::TooLarge { .. }
            | FetchErrorKind::Cut { .. } => error.failure(),
        }
    }
}
