//! What an accepted request should better not have, told with the answer.

use slipway_api_types::WarningView;
use slipway_domain::{BuildSpec, Secret, SecretId, Secrets};

use crate::templates::{CARRIER, ENVIRONMENT};

/// Shorter values are not masked.
const SHORTEST_MASKED: usize = 4;
/// Shorter values are likely to be the same as words that have nothing to do with them.
const SHORTEST_SURE: usize = 8;

/// Warnings about a request, by its fields.
pub(crate) fn of(spec: &BuildSpec, secrets: &Secrets) -> Vec<WarningView> {
    let args = spec.args_like_secrets().map(|name| match name.strip_prefix(CARRIER) {
        Some(name) => in_the_environment(name),
        None => in_an_argument(name),
    });
    args.chain(secrets.build.iter().filter_map(too_short)).collect()
}

fn in_an_argument(name: &str) -> WarningView {
    WarningView {
        field: format!("args.{name}"),
        message: "looks like a secret; build arguments stay in the image's history, for everybody \
                  who can pull it"
            .to_owned(),
        hint: Some(format!(
            "send it in secrets, and read it in the Dockerfile with RUN \
             --mount=type=secret,id={name}"
        )),
    }
}

/// The environment of a template.
fn in_the_environment(name: &str) -> WarningView {
    WarningView {
        field: format!("{ENVIRONMENT}.{name}"),
        message: "looks like a secret; the environment stays in the image, for everybody who can \
                  pull it"
            .to_owned(),
        hint: Some("give it to the container when it starts".to_owned()),
    }
}

fn too_short((id, secret): (&SecretId, &Secret)) -> Option<WarningView> {
    let message = match secret.expose().chars().count() {
        0 => "is empty",
        1..SHORTEST_MASKED => "is too short to be masked in the log",
        SHORTEST_MASKED..SHORTEST_SURE => {
            "is short: the log has *** wherever the same characters are printed, also where they \
             mean something else"
        }
        _ => return None,
    };
    Some(WarningView { field: format!("secrets.{id}"), message: message.to_owned(), hint: None })
}
