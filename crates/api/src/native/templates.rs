//! `GET /api/v2/templates`.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, TemplateList, TemplateView};

use crate::Api;
use crate::error::Error;
use crate::params::Params;
use crate::templates::Template;

/// List templates
///
/// What a build can name as its source, `{"type": "template", "name": …}`, without bringing one.
#[utoipa::path(
    get, path = "/api/v2/templates", tag = "templates", operation_id = "list_templates",
    responses(
        (status = 200, description = "All of them, by name", body = TemplateList),
        (status = 400, description = "There are no parameters", body = ErrorView),
    )
)]
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let templates = api.templates.all().map(view).collect();
    Ok(HttpResponse::Ok().json(TemplateList { templates }))
}

fn view(template: &Template) -> TemplateView {
    TemplateView {
        name: template.name.to_string(),
        description: template.description.clone(),
        base_image: template.base_image.to_string(),
        port: template.port,
        files: template.files.keys().cloned().collect(),
    }
}
