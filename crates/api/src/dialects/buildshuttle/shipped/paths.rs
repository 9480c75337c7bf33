//! What stands in a path: an application, and the number of a build.

use actix_web::HttpRequest;
use slipway_store::builds::{self, Build};
use slipway_store::names;

use super::Refusal;
use crate::dialects::buildshuttle::source::uuid;
use crate::error::Error;
use crate::{Api, request_log};

/// `{app}-{app_uuid}`.
pub(in crate::dialects::buildshuttle) struct App(String);

impl App {
    /// The first segment of a path, where it ends in a UUID.
    pub(in crate::dialects::buildshuttle) fn of(req: &HttpRequest) -> Option<Self> {
        let segment = req.match_info().query("app");
        let (app, id) = segment.split_at_checked(segment.len().checked_sub(36)?)?;
        let app = app.strip_suffix('-').filter(|app| !app.is_empty())?;
        Some(Self::new(app, uuid(id)?))
    }

    pub(super) fn new(app: &str, id: uuid::Uuid) -> Self {
        Self(format!("{app}-{id}"))
    }

    /// `{app}-{app_uuid}`, the UUID in lower case.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the numbers of its builds are.
    pub(super) fn scope(&self) -> String {
        format!("buildshuttle app {}", self.0)
    }
}

/// The build that the path names, and its number.
pub(super) async fn build(req: &HttpRequest, api: &Api) -> Result<(i64, Build), Refusal> {
    let app = App::of(req).ok_or(Refusal::NotFound)?;
    let number = req.match_info().query("build");
    let known: i64 = number.parse().map_err(|_| Refusal::NotFound)?;
    let id = names::newest(&api.store, &app.scope(), number).await.map_err(Error::from)?;
    let id = id.ok_or(Refusal::NotFound)?;
    request_log::concerns(req, id);
    let build = builds::find(&api.store, id).await.map_err(Error::from)?;
    Ok((known, build.ok_or(Refusal::NotFound)?))
}
