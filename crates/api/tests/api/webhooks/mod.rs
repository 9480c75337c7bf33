//! Deliveries of forges: signed, taken in once, worked off, and all that can be wrong with them.

mod outcomes;
mod refused;

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sha2::Sha256;
use slipway_api::webhooks::{ForgeSecrets, Webhooks, work_one};
use slipway_domain::{Forge, TriggerDefinition, TriggerEvent, TriggerSecrets};

use crate::server::{Answer, Server, answer};

const SECRET: &str = "hunter2";
const PUSH: &str = include_str!("../../data/github/push.json");
const COMMIT: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn hmac(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn definition() -> TriggerDefinition {
    TriggerDefinition {
        events: TriggerEvent::ALL.to_vec(),
        ..TriggerDefinition::new(
            "all",
            Forge::Github,
            "**",
            "r.example/{owner}/{repo}:{tag|branch|pr}",
        )
    }
}

/// A server whose settings have these triggers, each with a secret or the forge's, and a token.
async fn server(triggers: Vec<(TriggerDefinition, Option<&str>)>) -> Server {
    let armed = |(definition, secret): (TriggerDefinition, Option<&str>)| {
        let secret = secret.map(|secret| secret.to_owned().into());
        let secrets = TriggerSecrets { secret, token: Some("t0ken".to_owned().into()) };
        (definition.parse().unwrap(), secrets)
    };
    let of_all = || Some(SECRET.to_owned().into());
    Server::with_webhooks(Webhooks {
        triggers: Arc::new(triggers.into_iter().map(armed).collect()),
        secrets: ForgeSecrets { github: of_all(), gitea: of_all(), gitlab: of_all() },
        github_api: Some("https://api.github.com".into()),
        ..Webhooks::default()
    })
    .await
}

/// A delivery of GitHub that is signed with `secret`.
fn signed(server: &Server, secret: &str, event: &str, id: &str, body: &str) -> RequestBuilder {
    server
        .request(Method::POST, "/webhooks/github")
        .header("Content-Type", "application/json")
        .header("X-GitHub-Event", event)
        .header("X-GitHub-Delivery", id)
        .header("X-Hub-Signature-256", format!("sha256={}", hmac(secret, body.as_bytes())))
        .body(body.to_owned())
}

async fn deliver(server: &Server, event: &str, id: &str, body: &str) -> Answer {
    answer(signed(server, SECRET, event, id, body)).await
}

async fn worked(server: &Server) -> Value {
    while work_one(&server.api).await.unwrap() {}
    server.get("/api/v2/triggers/deliveries").await.json()["deliveries"].clone()
}

async fn builds(server: &Server) -> Vec<Value> {
    server.get("/api/v2/builds").await.json()["builds"].as_array().unwrap().clone()
}
