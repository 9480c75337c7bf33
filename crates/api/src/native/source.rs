//! Sources as `/api/v2` speaks of them.

use std::collections::BTreeMap;

use slipway_api_types::{SourceAuth, SourceRequest, SourceView};
use slipway_domain::{
    ArchiveUrl, Credentials, FieldError, GitRef, GitUrl, GithubOwner, GithubRepo, Hidden, ImageRef,
    Secret, Sha256, Source, SourceSecrets, SubDir, UploadId, frames_a_request,
};
use slipway_ssh::SshKey;
use slipway_store::builds::Build;

use crate::templates::{Templates, Values};

/// Reads what was asked for, or fills in the template that was. A template turns the
/// environment into build arguments: they are added to `args`.
pub(super) fn read_or_fill(
    asked: SourceRequest,
    templates: &Templates,
    args: &mut BTreeMap<String, String>,
) -> Result<(Source, SourceSecrets), FieldError> {
    if let SourceRequest::Template { name, environment, files } = asked {
        let values = Values { environment, args: std::mem::take(args), files };
        let filled = templates.find(&name)?.fill(values)?;
        *args = filled.args;
        return Ok((filled.source, SourceSecrets::default()));
    }
    read(asked)
}

/// Reads what was asked for. What must not be seen comes apart from it.
pub(crate) fn read(asked: SourceRequest) -> Result<(Source, SourceSecrets), FieldError> {
    let open = |source| Ok((source, SourceSecrets::default()));
    match asked {
        SourceRequest::Dockerfile { content, files } => {
            open(Source::Dockerfile { content, files, template: None })
        }
        SourceRequest::Upload { id } => open(Source::Upload { id: UploadId::from_uuid(id) }),
        SourceRequest::Archive { url, sha256, subdir, auth } => {
            let (url, hidden) = ArchiveUrl::parse(&url)?;
            let auth = auth.unwrap_or_default();
            refuse_ssh_key(&auth, "is for repositories by ssh, not for archives")?;
            let secrets = secrets(hidden, auth)?;
            let sha256 = sha256.as_deref().map(Sha256::parse).transpose()?;
            Ok((Source::Archive { url, sha256, subdir: folder(subdir)? }, secrets))
        }
        SourceRequest::Git { url, r#ref, subdir, submodules, known_hosts, auth } => {
            let (url, hidden) = GitUrl::parse(&url)?;
            let auth = auth.unwrap_or_default();
            check_git(&url, known_hosts.as_deref(), &auth)?;
            let secrets = secrets(hidden, auth)?;
            let (reference, subdir) = (reference(r#ref)?, folder(subdir)?);
            Ok((Source::Git { url, reference, subdir, submodules, known_hosts }, secrets))
        }
        SourceRequest::Github { owner, repo, r#ref, subdir, token } => {
            let (owner, repo) = (GithubOwner::parse(&owner)?, GithubRepo::parse(&repo)?);
            let (reference, subdir) = (reference(r#ref)?, folder(subdir)?);
            check_text("source.token", token.as_ref())?;
            let secrets = SourceSecrets { token, ..SourceSecrets::default() };
            Ok((Source::Github { owner, repo, reference, subdir }, secrets))
        }
        SourceRequest::Image { r#ref, all_platforms } => {
            let image = ImageRef::parse(&r#ref)
                .map_err(|error| FieldError::new("source.ref", error.to_string()))?;
            open(Source::Image { image, all_platforms })
        }
        SourceRequest::Template { .. } => {
            Err(FieldError::new("source.type", "cannot be template here"))
        }
    }
}

/// What a retry brings for a source that was read before, and its address, where that hid
/// something: what the first build brought was erased when it ended.
pub(super) fn again(
    source: &Source,
    auth: Option<SourceAuth>,
    url: Option<&str>,
) -> Result<SourceSecrets, FieldError> {
    if auth.is_none() && url.is_none() {
        return Ok(SourceSecrets::default());
    }
    let auth = auth.unwrap_or_default();
    let read = || {
        let hidden = url.map_or_else(|| Ok(Hidden::default()), |url| same_place(source, url))?;
        check_again(source, &auth)?;
        secrets(hidden, auth)
    };
    read().map_err(|error| {
        let field = error.field.replace("source.auth", "source_auth");
        FieldError { field: field.replace("source.url", "source_url"), ..error }
    })
}

/// What an address hides that is the source's own but for that.
fn same_place(source: &Source, text: &str) -> Result<Hidden, FieldError> {
    let (shown, given, hidden) = match source {
        Source::Archive { url, .. } => {
            let (given, hidden) = ArchiveUrl::parse(text)?;
            (url.as_str(), given.to_string(), hidden)
        }
        Source::Git { url, .. } => {
            let (given, hidden) = GitUrl::parse(text)?;
            (url.as_str(), given.to_string(), hidden)
        }
        Source::Github { .. }
        | Source::Dockerfile { .. }
        | Source::Upload { .. }
        | Source::Image { .. } => {
            let message = format!("is not for a source of type {}", source.kind());
            return Err(FieldError::new("source.url", message));
        }
    };
    if given == shown {
        return Ok(hidden);
    }
    let message = format!("is another address than that of the build, which is {shown}");
    Err(FieldError::new("source.url", message).hint("submit a new build for another source"))
}

fn check_again(source: &Source, auth: &SourceAuth) -> Result<(), FieldError> {
    let SourceAuth { username, password, token, headers, ssh_key } = auth;
    let has_login = username.is_some() || password.is_some() || ssh_key.is_some();
    match source {
        Source::Archive { .. } => {
            refuse_ssh_key(auth, "is for repositories by ssh, not for archives")
        }
        Source::Git { url, known_hosts, .. } => check_git(url, known_hosts.as_deref(), auth),
        Source::Github { .. } => {
            if has_login || !headers.is_empty() {
                return Err(FieldError::new("source.auth", "for github takes a token alone"));
            }
            Ok(())
        }
        Source::Dockerfile { .. } | Source::Upload { .. } | Source::Image { .. } => {
            if !has_login && token.is_none() && headers.is_empty() {
                return Ok(());
            }
            let message = format!("is not for a source of type {}", source.kind());
            Err(FieldError::new("source.auth", message))
        }
    }
}

/// A build's source as it is shown.
pub(super) fn view(build: &Build) -> SourceView {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let text = |subdir: &Option<SubDir>| subdir.as_ref().map(|path| path.as_str().to_owned());
    let name = |named: &Option<GitRef>| named.as_ref().map(ToString::to_string);
    match &build.spec.source {
        Source::Dockerfile { files, template: Some(name), .. } => {
            SourceView::Template { name: name.to_string(), files: count(files.len()) }
        }
        Source::Dockerfile { content, files, template: None } => {
            SourceView::Dockerfile { bytes: count(content.len()), files: count(files.len()) }
        }
        Source::Upload { id } => SourceView::Upload { id: id.as_uuid() },
        Source::Archive { url, sha256, subdir } => SourceView::Archive {
            url: url.to_string(),
            sha256: sha256.as_ref().map(|digest| digest.as_str().to_owned()),
            subdir: text(subdir),
        },
        Source::Git { url, reference, subdir, submodules, .. } => SourceView::Git {
            url: url.to_string(),
            r#ref: name(reference),
            subdir: text(subdir),
            submodules: *submodules,
            commit: build.source_commit.clone(),
        },
        Source::Github { owner, repo, reference, subdir } => SourceView::Github {
            owner: owner.to_string(),
            repo: repo.to_string(),
            r#ref: name(reference),
            subdir: text(subdir),
            commit: build.source_commit.clone(),
        },
        Source::Image { image, all_platforms } => {
            SourceView::Image { r#ref: image.to_string(), all_platforms: *all_platforms }
        }
    }
}

fn folder(subdir: Option<String>) -> Result<Option<SubDir>, FieldError> {
    subdir.as_deref().map_or(Ok(None), SubDir::parse)
}

fn reference(named: Option<String>) -> Result<Option<GitRef>, FieldError> {
    named.as_deref().filter(|name| !name.is_empty()).map(GitRef::parse).transpose()
}

fn check_git(url: &GitUrl, known_hosts: Option<&str>, auth: &SourceAuth) -> Result<(), FieldError> {
    if !auth.headers.is_empty() {
        return Err(field("headers", "is for archives; give a repository a login or a token"));
    }
    if !url.is_ssh() {
        if known_hosts.is_some() {
            let message = "is for repositories by ssh; this one is by https";
            return Err(FieldError::new("source.known_hosts", message));
        }
        return refuse_ssh_key(auth, "is for repositories by ssh; this one is by https");
    }
    if auth.username.is_some() || auth.password.is_some() || auth.token.is_some() {
        return Err(FieldError::new("source.auth", "has a login, and ssh takes a key")
            .hint("put a private key into source.auth.ssh_key, or use the https address"));
    }
    let Some(key) = &auth.ssh_key else {
        return Err(field("ssh_key", "is missing: a repository by ssh is reached with a key"));
    };
    if key.expose().len() > 16 * 1024 {
        return Err(field("ssh_key", "is larger than 16 KiB, which no private key is"));
    }
    SshKey::parse(key.expose())
        .map(drop)
        .map_err(|problem| field("ssh_key", problem.to_string()).hint(problem.hint()))
}

fn refuse_ssh_key(auth: &SourceAuth, message: &str) -> Result<(), FieldError> {
    auth.ssh_key.as_ref().map_or(Ok(()), |_| Err(field("ssh_key", message)))
}

/// One way in, whether it stood in the address or beside it.
fn secrets(hidden: Hidden, auth: SourceAuth) -> Result<SourceSecrets, FieldError> {
    let SourceAuth { username, password, token, headers, ssh_key } = auth;
    if username.as_deref().is_some_and(str::is_empty) {
        return Err(field("username", "is empty, as of a variable that is not set"));
    }
    check_text("source.auth.password", password.as_ref())?;
    let login = match (username, password) {
        (None, None) => None,
        (Some(username), Some(password)) => Some(Credentials { username, password }),
        (Some(_), None) => return Err(field("password", "is missing beside the username")),
        (None, Some(_)) => {
            return Err(field("username", "is missing beside the password")
                .hint("a token without a user goes into source.auth.token"));
        }
    };
    if hidden.login.is_some() && login.is_some() {
        return Err(field("username", "is given, and the address has a login, too; give one"));
    }
    let login = hidden.login.or(login);
    if login.is_some() && token.is_some() {
        return Err(field("token", "is given beside a login; give one of them"));
    }
    if login.as_ref().is_some_and(|login| login.username.contains(':')) {
        return Err(field("username", "has a colon in it, which no username may have"));
    }
    check_text("source.auth.token", token.as_ref())?;
    if headers.len() > 20 {
        return Err(field("headers", "has more than 20 entries"));
    }
    for (name, value) in &headers {
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_name {
            return Err(field("headers", "has a name that no header may have"));
        }
        if frames_a_request(name) {
            let message = "is set by slipway itself: it frames the request or says where it goes";
            return Err(field(&format!("headers.{name}"), message).hint("leave it out"));
        }
        if name.eq_ignore_ascii_case("authorization") && (login.is_some() || token.is_some()) {
            return Err(field("headers", "has authorization beside a login or a token; give one"));
        }
        check_text(&format!("source.auth.headers.{name}"), Some(value))?;
    }
    Ok(SourceSecrets { url: hidden.url, login, token, headers, ssh_key })
}

/// What goes into a line of a request, which ends where a line does.
fn check_text(field: &str, value: Option<&Secret>) -> Result<(), FieldError> {
    let Some(value) = value else { return Ok(()) };
    if value.expose().is_empty() {
        return Err(FieldError::new(field, "is empty, as of a variable that is not set")
            .hint("leave it out where the source wants none"));
    }
    if value.expose().contains(char::is_control) {
        return Err(FieldError::new(field, "has a control character in it, such as a newline"));
    }
    if value.expose().len() > 16 * 1024 {
        return Err(FieldError::new(field, "is larger than 16 KiB"));
    }
    Ok(())
}

fn field(name: &str, message: impl Into<String>) -> FieldError {
    FieldError::new(format!("source.auth.{name}"), message)
}
