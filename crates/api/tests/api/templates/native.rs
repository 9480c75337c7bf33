//! Templates by the native API, and those of the operator.

use serde_json::{Value, json};
use slipway_api::TemplateSettings;

use super::{build, submit};
use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn by_the_native_api() {
    let server = Server::start().await;
    let list = server.get("/api/v2/templates").await;
    assert_eq!(list.status, 200);
    insta::assert_json_snapshot!(list.json()["templates"][2], @r#"
    {
      "base_image": "python:3.11-slim",
      "description": "A web application with Flask: app.py has the variable app, gunicorn serves it",
      "files": [
        "app.py",
        "requirements.txt"
      ],
      "name": "python-flask",
      "port": 5000
    }
    "#);

    let from = |source: Value| json!({"source": source, "args": {"X": "1"}});
    let path = server
        .submitted(from(json!({
            "type": "template", "name": "nodejs", "environment": {"A": "b"},
            "files": {"server.js": "// mine\n", "lib/a.js": ""},
        })))
        .await;
    let shown = server.get(&path).await.json();
    assert_eq!(shown["source"], json!({"type": "template", "name": "nodejs", "files": 3}));
    let worker = Worker::start(&server).await;
    let spec = worker.claim().await.spec;
    assert_eq!(spec.args, [("SLIPWAY_ENV_A".into(), "b".into()), ("X".into(), "1".into())].into());

    let mut table = Vec::new();
    for source in [
        json!({"type": "template"}),
        json!({"type": "template", "name": "cobol"}),
        json!({"type": "template", "name": "../nodejs"}),
        json!({"type": "template", "name": "nodejs", "content": "FROM scratch"}),
        json!({"type": "template", "name": "nodejs", "environment": {"A": 1}}),
        json!({"type": "template", "name": "nodejs", "environment": {"1A": ""}}),
        json!({"type": "template", "name": "nodejs", "files": {"a/../../b": ""}}),
    ] {
        table.push(server.submit(from(source)).await.line());
    }
    let secret = json!({"type": "template", "name": "nodejs", "environment": {"DB_PASSWORD": "x"}});
    table.push(server.submit(from(secret)).await.json()["warnings"].to_string());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"is missing","field":"source.name"}}
    400 {"error":{"code":"invalid_field","message":"is no template","field":"source.name","hint":"the templates are nodejs, python-fastapi, python-flask"}}
    400 {"error":{"code":"invalid_field","message":"is no template","field":"source.name","hint":"the templates are nodejs, python-fastapi, python-flask"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"source.content","hint":"the fields are type, name, environment, files"}}
    400 {"error":{"code":"invalid_field","message":"must be a string, not an integer","field":"source.environment.A"}}
    400 {"error":{"code":"invalid_field","message":"has a name that is none of a variable","field":"source.environment","hint":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}}
    400 {"error":{"code":"invalid_field","message":"has \"a/../../b\", which leaves the build context","field":"source.files"}}
    [{"field":"source.environment.DB_PASSWORD","hint":"give it to the container when it starts","message":"looks like a secret; the environment stays in the image, for everybody who can pull it"}]
    "#);
}

#[tokio::test]
async fn a_template_of_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    std::fs::create_dir_all(shell.join("context")).unwrap();
    let manifest = "description = \"A script\"\nbase_image = \"debian:12\"\n";
    std::fs::write(shell.join("template.toml"), manifest).unwrap();
    let dockerfile = "FROM {{base_image}}\nCOPY run /\n{{environment}}\nCMD [\"/run\"]\n";
    std::fs::write(shell.join("Dockerfile"), dockerfile).unwrap();
    std::fs::write(shell.join("context/run"), "#!/bin/sh\n").unwrap();
    std::fs::create_dir(folder.path().join("broken")).unwrap();
    let settings =
        TemplateSettings { folder: Some(folder.path().to_owned()), ..TemplateSettings::default() };
    let server = Server::with_templates(&settings).await;
    let broken = server.api.templates.broken();
    assert_eq!((broken.len(), broken[0].folder.as_str()), (1, "broken"));
    let known = server.get("/api/v1").await.json()["supported_model_versions"].clone();
    assert_eq!(known, json!(["nodejs", "python-fastapi", "python-flask", "shell"]));
    build(&server, json!({"model_version": "shell"})).await;
    assert_eq!(submit(&server, json!({"model_version": "broken"})).await.status, 400);
}
