//! What is to be built, of the parameters of a request.
//!
//! There are two forms. In the older one `dockerfile` is a Dockerfile in base64. In the later
//! one, which `mode` tells, that is `context`, and `dockerfile` the path of it.

use slipway_domain::{
    BuildSpecDraft, FieldError, ImageRef, RegistryHost, Secrets, Source, SourceSecrets,
};

use super::fields::Fields;
use super::{base64, engine_options, field, remote};
use crate::error::Error;
use crate::intake::Order;
use crate::native::source;

/// A source, where the Dockerfile is in it, and which parameter it came from.
struct Chosen {
    source: Source,
    secrets: SourceSecrets,
    dockerfile: Option<String>,
    parameter: &'static str,
}

/// Checks a request.
///
/// # Errors
/// Names the parameter that is missing or wrong.
pub(super) fn order(fields: &Fields, registry: Option<&RegistryHost>) -> Result<Order, Error> {
    let image = image(fields, registry)?;
    engine_options::without_effect(fields)?;
    let resources = engine_options::resources(fields)?;
    let (no_cache, pull) = (fields.flag("nocache")?, fields.flag("pull")?);
    let Chosen { source, secrets, dockerfile, parameter } = choose(fields)?;
    let draft = BuildSpecDraft {
        dockerfile,
        no_cache,
        pull,
        resources,
        ..BuildSpecDraft::new(image, source)
    };
    let secrets = Secrets { source: secrets, ..Secrets::default() };
    Order::check(draft, secrets).map_err(|error| spelled(error, parameter))
}

fn image(fields: &Fields, registry: Option<&RegistryHost>) -> Result<String, FieldError> {
    const NAME: &str = "imagename";
    let text = fields.get(NAME).ok_or_else(|| field(NAME, "is missing"))?;
    let image = match registry {
        Some(registry) => ImageRef::parse_in(registry, text),
        None => ImageRef::parse(text),
    };
    image.map(String::from).map_err(|error| field(NAME, error.to_string()))
}

fn choose(fields: &Fields) -> Result<Chosen, Error> {
    let path = fields.get("dockerfile").map(str::to_owned);
    let mode = fields.get("mode");
    if let Some(mode) = mode
        && !matches!(mode, "dockerfile" | "archive")
    {
        return Err(field("mode", "must be dockerfile or archive").into());
    }
    if let Some(address) = fields.get("remoteurl") {
        if mode.is_none() && path.is_some() {
            return Err(field("remoteurl", "is given beside a dockerfile; give one of them")
                .hint("with mode=archive, dockerfile is a path in what remoteurl names")
                .into());
        }
        // An engine that is given both does not look at the context.
        return fetched("remoteurl", remote::source("remoteurl", address)?, path);
    }
    match mode {
        Some("archive") => {
            let address = fields.get("context").ok_or_else(|| field("context", "is missing"))?;
            fetched("context", remote::archive(address), path)
        }
        Some(_) => inline(fields, "context", path),
        None => inline(fields, "dockerfile", None),
    }
}

fn inline(fields: &Fields, name: &'static str, path: Option<String>) -> Result<Chosen, Error> {
    let text = fields.get(name).ok_or_else(|| field(name, "is missing"))?;
    let source = Source::dockerfile(base64::text(name, text)?);
    Ok(Chosen { source, secrets: SourceSecrets::default(), dockerfile: path, parameter: name })
}

fn fetched(
    name: &'static str,
    asked: slipway_api_types::SourceRequest,
    path: Option<String>,
) -> Result<Chosen, Error> {
    let (source, secrets) = source::read(asked).map_err(|error| spelled(error.into(), name))?;
    Ok(Chosen { source, secrets, dockerfile: path, parameter: name })
}

/// An error by the name that its field has here.
fn spelled(error: Error, source: &'static str) -> Error {
    let Error::Field(mut error) = error else { return error };
    let name = match error.field.as_str() {
        "image" => Some("imagename"),
        field if field.starts_with("source.") => Some(source),
        field => engine_options::spelled(field),
    };
    if let Some(name) = name {
        error.field = name.to_owned();
        // The native API's names.
        error.hint = error.hint.filter(|hint| !hint.contains("source."));
    }
    error.into()
}
