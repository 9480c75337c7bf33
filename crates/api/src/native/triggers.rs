//! `/api/v2/triggers`: what is built when something happens at a forge.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, TriggerList, TriggerRequest, TriggerView};
use slipway_domain::{
    FieldError, Forge, Secret, Trigger, TriggerDefinition, TriggerEvent, TriggerId, TriggerSecrets,
    check_arg_names,
};
use slipway_store::triggers::{self, Kept, Named, Written};
use uuid::Uuid;

use crate::error::Error;
use crate::webhooks::{Armed, armed};
use crate::{Api, body, json};

/// List the triggers
///
/// Those of the settings file, then those of the database by name. Secrets and tokens are never
/// shown.
#[utoipa::path(
    get, path = "/api/v2/triggers", tag = "triggers", operation_id = "list_triggers",
    responses((status = 200, description = "The triggers", body = TriggerList))
)]
pub(crate) async fn list(api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let triggers = armed(&api).await?.iter().map(view).collect();
    Ok(HttpResponse::Ok().json(TriggerList { triggers }))
}

/// Make a trigger
///
/// Holds from the next delivery on.
#[utoipa::path(
    post, path = "/api/v2/triggers", tag = "triggers", operation_id = "make_trigger",
    request_body = TriggerRequest,
    responses(
        (status = 201, description = "It is kept", body = TriggerView,
            headers(("Location" = String, description = "Path of the trigger"))),
        (status = 400, description = "The body is wrong; `field` says where", body = ErrorView),
        (status = 409, description = "Another one has its name", body = ErrorView),
    )
)]
pub(crate) async fn make(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let mut asked: TriggerRequest = json::parse(&body)?;
    let secrets = secrets(&mut asked, TriggerSecrets::default())?;
    let trigger = definition(asked)?.parse()?;
    refuse_if_set(&api, trigger.name().as_str(), Error::TriggerNamed)?;
    let id = TriggerId::generate();
    match triggers::insert(&api.store, id, &trigger, &secrets, api.store.now()).await? {
        Written::Kept => {}
        Written::NameTaken | Written::Gone => {
            return Err(Error::TriggerNamed(trigger.name().to_string()));
        }
    }
    let place = format!("/api/v2/triggers/{id}");
    let view = view(&kept(&api, Named::Id(id), &id.to_string()).await?);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(view))
}

/// Show a trigger
#[utoipa::path(
    get, path = "/api/v2/triggers/{name}", tag = "triggers", operation_id = "show_trigger",
    params(("name" = String, Path, description = "Its name or id")),
    responses(
        (status = 200, description = "The trigger", body = TriggerView),
        (status = 404, description = "There is no such trigger", body = ErrorView),
    )
)]
pub(crate) async fn one(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let text = req.match_info().query("name");
    let set = api.webhooks.triggers.iter().find(|(trigger, _)| trigger.name().as_str() == text);
    let found = match set {
        Some(set) => Armed::set(set),
        None => kept(&api, named(text), text).await?,
    };
    Ok(HttpResponse::Ok().json(view(&found)))
}

/// Change a trigger
///
/// The body is the whole trigger, but for `secret` and `token`, which stay where they are left
/// out. Triggers of the settings file are changed there.
#[utoipa::path(
    put, path = "/api/v2/triggers/{name}", tag = "triggers", operation_id = "change_trigger",
    params(("name" = String, Path, description = "Its name or id")),
    request_body = TriggerRequest,
    responses(
        (status = 200, description = "As it is now", body = TriggerView),
        (status = 400, description = "The body is wrong; `field` says where", body = ErrorView),
        (status = 404, description = "There is no such trigger", body = ErrorView),
        (status = 409, description = "It is in the settings file, or another one has its name",
            body = ErrorView),
    )
)]
pub(crate) async fn change(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let text = req.match_info().query("name");
    refuse_if_set(&api, text, Error::TriggerInSettings)?;
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let mut asked: TriggerRequest = json::parse(&body)?;
    let (id, before) = match kept(&api, named(text), text).await? {
        Armed { row: Some(row), secrets, .. } => (row.id, secrets),
        Armed { .. } => return Err(Error::NoSuchTrigger(text.to_owned())),
    };
    let secrets = secrets(&mut asked, before)?;
    let trigger = definition(asked)?.parse()?;
    refuse_if_set(&api, trigger.name().as_str(), Error::TriggerNamed)?;
    match triggers::update(&api.store, id, &trigger, &secrets, api.store.now()).await? {
        Written::Kept => {}
        Written::NameTaken => return Err(Error::TriggerNamed(trigger.name().to_string())),
        Written::Gone => return Err(Error::NoSuchTrigger(text.to_owned())),
    }
    let view = view(&kept(&api, Named::Id(id), text).await?);
    Ok(HttpResponse::Ok().json(view))
}

/// Remove a trigger
///
/// What it has submitted goes on.
#[utoipa::path(
    delete, path = "/api/v2/triggers/{name}", tag = "triggers", operation_id = "remove_trigger",
    params(("name" = String, Path, description = "Its name or id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such trigger", body = ErrorView),
        (status = 409, description = "It is in the settings file", body = ErrorView),
    )
)]
pub(crate) async fn remove(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let text = req.match_info().query("name");
    refuse_if_set(&api, text, Error::TriggerInSettings)?;
    let gone = || Error::NoSuchTrigger(text.to_owned());
    // By its id alone: one whose secrets no key opens can be removed, too.
    let id = match named(text) {
        Named::Id(id) => id,
        Named::Name(_) => kept(&api, named(text), text).await?.row.ok_or_else(gone)?.id,
    };
    match triggers::remove(&api.store, id).await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(gone()),
    }
}

fn named(text: &str) -> Named<'_> {
    match Uuid::parse_str(text) {
        Ok(id) => Named::Id(TriggerId::from_uuid(id)),
        Err(_) => Named::Name(text),
    }
}

async fn kept(api: &Api, named: Named<'_>, text: &str) -> Result<Armed, Error> {
    // PostgreSQL takes no NUL in a text, and no name has one.
    if text.contains('\0') {
        return Err(Error::NoSuchTrigger(text.replace('\0', "")));
    }
    let found = triggers::find(&api.store, named).await?;
    found.map(Armed::kept).ok_or_else(|| Error::NoSuchTrigger(text.to_owned()))
}

fn refuse_if_set(api: &Api, name: &str, error: fn(String) -> Error) -> Result<(), Error> {
    let is_set = api.webhooks.triggers.iter().any(|(trigger, _)| trigger.name().as_str() == name);
    if is_set { Err(error(name.to_owned())) } else { Ok(()) }
}

/// What is left out stays as it was.
fn secrets(
    asked: &mut TriggerRequest,
    before: TriggerSecrets,
) -> Result<TriggerSecrets, FieldError> {
    let given = |given: Option<Option<Secret>>, before| given.unwrap_or(before);
    let secret = given(asked.secret.take(), before.secret);
    let token = given(asked.token.take(), before.token);
    TriggerSecrets { secret, token }.check()
}

fn definition(asked: TriggerRequest) -> Result<TriggerDefinition, FieldError> {
    check_arg_names(&asked.args)?;
    let events = match asked.events {
        Some(words) => words.iter().map(|word| event(word)).collect::<Result<Vec<_>, _>>()?,
        None => vec![TriggerEvent::Push],
    };
    Ok(TriggerDefinition {
        name: asked.name,
        forge: forge(&asked.forge)?,
        url: asked.url,
        repository: asked.repository,
        events,
        reference: asked.r#ref,
        image: asked.image,
        dockerfile: asked.dockerfile,
        subdir: asked.subdir,
        platform: asked.platform,
        project: asked.project,
        args: asked.args,
        supersede: asked.supersede,
        forks: asked.forks,
    })
}

/// The forge that a word stands for.
pub(super) fn forge(word: &str) -> Result<Forge, FieldError> {
    let known = [Forge::Github, Forge::Gitea, Forge::Gitlab];
    known.into_iter().find(|forge| forge.as_str() == word).ok_or_else(|| {
        FieldError::new("forge", "is none that there is")
            .hint("it can be github, gitea (for Forgejo, too) or gitlab")
    })
}

fn event(word: &str) -> Result<TriggerEvent, FieldError> {
    TriggerEvent::ALL.into_iter().find(|event| event.as_str() == word).ok_or_else(|| {
        FieldError::new("events", "has one that there is not")
            .hint("they can be push, release and pull_request")
    })
}

/// A trigger as it may be shown.
fn view(armed: &Armed) -> TriggerView {
    let Armed { trigger, secrets, row } = armed;
    let definition = Trigger::definition(trigger).clone();
    let row: Option<&Kept> = row.as_deref();
    TriggerView {
        id: row.map(|row| row.id.as_uuid()),
        kept_in: if row.is_some() { "database" } else { "settings" }.into(),
        name: definition.name,
        forge: definition.forge.as_str().into(),
        url: definition.url,
        repository: definition.repository,
        events: definition.events.iter().map(|event| event.as_str().to_owned()).collect(),
        r#ref: definition.reference,
        image: definition.image,
        dockerfile: definition.dockerfile,
        subdir: definition.subdir,
        platform: definition.platform,
        project: definition.project,
        args: definition.args,
        supersede: definition.supersede,
        forks: definition.forks,
        has_secret: secrets.secret.is_some(),
        has_token: secrets.token.is_some(),
        created_at: row.map(|row| row.created_at),
        updated_at: row.map(|row| row.updated_at),
    }
}
