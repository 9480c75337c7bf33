//! What is built of a request, and what is refused.

use reqwest::Method;
use serde_json::json;
use slipway_domain::Source;

use super::{PATH, a_request, build, submit};
use crate::server::{Server, answer};
use crate::worker::Worker;

#[tokio::test]
async fn what_the_build_is_made_of() {
    let server = Server::start().await;
    let id = build(&server, json!({"files": {"app.py": "app = 1\n"}})).await;
    let native = server.get(&format!("/api/v2/builds/{id}")).await.json();
    assert_eq!(native["source"], json!({"type": "template", "name": "python-flask", "files": 2}));
    let worker = Worker::start(&server).await;
    let spec = worker.claim().await.spec;
    let Source::Dockerfile { content, files, template } = &spec.source else { panic!() };
    assert!(content.contains("ARG PIP_INDEX_URL\n"), "{content}");
    assert!(content.contains("ENV DEBUG=\"${SLIPWAY_ENV_DEBUG}\"\n"), "{content}");
    assert_eq!(files["app.py"], "app = 1\n");
    assert_eq!(template.as_ref().unwrap().as_str(), "python-flask");
    insta::assert_json_snapshot!(
        json!({"image": spec.image, "args": spec.args, "labels": spec.labels, "push": spec.push}),
        @r#"
        {
          "args": {
            "PIP_INDEX_URL": "https://pypi.example/simple",
            "SLIPWAY_ENV_DEBUG": "false"
          },
          "image": "my-app:latest",
          "labels": {
            "description": "My application",
            "model_version": "python-flask",
            "version": "1.0.0"
          },
          "push": false
        }
        "#
    );
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for field in ["model_version", "version", "name", "tag"] {
        table.push(submit(&server, json!({field: null})).await.line());
        table.push(submit(&server, json!({field: ""})).await.line());
    }
    let same = table[0].clone();
    assert_eq!(
        same,
        r#"400 {"error":"model_version, version, name, and tag are required","code":400}"#
    );
    table.dedup();
    assert_eq!(table, [same]);
    for changes in [
        json!({"model_version": "cobol"}),
        json!({"model_version": "../../etc/passwd"}),
        json!({"model_version": "python-flask/../nodejs"}),
        json!({"model_version": 5}),
        json!({"name": "My App"}),
        json!({"name": "my-app\nRUN rm -rf /"}),
        json!({"name": "../../my-app"}),
        json!({"name": "my-app:1"}),
        json!({"tag": "a b"}),
        json!({"tag": "$(id)"}),
        json!({"environment": {"A": 5}}),
        json!({"environment": {"A B": "x"}}),
        json!({"environment": {"A=\"\nRUN id": "x"}}),
        json!({"environment": {"A": "x\0"}}),
        json!({"environment": "A=B"}),
        json!({"build_args": {"A$B": "x"}}),
        json!({"build_args": {"SLIPWAY_ENV_A": "x"}}),
        json!({"description": "x".repeat(70_000)}),
        json!({"files": {"../app.py": ""}}),
        json!({"files": {"Dockerfile": "FROM scratch"}}),
    ] {
        table.push(submit(&server, changes).await.line());
    }
    for (method, path) in [
        (Method::GET, "/api/v1/build/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status"),
        (Method::GET, "/api/v1/build/..%2f..%2fx/status"),
        (Method::POST, "/api/v1/builds"),
        (Method::DELETE, "/api/v1"),
        (Method::GET, "/api/v1/build/x/nothing"),
        (Method::GET, "/api/v1/builds?limit=0"),
        (Method::GET, "/api/v1/builds?offset=-1"),
    ] {
        let refused = answer(server.request(method.clone(), path)).await;
        table.push(format!("{method} {path}: {} {}", refused.header("allow"), refused.line()));
    }
    insta::assert_snapshot!(table[1..].join("\n"), @r#"
    400 {"error":"unknown model_version \"cobol\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"unknown model_version \"../../etc/passwd\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"unknown model_version \"python-flask/../nodejs\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"model_version: must be a string, not an integer","code":400}
    400 {"error":"name: has capitals in \"My App\"; repositories are lower-case","code":400}
    400 {"error":"name: has \"my-app\\nRUN rm -rf \" for a registry, which is no host or host:port","code":400}
    400 {"error":"name: has \"..\" for a registry, which is no host or host:port","code":400}
    400 {"error":"name: has a tag or digest in it; the tag has a field of its own","code":400}
    400 {"error":"tag: has the tag \"a b\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"tag: has the tag \"$(id)\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"environment.A: must be a string, not an integer","code":400}
    400 {"error":"environment: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"environment: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"environment.A: holds a NUL","code":400}
    400 {"error":"environment: must be an object, not a string","code":400}
    400 {"error":"build_args: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"build_args: has a name that begins with SLIPWAY_ENV_, which templates need","code":400}
    400 {"error":"description: is larger than 64 KiB","code":400}
    400 {"error":"files: has \"../app.py\", which leaves the build context","code":400}
    400 {"error":"files: has a Dockerfile, and so has the template","code":400,"details":"build a Dockerfile of your own as a source of type dockerfile"}
    GET /api/v1/build/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status:  404 {"error":"Build not found","code":404,"details":"build not found"}
    GET /api/v1/build/..%2f..%2fx/status:  404 {"error":"Build not found","code":404,"details":"build not found"}
    POST /api/v1/builds: GET, HEAD 405 {"error":"this path does not know the method","code":405,"details":"this path takes GET, HEAD; see /docs"}
    DELETE /api/v1: GET, HEAD 405 {"error":"this path does not know the method","code":405,"details":"this path takes GET, HEAD; see /docs"}
    GET /api/v1/build/x/nothing:  404 {"error":"there is nothing at this path","code":404,"details":"see /docs for the paths there are"}
    GET /api/v1/builds?limit=0:  400 {"error":"limit: must be 1 to 200","code":400}
    GET /api/v1/builds?offset=-1:  400 {"error":"offset: must be a whole number that is not negative","code":400}
    "#);
}

#[tokio::test]
async fn bodies_as_they_come() {
    let server = Server::start().await;
    let as_a_form = server
        .request(Method::POST, PATH)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(a_request(json!({"unknown": [1]})).to_string());
    assert_eq!(answer(as_a_form).await.status, 200);
    // Values that would end a line, a quote or a word in a Dockerfile are values.
    let odd = json!({
        "environment": {"A": "\"\nRUN touch /owned\n$(id) ${PATH} \\ `id` '"},
        "description": "it's \"quoted\"\nRUN id", "version": "${PATH}",
    });
    let id = build(&server, odd.clone()).await;
    let worker = Worker::start(&server).await;
    worker.claim().await;
    let spec = worker.claim().await.spec;
    assert_eq!(spec.args["SLIPWAY_ENV_A"], odd["environment"]["A"]);
    assert_eq!(spec.labels["description"], odd["description"]);
    let Source::Dockerfile { content, .. } = &spec.source else { panic!() };
    assert!(!content.contains("owned") && !content.contains("RUN id"), "{content}");
    assert_eq!(server.get(&format!("/api/v1/build/{id}/status")).await.status, 200);

    let large = submit(&server, json!({"description": "x".repeat(20 << 20)})).await;
    // Malformed, it could be anybody's: boatyard's envelope.
    let cut = server.post(PATH, r#"{"model_version": "nodejs""#).await;
    insta::assert_snapshot!([large.line(), cut.line()].join("\n"), @r#"
    413 {"error":"the body is larger than 2097152 bytes","code":413,"details":"give a large build context by its address, or as an upload (POST /api/v2/uploads)"}
    400 {"Error":"the body is no JSON object: line 1, column 26: it ends before its end"}
    "#);
}
