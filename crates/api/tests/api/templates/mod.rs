//! The templates' service, with the requests that its clients send.

mod native;
mod neighbours;
mod polling;
mod repository;
mod requests;

use serde_json::{Value, json};
use slipway_api::{TemplateRegistry, TemplateSettings};

use crate::server::{Answer, Server};

const PATH: &str = "/api/v1/build";

fn with_registry(registry: &str) -> TemplateSettings {
    let registry = Some(TemplateRegistry::parse(registry).unwrap());
    TemplateSettings { registry, ..TemplateSettings::default() }
}

/// A request as the service's documents show it, with changes; null takes a field away.
fn a_request(changes: Value) -> Value {
    let mut request = json!({
        "model_version": "python-flask", "version": "1.0.0", "name": "my-app", "tag": "latest",
        "description": "My application", "environment": {"DEBUG": "false"},
        "build_args": {"PIP_INDEX_URL": "https://pypi.example/simple"},
    });
    let fields = request.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    request
}

async fn submit(server: &Server, changes: Value) -> Answer {
    server.post(PATH, a_request(changes).to_string()).await
}

async fn build(server: &Server, changes: Value) -> String {
    let accepted = submit(server, changes).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    accepted.json()["build_id"].as_str().unwrap().to_owned()
}

/// With ids and times taken out: those differ each time.
fn masked(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    mask(&mut value);
    value.to_string()
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &*value) {
                    ("build_id", _) => *value = "[id]".into(),
                    ("started_at" | "completed_at", Value::String(_)) => *value = "[time]".into(),
                    _ => mask(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
