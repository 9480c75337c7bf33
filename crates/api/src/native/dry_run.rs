//! `POST /api/v2/triggers/dry-run`: what would become of something, before it happens.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{DryRun, DryRunView, ErrorView, PassedByView, WouldBuild};
use slipway_domain::{CommitId, FieldError, Forge, Happening, RepositoryName, What};

use super::triggers;
use crate::error::Error;
use crate::webhooks::{Armed, Told, Webhooks, armed, read};
use crate::{Api, body, json};

/// Stands for a commit that is not told: nothing is fetched, and it is not shown.
const UNTOLD: &str = "7c1e94b0d35a86f2e8b1c4709fd6a3527be0918c";

/// Try out the triggers
///
/// What would a push, a release or a pull request build, and why would the other triggers build
/// nothing? Nothing is submitted.
#[utoipa::path(
    post, path = "/api/v2/triggers/dry-run", tag = "triggers", operation_id = "try_triggers",
    request_body = DryRun,
    responses(
        (status = 200, description = "What would become of it", body = DryRunView),
        (status = 400, description = "The body is wrong; `field` says where", body = ErrorView),
    )
)]
pub(crate) async fn dry_run(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let asked: DryRun = json::parse(&body)?;
    let mut view = DryRunView { ignored: None, builds: Vec::new(), passed_by: Vec::new() };
    let happening = match told(asked)? {
        Told::Ping | Told::Nothing => {
            view.ignored = Some("it is nothing that a trigger could be for".into());
            return Ok(HttpResponse::Ok().json(view));
        }
        Told::Happened { ignored: Some(reason), .. } => {
            view.ignored = Some(reason);
            return Ok(HttpResponse::Ok().json(view));
        }
        Told::Happened { happening, ignored: None } => happening,
    };
    for armed in armed(&api).await? {
        let trigger = armed.trigger.name().to_string();
        match would_build(&api.webhooks, &armed, &happening) {
            Ok(build) => view.builds.push(build),
            Err(reason) => view.passed_by.push(PassedByView { trigger, reason }),
        }
    }
    Ok(HttpResponse::Ok().json(view))
}

fn would_build(
    webhooks: &Webhooks,
    armed: &Armed,
    happening: &Happening,
) -> Result<WouldBuild, String> {
    let decided = armed.trigger.decide(happening).map_err(|passed_by| passed_by.to_string())?;
    if armed.secret(webhooks).is_none() {
        return Err(format!(
            "no delivery can be signed for it: it has no secret, and webhooks.{}_secret is not set",
            armed.trigger.forge().as_str()
        ));
    }
    let spec = decided.build.parse().map_err(|error: FieldError| error.to_string())?;
    let mut image = spec.image.to_string();
    // A source holds no secret.
    let mut source = serde_json::to_value(&spec.source).unwrap_or_default();
    if let Some(commit) = happening.commit.as_ref().filter(|commit| commit.as_str() == UNTOLD) {
        image = image.replace(UNTOLD, "{sha}").replace(commit.short(), "{short_sha}");
        if source["ref"] == UNTOLD {
            source["ref"] = "{sha}".into();
        }
    }
    Ok(WouldBuild {
        trigger: armed.trigger.name().to_string(),
        image,
        source,
        project: spec.project.to_string(),
        supersede_key: spec.supersede_key,
        with_token: decided.trusted && armed.secrets.token.is_some(),
    })
}

fn told(asked: DryRun) -> Result<Told, Error> {
    let forge = triggers::forge(&asked.forge)?;
    let event = asked.event.as_deref();
    match &asked.delivery {
        Some(delivery) => {
            if asked.repository.is_some() || asked.r#ref.is_some() || asked.commit.is_some() {
                let message = "is given beside fields that it has itself";
                return Err(FieldError::new("delivery", message).into());
            }
            let usual = match forge {
                Forge::Github | Forge::Gitea => "push",
                Forge::Gitlab => "Push Hook",
            };
            if !delivery.is_object() {
                return Err(FieldError::new("delivery", "must be an object")
                    .hint("copy the body of a delivery from the forge's page")
                    .into());
            }
            let told = read(forge, event.unwrap_or(usual), delivery.to_string().as_bytes());
            told.map_err(|error| {
                let Error::Field(error) = error else { return error };
                let field = format!("delivery.{}", error.field);
                FieldError { field, ..error }.into()
            })
        }
        None => Ok(Told::Happened { happening: happening(forge, asked)?, ignored: None }),
    }
}

fn happening(forge: Forge, asked: DryRun) -> Result<Happening, FieldError> {
    let missing = |field: &str| FieldError::new(field, "is missing");
    let repository = asked.repository.as_deref().ok_or_else(|| missing("repository"))?;
    let reference = asked.r#ref.ok_or_else(|| missing("ref"))?;
    let short = |kind: &str| reference.strip_prefix(kind).unwrap_or(&reference).to_owned();
    let what = match asked.event.as_deref().unwrap_or("push") {
        "push" if reference.starts_with("refs/") => What::pushed(&reference)?,
        "push" => What::Branch { branch: reference.clone() },
        "release" => What::Release { tag: short("refs/tags/") },
        "pull_request" => What::PullRequest {
            number: asked.number.unwrap_or(1),
            into: short("refs/heads/"),
            fork: asked.fork,
        },
        _ => {
            return Err(FieldError::new("event", "is none that triggers are for")
                .hint("it can be push, release or pull_request"));
        }
    };
    let is_release = matches!(what, What::Release { .. });
    let commit = match asked.commit.as_deref() {
        Some(commit) => Some(CommitId::parse(commit)?),
        None if is_release => None,
        None => Some(CommitId::parse(UNTOLD)?),
    };
    Ok(Happening { forge, repository: RepositoryName::parse(repository)?, what, commit })
}
