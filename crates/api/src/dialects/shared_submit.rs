//! `POST /api/v1/build`, which two older services have in common: boatyard, and the templates'
//! service, which takes a second form for repositories. What the body has in it tells whose it
//! is. A body that is no JSON object, or is a form, is boatyard's.

use std::borrow::Cow;
use std::fmt;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::boatyard::{self, Brought};
use super::templates;
use crate::{Api, body};

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Boatyard,
    Templates,
    Repositories,
}

/// Reads the body and hands it over.
pub(crate) async fn submit(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> HttpResponse {
    if boatyard::is_multipart(&req) {
        return answered(boatyard::submit(&req, &api, Brought::Form(payload)).await);
    }
    // The largest that any of them takes: one may hold an archive in base64.
    let body = match body::read(&req, payload, api.limits.boatyard_body_bytes).await {
        Ok(body) => body,
        Err(error) => return boatyard::refuse(&error),
    };
    match owner(&body) {
        Owner::Boatyard => answered(boatyard::submit(&req, &api, Brought::Json(body)).await),
        Owner::Templates => answered(templates::submit(&req, &api, &body).await),
        Owner::Repositories => answered(templates::submit_repository(&req, &api, &body).await),
    }
}

fn answered<E: actix_web::ResponseError>(result: Result<HttpResponse, E>) -> HttpResponse {
    result.unwrap_or_else(|refusal| refusal.error_response())
}

fn owner(body: &[u8]) -> Owner {
    match serde_json::from_slice(body) {
        Ok(Keys { model_version: true, .. }) => Owner::Templates,
        Ok(Keys { repourl: true, .. }) => Owner::Repositories,
        // Without an image boatyard can only refuse, and in words that this sender does not know.
        Ok(Keys { image_name: false, of_templates: true, .. }) => Owner::Templates,
        Ok(Keys { .. }) | Err(_) => Owner::Boatyard,
    }
}

/// Which keys an object has.
#[derive(Debug, Default)]
struct Keys {
    model_version: bool,
    repourl: bool,
    image_name: bool,
    /// One of the others that the templates' service requires.
    of_templates: bool,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    map.next_value::<IgnoredAny>()?;
                    match key.as_ref() {
                        "model_version" => keys.model_version = true,
                        "repourl" => keys.repourl = true,
                        "version" | "name" | "tag" => keys.of_templates = true,
                        key => keys.image_name |= key.eq_ignore_ascii_case("image_name"),
                    }
                }
                Ok(keys)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_what_is_in_it() {
        for (body, expected) in [
            (r#"{"model_version": "nodejs"}"#, Owner::Templates),
            (r#"{"model_version": null, "repourl": "x", "image_name": "a"}"#, Owner::Templates),
            (r#"{"version": "1", "name": "a", "tag": "b"}"#, Owner::Templates),
            (r#"{"image_name": "a", "repourl": "x"}"#, Owner::Repositories),
            (r#"{"repourl": ""}"#, Owner::Repositories),
            (r#"{"image_name": "a", "dockerfile": "FROM x", "tag": "b"}"#, Owner::Boatyard),
            (r#"{"Image_Name": "a", "version": "1"}"#, Owner::Boatyard),
            (r#"{"dockerfile": "FROM x"}"#, Owner::Boatyard),
            ("{}", Owner::Boatyard),
            (r#"[{"model_version": "nodejs"}]"#, Owner::Boatyard),
            (r#"{"model_version": "nodejs""#, Owner::Boatyard),
            ("", Owner::Boatyard),
        ] {
            assert_eq!(owner(body.as_bytes()), expected, "{body}");
        }
    }
}
