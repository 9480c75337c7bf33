//! `followers` of a request, and `GET /api/v2/builds/{id}/followers`.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, FollowerKindName, FollowerList, FollowerRequest, FollowerView};
use slipway_domain::{
    BuildId, FieldError, Follower, FollowerAddress, FollowerForm, FollowerKind, MAX_FOLLOWERS,
};
use slipway_follow::push::SigningKey;
use slipway_store::followers::{self, Enrolled, FollowerState};

use super::path;
use crate::Api;
use crate::error::Error;
use crate::params::Params;

/// Show who is told of a build
///
/// In the order of the request. Addresses are shown without login and query.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}/followers", tag = "followers",
    operation_id = "list_followers",
    params(("id" = Uuid, Path, description = "The build's id")),
    responses(
        (status = 200, description = "Its followers", body = FollowerList),
        (status = 404, description = "There is no such build", body = ErrorView),
    )
)]
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let build = path::build(&req, &api).await?;
    let followers = followers::of_build(&api.store, build.id).await?;
    let followers = followers.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(FollowerList { followers }))
}

/// The followers of a build for another that repeats it.
pub(super) async fn again(api: &Api, build: BuildId) -> Result<Vec<Follower>, Error> {
    let kept = followers::opened(&api.store, build).await?;
    kept.into_iter().map(|(_, follower)| follower.ok_or(Error::FollowersErased)).collect()
}

fn view(follower: Enrolled) -> FollowerView {
    let is_waiting = follower.state == FollowerState::Waiting;
    FollowerView {
        id: follower.id.as_uuid(),
        kind: match follower.kind {
            FollowerKind::Status => FollowerKindName::Status,
            FollowerKind::Logs => FollowerKindName::Logs,
        },
        url: follower.address,
        transport: follower.transport.as_str().to_owned(),
        form: match follower.form {
            FollowerForm::Native => "native",
            FollowerForm::Buildshuttle { .. } => "buildshuttle",
            FollowerForm::Callback { .. } => "callback",
            FollowerForm::CommitStatus { .. } => "commit_status",
        }
        .to_owned(),
        state: follower.state.as_str().to_owned(),
        problem: follower.why,
        told_seq: follower.told_seq,
        attempts: follower.attempts,
        next_attempt_at: is_waiting.then_some(follower.due_at),
        ended_at: follower.ended_at,
        can_resend: follower.is_sealed && follower.kind == FollowerKind::Status,
    }
}

/// Reads followers as they came. Errors name `followers[1].url`.
pub(super) fn read(asked: Vec<FollowerRequest>) -> Result<Vec<Follower>, FieldError> {
    if asked.len() > MAX_FOLLOWERS {
        return Err(FieldError::new("followers", format!("are more than {MAX_FOLLOWERS}")));
    }
    asked.into_iter().enumerate().map(|(place, asked)| one(place, asked)).collect()
}

fn one(place: usize, asked: FollowerRequest) -> Result<Follower, FieldError> {
    let field = format!("followers[{place}].url");
    let (address, authorization) = FollowerAddress::parse(&field, asked.url.expose())?;
    let kind = match asked.kind {
        FollowerKindName::Status => FollowerKind::Status,
        FollowerKindName::Logs => FollowerKind::Logs,
    };
    if let Some(key) = &asked.secret {
        let refuse = |problem: &str| FieldError::new(format!("followers[{place}].secret"), problem);
        if kind != FollowerKind::Status || !matches!(address, FollowerAddress::Http { .. }) {
            return Err(refuse("signs only what is sent to a follower of kind status over http"));
        }
        SigningKey::parse(key).map_err(|error| refuse(&error.to_string()))?;
    }
    Ok(Follower {
        kind,
        form: FollowerForm::Native,
        address,
        authorization,
        signing_key: asked.secret,
    })
}
